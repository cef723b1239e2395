"""What an idle connection costs in memory: ours, logged in, beside one of bare websockets.

The server is fresh (what registering needed is gone with the process before it), and some connections are
there before the first look, so that what is made once is not counted.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

from scripts.benchmarks.load import letterlock
from scripts.benchmarks.load.generator import under_load
from scripts.benchmarks.load.process import resident_bytes
from scripts.benchmarks.load.served import Served
from scripts.benchmarks.ratio import ratio_row
from scripts.benchmarks.rivals import bare_websockets
from scripts.benchmarks.row import Row

FIRST = 100
SETTLE_S = 1.0


def idle_rows(quick: bool) -> Iterator[Row]:
    """Memory for each of many idle connections."""
    count = 1000 if quick else 4000
    ours, theirs = under_load(_ours(count)), under_load(_theirs(count))
    names = ("idle connection, logged in", "KiB", "bare websockets, uvloop")
    yield ratio_row(names, (ours / 1024, theirs / 1024), most=2, note=f"{count:,} connections, no TLS")


async def _ours(count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        town = letterlock.Town(Path(folder) / "relay.db")
        async with letterlock.serve(Path(folder), town=town):
            await town.grow(FIRST + count)
        async with letterlock.serve(Path(folder), town=town) as served:
            return await _growth(served, count)


async def _theirs(count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with bare_websockets.serve(Path(folder)) as served:
            return await _growth(served, count)


async def _growth(served: Served, count: int) -> float:
    await served.idle(range(FIRST))
    await asyncio.sleep(SETTLE_S)
    before = resident_bytes(served.pid)
    await served.idle(range(FIRST, FIRST + count))
    await asyncio.sleep(SETTLE_S)
    return (resident_bytes(served.pid) - before) / count
