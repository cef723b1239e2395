"""Reads a whole generation as a restore would, segment by segment and file by file, and keeps none of it.

Must not know why it is read.
"""

import asyncio
from typing import Final

from letterlock.backup.manifest import segment_name
from letterlock.backup.records import MessageRecord
from letterlock.backup.segments import SegmentRef, open_segment
from letterlock.messaging.content import Attachment
from letterlock_client.backup_models import BackupPhase
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.media import MediaShelf, described, read_media
from letterlock_client.flows.backup.merging_segments import fetch
from letterlock_client.flows.backup.objects import Objects, telling, together
from letterlock_client.flows.backup.progress import Meter

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
