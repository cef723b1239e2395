"""Moves a backup to another place: what the newest generation refers to is carried over, under its names and keys.

::

    one place under two names? ─> used by this name from now on
    segments, whole or not at all ─> the files they name ─> manifest ─> read back ─> used from now on

So files and chats that are in the backup and not here come along, and the next backup sends only what is new. Where the
place that was used cannot be read, backups begin anew with what is here. Cut short anywhere, nothing has changed, and
what was carried is not carried again. A restore that is not complete goes on from the new place; or it ends, where
somebody begins anew because what it reads from is gone; or nothing is changed.
Must not know what records hold.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from functools import partial

from letterlock.backup.manifest import Manifest, media_name, open_manifest, segment_name
from letterlock.backup.segments import SegmentRef, open_tail, tail_range
from letterlock.errors import BackupError, ManifestMismatchError, TruncatedError
from letterlock.primitives.derivation import sha256
from letterlock_client.backup_models import BackupPhase
from letterlock_client.errors import ClientError, Code, backups_off
from letterlock_client.events import BackupMoved
from letterlock_client.flows.backup import counting, ending_restores, successors
from letterlock_client.flows.backup.media import READ_BYTES, MediaShelf
from letterlock_client.flows.backup.objects import Objects, told
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.salvaging import whole_ones
from letterlock_client.flows.backup.terms import anew, objects, require
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.left_behind import LeftBehind
from letterlock_client.providers.opening import normal
from letterlock_client.storage import attachments, backup_state, beside_state, left_out, rotation_state
from letterlock_client.storage.backup_state import BackupState, RestoreJournal
from letterlock_client.storage.database import Reader


class _UnreadError(Exception):
    """The place that was used does not give out what the backup needs."""

    def __init__(self, why: ClientError) -> None:
        super().__init__(why.message)
        self.why = why


async def left_behind(place: Workplace) -> LeftBehind:
    """What only the backup has: files never fetched since a restore, or cleared here, and chats that it left out."""
    files, size = await place.database.read(attachments.only_in_backup)
    chats = await place.database.read(left_out.load)
    waiting = await place.database.read(ending_restores.still_to_come)
    return LeftBehind(files, size, chats is not None, *(chats.counts if chats else (0, 0)), waiting=waiting)


async def move(place: Workplace, provider: str, *, begin_anew: bool = False) -> None:
    """Use another place from now on; the caller holds the place's backup lock.

    With `begin_anew` nothing is carried over, and what lies only where backups were stays there; a restore that gets
    nothing more from where it reads ends with what is here. Raises code backup_running while a key is being rotated,
    restore_unfinished where a restore could not go on from there, device_revoked where another terminal backs up here
    or there, provider_…; where files or chats would be left behind because what was used cannot be read, its code with
    the facts of `LeftBehind`.
    """
    to = normal(provider)
    new = Objects(place.open_provider(to, create=True), place.sleep)
    await new.provider.info()
    state = await require(place)
    if to == state.provider:
        return
    if await place.database.read(rotation_state.load) is not None:
        raise ClientError(
            Code.BACKUP_RUNNING, "the backup's key is being rotated: back up now, then change the place"
        )
    await successors.require_none(place, new, state)
    old = objects(place, state.provider)
    # One that cannot be asked may be what is being left for that.
    await successors.known_none(place, old, state)
    moved = _Moved(state, to)
    try:
        if await _is_one_place(place, old, new, state):
            await _rename(place, moved)
            return
        if not begin_anew:
            await place.database.read(partial(_going_on, moved=replace(moved, carried=True)))
            if state.manifest:
                await _Carrying(place, old, new, state).everything()
                moved = replace(moved, carried=True)
    except _UnreadError as error:
        if not begin_anew:
            await _require_nothing_left(place, error.why)
    if begin_anew:
        moved = replace(moved, stranded=await ending_restores.stranded(place))
    await successors.note(place, new, state.backup_key)
    await _use(place, moved)


async def _is_one_place(place: Workplace, old: Objects, new: Objects, state: BackupState) -> bool:
    """Say whether what is put into the one place lies in the other: then it must not be taken for a copy.

    A link, a mount or a spelling need not show in a name, nor in what a system calls a folder. Raises _UnreadError.
    """
    async with new.marked(name := segment_name(state.backup_key, place.random(16))):
        try:
            return await old.has(name)
        except ClientError as error:
            raise _UnreadError(error) from error


async def _require_nothing_left(place: Workplace, why: ClientError) -> None:
    """Raise why the place that was used cannot be read, where something lies only there."""
    if await place.database.read(backup_state.restoring):
        raise ClientError(
            why.code,
            f"{why.message.removesuffix('.')}. A restore is not complete and reads from there: let it finish first, or"
            " begin anew (--anew), which ends it with what is here",
            **why.facts,
        )
    left = await left_behind(place)
    if left.files or left.chats:
        raise _would_leave(why, left)


def _would_leave(why: ClientError, left: LeftBehind) -> ClientError:
    return ClientError(
        why.code,
        f"{why.message.removesuffix('.')}. Only in the backup so far: {left.words}. Bring it back, or begin anew"
        " (--anew) without them",
        **left.facts,
    )


@dataclass(frozen=True, slots=True)
class _Moved:
    """From how it was to another place."""

    before: BackupState
    to: str
    carried: bool = False
    stranded: RestoreJournal | None = None
    """A restore that ends with it."""

    @property
    def state(self) -> BackupState:
        if not self.carried:
            return anew(self.before, self.to)
        totals = counting.load(self.before.last)
        last = counting.save(counting.changed(totals, generations=1, unreadable=())) if totals else b""
        return replace(self.before, provider=self.to, last=last)


async def _use(place: Workplace, moved: _Moved) -> None:
    """Use the other place, for backups and for the restore that is not complete, in one transaction."""

    async def work(work: Work) -> None:
        present = await backup_state.load(work.tx)
        if present is None:
            raise backups_off()
        if present.manifest != moved.before.manifest:
            raise ClientError(Code.BACKUP_RUNNING, "the backup was changed meanwhile: move it once more")
        if moved.stranded is not None:
            await ending_restores.end(work, moved.stranded)
        elif (journal := await _going_on(work.tx, moved)) is not None:
            await backup_state.change_restore(work.tx, replace(journal, provider=moved.to))
        await backup_state.save(work.tx, backup_state.as_chosen(moved.state, present))
        await backup_state.save_garbage(work.tx, {})
        if not moved.carried:
            await left_out.note(work.tx, None)
            await work.tx.execute("DELETE FROM backup_media")

    await place.transact(work)
    place.backup_due.set()


async def _rename(place: Workplace, moved: _Moved) -> None:
    """Call the place by another name from now on, wherever it was noted."""

    async def work(work: Work) -> None:
        present = await backup_state.load(work.tx)
        if present is None:
            raise backups_off()
        former, journal = present.provider, await backup_state.journal(work.tx)
        await backup_state.save(work.tx, replace(present, provider=moved.to))
        if journal is not None and journal.provider == former:
            await backup_state.change_restore(work.tx, replace(journal, provider=moved.to))
        beside = await beside_state.load(work.tx)
        if beside is not None and beside.provider == former:
            await beside_state.save(work.tx, replace(beside, provider=moved.to))

    await place.transact(work)


async def _going_on(reader: Reader, moved: _Moved) -> RestoreJournal | None:
    """Return the restore that goes on from the new place; None where none is under way.

    Raises code restore_unfinished where what it has still to read is not carried there.
    """
    journal, state = await backup_state.journal(reader), moved.before
    if journal is None or (
        moved.carried and (journal.backup_key, journal.manifest) == (state.backup_key, state.manifest)
    ):
        return journal
    raise ClientError(
        Code.RESTORE_UNFINISHED,
        "a restore is not complete, and what it has still to bring would not come along: let it finish first; where"
        " what it reads from is gone, begin anew (--anew), which ends it with what is here",
    )


@dataclass
class _Carrying:
    """One generation on its way."""

    place: Workplace
    old: Objects
    new: Objects
    state: BackupState

    async def everything(self) -> None:
        """Carry the newest generation over; raises _UnreadError, and what the new place says."""
        state = self.state
        try:
            manifest = open_manifest(state.backup_key, state.manifest_name, state.manifest)
        except BackupError as error:
            raise _UnreadError(told(error)) from error
        meter = Meter(self.place.clock, lambda moved: self.place.announcer.say([BackupMoved(moved)]))
        there = await whole_ones(self.new, state.backup_key, manifest.segments)
        meter.phase(BackupPhase.MESSAGES, len(manifest.segments), sum(ref.size for ref in manifest.segments))
        wanted: set[bytes] = set()
        for ref in manifest.segments:
            wanted |= await self._segment(ref, there=ref.id in there)
            meter.moved(1, ref.size)
        await self._files(manifest, wanted, meter)
        meter.phase(BackupPhase.CHECKING, len(manifest.segments))
        await self._put_whole(state.manifest_name, state.manifest)
        if len(await whole_ones(self.new, state.backup_key, manifest.segments)) < len(manifest.segments):
            raise _spoiled(state.manifest_name)

    async def _segment(self, ref: SegmentRef, *, there: bool) -> frozenset[bytes] | set[bytes]:
        """Carry one segment over, unless it is there; return the files that it names."""
        name = segment_name(self.state.backup_key, ref.id)
        body = await self._read(name, 0, ref.size + 1)
        if await asyncio.to_thread(sha256, body) != ref.digest:
            raise _UnreadError(told(ManifestMismatchError(name, "it is not what was written")))
        if not there:
            await self.new.delete(name)
            await self.new.put(name, body)
        if not ref.media:
            return set()
        start, length = tail_range(ref)
        try:
            return frozenset(open_tail(ref, name, body[start : start + length]).media)
        except BackupError as error:
            raise _UnreadError(told(error)) from error

    async def _files(self, manifest: Manifest, wanted: set[bytes], meter: Meter) -> None:
        """Carry files over as they lie there; one that is missing there was so before."""
        key = self.state.backup_key
        here, there = MediaShelf(key, manifest.media_master), MediaShelf(key, manifest.media_master)
        try:
            await here.look(self.old)
        except ClientError as error:
            raise _UnreadError(error) from error
        await there.look(self.new)
        wanted &= here.present.keys()
        meter.phase(BackupPhase.MEDIA, len(wanted), sum(here.present[each] for each in wanted))
        for each in sorted(wanted):
            size, name = here.present[each], media_name(key, each)
            if there.present.get(each) != size:
                await self.new.delete(name)
                await self.new.stream(name, lambda name=name, size=size: self._parts(name, size))  # type: ignore[misc]
            meter.moved(1, size)
        arrived = MediaShelf(key, manifest.media_master)
        await arrived.look(self.new)
        for each in sorted(wanted):
            if arrived.present.get(each) != here.present[each]:
                raise _spoiled(media_name(key, each))

    async def _parts(self, name: str, size: int) -> AsyncIterator[bytes]:
        for start in range(0, size, READ_BYTES):
            part = await self._read(name, start, min(READ_BYTES, size - start))
            if len(part) < min(READ_BYTES, size - start):
                raise _UnreadError(told(TruncatedError(name)))
            yield part

    async def _read(self, name: str, start: int, length: int) -> bytes:
        try:
            return await self.old.get(name, start, length)
        except ClientError as error:
            raise _UnreadError(error) from error

    async def _put_whole(self, name: str, data: bytes) -> None:
        # What somebody else left in part gives way, for nothing is written over.
        for _ in range(2):
            await self.new.put(name, data)
            if await self.new.get(name) == data:
                return
            await self.new.delete(name)
        raise _spoiled(name)


def _spoiled(name: str) -> ClientError:
    return told(ManifestMismatchError(name, "what was read back is not what was written"))
