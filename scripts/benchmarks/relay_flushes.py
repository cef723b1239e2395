"""How often our relay waits for the disk: under full load, and when one message comes at a time.

Counted from outside, as system calls; only where `strace` is missing does the relay's own count stand in.
"""

import asyncio
import re
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.benchmarks.load import letterlock
from scripts.benchmarks.load.generator import under_load
from scripts.benchmarks.load.pair import Pair
from scripts.benchmarks.load.process import free_port
from scripts.benchmarks.load.traffic import drain, saturate, total
from scripts.benchmarks.row import Row

GAP_S = 0.005
_SYSTEM_CALLS = ("-f", "--seccomp-bpf", "-qq", "-e", "trace=fsync,fdatasync,msync,sync_file_range", "-o")
_COUNTED = re.compile(r"^letterlock_store_flushes_total ([0-9.e+]+)$", re.MULTILINE)
Count = Callable[[], float]


def flush_rows(quick: bool) -> Iterator[Row]:
    """Flushes for each 1 000 messages at full load, and for each message of a trickle."""
    saturated, trickling, how = under_load(_measure(1.5 if quick else 5.0, 100 if quick else 400))
    for name, unit, value, most in (
        ("flushes, saturated, 50 pairs x 8", "per 1 000 messages", saturated, 20.0),
        ("flushes, one message at a time", "per message", trickling, 2.0),
    ):
        yield Row(name, unit, value, None, "", None, f"<= {most:g}", value <= most, how)


async def _measure(seconds: float, messages: int) -> tuple[float, float, str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        strace, calls, metrics = shutil.which("strace"), folder / "calls", free_port()
        before = (strace, *_SYSTEM_CALLS, str(calls)) if strace else ()
        options = () if strace else ("--metrics", f"127.0.0.1:{metrics}")
        count: Count = (lambda: _lines(calls)) if strace else (lambda: _scraped(metrics))
        async with letterlock.serve(folder, before=before, options=options) as served:
            pairs = await served.pairs(range(50))
            start = await asyncio.to_thread(count)
            await saturate(pairs, outstanding=8, seconds=seconds)
            saturated = (await asyncio.to_thread(count) - start) / total(pairs)
            start = await asyncio.to_thread(count)
            await _trickle(pairs, messages)
            trickling = (await asyncio.to_thread(count) - start) / messages
        return 1000 * saturated, trickling, "system calls" if strace else "as the relay counts them"


async def _trickle(pairs: list[Pair], messages: int) -> None:
    for number in range(messages):
        pair = pairs[number % len(pairs)]
        pair.send(1)
        await drain([pair])
        await asyncio.sleep(GAP_S)


def _lines(calls: Path) -> float:
    return sum("resumed" not in line for line in calls.read_text().splitlines())


def _scraped(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        found = _COUNTED.search(answer.read().decode())
    if found is None:
        raise RuntimeError("the relay does not count its flushes")
    return float(found[1])
