"""Backs up by itself, as often as the owner chose, for as long as the client runs; what was missed is caught up.

A backup that fails, or is stopped, is told and tried again within the hour. Must not know how one is made.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

from letterlock_client.errors import ClientError
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_state
from letterlock_client.storage.database import Reader

FIRST_LOOK_S: Final = 10.0
"""A command that runs for a moment is no client that runs: it does not begin a backup on its way."""
LONGEST_SLEEP_S: Final = 60.0
"""A clock may be set while we sleep: look again at least so often."""
AGAIN_MS: Final = 3_600_000


async def run(place: Workplace) -> None:
    """Make backups when they are due, for ever."""
    await _sleep(place, FIRST_LOOK_S)
    not_before = 0
    while True:
        place.backup_due.clear()
        now = place.clock()
        due = await place.database.read(partial(_due, now=now))
        # A clock that went back makes nobody wait longer.
        not_before = min(not_before, now + AGAIN_MS)
        if due and max(due, not_before) <= now:
            not_before = now + AGAIN_MS
            with suppress(ClientError):
                # Whoever listens was told why it failed.
                await _back_up(place)
                not_before = 0
            continue
        wait = (max(due, not_before) - now) / 1000 if due else LONGEST_SLEEP_S
        await _sleep(place, min(max(wait, 0.01), LONGEST_SLEEP_S))


async def _due(reader: Reader, now: int) -> int:
    """When the next backup is due; 0 for never, also while a restore is unfinished."""
    state = await backup_state.load(reader)
    if state is None or await backup_state.restoring(reader):
        return 0
    # Whoever has no backups does not wait for all that they bring along.
    from letterlock_client.flows.backup.terms import next_at

    return next_at(state, now)


async def _back_up(place: Workplace) -> None:
    from letterlock_client.flows.backup import backing_up, long_work

    await long_work.run(place, lambda: backing_up.back_up(place))


async def _sleep(place: Workplace, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await place.backup_due.wait()
