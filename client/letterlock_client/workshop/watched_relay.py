"""A real relay as a child process that can be killed and started again, and all that it sees.

Whatever ends this program ends the relay: leaving, a signal, a crash, and, through `Guard`, even SIGKILL. Must not
know people, acts or widgets.
"""

import asyncio
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from letterlock_client.sanitize import line_of
from letterlock_client.workshop.processes import read_error, relay_command
from letterlock_client.workshop.watch_lines import Dropped, Line, LineCutter, Ready, read_line

START_S: Final = 20.0
STOP_S: Final = 3.0
BATCH_S: Final = 0.03
"""How long news are gathered before they are handed on together."""
MAX_NEWS: Final = 4_096
"""How much news waits for a slow reader; older ones are dropped and counted."""
_PIECE: Final = 64 * 1024

_GUARD: Final = """
trap '' HUP INT TERM
pids=
while read -r line; do pids=$line; done
for pid in $pids; do kill -9 "$pid" 2>/dev/null; done
rm -rf -- "$1"
"""
"""Reads lines of process ids from its standard input until that is closed, which is when its parent is gone."""


class RelayError(Exception):
    """The relay could not be started; says why in a sentence for people."""


@dataclass(frozen=True, slots=True)
class Started:
    """The relay runs."""

    at: int
    again: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """The relay does not run any more; `killed` says whether that was wanted."""

    at: int
    killed: bool


News = Line | Started | Ended


class Relay(Protocol):
    """What the stage needs of a relay."""

    url: str
    running: bool

    async def start(self) -> None:
        """Start it. Raises RelayError."""

    async def kill(self) -> None:
        """End it without a goodbye."""

    def news(self) -> AsyncIterator[Sequence[News]]:
        """What happened and what it saw, from the beginning, in batches. For one reader."""


def now_ms() -> int:
    """Return the present time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Guard:
    """A temporary folder, and a small process that removes it and kills the servers once this one is gone."""

    folder: Path
    """There as long as this is entered."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._pids: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="letterlock-stage-"))
        try:
            self._process = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", _GUARD, "letterlock-guard", str(self.folder), start_new_session=True,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        return self

    def watch(self, server: str, pid: int | None) -> None:
        """Kill this server's process once this one is gone; None is that it has none."""
        self._pids.pop(server, None)
        if pid is not None:
            self._pids[server] = pid
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.write(f"{' '.join(map(str, self._pids.values()))}\n".encode())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._process is not None and self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
            await self._process.wait()


class WatchedRelay:
    """The relay: one store and one port over all its lives. An async context manager that ends it."""

    def __init__(self, guard: Guard, clock: Callable[[], int] = now_ms) -> None:
        self.url = ""
        self.running = False
        self._guard = guard
        self._clock = clock
        self._store = guard.folder / "relay.db"
        self._log = guard.folder / "relay.log"
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._wanted = False
        self._news: deque[News] = deque()
        self._lost = 0
        self._changed = asyncio.Event()

    # Its life.

    async def start(self) -> None:
        """Start it, and wait until it is ready. Raises RelayError."""
        await self._end(signal.SIGKILL)
        again = bool(self.url)
        self._ready.clear()
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *relay_command(self._port, self._store), "--watch",
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._process, self._wanted = process, True
        self._guard.watch("relay", process.pid)
        self._reading = asyncio.create_task(self._read(process, again))
        await self._become_ready(self._reading)

    async def _become_ready(self, reading: "asyncio.Task[None]") -> None:
        ready = asyncio.create_task(self._ready.wait())
        try:
            await asyncio.wait((ready, reading), timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ready.cancel()
        if not self.running:
            ended = reading.done()
            await self._end(signal.SIGKILL)
            why = "it ended while starting" if ended else f"it was not ready within {START_S:.0f} seconds"
            raise RelayError(f"The relay could not be started: {self._complaint() or why}.")

    def _complaint(self) -> str:
        with suppress(OSError):
            said = str(read_error(self._log.read_text(errors="replace")).get("message", ""))
            # An orderly relay says one sentence; of anything longer the last line tells what went wrong.
            return line_of((said.strip().splitlines() or [""])[-1].rstrip("."))
        return ""

    async def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed that was not on disk."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for one that does not listen."""
        await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> None:
        process, self._process, self._wanted = self._process, None, False
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        self._guard.watch("relay", None)
        if self._reading is not None:
            await self._reading

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # What it says.

    async def _read(self, process: asyncio.subprocess.Process, again: bool) -> None:
        """Take everything the relay says, as fast as it says it, so that it never waits for a screen."""
        cutter = LineCutter()
        assert process.stdout is not None
        while data := await process.stdout.read(_PIECE):
            for text in cutter.feed(data):
                line = read_line(text, self._clock())
                if isinstance(line, Ready):
                    self._became_ready(line, again)
                else:
                    self._add(line)
        await process.wait()
        if self.running:
            self.running = False
            self._add(Ended(self._clock(), killed=not self._wanted))

    def _became_ready(self, line: Ready, again: bool) -> None:
        self.url = line.url
        # The same port in the next life, so that clients find it again.
        self._port = int(line.url.rpartition(":")[2])
        self.running = True
        self._ready.set()
        self._add(Started(self._clock(), again))

    def _add(self, news: News) -> None:
        if len(self._news) >= MAX_NEWS:
            self._news.popleft()
            self._lost += 1
        self._news.append(news)
        self._changed.set()

    async def news(self) -> AsyncIterator[Sequence[News]]:
        """What happened and what it saw, in batches. For one reader."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(BATCH_S)
            self._changed.clear()
            batch: list[News] = [Dropped(self._lost)] if self._lost else []
            batch.extend(self._news)
            self._news.clear()
            self._lost = 0
            yield batch
