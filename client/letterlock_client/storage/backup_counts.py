"""How much a backup holds, and how much it has to do: counted, never read. Must not know what is done with numbers."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from letterlock_client.storage.backup_rows import KEPT, LASTING, LEAST_LIFE_MS
from letterlock_client.storage.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class ChatTotal:
    """What a backup holds of one chat."""

    conversation: bytes
    messages: int
    media: int
    """Files that lie at the provider: one that was never fetched is in no backup, though its message is."""
    last_at: int
    local: int
    """What messages here call the chat."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a count went: what came and left since is told from what it counted."""

    row: int
    """The greatest row of a message."""
    change: int
    departed: int
    """The place of the last message that left."""
    at: int
    """The time (ms) by which it told what has a day to live."""


async def mark(reader: Reader, now: int) -> Mark:
    """How far a count of now goes."""
    ((row, change, departed),) = await reader.all(
        "SELECT (SELECT coalesce(max(row), 0) FROM message), (SELECT seq FROM change),"
        " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'backup_departed'), 0)"
    )
    return Mark(row, change, departed, now)


async def totals(reader: Reader, now: int, sent: Sequence[int], above: int = 0) -> list[ChatTotal]:
    """Count what a backup of now holds above a row, chat by chat, the one with the newest message first.

    `sent` are the rows of the messages whose files this very backup sent. Reads every message above that row.
    """
    return await reader.run(partial(_totals, now=now, sent=sent, above=above))


def _totals(connection: sqlite3.Connection, now: int, sent: Sequence[int], above: int) -> list[ChatTotal]:
    # Counted from indexes alone, less what is not kept: a million messages in a tenth of a second.
    place = "NOT INDEXED WHERE row > :above AND" if above else "WHERE"
    between = {"dying": now + LEAST_LIFE_MS, "least": LEAST_LIFE_MS, "above": above}
    chats = connection.execute(
        f"SELECT conversation, count(*), max(row) FROM message {place} 1 GROUP BY 1", between
    )
    counts = {chat: [count, 0, last] for chat, count, last in chats}
    dropped = connection.execute(
        "SELECT conversation, count(*) FROM message WHERE row > :above AND (view_once OR timer_s OR expires_at)"
        f" AND NOT ({KEPT}) GROUP BY 1",
        between,
    )
    for chat, count in dropped:
        counts[chat][0] -= count
    files = connection.execute(
        "SELECT conversation, count(*) FROM backup_media CROSS JOIN message ON message.row = backup_media.message"
        " JOIN attachment ON attachment.message = message.row"
        f" WHERE backup_media.message > :above AND descriptor <> x'' AND {KEPT} GROUP BY 1",
        between,
    )
    for chat, count in files:
        counts[chat][1] = count
    for row in sent:
        for (chat,) in connection.execute(
            f"SELECT conversation FROM message WHERE row = :row AND {KEPT}", between | {"row": row}
        ):
            # A file may come after its message was counted.
            counts.setdefault(chat, [0, 0, row])[1] += 1
    rows = (
        connection.execute(
            "SELECT peer, ?, ?, (SELECT received_at FROM message WHERE row = ?), id FROM conversation WHERE id = ?",
            (*found, chat),
        ).fetchone()
        for chat, found in counts.items()
        if found[0] or found[1]
    )
    return sorted((ChatTotal(*row) for row in rows), key=lambda each: each.last_at, reverse=True)


async def messages_of(reader: Reader, now: int, chats: Sequence[int]) -> dict[int, int]:
    """How many messages a backup of now holds of these chats, as messages here call them. Reads those of each."""
    return await reader.run(partial(_messages_of, now=now, chats=chats))


def _messages_of(connection: sqlite3.Connection, now: int, chats: Sequence[int]) -> dict[int, int]:
    asked = {"dying": now + LEAST_LIFE_MS, "least": LEAST_LIFE_MS}
    return {
        chat: connection.execute(
            "SELECT (SELECT count(*) FROM message WHERE conversation = :chat) - (SELECT count(*) FROM message"
            f" WHERE conversation = :chat AND (view_once OR timer_s OR expires_at) AND NOT ({KEPT}))",
            asked | {"chat": chat},
        ).fetchone()[0]
        for chat in chats
    }


async def waiting(reader: Reader, above: int) -> int:
    """How many messages changed above a change number."""
    return int(await reader.value("SELECT count(*) FROM message WHERE change_seq > ?", above))


async def left(reader: Reader, since: Mark, now: int) -> dict[int, tuple[int, int]]:
    """How many messages, and files of them, that were counted then no backup of now holds: by their chats.

    Somebody deleted them, or their timers end within a day. Those that no backup could hold were never counted.
    """
    between = {
        "least": LEAST_LIFE_MS,
        "dying": now + LEAST_LIFE_MS,
        "held": since.at + LEAST_LIFE_MS,
        "row": since.row,
        "change": since.change,
        "departed": since.departed,
    }
    return await reader.run(partial(_left, between=between))


_DEPARTED: Final = (
    "SELECT conversation, count(*), sum(file) FROM backup_departed WHERE place > :departed AND message <= :row"
    " AND (expires_at = 0 OR expires_at > :held OR version > :change) GROUP BY 1"
)
# What changed since may have begun to run only then, by whatever clock.
_ENDING: Final = (
    "SELECT conversation, count(*), count(backup_media.message) FROM message INDEXED BY message_expiry"
    " LEFT JOIN backup_media ON backup_media.message = row WHERE expires_at > 0 AND expires_at <= :dying"
    f" AND row <= :row AND {LASTING} AND (expires_at > :held OR change_seq > :change) GROUP BY 1"
)


def _left(connection: sqlite3.Connection, between: dict[str, int]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for query in (_DEPARTED, _ENDING):
        for chat, messages, files in connection.execute(query, between):
            before = found.get(chat, (0, 0))
            found[chat] = (before[0] + messages, before[1] + files)
    return found


async def forget_departed(tx: Transaction, place: int) -> None:
    """Forget messages that left up to a place: a complete backup has counted that."""
    await tx.execute("DELETE FROM backup_departed WHERE place <= ?", place)


async def gone(reader: Reader, above: int, now: int) -> int:
    """How many messages were deleted above a change number, or end within a day, of those that a backup may hold."""
    deleted = await reader.value(
        "SELECT count(*) FROM tombstone WHERE kind = 'message' AND change_seq > ?", above
    )
    dying = await reader.value(
        "SELECT count(*) FROM message WHERE expires_at > 0 AND expires_at <= ?1"
        " AND NOT view_once AND (timer_s = 0 OR timer_s * 1000 >= ?2)",
        now + LEAST_LIFE_MS,
        LEAST_LIFE_MS,
    )
    return int(deleted) + int(dying)
