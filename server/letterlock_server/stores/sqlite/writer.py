"""The one task that owns the write connection: whole transactions, one commit for all that waited.

::

    keep, forget, transact --queue--> take all --thread--> BEGIN .. COMMIT (fsync) --> answer each

While one batch is being committed the next one gathers, so a flush is shared by all who wait for it. A
transaction is one plain function on the writer's thread: nothing is awaited inside it, so no cancellation
can split it. After a commit that failed for want of space the next one is tried as usual; after any other
failure of the file nothing is believed until it has been reopened and checked. Must not know frames.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from letterlock_server.stores.interfaces import Copy, Done, StoreError
from letterlock_server.stores.sqlite import mail
from letterlock_server.stores.sqlite.connecting import Verdict, connect_writer, verify

_T = TypeVar("_T")

_SEEK_HEALTH_S: Final = 1.0
_FORGET_WITHIN_S: Final = 0.1
_LOG_PAGES: Final = 1000
_MAX_QUEUED_BYTES: Final = 64 * 1024 * 1024
_NO_SPACE: Final = sqlite3.SQLITE_FULL


@dataclass(slots=True)
class _Batch:
    """What waits for the next commit."""

    keeps: list[tuple[Sequence[Copy], Done]] = field(default_factory=list)
    forgets: list[tuple[int, Sequence[int], Done]] = field(default_factory=list)
    calls: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = field(default_factory=list)
    size: int = 0

    def __bool__(self) -> bool:
        return bool(self.keeps or self.forgets or self.calls)

    def urgent(self) -> bool:
        """Say whether somebody waits for more than to have something forgotten."""
        return bool(self.keeps or self.calls)


class Writer:
    """Commits what it is given, in batches, and answers only what is on disk."""

    def __init__(self, path: str, now: Callable[[], int]) -> None:
        self._path = path
        self._now = now
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._connection: sqlite3.Connection | None = None
        self._numbers: mail.Numbers | None = None
        self._batch = _Batch()
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._committed = 0
        self._healthy = False
        self._moved_after = self._until_move = 64
        self.flushes = 0
        self.secret = b""

    async def open(self) -> None:
        """Open the file, bring its schema up to date, and begin to commit. Raises StoreError; `close` even then."""
        try:
            await self._on_thread(self._connect)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"the store {self._path} cannot be opened: {error}") from error
        self._healthy = True
        self._task = asyncio.create_task(self._run(), name="store-writer")

    async def close(self) -> None:
        """Commit and answer all that was asked, then let go of the file and the thread."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._soon is not None:
            self._soon.cancel()
        await self._on_thread(self._disconnect)
        self._thread.shutdown()

    def healthy(self) -> bool:
        """Say whether the last commit, or the check after a failed one, went well."""
        return self._healthy

    def keep(self, copies: Sequence[Copy], done: Done) -> None:
        """See `interfaces.Mailboxes.keep`."""
        size = sum(len(one.body) for one in copies)
        if not self._takes(size):
            done(None)
            return
        self._batch.keeps.append((copies, done))
        self._batch.size += size
        self._wake.set()

    def forget(self, mailbox: int, sequences: Sequence[int], done: Done) -> None:
        """See `interfaces.Mailboxes.forget`."""
        if not self._takes(0):
            done(None)
            return
        self._batch.forgets.append((mailbox, sequences, done))
        # Nobody waits for room: it goes with the next commit that somebody does wait for, or soon.
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(_FORGET_WITHIN_S, self._forget_now)

    def _forget_now(self) -> None:
        self._soon = None
        self._wake.set()

    async def transact(self, change: Callable[[sqlite3.Connection], _T]) -> _T:
        """Run `change` inside the next transaction; return its result once that is on disk.

        What `change` raises is raised here and undoes only what `change` did. Raises StoreError where
        nothing was kept. A caller that is cancelled does not undo the change.
        """
        if not self._takes(0):
            raise StoreError("the store is not taking anything now")
        answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._batch.calls.append((change, answer))
        self._wake.set()
        return await asyncio.shield(answer)

    def _takes(self, size: int) -> bool:
        return self._healthy and not self._closing and self._batch.size + size <= _MAX_QUEUED_BYTES

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._batch:
                batch, self._batch = self._batch, _Batch()
                await self._commit_and_answer(batch)
            if self._batch and (self._batch.urgent() or self._closing):
                self._wake.set()
            elif self._closing:
                return

    async def _commit_and_answer(self, batch: _Batch) -> None:
        try:
            kept, results = await self._on_thread(lambda: self._commit(batch))
        except sqlite3.Error as error:
            self._answer_nothing(batch)
            if _code(error) != _NO_SPACE:
                await self._seek_health()
            else:
                # What came behind a refused envelope must not get ahead of it in its mailbox.
                waiting, self._batch = self._batch, _Batch()
                self._answer_nothing(waiting)
            return
        sequence = iter(kept)
        for copies, done in batch.keeps:
            done([next(sequence) for _ in copies])
        for _, sequences, done in batch.forgets:
            done(sequences)
        for (_, answer), (result, problem) in zip(batch.calls, results, strict=True):
            _resolve(answer, result, problem)
        if self._until_move <= 0:
            await self._checkpoint()

    def _answer_nothing(self, batch: _Batch) -> None:
        for _, done in batch.keeps:
            done(None)
        for _, _, done in batch.forgets:
            done(None)
        for _, answer in batch.calls:
            _resolve(answer, None, StoreError("the store could not keep this"))

    async def _seek_health(self) -> None:
        self._healthy = False
        waiting, self._batch = self._batch, _Batch()
        self._answer_nothing(waiting)
        while not self._closing:
            if await self._on_thread(self._reconnect):
                self._healthy = True
                return
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SEEK_HEALTH_S):
                    await self._wake.wait()

    async def _checkpoint(self) -> None:
        try:
            await self._on_thread(self._move_log)
        except sqlite3.Error:
            # What is in the log stays there and is copied again: only a commit can lose anything.
            await self._seek_health()

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        # Shielded: whoever waits may be cancelled, the work on the thread cannot.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, work))

    # Below: on the writer's thread.

    def _connect(self) -> None:
        self._connection = connect_writer(self._path)
        stored = dict(self._connection.execute("SELECT name, value FROM store"))
        self.secret = bytes(stored["secret"])
        self._committed = int(stored["batch"])
        self._numbers = mail.Numbers(self.secret, int(stored["reserved"]))

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _reconnect(self) -> bool:
        with contextlib.suppress(sqlite3.Error):
            self._disconnect()
        self._connection = None
        try:
            if verify(self._path, self._committed) is Verdict.SOUND:
                numbers = self._numbers
                self._connect()
                self._numbers = numbers
                return True
        except (sqlite3.Error, OSError):
            return False
        return False

    def _commit(self, batch: _Batch) -> tuple[list[int], list[tuple[Any, Exception | None]]]:
        connection, numbers = self._connection, self._numbers
        if connection is None or numbers is None:
            raise sqlite3.OperationalError("the store is closed")
        connection.execute("BEGIN IMMEDIATE")
        try:
            copies = [one for several, _ in batch.keeps for one in several]
            kept = mail.keep(connection, numbers, copies, self._now()) if copies else []
            if batch.forgets:
                mail.forget(connection, [(s, box) for box, several, _ in batch.forgets for s in several])
            results = [_apart(connection, change) for change, _ in batch.calls]
            connection.execute("UPDATE store SET value = ? WHERE name = 'batch'", (self._committed + 1,))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        numbers.committed()
        self._committed += 1
        self._until_move -= 1
        self.flushes += 1
        return kept, results

    def _move_log(self) -> None:
        if self._connection is None:
            return
        ((_, pages, _),) = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        # As many batches as filled this log, scaled to the length it ought to have.
        self._moved_after = max(8, min(1000, self._moved_after * _LOG_PAGES // max(pages, 1)))
        self._until_move = self._moved_after
        # The log, the database, and the log's new header with the next commit.
        self.flushes += 3


def _apart(
    connection: sqlite3.Connection, change: Callable[[sqlite3.Connection], Any]
) -> tuple[Any, Exception | None]:
    connection.execute("SAVEPOINT change")
    try:
        result = change(connection)
    except sqlite3.OperationalError:
        # The file's trouble is everybody's: it fails the batch, which is then kept by nobody.
        raise
    except Exception as problem:  # noqa: BLE001 - whatever it is, it belongs to whoever asked
        connection.execute("ROLLBACK TO change")
        connection.execute("RELEASE change")
        return None, problem
    connection.execute("RELEASE change")
    return result, None


def _resolve(answer: asyncio.Future[Any], result: object, problem: Exception | None) -> None:
    if answer.done():
        return
    if problem is None:
        answer.set_result(result)
    else:
        answer.set_exception(problem)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF
