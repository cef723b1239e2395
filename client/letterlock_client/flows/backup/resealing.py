"""Writes a whole generation again under another key: files first, then segments, then its manifest.

Comes from the provider, not from this terminal's messages: a backup may hold chats that were never restored here.
A file that lies here is not fetched. Must not know why there is another key, nor when it is used.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from letterlock.backup.manifest import (
    Manifest,
    follow,
    manifest_hash,
    manifest_name,
    media_name,
    open_manifest,
    prefix_of,
    seal_manifest,
    segment_name,
)
from letterlock.backup.media import MediaSealer
from letterlock.backup.segments import SegmentRef
from letterlock.errors import MisuseError
from letterlock.messaging.content import Attachment
from letterlock_client.backup_models import BackupPhase
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import counting
from letterlock_client.flows.backup.media import MediaShelf, described, read_media, send_file
from letterlock_client.flows.backup.merging_segments import Change, Sources, fetch, merge_all
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects, telling, together
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.reading_back import files_of
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_rows
from letterlock_client.storage.backup_rows import KeptFile
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.rotation_state import Rotation

_IN_FLIGHT: Final = 2


@dataclass(slots=True)
class Resealed:
    """What was written."""

    name: str = ""
    raw: bytes = field(default=b"", repr=False)
    """The manifest, as it was sealed."""
    manifest: Manifest | None = None
    objects: int = 0
    size: int = 0
    present: dict[bytes, int] = field(default_factory=dict)
    """Sizes by media id of the files that lie there, whenever they were written."""
    lost: set[bytes] = field(default_factory=set)
    """Digests of files that are whole neither here nor at the provider: they could not be brought along."""


@dataclass(frozen=True, slots=True)
class _Job:
    place: Workplace
    store: Objects
    before: Manifest
    old: MediaShelf
    new: MediaShelf
    meter: Meter
    done: Resealed


async def reseal(
    place: Workplace, store: Objects, state: BackupState, to: Rotation, meter: Meter
) -> Resealed:
    """Write the newest generation of `state` again, as the next one, under the key of `to`.

    What an earlier try wrote under it is used, where it can be. Raises codes backup_…, provider_….
    """
    with telling():
        before = open_manifest(state.backup_key, state.manifest_name, state.manifest)
    old = MediaShelf(state.backup_key, before.media_master)
    new = MediaShelf(to.state.backup_key, to.media_master)
    await old.look(store)
    await new.look(store)
    # A generation that was complete and never used is older than what is written now.
    for found in await store.list(f"{prefix_of(new.key)}/manifest"):
        await store.delete(found.name)
    job = _Job(place, store, before, old, new, meter, Resealed())
    await _bring_files(job)
    segments = await _reseal_segments(job, to.state.sealed_root)
    await _write_manifest(job, state, segments)
    return job.done


# Files.


async def _bring_files(job: _Job) -> None:
    job.meter.phase(BackupPhase.MEDIA, len(job.old.present), sum(job.old.present.values()))
    here = {
        content.digest: file
        for file in await job.place.database.read(backup_rows.files_here)
        if (content := described(file.descriptor))
    }
    seen: set[bytes] = set()
    limit = asyncio.Semaphore(_IN_FLIGHT)
    for ref in job.before.segments:
        if not ref.media:
            continue
        (body,) = await fetch(job.store, job.old.key, [ref])
        contents = await files_of(job.old, ref, body)
        wanted = [each for digest, each in contents.items() if digest not in seen]
        seen |= contents.keys()
        async with together() as group:
            for content in wanted:
                group.create_task(_bring(job, content, here.get(content.digest), limit))


async def _bring(job: _Job, content: Attachment, here: KeptFile | None, limit: asyncio.Semaphore) -> None:
    """Write one file again: from here, or where it is not here whole, from under the old key."""
    new = job.new
    async with limit:
        there = new.whole(new.named(content.digest), content.size)
        if not there and here is not None:
            there = await send_file(job.place, job.store, new, here)
        if not there:
            there = await _copy(job, content)
        if not there:
            job.done.lost.add(content.digest)
        job.meter.moved(1, content.size)


async def _copy(job: _Job, content: Attachment) -> bool:
    """Fetch one file and write it again, as a stream. False where what lies there is not whole."""
    new, media = job.new, job.new.named(content.digest)

    async def sealing() -> AsyncIterator[bytes]:
        sealer = MediaSealer(new.master, content.digest, content.size, job.place.random(16))
        async for part in read_media(job.store, job.old, content):
            yield await asyncio.to_thread(sealer.take, part)
        yield await asyncio.to_thread(sealer.finish)

    name = media_name(new.key, media)
    if new.present.pop(media, None) is not None:
        # Half of it: an earlier try was cut short.
        await job.store.delete(name)
    try:
        await job.store.stream(name, sealing)
    except ClientError as error:
        if error.code in WRONG_THERE:
            return False
        raise
    new.took(media, content)
    return True


# Messages.


async def _reseal_segments(job: _Job, root: bytes) -> tuple[SegmentRef, ...]:
    refs = job.before.segments
    job.meter.phase(BackupPhase.MESSAGES, len(refs), sum(ref.size for ref in refs))
    made: list[SegmentRef] = []
    for ref in refs:
        sources = Sources(job.old.key, [ref], await fetch(job.store, job.old.key, [ref]))
        merged = await merge_all(job.new, sources, job.place.random, Change(root=root))
        if merged is None:
            continue
        await job.store.put(segment_name(job.new.key, merged[0].id), merged[1])
        made.append(merged[0])
        job.done.objects += 1
        job.done.size += len(merged[1])
        job.meter.moved(1, ref.size)
    return tuple(made)


async def _write_manifest(job: _Job, state: BackupState, segments: tuple[SegmentRef, ...]) -> None:
    """Write it last. It follows the old generation, so a realm that knows only that one confirms it too."""
    job.meter.phase(BackupPhase.MANIFEST)
    before, done, files = job.before, job.done, sum(job.new.present.values())
    known = counting.load(state.last)
    with telling():
        done.manifest = msgspec.structs.replace(
            before,
            generation=before.generation + 1,
            at=job.place.clock(),
            media_master=job.new.master,
            segments=segments,
            chain=follow(before, manifest_hash(state.manifest), (known.anchor or None) if known else None),
            totals=msgspec.structs.replace(
                before.totals, media_bytes=files, object_bytes=sum(each.size for each in segments) + files
            ),
        )
    done.name = manifest_name(job.new.key, done.manifest.generation, job.place.random(8))
    try:
        done.raw = seal_manifest(job.new.key, done.name, done.manifest, job.place.random(24))
    except MisuseError as error:
        raise ClientError(Code.FAILED, str(error)) from error
    await job.store.put(done.name, done.raw)
    done.present = job.new.present
    done.objects += 1 + job.new.written
    done.size += len(done.raw) + job.new.size
