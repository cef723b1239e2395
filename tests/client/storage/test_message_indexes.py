"""Messages are found by their ids, each by one, whatever a restore that nobody ended has left behind."""

import sqlite3
from pathlib import Path
from typing import cast

import pytest
from sqlcipher3.dbapi2 import OperationalError  # type: ignore[import-untyped]

from letterlock.errors import MisuseError
from letterlock_client.errors import ClientError, Code
from letterlock_client.models import Reaction
from letterlock_client.storage import message_indexes, message_triggers, messages
from letterlock_client.storage.database import Database, Reader, Transaction
from tests.client.storage.chat import BOB, CHAT, KEY, make_chat, message

IN_FILES, IN_MEMORY = 1, 2
"""Of `PRAGMA temp_store`."""


async def there(reader: Reader) -> bool:
    return await reader.run(message_indexes.is_there)


async def test_whoever_opens_a_history_that_was_left_without_its_index_makes_it(tmp_path: Path) -> None:
    path = tmp_path / "left.db"
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        await database.write(lambda tx: messages.add(tx, message(1)))
        await database.write(lambda tx: tx.run(message_indexes.drop))
        assert not await database.read(there)
    async with await Database.open(path, KEY) as database:
        assert await database.read(there)
        assert await database.write(lambda tx: messages.get(tx, message(1).id)) is not None
        # One that is here does not come a second time.
        assert not await database.write(lambda tx: messages.add(tx, message(1)))


async def test_of_a_message_that_stands_at_two_places_the_newest_version_stays(tmp_path: Path) -> None:
    path = tmp_path / "twice.db"
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        for number in (1, 2, 3):
            await database.write(lambda tx, number=number: messages.add(tx, message(number)))  # type: ignore[misc]
        await database.write(lambda tx: messages.react(tx, message(1).id, BOB, "!", 5))
        await database.write(twice)
    async with await Database.open(path, KEY) as database:
        kept = await database.read(lambda reader: messages.last(reader, CHAT, 9))
        assert [each.id for each in kept] == [message(1).id, message(2).id]
        assert kept[0].reactions == (Reaction(BOB, "!"),)
        # The other version was not deleted by anybody: no backup may say so.
        assert await database.read(lambda reader: reader.all("SELECT id FROM tombstone")) == []
        await database.write(lambda tx: messages.remove(tx, message(1).id))
        assert len(await database.read(lambda reader: reader.all("SELECT id FROM tombstone"))) == 1


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("room", [True, False])
async def test_ids_are_sorted_in_files_where_these_lie_in_memory_and_else_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool, double: bool
) -> None:
    monkeypatch.setattr(message_indexes, "_has_room", lambda size: room and size == 3 * 64)
    async with await Database.open(tmp_path / "sorted.db", KEY) as database:
        await without_index(database)
        if double:
            await database.write(twice)
        usual = await database.write(lambda tx: tx.run(settings))
        watched = Watched()
        await database.write(lambda tx: tx.run(watched.make))
        assert await database.read(there)
        assert await database.write(lambda tx: tx.run(settings)) == usual
    assert usual[0] == IN_MEMORY
    # Whoever takes superseded ones away has something open that lies elsewhere.
    assert watched.chosen == [(IN_FILES, -1000, 1) if room else usual, *([usual] if double else [])]


async def test_where_nobody_may_write_files_into_memory_ids_are_sorted_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_indexes, "_has_room", lambda _size: True)
    monkeypatch.setattr(message_indexes, "_MEMORY", str(tmp_path / "none"))
    async with await Database.open(tmp_path / "sorted.db", KEY) as database:
        await without_index(database)
        await database.write(lambda tx: tx.run(message_indexes.make))
        assert await database.read(there)


async def test_where_memory_is_full_in_the_middle_ids_are_sorted_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_indexes, "_has_room", lambda _size: True)
    async with await Database.open(tmp_path / "sorted.db", KEY) as database:
        await without_index(database)
        usual = await database.write(lambda tx: tx.run(settings))
        watched = Watched(OperationalError("database or disk is full"))
        await database.write(lambda tx: tx.run(watched.make))
        assert await database.read(there)
    assert [each[0] for each in watched.chosen] == [IN_FILES, IN_MEMORY]
    assert watched.chosen[1] == usual


async def test_what_took_the_whole_transaction_back_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_indexes, "_has_room", lambda _size: True)
    async with await Database.open(tmp_path / "sorted.db", KEY) as database:
        await without_index(database)
        watched = Watched(OperationalError("disk I/O error"), takes_back=True)
        with pytest.raises(MisuseError, match="disk I/O error"):
            await database.write(lambda tx: tx.run(watched.make))
        assert not await database.read(there)
    # Whoever opens it asks no file: the profile has to open.
    monkeypatch.setattr(message_indexes, "_may_use_files", pytest.fail)
    async with await Database.open(tmp_path / "sorted.db", KEY) as database:
        assert await database.read(there)


async def without_index(database: Database) -> None:
    """Put three messages in, and take the index away."""
    await database.write(make_chat)
    for number in (1, 2, 3):
        await database.write(lambda tx, number=number: messages.add(tx, message(number)))  # type: ignore[misc]
    await database.write(lambda tx: tx.run(message_indexes.drop))


class Watched:
    """A connection that notes what is chosen each time the index is made, and may fail the first time."""

    def __init__(self, failure: Exception | None = None, *, takes_back: bool = False) -> None:
        self.chosen: list[tuple[int, int, int]] = []
        self._failure, self._takes_back = failure, takes_back

    def make(self, connection: sqlite3.Connection) -> None:
        """Make the index on this connection."""
        self._connection = connection
        message_indexes.make(cast(sqlite3.Connection, self))

    def execute(self, sql: str) -> sqlite3.Cursor:
        """Run a statement."""
        if sql.startswith("CREATE UNIQUE INDEX"):
            self.chosen.append(settings(self._connection))
            if self._failure is not None:
                failure, self._failure = self._failure, None
                if self._takes_back:
                    self._connection.execute("ROLLBACK")
                raise failure
        return self._connection.execute(sql)

    @property
    def in_transaction(self) -> bool:
        """Whether there is a transaction."""
        return self._connection.in_transaction


def settings(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Where SQLite puts what it needs for a moment, how much it keeps, and how many threads help it."""
    found = [
        connection.execute(f"PRAGMA {name}").fetchone() for name in ("temp_store", "cache_size", "threads")
    ]
    if found[0] == (IN_FILES,):
        assert connection.execute("PRAGMA temp_store_directory").fetchone() == ("/dev/shm",)
    return tuple(row[0] for row in found)  # type: ignore[return-value]


async def test_an_opening_that_fails_in_the_middle_leaves_no_deletion_uncounted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cut.db"
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        for number in (1, 2, 3):
            await database.write(lambda tx, number=number: messages.add(tx, message(number)))  # type: ignore[misc]
        await database.write(twice)

    def full(*_: object) -> None:
        raise ClientError(Code.STORAGE_FULL, "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(message_triggers, "make", full)
        with pytest.raises(ClientError, match="full"):
            await Database.open(path, KEY)
    async with await Database.open(path, KEY) as database:
        await database.write(lambda tx: messages.remove(tx, message(2).id))
        assert len(await database.read(lambda reader: reader.all("SELECT id FROM tombstone"))) == 1


async def twice(tx: Transaction) -> None:
    """Give the third message the id of the first, in an older version."""
    await tx.run(message_indexes.drop)
    await tx.execute("UPDATE message SET id = ?, change_seq = 1 WHERE row = 3", message(1).id)
