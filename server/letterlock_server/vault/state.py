"""What one running realm holds in memory: who is connected, which guesses are being answered, and its own clock.

::

    Peer (a connection's side of the talk) --guess--> Guess (spent, answered, not proved yet)
    Vault: realm, store, sealer, rates, counts; made once, in `vault_cli`, and handed to every handler

All of it is used from the event loop only. Must not know the WebSocket's bytes, SQL, or what a guess proves.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from letterlock.ids import AccountId
from letterlock.vault.opaque_server import ServerLogin
from letterlock.vault.record import RealmRecord
from letterlock.wire import vault_frames as frames
from letterlock.wire.codec import encode
from letterlock.wire.vault_connection import State
from letterlock_server.config import MOST_ACCOUNTS
from letterlock_server.limits import Limiter, Rule
from letterlock_server.stores.vault_interfaces import VaultStore
from letterlock_server.telemetry import VaultCounts
from letterlock_server.vault.realm import Now, Realm, Spent
from letterlock_server.vault.sealing import Sealer
from letterlock_server.websocket.connection import Connection

MAX_OWED: Final = 16
"""Unanswered requests of one connection, beyond which nothing more is read from it."""
GUESS_MS: Final = 60_000
"""How long a guess that was answered may take to be proved."""


class Guess:
    """A guess on its way: counted on disk, or about to be."""

    __slots__ = ("account", "login", "proved", "proving", "record", "spent", "until")

    def __init__(self, account: AccountId, until: int) -> None:
        self.account = account
        self.until = until
        self.proving = False
        self.proved = False
        """Right, and not counted so yet: the disk would not take it."""
        self.spent: Spent | None = None
        self.login: ServerLogin | None = None
        self.record: RealmRecord | None = None


class Peer:
    """One connection's side of the talk."""

    __slots__ = ("asked", "connection", "gone", "guess", "lane", "nonce", "owed", "state")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.asked = connection.heard
        """When the last request came, by the loop's time, in seconds."""
        self.state = State.GREETING
        self.nonce = b""
        self.guess: Guess | None = None
        self.lane: deque[frames.ToRealm] = deque()
        self.owed = 0
        self.gone = False


class Rates:
    """Every rate of this realm, by address. A refusal says when to go on."""

    def __init__(self, factor: float) -> None:
        def limiter(burst: float, interval_ms: float) -> Limiter[str]:
            return Limiter(Rule(burst, interval_ms).times(factor))

        self.connect = limiter(300, 100)
        """Connections accepted."""
        self.request = limiter(300, 100)
        """Requests of any kind."""
        self.account = limiter(100, 10_000)
        """Device lists of accounts that this realm has not heard of: each takes room for good."""


class Vault:
    """Everything handlers share. `running` is the realm's own clock, `wall` what the wall's says, both in ms."""

    def __init__(
        self,
        realm: Realm,
        store: VaultStore,
        sealer: Sealer,
        *,
        running: Callable[[], int],
        wall: Callable[[], int],
        random: Callable[[int], bytes],
    ) -> None:
        self.realm: Final = realm
        self.store: Final = store
        self.sealer: Final = sealer
        self.running: Final = running
        self.random: Final = random
        self.rates = Rates(1.0)
        self.most_accounts = MOST_ACCOUNTS
        self.counts: Final = VaultCounts()
        self.checking: Final = ThreadPoolExecutor(1, thread_name_prefix="checking")
        self.live: Final[set[Guess]] = set()
        self.closing = False
        """Only proofs of guesses that were answered are still heard."""
        self.finished = False
        self._wall = wall
        self._arrived = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> Now:
        """Return both clocks."""
        return Now(self._wall(), self.running())

    def answer(self, peer: Peer, frame: frames.FromRealm) -> None:
        """Send the answer to a request, and take it off what is owed."""
        peer.owed -= 1
        if peer.connection.held and peer.owed * 2 < MAX_OWED:
            peer.connection.hold(False)
        peer.connection.send(encode(frame))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` as a task that `finish` waits for."""
        self._arrived.set()
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self, seconds: float) -> None:
        """Wait for every task and for the proof of every last guess, at most so long; then cancel what is left."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks or self._last_guesses():
                    await self._something()
        self.finished = True
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.checking.shutdown()

    async def _something(self) -> None:
        """Wait until some task is done or, where there is none, until one comes."""
        if self._tasks:
            await asyncio.wait(list(self._tasks), return_when=asyncio.FIRST_COMPLETED)
        else:
            self._arrived.clear()
            await self._arrived.wait()

    def _last_guesses(self) -> bool:
        """Whether a guess with none behind it waits for its proof: the next start would take its record for lost."""
        return any(
            one.login is not None and one.spent is not None and not one.spent.left for one in self.live
        )
