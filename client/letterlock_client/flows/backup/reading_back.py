"""Reads back what lies at the provider, and keeps none of it: a whole generation as a restore would, or what is new.

Must not know how a backup is made.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn

from letterlock.backup.manifest import media_name, segment_name
from letterlock.backup.records import MessageRecord
from letterlock.backup.segments import SegmentRef, open_segment
from letterlock.errors import ManifestMismatchError
from letterlock.messaging.content import Attachment
from letterlock.primitives.derivation import sha256
from letterlock_client.backup_models import BackupPhase
from letterlock_client.errors import ClientError
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.media import MediaShelf, described, read_media
from letterlock_client.flows.backup.merging_segments import fetch
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects, telling, together, told
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.workplace import Random

READ_FILES_BYTES: Final = 32 * 1024 * 1024
"""So much of the files that one backup sends is read back, which is all of most backups; `verify` reads everything."""
_IN_FLIGHT: Final = 2


async def read_back(store: Objects, found: FoundBackup, meter: Meter) -> dict[bytes, int]:
    """Open every segment of a generation and every file of its messages; return what media lie there, and their sizes.

    Raises codes backup_…, provider_….
    """
    shelf = MediaShelf(found.key, found.manifest.media_master)
    await shelf.look(store)
    segments = found.manifest.segments
    meter.phase(BackupPhase.CHECKING, len(segments) + len(shelf.present), found.manifest.totals.object_bytes)
    files: dict[bytes, Attachment] = {}
    for ref in segments:
        (body,) = await fetch(store, found.key, [ref])
        files |= await files_of(shelf, ref, body)
        meter.moved(1, len(body))
    limit = asyncio.Semaphore(_IN_FLIGHT)

    async def read(content: Attachment) -> None:
        async with limit:
            async for part in read_media(store, shelf, content):
                meter.moved(0, len(part))
            meter.moved(1)

    async with together() as group:
        for content in files.values():
            group.create_task(read(content))
    return shelf.present


async def files_of(shelf: MediaShelf, ref: SegmentRef, body: bytes) -> dict[bytes, Attachment]:
    """Open a whole segment; return the files of its messages that lie at the provider, by their digests.

    Raises codes backup_….
    """
    with telling():
        return await asyncio.to_thread(_files_of, shelf, ref, body)


def _files_of(shelf: MediaShelf, ref: SegmentRef, body: bytes) -> dict[bytes, Attachment]:
    found: dict[bytes, Attachment] = {}
    for batch in open_segment(ref, segment_name(shelf.key, ref.id), body):
        for record in batch:
            if not (isinstance(record, MessageRecord) and record.attachment and record.attachment.digest):
                continue
            content = described(record.attachment.descriptor)
            if content is not None and shelf.named(content.digest) in shelf.present:
                found[content.digest] = content
    return found


# What one backup wrote.


@dataclass(frozen=True, slots=True)
class New:
    """What one backup wrote, beside files: the manifest's name and bytes, and segments."""

    manifest: tuple[str, bytes] = field(repr=False)
    segments: tuple[SegmentRef, ...]


async def require_as_written(
    store: Objects, shelf: MediaShelf, new: New, meter: Meter, random: Random
) -> None:
    """Read back what one backup wrote: manifest, segments, and of new files as many as are drawn.

    Raises code backup_mismatch where anything is another; then the manifest is gone, and a file that is wrong, so
    that the last complete backup stays the last, and the next one sends that file again. Raises codes provider_… too.
    """
    drawn = _drawn(shelf, random)
    meter.phase(BackupPhase.CHECKING, len(new.segments) + len(drawn) + 1)
    name, raw = new.manifest
    if await store.get(name) != raw:
        await _spoiled(store, name)
    meter.moved(1, len(raw))
    limit = asyncio.Semaphore(_IN_FLIGHT)

    async def segment(ref: SegmentRef) -> bool:
        async with limit:
            data = await store.get(segment_name(shelf.key, ref.id))
            right = await asyncio.to_thread(lambda: sha256(data) == ref.digest)
            meter.moved(1, len(data))
            return right

    async def file(media: bytes) -> bool:
        async with limit:
            right = await is_whole(store, shelf, shelf.new[media])
            meter.moved(1, shelf.present[media])
            return right

    found = MediaShelf(shelf.key, shelf.master)
    async with together() as group:
        right = [group.create_task(segment(ref)) for ref in new.segments]
        files = {media: group.create_task(file(media)) for media in drawn}
        if shelf.new:
            await found.look(store)
    wrong = {
        media
        for media in shelf.new
        if found.present.get(media) != shelf.present[media] or (media in files and not files[media].result())
    }
    if wrong or not all(each.result() for each in right):
        await _spoiled(store, name, *(media_name(shelf.key, media) for media in wrong))


def _drawn(shelf: MediaShelf, random: Random) -> list[bytes]:
    """Draw files to read back. No provider knows beforehand which, and what many do alike is met in the first."""
    drawn, left = [], READ_FILES_BYTES
    for media in sorted(shelf.new, key=lambda _: random(8)):
        if (size := shelf.present[media]) <= left:
            drawn.append(media)
            left -= size
    return drawn


async def is_whole(store: Objects, shelf: MediaShelf, content: Attachment) -> bool:
    """Read a file at the provider to its end, and say whether it is the one. Raises codes provider_…."""
    if not shelf.whole(shelf.named(content.digest), content.size):
        return False
    try:
        async for _ in read_media(store, shelf, content):
            pass
    except ClientError as error:
        if error.code not in WRONG_THERE:
            raise
        return False
    return True


async def _spoiled(store: Objects, name: str, *wrong: str) -> NoReturn:
    """Take back the manifest of a generation that is not whole, and objects that would be taken for whole."""
    for each in (name, *wrong):
        with suppress(ClientError):
            await store.delete(each)
    raise told(ManifestMismatchError(name, "what was read back is not what was written"))
