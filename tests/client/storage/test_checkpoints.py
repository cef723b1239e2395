"""While much is written, what was committed moves into the database in another thread, and the writer goes on."""

import asyncio
from functools import partial
from pathlib import Path

from letterlock_client.storage import checkpoints, messages
from letterlock_client.storage.database import Database, Reader, Transaction
from tests.client.storage.chat import KEY, make_chat, message

MANY = 400


async def write_much(tx: Transaction, first: int) -> None:
    for number in range(first, first + MANY):
        await messages.add(tx, message(number, text="x" * 4000))


async def pages(database: Database) -> int:
    """How many pages the database has room for, in the log or not."""
    return int(await database.read(lambda reader: reader.value("PRAGMA page_count")))


def in_file(path: Path) -> int:
    return path.stat().st_size // 4096


async def turns(path: Path, database: Database) -> None:
    """Wait until the file has every page, which only a checkpoint gives it."""
    async with asyncio.timeout(20):
        while in_file(path) < await pages(database):
            await asyncio.sleep(0)


async def due_for_the_writer(database: Database) -> int:
    return int(await database.write(lambda tx: tx.value("PRAGMA wal_autocheckpoint")))


async def test_what_was_committed_moves_into_the_database_when_it_is_called_for(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        before = in_file(path)
        async with checkpoints.beside(database) as due:
            await database.write(partial(write_much, first=1))
            await database.write(partial(write_much, first=1 + MANY))
            # More than the writer would wait with elsewhere, and it does not touch it here.
            assert in_file(path) == before
            due()
            await turns(path, database)
        assert await database.read(count) == 2 * MANY


async def test_the_writer_makes_them_again_when_it_is_over_and_when_it_failed(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "messages.db", KEY) as database:
        usual = await due_for_the_writer(database)
        try:
            async with checkpoints.beside(database):
                assert await due_for_the_writer(database) > usual
                raise InterruptedError
        except InterruptedError:
            assert await due_for_the_writer(database) == usual


async def test_somebody_who_reads_meanwhile_sees_one_view_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "messages.db"
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        reading, go_on = asyncio.Event(), asyncio.Event()

        async def long_look(reader: Reader) -> tuple[int, int]:
            before = await count(reader)
            reading.set()
            await go_on.wait()
            return before, await count(reader)

        look = asyncio.create_task(database.read(long_look))
        await reading.wait()
        async with checkpoints.beside(database) as due:
            await database.write(partial(write_much, first=1))
            due()
            go_on.set()
            assert await look == (0, 0)
            due()
            await turns(path, database)
    async with await Database.open(path, KEY) as database:
        assert await database.read(count) == MANY


async def count(reader: Reader) -> int:
    return int(await reader.value("SELECT count(*) FROM message"))
