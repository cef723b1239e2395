"""Checkpoints beside the writer while much is written: else it makes them itself, at a commit that everybody waits for.

A checkpoint moves what was committed from the write-ahead log into the database. Must not know what is written.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from letterlock_client.errors import ClientError
from letterlock_client.storage.cipher import LOG_PAGES
from letterlock_client.storage.database import Database, Reader

_TOO_MANY: Final = 8 * 1024
"""Pages of a log that the writer checkpoints all the same, so that it takes no more room than that."""


@asynccontextmanager
async def beside(database: Database) -> AsyncIterator[Callable[[], None]]:
    """Checkpoint in another thread as long as this is open; call what it gives out when much was committed.

    Whatever goes wrong there is met again by the writer.
    """
    due = asyncio.Event()
    task = asyncio.create_task(_follow(database, due), name="checkpoints")
    try:
        await _leave_to_the_writer(database, _TOO_MANY)
        yield due.set
    finally:
        task.cancel()
        # Whoever is cancelled here once more does not wait; the writer is told all the same.
        # A database that takes nothing any more is no news here: what went wrong before it is what comes out.
        with suppress(ClientError):
            await asyncio.shield(_leave_to_the_writer(database, LOG_PAGES))
        await asyncio.gather(task, return_exceptions=True)


async def _leave_to_the_writer(database: Database, pages: int) -> None:
    await database.write(lambda tx: tx.value(f"PRAGMA wal_autocheckpoint = {pages}"))


async def _follow(database: Database, due: asyncio.Event) -> None:
    while True:
        await due.wait()
        due.clear()
        await database.read(_checkpoint)


async def _checkpoint(reader: Reader) -> None:
    # Nothing may be read before: then this would be a view, which no checkpoint passes.
    await reader.value("PRAGMA wal_checkpoint(PASSIVE)")
