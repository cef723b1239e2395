"""News that came in and that no `receive` has printed yet. Bounded: past `MAX_NEWS` the oldest go.

Must not know how news look; their texts stay with the messages.
"""

from typing import Final

from letterlock.ids import ConversationId, MessageId
from letterlock_client.models import News, NewsKind
from letterlock_client.storage.database import Reader, Transaction

MAX_NEWS: Final = 100_000


async def add(
    tx: Transaction,
    kind: NewsKind,
    at: int,
    *,
    conversation: ConversationId | None = None,
    message: MessageId | None = None,
    detail: str = "",
) -> None:
    """Keep one piece of news until it is printed."""
    sequence = await tx.insert(
        "INSERT INTO news (kind, conversation, message, detail, at) VALUES (?, ?, ?, ?, ?)",
        kind,
        conversation,
        message,
        detail,
        at,
    )
    await tx.execute("DELETE FROM news WHERE sequence <= ?", sequence - MAX_NEWS)


async def unprinted(reader: Reader, limit: int = 256) -> list[News]:
    """The oldest news that were not printed."""
    rows = await reader.all(
        "SELECT sequence, kind, conversation, message, detail, at FROM news ORDER BY sequence LIMIT ?", limit
    )
    return [
        News(sequence, NewsKind(kind), conversation, message, detail, at)
        for sequence, kind, conversation, message, detail, at in rows
    ]


async def mark_printed(tx: Transaction, up_to: int) -> None:
    """News up to this sequence number are printed."""
    await tx.execute("DELETE FROM news WHERE sequence <= ?", up_to)


async def forget(tx: Transaction, conversation: ConversationId, kind: NewsKind | None = None) -> None:
    """Drop unprinted news of a chat, of one kind or all (an accepted request is told as messages instead)."""
    await tx.execute(
        "DELETE FROM news WHERE conversation = ?1 AND (?2 IS NULL OR kind = ?2)", conversation, kind
    )
