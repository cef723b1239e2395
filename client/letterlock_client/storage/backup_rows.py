"""What a backup takes from the database: rows above a change number, in the shape of its records.

Messages that are nothing but text come as columns, the others as rows, with their edits, reactions and files.
What may not outlive this terminal never leaves here: messages whose time is over or will be within a day, and
view-once ones. Must not know how records are packed or sealed.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from letterlock.backup.records import MAX_NUMBER, MAX_TEXT, Row, Tag
from letterlock.primitives.derivation import sha256
from letterlock_client.storage.backup_columns import CHANGED, FLAGS, PLAIN, PLAIN_MESSAGES, PlainRows
from letterlock_client.storage.database import Reader, Transaction

LEAST_LIFE_MS: Final = 24 * 3_600_000
"""A message with a timer goes into a backup only if it lives so long."""
BATCH_MESSAGES: Final = 4096
BATCHES: Final = 4
"""How many are read in one turn of a thread, which costs a tenth of a batch."""
SETTINGS: Final = ("settings",)
"""The facts that are the owner's settings; others are about this terminal."""

LASTING: Final = "NOT view_once AND (message.timer_s = 0 OR message.timer_s * 1000 >= :least)"
"""Which messages a backup may hold at some time."""
KEPT: Final = f"(expires_at = 0 OR expires_at > :dying) AND {LASTING}"
"""Which messages a backup holds."""


def _bounded(column: str) -> str:
    """A text, cut only where a record cannot hold it: SQLite's own cutting ends at the first NUL."""
    return f"CASE WHEN octet_length({column}) <= {MAX_TEXT} THEN {column} ELSE substr({column}, 1, {MAX_TEXT}) END"


_MESSAGE_ROWS: Final = (
    f"SELECT {Tag.MESSAGE.value}, message.change_seq, message.id, peer, author, {FLAGS}, kind,"
    f" {_bounded('text')}, sent_at, received_at, row, delivery, failure, reply_to, edited_at,"
    " message.timer_s, expires_at,"
    " CASE kind WHEN 'unknown' THEN"
    " coalesce((SELECT value FROM fact WHERE name = 'unknown:' || lower(hex(message.id))), x'') ELSE x'' END,"
    " NULL, NULL, NULL"
    " FROM message JOIN conversation ON conversation.id = message.conversation"
)
_MESSAGES: Final = f"{_MESSAGE_ROWS} WHERE {CHANGED} AND {KEPT} ORDER BY message.change_seq"
_OTHER_MESSAGES: Final = (
    f"{_MESSAGE_ROWS} WHERE {CHANGED} AND NOT {PLAIN} AND {KEPT} ORDER BY message.change_seq"
)
_POSITION: Final = 10
"""Where a message's row number stands in its tuple."""


def _belonging(fields: str, table: str, rest: str) -> tuple[str, str]:
    """Ask for what belongs to changed messages: looking for each of them, or through all that lies between two rows.

    Most messages have nothing of it, so the second is faster where few other messages lie between.
    """
    each = f"message CROSS JOIN {table} ON {table}.message = message.row WHERE"
    between = (
        f"{table} CROSS JOIN message ON message.row = {table}.message"
        f" WHERE {table}.message BETWEEN :first AND :last AND"
    )
    return (
        f"SELECT {fields} FROM {each} {CHANGED} {rest}",
        f"SELECT {fields} FROM {between} {CHANGED} {rest}",
    )


_EDITS: Final = _belonging("edit.message, written_at, edit.text", "edit", "ORDER BY edit.message, written_at")
_REACTIONS: Final = _belonging(
    "reaction.message, reaction.author, emoji, at", "reaction", "ORDER BY reaction.message, at"
)
_ATTACHMENTS: Final = _belonging(
    "attachment.message, blob, name, media_type, size, attachment.width, height, duration_ms, preview,"
    f" descriptor, min(blob_expires, {MAX_NUMBER}), x''",
    "attachment",
    "AND descriptor <> x''",
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
    plain: PlainRows = field(repr=False)
    """The others, often all."""

    @property
    def count(self) -> int:
        """How many messages these are."""
        return len(self.messages) + self.plain.count


async def changed(
    reader: Reader, above: int, limit: int, *, now: int, owner: bytes, most: int = BATCH_MESSAGES
) -> Batch:
    """Read what changed above one change number and not above `limit`, about `most` messages at a time.

    A row that changes meanwhile moves above every limit that was drawn before: it is read a second time with a
    later limit, and never twice below one.
    """
    return await reader.run(partial(_changed, above=above, limit=limit, now=now, owner=owner, most=most))


async def several(reader: Reader, above: int, limit: int, *, now: int, owner: bytes) -> list[Batch]:
    """Read as `changed` does, some batches in one turn of the connection's thread, at least one."""

    def read(connection: sqlite3.Connection) -> list[Batch]:
        found = [_changed(connection, above, limit, now, owner, BATCH_MESSAGES)]
        while len(found) < BATCHES and not found[-1].last:
            found.append(_changed(connection, found[-1].upto, limit, now, owner, BATCH_MESSAGES))
        return found

    return await reader.run(read)


def _changed(
    connection: sqlite3.Connection, above: int, limit: int, now: int, owner: bytes, most: int
) -> Batch:
    reach = _reach(connection, above, limit, most)
    between = {"above": above, "upto": reach.upto, "dying": now + LEAST_LIFE_MS, "least": LEAST_LIFE_MS}
    extras = _extras(connection, between | {"first": reach.first, "last": reach.last}, dense=reach.dense)
    asked = between | {"owner": owner, "joined": json.dumps(list(extras))}
    chats = dict(connection.execute("SELECT id, peer FROM conversation"))
    plain = PlainRows(owner, chats, connection.execute(PLAIN_MESSAGES, asked).fetchone())
    messages: list[Row] = (
        connection.execute(_OTHER_MESSAGES, asked).fetchall() if plain.count < reach.count else []
    )
    _join(messages, extras)
    rest: list[Row] = []
    for query in (_CONTACTS, _CONVERSATIONS, _SETTINGS, _TOMBSTONES, _DYING):
        rest += connection.execute(query, between).fetchall()
    return Batch(reach.upto, reach.count < most, rest, messages, plain)


@dataclass(frozen=True, slots=True)
class _Reach:
    """How far a batch goes: the change number that it goes up to, and how many messages, between which rows."""

    upto: int
    count: int
    first: int
    last: int

    @property
    def dense(self) -> bool:
        """Whether most messages between the two rows are of the batch."""
        return self.last - self.first < 2 * self.count


def _reach(connection: sqlite3.Connection, above: int, limit: int, most: int) -> _Reach:
    # The last of so many is found without looking at the others.
    last = connection.execute(
        "SELECT change_seq FROM message WHERE change_seq > ? AND change_seq <= ? ORDER BY change_seq LIMIT 1 OFFSET ?",
        (above, limit, most - 1),
    ).fetchone()
    upto = limit if last is None else last[0]
    count, *ends = connection.execute(
        "SELECT count(*), coalesce(min(row), 0), coalesce(max(row), 0) FROM message INDEXED BY message_by_change"
        " WHERE change_seq > ? AND change_seq <= ?",
        (above, upto),
    ).fetchone()
    return _Reach(upto, count, *ends)


_Extras: TypeAlias = dict[int, list[Any]]
"""Edits, reactions and file of messages that have some, by their row."""


def _extras(connection: sqlite3.Connection, between: dict[str, int], *, dense: bool) -> _Extras:
    found: _Extras = {}
    for place, queries in enumerate((_EDITS, _REACTIONS)):
        for row, *fields in connection.execute(queries[dense], between):
            held = found.setdefault(row, [None, None, None])
            if held[place] is None:
                held[place] = []
            held[place].append(fields)
    for row, *fields in connection.execute(_ATTACHMENTS[dense], between):
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
    _join(rows, _extras(connection, between, dense=False))
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


async def renew(tx: Transaction, above: int, upto: int) -> None:
    """Let all that changed between two change numbers count as changed now, in the same order: no backup has it."""
    present = await top(tx)
    await tx.execute("UPDATE change SET seq = seq + ?", upto - above)
    for table in ("message", "contact", "conversation", "tombstone", "fact"):
        await tx.execute(
            f"UPDATE {table} SET change_seq = change_seq + ? WHERE change_seq > ? AND change_seq <= ?",
            present - above,
            above,
            upto,
        )


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
