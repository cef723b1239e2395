"""Realms in the test's own loop, with clocks that move only when told; and a client that asks in lock step."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from letterlock.errors import WrongPasswordError
from letterlock.ids import AccountId
from letterlock.vault.fleet import Fleet, RealmKeys
from letterlock.vault.fleet import Realm as Member
from letterlock.vault.owned import Owner
from letterlock.vault.realm_secret import RealmSecret, check_welcome
from letterlock.vault.record import door_key
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.vault.requests import Addressed, sign_anchor, sign_delete, sign_ledger, sign_register
from letterlock.vault.threshold import Dealt, Recovery, Share, Terms, deal
from letterlock.wire import vault_frames as frames
from letterlock.wire.codec import decode_from_realm, encode
from letterlock.wire.frames import Answer, Request
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
from tests.shared.devices.people import ALICE, NOW, Person
from tests.shared.vault.realms import CHEAP, LOCATOR, PASSWORD, R, owner

A = TypeVar("A", bound=Answer)
WRONG = b"a wrong password"
KEY = door_key(LOCATOR, "realm-1", ALICE.account)
"""Of the owner's door."""
PATIENCE_S = 20.0
NO_WAITS = Policy(guesses=10, back_off=())


class Clock:
    """Both clocks of a realm, in ms: `wall` may be set, `running` only goes on."""

    def __init__(self) -> None:
        self.wall = NOW
        self.running = 0

    def pass_seconds(self, seconds: float) -> None:
        self.wall += round(seconds * 1000)
        self.running += round(seconds * 1000)


class Running:
    """One realm that listens."""

    def __init__(self, vault: Vault, gateway: Gateway, clock: Clock, url: str) -> None:
        self.vault = vault
        self.gateway = gateway
        self.clock = clock
        self.url = url

    @property
    def name(self) -> str:
        return self.vault.realm.name

    @property
    def member(self) -> Member:
        return Member(self.name, self.url, self.vault.realm.secret.public)


@contextlib.asynccontextmanager
async def running(
    store: VaultStore,
    *,
    name: str = "realm-1",
    seed: bytes = bytes(31) + b"1",
    policy: Policy = NO_WAITS,
    clock: Clock | None = None,
    patience: Patience | None = None,
) -> AsyncIterator[Running]:
    clock = clock or Clock()
    clock.running = max(clock.running, await store.open())
    realm = Realm(name, RealmSecret(seed), policy)
    vault = Vault(
        realm,
        store,
        Sealer(seed),
        running=lambda: clock.running,
        wall=lambda: clock.wall,
        random=secrets.token_bytes,
    )
    vault.rates = Rates(1000.0)
    await guessing.bury_all(vault)
    gateway = Gateway(vault, patience or Patience(connections_per_address=1000))
    host, port = await gateway.listen("127.0.0.1", 0, None)
    try:
        yield Running(vault, gateway, clock, f"ws://{host}:{port}")
    finally:
        vault.closing = True
        gateway.stop_accepting()
        await vault.finish(2.0)
        with contextlib.suppress(Exception):
            await store.keep_clock(clock.running)
        await store.close()
        await gateway.close(2.0)


@contextlib.asynccontextmanager
async def fleet_of(
    count: int, *, threshold: int, policy: Policy = NO_WAITS, folder: Path | None = None
) -> AsyncIterator[tuple[Fleet, list[Running]]]:
    """So many realms, in memory or in `folder`, and the fleet that pins them."""
    async with contextlib.AsyncExitStack() as stack:
        realms = [
            await stack.enter_async_context(
                running(
                    MemoryVaultStore() if folder is None else SqliteVaultStore(folder / f"{number}.db"),
                    name=f"realm-{number}",
                    seed=bytes(31) + bytes([number]),
                    policy=policy,
                )
            )
            for number in range(1, count + 1)
        ]
        yield Fleet(tuple(one.member for one in realms), threshold), realms


class Asker:
    """One connection to a realm: ask, and get the answer."""

    def __init__(self, socket: ClientConnection, realm: Running) -> None:
        self.socket = socket
        self.realm = realm
        self.nonce = b""

    @classmethod
    async def open(cls, realm: Running) -> Self:
        socket = await connect(
            realm.url,
            subprotocols=[Subprotocol(frames.SUBPROTOCOL)],
            compression=None,
            proxy=None,
            close_timeout=1,
        )
        asker = cls(socket, realm)
        challenge = secrets.token_bytes(32)
        greeted = await asker.ask(
            frames.Greet(1, version=1, client="test", challenge=challenge), frames.Greeted
        )
        check_welcome(RealmKeys.read(greeted.keys), greeted.realm, (challenge, greeted.nonce), greeted.proof)
        asker.nonce = greeted.nonce
        return asker

    async def tell(self, frame: Request) -> frames.FromRealm:
        await self.socket.send(encode(frame))
        async with asyncio.timeout(PATIENCE_S):
            data = await self.socket.recv(decode=False)
        answer = decode_from_realm(bytes(data))  # type: ignore[arg-type]
        assert answer.id == frame.id
        return answer

    async def ask(self, frame: Request, kind: type[A]) -> A:
        answer = await self.tell(frame)
        assert isinstance(answer, kind), answer
        return answer

    async def refused(self, frame: Request, code: str) -> frames.Refused:
        refused = await self.ask(frame, frames.Refused)
        assert refused.code == code, refused
        return refused

    async def addressed(self) -> Addressed:
        nonce, self.nonce = self.nonce, b""
        if not nonce:
            nonce = (await self.ask(frames.AskNonce(2), frames.NonceIs)).nonce
        return Addressed(realm=self.realm.name, keys=self.realm.vault.realm.secret.public, nonce=nonce)

    async def introduce(self, who: Owner) -> frames.Done:
        account = who.account
        return await self.ask(
            frames.PutDeviceList(3, account.root_key, account.certificate.raw, account.devices.raw),
            frames.Done,
        )

    async def registering(self, who: Owner, dealt: Dealt) -> frames.Prepare:
        sealed = dealt.records[self.realm.name]
        to = await self.addressed()
        request = sign_register(who, to, statement=dealt.statement, sealed=sealed, created=NOW)
        return frames.Prepare(4, request=request, statement=dealt.statement.raw, record=sealed)

    async def prepare(self, who: Owner, dealt: Dealt) -> bytes:
        await self.introduce(who)
        return (await self.ask(await self.registering(who, dealt), frames.Receipt)).receipt

    async def commit(self, dealt: Dealt, receipts: list[bytes]) -> bytes:
        statement = dealt.statement
        frame = frames.Commit(5, statement.account, statement.epoch, receipts)
        return (await self.ask(frame, frames.Receipt)).receipt

    async def status(self, door_key: bytes = b"", account: AccountId = ALICE.account) -> frames.StatusIs:
        return await self.ask(frames.AskStatus(6, account, door_key), frames.StatusIs)

    async def anchoring(self, who: Owner, epoch: int, generation: int, digest: bytes) -> frames.PutAnchor:
        to = await self.addressed()
        return frames.PutAnchor(
            7,
            sign_anchor(who, to, epoch=epoch, generation=generation, manifest_hash=digest, created=NOW),
        )

    async def deleting(self, who: Owner, epoch: int) -> frames.Delete:
        return frames.Delete(8, sign_delete(who, await self.addressed(), epoch=epoch, created=NOW))

    async def ledger(self, who: Owner, epoch: int = 1) -> list[bytes]:
        request = sign_ledger(who, await self.addressed(), epoch=epoch, created=NOW)
        return (await self.ask(frames.FetchLedger(9, request, 0), frames.LedgerPage)).entries

    async def close(self) -> None:
        await self.socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def dealt_for(
    fleet: Fleet,
    *,
    epoch: int = 1,
    who: Owner | None = None,
    password: bytes = PASSWORD,
    secret: RecoverySecret = R,
) -> Dealt:
    terms = Terms(fleet, epoch, CHEAP, LOCATOR, NOW)
    return deal(who or owner(), terms, password, secret, secrets.token_bytes)


async def register(realms: list[Running], dealt: Dealt, who: Owner | None = None) -> list[bytes]:
    """Prepare everywhere, then commit everywhere."""
    receipts = []
    for realm in realms:
        async with await Asker.open(realm) as asker:
            receipts.append(await asker.prepare(who or owner(), dealt))
    for realm in realms:
        async with await Asker.open(realm) as asker:
            await asker.commit(dealt, receipts)
    return receipts


class Try:
    """One password tried at one realm of a fleet of one."""

    def __init__(self, dealt: Dealt, password: bytes = PASSWORD, door_key: bytes = b"") -> None:
        self.recovery = Recovery(dealt.statement, password, secrets.token_bytes)
        self.guess = self.recovery.start("realm-1", secrets.token_bytes)
        self.frame = frames.StartGuess(
            10, dealt.statement.account, dealt.statement.epoch, door_key, self.guess.login.ke1.pack()
        )

    def finish(self, answer: frames.GuessAnswer) -> frames.FinishGuess:
        """Raises WrongPasswordError where it was the wrong one."""
        answered = self.recovery.check(self.guess, answer.answer)
        (self.opened,) = self.recovery.open([answered])
        return frames.FinishGuess(11, self.opened.login.ke3.pack())

    def take(self, released: frames.Released) -> Share:
        return self.recovery.take(self.opened, released.sealed)

    def secret(self, released: frames.Released) -> RecoverySecret:
        return self.recovery.join([self.take(released)])


async def guess(realm: Running, dealt: Dealt, password: bytes = WRONG, key: bytes = KEY) -> frames.FromRealm:
    """One guess on a connection of its own, proved where it is right; the realm's last answer."""
    async with await Asker.open(realm) as asker:
        tried = Try(dealt, password, key)
        answer = await asker.tell(tried.frame)
        if not isinstance(answer, frames.GuessAnswer):
            return answer
        try:
            proof = tried.finish(answer)
        except WrongPasswordError:
            return answer
        return await asker.tell(proof)


async def settled(realm: Running) -> None:
    """Wait until every guess whose connection has gone is over."""
    async with asyncio.timeout(10):
        while realm.vault.live or realm.vault._tasks:
            await asyncio.sleep(0.005)


def person(version: int = 1, device: int = 1, *listed: int, who: Person = ALICE) -> Owner:
    return owner(who, device, *listed, version=version)


def files_hold(folder: Path, *needles: bytes) -> bool:
    """Whether any file of the folder has any of these bytes in it."""
    return any(needle in path.read_bytes() for path in folder.iterdir() for needle in needles)
