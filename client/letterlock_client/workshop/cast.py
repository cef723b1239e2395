"""Who is on the stage: a relay, Alice and Bob with profiles of their own, and who keeps Bob's backup; in one folder.

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
from letterlock_client.workshop.keepers import Keepers
from letterlock_client.workshop.watched_relay import Guard, Relay, WatchedRelay

CLOSE_S: Final = 5.0


@dataclass(slots=True)
class Cast:
    """The parties, as the stage gets them."""

    relay: Relay
    alice: Messenger
    bob: Messenger
    """His present terminal: he loses one in the story."""
    chat: ConversationId
    """Alice's chat with Bob, still empty. Bob does not know Alice yet."""
    keepers: Keepers


@asynccontextmanager
async def open_cast() -> AsyncIterator[Cast]:
    """Start the relay and register both people. Raises RelayError and ClientError."""
    async with AsyncExitStack() as stack:
        guard = await stack.enter_async_context(Guard())
        relay = await stack.enter_async_context(WatchedRelay(guard))
        keepers = Keepers(guard, relay.url)
        stack.push_async_callback(keepers.close)
        alice = await _register(guard, "alice", relay.url)
        stack.push_async_callback(_close, alice)
        bob = await _register(guard, "bob", relay.url)
        cast = Cast(relay, alice, bob, await alice.find("bob"), keepers)
        stack.push_async_callback(lambda: _close(cast.bob))
        yield cast


async def _register(guard: Guard, name: str, relay: str) -> Messenger:
    home = Home.at(guard.folder / name)
    return await Messenger.register(home, name, handle=name, relay=relay, unlock=NO_PASSPHRASE)


async def _close(person: Messenger) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await person.close()
    except TimeoutError:
        return
