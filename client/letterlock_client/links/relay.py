"""Keeps one logged-in connection to the relay: dials, greets, logs in, and does it again when it breaks.

Waits between attempts grow and are jittered, so that a relay that restarts is not stormed. A refusal that
repeating cannot cure ends the attempts until somebody calls `connect` again. Must not know messages.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from letterlock.errors import PeerError
from letterlock_client.errors import ClientError
from letterlock_client.events import Link
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.connection import Connection, Credentials
from letterlock_client.links.failures import Offline, Refused
from letterlock_client.links.transport import Dial

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 60.0
REPLACED: Final = "replaced"
"""The notice, and the reason, when this device connected elsewhere: the older connection gives way."""

Sleep = Callable[[float], Awaitable[None]]
Report = Callable[[Link, str, float], None]
"""Told the link's state, the reason, and the seconds until the next attempt."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a link needs from outside, so that tests can stand in for the network, chance and time."""

    dial: Dial
    random: Callable[[int], bytes]
    sleep: Sleep
    report: Report


class RelayLink:
    """The link of one device to its relay."""

    def __init__(
        self,
        address: RelayAddress,
        credentials: Callable[[], Credentials],
        before_login: Callable[[Connection], Awaitable[None]],
        surroundings: Surroundings,
    ) -> None:
        """`before_login` runs greeted and not logged in: it registers where that is still to be done."""
        self._address = address
        self._credentials = credentials
        self._before_login = before_login
        self._around = surroundings
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._changed = asyncio.Event()
        self.refusal: Refused | None = None

    @property
    def connection(self) -> Connection | None:
        """The logged-in connection, if there is one now."""
        live = self._connection
        return live if live is not None and live.open else None

    def connect(self) -> None:
        """Start (again); returns at once. Does nothing while already running."""
        if self._task is None or self._task.done():
            self.refusal = None
            self._task = asyncio.create_task(self._run(), name="relay link")
            self._task.add_done_callback(lambda _done: self._changed.set())

    async def disconnect(self) -> None:
        """Close, await the task, stay away."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            self._report(Link.OFFLINE)

    async def again(self) -> None:
        """Log in anew, where a connection is wanted at all: what a login says has changed."""
        if self._task is not None and not self._task.done():
            await self.disconnect()
            self.connect()

    async def ready(self) -> Connection:
        """Wait for a logged-in connection, for ever: bound the wait, or cancel it."""
        while (live := self.connection) is None:
            await self._change()
        return live

    async def settled(self) -> Connection:
        """As `ready`, but raises Refused once the relay has refused for good."""
        while (live := self.connection) is None:
            if self.refusal is not None:
                raise self.refusal
            await self._change()
        return live

    def require(self) -> Connection:
        """Return the logged-in connection. Raises Offline (or the relay's Refused) where there is none."""
        if (live := self.connection) is None:
            raise self.refusal or Offline()
        return live

    async def _change(self) -> None:
        task = self._task
        if (
            task is not None
            and task.done()
            and not task.cancelled()
            and (bug := task.exception()) is not None
        ):
            raise bug
        self._changed.clear()
        await self._changed.wait()

    def _report(self, link: Link, reason: str = "", wait: float = 0.0) -> None:
        self._changed.set()
        self._around.report(link, reason, wait)

    async def _run(self) -> None:
        failures = 0
        while self.refusal is None:
            self._report(Link.CONNECTING)
            reached, error = await self._attempt()
            failures = 1 if reached else failures + 1
            if isinstance(error, Refused) and not error.passing:
                self.refusal = error
                self._report(Link.REFUSED, error.refusal)
                return
            floor = error.retry_ms / 1000 if isinstance(error, Refused) else 0.0
            wait = max(floor, self._jittered(failures))
            self._report(Link.OFFLINE, str(error), wait)
            await self._around.sleep(wait)

    async def _attempt(self) -> tuple[bool, Exception]:
        """Connect and stay; say whether the login was reached, and what ended it."""
        live: Connection | None = None
        try:
            live = Connection(await self._around.dial(self._address), self._address)
            await live.greet()
            await self._before_login(live)
            await live.log_in(self._credentials(), self._around.random)
            self._connection = live
            self._report(Link.ONLINE)
            return True, await live.ended()
        except (ClientError, PeerError) as error:
            return False, error
        finally:
            self._connection = None
            if live is not None:
                with contextlib.suppress(Offline):
                    await asyncio.shield(live.close())

    def replaced(self) -> None:
        """The relay says that this device is connected elsewhere: give way, and do not fight over it."""
        self.refusal = Refused(REPLACED, "this device is connected from elsewhere")
        if self._connection is not None:
            self._connection.cut(self.refusal)

    def _jittered(self, failures: int) -> float:
        ceiling: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures, 12))
        share = int.from_bytes(self._around.random(4), "big") / 2**32
        return ceiling * (0.5 + share / 2)
