"""The one long work on a profile's backups at a time, whoever began it: a person, or the schedule.

Must not know what the work is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.workplace import Workplace

T = TypeVar("T")


async def run(place: Workplace, work: Callable[[], Awaitable[T]]) -> T:
    """Do it as a task that `cancel` can end. Raises codes backup_running, and cancelled once it was called off."""
    # A task that was made this turn does not hold the lock yet.
    if place.backup_task is not None or place.backup_lock.locked():
        raise ClientError(Code.BACKUP_RUNNING, "a backup runs already")

    async def locked() -> T:
        async with place.backup_lock:
            return await work()

    task = asyncio.create_task(locked(), name="backup")
    place.backup_task = task
    try:
        return await task
    except asyncio.CancelledError:
        # Whoever waits here was cancelled, or somebody called the work off: either way it ends first.
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        current = asyncio.current_task()
        if current is not None and current.cancelling():
            raise
        raise ClientError(Code.CANCELLED, "called off: what was complete before stays as it was") from None
    finally:
        place.backup_task = None


async def cancel(place: Workplace) -> None:
    """Stop what runs, and wait until it has ended."""
    if place.backup_task is not None:
        place.backup_task.cancel()
        await asyncio.gather(place.backup_task, return_exceptions=True)
