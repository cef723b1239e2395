"""Opening a server's database file: durable settings, numbered schema steps, and a check after trouble.

Must not know what the tables mean beyond the relay's `store`.
"""

import sqlite3
from contextlib import closing
from enum import Enum
from importlib.resources import files
from typing import Final

_PAGE_BYTES: Final = 4096
_BUSY_MS: Final = 5000
_FIRST_ROWS: Final = "INSERT INTO store VALUES ('secret', randomblob(32)), ('reserved', 1), ('batch', 0)"


class Verdict(Enum):
    """What a check of a reopened file found."""

    SOUND = "sound"
    DAMAGED = "damaged"


def connect_writer(path: str) -> sqlite3.Connection:
    """Open the relay's `path` for the writer and bring its schema up to date. Raises sqlite3.Error."""
    connection = connect_durable(path, synchronous="FULL")
    try:
        # The writer moves the log itself, after the answers are out.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA secure_delete = FAST")
        connection.execute("PRAGMA cache_size = -65536")
        migrate(connection, "letterlock_server.stores.sqlite", first=_FIRST_ROWS)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_durable(path: str, *, synchronous: str) -> sqlite3.Connection:
    """Open `path` with a write-ahead log that a commit flushes before it returns. Raises sqlite3.Error."""
    connection = _connect(path)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise sqlite3.OperationalError("the file system does not take a write-ahead log")
        # FULL: a commit returns once the log is on the platter. NORMAL loses acknowledged rows to a power cut.
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, package: str, *, first: str = "") -> None:
    """Run the schema steps of `package` that the file has not had yet, each in one transaction.

    `first` is run with the first of them. Raises sqlite3.Error.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    steps = _steps(package)
    if version > len(steps):
        raise sqlite3.DatabaseError("the store was written by a newer version of this program")
    for number, script in enumerate(steps[version:], version + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _statements(script):
                connection.execute(statement)
            if number == 1 and first:
                connection.execute(first)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def verify(path: str, committed: int) -> Verdict:
    """Reopen a file whose flush failed and say whether it can be believed again.

    Sound means: the log could be moved into the database and both flushed, the structure holds, a
    commit succeeds, and every transaction up to number `committed` is there. Raises sqlite3.Error.
    """
    with closing(connect_writer(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            return Verdict.DAMAGED
        (batch,) = connection.execute("SELECT value FROM store WHERE name = 'batch'").fetchone()
        if batch < committed:
            return Verdict.DAMAGED
        connection.execute("UPDATE store SET value = ? WHERE name = 'batch'", (batch + 1,))
        return Verdict.SOUND


def _connect(path: str) -> sqlite3.Connection:
    # One thread uses it at a time: opened, used and closed on the writer's.
    connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None, cached_statements=256)
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    return connection


def _steps(package: str) -> list[str]:
    folder = files(package) / "schema"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".sql"))
    return [(folder / name).read_text(encoding="utf-8") for name in names]


def _statements(script: str) -> list[str]:
    statements, pending = [], ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return statements
