"""The triggers on messages that a restore does without for a while: they count changes, and its messages are counted.

Must not know what puts messages in.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

# Each costs a sixth of an insertion only to find that it has nothing to do.
_IDLE: Final = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'message'"
    " AND sql LIKE '% AFTER INSERT ON message WHEN NEW.change_seq = 0 %'"
)
_DELETED: Final = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
    " AND name IN ('message_deleted', 'conversation_deleted', 'contact_deleted')"
)


def drop_idle(connection: sqlite3.Connection) -> list[str]:
    """Take away those on new messages that leave messages with a change number alone.

    Return how to make them again, which has to happen in the same transaction.
    """
    return _drop(connection, _IDLE)


def make(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    """Make again what was taken away."""
    for statement in statements:
        connection.execute(statement)


@contextmanager
def uncounted(connection: sqlite3.Connection) -> Iterator[None]:
    """Delete messages, or chats with theirs, without a word of it to any backup. Whoever fails in here rolls back."""
    statements = _drop(connection, _DELETED)
    yield
    make(connection, statements)


def _drop(connection: sqlite3.Connection, query: str) -> list[str]:
    found = connection.execute(query).fetchall()
    for name, _ in found:
        connection.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in found]
