"""Looks whether the backup would bring everything back: reads all of it, or restores it into a scratch database.

Writes nothing at the provider and changes nothing here. Must not know how a backup is made.
"""

import asyncio
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from letterlock.backup.columns import Columns
from letterlock.backup.generations import KEPT_GENERATIONS
from letterlock.backup.manifest import media_name, segment_name
from letterlock.backup.records import MessageRecord, Record, Tag, TombstoneRecord
from letterlock.backup.segments import SegmentRef, open_columns, open_tail, tail_range
from letterlock.errors import BackupError, MissingObjectError
from letterlock_client.backup_models import BackupPhase, Rehearsed, Verified
from letterlock_client.config import Places
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import BackupMoved
from letterlock_client.flows.announcing import Announcer
from letterlock_client.flows.backup import anchoring, finding, restoring, tidying
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.media import MediaShelf, described, read_media
from letterlock_client.flows.backup.objects import Objects, told
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.terms import objects, require
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_rows, backup_state
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Database, Reader

MOST_TOLD: Final = 100
"""How many differences are told one by one."""


@dataclass(slots=True)
class _Seen:
    """What was read so far: of each message no more than what it is counted by, for there may be millions."""

    objects: int = 1
    size: int = 0
    problems: list[str] = field(default_factory=list)
    chats: dict[bytes, bytes] = field(default_factory=dict)
    """The chat of each message, by the message's id."""
    files: dict[bytes, bytes] = field(default_factory=dict)
    """What a message says of its file, by the message's id."""
    deleted: set[bytes] = field(default_factory=set)
    media: set[bytes] = field(default_factory=set)
    """The media objects that segments say lie there."""

    def take(self, batch: Iterable[Record | Columns]) -> None:
        """Take records that are older than those before: of one message the first counts, and a deletion beats all."""
        for each in batch:
            if isinstance(each, Columns):
                for id_, chat in zip(each.ids, each.chats, strict=True):
                    self.chats.setdefault(id_, chat)
            elif isinstance(each, MessageRecord) and each.id not in self.chats:
                self.chats[each.id] = each.conversation
                if each.attachment:
                    self.files[each.id] = each.attachment.descriptor
            elif isinstance(each, TombstoneRecord) and each.kind == Tag.MESSAGE:
                self.deleted.add(each.id)

    def settle(self) -> None:
        """All was read: what was deleted does not count."""
        for id_ in self.deleted:
            self.chats.pop(id_, None)
            self.files.pop(id_, None)


async def verify(place: Workplace) -> Verified:
    """Read every object of the newest generation, open it, and count what is in it."""
    state = await require(place)
    meter = _meter(place)
    store = objects(place, state.provider)
    found = await finding.find(store, state.backup_key, await anchoring.known_anchor(place))
    problems = [*_gone_back(state, found), *await _unreadable(store, state)]
    seen = _Seen(size=len(found.raw), problems=problems)
    segments = found.manifest.segments
    meter.phase(BackupPhase.MESSAGES, len(segments), sum(ref.size for ref in segments))
    for ref in reversed(segments):
        await _read_segment(store, found, ref, seen)
        meter.moved(1, ref.size)
    seen.settle()
    media = await _read_files(store, found, seen, meter)
    return Verified(
        generation=found.manifest.generation,
        messages=len(seen.chats),
        conversations=len(set(seen.chats.values())),
        media=media,
        objects=seen.objects,
        bytes_read=seen.size,
        freshness=found.freshness,
        problems=tuple(seen.problems),
    )


def _gone_back(state: BackupState, found: FoundBackup) -> list[str]:
    """Say it, where a backup that this device made is not there any more."""
    last, here = state.generation, found.manifest.generation
    if here >= last:
        return []
    return [
        f"Backup {last}, the last one of this device, is missing at the provider: the newest there is {here}."
    ]


async def _unreadable(store: Objects, state: BackupState) -> list[str]:
    """Name the older generations that are damaged so that they do not open."""
    return [
        f"Backup {number}, an older one, is damaged and does not open. Until it goes, nothing that may be its own is"
        f" cleared away: it goes by itself once {KEPT_GENERATIONS} newer ones are there, or when the backup is mended."
        for number in sorted((await tidying.unreadable(store, state)).values())
    ]


def _meter(place: Workplace) -> Meter:
    return Meter(place.clock, lambda moved: place.announcer.say([BackupMoved(moved)]))


async def _read_segment(store: Objects, found: FoundBackup, ref: SegmentRef, seen: _Seen) -> None:
    name = segment_name(found.key, ref.id)
    try:
        body = await store.get(name)
        seen.objects += 1
        seen.size += len(body)
        await asyncio.to_thread(_collect, ref, name, body, seen)
    except BackupError as error:
        seen.problems.append(told(error).message)
    except ClientError as error:
        seen.problems.append(error.message)


def _collect(ref: SegmentRef, name: str, body: bytes, seen: _Seen) -> None:
    for batch in open_columns(ref, name, body):
        seen.take(batch)
    start, length = tail_range(ref)
    seen.media.update(open_tail(ref, name, body[start : start + length]).media)


async def _read_files(store: Objects, found: FoundBackup, seen: _Seen, meter: Meter) -> int:
    """Read each file that some message says lies there; return how many are whole. Those that are gone are named."""
    shelf = MediaShelf(found.key, found.manifest.media_master)
    await shelf.look(store)
    for lost in sorted(seen.media - shelf.present.keys()):
        seen.problems.append(told(MissingObjectError(media_name(found.key, lost))).message)
    contents = [content for each in seen.files.values() if (content := described(each))]
    there = {content.digest: content for content in contents if shelf.named(content.digest) in shelf.present}
    meter.phase(BackupPhase.MEDIA, len(there), sum(content.size for content in there.values()))
    whole = 0
    for content in there.values():
        try:
            async for part in read_media(store, shelf, content):
                seen.size += len(part)
                meter.moved(0, len(part))
            whole += 1
        except ClientError as error:
            seen.problems.append(error.message)
        seen.objects += 1
        meter.moved(1)
    return whole


# The rehearsal.


async def rehearse(place: Workplace) -> Rehearsed:
    """Restore the newest generation into a scratch database, and compare it with what is here.

    Raises code restore_unfinished while not all of it is here.
    """
    state = await require(place)
    if await place.database.read(backup_state.restoring):
        raise ClientError(
            Code.RESTORE_UNFINISHED, "a restore is not complete: there is nothing to compare yet"
        )
    store = objects(place, state.provider)
    found = await finding.find(store, state.backup_key, await anchoring.known_anchor(place))
    folder = await asyncio.to_thread(tempfile.mkdtemp, ".rehearsal", "letterlock-")
    try:
        return await _rehearse(place, store, found, Path(folder))
    finally:
        await asyncio.to_thread(_remove, Path(folder))


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


async def _rehearse(place: Workplace, store: Objects, found: FoundBackup, folder: Path) -> Rehearsed:
    places = Places("rehearsal", folder / "profile", folder / "logs")
    await asyncio.to_thread(places.make)
    # The key is thrown away with the folder: what lies there for a moment is as closed as the profile itself.
    async with await Database.open(places.database, place.random(32)) as database:
        scratch = Workplace(database, places, Announcer(), place.clock, place.random)
        journal = restoring.new_journal(found, "rehearsal", (), restoring.LATER, place.clock())
        await restoring.begin(scratch, journal)
        going = restoring.open_restoring(scratch, store, _meter(place), journal)
        await restoring.restore_messages(going)
        messages, chats = await database.read(restoring.counts)
        media = found.manifest.totals.media
        differences = _gone_back(await require(place), found)
        differences += await _compare(place, database, found.manifest.watermark)
    return Rehearsed(found.manifest.generation, messages, chats, media, tuple(differences))


async def _compare(place: Workplace, scratch: Database, watermark: int) -> list[str]:
    """Say what a restore would bring back otherwise than it is here, of what the backup holds."""
    now = place.clock()
    here = await place.database.read(partial(_picture, watermark=watermark, now=now))
    there = await scratch.read(partial(_picture, watermark=watermark, now=now))
    told_: list[str] = []
    for name in sorted(here.keys() | there.keys()):
        mine, theirs = here.get(name), there.get(name)
        if mine == theirs:
            continue
        if theirs is None:
            told_.append(f"{name} is here and not in the backup.")
        elif mine is None:
            told_.append(f"{name} is in the backup and not here.")
        else:
            told_.append(f"{name} differs.")
    if len(told_) > MOST_TOLD:
        return [*told_[:MOST_TOLD], f"{len(told_) - MOST_TOLD} more differences."]
    return told_


async def _picture(reader: Reader, watermark: int, now: int) -> dict[str, bytes]:
    """A digest of each thing that a backup up to this watermark holds, by its name for people."""
    return await reader.run(partial(backup_rows.picture, watermark=watermark, now=now))
