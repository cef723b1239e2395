"""Which files lie here, what they take, and where each would come from again; and letting go of our copies.

What a message says of its file stays, its keys too: only the bytes go. Must not know how files are sealed or fetched.
"""

from collections.abc import Collection
from typing import Final

from letterlock.ids import ConversationId, MessageId
from letterlock_client.models import Again, FileSum, KeptFile, TransferState
from letterlock_client.storage import words
from letterlock_client.storage.database import Reader, Transaction

LIES_HERE: Final = "here IS NOT NULL"
"""Of which files a copy lies here that may go, whole or in part; the schema says what `here` is."""

_SUMS: Final = (
    # By their names: without these indexes the sums would read every preview.
    "SELECT peer, kind, files, bytes FROM (SELECT message.conversation, kind, count(*) AS files, sum(here) AS bytes"
    " FROM message INDEXED BY message_with_file"
    " CROSS JOIN attachment INDEXED BY attachment_here ON attachment.message = message.row"
    f" WHERE {LIES_HERE} AND kind <> 'text' GROUP BY 1, 2) AS sums"
    " JOIN conversation ON conversation.id = sums.conversation"
)


async def kept(reader: Reader, now: int) -> list[KeptFile]:
    """Every file that lies here, whole or in part, the largest first; none that has still to go to the relay."""
    rows = await reader.all(
        "SELECT message.id, conversation.peer, attachment.name, media_type, here, sent_at, blob_expires,"
        " backup_media.message IS NOT NULL FROM attachment"
        " CROSS JOIN message ON message.row = attachment.message"
        " JOIN conversation ON conversation.id = message.conversation"
        " LEFT JOIN backup_media ON backup_media.message = attachment.message"
        f" WHERE {LIES_HERE} ORDER BY here DESC, attachment.message"
    )
    return [
        KeptFile(
            MessageId(message),
            ConversationId(peer),
            name,
            media_type,
            size,
            at,
            Again.BACKUP if in_backup else Again.RELAY if expires > now else Again.UNSURE,
        )
        for message, peer, name, media_type, size, at, expires, in_backup in rows
    ]


async def sums(reader: Reader) -> list[FileSum]:
    """What lies here, by chat and kind of message: 0.1 s for 100 000 files among a million messages."""
    rows = await reader.all(_SUMS)
    return [
        FileSum(ConversationId(peer), words.kind(kind), files, taken) for peer, kind, files, taken in rows
    ]


async def let_go(tx: Transaction, messages: Collection[MessageId]) -> list[tuple[str, int]]:
    """Forget where these messages' bytes lie, as if they had never been fetched; return (path, bytes) of each."""
    gone: list[tuple[str, int]] = []
    for message in messages:
        row = await tx.one(
            "SELECT attachment.message, path, here FROM attachment"
            " JOIN message ON message.row = attachment.message"
            f" WHERE message.id = ? AND {LIES_HERE}",
            message,
        )
        if row is None:
            continue
        number, path, size = row
        await tx.execute(
            "UPDATE attachment SET state = ?, path = '', moved = 0 WHERE message = ?",
            TransferState.REMOTE,
            number,
        )
        gone.append((path, size))
    return gone
