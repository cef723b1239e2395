"""What one running relay holds in memory: who is connected as whom, and the little of the store that mail needs.

::

    Peer (a connection's side of the talk) --box--> Box (a mailbox in memory: how full, who reads it)
    Relay: the store, both caches, rates, counts; made once, in `cli`, and handed to every handler

All of it is used from the event loop only. Must not know the WebSocket's bytes or SQL.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from letterlock.ids import AccountId, EnvelopeId
from letterlock.wire import frames
from letterlock.wire.codec import encode
from letterlock.wire.connection import State
from letterlock_server.limits import Limiter, Rule
from letterlock_server.stores.interfaces import Listing, Store
from letterlock_server.telemetry import Counts
from letterlock_server.websocket.connection import Connection

MAX_OWED: Final = 256
MAX_OWED_BYTES: Final = 1024 * 1024
_CACHED: Final = 50_000

PREKEY_RULE: Final = Rule(burst=6, interval_ms=600_000)
"""Bundles of one device for one account: 6, then one every 10 minutes. Kept by the store, across restarts."""


class Refuse(Exception):
    """The answer is no; `code` is one of `wire.refusals`."""

    def __init__(self, code: str, message: str, retry_ms: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_ms = retry_ms


class Box:
    """A mailbox, as far as memory knows it."""

    __slots__ = ("held", "leaving", "mailbox", "peer")

    def __init__(self, mailbox: int, held: int) -> None:
        self.mailbox = mailbox
        self.held = held
        self.leaving: set[int] = set()
        """Acknowledged, and not deleted on disk yet: delivered to nobody any more."""
        self.peer: Peer | None = None


class Hold(NamedTuple):
    """An envelope that was refused for now: nothing else to its recipient gets ahead of it until then."""

    envelope: EnvelopeId
    until_ms: int


class Peer:
    """One connection's side of the talk. `unacknowledged` maps what was delivered here to its sequence."""

    __slots__ = (
        "account",
        "behind",
        "box",
        "connection",
        "cursor",
        "device",
        "drained",
        "fenced",
        "holds",
        "lane",
        "more",
        "nonce",
        "owed",
        "owed_bytes",
        "paging",
        "state",
        "unacknowledged",
        "visible",
    )

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.state = State.GREETING
        self.account: AccountId | None = None
        self.device = 0
        self.box: Box | None = None
        self.nonce = b""
        self.visible = False
        self.fenced = False
        self.holds: dict[AccountId, Hold] = {}
        self.unacknowledged: dict[EnvelopeId, int] = {}
        self.cursor = 0
        self.behind = True
        self.more = False
        self.paging = False
        self.drained = False
        self.owed = 0
        self.owed_bytes = 0
        self.lane: deque[tuple[frames.ClientFrame, int]] | None = None

    def identity(self) -> AccountId:
        """Return the account that is logged in here."""
        if self.account is None:
            raise Refuse("illegal", "log in first")
        return self.account

    def mailbox(self) -> Box:
        """Return the mailbox of the device that is logged in here."""
        if self.box is None:
            raise Refuse("illegal", "log in first")
        return self.box


class Rates:
    """Every rate of this relay. A refusal says when to go on."""

    def __init__(self, factor: float) -> None:
        def limiter(burst: float, interval_ms: float) -> Limiter[Any]:
            return Limiter(Rule(burst, interval_ms).times(factor))

        self.connect = limiter(300, 100)
        """By address: connections accepted."""
        self.register = limiter(100, 10_000)
        """By address: accounts made."""
        self.reclaim = limiter(20, 60_000)
        """By address: accounts that go on in a newer epoch. Newcomers behind one address must not keep owners out."""
        self.login = limiter(200, 200)
        """By address: logins tried."""
        self.lookup = limiter(120, 1_000)
        """By account, or by address before login: directory look-ups."""
        self.submit = limiter(2_000, 5)
        """By account: envelopes handed in. What a day without the relay has gathered goes out in seconds."""
        self.bundle = limiter(60, 5_000)
        """By account: prekey bundles, over all devices asked for; the store counts each pair besides."""
        self.request = limiter(2_000, 5)
        """By device: anything else."""
        self.upload = limiter(4 * 1024**3, 24 * 3600 * 1000 / (4 * 1024**3))
        """By account: bytes of new attachments, 4 GiB and 4 GiB more a day. In memory: a count that
        outlived the process would say who uploaded."""


class Relay:
    """Everything handlers share."""

    def __init__(self, store: Store, names: tuple[str, ...], *, now: Callable[[], int]) -> None:
        self.store = store
        self.names = names
        self.now = now
        self.tls_certificate_hash = b""
        self.invite_code = ""
        self.features: dict[str, int] = {}
        """Roll-out percentages by feature, as clients are told."""
        self.needs: dict[str, int] = {}
        """The least client version of a feature, where it has one."""
        self.rates = Rates(1.0)
        self.counts = Counts()
        self.checking = ThreadPoolExecutor(1, thread_name_prefix="checking")
        self.closing = False
        self.watch: Callable[[str, Peer, frames.Frame, bytes], None] | None = None
        self._listings: dict[AccountId, Listing] = {}
        self._boxes: dict[int, Box] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # Accounts, as mail knows them.

    def known_listing(self, account: AccountId) -> Listing | None:
        """Return the account's listing if memory has it."""
        return self._listings.get(account)

    async def listing(self, account: AccountId) -> Listing | None:
        """Return the account's listing, or None where there is no such account. Raises StoreError."""
        known = self._listings.get(account)
        if known is None:
            found = await self.store.accounts.listing(account)
            # While the store was read, a change may have put a newer one here.
            known = self._listings.get(account) or found
            if known is not None:
                self.remember(known)
        return known

    def remember(self, listing: Listing) -> None:
        """Put a listing in memory's place for it: called with each change that the store has answered."""
        if listing.account not in self._listings and len(self._listings) >= _CACHED:
            del self._listings[next(iter(self._listings))]
        self._listings[listing.account] = listing

    # Mailboxes.

    def known_box(self, mailbox: int) -> Box | None:
        """Return the mailbox if memory has it."""
        return self._boxes.get(mailbox)

    async def box(self, mailbox: int) -> Box:
        """Return the mailbox. Raises StoreError."""
        known = self._boxes.get(mailbox)
        if known is None:
            held = await self.store.mail.held(mailbox)
            # Two who ask at once must get the same box.
            known = self._boxes.get(mailbox)
            if known is None:
                self._make_room()
                known = self._boxes[mailbox] = Box(mailbox, held)
        return known

    def drop_box(self, mailbox: int) -> None:
        """Forget the mailbox of a device that is no longer listed."""
        self._boxes.pop(mailbox, None)

    def _make_room(self) -> None:
        if len(self._boxes) < _CACHED:
            return
        for mailbox, box in self._boxes.items():
            if box.peer is None and not box.leaving:
                del self._boxes[mailbox]
                return

    # Saying something.

    def tell(self, peer: Peer, frame: frames.Frame) -> None:
        """Send a frame; it leaves with everything else of this turn."""
        data = encode(frame)
        if self.watch is not None:
            self.watch("out", peer, frame, data)
        peer.connection.send(data)

    def answer(self, peer: Peer, frame: frames.Frame, size: int) -> None:
        """Send the answer to a request of `size` bytes, and take it off what is owed."""
        peer.owed -= 1
        peer.owed_bytes -= size
        if peer.connection.held and peer.owed * 2 < MAX_OWED and peer.owed_bytes * 2 < MAX_OWED_BYTES:
            peer.connection.hold(False)
        self.tell(peer, frame)

    # Work that outlasts a call.

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` as a task that `finish` waits for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self, seconds: float) -> None:
        """Wait for every task, at most so long; then cancel what is left."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=seconds)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.checking.shutdown()
