"""Mailboxes in SQLite: statements that run inside the writer's transaction, and the pages that are read.

A copy is numbered here, on the one thread that writes, so that the order of numbers is the order of
commits. Must not know who waits for what.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from letterlock.primitives.derivation import keyed_hash
from letterlock_server.stores.interfaces import Copy

DAY_MS: Final = 24 * 60 * 60 * 1000
REPEATS_MS: Final = 7 * DAY_MS
_TAG_BYTES: Final = 16
_RESERVE: Final = 1_000_000
_SWEEP: Final = 200

PAGE: Final = (
    "SELECT sequence, envelope, received_ms, body FROM envelopes"
    " WHERE mailbox = ? AND sequence > ? ORDER BY sequence LIMIT ?"
)
HELD: Final = "SELECT count(*) FROM envelopes WHERE mailbox = ?"


class Numbers:
    """Gives each new copy its number, and knows the hash under which a repeat is recognised."""

    def __init__(self, secret: bytes, reserved: int) -> None:
        self._secret = secret
        self._reserved = reserved
        self._asked = reserved
        self._next = reserved
        self._day = self._asked_day = -1

    def tag(self, copy: Copy) -> bytes:
        """Return the 16 bytes that stand for this envelope in this mailbox."""
        return keyed_hash(self._secret, copy.mailbox.to_bytes(8, "big") + copy.envelope)[:_TAG_BYTES]

    def give(self, connection: sqlite3.Connection, count: int, now: int) -> int:
        """Return the first of `count` numbers; none is given twice, whatever becomes of the transaction."""
        first = self._next
        self._next += count
        if self._next > self._reserved:
            self._asked = self._next + _RESERVE
            connection.execute("UPDATE store SET value = ? WHERE name = 'reserved'", (self._asked,))
        if now // DAY_MS != self._day:
            self._asked_day = now // DAY_MS
            connection.execute("INSERT OR IGNORE INTO days VALUES (?, ?)", (self._asked_day, first))
        return first

    def committed(self) -> None:
        """Take note that the transaction is on disk, and with it what was reserved in it."""
        self._reserved = self._asked
        self._day = self._asked_day


def keep(connection: sqlite3.Connection, numbers: Numbers, copies: Sequence[Copy], now: int) -> list[int]:
    """Keep these copies; return each one's number, or 0 for one that was here before."""
    first = numbers.give(connection, len(copies), now)
    before = connection.total_changes
    tagged = [(one.mailbox, numbers.tag(one), number) for number, one in enumerate(copies, first)]
    connection.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?)", tagged)
    kept = list(range(first, first + len(copies)))
    if connection.total_changes - before != len(copies):
        kept = [number if _is_new(connection, row) else 0 for number, row in zip(kept, tagged, strict=True)]
    connection.executemany(
        "INSERT INTO envelopes VALUES (?, ?, ?, ?, ?)",
        [
            (number, one.mailbox, one.envelope, one.received_ms, one.body)
            for number, one in zip(kept, copies, strict=True)
            if number
        ],
    )
    return kept


def _is_new(connection: sqlite3.Connection, row: tuple[int, bytes, int]) -> bool:
    mailbox, tag, number = row
    found = connection.execute("SELECT sequence FROM seen WHERE mailbox = ? AND tag = ?", (mailbox, tag))
    return bool(found.fetchone()[0] == number)


def forget(connection: sqlite3.Connection, rows: Iterable[tuple[int, int]]) -> None:
    """Delete these (sequence, mailbox) pairs."""
    connection.executemany("DELETE FROM envelopes WHERE sequence = ? AND mailbox = ?", rows)


def drop(connection: sqlite3.Connection, mailbox: int) -> None:
    """Delete a mailbox whose device is no longer listed, with all that belongs to it."""
    for table in ("envelopes", "seen", "lasting_prekeys", "one_time_prekeys", "devices"):
        connection.execute(f"DELETE FROM {table} WHERE mailbox = ?", (mailbox,))  # noqa: S608 - our own names


def expire(connection: sqlite3.Connection, before_ms: int) -> Mapping[int, int]:
    """Delete what was received before `before_ms`; return how many each mailbox lost."""
    last = _first_sequence_from(connection, before_ms // DAY_MS + 1)
    lost = dict(
        connection.execute(
            "SELECT mailbox, count(*) FROM envelopes WHERE sequence < ? AND received_ms < ? GROUP BY mailbox",
            (last, before_ms),
        ).fetchall()
    )
    connection.execute("DELETE FROM envelopes WHERE sequence < ? AND received_ms < ?", (last, before_ms))
    connection.execute("DELETE FROM days WHERE day < ?", (before_ms // DAY_MS - 1,))
    return lost


def forget_repeats(connection: sqlite3.Connection, after: int, now: int) -> int:
    """Let go of old hashes of the next few mailboxes above `after`; return the last of them, or 0 at the end.

    A copy that still lies here is known for as long as it does: hashes go back to the oldest one.
    """
    before = _first_sequence_from(connection, (now - REPEATS_MS) // DAY_MS)
    boxes = connection.execute(
        "SELECT mailbox FROM devices WHERE mailbox > ? ORDER BY mailbox LIMIT ?", (after, _SWEEP)
    ).fetchall()
    for (mailbox,) in boxes:
        oldest = connection.execute(
            "SELECT min(sequence) FROM envelopes WHERE mailbox = ?", (mailbox,)
        ).fetchone()[0]
        connection.execute(
            "DELETE FROM seen WHERE mailbox = ? AND sequence < ?",
            (mailbox, before if oldest is None else min(before, oldest)),
        )
    return int(boxes[-1][0]) if len(boxes) == _SWEEP else 0


def _first_sequence_from(connection: sqlite3.Connection, day: int) -> int:
    """Return the first number given on `day` or later; where none was, one above every number given."""
    found = connection.execute("SELECT min(sequence) FROM days WHERE day >= ?", (day,)).fetchone()[0]
    return int(found) if found is not None else 2**62
