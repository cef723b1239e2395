"""Takes what was deleted out of the segments of a backup, within a week of the deletion.

Segments are written again without it; the generations that refer to the old ones leave in time. Must not know how
new rows are sent.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

from letterlock.backup.manifest import Manifest, segment_name
from letterlock.backup.plan import purge_due, to_purge, unpurged_since
from letterlock.backup.segments import SegmentRef, Tail, open_tail, tail_range
from letterlock_client.flows.backup.media import MediaShelf
from letterlock_client.flows.backup.merging_segments import Change, Sources, merge_all
from letterlock_client.flows.backup.objects import Objects, telling
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_rows


@dataclass(frozen=True, slots=True)
class Purge:
    """What a generation does about deletions."""

    since: int
    """When the first deletion may have been that segments do not know of; 0 for none."""
    dead: frozenset[bytes] = frozenset()
    """The ids whose content leaves now; empty where nothing is due."""


NO_PURGE: Final = Purge(0)


async def plan_purge(place: Workplace, before: Manifest | None, watermark: int, next_at: int) -> Purge:
    """Find out whether a purge is due, and of what. Messages blanked for everyone are sent once more first."""
    if before is None:
        return Purge(0)
    deleted = await place.database.read(partial(backup_rows.deleted_since, above=watermark))
    since = unpurged_since(before, deleted)
    if not purge_due(since, place.clock(), next_at):
        return Purge(since)

    async def work(work: Work) -> frozenset[bytes]:
        dead, blanked = await backup_rows.dead_since(work.tx, before.purged)
        # Their newest record is to stand in a new segment, because the old ones lose every record of them.
        await backup_rows.touch(work.tx, blanked)
        return frozenset(dead)

    return Purge(since, await place.transact(work))


async def read_tails(store: Objects, key: bytes, refs: tuple[SegmentRef, ...]) -> dict[bytes, Tail]:
    """Read what lies behind the records of segments: little, and without the records. Raises codes backup_…."""
    tails = {}
    for ref in refs:
        name = segment_name(key, ref.id)
        start, length = tail_range(ref)
        raw = await store.get(name, start, length)
        with telling():
            tails[ref.id] = open_tail(ref, name, raw)
    return tails


@dataclass(frozen=True, slots=True)
class Purged:
    """Segments after a purge."""

    refs: tuple[SegmentRef, ...]
    size: int
    new: tuple[SegmentRef, ...]


NONE_PURGED: Final = Purged((), 0, ())


async def purge(
    place: Workplace, store: Objects, shelf: MediaShelf, refs: tuple[SegmentRef, ...], dead: frozenset[bytes]
) -> Purged:
    """Write segments that hold something dead again, without it."""
    if not dead:
        return Purged(refs, 0, ())
    tails = await read_tails(store, shelf.key, refs)
    wanted = set(to_purge(tails, dead))
    kept: list[SegmentRef] = []
    new: list[SegmentRef] = []
    size = 0
    for ref in refs:
        if ref.id not in wanted:
            kept.append(ref)
            continue
        body = await store.get(segment_name(shelf.key, ref.id))
        made = await merge_all(shelf, Sources(shelf.key, [ref], [body]), place.random, Change(dead))
        if made is not None:
            await store.put(segment_name(shelf.key, made[0].id), made[1])
            kept.append(made[0])
            new.append(made[0])
            size += len(made[1])
    return Purged(tuple(kept), size, tuple(new))
