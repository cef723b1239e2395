"""A relay and a network in memory, for tests: honest or lying, whole or breaking.

`SimulatedRelay` speaks the real frames at the link's transport seam, keeps everything in dictionaries and can be
told to lie. `Clock` is a clock that a test moves. Not a reference relay: limits and durability are the relay's own.
"""

import asyncio
import hashlib
import time
from collections import defaultdict, deque
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache

from letterlock.devices.account import open_handle_entry
from letterlock.devices.device_list import DeviceList, VerifiedAccount, open_account
from letterlock.devices.login import login_transcript
from letterlock.errors import PeerError
from letterlock.primitives.keys import verify
from letterlock.wire import codec, frames, refusals
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.failures import Offline

RELAY_URL = "ws://127.0.0.1:7"
RELAY_NAME = "127.0.0.1:7"
START_MS = 1_764_000_000_000


class Clock:
    """Milliseconds that pass as they do, from a fixed day on, and leap when told to; none comes twice."""

    def __init__(self, now: int = START_MS) -> None:
        self._offset = now - int(time.monotonic() * 1000)
        self._last = now

    def __call__(self) -> int:
        self._last = max(self._last + 1, self._offset + int(time.monotonic() * 1000))
        return self._last

    def move(self, *, seconds: float = 0, days: float = 0) -> None:
        self._offset += int(seconds * 1000 + days * 86_400_000)

    def turn(self, *, days: float) -> None:
        """Be set, also back, as whoever keeps a clock may do."""
        self.move(days=days)
        self._last = 0


class Chance:
    """Deterministic bytes: the same seed, the same run."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = 0

    def __call__(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(self._seed + self._count.to_bytes(8, "big")).digest(size)


@dataclass
class Account:
    """What the relay keeps of an account."""

    handle: str
    handle_entry: bytes
    root_key: bytes
    list_certificate: bytes
    device_list: bytes
    prekeys: dict[int, "Prekeys"] = field(default_factory=lambda: defaultdict(Prekeys))


@dataclass
class Prekeys:
    signed: bytes = b""
    last_resort: bytes = b""
    one_time: deque[bytes] = field(default_factory=deque)
    kem_one_time: deque[bytes] = field(default_factory=deque)


@dataclass
class Mail:
    envelope: bytes
    received_ms: int
    body: bytes


class SimulatedTransport:
    """The client's end of a connection in memory."""

    certificate_hash = b""

    def __init__(self, relay: "SimulatedRelay") -> None:
        self._relay = relay
        self._inbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.broken = False
        self.line = Line(self, relay)

    async def send(self, data: bytes) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise Offline("simulated break")
        self._relay.take(self.line, data)

    async def receive(self) -> bytes:
        data = None if self.broken and self._inbox.empty() else await self._inbox.get()
        if data is None:
            raise Offline("simulated break")
        return data

    async def close(self) -> None:
        self.sever()

    def arrive(self, data: bytes) -> None:
        if not self.broken:
            self._inbox.put_nowait(data)

    def sever(self) -> None:
        if not self.broken:
            self.broken = True
            self._relay.gone(self.line)
            self._inbox.put_nowait(None)


@dataclass(eq=False)
class Line:
    """The relay's end of a connection."""

    transport: SimulatedTransport
    relay: "SimulatedRelay"
    nonce: bytes = b""
    account: bytes = b""
    device: int = 0
    visible: bool = False
    undelivered: deque[Mail] = field(default_factory=deque)
    outstanding: dict[bytes, Mail] = field(default_factory=dict)

    def say(self, frame: frames.Frame) -> None:
        self.transport.arrive(codec.encode(frame))


class Once:
    """Says yes to the first frame of a kind, and never again."""

    def __init__(self, kind: type[frames.Frame], skip: int = 0) -> None:
        self._kind = kind
        self._skip = skip

    def __call__(self, frame: frames.Frame) -> bool:
        if not isinstance(frame, self._kind):
            return False
        self._skip -= 1
        return self._skip == -1


Lie = Callable[[frames.Frame], frames.Frame | None]
"""Changes an answer or push on its way out; None swallows it."""


class SimulatedRelay:
    """Everything a relay does, in memory, and what a bad one would do."""

    def __init__(self, clock: Clock, names: tuple[str, ...] = (RELAY_NAME,)) -> None:
        self.clock = clock
        self.names = names
        self.features: dict[str, int] = {}
        self.needs: dict[str, int] = {}
        self.accounts: dict[bytes, Account] = {}
        self.handles: dict[str, bytes] = {}
        self.mail: dict[tuple[bytes, int], dict[bytes, Mail]] = defaultdict(dict)
        self.accepted: dict[bytes, bytes] = {}
        self.lines: dict[tuple[bytes, int], Line] = {}
        self.blobs: dict[bytes, bytearray] = {}
        self.blob_sizes: dict[bytes, int] = {}
        self.reachable = True
        self.invite = ""
        self.seen: list[frames.Frame] = []
        self.submitted: dict[bytes, list[bytes]] = defaultdict(list)
        self.refuse_next: deque[tuple[type[frames.Frame], str, int]] = deque()
        self.break_before: Callable[[frames.Frame], bool] = lambda _frame: False
        self.break_after: Callable[[frames.Frame], bool] = lambda _frame: False
        self.lie: Lie = lambda frame: frame
        self._nonces = 0
        self._injected = 0

    def take_over(self, other: "SimulatedRelay") -> None:
        """Begin with all that another relay, whom nobody uses any more, knows and has seen."""
        for name in ("accounts", "handles", "mail", "accepted", "seen", "submitted"):
            setattr(self, name, deepcopy(getattr(other, name)))
        self._nonces = other._nonces

    async def dial(self, address: RelayAddress) -> SimulatedTransport:
        await asyncio.sleep(0)
        if not self.reachable:
            raise Offline("simulated outage")
        return SimulatedTransport(self)

    # The network.

    def sever_all(self) -> None:
        for line in list(self.lines.values()):
            line.transport.sever()

    def inject(self, account: bytes, device: int, body: bytes, envelope: bytes | None = None) -> None:
        """Deliver something that nobody submitted."""
        self._injected += 1
        name = envelope or hashlib.sha256(b"injected%d" % self._injected).digest()[:16]
        mail = Mail(name, self.clock(), body)
        self.mail[account, device][name] = mail
        if (live := self.lines.get((account, device))) is not None:
            live.undelivered.append(mail)
            self._pump(live)

    def gone(self, line: Line) -> None:
        if self.lines.get((line.account, line.device)) is line:
            del self.lines[line.account, line.device]

    # Requests.

    def take(self, line: Line, data: bytes) -> None:
        request = codec.decode_client(data)
        self.seen.append(request)
        if self.break_before(request):
            line.transport.sever()
            return
        answer = self._refusal(request) or self._answer(line, request)
        if self.break_after(request):
            line.transport.sever()
            return
        self.send(line, answer)
        if isinstance(answer, frames.LoggedIn):
            self._begin(line)

    def send(self, line: Line, frame: frames.Frame) -> None:
        changed = self.lie(frame)
        if changed is not None:
            line.say(changed)

    def _refusal(self, request: frames.ClientFrame) -> frames.Refused | None:
        for waiting in self.refuse_next:
            kind, code, retry_ms = waiting
            if isinstance(request, kind):
                self.refuse_next.remove(waiting)
                return frames.Refused(request.id, code=code, message=code, retry_ms=retry_ms)
        return None

    def _answer(self, line: Line, request: frames.ClientFrame) -> frames.Answer:
        handler = getattr(self, "_on_" + type(request).__name__.lower())
        answer: frames.Answer = handler(line, request)
        return answer

    def _no(self, request: frames.Request, code: str) -> frames.Refused:
        return frames.Refused(request.id, code=code, message=code, retry_ms=0)

    def _on_hello(self, line: Line, request: frames.Hello) -> frames.Answer:
        self._nonces += 1
        line.nonce = hashlib.sha256(b"nonce%d" % self._nonces).digest()
        return frames.Welcome(
            request.id,
            relay=self.names[0],
            nonce=line.nonce,
            min_client=1,
            features=self.features,
            now_ms=self.clock(),
            invite_needed=bool(self.invite),
            needs=self.needs,
        )

    def _on_register(self, line: Line, request: frames.Register) -> frames.Answer:
        if self.invite and request.invite != self.invite:
            return self._no(request, refusals.INVITE_NEEDED)
        try:
            account = open_account(request.root_key, request.list_certificate, request.device_list)
        except PeerError:
            return self._no(request, refusals.BAD_OBJECT)
        entry = open_handle_entry(request.handle_entry, account.certificate)
        if self.handles.get(entry.handle, account.account) != account.account:
            return self._no(request, refusals.HANDLE_TAKEN)
        self.handles[entry.handle] = account.account
        known = self.accounts.get(account.account)
        if known is None:
            self.accounts[account.account] = Account(
                entry.handle,
                request.handle_entry,
                request.root_key,
                request.list_certificate,
                request.device_list,
            )
        elif account.devices.epoch > self._list(known).epoch:
            for gone in self._list(known).devices:
                if account.devices.device(gone.device) is None:
                    self.mail.pop((account.account, gone.device), None)
                    known.prekeys.pop(gone.device, None)
            known.list_certificate, known.device_list = request.list_certificate, request.device_list
            known.handle_entry = request.handle_entry
            for (owner, device), other in list(self.lines.items()):
                if owner == account.account and account.devices.device(device) is None:
                    other.transport.sever()
        return frames.Done(request.id)

    def _on_login(self, line: Line, request: frames.LogIn) -> frames.Answer:
        account = self.accounts.get(request.account)
        if account is None or request.relay not in self.names:
            return self._no(request, refusals.BAD_LOGIN)
        listed = self._list(account)
        device = listed.device(request.device)
        if device is None:
            return self._no(request, refusals.BAD_LOGIN)
        transcript = login_transcript(
            relay=request.relay,
            tls_certificate_hash=b"",
            server_nonce=line.nonce,
            client_nonce=request.nonce,
            account=device.account,
            device=device.device,
        )
        try:
            verify(device.identity_key, transcript, request.signature)
        except PeerError:
            return self._no(request, refusals.BAD_LOGIN)
        older = self.lines.pop((request.account, request.device), None)
        if older is not None:
            older.say(frames.Notice("replaced"))
        line.account, line.device, line.visible = request.account, request.device, request.visible
        waiting = self.mail[request.account, request.device]
        return frames.LoggedIn(
            request.id,
            credit=frames.CREDIT,
            waiting=len(waiting),
            list_epoch=listed.epoch,
            list_version=listed.version,
        )

    def _begin(self, line: Line) -> None:
        self.lines[line.account, line.device] = line
        for mail in list(self.mail[line.account, line.device].values()):
            line.undelivered.append(mail)
        self._pump(line)
        if not line.undelivered:
            self.send(line, frames.Drained())

    def _pump(self, line: Line) -> None:
        drained = False
        while line.undelivered and len(line.outstanding) < frames.CREDIT:
            mail = line.undelivered.popleft()
            line.outstanding[mail.envelope] = mail
            self.send(line, frames.Deliver(mail.envelope, received_ms=mail.received_ms, body=mail.body))
            drained = not line.undelivered
        if drained:
            self.send(line, frames.Drained())

    def _on_fetchaccount(self, line: Line, request: frames.FetchAccount) -> frames.Answer:
        account = self.accounts.get(request.account or self.handles.get(request.handle, b""))
        if account is None:
            return self._no(request, refusals.UNKNOWN_ACCOUNT)
        return frames.AccountFound(
            request.id,
            handle_entry=account.handle_entry,
            root_key=account.root_key,
            list_certificate=account.list_certificate,
            device_list=account.device_list,
        )

    def _on_putdevicelist(self, line: Line, request: frames.PutDeviceList) -> frames.Answer:
        account = self.accounts[line.account]
        try:
            offered = open_account(account.root_key, request.list_certificate, request.device_list)
        except PeerError:
            return self._no(request, refusals.BAD_OBJECT)
        known = self._list(account)
        if (offered.devices.epoch, offered.devices.version) < (known.epoch, known.version):
            return self._no(request, refusals.STALE)
        account.list_certificate, account.device_list = request.list_certificate, request.device_list
        return frames.Done(request.id)

    def _on_putprekeys(self, line: Line, request: frames.PutPrekeys) -> frames.Answer:
        kept = self.accounts[line.account].prekeys[line.device]
        kept.signed = request.signed or kept.signed
        kept.last_resort = request.last_resort or kept.last_resort
        kept.one_time.extend(raw for raw in request.one_time if raw not in kept.one_time)
        kept.kem_one_time.extend(raw for raw in request.kem_one_time if raw not in kept.kem_one_time)
        return self._on_countprekeys(line, request)

    def _on_countprekeys(self, line: Line, request: frames.Request) -> frames.Answer:
        kept = self.accounts[line.account].prekeys[line.device]
        return frames.PrekeyCount(
            request.id, one_time=len(kept.one_time), kem_one_time=len(kept.kem_one_time)
        )

    def _on_fetchbundle(self, line: Line, request: frames.FetchBundle) -> frames.Answer:
        account = self.accounts.get(request.account)
        kept = account.prekeys.get(request.device) if account else None
        if kept is None or not kept.signed:
            return self._no(request, refusals.UNKNOWN_ACCOUNT)
        return frames.BundleFound(
            request.id,
            signed=kept.signed,
            one_time=kept.one_time.popleft() if kept.one_time else b"",
            kem=kept.kem_one_time.popleft() if kept.kem_one_time else kept.last_resort,
        )

    def _on_submit(self, line: Line, request: frames.Submit) -> frames.Answer:
        account = self.accounts.get(request.account)
        if account is None:
            return self._no(request, refusals.UNKNOWN_ACCOUNT)
        listed = self._list(account)
        if (request.list_epoch, request.list_version) != (listed.epoch, listed.version):
            return frames.StaleList(
                request.id,
                list_certificate=account.list_certificate,
                device_list=account.device_list,
            )
        self.submitted[request.envelope].append(request.sealed[0].body)
        if not request.ephemeral and request.envelope in self.accepted:
            return frames.Accepted(request.id)
        for sealed in request.sealed:
            mail = Mail(request.envelope, self.clock(), sealed.body)
            live = self.lines.get((request.account, sealed.device))
            if not request.ephemeral:
                self.mail[request.account, sealed.device][request.envelope] = mail
            if live is not None:
                live.undelivered.append(mail)
                self._pump(live)
        if not request.ephemeral:
            self.accepted[request.envelope] = request.sealed[0].body
        return frames.Accepted(request.id)

    def _on_acknowledge(self, line: Line, request: frames.Acknowledge) -> frames.Answer:
        if any(envelope not in line.outstanding for envelope in request.envelopes):
            return self._no(request, refusals.NOT_YOURS)
        for envelope in request.envelopes:
            line.outstanding.pop(envelope, None)
            self.mail[line.account, line.device].pop(envelope, None)
        self._pump(line)
        return frames.Done(request.id)

    def _on_askpresence(self, line: Line, request: frames.AskPresence) -> frames.Answer:
        online = any(
            account == request.account and other.visible for (account, _device), other in self.lines.items()
        )
        return frames.PresenceIs(request.id, online=online)

    def _on_beginupload(self, line: Line, request: frames.BeginUpload) -> frames.Answer:
        kept = self.blobs.setdefault(request.blob, bytearray())
        if len(kept) == self.blob_sizes.setdefault(request.blob, request.size):
            return self._no(request, refusals.NOT_YOURS)
        return frames.UploadAt(request.id, offset=len(kept), expires_ms=self.clock() + 30 * 86_400_000)

    def _on_putchunk(self, line: Line, request: frames.PutChunk) -> frames.Answer:
        kept = self.blobs.get(request.blob)
        if kept is None or request.offset > len(kept) or len(kept) == self.blob_sizes[request.blob]:
            return self._no(request, refusals.NOT_YOURS)
        if request.offset == len(kept):
            kept += request.data
        return frames.UploadAt(request.id, offset=len(kept), expires_ms=self.clock() + 30 * 86_400_000)

    def _on_fetchchunk(self, line: Line, request: frames.FetchChunk) -> frames.Answer:
        kept = self.blobs.get(request.blob)
        if kept is None or len(kept) < self.blob_sizes.get(request.blob, 0):
            return self._no(request, refusals.NO_BLOB)
        data = bytes(kept[request.offset : request.offset + request.length])
        return frames.Chunk(request.id, total=len(kept), data=data)

    def _list(self, account: Account) -> DeviceList:
        return _opened(account.root_key, account.list_certificate, account.device_list).devices


@lru_cache(maxsize=256)
def _opened(root_key: bytes, list_certificate: bytes, device_list: bytes) -> VerifiedAccount:
    return open_account(root_key, list_certificate, device_list)
