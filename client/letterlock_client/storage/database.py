"""One profile's open database: a writer that owns the only writing connection, and readers with their own.

Each connection has one task, and only that task uses it: work is handed to it whole, so no caller's
cancellation and no other work's rollback can take back what somebody was told is saved. What `write` returned
is on disk. Must not know tables.

::

    write(work) ──> bounded queue ──> writer task ── BEGIN IMMEDIATE · work · COMMIT ──> callbacks, events, result
    read(work)  ──> bounded queue ──> reader tasks ─ BEGIN · work · ROLLBACK ──────────> result
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

import aiosqlite

from letterlock.errors import MisuseError
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Event
from letterlock_client.storage import message_indexes
from letterlock_client.storage.cipher import SqlError, connect, make_file, open_connection, public_error
from letterlock_client.storage.migrations import migrate, migrations

QUEUED: Final = 256
"""How much work may wait for a connection; more callers wait their turn to queue."""
QUEUE_S: Final = 30.0
WORK_S: Final = 60.0
"""How long one work may take before it is rolled back."""
READERS: Final = 2

T = TypeVar("T")
Row = tuple[Any, ...]
_LOST_TRANSACTION: Final = (Code.STORAGE_FULL, Code.STORAGE_FAILED, Code.STORAGE_BUSY, Code.STORAGE_DAMAGED)


class Reader:
    """One consistent view of the database, for as long as the work that was given it runs."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._failure: Exception | None = None

    async def all(self, sql: str, *parameters: Any) -> list[Row]:
        """Every row of a query."""
        rows: Iterable[Any] = await self._run(self._checked().execute_fetchall(sql, parameters))
        return list(rows)

    async def one(self, sql: str, *parameters: Any) -> Row | None:
        """The first row of a query, or None; ask for one row only."""
        rows = await self.all(sql, *parameters)
        return rows[0] if rows else None

    async def value(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row, or None."""
        row = await self.one(sql, *parameters)
        return None if row is None else row[0]

    async def run(self, call: Callable[[sqlite3.Connection], T]) -> T:
        """Run a plain function on the connection, in its thread: for many rows at once, where a call each costs more.

        `call` must begin and end no transaction, keep nothing of the connection and take seconds at most:
        nothing interrupts it between two statements.
        """
        connection = self._checked()
        # The library has no public way to run more than one statement at a time in its thread.
        return await self._run(connection._execute(call, connection._conn))  # type: ignore[no-untyped-call]  # noqa: SLF001

    def end(self, failure: Exception) -> None:
        """Let every later use raise `failure`: the view is over."""
        self._failure = failure

    @property
    def failure(self) -> Exception | None:
        """What ended the transaction underneath, if something did."""
        return self._failure

    def _checked(self) -> aiosqlite.Connection:
        if self._failure is not None:
            raise self._failure
        return self._connection

    async def _run(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except SqlError as error:
            known = public_error(error)
            # SQLite may have rolled back by itself: what came next would be saved on its own.
            if isinstance(known, ClientError) and known.code in _LOST_TRANSACTION:
                self._failure = known
            raise known from error
        except (UnicodeEncodeError, OverflowError):
            # Half a surrogate pair from a terminal, a number past 64 bits. The error would show the text.
            raise ClientError(Code.BAD_INPUT, "this text or number cannot be stored") from None


class Transaction(Reader):
    """A reader that may write; everything it writes is saved together or not at all."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        super().__init__(connection)
        self.events: list[Event] = []
        """Append here what happened: published, in order, after the commit, and only then."""
        self.callbacks: list[Callable[[], None]] = []

    async def execute(self, sql: str, *parameters: Any) -> int:
        """Run one statement; return how many rows it changed."""
        cursor = await self._run(self._checked().execute(sql, parameters))
        return cursor.rowcount

    async def insert(self, sql: str, *parameters: Any) -> int:
        """Run one INSERT; return the new row's number."""
        row = await self._run(self._checked().execute_insert(sql, parameters))
        return int(row[0]) if row else 0

    async def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each of `rows`."""
        await self._run(self._checked().executemany(sql, rows))

    def after_commit(self, call: Callable[[], None]) -> None:
        """Call this once the transaction is on disk, before the events are published; never if it fails."""
        self.callbacks.append(call)


class Job(Generic[T]):
    """Work on its way to a connection, and where its result goes."""

    def __init__(self, work: Callable[[Any], Awaitable[T]]) -> None:
        self.work = work
        self.result: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def fail(self, error: BaseException) -> None:
        """Give the caller an error, if it still waits."""
        if not self.result.done():
            self.result.set_exception(closed() if isinstance(error, asyncio.CancelledError) else error)

    def succeed(self, value: T) -> None:
        """Give the caller its result, if it still waits."""
        if not self.result.done():
            self.result.set_result(value)


Opener = Callable[[], sqlite3.Connection]
Do = Callable[[aiosqlite.Connection, Job[Any]], Awaitable[None]]


class Line:
    """A queue of work and the tasks that do it, each with one connection of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: asyncio.Queue[Job[Any] | None] = asyncio.Queue(QUEUED)
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    async def serve(self, opener: Opener, do: Do) -> None:
        """Start a task that opens a connection, owns it, and does jobs one after the other. Raises ClientError."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks.append(asyncio.create_task(self._serve(opener, do, ready), name=f"database {self._name}"))
        await asyncio.shield(ready)

    async def run(self, work: Callable[[Any], Awaitable[T]]) -> T:
        """Hand over work and wait for its result."""
        if asyncio.current_task() in self._tasks:
            raise MisuseError("work in a transaction must use that transaction, or it would wait for itself")
        if self._closed:
            raise closed()
        job = Job(work)
        try:
            async with asyncio.timeout(QUEUE_S):
                await self._queue.put(job)
        except TimeoutError:
            raise ClientError(
                Code.STORAGE_BUSY, "the database is too busy: nothing of this was saved"
            ) from None
        if all(task.done() for task in self._tasks):
            job.fail(closed())
        return await job.result

    async def _serve(self, opener: Opener, do: Do, ready: asyncio.Future[None]) -> None:
        try:
            connection = await open_connection(opener)
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits for the opening
            self._closed = True
            ready.set_exception(error)
            # Told to whoever waits; if nobody does any more, that is no news for the loop.
            ready.exception()
            return
        try:
            ready.set_result(None)
            while (job := await self._queue.get()) is not None:
                # A caller that left before its work began takes it along.
                if not job.result.done():
                    await do(connection, job)
        finally:
            self._closed = True
            with suppress(SqlError):
                await connection.close()

    @property
    def is_waited_for(self) -> bool:
        """Whether more work is queued than what is being done."""
        return not self._queue.empty()

    async def close(self) -> None:
        """Finish what is queued, then end the tasks and their connections."""
        self._closed = True
        for _ in self._tasks:
            await self._queue.put(None)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._queue.empty():
            if (job := self._queue.get_nowait()) is not None:
                job.fail(closed())


def closed() -> ClientError:
    """Return the error for whoever asks a closed database."""
    return ClientError(Code.CLOSED, "the profile is closed")


class Database:
    """One profile's open database. An async context manager."""

    def __init__(self, publish: Callable[[Sequence[Event]], None]) -> None:
        self._publish = publish
        self._writer = Line("writer")
        self._readers = Line("reader")
        self._failed: ClientError | None = None

    @classmethod
    async def open(
        cls, path: Path, key: bytes, *, publish: Callable[[Sequence[Event]], None] = lambda _: None
    ) -> Self:
        """Open (or make) the database under its 32-byte key and bring its schema up to date.

        `publish` gets each transaction's events after its commit; it must not block or raise.
        Raises codes storage_damaged (also: another key), storage_newer, storage_full, storage_failed.
        """
        make_file(path)
        database = cls(publish)
        try:
            await database._writer.serve(partial(_connect_and_migrate, path, key), database._write_job)
            for _ in range(READERS):
                await database._readers.serve(partial(connect, path, key, write=False), _read_job)
        except BaseException:
            await database.close()
            raise
        return database

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` wholly inside one transaction in the writer's task; return what it returns, once on disk.

        If the caller is cancelled, the work still runs to its end, or never began. An exception from `work`
        rolls its transaction back, changes nothing else and comes out here. `work` must await nothing but
        this transaction. Raises codes storage_full, storage_failed, storage_busy, closed.
        """
        return await self._writer.run(work)

    @property
    def writer_is_waited_for(self) -> bool:
        """Whether somebody else wants to write: work that can end earlier, and go on in another transaction, does."""
        return self._writer.is_waited_for

    async def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        """Run `work` on one consistent view of what is committed; waits for no writer."""
        return await self._readers.run(work)

    async def close(self) -> None:
        """Finish what was asked before, close every connection, leave no thread. May be called twice."""
        # The last connection to close removes the journal, and only one that may write can.
        await self._readers.close()
        await self._writer.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _write_job(self, connection: aiosqlite.Connection, job: Job[Any]) -> None:
        if self._failed is not None:
            job.fail(ClientError(self._failed.code, self._failed.message))
            return
        tx = Transaction(connection)
        try:
            await _begin(connection, "BEGIN IMMEDIATE")
            result = await _work(connection, job, tx)
            await _commit(tx, connection)
        except BaseException as error:
            tx.end(MisuseError("this transaction is over"))
            await _roll_back(connection)
            if isinstance(error, ClientError) and error.code is Code.STORAGE_FAILED:
                # After a failed write or fsync the system may call lost pages clean: only a new start,
                # which reads the disk again, knows what is there.
                self._failed = error
            job.fail(error)
            if _ends_the_task(error):
                raise
        else:
            tx.end(MisuseError("this transaction is over"))
            self._tell(tx)
            job.succeed(result)

    def _tell(self, tx: Transaction) -> None:
        calls = list(tx.callbacks)
        if tx.events:
            calls.append(partial(self._publish, tx.events))
        for call in calls:
            try:
                call()
            except Exception as error:  # noqa: BLE001 - a listener's bug must not stop the writer
                asyncio.get_running_loop().call_exception_handler(
                    {"message": "a listener failed after a commit", "exception": error}
                )


def _connect_and_migrate(path: Path, key: bytes) -> sqlite3.Connection:
    connection = connect(path, key, write=True)
    try:
        migrate(connection, migrations())
        _make_index(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_index(connection: sqlite3.Connection) -> None:
    """Make what a restore that was cut short left away; whoever closes the connection takes a failure back."""
    if not message_indexes.is_there(connection):
        connection.execute("BEGIN EXCLUSIVE")
        # A profile opens also where the files of a sorter fail.
        message_indexes.make(connection, at_once=True)
        connection.execute("COMMIT")


async def _read_job(connection: aiosqlite.Connection, job: Job[Any]) -> None:
    reader = Reader(connection)
    try:
        await _begin(connection, "BEGIN")
        job.succeed(await _work(connection, job, reader))
    except BaseException as error:
        job.fail(error)
        if _ends_the_task(error):
            raise
    finally:
        reader.end(MisuseError("this reading is over"))
        await _roll_back(connection)


def _ends_the_task(error: BaseException) -> bool:
    # Work may come upon somebody else's cancellation; only one that is meant for this task ends it.
    task = asyncio.current_task()
    return not isinstance(error, Exception | asyncio.CancelledError) or bool(task and task.cancelling())


async def _begin(connection: aiosqlite.Connection, sql: str) -> None:
    try:
        await connection.execute(sql)
    except SqlError as error:
        raise public_error(error) from error


async def _work(connection: aiosqlite.Connection, job: Job[T], view: Any) -> T:
    try:
        async with asyncio.timeout(WORK_S) as deadline:
            return await job.work(view)
    except (TimeoutError, asyncio.CancelledError) as error:
        # A statement that nobody waits for any more may still run in the connection's thread.
        await connection.interrupt()
        if not deadline.expired():
            raise
        raise ClientError(Code.STORAGE_BUSY, "this took too long: nothing of it was saved") from error


async def _commit(tx: Transaction, connection: aiosqlite.Connection) -> None:
    if tx.failure is not None:
        raise tx.failure
    await _begin(connection, "COMMIT")


async def _roll_back(connection: aiosqlite.Connection) -> None:
    # SQLite may have rolled back by itself, or be past help; the next BEGIN will tell.
    with suppress(SqlError):
        await connection.rollback()
