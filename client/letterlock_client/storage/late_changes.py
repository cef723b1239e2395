"""What came, or was done, about messages that a restore has not brought back yet: kept until they are here.

Must not know what a payload says.
"""

from dataclasses import dataclass, field
from typing import Final

from letterlock.ids import AccountId, ConversationId, MessageId
from letterlock_client.storage.database import Transaction

MOST_OF_ONE: Final = 2000
"""How many of one account are kept: nobody fills this disk with changes of messages that never come."""

MOST_BYTES_OF_ONE: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LateChange:
    """One change of one message, by an account."""

    target: MessageId
    account: AccountId
    payload: bytes = field(repr=False)


async def keep(tx: Transaction, change: LateChange) -> None:
    """Keep it behind those that came before; past the limits it is let go."""
    await tx.execute(
        "INSERT INTO late_change (target, account, payload) SELECT ?1, ?2, ?3 WHERE (SELECT count(*) < ?4 AND"
        " total(length(payload)) + length(?3) <= ?5 FROM late_change WHERE account = ?2)",
        change.target,
        change.account,
        change.payload,
        MOST_OF_ONE,
        MOST_BYTES_OF_ONE,
    )


async def take(tx: Transaction) -> list[LateChange]:
    """Take out those whose message is here now, in the order in which they came."""
    if await tx.one("SELECT 1 FROM late_change LIMIT 1") is None:
        return []
    rows = await tx.all(
        "SELECT sequence, target, account, payload FROM late_change"
        " WHERE target IN (SELECT id FROM message WHERE id IN (SELECT target FROM late_change)) ORDER BY sequence"
    )
    await tx.many("DELETE FROM late_change WHERE sequence = ?", [(row[0],) for row in rows])
    return [
        LateChange(MessageId(target), AccountId(account), payload) for _, target, account, payload in rows
    ]


async def note_read(tx: Transaction, conversation: ConversationId, up_to: MessageId) -> None:
    """A chat was read up to this message; never back."""
    await tx.execute(
        "INSERT INTO late_read (conversation, up_to) SELECT peer, row FROM message"
        " JOIN conversation ON conversation.id = message.conversation WHERE peer = ? AND message.id = ?"
        " ON CONFLICT (conversation) DO UPDATE SET up_to = max(up_to, excluded.up_to)",
        conversation,
        up_to,
    )


async def read(tx: Transaction) -> list[tuple[ConversationId, MessageId]]:
    """How far each chat was read while the restore was under way: the last message that is here of those."""
    rows = await tx.all(
        "SELECT late_read.conversation, message.id FROM late_read"
        " JOIN conversation ON conversation.peer = late_read.conversation"
        " JOIN message ON message.row = (SELECT max(row) FROM message AS before"
        " WHERE before.conversation = conversation.id AND before.row <= up_to)"
    )
    return [(ConversationId(conversation), MessageId(message)) for conversation, message in rows]


async def note_gone(tx: Transaction, conversation: ConversationId) -> None:
    """A chat was deleted, with the messages that are not back yet."""
    await tx.execute(
        "INSERT INTO late_gone (conversation, up_to) SELECT ?, seq FROM sqlite_sequence WHERE name = 'message'"
        " ON CONFLICT (conversation) DO UPDATE SET up_to = excluded.up_to",
        conversation,
    )


async def gone(tx: Transaction) -> dict[bytes, int]:
    """The chats that were deleted, and the last place in each that is so."""
    return dict(await tx.all("SELECT conversation, up_to FROM late_gone"))


async def forget(tx: Transaction) -> None:
    """The restore is over: what is about no message here is about none that comes."""
    await tx.execute("DELETE FROM late_change")
    await tx.execute("DELETE FROM late_read")
    await tx.execute("DELETE FROM late_gone")
