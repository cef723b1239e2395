"""Runs what an open profile does by itself: one owner for every task, each awaited before it is let go.

::

    while connected:  receive · deliver · upload · fetch · keep the device in order · check doubtful lists · presence
    always:           let messages expire · back up · watch the vault
    once:             index what was never searched; when asked to, bring in what a restore has left

A task that fails for a passing reason is told as an alarm and begun again; a bug is not hidden: it ends the
owner, and whoever waits on it gets the exception. Must not know what any flow does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm
from letterlock_client.flows import contacts, devices, expiring, searching
from letterlock_client.flows.backup import schedule
from letterlock_client.flows.delivering import Delivering
from letterlock_client.flows.files import prefetching, uploading
from letterlock_client.flows.presence import Presence
from letterlock_client.flows.receiving import Receiving
from letterlock_client.flows.vault import watching
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Offline, Refused
from letterlock_client.storage import backup_state
from letterlock_client.storage import contacts as stored_contacts

UPKEEP_EVERY_S: Final = 6 * 3600.0
_AGAIN_S: Final = 1.0


class Running:
    """The tasks of one open profile."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self.presence = Presence(place)
        self.drained = asyncio.Event()
        """All that waited at the relay when this connection began is stored."""
        self.upkept = asyncio.Event()
        """Prekeys and list are in order since this connection began."""
        self._tasks: list[asyncio.Task[None]] = []
        self._errands: list[asyncio.Task[None]] = []
        """What ends by itself: nobody waits less long because it did."""
        self._restoring: asyncio.Task[None] | None = None
        self.restore_stopped: ClientError | None = None
        """Why a restore waits for somebody, since it was begun the last time."""

    def start(self) -> None:
        """Begin. Needs the running loop."""
        self._tasks = [
            asyncio.create_task(self._serve(), name="serve"),
            asyncio.create_task(self._steady(lambda: expiring.run(self._place)), name="expire"),
            asyncio.create_task(self._steady(lambda: schedule.run(self._place)), name="back up"),
            asyncio.create_task(self._steady(lambda: watching.run(self._place)), name="watch the vault"),
        ]
        indexing = self._steady(lambda: searching.prepare(self._place))
        self._errands = [asyncio.create_task(indexing, name="index")]

    async def stop(self) -> None:
        """Cancel and await every task; raises the bug that ended one, if one did."""
        tasks = [*self._tasks, *self._errands, *([self._restoring] if self._restoring else [])]
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks, self._errands, self._restoring = [], [], None
        for result in results:
            if isinstance(result, Exception):
                raise result

    # A restore goes on when a face that stays open asks for it: a command of a moment would only begin it.

    @property
    def restores(self) -> bool:
        """Whether a restore goes on just now."""
        return self._restoring is not None and not self._restoring.done()

    def go_on_restoring(self) -> None:
        """Bring in what a restore has left, beside everything else. Does nothing while that is done already."""
        if not self.restores:
            self.restore_stopped = None
            self._restoring = asyncio.create_task(self._restore(), name="restore")

    async def stop_restoring(self) -> None:
        """Leave the rest of a restore for later."""
        if self._restoring is not None:
            self._restoring.cancel()
            await asyncio.gather(self._restoring, return_exceptions=True)

    async def _restore(self) -> None:
        if await self._place.database.read(backup_state.restoring):
            from letterlock_client.flows.backup import restoring_later

            self.restore_stopped = await restoring_later.run(self._place)

    async def wait(self, wanted: Awaitable[object], timeout: float) -> bool:
        """Wait for something these tasks bring about; False after `timeout` seconds. Raises what it raises."""
        task = asyncio.ensure_future(wanted)
        try:
            done, _ = await asyncio.wait(
                [task, *self._tasks], timeout=max(timeout, 0), return_when=asyncio.FIRST_COMPLETED
            )
            for one in done:
                if one is not task:
                    one.result()
            if task in done:
                task.result()
            return task in done
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _serve(self) -> None:
        """Serve one connection after the other."""
        while True:
            connection = await self._place.link.ready()
            tasks = [
                asyncio.create_task(self._steady(run, connection))
                for run in (
                    Receiving(self._place, connection, self.drained).run,
                    lambda live=connection: Delivering(self._place, live).run(),
                    lambda live=connection: uploading.upload_waiting(self._place, live),
                    lambda live=connection: prefetching.run(self._place, live),
                    lambda live=connection: self._upkeep(live),
                    lambda: _check_doubtful(self._place),
                    lambda live=connection: self.presence.run(live),
                )
            ]
            ended = asyncio.create_task(connection.ended())
            try:
                await _first_failure(ended, tasks)
            finally:
                self.drained.clear()
                self.upkept.clear()
                for task in (ended, *tasks):
                    task.cancel()
                await asyncio.gather(ended, *tasks, return_exceptions=True)
            self.presence.lost()

    async def _steady(self, run: Callable[[], Awaitable[None]], connection: Connection | None = None) -> None:
        """Run until it ends by itself or with the connection; begin again after passing failures."""
        while connection is None or connection.open:
            try:
                await run()
                return
            except Offline:
                return
            except ClientError as error:
                if error.code is Code.CLOSED:
                    return
                self._place.announcer.say([Alarm(error.code.value, error.message)])
                await asyncio.sleep(_AGAIN_S)

    async def _upkeep(self, connection: Connection) -> None:
        while True:
            self._place.upkeep_due.clear()
            try:
                await devices.upkeep(self._place, connection)
                self.upkept.set()
                pause = UPKEEP_EVERY_S
            except Refused as refused:
                if not refused.passing:
                    raise
                pause = max(refused.retry_ms / 1000, _AGAIN_S)
            # However often a relay says that something is due.
            await asyncio.sleep(_AGAIN_S)
            try:
                async with asyncio.timeout(pause):
                    await self._place.upkeep_due.wait()
            except TimeoutError:
                continue


async def _first_failure(ended: asyncio.Task[Exception], tasks: list[asyncio.Task[None]]) -> None:
    """Wait for the connection's end; a task's bug comes out at once."""
    running: set[asyncio.Task[Exception] | asyncio.Task[None]] = {ended, *tasks}
    while ended in running:
        done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for one in done:
            one.result()


async def _check_doubtful(place: Workplace) -> None:
    """Fetch the lists that somebody has seen newer than we hold; a relay that hides them is an alarm."""
    while True:
        place.doubts_changed.clear()
        while place.doubtful:
            account, seen = place.doubtful.popitem()
            contact = await contacts.refresh(place, account)
            if contact is not None and (contact.list_epoch, contact.list_version) < seen:
                await place.transact(lambda work, who=contact: _hidden(work, who))  # type: ignore[misc]
        await place.doubts_changed.wait()


async def _hidden(work: Work, contact: stored_contacts.StoredContact) -> None:
    text = "the relay hides this contact's newest device list"
    await contacts.alarm(work, contact, "list_withheld", text)
