"""The realm's own clock: milliseconds that this realm has run, over all its starts.

Waits are counted on it and on nothing else. It goes on from what the store kept, runs with the machine's
monotonic clock, and stands still while the realm does: so no wall clock that is set forward shortens a wait, and
none that is set back lengthens one. What a crash loses, `TICK_S` at most, is waited again. Must not know
policy.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from letterlock_server.stores.vault_interfaces import StoreError, VaultStore

TICK_S: Final = 30.0
_NS_IN_MS: Final = 1_000_000


def running_from(kept_ms: int, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> Callable[[], int]:
    """Return a clock that goes on from `kept_ms`."""
    began = monotonic_ns()
    return lambda: kept_ms + (monotonic_ns() - began) // _NS_IN_MS


async def keep_for_ever(store: VaultStore, running: Callable[[], int]) -> None:
    """Keep the clock in the store, again and again; a store that fails for a while loses a little of it."""
    while True:
        await asyncio.sleep(TICK_S)
        try:
            await store.keep_clock(running())
        except StoreError:
            continue
