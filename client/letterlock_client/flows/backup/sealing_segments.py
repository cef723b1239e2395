"""From changed rows to segments at the provider: read, packed, sealed and sent at the same time, in little memory.

Must not know manifests, media, or when a backup is complete.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from letterlock.backup.manifest import segment_name
from letterlock.backup.records import Row, Tag, pack_batch, read_batch
from letterlock.backup.segments import FULL_BYTES, SegmentRef, SegmentWriter
from letterlock.errors import MisuseError
from letterlock_client.backup_models import BackupPhase
from letterlock_client.flows.backup.objects import Objects
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.workplace import Random, Workplace
from letterlock_client.storage import backup_rows
from letterlock_client.storage.backup_columns import PlainRows
from letterlock_client.storage.backup_rows import Batch

MOST_PASSES: Final = 8
"""How often to look for what changed while the rest was read."""
IN_FLIGHT: Final = 2
"""How many segments may be on their way to the provider."""
_ATTACHMENT: Final = -1

MediaOf = Callable[[bytes], tuple[bytes, bytes | None]]
"""From an attachment's descriptor: the file's digest (or nothing), and its media id where it is at the provider."""


@dataclass(slots=True)
class Written:
    """What was sent."""

    refs: list[SegmentRef] = field(default_factory=list)
    held: list[tuple[SegmentRef, bytes]] = field(default_factory=list)
    """Made, and not sent: small ones, which may become one with those before."""
    messages: int = 0
    size: int = 0
    watermark: int = 0


class SegmentSender:
    """Sends segments; a few are on their way while the next is sealed."""

    def __init__(self, key: bytes, store: Objects, random: Random) -> None:
        self._key, self.store, self._random = key, store, random
        self._sending: set[asyncio.Task[None]] = set()
        self.written = Written()

    async def take(self, made: "Made") -> None:
        """Send a full segment; hold a small one back until it is known what comes of it."""
        self.written.held.append((made.ref, made.data))
        if made.full:
            held, self.written.held = self.written.held, []
            for each in held:
                await self.send(*each)

    async def send(self, ref: SegmentRef, data: bytes) -> None:
        """Send one segment, waiting while too many are on their way. Raises what an earlier one failed with."""
        while len(self._sending) >= IN_FLIGHT:
            await self._settle(asyncio.FIRST_COMPLETED)
        self._sending.add(
            asyncio.create_task(self.store.put(segment_name(self._key, ref.id), data), name="segment")
        )
        self.written.refs.append(ref)
        self.written.size += len(data)

    async def finish(self) -> Written:
        """Wait until all are there."""
        while self._sending:
            await self._settle(asyncio.ALL_COMPLETED)
        return self.written

    async def stop(self) -> None:
        """Give up what is on its way."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        self._sending.clear()

    async def _settle(self, when: str) -> None:
        done, self._sending = await asyncio.wait(self._sending, return_when=when)
        for task in done:
            task.result()


@dataclass(frozen=True, slots=True)
class Made:
    """A segment that is ready."""

    ref: SegmentRef
    data: bytes = field(repr=False)
    full: bool
    """Whether it is as large as segments become."""


class OpenSegment:
    """The segment that is being made."""

    def __init__(self, random: Random, low: int, now: int) -> None:
        self._id = random(16)
        self._writer = SegmentWriter(self._id, random(32))
        self._parts: list[bytes] = []
        self._media: set[bytes] = set()
        self._low, self._now = low, now

    @property
    def full(self) -> bool:
        """Whether another segment is to begin."""
        return self._writer.raw >= FULL_BYTES

    @property
    def empty(self) -> bool:
        """Whether nothing went in."""
        return not self._writer.records

    def take(self, rows: list[Row], media_of: MediaOf) -> None:
        """Take rows, cut into batches that may be packed."""
        if not rows:
            return
        for index, row in enumerate(rows):
            if row[0] == Tag.MESSAGE and row[_ATTACHMENT]:
                rows[index] = self._named(row, media_of)
        self._take(rows)

    def take_plain(self, rows: PlainRows) -> None:
        """Take messages that are nothing but text, which the reading made sure of."""
        self._parts.append(self._writer.take([rows.record()]))

    def _named(self, row: Row, media_of: MediaOf) -> Row:
        *fields, descriptor, expires, _ = row[_ATTACHMENT]
        digest, media = media_of(descriptor)
        if media is not None:
            self._media.add(media)
        return (*row[:_ATTACHMENT], (*fields, descriptor, expires, digest))

    def _take(self, rows: Sequence[Row]) -> None:
        try:
            # A row that no reader would take must not make a whole segment unreadable.
            read_batch(pack_batch(rows))
            self._parts.append(self._writer.take(rows))
        except MisuseError:
            if len(rows) == 1:
                raise
            middle = len(rows) // 2
            self._take(rows[:middle])
            self._take(rows[middle:])

    def finish(self, high: int) -> tuple[SegmentRef, bytes]:
        """Return what the manifest says of it, and its bytes."""
        last, ref = self._writer.finish(low=self._low, high=high, at=self._now, media=self._media)
        return ref, b"".join([*self._parts, last])


class SegmentMaker:
    """Makes segments of batches, one after the other."""

    def __init__(self, random: Random, low: int, now: int, media_of: MediaOf, owner: tuple[Row, ...]) -> None:
        self._random, self._now = random, now
        self._media_of, self._owner = media_of, owner
        self._segment = OpenSegment(random, low, now)

    def take(self, batches: Sequence[Batch]) -> list[Made]:
        """Take batches, the last of a pass too; return what is ready. Takes processor time and runs in a thread."""
        return [made for batch in batches if (made := self._one(batch)) is not None]

    def _one(self, batch: Batch) -> Made | None:
        segment = self._segment
        rest = [*batch.rest, *self._owner] if batch.last else batch.rest
        segment.take(rest, self._media_of)
        segment.take(batch.messages, self._media_of)
        if batch.plain.count:
            segment.take_plain(batch.plain)
        full = segment.full
        if segment.empty or not (full or batch.last):
            return None
        self._segment = OpenSegment(self._random, batch.upto, self._now)
        return Made(*segment.finish(batch.upto), full)


@dataclass(frozen=True, slots=True)
class Task:
    """What one run of sealing works with."""

    place: Workplace
    sender: SegmentSender
    meter: Meter
    media_of: MediaOf
    owner: tuple[Row, ...] = ()
    """The records about the owner, where they are to be written."""


async def seal_changes(task: Task, above: int) -> Written:
    """Send everything that changed above a change number, and what changes meanwhile; hold back what is small."""
    written = task.sender.written
    written.watermark = above
    for number in range(MOST_PASSES):
        limit = await task.place.database.read(backup_rows.top)
        if limit <= above:
            break
        # Below one limit no row comes twice, so each pass has segments of its own.
        await seal_range(task, above, limit, task.owner if number == 0 else ())
        above = written.watermark = limit
    return written


async def seal_range(task: Task, above: int, limit: int, owner: tuple[Row, ...] = ()) -> None:
    """Send what changed above a change number and up to another, as it is now; hold back what is small."""
    place, now = task.place, task.place.clock()
    reading = _read(place, above, limit, now)
    maker = SegmentMaker(place.random, above, now, task.media_of, owner)
    try:
        while True:
            batches = await reading
            newest = batches[-1]
            if not newest.last:
                reading = _read(place, newest.upto, limit, now)
            async with task.sender.store.sealing:
                ready = await asyncio.to_thread(maker.take, batches)
            for made in ready:
                await task.sender.take(made)
                task.meter.moved(0, len(made.data), BackupPhase.MESSAGES)
            count = sum(batch.count for batch in batches)
            task.sender.written.messages += count
            task.meter.moved(count, phase=BackupPhase.MESSAGES)
            if newest.last:
                return
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _read(place: Workplace, above: int, limit: int, now: int) -> "asyncio.Task[list[Batch]]":
    return asyncio.create_task(
        place.database.read(
            partial(backup_rows.several, above=above, limit=limit, now=now, owner=place.own.id)
        )
    )
