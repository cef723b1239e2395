"""Messages are found by their ids, each by one, whatever a restore that nobody ended has left behind."""

import sqlite3
from pathlib import Path

import pytest

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


@pytest.mark.parametrize("room", [True, False])
async def test_ids_are_sorted_in_files_where_these_lie_in_memory_and_else_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: bool
) -> None:
    monkeypatch.setattr(message_indexes, "_has_room", lambda size: room and size == 3 * 64)
    leave_newest = message_indexes._leave_newest
    chosen = []

    def watched(connection: sqlite3.Connection) -> None:
        chosen.append(settings(connection))
        leave_newest(connection)

    monkeypatch.setattr(message_indexes, "_leave_newest", watched)
    async with await Database.open(tmp_path / "sorted.db", KEY) as database:
        await database.write(make_chat)
        for number in (1, 2, 3):
            await database.write(lambda tx, number=number: messages.add(tx, message(number)))  # type: ignore[misc]
        await database.write(twice)
        usual = await database.write(lambda tx: tx.run(settings))
        await database.write(lambda tx: tx.run(message_indexes.make))
        assert await database.read(there)
        assert await database.write(lambda tx: tx.run(settings)) == usual
    assert usual[0] == IN_MEMORY
    assert chosen == [(IN_FILES, "/dev/shm", -1000, 1) if room else usual]


def settings(connection: sqlite3.Connection) -> tuple[int, str, int, int]:
    """Where SQLite puts what it needs for a moment, how much it keeps, and how many threads help it."""
    found = [
        connection.execute(f"PRAGMA {name}").fetchone()
        for name in ("temp_store", "temp_store_directory", "cache_size", "threads")
    ]
    return tuple(row[0] if row else None for row in found)  # type: ignore[return-value]


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
