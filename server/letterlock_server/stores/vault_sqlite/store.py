"""A realm's store: one SQLite file, and one file of key slots beside it, written by one thread.

::

    change --thread--> read, decide, new keys into slots (fsync) --> BEGIN .. COMMIT (fsync)
                       --> keys that went: slots zeroed (fsync), log moved and cut to nothing --> answer

An answer means that all of it is on disk. A crash between two steps is finished when the store opens: slots
that no row names are zeroed, the log is moved and cut. After any failure of a file nothing is believed until
the store has been opened anew. Must not know policy, or what a record holds.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from letterlock.ids import AccountId
from letterlock_server.stores.sqlite.connecting import connect_durable, migrate
from letterlock_server.stores.sqlite.locking import lock
from letterlock_server.stores.vault_interfaces import Change, Decide, Standing, StoreError, T
from letterlock_server.stores.vault_sqlite import rows
from letterlock_server.stores.vault_sqlite.slots import Slots

_R = TypeVar("_R")

_CLOCK: Final = (
    "SELECT max(value, (SELECT coalesce(max(max(handle_at, locator_at)), 0) FROM accounts))"
    " FROM store WHERE name = 'clock'"
)
_SPENT: Final = (
    "SELECT account FROM accounts JOIN records USING (account)"
    " WHERE place = 0 AND handle_spent + locator_spent >= ?"
)


class SqliteVaultStore:
    """See `vault_interfaces.VaultStore`; it is its own `Standings`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="vault-store")
        self._connection: sqlite3.Connection | None = None
        self._slots: Slots | None = None
        self._closed = True
        self._healthy = False

    @property
    def standings(self) -> "SqliteVaultStore":
        """See `vault_interfaces.VaultStore`."""
        return self

    async def open(self) -> int:
        """See `vault_interfaces.VaultStore.open`."""
        self._lock = lock(self._path, "realm")
        self._closed = False
        try:
            return await self._on_thread(self._kept_clock)
        except StoreError:
            await self.close()
            raise

    async def close(self) -> None:
        """See `vault_interfaces.VaultStore.close`."""
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def healthy(self) -> bool:
        """See `vault_interfaces.VaultStore.healthy`."""
        return self._healthy and not self._closed

    async def keep_clock(self, ms: int) -> None:
        """See `vault_interfaces.VaultStore.keep_clock`."""
        statement = "UPDATE store SET value = max(value, ?) WHERE name = 'clock'"
        await self._on_thread(lambda connection, _: connection.execute(statement, (ms,)).rowcount)

    async def find(self, account: AccountId) -> Standing | None:
        """See `vault_interfaces.Standings.find`."""
        return await self._on_thread(lambda connection, slots: rows.read(connection, slots, account)[0])

    async def ledger(self, account: AccountId, after: int, limit: int) -> Sequence[bytes]:
        """See `vault_interfaces.Standings.ledger`."""
        query = "SELECT entry FROM ledger WHERE account = ? AND number > ? ORDER BY number LIMIT ?"
        found = await self._on_thread(lambda one, _: one.execute(query, (account, after, limit)).fetchall())
        return [bytes(entry) for (entry,) in found]

    async def spent(self, guesses: int) -> Sequence[AccountId]:
        """See `vault_interfaces.Standings.spent`."""
        found = await self._on_thread(lambda one, _: one.execute(_SPENT, (guesses,)).fetchall())
        return [AccountId(account) for (account,) in found]

    async def count(self) -> int:
        """See `vault_interfaces.Standings.count`."""
        query = "SELECT value FROM store WHERE name = 'accounts'"
        found = await self._on_thread(lambda one, _: one.execute(query).fetchone())
        return int(found[0])

    async def change(self, account: AccountId, decide: Decide[T]) -> T:
        """See `vault_interfaces.Standings.change`."""
        return await self._on_thread(
            lambda connection, slots: self._change(connection, slots, account, decide)
        )

    async def _on_thread(self, work: Callable[[sqlite3.Connection, Slots], _R]) -> _R:
        if self._closed:
            raise StoreError("the store is closed")
        # Shielded: whoever waits may be cancelled, the work on the thread cannot.
        return await asyncio.shield(
            asyncio.get_running_loop().run_in_executor(self._thread, self._work, work)
        )

    # Below: on the store's thread.

    def _work(self, work: Callable[[sqlite3.Connection, Slots], _R]) -> _R:
        try:
            connection, slots = self._ready()
            result = work(connection, slots)
        except (sqlite3.Error, OSError, msgspec.MsgspecError) as error:
            self._let_go()
            raise StoreError(f"the store {self._path} could not keep or read this: {error}") from error
        self._healthy = True
        return result

    def _ready(self) -> tuple[sqlite3.Connection, Slots]:
        if self._connection is None or self._slots is None:
            self._let_go()
            self._connection = connection = connect_durable(str(self._path), synchronous="EXTRA")
            connection.execute("PRAGMA secure_delete = ON")
            migrate(connection, "letterlock_server.stores.vault_sqlite")
            self._cut_log(connection)
            used = [slot for (slot,) in connection.execute("SELECT slot FROM records")]
            self._slots = Slots(self._path.with_name(self._path.name + ".keys"), used)
            _flush_folder(self._path.parent)
        return self._connection, self._slots

    def _let_go(self) -> None:
        self._healthy = False
        connection, self._connection = self._connection, None
        slots, self._slots = self._slots, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        if slots is not None:
            slots.close()

    def _kept_clock(self, connection: sqlite3.Connection, _: Slots) -> int:
        return int(connection.execute(_CLOCK).fetchone()[0])

    def _change(
        self, connection: sqlite3.Connection, slots: Slots, account: AccountId, decide: Decide[T]
    ) -> T:
        before, places = rows.read(connection, slots, account)
        change = decide(before)
        if change.standing == before and not change.entries:
            return change.answer
        kept = rows.keys(change.standing)
        for key in kept - places.keys():
            places[key] = self._take_slot(slots, key)
        self._commit(connection, before, change, places)
        gone = [slot for key, slot in places.items() if key not in kept]
        if gone:
            self._zero(slots, gone)
            self._cut_log(connection)
        return change.answer

    def _take_slot(self, slots: Slots, key: bytes) -> int:
        return slots.take(key)

    def _commit(
        self,
        connection: sqlite3.Connection,
        before: Standing | None,
        change: Change[Any],
        places: rows.Places,
    ) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            rows.write(connection, before, change.standing, places)
            rows.add_entries(connection, change.standing, change.entries)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _zero(self, slots: Slots, gone: Sequence[int]) -> None:
        slots.give_back(gone)

    def _cut_log(self, connection: sqlite3.Connection) -> None:
        ((busy, _, _),) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise sqlite3.OperationalError("somebody else is reading the store")


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
