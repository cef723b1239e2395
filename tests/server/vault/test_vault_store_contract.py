"""What every store of a realm promises: the same for the reference in memory and for SQLite."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from letterlock.ids import AccountId
from letterlock_server.stores.vault_interfaces import (
    Change,
    Door,
    Record,
    Standing,
    StoreError,
    VaultStore,
)
from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore

ALICE, BOB = AccountId(b"a" * 20), AccountId(b"b" * 20)


def record(epoch: int = 1, key: bytes = b"k", box: bytes = b"box") -> Record:
    return Record(
        epoch=epoch,
        statement=b"statement %d" % epoch,
        door_hash=bytes(32),
        receipts=(b"one", b"two"),
        box=box,
        key=key * 64,
    )


def standing(account: AccountId = ALICE, **changes: object) -> Standing:
    plain = Standing(
        account=account,
        root_key=b"r" * 32,
        list_certificate=b"certificate",
        device_list=b"list",
        list_epoch=1,
        list_version=2,
    )
    return msgspec.structs.replace(plain, **changes)


async def put(store: VaultStore, after: Standing, *entries: bytes) -> None:
    await store.standings.change(after.account, lambda _: Change(after, entries, None))


def counting(step: int = 1) -> Callable[[Standing | None], Change[int]]:
    def decide(before: Standing | None) -> Change[int]:
        present = before or standing()
        spent = present.by_handle.spent + step
        return Change(msgspec.structs.replace(present, by_handle=Door(spent, 5)), (), spent)

    return decide


@pytest.fixture
async def opened(vault_store: VaultStore) -> AsyncIterator[VaultStore]:
    assert await vault_store.open() == 0
    yield vault_store
    await vault_store.close()


async def test_what_was_changed_is_found_again_in_every_field(opened: VaultStore) -> None:
    whole = standing(
        highest_epoch=9,
        record=record(1, b"k"),
        prepared=record(2, b"p"),
        by_handle=Door(1, 2),
        by_locator=Door(3, 4),
        tombstone=b"tombstone",
        generation=7,
        anchor=b"anchor",
        head=b"h" * 32,
        paced_until=2**40,
    )
    await put(opened, whole)
    assert await opened.standings.find(ALICE) == whole
    assert await opened.standings.find(BOB) is None


async def test_a_decision_that_raises_changes_nothing(opened: VaultStore) -> None:
    await put(opened, standing())

    def decide(_: Standing | None) -> Change[None]:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await opened.standings.change(ALICE, decide)
    assert await opened.standings.find(ALICE) == standing()


async def test_changes_that_come_at_once_are_each_made_to_what_the_one_before_left(
    opened: VaultStore,
) -> None:
    answers = await asyncio.gather(*(opened.standings.change(ALICE, counting()) for _ in range(50)))
    assert sorted(answers) == list(range(1, 51))
    found = await opened.standings.find(ALICE)
    assert found is not None
    assert found.by_handle.spent == 50


async def test_a_cancelled_caller_does_not_undo_the_change(opened: VaultStore) -> None:
    task = asyncio.create_task(opened.standings.change(ALICE, counting()))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await opened.standings.change(ALICE, counting()) == 2


async def test_a_prepared_record_takes_the_place_of_the_other(opened: VaultStore) -> None:
    await put(opened, standing(record=record(1, b"k"), prepared=record(2, b"p")))
    after = standing(record=record(2, b"p"))
    await put(opened, after)
    assert await opened.standings.find(ALICE) == after
    await put(opened, standing())
    assert await opened.standings.find(ALICE) == standing()


async def test_the_ledger_is_read_in_pages_and_in_order(opened: VaultStore) -> None:
    for count in range(1, 8):
        await put(opened, standing(entries=count), b"entry %d" % count)
    await put(opened, standing(BOB, entries=1), b"of bob")
    assert await opened.standings.ledger(ALICE, 0, 3) == [b"entry 1", b"entry 2", b"entry 3"]
    assert await opened.standings.ledger(ALICE, 5, 64) == [b"entry 6", b"entry 7"]
    assert await opened.standings.ledger(ALICE, 7, 64) == []
    assert await opened.standings.ledger(BOB, 0, 64) == [b"of bob"]


async def test_records_whose_guesses_are_spent_are_found(opened: VaultStore) -> None:
    carol = AccountId(b"c" * 20)
    await put(opened, standing(record=record(), by_handle=Door(4, 0), by_locator=Door(6, 0)))
    await put(opened, standing(BOB, record=record(key=b"b"), by_locator=Door(9, 0)))
    await put(opened, standing(carol, by_locator=Door(10, 0)))
    assert await opened.standings.spent(10) == [ALICE]
    assert await opened.standings.count() == 3


async def test_a_closed_store_takes_and_tells_nothing(vault_store: VaultStore) -> None:
    await vault_store.open()
    assert vault_store.healthy()
    await vault_store.close()
    assert not vault_store.healthy()
    with pytest.raises(StoreError):
        await vault_store.standings.find(ALICE)
    with pytest.raises(StoreError):
        await vault_store.standings.change(ALICE, counting())


async def test_all_of_it_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    store = SqliteVaultStore(path)
    await store.open()
    whole = standing(record=record(1, b"k"), prepared=record(2, b"p"), entries=1)
    await put(store, whole, b"entry")
    await store.keep_clock(12_345)
    await store.keep_clock(11_111)
    await store.close()
    again = SqliteVaultStore(path)
    assert await again.open() == 12_345
    assert await again.find(ALICE) == whole
    assert await again.ledger(ALICE, 0, 9) == [b"entry"]
    await again.close()


async def test_the_clock_never_stands_before_a_guess_that_was_counted_on_it(tmp_path: Path) -> None:
    store = SqliteVaultStore(tmp_path / "vault.db")
    await store.open()
    await store.keep_clock(10)
    await put(store, standing(by_handle=Door(1, 77), by_locator=Door(1, 99)))
    await store.close()
    again = SqliteVaultStore(tmp_path / "vault.db")
    assert await again.open() == 99
    await again.close()


async def test_a_store_of_the_first_schema_is_read_as_it_was(tmp_path: Path) -> None:
    """What an older realm kept is all there, and nothing is owed for it."""
    path = tmp_path / "vault.db"
    script = files("letterlock_server.stores.vault_sqlite") / "schema" / "0001_vault.sql"
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript(script.read_text(encoding="utf-8") + "PRAGMA user_version = 1;")
        fields = (
            ALICE,
            b"r" * 32,
            b"certificate",
            b"list",
            1,
            2,
            9,
            1,
            2,
            3,
            4,
            b"",
            7,
            b"anchor",
            1,
            b"h" * 32,
        )
        old.execute(f"INSERT INTO accounts VALUES ({', '.join('?' * len(fields))})", fields)
        old.execute("INSERT INTO ledger VALUES (?, 1, ?)", (ALICE, b"entry"))
        old.commit()
    store = SqliteVaultStore(path)
    await store.open()
    assert await store.find(ALICE) == standing(
        highest_epoch=9,
        by_handle=Door(1, 2),
        by_locator=Door(3, 4),
        generation=7,
        anchor=b"anchor",
        entries=1,
        head=b"h" * 32,
        paced_until=0,
    )
    assert await store.ledger(ALICE, 0, 9) == [b"entry"]
    assert await store.count() == 1
    await put(store, standing(BOB))
    assert await store.count() == 2
    await store.close()
