"""What a realm's files promise when power goes, disks fail, and keys are destroyed."""

import contextlib
import os
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest

from letterlock_server.stores.vault_interfaces import Door, Record, StoreError
from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore
from tests.server.vault.running import files_hold
from tests.server.vault.test_vault_store_contract import ALICE, put, record, standing

STEPS = ("_take_slot", "_commit", "_zero", "_cut_log")
SECRET_KEY = bytes(range(64))
OTHER_KEY = bytes(range(64, 128))


class PowerCut(BaseException):
    """Nothing after this happens in the process."""


class Cut(SqliteVaultStore):
    """A store that stops dead before or after one of its steps."""

    def __init__(self, path: Path, step: str, when: str) -> None:
        super().__init__(path)
        self.armed = False
        original = getattr(self, step)

        def stopping(*arguments: Any) -> Any:
            if self.armed and when == "before":
                raise PowerCut
            result = original(*arguments)
            if self.armed:
                raise PowerCut
            return result

        setattr(self, step, stopping)

    def drop(self, folder: Path) -> None:
        """Copy the files as they lie on disk, and let go without any of the steps of closing."""
        for path in list(self._path.parent.iterdir()):
            if path.is_file() and not path.name.endswith((".lock", "-shm")):
                shutil.copy(path, folder / path.name)


def keyed(epoch: int, key: bytes) -> Record:
    return Record(epoch=epoch, statement=b"s", door_hash=bytes(32), receipts=(), box=b"box" * 100, key=key)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_power_cut_at_any_step_leaves_the_old_state_or_the_new_one(
    tmp_path: Path, step: str, when: str
) -> None:
    live, after = tmp_path / "live", tmp_path / "after"
    live.mkdir()
    after.mkdir()
    store = Cut(live / "vault.db", step, when)
    await store.open()
    old = standing(record=keyed(1, SECRET_KEY), by_handle=Door(1, 1))
    new = standing(record=keyed(2, OTHER_KEY), by_handle=Door(2, 2), entries=1)
    await put(store, old)
    store.armed = True
    with pytest.raises(PowerCut):
        await put(store, new, b"entry")
    store.drop(after)
    store.armed = False
    await store.close()
    again = SqliteVaultStore(after / "vault.db")
    await again.open()
    found = await again.find(ALICE)
    assert found in (old, new)
    assert (found == new) == (await again.ledger(ALICE, 0, 9) == [b"entry"])
    await again.close()
    # Whichever it is, the other's key is nowhere.
    assert files_hold(after, SECRET_KEY) == (found == old)
    assert files_hold(after, OTHER_KEY) == (found == new)


async def test_a_destroyed_key_is_gone_from_the_key_file_the_database_and_its_log(tmp_path: Path) -> None:
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()
    box = os.urandom(900)
    await put(
        store,
        standing(
            record=Record(epoch=1, statement=b"s", door_hash=bytes(32), receipts=(), box=box, key=SECRET_KEY)
        ),
    )
    assert files_hold(tmp_path, SECRET_KEY)
    assert files_hold(tmp_path, box)
    await put(store, standing())
    # With the store still open: the promise holds when the change is answered, not when the process ends.
    assert not files_hold(tmp_path, SECRET_KEY, SECRET_KEY[:16], SECRET_KEY[-16:])
    assert not files_hold(tmp_path, box, box[:64], box[-64:])
    assert (tmp_path / "vault.db-wal").stat().st_size == 0
    await store.close()


async def test_keys_of_many_accounts_come_and_go_without_mixing(tmp_path: Path) -> None:
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()
    accounts = [bytes([n]) * 20 for n in range(12)]
    for round_ in range(3):
        for number, account in enumerate(accounts):
            key = os.urandom(64)
            await put(store, standing(account, record=keyed(round_ + 1, key)))  # type: ignore[arg-type]
            if number % 3 == round_:
                await put(store, standing(account))  # type: ignore[arg-type]
                assert not files_hold(tmp_path, key)
    assert (tmp_path / "vault.db.keys").stat().st_size <= (len(accounts) + 1) * 64
    await store.close()


async def test_a_failing_disk_answers_nothing_and_the_store_comes_back(tmp_path: Path) -> None:
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()
    await put(store, standing())
    original = store._commit

    def failing(*arguments: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    store._commit = failing  # type: ignore[method-assign]
    with pytest.raises(StoreError):
        await put(store, standing(by_handle=Door(1, 1)))
    assert not store.healthy()
    store._commit = original  # type: ignore[method-assign]
    assert await store.find(ALICE) == standing()
    assert store.healthy()
    await store.close()


async def test_a_record_whose_key_is_missing_is_trouble_and_not_an_empty_account(tmp_path: Path) -> None:
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()
    await put(store, standing(record=record()))
    await store.close()
    (tmp_path / "vault.db.keys").write_bytes(b"")
    again = SqliteVaultStore(tmp_path / "vault.db")
    await again.open()
    with pytest.raises(StoreError, match="key"):
        await again.find(ALICE)
    await again.close()


async def test_the_files_are_the_owners_only_and_one_realm_uses_them(tmp_path: Path) -> None:
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()
    await put(store, standing(record=record()))
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
    with pytest.raises(StoreError, match="another realm"):
        await SqliteVaultStore(tmp_path / "vault.db").open()
    await store.close()


async def test_a_commit_waits_for_the_disk_and_freed_pages_are_overwritten(tmp_path: Path) -> None:
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()

    def look(connection: sqlite3.Connection, _: object) -> list[object]:
        return [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "journal_mode", "secure_delete")
        ]

    assert await store._on_thread(look) == [3, "wal", 1]
    await store.close()


async def test_a_store_of_a_newer_realm_is_refused(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "vault.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        await SqliteVaultStore(tmp_path / "vault.db").open()


async def test_accounts_are_counted_without_reading_any(tmp_path: Path) -> None:
    """Each one that a realm has not heard of is counted against: strangers must not keep its one thread busy."""
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()
    for number in range(5):
        await put(store, standing(bytes([number]) * 20))  # type: ignore[arg-type]
        await put(store, standing(bytes([number]) * 20, list_version=3))  # type: ignore[arg-type]

    def no_accounts(action: int, table: str | None, *_: object) -> int:
        return (
            sqlite3.SQLITE_DENY if (action, table) == (sqlite3.SQLITE_READ, "accounts") else sqlite3.SQLITE_OK
        )

    await store._on_thread(lambda connection, _: connection.set_authorizer(no_accounts))
    assert await store.count() == 5
    await store.close()


async def test_a_damaged_row_is_trouble_with_the_store_and_with_nothing_else(tmp_path: Path) -> None:
    """What looks after last guesses comes back to a store that fails, and must not die of a row."""
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()
    await put(store, standing(record=record()))
    await store._on_thread(lambda connection, _: connection.execute("UPDATE records SET receipts = x'c1'"))
    with pytest.raises(StoreError):
        await store.find(ALICE)
    assert not store.healthy()
    await store.close()
