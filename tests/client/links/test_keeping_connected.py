"""The link comes back by itself, waits longer each time, and gives up only where waiting cannot help."""

import asyncio
from collections.abc import Callable

import pytest

from letterlock.devices.account import account_id, certify_list_key, sign_handle
from letterlock.devices.device_list import certify_device, sign_device_list
from letterlock.errors import FrameError
from letterlock.ids import DeviceId
from letterlock.primitives.keys import SigningKey, agreement_public
from letterlock.wire import codec, frames
from letterlock_client.events import Link
from letterlock_client.links import connection as connections
from letterlock_client.links.address import parse_relay
from letterlock_client.links.connection import Connection, Credentials
from letterlock_client.links.failures import Offline, Refused
from letterlock_client.links.relay import FIRST_WAIT_S, LONGEST_WAIT_S, RelayLink, Surroundings
from tests.simulator import RELAY_URL, Account, Chance, Clock, SimulatedRelay

ROOT, LIST, IDENTITY = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3))
ADDRESS = parse_relay(RELAY_URL)


def credentials(identity: SigningKey = IDENTITY) -> Credentials:
    return Credentials(account_id(ROOT.public), DeviceId(1), identity, visible=True)


def relay_with_account() -> SimulatedRelay:
    clock = Clock()
    relay, account, now = SimulatedRelay(clock), account_id(ROOT.public), clock()
    device = certify_device(
        LIST,
        account=account,
        device=DeviceId(1),
        epoch=1,
        identity_key=IDENTITY.public,
        agreement_key=agreement_public(bytes([4]) * 32),
        sealing_key=agreement_public(bytes([5]) * 32),
        created=now,
    )
    relay.accounts[account] = Account(
        "someone",
        sign_handle(LIST, account=account, handle="someone", epoch=1, created=now),
        ROOT.public,
        certify_list_key(ROOT, list_key=LIST.public, epoch=1, created=now),
        sign_device_list(LIST, account=account, epoch=1, version=1, issued=now, devices=[device]),
    )
    return relay


class Watched:
    """A link whose waits take no time and are written down."""

    def __init__(self, relay: SimulatedRelay, identity: SigningKey = IDENTITY) -> None:
        self.waits: list[float] = []
        self.said: list[tuple[Link, str]] = []
        self.enough = asyncio.Event()
        self.link = RelayLink(
            ADDRESS,
            lambda: credentials(identity),
            _nothing,
            Surroundings(relay.dial, Chance("link"), self._sleep, self._report),
        )

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) >= 15:
            self.enough.set()
            await asyncio.Event().wait()
        await asyncio.sleep(0)

    def _report(self, link: Link, reason: str, wait: float) -> None:
        self.said.append((link, reason))


async def _nothing(_connection: Connection) -> None:
    return


@pytest.fixture
async def watch() -> "Callable[..., Watched]":
    made: list[Watched] = []

    def make(relay: SimulatedRelay, identity: SigningKey = IDENTITY) -> Watched:
        made.append(Watched(relay, identity))
        return made[-1]

    yield make
    for one in made:
        await one.link.disconnect()


async def test_waits_grow_and_stay_below_their_limit(watch: Callable[..., Watched]) -> None:
    relay = relay_with_account()
    relay.reachable = False
    watched = watch(relay)
    watched.link.connect()
    await asyncio.wait_for(watched.enough.wait(), 5)
    assert FIRST_WAIT_S / 2 <= watched.waits[0] <= 2 * FIRST_WAIT_S
    for number, wait in enumerate(watched.waits, 1):
        ceiling = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**number)
        assert ceiling / 2 <= wait <= ceiling
    assert len(set(watched.waits)) == len(watched.waits)


async def test_a_broken_connection_comes_back(watch: Callable[..., Watched]) -> None:
    relay = relay_with_account()
    watched = watch(relay)
    watched.link.connect()
    for _ in range(3):
        live = await asyncio.wait_for(watched.link.ready(), 5)
        relay.sever_all()
        await live.ended()
    await asyncio.wait_for(watched.link.ready(), 5)
    assert max(watched.waits) <= 2 * FIRST_WAIT_S


async def test_a_refusal_that_repeating_cannot_cure_ends_the_attempts(watch: Callable[..., Watched]) -> None:
    watched = watch(relay_with_account(), SigningKey(bytes([9]) * 32))
    watched.link.connect()
    with pytest.raises(Refused) as caught:
        await asyncio.wait_for(watched.link.settled(), 5)
    assert caught.value.refusal == "bad_login"
    assert watched.waits == []
    assert watched.said[-1] == (Link.REFUSED, "bad_login")


async def test_a_relay_that_says_later_is_asked_no_sooner(watch: Callable[..., Watched]) -> None:
    relay = relay_with_account()
    relay.refuse_next.append((frames.LogIn, "rate", 7_000))
    watched = watch(relay)
    watched.link.connect()
    await asyncio.wait_for(watched.link.ready(), 5)
    assert watched.waits[0] >= 7


async def test_a_login_signed_for_another_relay_is_worth_nothing(watch: Callable[..., Watched]) -> None:
    relay = relay_with_account()
    relay.names = ("elsewhere:7",)
    watched = watch(relay)
    watched.link.connect()
    with pytest.raises(Refused):
        await asyncio.wait_for(watched.link.settled(), 5)
    logins = [one for one in relay.seen if isinstance(one, frames.LogIn)]
    assert [one.relay for one in logins] == [ADDRESS.name]


async def test_nothing_is_left_running_after_a_disconnect(watch: Callable[..., Watched]) -> None:
    before = asyncio.all_tasks()
    watched = watch(relay_with_account())
    watched.link.connect()
    await asyncio.wait_for(watched.link.ready(), 5)
    await watched.link.disconnect()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


class Scripted:
    """A transport whose other end says what a test tells it to."""

    certificate_hash = b""

    def __init__(self) -> None:
        self.sent: list[frames.Request] = []
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.closed = False

    async def send(self, data: bytes) -> None:
        self.sent.append(codec.decode_client(data))

    async def receive(self) -> bytes:
        return await self.inbox.get()

    async def close(self) -> None:
        self.closed = True

    def say(self, frame: frames.Frame) -> None:
        self.inbox.put_nowait(codec.encode(frame))


@pytest.fixture
async def scripted() -> "tuple[Scripted, Connection]":
    transport = Scripted()
    live = Connection(transport, ADDRESS)
    yield transport, live
    await live.close()
    assert transport.closed


Ends = tuple[Scripted, Connection]


def welcome(number: int, min_client: int = 1) -> frames.Welcome:
    return frames.Welcome(
        number,
        relay="x",
        nonce=bytes(32),
        min_client=min_client,
        features={},
        now_ms=0,
        invite_needed=False,
        needs={},
    )


async def test_answers_find_their_requests_in_any_order_and_no_id_comes_twice(scripted: Ends) -> None:
    transport, live = scripted
    transport.say(welcome(1))
    await live.greet()
    handles = [f"name{number}" for number in range(50)]
    asked = [
        asyncio.create_task(live.ask(frames.FetchAccount(0, account=b"", handle=handle)))
        for handle in handles
    ]
    await asyncio.sleep(0.01)
    requests = transport.sent[1:]
    assert [one.handle for one in requests] == handles  # type: ignore[attr-defined]
    assert len({one.id for one in transport.sent}) == 51
    for one in reversed(requests):
        transport.say(frames.Refused(one.id, code="unknown_account", message=one.handle, retry_ms=0))  # type: ignore[attr-defined]
    for handle, result in zip(handles, await asyncio.gather(*asked, return_exceptions=True), strict=True):
        assert isinstance(result, Refused)
        assert result.message == handle


async def test_a_relay_that_never_answers_is_given_up(
    scripted: Ends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ANSWER_S", 0.05)
    _transport, live = scripted
    with pytest.raises(Offline):
        await live.greet()
    assert not live.open


@pytest.mark.parametrize(
    "nonsense",
    [
        frames.Done(77),
        frames.Deliver(bytes(16), received_ms=0, body=b""),
        frames.Drained(),
    ],
)
async def test_what_nobody_asked_for_cuts_the_connection(scripted: Ends, nonsense: frames.Frame) -> None:
    transport, live = scripted
    transport.say(nonsense)
    assert isinstance(await asyncio.wait_for(live.ended(), 5), FrameError)


async def test_bytes_that_are_no_frame_cut_the_connection(scripted: Ends) -> None:
    transport, live = scripted
    transport.inbox.put_nowait(b"\xc1 rubbish")
    assert isinstance(await asyncio.wait_for(live.ended(), 5), FrameError)
    with pytest.raises(Offline):
        await live.greet()


async def test_a_relay_that_wants_a_newer_client_is_told_apart(scripted: Ends) -> None:
    transport, live = scripted
    transport.say(welcome(1, min_client=2))
    with pytest.raises(Refused) as caught:
        await live.greet()
    assert caught.value.refusal == "version"


async def test_who_waits_when_the_connection_ends_is_told(scripted: Ends) -> None:
    _transport, live = scripted
    waiting = asyncio.create_task(live.greet())
    await asyncio.sleep(0.01)
    live.cut(Offline())
    with pytest.raises(Offline):
        await waiting
    assert await live.pushes(5) == []


async def test_a_request_that_is_illegal_now_is_never_sent(scripted: Ends) -> None:
    transport, live = scripted
    with pytest.raises(FrameError):
        await live.ask(frames.CountPrekeys(0))
    assert transport.sent == []


def test_credentials_do_not_show_their_key() -> None:
    assert IDENTITY.seed.hex() not in repr(credentials())
    assert repr(IDENTITY.seed) not in repr(credentials())
