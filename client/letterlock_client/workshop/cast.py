"""Who is on the stage: a relay, and Alice and Bob with profiles of their own, all in one temporary folder.

Everything is real and everything ends with the context. Must not know the interface.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

from letterlock.ids import ConversationId
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.messenger import Messenger
from letterlock_client.workshop.watched_relay import Guard, Relay, WatchedRelay

CLOSE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Cast:
    """The parties, as the stage gets them."""

    relay: Relay
    alice: Messenger
    bob: Messenger
    chat: ConversationId
    """Alice's chat with Bob, still empty. Bob does not know Alice yet."""


@asynccontextmanager
async def open_cast() -> AsyncIterator[Cast]:
    """Start the relay and register both people. Raises RelayError and ClientError."""
    async with AsyncExitStack() as stack:
        guard = await stack.enter_async_context(Guard())
        relay = await stack.enter_async_context(WatchedRelay(guard))
        people = []
        for name in ("alice", "bob"):
            person = await Messenger.register(
                Home.at(guard.folder / name), name, handle=name, relay=relay.url, unlock=NO_PASSPHRASE
            )
            stack.push_async_callback(_close, person)
            people.append(person)
        alice, bob = people
        yield Cast(relay, alice, bob, await alice.find("bob"))


async def _close(person: Messenger) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await person.close()
    except TimeoutError:
        return
