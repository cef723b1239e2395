"""An account with one device at our relay, and its connection: registers, logs in, submits, acknowledges."""

import asyncio
import os
import time
from typing import TypeVar

from letterlock.devices.account import account_id, certify_list_key, sign_handle
from letterlock.devices.device_list import certify_device, sign_device_list
from letterlock.devices.login import login_transcript
from letterlock.ids import DeviceId
from letterlock.primitives.keys import AgreementKey, SigningKey
from letterlock.wire import frames
from letterlock.wire.codec import decode_relay, encode
from scripts.benchmarks.load.pair import Pair
from scripts.benchmarks.load.websocket import WebSocketLine

DEVICE = DeviceId(1)
BODY = 300
PREKEYS_LOW = frames.Notice("prekeys_low")
"""Said to every member at login: none has left any prekeys, and nobody asks for one here."""
A = TypeVar("A", bound=frames.Answer)


class Member:
    """One registered account, and the keys that its one device needs here."""

    def __init__(self, number: int) -> None:
        root, list_key, self.identity = (SigningKey(os.urandom(32)) for _ in range(3))
        account, created = account_id(root.public), time.time_ns() // 1_000_000
        certificate = certify_device(
            list_key,
            account=account,
            device=DEVICE,
            epoch=1,
            identity_key=self.identity.public,
            agreement_key=AgreementKey(os.urandom(32)).public,
            sealing_key=AgreementKey(os.urandom(32)).public,
            created=created,
        )
        self.account = account
        self.record = frames.Register(
            id=1,
            root_key=root.public,
            list_certificate=certify_list_key(root, list_key=list_key.public, epoch=1, created=created),
            device_list=sign_device_list(
                list_key, account=account, epoch=1, version=1, issued=created, devices=[certificate]
            ),
            handle_entry=sign_handle(
                list_key, account=account, handle=f"load{number}", epoch=1, created=created
            ),
            invite="",
        )


class MemberLine:
    """A member's connection. Until it belongs to a pair it asks one thing at a time."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.socket = WebSocketLine(subprotocol=frames.SUBPROTOCOL)
        self.socket.take = self._take
        self.pair: Pair | None = None
        self.waiting = 0
        self._answer: asyncio.Future[frames.Frame] | None = None
        self._requests = 0
        self._acknowledging: dict[int, int] = {}

    async def register(self) -> None:
        """Greet, and register the account."""
        await self._ask(frames.Hello(1, frames.VERSION, "bench"), frames.Welcome)
        await self._ask(self.member.record, frames.Done)

    async def log_in(self, relay: str) -> None:
        """Greet, and prove to be the device."""
        welcome = await self._ask(frames.Hello(1, frames.VERSION, "bench"), frames.Welcome)
        nonce, account = os.urandom(32), self.member.account
        signature = self.member.identity.sign(
            login_transcript(
                relay=relay,
                tls_certificate_hash=b"",
                server_nonce=welcome.nonce,
                client_nonce=nonce,
                account=account,
                device=DEVICE,
            )
        )
        request = frames.LogIn(2, account, DEVICE, relay, nonce, signature, visible=False)
        self.waiting = (await self._ask(request, frames.LoggedIn)).waiting

    def submit(self, to: Member, sealed: list[frames.Sealed], count: int) -> None:
        """Hand in so many new envelopes, in one write."""
        ids = os.urandom(16 * count)
        first = self._requests + 1
        self._requests += count
        self.socket.send(
            [
                encode(
                    frames.Submit(first + at, ids[16 * at : 16 * at + 16], to.account, 1, 1, sealed, False)
                )
                for at in range(count)
            ]
        )

    def _acknowledge(self, envelopes: list[bytes]) -> None:
        self._requests += 1
        self._acknowledging[self._requests] = len(envelopes)
        self.socket.send([encode(frames.Acknowledge(self._requests, envelopes))])

    async def _ask(self, request: frames.Request, answer: type[A]) -> A:
        self._answer = asyncio.get_running_loop().create_future()
        self.socket.send([encode(request)])
        async with asyncio.timeout(20):
            given = await self._answer
        if not isinstance(given, answer):
            raise TypeError(f"the relay answered {given!r}")
        return given

    def _take(self, messages: list[bytes]) -> None:
        accepted, acknowledged, envelopes = 0, 0, []
        for message in messages:
            frame = decode_relay(message)
            if isinstance(frame, frames.Deliver):
                envelopes.append(frame.envelope)
            elif isinstance(frame, frames.Accepted):
                accepted += 1
            elif isinstance(frame, frames.Done) and self.pair is not None:
                acknowledged += self._acknowledging.pop(frame.id)
            elif not isinstance(frame, frames.Drained) and frame != PREKEYS_LOW:
                self._other(frame)
        if self.pair is not None:
            self._count(self.pair, accepted, acknowledged, envelopes)

    def _count(self, pair: Pair, accepted: int, acknowledged: int, envelopes: list[bytes]) -> None:
        if envelopes:
            pair.deliver(len(envelopes))
            # What one read brought is acknowledged together, as a client does that stores it together.
            self._acknowledge(envelopes)
        if accepted:
            pair.accept(accepted)
        if acknowledged:
            pair.acknowledge(acknowledged)

    def _other(self, frame: frames.Frame) -> None:
        if self._answer is None or self._answer.done():
            raise RuntimeError(f"the relay said {frame!r}")
        self._answer.set_result(frame)


def pair_up(sender: MemberLine, receiver: MemberLine) -> Pair:
    """Make one pair of two that are logged in."""
    sealed = [frames.Sealed(DEVICE, os.urandom(BODY))]
    pair = Pair(
        lambda count: sender.submit(receiver.member, sealed, count), ("accepted", "delivered", "acknowledged")
    )
    sender.pair = receiver.pair = pair
    return pair


def reads_only(receiver: MemberLine) -> None:
    """Make a pair of one who reads what waited, without anybody who sends."""
    receiver.pair = Pair(lambda count: None, ("delivered", "acknowledged"))
