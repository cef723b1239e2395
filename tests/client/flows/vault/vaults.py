"""Real realms in the test's own loop, with clocks that the test moves; and links that can be told to lie."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from letterlock.ids import AccountId
from letterlock.vault.fleet import Fleet
from letterlock.vault.fleet import Realm as Member
from letterlock.vault.ledger import Event, head_of, sign_entry
from letterlock.vault.realm_secret import RealmSecret
from letterlock.wire import vault_frames
from letterlock.wire.codec import decode_from_realm, decode_to_realm, encode
from letterlock.wire.frames import Frame
from letterlock_client.flows.vault.access import open_vault
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.failures import Offline
from letterlock_client.links.transport import Transport, dial_realm
from letterlock_client.links.vault import VaultLinks
from letterlock_server.limits import Rule
from letterlock_server.stores.vault_interfaces import VaultStore
from letterlock_server.stores.vault_memory import MemoryVaultStore
from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore
from letterlock_server.vault import guessing
from letterlock_server.vault.gateway import Gateway
from letterlock_server.vault.policy import Policy
from letterlock_server.vault.realm import Realm
from letterlock_server.vault.sealing import Sealer
from letterlock_server.vault.state import Rates, Vault
from letterlock_server.websocket.listening import Patience
from tests.shared.devices.people import NOW, seed

Lie = Callable[[Frame], Frame]
NO_WAITS = Policy(guesses=10, back_off=(0,), additions=Rule(1_000_000, 1))


@dataclass
class Clock:
    """The wall's and the realm's own, in milliseconds."""

    wall: int = NOW
    running: int = 1_000

    def pass_seconds(self, seconds: float) -> None:
        self.wall += round(seconds * 1000)
        self.running += round(seconds * 1000)


@dataclass
class Town:
    """A fleet of running realms, and what goes wrong on the way to each."""

    fleet: Fleet
    clock: Clock
    stores: dict[str, MemoryVaultStore]
    """Those of them that are in memory."""
    away: set[str] = field(default_factory=set)
    """Realms that cannot be reached."""
    lies: dict[str, Lie] = field(default_factory=dict)
    """What becomes of a realm's answers."""
    cut: dict[str, type[Frame]] = field(default_factory=dict)
    """The frame on which the connection to a realm breaks, before it gets there."""
    lost: dict[str, type[Frame]] = field(default_factory=dict)
    """The frame whose answer a realm gives and nobody hears."""
    asked: list[tuple[str, type[Frame]]] = field(default_factory=list)
    passed: list[bytes] = field(default_factory=list)
    """All that went either way, as it was before anything masks or encrypts it."""
    slept: list[float] = field(default_factory=list)
    """The waits that realms asked for and links waited out."""

    def opened(self, fleet: Fleet | None = None) -> AbstractAsyncContextManager[VaultLinks]:
        return open_vault(
            fleet or self.fleet, os.urandom, lambda: self.clock.wall, dial=self.dial, sleep=self.sleep
        )

    async def sleep(self, seconds: float) -> None:
        """Let the time pass that a realm asked to wait."""
        self.slept.append(seconds)
        self.clock.pass_seconds(seconds)

    def roll_back(self, name: str, account: AccountId, entries: int) -> None:
        """Put a realm's disk back to when its ledger had so many entries: all of it true, once."""
        standings = self.stores[name].standings
        kept = standings._ledgers[account] = standings._ledgers[account][:entries]
        standings._standings[account] = msgspec.structs.replace(
            standings._standings[account], entries=entries, head=head_of(kept).hash
        )

    def anchored_often(self, name: str, account: AccountId, times: int) -> None:
        """Let a realm's ledger grow as if so many backups had been made."""
        standings, secret = self.stores[name].standings, RealmSecret(seed(name))
        entries = standings._ledgers[account]
        head = head_of(entries)
        for number in range(times):
            entries.append(
                sign_entry(
                    secret, head, realm=name, account=account, at=NOW, event=Event.ANCHORED, about=number + 1
                )
            )
            head = head_of(entries[-1:], head)
        standings._standings[account] = msgspec.structs.replace(
            standings._standings[account], entries=head.sequence, head=head.hash
        )

    async def dial(self, address: RelayAddress) -> Transport:
        name = next(one.name for one in self.fleet.realms if one.url == address.url)
        if name in self.away:
            raise Offline
        return _Watched(self, name, await dial_realm(address))


class _Watched:
    def __init__(self, town: Town, name: str, inner: Transport) -> None:
        self._town, self._name, self._inner = town, name, inner
        self._last: type[Frame] | None = None
        self.certificate_hash = inner.certificate_hash

    async def send(self, data: bytes) -> None:
        kind = type(decode_to_realm(data))
        self._town.passed.append(data)
        self._town.asked.append((self._name, kind))
        self._last = kind
        if self._name in self._town.away or self._town.cut.get(self._name) is kind:
            await self._inner.close()
            raise Offline
        await self._inner.send(data)

    async def receive(self) -> bytes:
        data = await self._inner.receive()
        self._town.passed.append(data)
        if self._last is not None and self._town.lost.get(self._name) is self._last:
            await self._inner.close()
            raise Offline
        lie = self._town.lies.get(self._name)
        return encode(lie(decode_from_realm(data))) if lie is not None else data

    async def close(self) -> None:
        await self._inner.close()


def altered(kind: type[Frame], **fields: object) -> Lie:
    """Replace fields of one kind of answer; a function computes the new value from the old one."""

    def lie(frame: Frame) -> Frame:
        if not isinstance(frame, kind):
            return frame
        new = {
            name: value(getattr(frame, name)) if callable(value) else value for name, value in fields.items()
        }
        return msgspec.structs.replace(frame, **new)

    return lie


@contextlib.asynccontextmanager
async def town_of(
    count: int = 3,
    threshold: int = 2,
    policy: Policy = NO_WAITS,
    keys: str = "",
    folder: Path | None = None,
) -> AsyncIterator[Town]:
    """So many realms, in memory or in `folder`; other `keys` make another fleet of the same names."""
    clock = Clock()
    async with contextlib.AsyncExitStack() as stack:
        members, stores = [], dict[str, MemoryVaultStore]()
        for number in range(1, count + 1):
            name = f"realm-{number}"
            store: VaultStore
            if folder is None:
                store = stores[name] = MemoryVaultStore()
            else:
                store = SqliteVaultStore(folder / f"{name}.db")
            url = await stack.enter_async_context(
                _running(Realm(name, RealmSecret(seed(keys + name)), policy), store, clock)
            )
            members.append(Member(name, url, RealmSecret(seed(keys + name)).public))
        yield Town(Fleet(tuple(members), threshold), clock, stores)


@contextlib.asynccontextmanager
async def _running(realm: Realm, store: VaultStore, clock: Clock) -> AsyncIterator[str]:
    await store.open()
    vault = Vault(
        realm,
        store,
        Sealer(seed(realm.name)),
        running=lambda: clock.running,
        wall=lambda: clock.wall,
        random=os.urandom,
    )
    vault.rates = Rates(1000.0)
    await guessing.bury_all(vault)
    gateway = Gateway(vault, Patience(connections_per_address=1000))
    host, port = await gateway.listen("127.0.0.1", 0, None)
    try:
        yield f"ws://{host}:{port}"
    finally:
        vault.closing = True
        gateway.stop_accepting()
        await vault.finish(2.0)
        await store.close()
        await gateway.close(2.0)


def flip(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


GUESSED = vault_frames.StartGuess
COMMIT = vault_frames.Commit
