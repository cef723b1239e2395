"""The SQLite store under trouble: what it has answered is there, and what it could not keep it says."""

import asyncio
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from letterlock.ids import EnvelopeId
from letterlock_server.relay.state import PREKEY_RULE
from letterlock_server.stores.interfaces import Copy, StoreError
from letterlock_server.stores.sqlite import connecting
from letterlock_server.stores.sqlite.store import SqliteStore
from tests.server.conftest import Clock
from tests.server.people import NOW


@pytest.fixture
async def sqlite_store(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "relay.db", now=clock, prekeys=PREKEY_RULE)
    await store.open()
    yield store
    await store.close()


def copies(count: int, size: int = 100) -> list[Copy]:
    return [Copy(1, EnvelopeId(secrets.token_bytes(16)), NOW, bytes(size)) for _ in range(count)]


async def keep(store: SqliteStore, several: Sequence[Copy]) -> Sequence[int] | None:
    answer: asyncio.Future[Sequence[int] | None] = asyncio.get_running_loop().create_future()
    store.mail.keep(several, answer.set_result)
    return await answer


def limit_pages(store: SqliteStore, more: int) -> None:
    connection = store._writer._connection
    assert connection is not None
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + more}")


async def on_writer(store: SqliteStore, more: int) -> None:
    await store._writer._on_thread(lambda: limit_pages(store, more))


async def test_a_full_disk_is_said_and_nothing_is_acknowledged_until_there_is_room(
    sqlite_store: SqliteStore,
) -> None:
    assert await keep(sqlite_store, copies(1)) is not None
    await on_writer(sqlite_store, 3)
    assert await keep(sqlite_store, copies(50, 4000)) is None
    assert await sqlite_store.mail.held(1) == 1
    assert sqlite_store.healthy()
    await on_writer(sqlite_store, 100_000)
    assert await keep(sqlite_store, copies(50, 4000)) is not None
    assert await sqlite_store.mail.held(1) == 51


async def test_a_number_is_never_given_twice_even_by_a_transaction_that_failed(
    sqlite_store: SqliteStore,
) -> None:
    first = await keep(sqlite_store, copies(1))
    await on_writer(sqlite_store, 3)
    assert await keep(sqlite_store, copies(50, 4000)) is None
    await on_writer(sqlite_store, 100_000)
    later = await keep(sqlite_store, copies(1))
    assert first is not None
    assert later is not None
    assert later[0] > first[0] + 50


async def test_numbers_go_on_after_a_restart_though_everything_was_deleted(
    tmp_path: Path, clock: Clock
) -> None:
    highest = 0
    for _ in range(3):
        store = SqliteStore(tmp_path / "relay.db", now=clock, prekeys=PREKEY_RULE)
        await store.open()
        sequences = await keep(store, copies(5))
        assert sequences is not None
        assert min(sequences) > highest
        highest = max(sequences)
        forgotten: asyncio.Future[Sequence[int] | None] = asyncio.get_running_loop().create_future()
        store.mail.forget(1, sequences, forgotten.set_result)
        await forgotten
        await store.close()


async def test_one_change_that_fails_does_not_undo_its_neighbours(sqlite_store: SqliteStore) -> None:
    def good(connection: sqlite3.Connection) -> int:
        return connection.execute("INSERT INTO days VALUES (5, 5)").rowcount

    def bad(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO days VALUES (6, 6)")
        raise ValueError("bad")

    writer = sqlite_store._writer
    kept, first, second, third = await asyncio.gather(
        keep(sqlite_store, copies(3)),
        writer.transact(bad),
        writer.transact(good),
        writer.transact(bad),
        return_exceptions=True,
    )
    assert isinstance(kept, Sequence)
    assert second == 1
    assert isinstance(first, ValueError)
    assert isinstance(third, ValueError)
    assert await sqlite_store._reader.rows("SELECT day FROM days WHERE day < 10") == [(5,)]


@pytest.mark.parametrize("turns", range(8))
async def test_a_caller_that_is_cancelled_undoes_nothing_of_anybody(
    sqlite_store: SqliteStore, turns: int
) -> None:
    writer = sqlite_store._writer
    cancelled = asyncio.create_task(writer.transact(lambda db: db.execute("INSERT INTO days VALUES (7, 7)")))
    kept = asyncio.create_task(keep(sqlite_store, copies(10)))
    for _ in range(turns):
        await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.gather(cancelled, return_exceptions=True)
    assert await kept is not None
    assert await sqlite_store.mail.held(1) == 10
    assert await keep(sqlite_store, copies(1)) is not None


async def test_closing_answers_all_that_was_asked_and_takes_nothing_more(
    tmp_path: Path, clock: Clock
) -> None:
    store = SqliteStore(tmp_path / "relay.db", now=clock, prekeys=PREKEY_RULE)
    await store.open()
    pending = [asyncio.create_task(keep(store, copies(5))) for _ in range(20)]
    await asyncio.sleep(0)
    closing_store = asyncio.create_task(store.close())
    assert all(await asyncio.gather(*pending))
    await closing_store
    assert await keep(store, copies(1)) is None
    with pytest.raises(StoreError):
        await store.accounts.find_handle("x")


async def test_a_second_relay_on_the_same_file_is_refused(sqlite_store: SqliteStore, clock: Clock) -> None:
    other = SqliteStore(sqlite_store._path, now=clock, prekeys=PREKEY_RULE)
    with pytest.raises(StoreError, match="another relay"):
        await other.open()
    assert await keep(sqlite_store, copies(1)) is not None


async def test_the_files_are_the_owners_only(sqlite_store: SqliteStore) -> None:
    await keep(sqlite_store, copies(1))
    for path in sqlite_store._path.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name


async def test_a_file_that_is_no_store_is_refused_in_words(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "relay.db"
    path.write_bytes(b"not a database" * 1000)
    store = SqliteStore(path, now=clock, prekeys=PREKEY_RULE)
    with pytest.raises(StoreError, match="cannot be opened"):
        await store.open()


async def test_a_store_of_a_newer_relay_is_refused(sqlite_store: SqliteStore, clock: Clock) -> None:
    path = sqlite_store._path
    await sqlite_store._writer.transact(lambda db: db.execute("SELECT 1"))
    copy = path.with_name("newer.db")
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        await SqliteStore(copy, now=clock, prekeys=PREKEY_RULE).open()


def test_a_migration_stopped_anywhere_is_done_again_from_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (script,) = connecting._steps("letterlock_server.stores.sqlite")[:1]
    statements = connecting._statements(script)
    assert len(statements) > 10
    for stop in range(len(statements) + 1):
        path = str(tmp_path / f"{stop}.db")
        broken = [*statements[:stop], "SELECT no_such_function();"]
        monkeypatch.setattr(connecting, "_statements", lambda _script, broken=broken: broken)
        with pytest.raises(sqlite3.OperationalError):
            connecting.connect_writer(path)
        monkeypatch.undo()
        with closing(connecting.connect_writer(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone()[0] == len(
                connecting._steps("letterlock_server.stores.sqlite")
            )
            assert connection.execute("SELECT count(*) FROM store").fetchone()[0] == 3


async def test_commits_wait_for_the_disk_and_share_the_wait(sqlite_store: SqliteStore) -> None:
    connection = sqlite_store._writer._connection
    assert connection is not None
    settings = await sqlite_store._writer.transact(
        lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "journal_mode")]
    )
    assert settings == [2, "wal"]
    before = sqlite_store.flushes()
    await asyncio.gather(*(keep(sqlite_store, copies(1)) for _ in range(1000)))
    assert sqlite_store.flushes() - before <= 20


@pytest.mark.parametrize("batch", [0, 10**9])
async def test_a_reopened_file_is_believed_only_if_nothing_answered_is_missing(
    tmp_path: Path, clock: Clock, batch: int
) -> None:
    store = SqliteStore(tmp_path / "relay.db", now=clock, prekeys=PREKEY_RULE)
    await store.open()
    await keep(store, copies(1))
    await store.close()
    verdict = connecting.verify(str(tmp_path / "relay.db"), batch)
    assert verdict is (connecting.Verdict.SOUND if batch == 0 else connecting.Verdict.DAMAGED)


SCRIPT = """
import asyncio, secrets, sys
from pathlib import Path
from letterlock.ids import EnvelopeId
from letterlock_server.relay.state import PREKEY_RULE
from letterlock_server.stores.interfaces import Copy
from letterlock_server.stores.sqlite.store import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), now=lambda: 1_800_000_000_000, prekeys=PREKEY_RULE)
    await store.open()
    loop = asyncio.get_running_loop()
    was_red = False
    for number in range(int(sys.argv[2])):
        envelope = secrets.token_bytes(16)
        answer = loop.create_future()
        store.mail.keep([Copy(1, EnvelopeId(envelope), 0, b"x" * 3000)], answer.set_result)
        kept = await answer
        print("kept" if kept else "refused", envelope.hex(), flush=True)
        if not store.healthy():
            was_red = True
            until = loop.time() + 20
            while not store.healthy() and loop.time() < until:
                await asyncio.sleep(0.05)
    print("red" if was_red else "green", "healthy" if store.healthy() else "failing", flush=True)
    await store.close()

asyncio.run(main())
"""


def strace() -> str:
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed")
    probe = subprocess.run([found, "-f", "-e", "trace=none", "true"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip("strace may not trace here")
    return found


def run_under_fault(tmp_path: Path, fault: str, count: int) -> tuple[set[str], set[str], str]:
    path = tmp_path / "relay.db"
    finished = subprocess.run(
        [
            strace(),
            "-f",
            "-qq",
            "-o",
            os.devnull,
            "-e",
            f"inject={fault}",
            sys.executable,
            "-c",
            SCRIPT,
            str(path),
            str(count),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    lines = [line.split() for line in finished.stdout.splitlines()]
    kept = {line[1] for line in lines if line[0] == "kept"}
    refused = {line[1] for line in lines if line[0] == "refused"}
    return kept, refused, finished.stdout.splitlines()[-1]


def stored(tmp_path: Path) -> set[str]:
    with closing(sqlite3.connect(tmp_path / "relay.db")) as connection:
        return {row[0].hex() for row in connection.execute("SELECT envelope FROM envelopes")}


def test_a_flush_that_failed_is_never_believed_and_the_store_comes_back(tmp_path: Path) -> None:
    kept, refused, last = run_under_fault(tmp_path, "fdatasync:error=EIO:when=12", 30)
    assert refused
    assert last == "red healthy"
    assert kept <= stored(tmp_path)
    assert len(kept) + len(refused) == 30


def test_a_disk_without_space_refuses_and_recovers(tmp_path: Path) -> None:
    kept, refused, last = run_under_fault(tmp_path, "pwrite64:error=ENOSPC:when=90..94", 30)
    assert refused
    assert kept
    assert last.endswith("healthy")
    assert kept <= stored(tmp_path)
