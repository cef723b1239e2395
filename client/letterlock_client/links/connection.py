"""One connection to a relay: greeting, login, requests matched to answers, pushes in order.

Every wait has a deadline. A relay that answers nonsense, answers what was not asked, or pushes more than
its credit is cut off. Must not know what a message says, nor when to connect again.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from letterlock.devices.login import login_transcript
from letterlock.errors import FrameError
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.keys import SigningKey
from letterlock.wire import codec, connection, frames
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.failures import Offline, Refused
from letterlock_client.links.transport import Transport

ANSWER_S: Final = 30.0
"""How long an answer may take."""
_SPARE_PUSHES: Final = 64
_CLIENT: Final = "letterlock"
_LAST_ID: Final = 2**32 - 1

_A = TypeVar("_A", bound=frames.Answer)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who logs in, with what."""

    account: AccountId
    device: DeviceId
    identity: SigningKey = field(repr=False)
    visible: bool
    """Whether the relay may tell others that this device is connected."""


class Connection:
    """One live connection. Made by `links.relay`; the flows only ask and take pushes."""

    def __init__(self, transport: Transport, address: RelayAddress) -> None:
        self._transport = transport
        self._address = address
        self._state = connection.State.GREETING
        self._next_id = 1
        self._waiting: dict[int, asyncio.Future[frames.Answer]] = {}
        self._pushes: deque[frames.Push] = deque()
        self._news = asyncio.Event()
        self._end: Exception | None = None
        self._reader = asyncio.create_task(self._read(), name="relay reader")
        self.welcome: frames.Welcome | None = None
        self.logged_in: frames.LoggedIn | None = None

    @property
    def open(self) -> bool:
        """Whether it is still usable."""
        return self._end is None

    async def greet(self) -> frames.Welcome:
        """Say hello. Raises Refused("version"), Offline."""
        self.welcome = await self.request(
            frames.Hello(0, version=frames.VERSION, client=_CLIENT), frames.Welcome
        )
        if self.welcome.min_client > frames.VERSION:
            raise Refused("version", "this relay needs a newer Letterlock")
        return self.welcome

    async def log_in(self, who: Credentials, random: Callable[[int], bytes]) -> frames.LoggedIn:
        """Prove to be this device, to this relay, on this connection only. Raises Refused, Offline."""
        if self.welcome is None:
            raise Offline("the relay has not greeted us")
        nonce = random(32)
        transcript = login_transcript(
            relay=self._address.name,
            tls_certificate_hash=self._transport.certificate_hash,
            server_nonce=self.welcome.nonce,
            client_nonce=nonce,
            account=who.account,
            device=who.device,
        )
        self.logged_in = await self.request(
            frames.LogIn(
                0,
                account=who.account,
                device=who.device,
                relay=self._address.name,
                nonce=nonce,
                signature=who.identity.sign(transcript),
                visible=who.visible,
            ),
            frames.LoggedIn,
        )
        return self.logged_in

    async def request(self, frame: frames.Request, expected: type[_A]) -> _A:
        """Ask, and return the one answer expected. Raises Refused, Offline."""
        answer = await self.ask(frame)
        if not isinstance(answer, expected):
            self._fail(FrameError("the relay answered something else"))
            raise Offline("the relay answered something else than was asked")
        return answer

    async def ask(self, frame: frames.Request) -> frames.Answer:
        """Send `frame` under an id of its own (its `id` is replaced) and wait for its answer.

        Many may be in flight; the relay takes them in order. Raises Refused, Offline.
        """
        if self._end is not None or self._next_id > _LAST_ID:
            raise Offline("the connection to the relay is closed")
        connection.check_legal(self._state, frame)
        number, self._next_id = self._next_id, self._next_id + 1
        answer: asyncio.Future[frames.Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._transport.send(codec.encode(msgspec.structs.replace(frame, id=number)))
                result = await answer
        except TimeoutError as error:
            self._fail(Offline("the relay does not answer"))
            raise Offline("the relay does not answer") from error
        finally:
            self._waiting.pop(number, None)
            if answer.done() and not answer.cancelled():
                answer.exception()
        if isinstance(result, frames.Refused):
            raise Refused(result.code, result.message, retry_ms=result.retry_ms)
        return result

    async def pushes(self, most: int) -> list[frames.Push]:
        """Wait for pushes and take up to `most`, in order; an empty list once the connection is closed."""
        while not self._pushes:
            if self._end is not None:
                return []
            self._news.clear()
            await self._news.wait()
        return [self._pushes.popleft() for _ in range(min(most, len(self._pushes)))]

    async def ended(self) -> Exception:
        """Wait until the connection is over, and say why."""
        await asyncio.wait([self._reader])
        if not self._reader.cancelled():
            self._reader.result()
        return self._end or Offline("the connection to the relay is closed")

    def cut(self, reason: Exception) -> None:
        """End it at once, for this reason; `ended` tells it, and who owns the connection closes it."""
        self._fail(reason)

    async def close(self) -> None:
        """Close and await what it owns; whoever still waits for an answer gets Offline."""
        self._fail(Offline("the connection to the relay is closed"))
        self._reader.cancel()
        await asyncio.wait([self._reader])
        with contextlib.suppress(Offline):
            await self._transport.close()

    async def _read(self) -> None:
        try:
            while self._end is None:
                self._take(codec.decode_relay(await self._transport.receive()))
        except (Offline, FrameError) as error:
            self._fail(error)

    def _take(self, frame: frames.Frame) -> None:
        if isinstance(frame, frames.Answer):
            self._answer(frame)
        elif isinstance(frame, frames.Push):
            if self._state is not connection.State.READY and not isinstance(frame, frames.Notice):
                raise FrameError("a push before the login")
            if len(self._pushes) >= frames.CREDIT + _SPARE_PUSHES:
                raise FrameError("the relay pushes more than its credit")
            self._pushes.append(frame)
            self._news.set()

    def _answer(self, frame: frames.Answer) -> None:
        # An answer may come after its asker was cancelled: dropped. Ids never given out are nonsense.
        if frame.id >= self._next_id:
            raise FrameError("an answer to nothing that was asked")
        waiting = self._waiting.pop(frame.id, None)
        if waiting is not None and not waiting.done():
            # The state moves here and not in the asker: a push may follow the login's answer at once.
            self._state = connection.after(self._state, frame)
            waiting.set_result(frame)

    def _fail(self, error: Exception) -> None:
        if self._end is None:
            self._end = error
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Offline("the connection to the relay broke"))
        self._news.set()
        if asyncio.current_task() is not self._reader:
            self._reader.cancel()
