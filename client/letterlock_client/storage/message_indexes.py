"""The index of messages by their ids: away while an empty history is filled, made at once after.

Ids are random, so each of many messages that come in changes another page of it: half of what they cost. Whoever opens
a database makes it where it is not there, so nobody but a restore meets a history without. Must not know what fills it.
"""

import sqlite3
from typing import Final

from letterlock_client.storage import message_triggers
from letterlock_client.storage.cipher import IntegrityError

_NAME: Final = "message_by_id"
_MAKE: Final = f"CREATE UNIQUE INDEX IF NOT EXISTS {_NAME} ON message (id)"
_SORTED_AT_ONCE_KIB: Final = 1000
"""It is sorted in pieces of the cache's size: a tenth faster in such as stay near the processor."""
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


def make(connection: sqlite3.Connection) -> None:
    """Make it where it is not there. Where two messages have one id, the newest version is what stays."""
    (usual,) = connection.execute("PRAGMA cache_size").fetchone()
    connection.execute(f"PRAGMA cache_size = -{_SORTED_AT_ONCE_KIB}")
    try:
        connection.execute(_MAKE)
    except IntegrityError:
        _leave_newest(connection)
        connection.execute(_MAKE)
    finally:
        connection.execute(f"PRAGMA cache_size = {usual}")


def _leave_newest(connection: sqlite3.Connection) -> None:
    """Two terminals that wrote one backup apart may have put a message at two places."""
    # What goes is not deleted: its newest version is still here.
    with message_triggers.uncounted(connection):
        connection.execute(f"DELETE FROM message WHERE row IN ({_SUPERSEDED})")
