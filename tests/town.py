"""People who chat through a relay in memory: fixtures for the client's tests."""

import asyncio
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

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.clock = Clock()
        self.relay = SimulatedRelay(self.clock)
        self.home = Home.at(folder)
        self._stack = stack
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


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        yield Town(tmp_path, stack)


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


@pytest.fixture
async def pair(town: Town) -> Pair:
    alice, bob = await town.register("alice"), await town.register("bob")
    both = Pair(town, alice, bob, await alice.find("bob"), await bob.find("alice"))
    await alice.send_text(both.to_bob, "hello")
    await both.settle()
    await bob.send_text(both.to_alice, "hello yourself")
    await both.settle()
    return both
