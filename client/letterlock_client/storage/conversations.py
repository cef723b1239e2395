"""The chats: their settings, drafts, and what the chat list shows of each.

Unread counts and last messages are computed from the messages, so they cannot drift from them. Must not know
how a message travels.
"""

from dataclasses import dataclass
from typing import Final

from letterlock.ids import AccountId, ConversationId, MessageId, account_text
from letterlock_client import models
from letterlock_client.models import Listed, Message, Standing
from letterlock_client.storage import left_out, lost_chats, messages
from letterlock_client.storage.contacts import KEPT, UNKNOWN
from letterlock_client.storage.database import Reader, Transaction
from letterlock_client.storage.left_out import Elsewhere
from letterlock_client.storage.lost_chats import LostChats

_SELECT: Final = (
    "SELECT peer, conversation.created, timer_s, muted, listed, draft, handle, standing, verified, key_changed_at,"
    " warning,"
    " (SELECT max(row) FROM message WHERE message.conversation = conversation.id),"
    " (SELECT count(*) FROM message WHERE message.conversation = conversation.id AND unread = 1),"
    " (SELECT id FROM message WHERE message.conversation = conversation.id AND unread = 1 ORDER BY row LIMIT 1)"
    " FROM conversation JOIN contact ON contact.account = conversation.peer"
)


@dataclass(frozen=True, slots=True)
class _Line:
    """One row of `_SELECT`."""

    peer: bytes
    created: int
    timer_s: int
    muted: int
    listed: str
    draft: str
    handle: str
    standing: str
    verified: int
    key_changed_at: int
    warning: str
    last: int | None
    unread: int
    first_unread: bytes | None

    def shown(self, last: Message | None, absent: "_Absent | None") -> models.Conversation:
        """This line as the chat list shows it."""
        left_out = last is None and absent is not None and absent.elsewhere.has(self.peer, self.created)
        lost = last is None and absent is not None and absent.lost.has(self.peer, self.created)
        account = AccountId(self.peer)
        contact = models.Contact(
            account=account,
            handle=self.handle,
            standing=Standing(self.standing),
            verified=bool(self.verified),
            key_changed_at=self.key_changed_at,
            warning=self.warning,
        )
        return models.Conversation(
            id=ConversationId(self.peer),
            contact=contact,
            title=self.handle or account_text(account),
            last=last,
            last_at=last.received_at if last else self.created,
            unread=self.unread,
            first_unread=None if self.first_unread is None else MessageId(self.first_unread),
            draft=self.draft,
            timer_s=self.timer_s,
            muted=bool(self.muted),
            listed=Listed(self.listed),
            muted_until=self.muted if self.muted > 1 else 0,
            left_out=left_out,
            lost=lost and not left_out,
        )


@dataclass(frozen=True, slots=True)
class _Absent:
    """What is known of chats whose messages are not here."""

    elsewhere: Elsewhere
    lost: LostChats


async def ensure(tx: Transaction, conversation: ConversationId, now: int, *, timer_s: int = 0) -> bool:
    """Make the chat with this contact if there is none; say whether it was made. The contact must exist.

    A place that a restore holds for messages is none; what is made of it gives way to the backup's record.
    """
    held = await tx.value(
        "SELECT EXISTS (SELECT 1 FROM conversation WHERE peer = ? AND change_seq = ?)", conversation, UNKNOWN
    )
    made = await tx.execute(
        "INSERT INTO conversation (peer, created, timer_s, timer_set_at) VALUES (?, ?, ?, 0)"
        " ON CONFLICT (peer) DO UPDATE SET created = excluded.created, timer_s = excluded.timer_s"
        f" WHERE change_seq IN ({UNKNOWN}, {KEPT})",
        conversation,
        now,
        timer_s,
    )
    if held:
        await tx.execute("UPDATE conversation SET change_seq = ? WHERE peer = ?", UNKNOWN, conversation)
    return made == 1


async def get(reader: Reader, conversation: ConversationId) -> models.Conversation | None:
    """One chat as the chat list shows it, or None. `online` and `typing` are False."""
    found = await _shown(reader, f"{_SELECT} WHERE peer = ?", conversation)
    return found[0] if found else None


async def every(reader: Reader, standing: Standing) -> list[models.Conversation]:
    """All chats with contacts of this standing, the one with the newest message first."""
    found = await _shown(reader, f"{_SELECT} WHERE standing = ?", standing)
    return sorted(found, key=lambda each: each.last_at, reverse=True)


async def _shown(reader: Reader, sql: str, parameter: bytes | str) -> list[models.Conversation]:
    lines = [_Line(*row) for row in await reader.all(sql, parameter)]
    last = await messages.by_rows(reader, [line.last for line in lines if line.last is not None])
    absent = None
    if any(line.last is None for line in lines):
        absent = _Absent(await left_out.elsewhere(reader), await lost_chats.load(reader))
    return [line.shown(last.get(line.last) if line.last is not None else None, absent) for line in lines]


async def timer(reader: Reader, conversation: ConversationId) -> tuple[int, int]:
    """The disappearing timer in seconds, and when it was set (for last-setter-wins); (0, 0) without a chat."""
    row = await reader.one("SELECT timer_s, timer_set_at FROM conversation WHERE peer = ?", conversation)
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def set_timer(tx: Transaction, conversation: ConversationId, seconds: int, set_at: int) -> bool:
    """Set the timer if `set_at` is not older than the present setting's; say whether it changed."""
    before = await timer(tx, conversation)
    if set_at < before[1]:
        return False
    await tx.execute(
        "UPDATE conversation SET timer_s = ?, timer_set_at = ? WHERE peer = ?", seconds, set_at, conversation
    )
    return seconds != before[0]


async def set_draft(tx: Transaction, conversation: ConversationId, text: str) -> None:
    """Keep a draft; empty forgets it."""
    await tx.execute("UPDATE conversation SET draft = ? WHERE peer = ?", text, conversation)


async def set_muted(tx: Transaction, conversation: ConversationId, muted: bool, until: int = 0) -> None:
    """Mute, until then or (0) for good, or unmute. One number holds it: 0 is not muted, 1 is for good."""
    await tx.execute(
        "UPDATE conversation SET muted = ? WHERE peer = ?", (until or 1) if muted else 0, conversation
    )


async def set_listed(tx: Transaction, conversation: ConversationId, listed: Listed) -> None:
    """Pin a chat, archive it, or neither."""
    await tx.execute("UPDATE conversation SET listed = ? WHERE peer = ?", listed.value, conversation)


async def mark_read(
    tx: Transaction, conversation: ConversationId, up_to: MessageId, now: int
) -> list[MessageId]:
    """Mark incoming messages up to and with this one as read and start their timers; return the newly read."""
    rows = await tx.all(
        "SELECT row, id, timer_s > 0 AND expires_at = 0 FROM message WHERE unread = 1"
        " AND conversation = (SELECT conversation FROM message WHERE id = ?2"
        " AND conversation = (SELECT id FROM conversation WHERE peer = ?1))"
        " AND row <= (SELECT row FROM message WHERE id = ?2) ORDER BY row",
        conversation,
        up_to,
    )
    await tx.many("UPDATE message SET unread = 0 WHERE row = ?", [(row,) for row, _, _ in rows])
    await tx.many(
        "UPDATE message SET expires_at = ? + timer_s * 1000 WHERE row = ?",
        [(now, row) for row, _, has_timer in rows if has_timer],
    )
    return [MessageId(id_) for _, id_, _ in rows]


async def delete(tx: Transaction, conversation: ConversationId) -> list[str]:
    """Delete a chat with all its messages; return paths of files that the caller deletes after the commit."""
    paths = await tx.all(
        "SELECT path FROM attachment JOIN message ON message.row = attachment.message"
        " WHERE path <> '' AND message.conversation = (SELECT id FROM conversation WHERE peer = ?)",
        conversation,
    )
    await tx.execute("DELETE FROM conversation WHERE peer = ?", conversation)
    return [path for (path,) in paths]
