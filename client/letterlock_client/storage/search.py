"""The index of words: filled behind the messages, asked for those that hold all of some words.

Words are matched from their beginning, without case and accents. Must not know who searches, nor how results look.
"""

import unicodedata
from typing import Final

from letterlock.ids import ConversationId
from letterlock_client.models import Message, MessageKind, Standing
from letterlock_client.storage.database import Reader, Transaction
from letterlock_client.storage.messages import by_rows

STEP: Final = 10_000
"""How many rows one transaction indexes: tenths of a second, so that nobody who writes waits long."""
MAX_WORDS: Final = 16


async def behind(reader: Reader) -> int:
    """How many rows the index may be behind the messages."""
    found: int = await reader.value(
        "SELECT (SELECT coalesce(max(row), 0) FROM message) - (SELECT row FROM search_mark)"
    )
    return max(found, 0)


async def catch_up(tx: Transaction) -> bool:
    """Index the next rows, at most `STEP`; say whether there may be more."""
    last: int | None = await tx.value(
        "SELECT max(row) FROM (SELECT row FROM message WHERE row > (SELECT row FROM search_mark) ORDER BY row LIMIT ?)",
        STEP,
    )
    if last is None:
        return False
    await tx.execute(
        "INSERT INTO message_search (rowid, text) SELECT row, text FROM message"
        " WHERE row > (SELECT row FROM search_mark) AND row <= ? AND NOT view_once",
        last,
    )
    await tx.execute("UPDATE search_mark SET row = ?", last)
    return True


async def find(
    reader: Reader, words: list[str], conversation: ConversationId | None, limit: int
) -> list[Message]:
    """The newest messages that hold all these words, in one chat or in every one; none of a request's."""
    if not words:
        return []
    rows = await reader.all(
        "SELECT message.row FROM message_search JOIN message ON message.row = message_search.rowid"
        " JOIN conversation ON conversation.id = message.conversation"
        " JOIN contact ON contact.account = conversation.peer"
        " WHERE message_search MATCH ? AND standing <> ? AND kind <> ? AND (? IS NULL OR peer = ?)"
        " ORDER BY message_search.rowid DESC LIMIT ?",
        " ".join(f'"{word}"*' for word in words[:MAX_WORDS]),
        Standing.REQUESTED,
        MessageKind.NOTE,
        conversation,
        conversation,
        limit,
    )
    found = await by_rows(reader, [row for (row,) in rows])
    return [found[row] for (row,) in rows]


def words_of(text: str) -> list[str]:
    """Cut what somebody typed into words that the index may know: runs of letters and digits, 16 at most.

    Everything else separates them there too, so nothing of the query language can be typed.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(one if one.isalnum() else " " for one in composed).split()[:MAX_WORDS]
