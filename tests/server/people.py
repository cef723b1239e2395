"""People who talk to a relay in the tests: real accounts, real signatures, real frames."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any, Protocol, Self, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from letterlock.devices.account import account_id, certify_list_key, sign_handle
from letterlock.devices.bundle import PrekeyKind
from letterlock.devices.device_list import certify_device, sign_device_list
from letterlock.devices.login import login_transcript
from letterlock.devices.signed import Fields, Kind, sign
from letterlock.ids import DeviceId
from letterlock.primitives.kem import KemKey
from letterlock.primitives.keys import AgreementKey, SigningKey
from letterlock.wire import frames
from letterlock.wire.codec import decode_relay, encode

F = TypeVar("F", bound=frames.Frame)
NOW = 1_800_000_000_000
PATIENCE_S = 10.0
KEM_PUBLIC = KemKey(bytes(range(64))).public


def random_key() -> AgreementKey:
    return AgreementKey(secrets.token_bytes(32))


class HasUrl(Protocol):
    """A relay that runs."""

    @property
    def url(self) -> str: ...


class Account:
    """An account with any number of devices, and the keys behind it."""

    def __init__(self, handle: str, *, devices: Sequence[int] = (1,), now: int = NOW) -> None:
        self.handle = handle
        self.now = now
        self.root = SigningKey(secrets.token_bytes(32))
        self.list_key = SigningKey(secrets.token_bytes(32))
        self.id = account_id(self.root.public)
        self.epoch = 1
        self.version = 1
        self.certificate = certify_list_key(self.root, list_key=self.list_key.public, epoch=1, created=now)
        self.entry = sign_handle(self.list_key, account=self.id, handle=handle, epoch=1, created=now)
        self.identities: dict[int, SigningKey] = {}
        self.certificates: dict[int, bytes] = {}
        self.highest = 0
        for device in devices:
            self.add(device)
        self.list = self.sign()

    def add(self, device: int) -> None:
        self.identities[device] = SigningKey(secrets.token_bytes(32))
        self.highest = max(self.highest, device)
        self.certificates[device] = certify_device(
            self.list_key,
            account=self.id,
            device=DeviceId(device),
            epoch=self.epoch,
            identity_key=self.identities[device].public,
            agreement_key=random_key().public,
            sealing_key=random_key().public,
            created=self.now,
        )

    def sign(self) -> bytes:
        return sign_device_list(
            self.list_key,
            account=self.id,
            epoch=self.epoch,
            version=self.version,
            issued=self.now,
            devices=list(self.certificates.values()),
            highest_device=self.highest,
        )

    def next_list(self, *, without: int | None = None, also: int | None = None) -> bytes:
        if without is not None:
            del self.certificates[without]
        if also is not None:
            self.add(also)
        self.version += 1
        self.list = self.sign()
        return self.list

    def reclaim(self, device: int, request: int = 1, *, handle: str = "") -> frames.Register:
        """A new terminal, in the next epoch; every other device is gone."""
        self.epoch, self.version = self.epoch + 1, 1
        self.list_key = SigningKey(secrets.token_bytes(32))
        self.certificate = certify_list_key(
            self.root, list_key=self.list_key.public, epoch=self.epoch, created=self.now
        )
        self.entry = sign_handle(
            self.list_key, account=self.id, handle=handle or self.handle, epoch=self.epoch, created=self.now
        )
        self.certificates.clear()
        self.add(device)
        self.list = self.sign()
        return self.register(request)

    def register(self, request: int = 1, invite: str = "") -> frames.Register:
        return frames.Register(request, self.root.public, self.certificate, self.list, self.entry, invite)

    def log_in(
        self,
        nonce: bytes,
        relay: str,
        *,
        device: int = 1,
        signed: str = "",
        tls: bytes = b"",
        visible: bool = True,
    ) -> frames.LogIn:
        own = secrets.token_bytes(32)
        transcript = login_transcript(
            relay=signed or relay,
            tls_certificate_hash=tls,
            server_nonce=nonce,
            client_nonce=own,
            account=self.id,
            device=DeviceId(device),
        )
        signature = self.identities[device].sign(transcript)
        return frames.LogIn(2, self.id, device, relay, own, signature, visible)

    def prekey(self, kind: PrekeyKind, key_id: int, *, device: int = 1, key: bytes = b"") -> bytes:
        kem = kind in (PrekeyKind.KEM_LAST_RESORT, PrekeyKind.KEM_ONE_TIME)
        # Signed without the checks that an honest device makes first.
        return sign(
            self.identities[device],
            Fields(
                kind=Kind[f"{kind.name}_PREKEY"],
                number=key_id,
                account=self.id,
                device=device,
                created=self.now,
                body=key or (KEM_PUBLIC if kem else random_key().public),
            ),
        )

    def prekeys(self, count: int, *, device: int = 1, first: int = 1) -> frames.PutPrekeys:
        ids = range(first, first + count)
        return frames.PutPrekeys(
            3,
            self.prekey(PrekeyKind.SIGNED, 1, device=device),
            self.prekey(PrekeyKind.KEM_LAST_RESORT, 1, device=device),
            [self.prekey(PrekeyKind.ONE_TIME, one, device=device) for one in ids],
            [self.prekey(PrekeyKind.KEM_ONE_TIME, one, device=device) for one in ids],
        )


class Talk:
    """One connection to a relay, in lock step: ask, and get the answer; pushes are put aside."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.pushes: list[frames.Frame] = []
        self.welcome: frames.Welcome | None = None

    @classmethod
    async def open(cls, url: str, **options: Any) -> Self:
        options = {"proxy": None, "max_queue": None, "close_timeout": 1} | options
        return cls(
            await connect(
                url,
                subprotocols=[Subprotocol(frames.SUBPROTOCOL)],
                compression=None,
                max_size=2**20,
                **options,
            )
        )

    @classmethod
    async def greeted(cls, url: str, **options: Any) -> Self:
        talk = await cls.open(url, **options)
        talk.welcome = await talk.ask(frames.Hello(1, frames.VERSION, "test"), frames.Welcome)
        return talk

    @classmethod
    async def log_in(cls, url: str, account: Account, *, device: int = 1, visible: bool = True) -> Self:
        talk = await cls.greeted(url)
        assert talk.welcome is not None
        request = account.log_in(talk.welcome.nonce, url.partition("://")[2], device=device, visible=visible)
        await talk.ask(request, frames.LoggedIn)
        return talk

    @classmethod
    async def join(cls, url: str, account: Account, *, device: int = 1) -> Self:
        async with await cls.greeted(url) as talk:
            await talk.ask(account.register(), frames.Done)
        return await cls.log_in(url, account, device=device)

    async def send(self, frame: frames.Frame) -> None:
        await self.socket.send(encode(frame))

    async def receive(self) -> frames.Frame:
        async with asyncio.timeout(PATIENCE_S):
            data = await self.socket.recv()
        assert isinstance(data, bytes)
        return decode_relay(data)

    async def answer(self, request: int) -> frames.Frame:
        while True:
            frame = await self.receive()
            if isinstance(frame, frames.Answer):
                assert frame.id == request, frame
                return frame
            self.pushes.append(frame)

    async def ask(self, frame: frames.Request, kind: type[F]) -> F:
        await self.send(frame)
        answer = await self.answer(frame.id)
        assert isinstance(answer, kind), answer
        return answer

    async def refused(self, frame: frames.Request) -> frames.Refused:
        return await self.ask(frame, frames.Refused)

    async def push(self, kind: type[F]) -> F:
        """Return the next push of this kind; others before it are put aside."""
        while True:
            for frame in self.pushes:
                if isinstance(frame, kind):
                    self.pushes.remove(frame)
                    return frame
            self.pushes.append(await self.receive())

    async def closed(self) -> int | None:
        """Wait until the relay has closed this connection; return the code."""
        async with asyncio.timeout(PATIENCE_S):
            await self.socket.wait_closed()
        return self.socket.close_code

    async def close(self) -> None:
        await self.socket.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def mail(
    account: Account,
    body: bytes = b"sealed",
    *,
    request: int = 9,
    envelope: bytes = b"",
    ephemeral: bool = False,
) -> frames.Submit:
    """Return a Submit for every device of the account."""
    sealed = [frames.Sealed(device, body) for device in account.certificates]
    return frames.Submit(
        request,
        envelope or secrets.token_bytes(16),
        account.id,
        account.epoch,
        account.version,
        sealed,
        ephemeral,
    )


async def registered(relay: HasUrl, handle: str = "bob", devices: tuple[int, ...] = (1,)) -> Account:
    account = Account(handle, devices=devices)
    async with await Talk.greeted(relay.url) as talk:
        await talk.ask(account.register(), frames.Done)
    return account


def nonce(talk: Talk) -> bytes:
    assert talk.welcome is not None
    return talk.welcome.nonce
