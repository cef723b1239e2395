"""What the load generator does with pairs: keep them saturated, or send at a steady pace.

Every run ends by waiting until each message sent has come all the way; one that does not is an error, so
no figure is ever made from messages that were lost. Must not know servers.
"""

import asyncio
import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from scripts.benchmarks.load.pair import Pair

DRAIN_S = 60.0
TICK_S = 0.001
POLL_S = 0.005
WAVES = 3
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Saturated:
    """Messages a second that came all the way, and the share of its core that the generator used."""

    rate: float
    load: float


@dataclass(frozen=True)
class Paced:
    """Milliseconds from a message's write to its arrival, and the share that the generator used."""

    p50: float
    p99: float
    load: float


async def saturate(pairs: Sequence[Pair], *, outstanding: int, seconds: float) -> Saturated:
    """Keep `outstanding` messages under way in each pair, and count those that complete."""
    running = True

    def refill(pair: Pair) -> None:
        room = outstanding - (pair.sent - pair.completed())
        if room > 0 and running:
            pair.send(room)

    with undisturbed():
        for pair in pairs:
            pair.moved = refill
            refill(pair)
        await asyncio.sleep(min(0.5, seconds / 2))
        start, cpu, before = time.perf_counter(), time.process_time(), total(pairs)
        await asyncio.sleep(seconds)
        # A slow server answers in few great waves: less than some of them would be counted wrongly.
        await _until(pairs, before + WAVES * outstanding * len(pairs), PATIENCE_S)
        passed, used = time.perf_counter() - start, time.process_time() - cpu
        done = total(pairs) - before
        running = False
        await drain(pairs)
    return Saturated(done / passed, used / passed)


async def pace(pairs: Sequence[Pair], *, rate: float, seconds: float) -> Paced:
    """Send `rate` messages a second over all pairs in turn; the first half second does not count."""
    with undisturbed():
        await _send_evenly(pairs, rate, 0.5)
        await drain(pairs)
        taken: list[float] = []
        for pair in pairs:
            pair.seconds = taken
        start, cpu = time.perf_counter(), time.process_time()
        await _send_evenly(pairs, rate, seconds)
        load = (time.process_time() - cpu) / (time.perf_counter() - start)
        await drain(pairs)
    for pair in pairs:
        pair.seconds = None
    taken.sort()
    return Paced(1000 * taken[len(taken) // 2], 1000 * taken[len(taken) * 99 // 100], load)


async def drain(pairs: Sequence[Pair]) -> None:
    """Wait until every message sent is complete. Raises RuntimeError where one is missing."""
    sent = sum(pair.sent for pair in pairs)
    await _until(pairs, sent, DRAIN_S)
    if missing := sent - total(pairs):
        raise RuntimeError(f"{missing} messages never came all the way")
    for pair in pairs:
        pair.moved = None


async def _until(pairs: Sequence[Pair], completed: int, seconds: float) -> None:
    latest = time.perf_counter() + seconds
    # Looked at now and then: an event for each message would be load of our own.
    while total(pairs) < completed and time.perf_counter() < latest:  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


def total(pairs: Sequence[Pair]) -> int:
    """How many messages are complete, over all pairs."""
    return sum(pair.completed() for pair in pairs)


async def _send_evenly(pairs: Sequence[Pair], rate: float, seconds: float) -> None:
    start, sent, all_of_them = time.perf_counter(), 0, round(rate * seconds)
    while sent < all_of_them:
        due = min(all_of_them, int((time.perf_counter() - start) * rate))
        for number in range(sent, due):
            pairs[number % len(pairs)].send(1)
        sent = max(sent, due)
        await asyncio.sleep(TICK_S)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep the generator's own garbage collector out of the figures."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
