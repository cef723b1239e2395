"""Makes one segment of several: of each thing the newest record, of what was deleted nothing but that it was.

Must not know why segments are merged, nor when their objects are deleted.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from letterlock.backup.columns import compact
from letterlock.backup.manifest import segment_name
from letterlock.backup.media import media_id
from letterlock.backup.records import IdentityRecord, MessageRecord, Record
from letterlock.backup.segments import SegmentRef, SegmentWriter, merge, open_segment
from letterlock_client.flows.backup.media import MediaShelf
from letterlock_client.flows.backup.objects import Objects, telling
from letterlock_client.flows.workplace import Random


@dataclass(frozen=True, slots=True)
class Sources:
    """Segments that follow each other, the oldest first, each with its sealed bytes."""

    key: bytes = field(repr=False)
    """The backup's, under which they lie."""
    refs: Sequence[SegmentRef]
    bodies: Sequence[bytes] = field(repr=False)


async def fetch(store: Objects, key: bytes, refs: Sequence[SegmentRef]) -> list[bytes]:
    """Fetch the bytes of segments."""
    return list(await asyncio.gather(*(store.get(segment_name(key, ref.id)) for ref in refs)))


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of the records on the way."""

    dead: frozenset[bytes] = frozenset()
    """Ids of which nothing stays but that they are gone."""
    root: bytes = field(default=b"", repr=False)
    """The account's root key as it is sealed from now on; empty leaves it."""

    def of(self, record: Record) -> Record:
        """Return what stands in a record's place."""
        if self.root and isinstance(record, IdentityRecord):
            return msgspec.structs.replace(record, root=self.root)
        return record


UNCHANGED: Final = Change()


async def merge_all(
    shelf: MediaShelf, sources: Sources, random: Random, change: Change = UNCHANGED
) -> tuple[SegmentRef, bytes] | None:
    """Return one segment in the place of some, or None where nothing is left. Raises codes backup_…."""
    return await asyncio.to_thread(_merge_all, shelf, sources, random, change)


def _merge_all(
    shelf: MediaShelf, sources: Sources, random: Random, change: Change
) -> tuple[SegmentRef, bytes] | None:
    writer = SegmentWriter(random(16), random(32))
    parts: list[bytes] = []
    media: set[bytes] = set()
    opened = [
        _opened(sources.key, ref, body)
        for ref, body in zip(reversed(sources.refs), reversed(sources.bodies), strict=True)
    ]
    with telling():
        for batch in merge(opened, change.dead):
            parts.append(writer.take(compact([change.of(record) for record in batch])))
            media.update(_media(shelf, batch))
    if not writer.records:
        return None
    last, ref = writer.finish(
        low=min(each.low for each in sources.refs),
        high=max(each.high for each in sources.refs),
        at=min(each.at for each in sources.refs),
        media=media,
    )
    return ref, b"".join([*parts, last])


def _opened(key: bytes, ref: SegmentRef, body: bytes) -> Iterator[list[Record]]:
    return open_segment(ref, segment_name(key, ref.id), body)


def _media(shelf: MediaShelf, batch: Sequence[Record]) -> Iterator[bytes]:
    """The media of messages that lie at the provider."""
    for record in batch:
        if isinstance(record, MessageRecord) and record.attachment and record.attachment.digest:
            media = media_id(shelf.master, record.attachment.digest)
            if media in shelf.present:
                yield media
