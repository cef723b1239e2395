"""The index of messages by their ids: away while an empty history is filled, made at once after.

Ids are random, so each of many messages that come in changes another page of it: half of what they cost. Whoever opens
a database makes it where it is not there, so nobody but a restore meets a history without. Must not know what fills it.
"""

import os
import sqlite3
from typing import Final

from letterlock_client.storage import message_triggers
from letterlock_client.storage.cipher import IntegrityError, SqlError

_NAME: Final = "message_by_id"
_MAKE: Final = f"CREATE UNIQUE INDEX IF NOT EXISTS {_NAME} ON message (id)"
_MEMORY: Final = "/dev/shm"  # noqa: S108 - SQLite opens its files there alone and takes their names away at once
"""Where Linux keeps files that lie in memory and never on a disk."""
_BYTES_OF_A_ROW: Final = 64
"""What an id and its row take there, twice while pieces are merged, and some more."""
_PIECE_KIB: Final = 1000
"""So much is sorted at once: of the cache's size, and such as stays near the processor."""
_SUPERSEDED: Final = (
    "SELECT row FROM (SELECT row, row_number() OVER (PARTITION BY id ORDER BY change_seq DESC, row DESC) AS place"
    " FROM message) WHERE place > 1"
)


def drop(connection: sqlite3.Connection) -> None:
    """An empty history is about to be filled, and nobody looks for a message by its id before `make`."""
    connection.execute(f"DROP INDEX IF EXISTS {_NAME}")


def is_there(connection: sqlite3.Connection) -> bool:
    """Say whether a message can be looked for by its id, and no two have the same."""
    wanted = "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?"
    return connection.execute(wanted, (_NAME,)).fetchone() is not None


def insertion(connection: sqlite3.Connection, *, replace: bool = False) -> tuple[str, str]:
    """Return how an insertion begins and ends that leaves out messages whose ids are here.

    Without the index it knows none; with `replace` what stands at a row goes. That is no deletion: nothing counts it.
    """
    if replace:
        return "INSERT OR REPLACE", ""
    return "INSERT", " ON CONFLICT (id) DO NOTHING" if is_there(connection) else ""


def make(connection: sqlite3.Connection, *, at_once: bool = False) -> None:
    """Make it where it is not there. Where two messages have one id, the newest version is what stays.

    `at_once` is for whoever has to get through: a file that fails otherwise than by being full ends the transaction.
    """
    try:
        _make(connection, at_once=at_once)
    except IntegrityError:
        _leave_newest(connection)
        _make(connection, at_once=at_once)


def _make(connection: sqlite3.Connection, *, at_once: bool) -> None:
    if at_once or not _is_made_in_pieces(connection):
        connection.execute(_MAKE)


def _is_made_in_pieces(connection: sqlite3.Connection) -> bool:
    """Let SQLite sort in pieces, and two threads at it, where it may keep them in files: less than half the time.

    These files hold ids that nobody sealed, so they may lie nowhere but in memory, and have no name there. False where
    that has no room, or something that lies elsewhere is open.
    """
    (rows,) = connection.execute("SELECT coalesce(max(row), 0) FROM message").fetchone()
    (cache,) = connection.execute("PRAGMA cache_size").fetchone()
    if not (_has_room(rows * _BYTES_OF_A_ROW) and _may_use_files(connection)):
        return False
    connection.execute(f"PRAGMA cache_size = -{_PIECE_KIB}")
    connection.execute("PRAGMA threads = 1")
    try:
        connection.execute(_MAKE)
    except IntegrityError:
        raise
    except SqlError:
        # Somebody else took the room meanwhile. Where the whole transaction went, nothing may follow on its own.
        if not connection.in_transaction:
            raise
        return False
    finally:
        connection.execute("PRAGMA threads = 0")
        connection.execute(f"PRAGMA cache_size = {cache}")
        connection.execute("PRAGMA temp_store = MEMORY")
    return True


def _may_use_files(connection: sqlite3.Connection) -> bool:
    try:
        # The place is one for the whole process; but no other connection uses files, nor this one anything but the
        # sorter. It is refused where nobody may write.
        connection.execute(f"PRAGMA temp_store_directory = '{_MEMORY}'")
        connection.execute("PRAGMA temp_store = FILE")
    except SqlError:
        return False
    return True


def _has_room(size: int) -> bool:
    try:
        found = os.statvfs(_MEMORY)
    except OSError:
        return False
    return os.path.ismount(_MEMORY) and found.f_bavail * found.f_frsize > 2 * size


def _leave_newest(connection: sqlite3.Connection) -> None:
    """Two terminals that wrote one backup apart may have put a message at two places."""
    # What goes is not deleted: its newest version is still here.
    with message_triggers.uncounted(connection):
        connection.execute(f"DELETE FROM message WHERE row IN ({_SUPERSEDED})")
