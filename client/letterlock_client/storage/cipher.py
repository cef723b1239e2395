"""Connections to a SQLCipher file, and its errors as ours.

Knows how pages are sealed, the pragmas, the file's rights and SQLite's result codes. Must not know tables, tasks or
transactions.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, cast

import aiosqlite
from sqlcipher3 import dbapi2 as sqlcipher  # type: ignore[import-untyped]

from letterlock.errors import MisuseError
from letterlock_client.config import file_failed, sync_folder
from letterlock_client.errors import ClientError, Code

KEY_BYTES: Final = 32
LOG_PAGES: Final = 500
"""When a write-ahead log is due for a checkpoint: 4 MB of the larger pages, SQLite's own measure of its own."""
BUSY_S: Final = 5.0
_SHARED_BYTES: Final = 32 * 1024
"""What SQLite maps beside the file before it reads anything."""

SqlError: Final = sqlcipher.Error
"""The root of this library's errors; not the standard library's `sqlite3.Error`."""
IntegrityError: Final = sqlcipher.IntegrityError

_FORMS: Final = (
    # Half as many pages to seal, each with SHA-256, which processors have an instruction for: whoever reads much
    # needs a tenth less time, whoever stores a message the same.
    ("PRAGMA cipher_page_size = 8192", "PRAGMA cipher_hmac_algorithm = HMAC_SHA256"),
    # The library's own, of 4 KiB with SHA-512.
    (),
)
"""How pages are sealed: as it is in a new file, and as it may be in one that is there. The file does not say which."""
_WRITER: Final = (
    "PRAGMA journal_mode = WAL",
    f"PRAGMA wal_autocheckpoint = {LOG_PAGES}",
    # With NORMAL a power cut takes the last transactions back after they were acknowledged.
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)
_READER: Final = ("PRAGMA query_only = ON", "PRAGMA temp_store = MEMORY", "PRAGMA trusted_schema = OFF")

# The library tells its debug log every statement with its parameters: keys and texts among them.
logging.getLogger("aiosqlite").setLevel(logging.CRITICAL)


# The library looks long for how bytes want to be bound, for each of a million rows, unless it is told: bytes and
# bytearray are the same to SQLite.
sqlcipher.register_adapter(bytes, bytearray)


def make_file(path: Path) -> None:
    """Make the empty database file, 0600, if there is none; its journals take its rights. Raises ClientError."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        sync_folder(path.parent)
    except FileExistsError:
        return
    except OSError as error:
        raise file_failed(path, error) from error


def connect(path: Path, key: bytes, *, write: bool) -> sqlite3.Connection:
    """Open one connection under the raw 32-byte key, checked by reading the schema. Runs in its own thread.

    A text key would cost a key derivation of tenths of a second per connection. Raises `SqlError`, or code
    storage_full where there is no room to open anything.
    """
    if len(key) != KEY_BYTES:
        raise MisuseError("a database key has 32 bytes")
    *newer, oldest = _FORMS
    for form in newer:
        try:
            return _connect(path, key, form, write=write)
        except SqlError as error:
            if _code(error) != sqlcipher.SQLITE_NOTADB:
                raise
    return _connect(path, key, oldest, write=write)


def _connect(path: Path, key: bytes, form: Sequence[str], *, write: bool) -> sqlite3.Connection:
    connection = sqlcipher.connect(str(path), timeout=BUSY_S, isolation_level=None, cached_statements=256)
    try:
        # First of all: the library writes to standard error what it finds wrong.
        connection.execute("PRAGMA cipher_log_level = NONE")
        connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        for pragma in form:
            connection.execute(pragma)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        for pragma in _WRITER if write else _READER:
            connection.execute(pragma)
    except SqlError as error:
        connection.close()
        # What journals are shared by is made first, and where it finds no room only a failure is told.
        if _code(error) == sqlcipher.SQLITE_IOERR and _room(path) < _SHARED_BYTES:
            raise _full() from error
        raise
    except BaseException:
        connection.close()
        raise
    return cast(sqlite3.Connection, connection)


def _room(path: Path) -> int:
    found = os.statvfs(path.parent)
    return found.f_bavail * found.f_frsize


async def open_connection(opener: Callable[[], sqlite3.Connection]) -> aiosqlite.Connection:
    """Run `opener` in a new thread of its own and keep the connection there.

    Raises ClientError or MisuseError, and then leaves no thread behind.
    """
    failures: list[Exception] = []

    def attempt() -> sqlite3.Connection:
        # The library forgets its thread where connecting fails; so nothing fails there.
        try:
            return opener()
        except (SqlError, ClientError, MisuseError) as error:
            failures.append(error)
            return sqlite3.connect(":memory:")

    connection = await aiosqlite.Connection(attempt, iter_chunk_size=256)
    for error in failures:
        await connection.close()
        raise public_error(error) if isinstance(error, SqlError) else error
    return connection


def public_error(error: Exception) -> ClientError | MisuseError:
    """Say in public terms what SQLite said. Its messages name tables and columns, never values."""
    code = _code(error)
    if code == sqlcipher.SQLITE_FULL:
        return _full()
    if code in (sqlcipher.SQLITE_BUSY, sqlcipher.SQLITE_LOCKED, sqlcipher.SQLITE_INTERRUPT):
        return ClientError(
            Code.STORAGE_BUSY, "the database did not answer in time: nothing of this was saved"
        )
    if code in (sqlcipher.SQLITE_CORRUPT, sqlcipher.SQLITE_NOTADB):
        return ClientError(Code.STORAGE_DAMAGED, "the database is damaged, or not under this key")
    if code in _OUR_FAULT:
        return MisuseError(f"the database refused: {error}")
    return ClientError(Code.STORAGE_FAILED, f"the disk failed ({error}): nothing of this was saved")


def _code(error: Exception) -> int:
    return int(getattr(error, "sqlite_errorcode", sqlcipher.SQLITE_ERROR)) & 0xFF


def _full() -> ClientError:
    return ClientError(Code.STORAGE_FULL, "the disk is full: nothing of this was saved")


_OUR_FAULT: Final = frozenset(
    (
        sqlcipher.SQLITE_ERROR,
        sqlcipher.SQLITE_CONSTRAINT,
        sqlcipher.SQLITE_MISMATCH,
        sqlcipher.SQLITE_MISUSE,
        sqlcipher.SQLITE_RANGE,
        sqlcipher.SQLITE_TOOBIG,
    )
)
