"""Our relay under load: the real command, the real store, registered accounts, signed logins."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from scripts.benchmarks.load.member import Member, MemberLine, pair_up
from scripts.benchmarks.load.pair import Pair
from scripts.benchmarks.load.process import free_port, server, wait_for_port
from scripts.benchmarks.load.served import Served
from scripts.benchmarks.load.websocket import connect

AT_ONCE = 50
WIDE = ("--rate-factor", "1000000", "--connections-per-address", "10000")
"""All load comes from one address, and from few accounts: the rates are there to prevent exactly that."""


class Town:
    """The members of one store; they stay registered over the relay's restarts."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.members: list[Member] = []
        self.lines: list[MemberLine] = []
        self.port = 0

    async def grow(self, count: int) -> None:
        """Register members until there are `count`."""
        new = [Member(number) for number in range(len(self.members), count)]
        lines = [MemberLine(member) for member in new]
        await connect(self.port, [line.socket for line in lines])
        await in_turn(lines, MemberLine.register)
        for line in lines:
            line.socket.close()
        self.members += new

    async def log_in(
        self, members: Sequence[Member], prepare: Callable[[MemberLine], None] = lambda line: None
    ) -> list[MemberLine]:
        """Connect these; `prepare` is called with each one's line before anything can come to it."""
        lines = [MemberLine(member) for member in members]
        for line in lines:
            prepare(line)
        for start in range(0, len(lines), AT_ONCE):
            some = lines[start : start + AT_ONCE]
            await connect(self.port, [line.socket for line in some])
            await in_turn(some, lambda line: line.log_in(f"127.0.0.1:{self.port}"))
        self.lines += lines
        return lines

    async def pairs(self, numbers: range) -> list[Pair]:
        """Connect the pairs of these numbers."""
        await self.grow(2 * numbers.stop)
        lines = await self.log_in(self.members[2 * numbers.start : 2 * numbers.stop])
        return [pair_up(a, b) for a, b in zip(lines[::2], lines[1::2], strict=True)]

    async def idle(self, numbers: range) -> None:
        """Connect the members of these numbers, who do nothing."""
        await self.log_in(self.members[numbers.start : numbers.stop])


@asynccontextmanager
async def serve(
    folder: Path, *, town: Town | None = None, before: Sequence[str] = (), options: Sequence[str] = ()
) -> AsyncIterator[Served]:
    """Run the relay, on a new store or on a town's; `before` is put in front of its command."""
    town = town or Town(folder / "relay.db")
    town.port = free_port()
    with server((*before, *command(town), *options), folder) as process:
        wait_for_port(process, town.port)
        try:
            yield Served(process.pid, town.pairs, town.idle)
        finally:
            for line in town.lines:
                line.socket.close()
            town.lines.clear()
            await asyncio.sleep(0)


def command(town: Town) -> Sequence[str]:
    """The relay's command line."""
    return (
        sys.executable, "-m", "letterlock_client.cli",
        "relay", "--listen", f"127.0.0.1:{town.port}", "--store", f"sqlite:{town.store}", "--json", *WIDE,
    )  # fmt: skip


async def in_turn(
    lines: Sequence[MemberLine], act: Callable[[MemberLine], Coroutine[Any, Any, None]]
) -> None:
    """Let them all act, so many at a time."""
    for start in range(0, len(lines), AT_ONCE):
        await asyncio.gather(*(act(line) for line in lines[start : start + AT_ONCE]))
