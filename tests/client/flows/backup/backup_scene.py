"""Alice and Bob, a provider in memory, and how their backups are made and restored."""

from dataclasses import replace

import pytest

from letterlock_client.backup_models import BackupChoice, Frequency, Restored, RestoreRequest
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.flows.opening import Outside
from letterlock_client.messenger import Messenger
from letterlock_client.providers.interface import Provider
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.restoration import Restoration
from tests.shared.vault.realms import CHEAP
from tests.simulator import RELAY_URL
from tests.town import Pair, Town

PROVIDER = "folder:/memory"


class Shelf:
    """A provider in memory that every terminal of a test reaches; `seen` may stand before it."""

    def __init__(self) -> None:
        self.memory = MemoryProvider()
        self.seen: Provider = self.memory
        self.changes: dict[str, object] = {}
        """What else is different outside."""

    def open(self, _text: str, *, create: bool = False) -> Provider:
        del create
        return self.seen


@pytest.fixture
def shelf(town: Town) -> Shelf:
    shelf = Shelf()
    plain = town.outside

    def outside(name: str) -> Outside:
        return replace(plain(name), open_provider=shelf.open, stretching=CHEAP, **shelf.changes)  # type: ignore[arg-type]

    town.outside = outside  # type: ignore[method-assign]
    return shelf


@pytest.fixture
async def pair(shelf: Shelf, town: Town) -> Pair:
    return await befriend(town)


async def befriend(town: Town) -> Pair:
    alice, bob = await town.register("alice"), await town.register("bob")
    both = Pair(town, alice, bob, await alice.find("bob"), await bob.find("alice"))
    await alice.send_text(both.to_bob, "hello")
    await both.settle()
    await bob.send_text(both.to_alice, "hello yourself")
    await both.settle()
    return both


async def turn_on(person: Messenger) -> str:
    """Turn backups on with the 64 digits; return them."""
    choice = BackupChoice(provider=PROVIDER, recovery_key=True)
    made = await person.backups.turn_on(choice, NO_PASSPHRASE)
    # Only what a test asks for is to happen.
    await person.backups.choose(frequency=Frequency.OFF)
    return made.recovery_key


async def restore(
    town: Town, secret: str, profile: str = "second", *, chats: tuple[str, ...] = (), **more: object
) -> Restored:
    values: dict[str, object] = {"handle": "alice", "relay": RELAY_URL, "provider": PROVIDER}
    wanted = RestoreRequest(**(values | more))  # type: ignore[arg-type]
    restoration = await Restoration.begin(town.home, profile, wanted, outside=town.outside(profile))
    try:
        await restoration.open(secret)
        return await restoration.run(NO_PASSPHRASE, chats)
    finally:
        await restoration.close()


async def texts(person: Messenger, chat: object) -> list[str]:
    return [one.text for one in await person.history(chat, 10_000)]  # type: ignore[arg-type]
