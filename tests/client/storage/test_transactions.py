"""What a transaction promises: whole or not at all, whoever cancels, fails or reads meanwhile."""

import asyncio
import contextlib
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import MisuseError
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import MessageAdded, MessageRemoved
from letterlock_client.storage import database as module
from letterlock_client.storage import messages
from letterlock_client.storage import settings as facts
from letterlock_client.storage.database import Database, Reader, Transaction
from tests.client.storage.chat import CHAT, KEY, Told, message


async def names(database: Database) -> set[str]:
    rows = await database.read(lambda reader: reader.all("SELECT name FROM fact"))
    return {name for (name,) in rows}


async def put(tx: Transaction, *wanted: str) -> None:
    for name in wanted:
        await facts.set_fact(tx, name, b"")


class TestWriting:
    async def test_what_write_returned_is_seen_by_the_next_reader(self, database: Database) -> None:
        for number in range(20):
            await database.write(lambda tx, number=number: put(tx, f"{number}"))
            assert f"{number}" in await names(database)

    async def test_an_error_takes_back_its_own_work_only(self, database: Database) -> None:
        async def fails(tx: Transaction) -> None:
            await put(tx, "lost")
            raise ValueError("no")

        results = await asyncio.gather(
            database.write(lambda tx: put(tx, "before")),
            database.write(fails),
            database.write(lambda tx: put(tx, "after")),
            return_exceptions=True,
        )
        assert isinstance(results[1], ValueError)
        assert await names(database) == {"before", "after"}

    async def test_a_statement_that_is_refused_is_our_fault_and_saves_nothing(
        self, database: Database
    ) -> None:
        async def wrong(tx: Transaction) -> None:
            await put(tx, "lost")
            await tx.execute("INSERT INTO session (account) VALUES (1)")

        with pytest.raises(MisuseError):
            await database.write(wrong)
        assert await names(database) == set()

    async def test_work_that_asks_for_a_second_transaction_is_refused_instead_of_waiting_for_itself(
        self, database: Database
    ) -> None:
        async def nested(_: Transaction) -> None:
            await database.write(put)

        with pytest.raises(MisuseError, match="wait for itself"):
            await asyncio.wait_for(database.write(nested), 5)

    async def test_a_transaction_cannot_be_used_after_its_end(self, database: Database) -> None:
        kept: list[Transaction] = []

        async def keep(tx: Transaction) -> None:
            kept.append(tx)

        await database.write(keep)
        with pytest.raises(MisuseError, match="over"):
            await put(kept[0], "late")
        assert await names(database) == set()

    async def test_work_that_takes_too_long_is_taken_back(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "WORK_S", 0.05)

        async def endless(tx: Transaction) -> None:
            await put(tx, "lost")
            await tx.all(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
            )

        with pytest.raises(ClientError) as caught:
            await asyncio.wait_for(database.write(endless), 10)
        assert caught.value.code is Code.STORAGE_BUSY
        await database.write(lambda tx: put(tx, "kept"))
        assert await names(database) == {"kept"}

    async def test_work_that_comes_upon_a_cancellation_does_not_end_the_writer(
        self, database: Database
    ) -> None:
        async def stumbles(view: Reader) -> None:
            if isinstance(view, Transaction):
                await put(view, "lost")
            raise asyncio.CancelledError

        with pytest.raises(ClientError):
            await database.write(stumbles)
        for _ in range(module.READERS):
            with pytest.raises(ClientError):
                await database.read(stumbles)
        await database.write(lambda tx: put(tx, "kept"))
        assert await names(database) == {"kept"}

    async def test_a_transaction_that_the_database_gave_up_takes_nothing_more(
        self, database: Database
    ) -> None:
        pages = int(await database.read(lambda reader: reader.value("PRAGMA page_count")))
        await database.write(lambda tx: tx.all(f"PRAGMA max_page_count = {pages + 5}"))

        async def goes_on(tx: Transaction) -> None:
            with contextlib.suppress(ClientError):
                await facts.set_fact(tx, "big", bytes(200_000))
            with contextlib.suppress(ClientError):
                await put(tx, "on its own")

        with pytest.raises(ClientError) as caught:
            await database.write(goes_on)
        assert caught.value.code is Code.STORAGE_FULL
        assert await names(database) == set()


class TestEvents:
    async def test_events_come_after_the_commit_in_order(self, database: Database, told: Told) -> None:
        seen: list[bool] = []

        async def work(tx: Transaction) -> None:
            await messages.add(tx, message(1))
            tx.events.append(MessageAdded(message(1)))
            tx.events.append(MessageRemoved(CHAT, message(2).id))
            tx.after_commit(lambda: seen.append(told.events == []))
            assert told.events == []

        await database.write(work)
        assert [type(event) for event in told.events] == [MessageAdded, MessageRemoved]
        assert seen == [True]

    async def test_nothing_is_told_of_what_was_not_saved(self, database: Database, told: Told) -> None:
        called: list[int] = []

        async def work(tx: Transaction) -> None:
            tx.events.append(MessageAdded(message(1)))
            tx.after_commit(lambda: called.append(1))
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            await database.write(work)
        assert told.events == []
        assert called == []

    async def test_a_listener_that_fails_stops_nobody(self, database: Database) -> None:
        heard: list[object] = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: heard.append(context["exception"])
        )

        async def work(tx: Transaction) -> None:
            await put(tx, "kept")
            tx.after_commit(lambda: 1 // 0)  # type: ignore[arg-type,return-value]

        await database.write(work)
        await database.write(lambda tx: put(tx, "next"))
        assert await names(database) == {"kept", "next"}
        assert isinstance(heard[0], ZeroDivisionError)


class TestCancellation:
    @settings(max_examples=60, deadline=None)
    @given(steps=st.integers(0, 60), size=st.integers(1, 4))
    def test_a_caller_cancelled_at_any_await_leaves_all_or_nothing(self, steps: int, size: int) -> None:
        asyncio.run(self._cancelled_after(steps, size))

    async def _cancelled_after(self, steps: int, size: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with await Database.open(Path(folder) / "messages.db", KEY) as database:
                wanted = {f"{number}" for number in range(size)}
                task = asyncio.create_task(database.write(lambda tx: put(tx, *sorted(wanted))))
                # Each turn of the loop lets the task and the writer go one await further.
                for _ in range(steps):
                    await asyncio.sleep(0 if steps % 2 else 0.0002)
                cancelled = task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                await database.write(lambda tx: put(tx, "other"))
                found = await names(database) - {"other"}
                assert found in (set(), wanted)
                if not cancelled:
                    assert found == wanted

    async def test_no_acknowledged_row_is_lost_to_somebody_elses_rollback(self, database: Database) -> None:
        acknowledged: set[str] = set()

        async def good(name: str) -> None:
            await database.write(lambda tx: put(tx, name, name + " too"))
            acknowledged.update((name, name + " too"))

        async def bad(number: int) -> None:
            async def work(tx: Transaction) -> None:
                await put(tx, f"bad {number}")
                await asyncio.sleep(0)
                raise ValueError("no")

            with contextlib.suppress(ValueError):
                await database.write(work)

        tasks = [
            asyncio.create_task(good(f"good {number}") if number % 2 else bad(number)) for number in range(80)
        ]
        await asyncio.sleep(0.01)
        for task in tasks[::3]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        found = await names(database)
        assert acknowledged <= found
        assert not {name for name in found if name.startswith("bad")}
        assert all((name + " too" in found) for name in found if not name.endswith("too"))

    async def test_a_caller_that_leaves_before_its_turn_takes_its_work_along(
        self, database: Database
    ) -> None:
        gate = asyncio.Event()

        async def holds(_: Transaction) -> None:
            await gate.wait()

        holder = asyncio.create_task(database.write(holds))
        waiter = asyncio.create_task(database.write(lambda tx: put(tx, "never")))
        await asyncio.sleep(0.01)
        waiter.cancel()
        gate.set()
        await holder
        with pytest.raises(asyncio.CancelledError):
            await waiter
        assert await names(database) == set()


class TestReading:
    async def test_a_reader_sees_one_state_and_waits_for_no_writer(self, database: Database) -> None:
        reading, written = asyncio.Event(), asyncio.Event()

        async def reads(reader: Reader) -> list[int]:
            counts = [int(await reader.value("SELECT count(*) FROM fact"))]
            reading.set()
            await written.wait()
            return [*counts, int(await reader.value("SELECT count(*) FROM fact"))]

        task = asyncio.create_task(database.read(reads))
        await reading.wait()
        await asyncio.wait_for(database.write(lambda tx: put(tx, "new")), 5)
        written.set()
        assert await task == [0, 0]
        assert await names(database) == {"new"}

    async def test_a_reader_cannot_write(self, database: Database) -> None:
        with pytest.raises(ClientError):
            await database.read(
                lambda reader: reader.all("INSERT INTO fact VALUES ('x', x'', 0) RETURNING 1")
            )
        assert await names(database) == set()

    async def test_a_cancelled_reader_leaves_the_next_one_a_fresh_view(self, database: Database) -> None:
        for _ in range(module.READERS + 1):
            started = asyncio.Event()

            async def reads(reader: Reader, started: asyncio.Event = started) -> None:
                await reader.value("SELECT count(*) FROM fact")
                started.set()
                await asyncio.sleep(0.02)

            task = asyncio.create_task(database.read(reads))
            await started.wait()
            task.cancel()
        await database.write(lambda tx: put(tx, "new"))
        await asyncio.sleep(0.05)
        assert [await names(database) for _ in range(4)] == [{"new"}] * 4


def check_no_new_thread(before: set[threading.Thread]) -> None:
    for thread in set(threading.enumerate()) - before:
        # Told to end; it may still have its last instructions to run.
        thread.join(5)
        assert not thread.is_alive()


class TestClosing:
    async def test_closing_leaves_no_thread_and_no_journal(self, path: Path) -> None:
        before = set(threading.enumerate())
        database = await Database.open(path, KEY)
        await database.write(lambda tx: put(tx, "kept"))
        assert set(threading.enumerate()) - before
        await database.close()
        await database.close()
        check_no_new_thread(before)
        assert {each.name for each in path.parent.iterdir()} == {path.name}

    async def test_what_was_asked_before_closing_is_done_and_nothing_after(self, path: Path) -> None:
        database = await Database.open(path, KEY)
        tasks = [
            asyncio.create_task(database.write(lambda tx, number=number: put(tx, f"{number}")))
            for number in range(50)
        ]
        await asyncio.sleep(0)
        await database.close()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
        with pytest.raises(ClientError) as caught:
            await database.write(put)
        assert caught.value.code is Code.CLOSED
        with pytest.raises(ClientError):
            await database.read(lambda reader: reader.all("SELECT 1"))
        async with await Database.open(path, KEY) as again:
            assert len(await names(again)) == 50

    async def test_a_crowd_larger_than_the_queue_gets_an_answer_from_a_closing_database(
        self, path: Path
    ) -> None:
        database = await Database.open(path, KEY)
        tasks = [
            asyncio.create_task(database.write(lambda tx, number=number: put(tx, f"{number}")))
            for number in range(module.QUEUED + 200)
        ]
        await asyncio.sleep(0)
        await database.close()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        refused = [result for result in results if result is not None]
        assert all(isinstance(error, ClientError) and error.code is Code.CLOSED for error in refused)
        async with await Database.open(path, KEY) as again:
            assert len(await names(again)) == len(results) - len(refused)

    def test_a_loop_that_ends_without_closing_still_ends_every_thread(self, path: Path) -> None:
        before = set(threading.enumerate())

        async def forgets() -> None:
            database = await Database.open(path, KEY)
            await database.write(lambda tx: put(tx, "kept"))

        asyncio.run(forgets())
        check_no_new_thread(before)

    async def test_opening_with_another_key_fails_and_leaves_no_thread(self, path: Path) -> None:
        async with await Database.open(path, KEY):
            pass
        before = set(threading.enumerate())
        with pytest.raises(ClientError) as caught:
            await Database.open(path, bytes(32))
        assert caught.value.code is Code.STORAGE_DAMAGED
        check_no_new_thread(before)
