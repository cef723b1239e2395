"""While much is written, what was committed moves into the database in another thread, and the writer goes on."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import pytest

from letterlock_client.storage import checkpoints, messages
from letterlock_client.storage.database import Database, Reader, Transaction
from tests.client.storage.chat import KEY, make_chat, message

MANY: Final = 400
T = TypeVar("T")


async def write_much(tx: Transaction, first: int) -> None:
    for number in range(first, first + MANY):
        await messages.add(tx, message(number, text="x" * 4000))


async def pages(database: Database) -> int:
    """How many pages the database has room for, in the log or not."""
    return int(await database.read(lambda reader: reader.value("PRAGMA page_count")))


def in_file(path: Path) -> int:
    return path.stat().st_size // 4096


async def moved(path: Path, database: Database, due: Callable[[], None]) -> None:
    """Call for checkpoints until the file has every page: none passes a view that somebody still has."""
    async with asyncio.timeout(20):
        while in_file(path) < await pages(database):
            due()
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
            await moved(path, database, due)
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


async def test_what_went_wrong_comes_out_though_the_database_was_closed_meanwhile(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "messages.db", KEY)

    async def use() -> None:
        async with checkpoints.beside(database) as due:
            await database.close()
            due()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await use()


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
            await moved(path, database, due)
    async with await Database.open(path, KEY) as database:
        assert await database.read(count) == MANY


async def count(reader: Reader) -> int:
    return int(await reader.value("SELECT count(*) FROM message"))


async def test_the_writer_makes_them_again_where_somebody_is_cancelled_as_they_begin(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "messages.db", KEY) as database:
        usual = await due_for_the_writer(database)
        written = asyncio.Event()

        class Late(Database):
            """Its answers do not come."""

            async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
                result = await database.write(work)
                if not written.is_set():
                    written.set()
                    await asyncio.Event().wait()
                return result

        async def use() -> None:
            async with checkpoints.beside(Late(lambda _: None)):
                raise AssertionError

        using = asyncio.create_task(use())
        await written.wait()
        assert await due_for_the_writer(database) > usual
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        assert await due_for_the_writer(database) == usual


async def test_the_writer_makes_them_again_where_nobody_waits_for_their_end(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "messages.db", KEY) as database:
        usual = await due_for_the_writer(database)
        inside, writing, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def busy(_tx: Transaction) -> None:
            writing.set()
            await go_on.wait()

        async def use() -> None:
            async with checkpoints.beside(database):
                inside.set()
                await asyncio.Event().wait()

        using = asyncio.create_task(use())
        await inside.wait()
        other = asyncio.create_task(database.write(busy))
        await writing.wait()
        using.cancel()
        async with asyncio.timeout(20):
            while not database.writer_is_waited_for:
                await asyncio.sleep(0)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        go_on.set()
        await other
        assert await due_for_the_writer(database) == usual
