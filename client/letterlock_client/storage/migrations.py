"""Brings a database to the schema of this release: numbered SQL files, each in one transaction.

`PRAGMA user_version` is the number of the last file that was applied, and changes in the same transaction:
a crash at any statement leaves the database before or after that file. Must not know what the tables mean.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from letterlock_client.errors import ClientError, Code


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: from version `number` - 1 to `number`."""

    number: int
    name: str
    statements: tuple[str, ...]


@cache
def migrations() -> tuple[Migration, ...]:
    """All files of this release, in order."""
    found = [
        Migration(int(path.name[:4]), path.name, tuple(split(path.read_text(encoding="utf-8"))))
        for path in sorted((Path(__file__).parent / "schema").glob("[0-9][0-9][0-9][0-9]_*.sql"))
    ]
    return tuple(found)


def split(script: str) -> Iterator[str]:
    """Cut a script into its statements; a trigger with its own semicolons is one."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement.strip()
            statement = ""


def migrate(
    connection: sqlite3.Connection,
    steps: Sequence[Migration],
    *,
    before: Callable[[str], None] = lambda _: None,
) -> None:
    """Apply what is missing. `before` is called with each statement before it runs.

    Raises code storage_newer for a database that a newer release wrote, and SQLCipher's errors.
    """
    (present,) = connection.execute("PRAGMA user_version").fetchone()
    newest = steps[-1].number
    if present > newest:
        raise ClientError(Code.STORAGE_NEWER, "this profile was written by a newer version of Letterlock")
    for step in steps:
        if step.number <= present:
            continue
        connection.execute("BEGIN EXCLUSIVE")
        try:
            for statement in (*step.statements, f"PRAGMA user_version = {step.number}", "COMMIT"):
                before(statement)
                connection.execute(statement)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    # Renaming a table leaves SQLite's temporary database open, and then no transaction can choose where it sorts.
    connection.execute("PRAGMA temp_store = DEFAULT")
    connection.execute("PRAGMA temp_store = MEMORY")
