"""What a backup takes from the database: rows above a change number, as tuples in the shape of its records.

A million messages are read in a few seconds of one thread: rows come as SQLite makes them, and edits, reactions
and files are joined only where a message has some. What may not outlive this terminal never leaves here: messages
whose time is over or will be within a day, and view-once ones. Must not know how records are packed or sealed.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from letterlock.backup.records import MessageFlag, Row, Tag
from letterlock.primitives.derivation import sha256
from letterlock_client.storage.database import Reader, Transaction

LEAST_LIFE_MS: Final = 24 * 3_600_000
"""A message with a timer goes into a backup only if it lives so long."""
BATCH_MESSAGES: Final = 4096
SETTINGS: Final = ("settings",)
"""The facts that are the owner's settings; others are about this terminal."""

_KEPT: Final = (
    "NOT view_once AND (expires_at = 0 OR expires_at > :dying)"
    " AND (message.timer_s = 0 OR message.timer_s * 1000 >= :least)"
)
_FLAGS: Final = (
    f"mine * {MessageFlag.MINE.value} + deleted * {MessageFlag.DELETED.value}"
    f" + viewed * {MessageFlag.VIEWED.value} + unread * {MessageFlag.UNREAD.value}"
)
_MESSAGES: Final = (
    f"SELECT {Tag.MESSAGE.value}, message.change_seq, message.id, peer, author, {_FLAGS}, kind,"
    " substr(text, 1, 65536), sent_at, received_at, row, delivery, failure, reply_to, edited_at,"
    " message.timer_s, expires_at,"
    " CASE kind WHEN 'unknown' THEN"
    " coalesce((SELECT value FROM fact WHERE name = 'unknown:' || lower(hex(message.id))), x'') ELSE x'' END,"
    " NULL, NULL, NULL"
    " FROM message JOIN conversation ON conversation.id = message.conversation"
    f" WHERE message.change_seq > :above AND message.change_seq <= :upto AND {_KEPT} ORDER BY message.change_seq"
)
_POSITION: Final = 10
"""Where a message's row number stands in its tuple."""
# From an index of changes to what belongs to each: most messages have nothing of it.
_CHANGED: Final = "message.change_seq > :above AND message.change_seq <= :upto"
_EDITS: Final = (
    "SELECT edit.message, written_at, edit.text FROM message CROSS JOIN edit ON edit.message = message.row"
    f" WHERE {_CHANGED} ORDER BY edit.message, written_at"
)
_REACTIONS: Final = (
    "SELECT reaction.message, reaction.author, emoji, at FROM message"
    f" CROSS JOIN reaction ON reaction.message = message.row WHERE {_CHANGED} ORDER BY reaction.message, at"
)
_ATTACHMENTS: Final = (
    "SELECT attachment.message, blob, name, media_type, size, attachment.width, height, duration_ms, preview,"
    " descriptor, blob_expires, x'' FROM message CROSS JOIN attachment ON attachment.message = message.row"
    f" WHERE descriptor <> x'' AND {_CHANGED}"
)
_CONTACTS: Final = (
    f"SELECT {Tag.CONTACT.value}, change_seq, account, handle, handle_entry, root_key, list_certificate, device_list,"
    " list_epoch, list_version, list_digest, standing, verified, key_changed_at, warning, created, known"
    " FROM contact WHERE change_seq > :above AND change_seq <= :upto"
)
_CONVERSATIONS: Final = (
    f"SELECT {Tag.CONVERSATION.value}, change_seq, peer, created, timer_s, timer_set_at, muted, substr(draft, 1, 65536)"
    " FROM conversation WHERE change_seq > :above AND change_seq <= :upto"
)
_SETTINGS: Final = (
    f"SELECT {Tag.SETTING.value}, change_seq, name, value FROM fact"
    f" WHERE name IN ({', '.join(repr(name) for name in SETTINGS)}) AND change_seq > :above AND change_seq <= :upto"
)
_TOMBSTONES: Final = (
    f"SELECT {Tag.TOMBSTONE.value}, change_seq, CASE kind WHEN 'message' THEN {Tag.MESSAGE.value}"
    f" WHEN 'conversation' THEN {Tag.CONVERSATION.value} ELSE {Tag.CONTACT.value} END, id"
    " FROM tombstone WHERE change_seq > :above AND change_seq <= :upto"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that changed between two change numbers, in one consistent view."""

    upto: int
    """The next batch begins above this."""
    last: bool
    """Whether this is all up to the limit."""
    rest: list[Row] = field(repr=False)
    """Contacts, conversations, settings and tombstones: little, and wanted before any message."""
    messages: list[Row] = field(repr=False)
    joined: list[int] = field(default_factory=list)
    """Which of the messages have edits, reactions or a file."""


async def changed(reader: Reader, above: int, limit: int, now: int, most: int = BATCH_MESSAGES) -> Batch:
    """Read what changed above one change number and not above `limit`, about `most` messages at a time.

    A row that changes meanwhile moves above every limit that was drawn before: it is read a second time with a
    later limit, and never twice below one.
    """
    return await reader.run(partial(_changed, above=above, limit=limit, now=now, most=most))


def _changed(connection: sqlite3.Connection, above: int, limit: int, now: int, most: int) -> Batch:
    upto, last = _reach(connection, above, limit, most)
    between = {"above": above, "upto": upto, "dying": now + LEAST_LIFE_MS, "least": LEAST_LIFE_MS}
    messages: list[Row] = connection.execute(_MESSAGES, between).fetchall()
    joined = _join(connection, messages, between)
    rest: list[Row] = []
    for query in (_CONTACTS, _CONVERSATIONS, _SETTINGS, _TOMBSTONES):
        rest += connection.execute(query, between).fetchall()
    return Batch(upto, last, rest, messages, joined)


def _reach(connection: sqlite3.Connection, above: int, limit: int, most: int) -> tuple[int, bool]:
    """Say up to which change number a batch goes, and whether that is all."""
    count, upto = connection.execute(
        "SELECT count(*), max(change_seq) FROM (SELECT change_seq FROM message"
        " WHERE change_seq > ? AND change_seq <= ? ORDER BY change_seq LIMIT ?)",
        (above, limit, most),
    ).fetchone()
    return (int(upto), False) if count == most else (limit, True)


def _join(connection: sqlite3.Connection, messages: list[Row], between: dict[str, int]) -> list[int]:
    """Put edits, reactions and files where they belong; say which messages have some."""
    extras: dict[int, list[object]] = {}
    for place, query in enumerate((_EDITS, _REACTIONS)):
        for row, *fields in connection.execute(query, between):
            held = extras.setdefault(row, [None, None, None])
            if held[place] is None:
                held[place] = []
            held[place].append(fields)  # type: ignore[attr-defined]
    for row, *fields in connection.execute(_ATTACHMENTS, between):
        extras.setdefault(row, [None, None, None])[2] = fields
    if not extras:
        return []
    joined = [index for index, message in enumerate(messages) if message[_POSITION] in extras]
    for index in joined:
        messages[index] = (*messages[index][:-3], *extras[messages[index][_POSITION]])
    return joined


async def top(reader: Reader) -> int:
    """The present change number."""
    return int(await reader.value("SELECT seq FROM change"))


@dataclass(frozen=True, slots=True)
class ChatTotal:
    """What a backup holds of one chat."""

    conversation: bytes
    messages: int
    media: int
    last_at: int


async def totals(reader: Reader, now: int, above: int = 0) -> list[ChatTotal]:
    """Count what a backup of now holds above a row, chat by chat, the one with the newest message first.

    Reads every message above that row.
    """
    return await reader.run(partial(_totals, now=now, above=above))


def _totals(connection: sqlite3.Connection, now: int, above: int) -> list[ChatTotal]:
    # Counted from an index alone, less what is not kept, read in the order in which it lies: a million messages
    # in a third of the time, and of the memory, that joining and grouping them takes.
    place = "NOT INDEXED WHERE row > :above AND" if above else "WHERE"
    between = {"dying": now + LEAST_LIFE_MS, "least": LEAST_LIFE_MS, "above": above}
    chats = connection.execute(
        f"SELECT conversation, count(*), max(row) FROM message {place} 1 GROUP BY 1", between
    )
    counts = {chat: [count, 0, last] for chat, count, last in chats}
    dropped = connection.execute(
        f"SELECT conversation, count(*) FROM message NOT INDEXED WHERE row > :above AND NOT ({_KEPT}) GROUP BY 1",
        between,
    )
    for chat, count in dropped:
        counts[chat][0] -= count
    files = connection.execute(
        "SELECT conversation, count(*) FROM attachment CROSS JOIN message ON message.row = attachment.message"
        f" WHERE attachment.message > :above AND descriptor <> x'' AND {_KEPT} GROUP BY 1",
        between,
    )
    for chat, count in files:
        counts[chat][1] = count
    rows = (
        connection.execute(
            "SELECT peer, ?, ?, (SELECT received_at FROM message WHERE row = ?) FROM conversation WHERE id = ?",
            (*found, chat),
        ).fetchone()
        for chat, found in counts.items()
        if found[0]
    )
    return sorted((ChatTotal(*row) for row in rows), key=lambda each: each.last_at, reverse=True)


def picture(connection: sqlite3.Connection, watermark: int, now: int) -> dict[str, bytes]:
    """Digest everything that a backup up to a change number holds, under names for people.

    What only one terminal knows (rows, whether a message waits in its outbox, where its file lies) is left out.
    """
    found: dict[str, bytes] = {}
    between = {"above": -2, "upto": watermark, "dying": now + LEAST_LIFE_MS, "least": LEAST_LIFE_MS}
    rows: list[Row] = connection.execute(_MESSAGES, between).fetchall()
    _join(connection, rows, between)
    for row in rows:
        (_, _, id_, chat, author, flags, kind, text, sent_at, received_at) = row[:10]
        shown = (chat, author, flags, kind, text, sent_at, received_at, *row[13:])
        found[f"message {id_.hex()[:8]}"] = sha256(repr(shown).encode())
    for name, query, index in (
        ("contact", _CONTACTS, 2),
        ("chat", _CONVERSATIONS, 2),
        ("setting", _SETTINGS, 2),
    ):
        for row in connection.execute(query, between):
            label = row[index] if isinstance(row[index], str) else row[index].hex()[:8]
            found[f"{name} {label}"] = sha256(repr(row[2:]).encode())
    return found


async def waiting(reader: Reader, above: int) -> int:
    """How many messages changed above a change number."""
    return int(await reader.value("SELECT count(*) FROM message WHERE change_seq > ?", above))


async def gone(reader: Reader, above: int, now: int) -> int:
    """How many messages were deleted above a change number, or have less than a day to live."""
    deleted = await reader.value(
        "SELECT count(*) FROM tombstone WHERE kind = 'message' AND change_seq > ?", above
    )
    dying = await reader.value(
        "SELECT count(*) FROM message WHERE expires_at > 0 AND expires_at <= ?", now + LEAST_LIFE_MS
    )
    return int(deleted) + int(dying)


async def anything(reader: Reader, above: int) -> bool:
    """Whether anything that a backup holds changed above a change number; other facts change all the time."""
    tables = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE change_seq > ?1)"
        for table in ("message", "contact", "conversation", "tombstone")
    )
    names = ", ".join(repr(name) for name in SETTINGS)
    query = f"SELECT {tables} OR EXISTS (SELECT 1 FROM fact WHERE name IN ({names}) AND change_seq > ?1)"
    return bool(await reader.value(query, above))


async def deleted_since(reader: Reader, above: int) -> bool:
    """Whether a message was deleted, here or for everyone, above a change number."""
    return bool(
        await reader.value(
            "SELECT EXISTS (SELECT 1 FROM tombstone WHERE kind = 'message' AND change_seq > ?1)"
            " OR EXISTS (SELECT 1 FROM message WHERE change_seq > ?1 AND deleted)",
            above,
        )
    )


async def dead_since(reader: Reader, above: int) -> tuple[list[bytes], list[int]]:
    """Ids of messages deleted above a change number, and the rows of those of them that keep their place."""
    gone = await reader.all("SELECT id FROM tombstone WHERE kind = 'message' AND change_seq > ?", above)
    blank = await reader.all("SELECT id, row FROM message WHERE change_seq > ? AND deleted", above)
    return [id_ for (id_,) in gone] + [id_ for id_, _ in blank], [row for _, row in blank]


async def last_row(reader: Reader) -> int:
    """The greatest row number of any message; 0 without one."""
    return int(await reader.value("SELECT max(row) FROM message") or 0)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A message's file that lies here whole."""

    row: int
    message: bytes
    media_type: str
    size: int
    path: str
    descriptor: bytes = field(repr=False)


async def new_files(reader: Reader, now: int) -> list[KeptFile]:
    """The files of kept messages that lie here whole and that no complete backup holds, the oldest first."""
    rows = await reader.all(
        # From the files, which are fewer, to their messages.
        "SELECT message.row, message.id, media_type, size, path, descriptor FROM attachment"
        " CROSS JOIN message ON message.row = attachment.message"
        " LEFT JOIN backup_media ON backup_media.message = attachment.message"
        " WHERE backup_media.message IS NULL AND path <> '' AND descriptor <> x''"
        " AND (state = 'here' OR upload = 1) AND NOT view_once AND (expires_at = 0 OR expires_at > ?1)"
        " AND (message.timer_s = 0 OR message.timer_s * 1000 >= ?2) ORDER BY attachment.message",
        now + LEAST_LIFE_MS,
        LEAST_LIFE_MS,
    )
    return [KeptFile(*row) for row in rows]


async def touch(tx: Transaction, rows: Sequence[int]) -> None:
    """Let these messages count as changed: their files are here now, and a record is to say so."""
    first = await top(tx) + 1
    numbered = [(number, row) for number, row in enumerate(rows, first)]
    await tx.execute("UPDATE change SET seq = seq + ?", len(numbered))
    await tx.many("UPDATE message SET change_seq = ? WHERE row = ?", numbered)


async def note_media(tx: Transaction, rows: Sequence[int]) -> None:
    """The files of these messages are in a complete backup; of messages that are gone nothing is kept."""
    await tx.many(
        "INSERT OR IGNORE INTO backup_media (message) SELECT row FROM message WHERE row = ?",
        [(row,) for row in rows],
    )
