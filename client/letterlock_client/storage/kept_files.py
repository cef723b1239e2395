"""Which files lie here, what they take, and where each would come from again; and letting go of our copies.

What a message says of its file stays, its keys too: only the bytes go. Must not know how files are sealed or fetched.
"""

from collections.abc import Collection
from typing import Final

from letterlock.ids import ConversationId, MessageId
from letterlock_client.models import Again, KeptFile, TransferState
from letterlock_client.storage.database import Reader, Transaction

_LIES_HERE: Final = "path <> '' AND upload = 0 AND descriptor <> x'' AND state <> 'moving'"


async def kept(reader: Reader, now: int) -> list[KeptFile]:
    """Every file that lies here, whole or in part, the largest first; none that has still to go to the relay."""
    rows = await reader.all(
        "SELECT message.id, conversation.peer, attachment.name, media_type, max(moved, size), sent_at, blob_expires,"
        " backup_media.message IS NOT NULL FROM attachment"
        " CROSS JOIN message ON message.row = attachment.message"
        " JOIN conversation ON conversation.id = message.conversation"
        " LEFT JOIN backup_media ON backup_media.message = attachment.message"
        f" WHERE {_LIES_HERE} ORDER BY max(moved, size) DESC, attachment.message"
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


async def let_go(tx: Transaction, messages: Collection[MessageId]) -> list[tuple[str, int]]:
    """Forget where these messages' bytes lie, as if they had never been fetched; return (path, bytes) of each."""
    gone: list[tuple[str, int]] = []
    for message in messages:
        row = await tx.one(
            "SELECT attachment.message, path, max(moved, size) FROM attachment"
            " JOIN message ON message.row = attachment.message"
            f" WHERE message.id = ? AND {_LIES_HERE}",
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
