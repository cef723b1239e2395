"""Moves a backup to another place: what the newest generation refers to is carried over, under its names and keys.

::

    segments, whole or not at all ─> the files they name ─> manifest ─> read back ─> used from now on

So files and chats that are in the backup and not here come along, and the next backup sends only what is new. Where the
place that was used cannot be read, backups begin anew with what is here. Cut short anywhere, nothing has changed, and
what was carried is not carried again. Must not know what records hold.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from letterlock.backup.manifest import Manifest, media_name, open_manifest, segment_name
from letterlock.backup.segments import SegmentRef, open_tail, tail_range
from letterlock.errors import BackupError, ManifestMismatchError, TruncatedError
from letterlock.primitives.derivation import sha256
from letterlock_client.backup_models import BackupPhase, LeftBehind
from letterlock_client.errors import ClientError, Code, backups_off
from letterlock_client.events import BackupMoved
from letterlock_client.flows.backup import counting, successors
from letterlock_client.flows.backup.media import READ_BYTES, MediaShelf
from letterlock_client.flows.backup.objects import Objects, told
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.salvaging import whole_ones
from letterlock_client.flows.backup.terms import anew, objects, require
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.providers.opening import normal
from letterlock_client.storage import attachments, backup_state, rotation_state
from letterlock_client.storage.backup_state import BackupState


class _UnreadError(Exception):
    """The place that was used does not give out what the backup needs."""

    def __init__(self, why: ClientError) -> None:
        super().__init__(why.message)
        self.why = why


async def left_behind(place: Workplace) -> LeftBehind:
    """What only the backup has: files never fetched since a restore, or cleared here, and chats that it left out."""
    files, size = await place.database.read(attachments.only_in_backup)
    return LeftBehind(files, size, await place.database.read(backup_state.partly_here))


async def move(place: Workplace, provider: str, *, begin_anew: bool = False) -> None:
    """Use another place from now on; the caller holds the place's backup lock.

    With `begin_anew` nothing is carried over, and what lies only where backups were stays there. Raises code
    backup_running while a key is being rotated, device_revoked where another terminal backs up here or there,
    provider_…; where files or chats would be left behind because what was used cannot be read, its code with `files`
    and `bytes`.
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
    # One that cannot be asked may be what is being left for that.
    await successors.known_none(place, objects(place, state.provider), state)
    if begin_anew or not state.manifest:
        await _use(place, anew(state, to), carried=False)
        return
    try:
        await _Carrying(place, objects(place, state.provider), new, state).everything()
    except _UnreadError as error:
        left = await left_behind(place)
        if left.files or left.chats:
            raise _would_leave(error.why, left) from error
        await _use(place, anew(state, to), carried=False)
        return
    totals = counting.load(state.last)
    last = counting.save(counting.changed(totals, generations=1, unreadable=())) if totals else b""
    await _use(place, replace(state, provider=to, last=last), carried=True)


def _would_leave(why: ClientError, left: LeftBehind) -> ClientError:
    files = f"{left.files} files, {left.bytes} bytes" if left.files else ""
    chats = "chats that were not restored" if left.chats else ""
    only = " and ".join(filter(None, (files, chats)))
    return ClientError(
        why.code,
        f"{why.message.removesuffix('.')}. {only[0].upper()}{only[1:]} are only in the backup so far: bring it back, or"
        " begin anew without them",
        files=left.files,
        bytes=left.bytes,
    )


async def _use(place: Workplace, state: BackupState, *, carried: bool) -> None:
    async def work(work: Work) -> None:
        present = await backup_state.load(work.tx)
        if present is None:
            raise backups_off()
        await backup_state.save(work.tx, backup_state.as_chosen(state, present))
        await backup_state.save_garbage(work.tx, {})
        if not carried:
            await backup_state.note_partly(work.tx, partly=False)
            await work.tx.execute("DELETE FROM backup_media")

    await place.transact(work)
    place.backup_due.set()


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
