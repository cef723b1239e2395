"""What a backup takes from the database: rows above a change number, in the shape of its records.

Messages that are nothing but text come as columns, which SQLite joins: no object is made of each, and so a million
are read in two seconds of a thread that leaves the others alone. The rest are rows, and edits, reactions and files
are looked for only where a message has some. What may not outlive this terminal never leaves here: messages
whose time is over or will be within a day, and view-once ones. Must not know how records are packed or sealed.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

import msgspec

from letterlock.backup.columns import KIND, MAX_TEXT_BYTES, steps
from letterlock.backup.records import MAX_NUMBER, MAX_TEXT, MessageFlag, PlainMessages, Row, Tag
from letterlock.ids import ACCOUNT_BYTES, RANDOM_ID_BYTES
from letterlock.primitives.derivation import sha256
from letterlock_client.storage.database import Reader, Transaction

LEAST_LIFE_MS: Final = 24 * 3_600_000
"""A message with a timer goes into a backup only if it lives so long."""
BATCH_MESSAGES: Final = 4096
SETTINGS: Final = ("settings",)
"""The facts that are the owner's settings; others are about this terminal."""

KEPT: Final = (
    "NOT view_once AND (expires_at = 0 OR expires_at > :dying)"
    " AND (message.timer_s = 0 OR message.timer_s * 1000 >= :least)"
)
"""Which messages a backup holds."""


def _bounded(column: str) -> str:
    """A text, cut only where a record cannot hold it: SQLite's own cutting ends at the first NUL."""
    return f"CASE WHEN octet_length({column}) <= {MAX_TEXT} THEN {column} ELSE substr({column}, 1, {MAX_TEXT}) END"


_FLAGS: Final = (
    f"mine * {MessageFlag.MINE.value} + deleted * {MessageFlag.DELETED.value}"
    f" + viewed * {MessageFlag.VIEWED.value} + unread * {MessageFlag.UNREAD.value}"
)
_MESSAGE_ROWS: Final = (
    f"SELECT {Tag.MESSAGE.value}, message.change_seq, message.id, peer, author, {_FLAGS}, kind,"
    f" {_bounded('text')}, sent_at, received_at, row, delivery, failure, reply_to, edited_at,"
    " message.timer_s, expires_at,"
    " CASE kind WHEN 'unknown' THEN"
    " coalesce((SELECT value FROM fact WHERE name = 'unknown:' || lower(hex(message.id))), x'') ELSE x'' END,"
    " NULL, NULL, NULL"
    " FROM message JOIN conversation ON conversation.id = message.conversation"
)
_CHANGED: Final = "message.change_seq > :above AND message.change_seq <= :upto"
_MESSAGES: Final = f"{_MESSAGE_ROWS} WHERE {_CHANGED} AND {KEPT} ORDER BY message.change_seq"
# Numbers that a record cannot hold, and whatever is not simple, get a row of their own, which is looked at closely.
_PLAIN: Final = (
    f"(kind = '{KIND}' AND NOT view_once AND NOT expires_at AND NOT message.timer_s AND NOT edited_at"
    f" AND reply_to IS NULL AND failure = '' AND octet_length(text) <= {MAX_TEXT_BYTES}"
    f" AND length(peer) = {ACCOUNT_BYTES} AND author = CASE mine WHEN 1 THEN :owner ELSE peer END"
    f" AND (sent_at | received_at) BETWEEN 0 AND {MAX_NUMBER}"
    " AND row NOT IN (SELECT value FROM json_each(:joined)))"
)
_COLUMNS: Final = (
    "message.change_seq",
    "conversation",
    _FLAGS,
    "delivery",
    "octet_length(text)",
    "sent_at",
    "received_at - sent_at",
    "row - message.change_seq",
)
_PLAIN_MESSAGES: Final = (
    "SELECT CAST(group_concat(text, '') AS BLOB), CAST(group_concat(message.id, '') AS BLOB), "
    + ", ".join(f"group_concat({each})" for each in _COLUMNS)
    # Each message is looked at once, in the order of the index: a subquery would copy every one of them.
    + " FROM message INDEXED BY message_by_change CROSS JOIN conversation ON conversation.id = message.conversation"
    f" WHERE {_CHANGED} AND {_PLAIN}"
)
_OTHER_MESSAGES: Final = (
    f"{_MESSAGE_ROWS} WHERE {_CHANGED} AND NOT {_PLAIN} AND {KEPT} ORDER BY message.change_seq"
)
_POSITION: Final = 10
"""Where a message's row number stands in its tuple."""
# From an index of changes to what belongs to each: most messages have nothing of it.
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
    f" descriptor, min(blob_expires, {MAX_NUMBER}), x'' FROM message"
    " CROSS JOIN attachment ON attachment.message = message.row"
    f" WHERE descriptor <> x'' AND {_CHANGED}"
)
_CONTACTS: Final = (
    f"SELECT {Tag.CONTACT.value}, change_seq, account, handle, handle_entry, root_key, list_certificate, device_list,"
    " list_epoch, list_version, list_digest, standing, verified, key_changed_at, warning, created, known"
    " FROM contact WHERE change_seq > :above AND change_seq <= :upto"
)
_CONVERSATIONS: Final = (
    f"SELECT {Tag.CONVERSATION.value}, change_seq, peer, created, timer_s, timer_set_at, muted,"
    f" {_bounded('draft')}, listed"
    " FROM conversation WHERE change_seq > :above AND change_seq <= :upto"
)
_SETTINGS: Final = (
    f"SELECT {Tag.SETTING.value}, change_seq, name, value FROM fact"
    f" WHERE name IN ({', '.join(repr(name) for name in SETTINGS)}) AND change_seq > :above AND change_seq <= :upto"
)
_FILES: Final = (
    "SELECT message.row, message.id, media_type, size, path, descriptor FROM attachment"
    " CROSS JOIN message ON message.row = attachment.message"
)
_WHOLE_HERE: Final = "path <> '' AND descriptor <> x'' AND (state = 'here' OR upload = 1)"
_TOMBSTONES: Final = (
    f"SELECT {Tag.TOMBSTONE.value}, change_seq, CASE kind WHEN 'message' THEN {Tag.MESSAGE.value}"
    f" WHEN 'conversation' THEN {Tag.CONVERSATION.value} ELSE {Tag.CONTACT.value} END, id"
    " FROM tombstone WHERE change_seq > :above AND change_seq <= :upto"
)
# A backup may hold them from before their timers ran, so they are as good as deleted. Few end within a day.
_DYING: Final = (
    f"SELECT {Tag.TOMBSTONE.value}, change_seq, {Tag.MESSAGE.value}, id FROM message INDEXED BY message_expiry"
    " WHERE expires_at > 0 AND expires_at <= :dying AND change_seq > :above AND change_seq <= :upto AND NOT view_once"
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
    """Those that are more than text."""
    plain: "PlainRows" = field(repr=False)
    """The others, often all."""

    @property
    def count(self) -> int:
        """How many messages these are."""
        return len(self.messages) + self.plain.count


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Messages that are nothing but text, as SQLite joins them: each column one text, numbers with commas between."""

    owner: bytes
    chats: dict[int, bytes]
    """The other account of each conversation."""
    columns: tuple[Any, ...] = field(repr=False)
    """Texts, ids, and then one for each of `_COLUMNS`; all None without a message."""

    @property
    def count(self) -> int:
        """How many messages these are."""
        return len(self.columns[1] or b"") // RANDOM_ID_BYTES

    def record(self) -> PlainMessages:
        """Make a record of them: half a second of processor time for a million."""
        texts, ids, versions, chats, flags, deliveries, lengths, sent, received, positions = self.columns
        words = deliveries.split(",")
        places = {word: place for place, word in enumerate(dict.fromkeys(words))}
        chat = _numbers(chats)
        chat_places = {number: place for place, number in enumerate(dict.fromkeys(chat))}
        return PlainMessages(
            owner=self.owner,
            ids=ids,
            versions=steps(_numbers(versions)),
            chat_ids=[self.chats[number] for number in chat_places],
            chats=[chat_places[number] for number in chat],
            flags=_numbers(flags),
            delivery_words=list(places),
            deliveries=[places[word] for word in words],
            texts=texts,
            lengths=_numbers(lengths),
            sent=steps(_numbers(sent)),
            received=_numbers(received),
            positions=_numbers(positions),
        )


_decoder: Final = msgspec.json.Decoder(list[int])


def _numbers(joined: str) -> list[int]:
    return _decoder.decode(f"[{joined}]")


async def changed(
    reader: Reader, above: int, limit: int, *, now: int, owner: bytes, most: int = BATCH_MESSAGES
) -> Batch:
    """Read what changed above one change number and not above `limit`, about `most` messages at a time.

    A row that changes meanwhile moves above every limit that was drawn before: it is read a second time with a
    later limit, and never twice below one.
    """
    return await reader.run(partial(_changed, above=above, limit=limit, now=now, owner=owner, most=most))


def _changed(
    connection: sqlite3.Connection, above: int, limit: int, now: int, owner: bytes, most: int
) -> Batch:
    count, upto, last = _reach(connection, above, limit, most)
    between = {"above": above, "upto": upto, "dying": now + LEAST_LIFE_MS, "least": LEAST_LIFE_MS}
    extras = _extras(connection, between)
    asked = between | {"owner": owner, "joined": json.dumps(list(extras))}
    chats = dict(connection.execute("SELECT id, peer FROM conversation"))
    plain = PlainRows(owner, chats, connection.execute(_PLAIN_MESSAGES, asked).fetchone())
    messages: list[Row] = connection.execute(_OTHER_MESSAGES, asked).fetchall() if plain.count < count else []
    _join(messages, extras)
    rest: list[Row] = []
    for query in (_CONTACTS, _CONVERSATIONS, _SETTINGS, _TOMBSTONES, _DYING):
        rest += connection.execute(query, between).fetchall()
    return Batch(upto, last, rest, messages, plain)


def _reach(connection: sqlite3.Connection, above: int, limit: int, most: int) -> tuple[int, int, bool]:
    """Say how many messages a batch looks at, up to which change number it goes, and whether that is all."""
    count, upto = connection.execute(
        "SELECT count(*), max(change_seq) FROM (SELECT change_seq FROM message"
        " WHERE change_seq > ? AND change_seq <= ? ORDER BY change_seq LIMIT ?)",
        (above, limit, most),
    ).fetchone()
    return (count, int(upto), False) if count == most else (count, limit, True)


_Extras: TypeAlias = dict[int, list[Any]]
"""Edits, reactions and file of messages that have some, by their row."""


def _extras(connection: sqlite3.Connection, between: dict[str, int]) -> _Extras:
    found: _Extras = {}
    for place, query in enumerate((_EDITS, _REACTIONS)):
        for row, *fields in connection.execute(query, between):
            held = found.setdefault(row, [None, None, None])
            if held[place] is None:
                held[place] = []
            held[place].append(fields)
    for row, *fields in connection.execute(_ATTACHMENTS, between):
        found.setdefault(row, [None, None, None])[2] = fields
    return found


def _join(messages: list[Row], extras: _Extras) -> None:
    """Put edits, reactions and files where they belong."""
    for index, message in enumerate(messages):
        if (held := extras.get(message[_POSITION])) is not None:
            messages[index] = (*message[:-3], *held)


async def top(reader: Reader) -> int:
    """The present change number."""
    return int(await reader.value("SELECT seq FROM change"))


def picture(connection: sqlite3.Connection, watermark: int, now: int) -> dict[str, bytes]:
    """Digest everything that a backup up to a change number holds, under names for people.

    What only one terminal knows (rows, whether a message waits in its outbox, where its file lies) is left out.
    """
    found: dict[str, bytes] = {}
    between = {"above": -2, "upto": watermark, "dying": now + LEAST_LIFE_MS, "least": LEAST_LIFE_MS}
    rows: list[Row] = connection.execute(_MESSAGES, between).fetchall()
    _join(rows, _extras(connection, between))
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
        f"{_FILES} LEFT JOIN backup_media ON backup_media.message = attachment.message"
        f" WHERE backup_media.message IS NULL AND {_WHOLE_HERE}"
        " AND NOT view_once AND (expires_at = 0 OR expires_at > ?1)"
        " AND (message.timer_s = 0 OR message.timer_s * 1000 >= ?2) ORDER BY attachment.message",
        now + LEAST_LIFE_MS,
        LEAST_LIFE_MS,
    )
    return [KeptFile(*row) for row in rows]


async def files_here(reader: Reader) -> list[KeptFile]:
    """All files that lie here whole, whatever their messages are."""
    return [KeptFile(*row) for row in await reader.all(f"{_FILES} WHERE {_WHOLE_HERE}")]


async def touch(tx: Transaction, rows: Sequence[int]) -> None:
    """Let these messages count as changed: their files are here now, and a record is to say so."""
    first = await top(tx) + 1
    numbered = [(number, row) for number, row in enumerate(rows, first)]
    await tx.execute("UPDATE change SET seq = seq + ?", len(numbered))
    await tx.many("UPDATE message SET change_seq = ? WHERE row = ?", numbered)


async def files_backed_up(reader: Reader) -> list[tuple[int, bytes]]:
    """Row and descriptor of each message whose file is in a complete backup."""
    return list(
        await reader.all("SELECT message, descriptor FROM attachment JOIN backup_media USING (message)")
    )


async def forget_media(tx: Transaction, rows: Sequence[int]) -> None:
    """The files of these messages are in no backup any more."""
    await tx.many("DELETE FROM backup_media WHERE message = ?", [(row,) for row in rows])


async def note_media(tx: Transaction, rows: Sequence[int]) -> None:
    """The files of these messages are in a complete backup; of messages that are gone nothing is kept."""
    await tx.many(
        "INSERT OR IGNORE INTO backup_media (message) SELECT row FROM message WHERE row = ?",
        [(row,) for row in rows],
    )
