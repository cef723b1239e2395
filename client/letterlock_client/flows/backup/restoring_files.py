"""Files of a restore on their way back: a few at a time, while messages come in or after them.

::

    absent here, present there ─> fetched, IN_FLIGHT at a time ─> wait ─> all synced, and noted in one transaction

Must not know segments, nor who restores.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from letterlock.backup.manifest import prefix_of
from letterlock.ids import MessageId
from letterlock.messaging.attachments import plan
from letterlock_client.backup_models import BackupPhase, WrongFile
from letterlock_client.errors import PROVIDER_AWAY, ClientError
from letterlock_client.events import Alarm
from letterlock_client.flows.backup import lost_files
from letterlock_client.flows.backup.media import MediaShelf, WantedFile, described, fetch_file
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects, together
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.files.sealed_files import have_survive, off_loop
from letterlock_client.flows.sending import tell_changed
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import TransferState
from letterlock_client.storage import attachments, backup_rows
from letterlock_client.storage.attachments import AbsentFile

IN_FLIGHT: Final = 2
AGAIN_S: Final = (5.0, 15.0)
"""How long to wait before each further round of files that cannot be read, one try of each: on a disk that dies a
thousand patient ones last three quarters of an hour."""
PATIENT: Final = 16
"""After so many files that could not be read the others are asked for once as well, and wait for those rounds: each
patient try takes seconds, and thousands of them would keep a restore from ending."""
_UNNOTED: Final = 1024
"""Files that may be here and not noted: the writer may be long at something else."""


@dataclass(slots=True, eq=False)
class _Arrived:
    """A file that is here, and of which the database does not know."""

    file: WantedFile
    path: str
    size: int
    kept: bool = False


class FilesBack:
    """Brings files of one backup back, each once."""

    def __init__(self, place: Workplace, store: Objects, shelf: MediaShelf, *, alone: bool = False) -> None:
        """Look at the shelf first; `alone` says that nobody is to be told of each, nor brings one himself."""
        self._place, self._store, self._shelf, self._alone = place, store, shelf, alone
        self._once = store.impatient()
        self._unread = 0
        self._fetching = asyncio.Semaphore(IN_FLIGHT)
        self._room = asyncio.Semaphore(_UNNOTED)
        self._noting = asyncio.Lock()
        self._arrived: list[_Arrived] = []
        self._stopping = False

    def wanted(self, absent: Iterable[AbsentFile]) -> tuple[list[WantedFile], list[WantedFile]]:
        """Those that lie at the provider, whole, and those that do not."""
        found: list[WantedFile] = []
        missing: list[WantedFile] = []
        for each in absent:
            if (content := described(each.descriptor)) is None:
                continue
            file = WantedFile(each, content, self._shelf.named(content.digest))
            (found if self._shelf.whole(file.media, content.size) else missing).append(file)
        return found, missing

    async def bring_all(self, files: Iterable[WantedFile], meter: Meter) -> list[WrongFile]:
        """Bring files back; return those that are not whole at the provider, which keep no other from coming.

        Nor does one that cannot be read there, while something else can: it is tried again some times. Raises codes
        provider_… where nothing can.
        """
        bad: list[WrongFile] = []
        unread = await self._bring_some(files, bad, meter, patient=True)
        for pause in AGAIN_S:
            if unread:
                await self._place.sleep(pause)
                unread = await self._bring_some([file for file, _ in unread], bad, meter, patient=False)
        for file, why in unread:
            self._note_wrong(file, why, bad, meter)
        return bad

    async def _bring_some(
        self, files: Iterable[WantedFile], bad: list[WrongFile], meter: Meter, *, patient: bool
    ) -> list[tuple[WantedFile, ClientError]]:
        """Bring files back, and give out those that could not be read now, and why."""
        unread: list[tuple[WantedFile, ClientError]] = []

        async def one(file: WantedFile) -> None:
            try:
                await self.bring(file, patient=patient)
            except ClientError as error:
                if error.code in PROVIDER_AWAY and await self._store.gives_out(prefix_of(self._shelf.key)):
                    unread.append((file, error))
                elif error.code in WRONG_THERE:
                    self._note_wrong(file, error, bad, meter)
                else:
                    raise
            else:
                meter.moved(1, file.content.size)

        async with together() as group:
            for each in files:
                group.create_task(one(each))
        return unread

    def _note_wrong(self, file: WantedFile, why: ClientError, bad: list[WrongFile], meter: Meter) -> None:
        """No backup is to wait for it either: the journal is to be closed."""
        self._place.announcer.say([Alarm(why.code.value, why.message)])
        bad.append(lost_files.wrong(file, why.code))
        meter.moved(1, file.content.size)

    @asynccontextmanager
    async def meanwhile(self, meter: Meter) -> AsyncIterator[Callable[[], None]]:
        """Bring files back as long as this is open; call what it gives out when more messages are in.

        Whatever goes wrong is met again by whoever asks for all of them.
        """
        came = asyncio.Event()
        task = asyncio.create_task(self._follow(came, meter), name="files meanwhile")
        try:
            yield came.set
        finally:
            self._stopping = True
            came.set()
            await asyncio.gather(task, return_exceptions=True)

    async def _follow(self, came: asyncio.Event, meter: Meter) -> None:
        above = 0
        await self._shelf.look(self._store)
        while not self._stopping:
            absent = await self._place.database.read(
                partial(attachments.absent_above, row=above, most=_UNNOTED)
            )
            if not absent:
                await came.wait()
                came.clear()
                continue
            above = absent[-1].row
            async with together() as group:
                for each in self.wanted(absent)[0]:
                    group.create_task(self._try(each, meter))

    async def _try(self, file: WantedFile, meter: Meter) -> None:
        try:
            # Whoever asks for all of them has the patience.
            if await self.bring(file, patient=False):
                meter.moved(1, file.content.size, BackupPhase.MEDIA)
        except ClientError:
            return

    async def bring(self, file: WantedFile, *, patient: bool) -> bool:
        """Bring one file back, and say whether it came; whoever asks a second time waits for the first.

        Patiently as long as few could not be read. Raises as `fetch_file`.
        """
        place = self._place
        async with self._room, place.moving_alone(MessageId(file.absent.message)):
            async with self._fetching:
                if self._stopping or await self._is_here(file):
                    return False
                path = await self._fetch(file, patient=patient)
            arrived = _Arrived(file, path, plan(file.content.size).sealed_size)
            self._arrived.append(arrived)
            async with self._noting:
                # Whoever was at it may have taken this one along.
                if arrived in self._arrived:
                    await self._keep(list(self._arrived))
            if not arrived.kept:
                place.delete_files([path])
            return arrived.kept

    async def _fetch(self, file: WantedFile, *, patient: bool) -> str:
        store = self._store if patient and self._unread < PATIENT else self._once
        try:
            return await fetch_file(self._place, store, self._shelf, file)
        except ClientError as error:
            self._unread += error.code in PROVIDER_AWAY
            raise

    async def _is_here(self, file: WantedFile) -> bool:
        """Say whether somebody else has brought it meanwhile, or its message is gone."""
        if self._alone:
            return False
        stored = await self._place.database.read(partial(attachments.at, row=file.absent.row))
        return stored is None or bool(stored.path and stored.shown.state is TransferState.HERE)

    async def _keep(self, some: list[_Arrived]) -> None:
        """Have files survive a power cut, and note them; where that fails they are fetched anew."""
        paths = [each.path for each in some]
        try:
            await off_loop(lambda _halt: have_survive([self._place.sealed_path(path) for path in paths]))
            await self._place.transact(partial(self._note, some))
        except ClientError:
            del self._arrived[: len(some)]
            for each in some:
                each.kept = False
            self._place.delete_files(paths)
            raise
        del self._arrived[: len(some)]

    async def _note(self, some: list[_Arrived], work: Work) -> None:
        kept = await attachments.arrived(work.tx, [(each.file.absent, each.path, each.size) for each in some])
        for each, noted in zip(some, kept, strict=True):
            each.kept = noted
            if each.kept and not self._alone:
                await tell_changed(work, MessageId(each.file.absent.message))
        await backup_rows.note_media(work.tx, [each.file.absent.row for each in some])
