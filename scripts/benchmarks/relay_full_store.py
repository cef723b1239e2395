"""Our relay with a million envelopes in its store: does it keep its pace, and what of a very long mailbox?

The envelopes are put there by the store's own code before the relay starts.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from letterlock.ids import EnvelopeId
from letterlock_server.relay.state import PREKEY_RULE
from letterlock_server.stores.interfaces import Copy
from letterlock_server.stores.sqlite.store import SqliteStore
from scripts.benchmarks.load import letterlock
from scripts.benchmarks.load.generator import under_load
from scripts.benchmarks.load.member import Member, reads_only
from scripts.benchmarks.load.traffic import drain, saturate
from scripts.benchmarks.ratio import ratio_row
from scripts.benchmarks.row import Row

ALL = 1_000_000
LONG = 100_000
SHORT = 5_000
PAIRS = 50
AT_ONCE = 10_000
BODY = 300


def full_store_rows() -> Iterator[Row]:
    """Throughput with a full store over that with an empty one; draining a long mailbox over a short one."""
    empty, full, short, long = under_load(_measure())
    yield ratio_row(
        (f"saturated, {PAIRS} pairs x 8, {ALL:,} stored", "messages/s", "ours, nothing stored"),
        (full, empty),
        least=0.8,
    )
    yield ratio_row(
        (f"draining a mailbox of {LONG:,}", "messages/s", f"ours, a mailbox of {SHORT:,}"),
        (long, short),
        least=0.8,
    )


async def _measure() -> tuple[float, float, float, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        town = letterlock.Town(folder / "relay.db")
        others = (ALL - LONG) // SHORT
        async with letterlock.serve(folder, town=town) as served:
            pairs = await served.pairs(range(PAIRS))
            empty = (await saturate(pairs, outstanding=8, seconds=4)).rate
            await town.grow(2 * PAIRS + 1 + others)
        waiting = [(town.members[2 * PAIRS], LONG)]
        waiting += [(member, SHORT) for member in town.members[2 * PAIRS + 1 :]]
        await _fill(town.store, waiting)
        async with letterlock.serve(folder, town=town) as served:
            pairs = await served.pairs(range(PAIRS))
            full = (await saturate(pairs, outstanding=8, seconds=4)).rate
            short = sorted([await _drained(town, *each) for each in waiting[1:4]])[1]
            return empty, full, short, await _drained(town, *waiting[0])


async def _fill(path: Path, waiting: Sequence[tuple[Member, int]]) -> None:
    now = time.time_ns() // 1_000_000
    store = SqliteStore(path, now=lambda: now, prekeys=PREKEY_RULE)
    await store.open()
    try:
        for member, count in waiting:
            listing = await store.accounts.listing(member.account)
            assert listing is not None
            mailbox = listing.devices[1].mailbox
            for start in range(0, count, AT_ONCE):
                await _keep(store, mailbox, now, min(AT_ONCE, count - start))
    finally:
        await store.close()


async def _keep(store: SqliteStore, mailbox: int, now: int, count: int) -> None:
    copies = [Copy(mailbox, EnvelopeId(os.urandom(16)), now, os.urandom(BODY)) for _ in range(count)]
    kept: asyncio.Future[Sequence[int] | None] = asyncio.get_running_loop().create_future()
    store.mail.keep(copies, kept.set_result)
    if await kept is None:
        raise RuntimeError("the store could not be filled")


async def _drained(town: letterlock.Town, member: Member, waiting: int) -> float:
    """Log in, take and acknowledge all that waits; return envelopes a second."""
    start = time.perf_counter()
    (line,) = await town.log_in([member], reads_only)
    assert line.pair is not None
    if line.waiting != waiting:
        raise RuntimeError(f"{line.waiting} envelopes wait, not {waiting}")
    line.pair.sent = waiting
    await drain([line.pair])
    return waiting / (time.perf_counter() - start)
