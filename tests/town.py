"""People who chat through a relay in memory: fixtures for the client's tests.

How Alice and Bob registered and met is lived through once a worker, and kept: their folders, and what the relay held.
Each test goes on from a copy of it, with profiles that are opened as any profile is.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from letterlock.ids import ConversationId
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.messenger import Messenger, Outside
from tests.simulator import RELAY_URL, Chance, Clock, SimulatedRelay

WAIT_S = 30.0


class Town:
    """A relay, a clock, and whoever was asked to live here. Everybody is closed at the end."""

    def __init__(self, folder: Path, stack: AsyncExitStack, past: "Past | None" = None) -> None:
        self.folder = folder
        self.clock = Clock()
        self.relay = SimulatedRelay(self.clock)
        self.home = Home.at(folder)
        self._stack = stack
        self._past = past
        self._openings = 0

    def outside(self, name: str) -> Outside:
        self._openings += 1

        async def sleep(_seconds: float) -> None:
            await asyncio.sleep(0.01)

        return Outside(self.clock, Chance(f"{name} {self._openings}"), self.relay.dial, sleep)

    async def register(self, name: str, **changes: object) -> Messenger:
        outside = replace(self.outside(name), **changes)
        person = await Messenger.register(
            self.home, name, handle=name, relay=RELAY_URL, unlock=NO_PASSPHRASE, outside=outside
        )
        self._stack.push_async_callback(person.close)
        return person

    async def open(self, name: str, *, connect: bool = True) -> Messenger:
        person = await Messenger.open(self.home, name, NO_PASSPHRASE, outside=self.outside(name))
        self._stack.push_async_callback(person.close)
        if connect:
            person.connect()
            assert await person.connected(WAIT_S)
        return person

    async def befriend(self) -> "Pair":
        """Let Alice and Bob live here, who have met. Nobody may live here yet."""
        past = self._past
        assert past is not None
        assert not self._openings, "who lives here already is not in what Alice and Bob have lived through"
        shutil.copytree(past.town.folder, self.folder, dirs_exist_ok=True)
        self.relay.take_over(past.town.relay)
        self.clock.move(seconds=max(past.left_ms - self.clock(), 0) / 1000)
        self._openings = past.town._openings
        alice, bob = await self.open("alice"), await self.open("bob")
        for person in (alice, bob):
            assert await person._running.wait(person._running.upkept.wait(), WAIT_S)
        return Pair(self, alice, bob, past.to_bob, past.to_alice)


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until `check` holds; the link and the tasks need a few turns of the loop."""
    async with asyncio.timeout(WAIT_S):
        while not await check():
            await asyncio.sleep(0.01)


@dataclass
class Pair:
    """Alice and Bob, who have each other's account and have accepted each other."""

    town: Town
    alice: Messenger
    bob: Messenger
    to_bob: ConversationId
    to_alice: ConversationId

    async def texts(self, person: Messenger) -> list[str]:
        """All that a person's one chat shows, oldest first."""
        chat = self.to_bob if person.profile.handle == "alice" else self.to_alice
        return [one.text for one in await person.history(chat, 10_000)]

    async def settle(self) -> None:
        """Wait until nobody has anything to send, twice over, so that answers to answers are in too."""
        for _ in range(2):
            for person in (self.alice, self.bob):
                assert await person.flushed(WAIT_S)
            await self.quiet()

    async def quiet(self) -> None:
        """Wait until no mail lies at the relay."""

        async def empty() -> bool:
            return not any(self.town.relay.mail.values())

        await eventually(empty)


@dataclass(frozen=True)
class Past:
    """What Alice and Bob have lived through: a town that both have left."""

    town: Town
    to_bob: ConversationId
    to_alice: ConversationId
    left_ms: int
    """What the clock said when they left: it goes on from there."""


async def live_through(folder: Path) -> Past:
    """Let Alice and Bob register, write to each other, and leave."""
    async with AsyncExitStack() as stack:
        town = Town(folder, stack)
        alice, bob = await town.register("alice"), await town.register("bob")
        both = Pair(town, alice, bob, await alice.find("bob"), await bob.find("alice"))
        await alice.send_text(both.to_bob, "hello")
        await both.settle()
        await bob.send_text(both.to_alice, "hello yourself")
        await both.settle()
    return Past(town, both.to_bob, both.to_alice, town.clock())


@pytest.fixture
async def town(past: Past, tmp_path: Path) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        yield Town(tmp_path, stack, past)


@pytest.fixture
async def pair(town: Town) -> Pair:
    return await town.befriend()
