"""The relay beside its rivals: the same load over loopback on one machine, in one run.

A server runs on the first core, the load generator on the last. A message of 300 bytes counts for ours when
it was accepted (on disk), delivered and acknowledged (forgotten again); for rivals when it has gone through
what they have of these. Notes say how much of its core the generator used: at 100 % it would be measured
itself. See `load` and `rivals`.
"""

import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.benchmarks.load import letterlock
from scripts.benchmarks.load.generator import under_load
from scripts.benchmarks.load.served import Served
from scripts.benchmarks.load.traffic import Paced, Saturated, pace, saturate
from scripts.benchmarks.ratio import ratio_row
from scripts.benchmarks.relay_flushes import flush_rows
from scripts.benchmarks.relay_full_store import full_store_rows
from scripts.benchmarks.relay_idle import idle_rows
from scripts.benchmarks.rivals import bare_websockets, jetstream, mosquitto, prosody
from scripts.benchmarks.row import Row

FEW, MANY = 50, 500
RATE = 1000.0
Serve = Callable[[Path], AbstractAsyncContextManager[Served]]


@dataclass(frozen=True)
class Figures:
    """What one server did under the three loads; None where the pace was not asked for."""

    few: Saturated
    many: Saturated
    paced: Paced | None


@dataclass(frozen=True)
class Rival:
    """Somebody to measure beside ours: the least ratio of rates that is aimed at, with few and many pairs.

    `p50` and `p99` are the greatest ratios of latencies that are aimed at. `serve` is None where it is not
    installed, and `why` says so.
    """

    name: str
    serve: Serve | None
    few: float | None = None
    many: float | None = None
    p50: float | None = None
    p99: float | None = None
    why: str = "not installed"


def rivals() -> Iterator[Rival]:
    """Every rival, and what is aimed at."""
    mosquitto_here, prosody_here = shutil.which(mosquitto.PROGRAM), shutil.which(prosody.PROGRAM)
    yield Rival("bare websockets, uvloop", bare_websockets.serve, few=0.25, many=0.25, p50=3, p99=6)
    yield Rival("the same, answering nobody", partial(bare_websockets.serve, answered=False))
    yield Rival("JetStream, sync always", jetstream.serve if jetstream.program() else None, few=4, many=4)
    stores_nothing = partial(prosody.serve, archiving=False) if prosody_here else None
    yield Rival("Prosody, stores nothing", stores_nothing, few=0.8, many=2)
    archives = partial(prosody.serve, archiving=True) if prosody_here else None
    yield Rival("Prosody, MAM internal", archives, few=3, many=3)
    yield Rival("mosquitto QoS 1, memory", mosquitto.serve if mosquitto_here else None)
    yield Rival("ejabberd", None, why="no driver for it" if shutil.which("ejabberdctl") else "not installed")


def rows(quick: bool) -> Iterator[Row]:
    """Measure everything; `quick` for shorter, latencies only where a goal is set, and no large store."""
    seconds = 1.5 if quick else 5.0
    ours = run(letterlock.serve, seconds, paced=True)
    for rival in rivals():
        theirs = None
        if rival.serve is not None:
            theirs = run(rival.serve, seconds, paced=not quick or rival.p50 is not None)
        yield from throughputs(ours, theirs, rival)
        if theirs is not None:
            yield from latencies(ours, theirs, rival)
    yield from flush_rows(quick)
    yield from idle_rows(quick)
    if not quick:
        yield from full_store_rows()


def run(serve: Serve, seconds: float, *, paced: bool) -> Figures:
    """Put a server through the loads."""
    return under_load(_measure(serve, seconds, paced))


async def _measure(serve: Serve, seconds: float, paced: bool) -> Figures:
    async with _in_new_folder(serve) as served:
        pairs = await served.pairs(range(FEW))
        few = await saturate(pairs, outstanding=8, seconds=seconds)
        pairs += await served.pairs(range(FEW, MANY))
        many = await saturate(pairs, outstanding=4, seconds=seconds)
        latency = await pace(pairs, rate=RATE, seconds=max(2.0, seconds)) if paced else None
        return Figures(few, many, latency)


@asynccontextmanager
async def _in_new_folder(serve: Serve) -> AsyncIterator[Served]:
    with tempfile.TemporaryDirectory() as folder:
        async with serve(Path(folder)) as served:
            yield served


def throughputs(ours: Figures, theirs: Figures | None, rival: Rival) -> Iterator[Row]:
    """Ours and one rival's at full load; nothing stands in for a rival that is not here."""
    for name, least, our, their in (
        (f"saturated, {FEW} pairs x 8", rival.few, ours.few, theirs and theirs.few),
        (f"saturated, {MANY} pairs x 4", rival.many, ours.many, theirs and theirs.many),
    ):
        yield ratio_row(
            (name, "messages/s", rival.name),
            (our.rate, their.rate if their else None),
            least=least,
            note=busy(our, their) if their else f"not run: {rival.why}",
        )


def latencies(ours: Figures, theirs: Figures, rival: Rival) -> Iterator[Row]:
    """Ours and one rival's at a steady pace."""
    our, their = ours.paced, theirs.paced
    if our is None or their is None:
        return
    for name, most, mine, that in (
        ("p50", rival.p50, our.p50, their.p50),
        ("p99", rival.p99, our.p99, their.p99),
    ):
        title = f"{name} at {RATE:,.0f}/s, {MANY} pairs"
        yield ratio_row((title, "ms", rival.name), (mine, that), most=most, note=busy(our, their))


def busy(our: Saturated | Paced, their: Saturated | Paced) -> str:
    """How much of its core the load generator used against each."""
    return f"generator {our.load:.0%}, {their.load:.0%} busy"
