"""What a backup writes again, and what it may delete: decisions over values, so that each can be tried in a test.

Must not know providers or clocks: what lies there and what time it is are arguments. Spec:
shared/spec/backup.md, "Housekeeping".

A segment is folded into the next one when it is less than twice as large as what comes after it. Sizes so at
least double from the newest to the oldest, up to a full segment: of n rows there are n / full + O(log full)
segments, and a row is written again O(log full) times, whatever the history.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from letterlock.backup.manifest import Manifest, media_name, prefix_of, segment_name
from letterlock.backup.segments import FULL_BYTES, MAX_RECORDS, SegmentRef, Tail
from letterlock.errors import MisuseError

PURGE_MS: Final = 7 * 24 * 3600 * 1000
"""So long after a deletion no segment of the newest generation holds what was deleted."""
GARBAGE_MS: Final = 7 * 24 * 3600 * 1000
"""An object must have been referred to by nothing for so long, in two looks, before it is deleted."""


def fold(segments: Sequence[SegmentRef], raw: int, records: int) -> int:
    """Say how many of the last segments become one with `raw` bytes of `records` new records; 0 is a new segment."""
    count = 0
    for segment in reversed(segments):
        raw_with, records_with = raw + segment.raw, records + segment.records
        if segment.raw >= 2 * raw or raw_with > FULL_BYTES or records_with > MAX_RECORDS:
            break
        raw, records, count = raw_with, records_with, count + 1
    return count


def unpurged_since(previous: Manifest | None, deleted: bool) -> int:
    """Return when the first deletion may have been that segments do not know of yet; 0 for none.

    `deleted` says whether anything was deleted, for everyone or here, since the previous generation: the
    earliest that can have been is its time.
    """
    if previous is None:
        return 0
    return previous.unpurged_since or (previous.at if deleted else 0)


def purge_due(since: int, now: int, next_at: int) -> bool:
    """Say whether segments are to be purged `now`, when this is not done again before `next_at` (ms).

    Where `since` lies ahead a clock was wrong, and the week may be over.
    """
    return since > 0 and (since > now or next_at > since + PURGE_MS)


def to_purge(tails: Mapping[bytes, Tail], dead: Collection[bytes]) -> tuple[bytes, ...]:
    """Return the segments (ids) that hold one of these deleted ids, of those whose tails these are."""
    return tuple(segment for segment, tail in tails.items() if tail.holds(dead))


@dataclass(frozen=True, slots=True)
class Garbage:
    """What may be deleted now, and what was seen to be referred to by nothing, since when."""

    delete: tuple[str, ...]
    seen: dict[str, int]


def referred(key: bytes, manifests: Iterable[Manifest], tails: Mapping[bytes, Tail]) -> frozenset[str]:
    """Return the names of every segment and media object that these manifests refer to.

    `tails` has the tail of every segment that lists media. Raises MisuseError where one is missing: media that
    nobody asked about must not look like garbage.
    """
    names: set[str] = set()
    for manifest in manifests:
        for segment in manifest.segments:
            names.add(segment_name(key, segment.id))
            if not segment.media:
                continue
            if segment.id not in tails:
                raise MisuseError("the tail of a segment was not read")
            names.update(media_name(key, media) for media in tails[segment.id].media)
    return frozenset(names)


def garbage(
    key: bytes,
    present: Iterable[str],
    referred_to: Collection[str],
    seen: Mapping[str, int],
    now: int,
    *,
    held: bool,
) -> Garbage:
    """Return what may be deleted: segments and media under the prefix that nothing refers to, now and a week ago.

    `seen` is what the look before returned. `held` stops it: a manifest that does not open, or a restore that
    is not complete; what is referred to is then still noted. A clock that went back begins the week again.
    """
    if held:
        return Garbage((), {name: at for name, at in seen.items() if name not in referred_to})
    prefix = prefix_of(key)
    ours = (f"{prefix}/segment/", f"{prefix}/media/")
    free = [name for name in present if name.startswith(ours) and name not in referred_to]
    since = {name: min(seen.get(name, now), now) for name in free}
    delete = tuple(name for name in free if now - since[name] >= GARBAGE_MS)
    return Garbage(delete, {name: at for name, at in since.items() if name not in delete})
