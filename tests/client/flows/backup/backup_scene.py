"""Alice and Bob, a provider in memory, and how their backups are made and restored."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from letterlock.ids import ConversationId
from letterlock_client.backup_models import BackupChoice, Frequency, Restored, RestoreRequest
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.flows.opening import Outside
from letterlock_client.messenger import Messenger
from letterlock_client.providers.interface import Found, Provider, ProviderInfo
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.restoration import Restoration
from letterlock_server.vault import fleet_file
from tests.client.flows.vault import vaults
from tests.shared.vault.realms import CHEAP
from tests.simulator import RELAY_URL
from tests.town import WAIT_S, Pair, Town

PROVIDER = "folder:/memory"
LONG = "lantern harbour violet " * 80
Fault = Callable[[bytes], bytes]


def flipped(body: bytes) -> bytes:
    middle = len(body) // 2
    return body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]


FAULTS: list[Fault | None] = [flipped, lambda body: body[:50], lambda body: body + b"x", None]
"""What happens to an object; None is that it goes."""


class Shelf:
    """A provider in memory that every terminal of a test reaches; `seen` may stand before it."""

    def __init__(self) -> None:
        self.memory = MemoryProvider()
        self.seen: Provider = self.memory
        self.others: dict[str, Provider] = {}
        """Other places than the usual one."""
        self.changes: dict[str, object] = {}
        """What else is different outside."""

    def open(self, text: str, *, create: bool = False) -> Provider:
        del create
        return self.others.get(text, self.seen)


async def much_for_carol(pair: Pair) -> ConversationId:
    """Some long messages to somebody who reads none of them, all at the relay; return her chat."""
    carol = await pair.town.register("carol")
    to_carol = await pair.alice.find("carol")
    # No receipt of hers is to make one of these a change that a later segment has.
    await carol.disconnect()
    for number in range(8):
        await pair.alice.send_text(to_carol, f"{number} {LONG}")
    # What the relay takes only after the next backup would come once more in the one behind it.
    assert await pair.alice.flushed(WAIT_S)
    return to_carol


def spoil(shelf: Shelf, name: str, fault: Fault | None) -> None:
    body = shelf.memory.objects.pop(name)
    if fault is not None:
        shelf.memory.objects[name] = fault(body)


class Slow:
    """A provider that gives some objects out only once they are let go; the first looks at each may be free."""

    def __init__(self, inner: MemoryProvider, slow: Collection[str], *, free: int = 1) -> None:
        self._inner, self._slow, self._free = inner, frozenset(slow), free
        self.looks: Counter[str] = Counter()
        self.reached, self.let_go = asyncio.Event(), asyncio.Event()

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self.looks[name] += 1
        if name in self._slow and self.looks[name] > self._free:
            self.reached.set()
            try:
                await self.let_go.wait()
            finally:
                self.reached.clear()
        return await self._inner.get(name, start, length)

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        return await self._inner.put(name, data)

    async def list(self, prefix: str) -> list[Found]:
        return await self._inner.list(prefix)

    async def delete(self, name: str) -> None:
        await self._inner.delete(name)

    async def info(self) -> ProviderInfo:
        return await self._inner.info()


class Stuck(MemoryProvider):
    """A provider that takes for ever to keep an object."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.puts = 0

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        del name, data
        self.puts += 1
        self.asked.set()
        return await asyncio.get_running_loop().create_future()


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
    return await town.befriend()


@asynccontextmanager
async def fleet(
    shelf: Shelf, folder: Path, *, disks: Path | None = None
) -> AsyncIterator[tuple[vaults.Town, Path]]:
    """Three realms that every terminal of a test reaches, in memory or on `disks`, and the file that names them."""
    async with vaults.town_of(folder=disks) as realms:
        shelf.changes["dial_realm"] = realms.dial
        file = folder / "fleet.toml"
        fleet_file.write(file, realms.fleet, force=False)
        yield realms, file


async def turn_on(person: Messenger) -> str:
    """Turn backups on with the 64 digits; return them."""
    choice = BackupChoice(provider=PROVIDER, recovery_key=True)
    made = await person.backups.turn_on(choice, NO_PASSPHRASE)
    # Only what a test asks for is to happen.
    await person.backups.choose(frequency=Frequency.OFF)
    return made.recovery_key


async def looked(person: Messenger) -> None:
    """Have somebody's schedule look once, and let it end what it began: it looks again only then."""
    due = person._place.backup_due
    for _ in range(2):
        due.set()
        async with asyncio.timeout(WAIT_S):
            while due.is_set():
                await asyncio.sleep(0)


async def restore(
    town: Town,
    secret: str,
    profile: str = "second",
    *,
    chats: tuple[str, ...] = (),
    early: bool = False,
    **more: object,
) -> Restored:
    values: dict[str, object] = {"handle": "alice", "relay": RELAY_URL, "provider": PROVIDER}
    wanted = RestoreRequest(**(values | more))  # type: ignore[arg-type]
    restoration = await Restoration.begin(town.home, profile, wanted, outside=town.outside(profile))
    try:
        await restoration.open(secret)
        return await restoration.run(NO_PASSPHRASE, chats, early=early)
    finally:
        await restoration.close()


async def texts(person: Messenger, chat: object) -> list[str]:
    return [one.text for one in await person.history(chat, 10_000)]  # type: ignore[arg-type]
