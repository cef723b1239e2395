"""What is on disk after a process died, a disk filled or failed, and when a migration is cut short."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.storage import messages
from letterlock_client.storage.cipher import connect, make_file
from letterlock_client.storage.database import Database
from letterlock_client.storage.migrations import Migration, migrate, migrations, split
from tests.client.storage import victim
from tests.client.storage.chat import CHAT, KEY, make_chat, message

ROOT = Path(__file__).parents[3]
PAGE_BYTES = 8192
STATEMENTS = sum(len(step.statements) + 2 for step in migrations())


def start(kind: str, path: Path, *more: str, before: Sequence[str] = ()) -> "subprocess.Popen[str]":
    # `tests` is imported from the root of the repository, as pytest does.
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [*before, sys.executable, victim.__file__, kind, str(path), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


@pytest.mark.parametrize(
    ("kind", "pairs"), [("write", 1), ("write", 40), ("write", 300), ("write-as-before", 40)]
)
def test_what_was_acknowledged_before_a_kill_is_there_whole(path: Path, kind: str, pairs: int) -> None:
    with start(kind, path) as process:
        assert process.stdout is not None
        for _ in range(pairs):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read().split()
    acknowledged = 2 * (pairs + len(rest))
    found = asyncio.run(count(path))
    assert found % 2 == 0
    assert acknowledged <= found <= acknowledged + 2


async def count(path: Path) -> int:
    async with await Database.open(path, KEY) as database:
        timeline = await database.read(lambda reader: messages.timeline(reader, CHAT))
        await database.write(lambda tx: messages.add(tx, message(10**9)))
        integrity = await database.read(lambda reader: reader.value("PRAGMA integrity_check"))
        assert integrity == "ok"
        return len(timeline.rows)


def test_a_migration_killed_at_any_statement_is_completed_by_the_next_start(tmp_path: Path) -> None:
    with start("migrate", tmp_path, str(STATEMENTS)) as process:
        output, _ = process.communicate(timeout=120)
    assert output.split() == [str(-signal.SIGKILL)] * STATEMENTS
    for statement in range(STATEMENTS):
        assert asyncio.run(usable(tmp_path / f"{statement}.db"))


async def usable(path: Path) -> bool:
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        return await database.write(lambda tx: messages.add(tx, message(1)))


def test_a_later_migration_that_fails_leaves_the_database_as_it_was(path: Path) -> None:
    asyncio.run(usable(path))
    newest = migrations()[-1].number
    steps = (
        *migrations(),
        Migration(newest + 1, "next.sql", ("CREATE TABLE next (a)", "INSERT INTO message (id) VALUES (1)")),
    )
    connection = connect(path, KEY, write=True)
    with pytest.raises(Exception, match="NOT NULL"):
        migrate(connection, steps)
    assert connection.execute("PRAGMA user_version").fetchone() == (newest,)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'next'").fetchone() == (0,)
    connection.close()
    assert asyncio.run(count(path)) == 1


def test_a_database_of_a_newer_release_is_refused_untouched(path: Path) -> None:
    make_file(path)
    connection = connect(path, KEY, write=True)
    connection.execute("PRAGMA user_version = 9999")
    connection.close()
    with pytest.raises(ClientError) as caught:
        asyncio.run(usable(path))
    assert caught.value.code is Code.STORAGE_NEWER


def test_migrations_are_numbered_without_a_gap() -> None:
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_trigger_is_one_statement() -> None:
    trigger = "-- Why; not what.\nCREATE TRIGGER c AFTER INSERT ON a BEGIN\n SELECT 1;\n SELECT 2;\nEND;\n"
    script = "CREATE TABLE a (b);\n" + trigger
    assert [statement.split()[-1] for statement in split(script)] == ["(b);", "END;"]


async def test_a_full_disk_is_named_saves_nothing_and_passes(database: Database) -> None:
    pages = int(await database.read(lambda reader: reader.value("PRAGMA page_count")))
    await database.write(lambda tx: tx.all(f"PRAGMA max_page_count = {pages + 5}"))
    big = message(1, text="x" * 100_000)
    with pytest.raises(ClientError) as caught:
        await database.write(lambda tx: messages.add(tx, big))
    assert caught.value.code is Code.STORAGE_FULL
    assert await database.read(lambda reader: messages.get(reader, big.id)) is None
    await database.write(lambda tx: tx.all("PRAGMA max_page_count = 100000"))
    assert await database.write(lambda tx: messages.add(tx, big))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_without_any_room_is_named_where_the_database_is_opened(path: Path) -> None:
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", path.parent], capture_output=True, check=False
    ).returncode:
        pytest.skip("nothing can be mounted here")
    try:
        assert asyncio.run(usable(path))
        filler = path.parent / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        with pytest.raises(ClientError) as caught:
            asyncio.run(count(path))
        assert caught.value.code is Code.STORAGE_FULL
        filler.unlink()
        assert asyncio.run(count(path)) == 1
    finally:
        subprocess.run(["umount", "-l", path.parent], check=True)


def test_a_disk_that_fails_to_write_loses_nothing_acknowledged_and_is_not_believed_again(path: Path) -> None:
    with start("fail", path, "3000000") as process:
        output, _ = process.communicate(timeout=60)
    check_failed_disk(path, output)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace to make fdatasync fail")
def test_a_disk_that_fails_to_sync_loses_nothing_acknowledged_and_is_not_believed_again(path: Path) -> None:
    inject = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "inject=fdatasync,fsync:error=EIO:when=40+"]
    with start("fail", path, "0", before=inject) as process:
        output, _ = process.communicate(timeout=60)
    if process.returncode and not output:
        pytest.skip("strace may not trace here")
    check_failed_disk(path, output)


def check_failed_disk(path: Path, output: str) -> None:
    lines = [line.split() for line in output.splitlines()]
    saved = [int(number) for word, number in lines if word == "saved"]
    assert [word for word, _ in lines if word != "saved"] == [Code.STORAGE_FAILED] * 3
    assert len(saved) > 10

    async def found() -> list[int]:
        async with await Database.open(path, KEY) as database:
            kept = await database.read(lambda reader: messages.last(reader, CHAT, 10_000))
            return [int.from_bytes(each.id) for each in kept]

    # The first one that was refused may have reached the disk whole; none after it was tried.
    kept = asyncio.run(found())
    assert kept[: len(saved)] == saved
    assert len(kept) <= len(saved) + 1


def test_a_damaged_page_is_named(path: Path) -> None:
    asyncio.run(usable(path))
    damage(path, first=1)

    async def read() -> None:
        async with await Database.open(path, KEY) as database:
            await database.read(lambda reader: messages.last(reader, CHAT, 10))

    with pytest.raises(ClientError) as caught:
        asyncio.run(read())
    assert caught.value.code is Code.STORAGE_DAMAGED


def test_a_database_whose_first_page_is_damaged_is_named_before_anything_is_read(path: Path) -> None:
    asyncio.run(usable(path))
    damage(path, first=0)
    with pytest.raises(ClientError) as caught:
        asyncio.run(Database.open(path, KEY))
    assert caught.value.code is Code.STORAGE_DAMAGED


def damage(path: Path, *, first: int) -> None:
    """Flip one bit of each page from that one on."""
    raw = bytearray(path.read_bytes())
    for page in range(first, len(raw) // PAGE_BYTES):
        raw[page * PAGE_BYTES + 100] ^= 1
    path.write_bytes(raw)


def test_another_key_opens_no_database_whichever_release_made_it(path: Path, tmp_path: Path) -> None:
    asyncio.run(usable(path))
    recorded = tmp_path / "recorded.db"
    shutil.copy(ROOT / "tests" / "recorded" / "profile" / "messages.db", recorded)
    for each in (path, recorded):
        before = each.read_bytes()
        with pytest.raises(ClientError) as caught:
            asyncio.run(Database.open(each, bytes(32)))
        assert caught.value.code is Code.STORAGE_DAMAGED
        assert each.read_bytes() == before


def test_the_file_is_no_plain_database(path: Path) -> None:
    asyncio.run(usable(path))
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError):
        connection.execute("SELECT * FROM sqlite_master")
    connection.close()
