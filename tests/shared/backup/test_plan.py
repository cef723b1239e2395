"""What planning promises: few segments, little written twice, nothing deleted that anything refers to."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.backup.manifest import manifest_name, media_name, segment_name
from letterlock.backup.plan import (
    GARBAGE_MS,
    PURGE_MS,
    Garbage,
    fold,
    garbage,
    purge_due,
    referred,
    to_purge,
    unpurged_since,
)
from letterlock.backup.segments import FULL_BYTES, SegmentRef, Tail
from letterlock.errors import MisuseError
from tests.shared.backup.manifests import KEY, manifest, segment

DAY = 24 * 3600 * 1000
MEDIA = [bytes([n]) * 32 for n in range(3)]
SEGMENTS = [segment_name(KEY, number.to_bytes(16)) for number in range(3)]


@dataclass
class Rows:
    """Segments as pairs of size and how often each of their rows was written."""

    refs: list[SegmentRef]
    written: list[list[int]]

    def back_up(self, raw: int) -> None:
        count = fold(self.refs, raw, raw // 100)
        start = len(self.refs) - count
        joined = [times + 1 for part in self.written[start:] for times in part]
        total = raw + sum(each.raw for each in self.refs[start:])
        self.refs[start:] = [segment(0, raw=total)]
        self.refs[-1] = msgspec.structs.replace(self.refs[-1], records=total // 100)
        self.written[start:] = [[*joined, 1]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(100, 200_000), min_size=1, max_size=400))
def test_segments_stay_few_and_rows_are_written_seldom(sizes: list[int]) -> None:
    rows = Rows([], [])
    for raw in sizes:
        rows.back_up(raw)
    total = sum(sizes)
    log = math.log2(max(2, min(total, FULL_BYTES) / min(sizes))) + 2
    assert len(rows.refs) <= 2 * total / FULL_BYTES + log
    assert max(times for part in rows.written for times in part) <= 2 * log
    assert all(each.raw <= FULL_BYTES for each in rows.refs)


def test_a_year_of_days_makes_segments_that_at_least_double() -> None:
    rows = Rows([], [])
    for _ in range(365):
        rows.back_up(100_000)
    sizes = [each.raw for each in rows.refs if each.raw < FULL_BYTES // 2]
    assert all(older >= 2 * newer for older, newer in itertools.pairwise(sizes))
    assert sum(map(sum, rows.written)) / 365 < 9


@pytest.mark.parametrize("history", [10, 60, 600])
def test_a_long_history_of_full_segments_is_never_touched_by_a_small_backup(history: int) -> None:
    full = [segment(number, raw=FULL_BYTES) for number in range(history)]
    assert fold(full, 100_000, 1000) == 0
    assert fold([*full, segment(700, raw=150_000)], 100_000, 1000) == 1
    assert fold([*full, segment(700, raw=250_000)], 100_000, 1000) == 0


def test_what_is_deleted_leaves_the_segments_within_a_week() -> None:
    assert unpurged_since(None, True) == 0
    before = manifest(at=50)
    assert unpurged_since(before, False) == 0
    assert unpurged_since(before, True) == 50
    assert unpurged_since(manifest(at=90, unpurged_since=50), False) == 50
    assert not purge_due(0, 50, 10**12)
    assert not purge_due(50, 50, 50 + PURGE_MS)
    assert purge_due(50, 50, 51 + PURGE_MS)
    # A clock was wrong, and nobody knows since when.
    assert purge_due(50, 49, 50)


def test_the_segments_that_hold_something_deleted_are_found_by_their_tails() -> None:
    tails = {bytes([n]) * 16: Tail(bytes([n]) * 4 + b"same", ()) for n in range(3)}
    assert to_purge(tails, [bytes([1]) * 16]) == (bytes([1]) * 16,)
    assert len(to_purge(tails, [b"same" * 4])) == 3
    assert to_purge(tails, [b"amea" * 4, b""]) == ()


def test_every_media_object_that_any_present_generation_lists_is_referred_to() -> None:
    manifests = [
        manifest(1, segments=(segment(0), segment(1))),
        manifest(2, segments=(segment(1), segment(2))),
    ]
    tails = {number.to_bytes(16): Tail(b"", (MEDIA[number],)) for number in range(3)}
    assert referred(KEY, manifests, tails) == {*SEGMENTS, *(media_name(KEY, each) for each in MEDIA)}
    with pytest.raises(MisuseError):
        referred(KEY, manifests, {})


def collect(present: Sequence[str], kept: set[str], seen: dict[str, int], now: int, **how: Any) -> Garbage:
    return garbage(KEY, present, kept, seen, now, **({"held": False} | how))


def test_garbage_is_deleted_only_after_two_looks_a_week_apart() -> None:
    first = collect(SEGMENTS, {SEGMENTS[0]}, {}, 1000)
    assert first == Garbage((), {SEGMENTS[1]: 1000, SEGMENTS[2]: 1000})
    early = collect(SEGMENTS, {SEGMENTS[0]}, first.seen, 1000 + GARBAGE_MS - 1)
    assert early.delete == ()
    assert early.seen == first.seen
    again = collect(SEGMENTS, {SEGMENTS[0], SEGMENTS[2]}, early.seen, 1000 + GARBAGE_MS)
    assert again == Garbage((SEGMENTS[1],), {})
    late = collect(SEGMENTS, {SEGMENTS[0]}, again.seen, 2000 + GARBAGE_MS)
    assert late.seen == {SEGMENTS[1]: 2000 + GARBAGE_MS, SEGMENTS[2]: 2000 + GARBAGE_MS}


def test_an_unreadable_manifest_or_an_unfinished_restore_stops_it() -> None:
    seen = dict.fromkeys(SEGMENTS, 0)
    assert collect(SEGMENTS, set(), seen, 100 * DAY, held=True) == Garbage((), seen)
    assert collect(SEGMENTS, set(), seen, 100 * DAY).delete == tuple(SEGMENTS)


def test_a_clock_that_went_back_begins_the_week_again() -> None:
    assert collect(SEGMENTS, set(), dict.fromkeys(SEGMENTS, 50 * DAY), 10 * DAY).seen == dict.fromkeys(
        SEGMENTS, 10 * DAY
    )


def test_manifests_and_what_is_not_ours_are_never_garbage() -> None:
    other = bytes(32)
    strange = [
        manifest_name(KEY, 1, bytes(8)),
        segment_name(other, bytes(16)),
        media_name(other, MEDIA[0]),
        "x/y",
    ]
    assert collect(strange, set(), dict.fromkeys(strange, 0), 100 * DAY) == Garbage((), {})


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 9), st.sets(st.sampled_from(SEGMENTS)), st.booleans()), max_size=12))
def test_nothing_is_ever_deleted_that_was_referred_to_in_the_last_week(
    looks: list[tuple[int, set[str], bool]],
) -> None:
    seen: dict[str, int] = {}
    present = set(SEGMENTS)
    last_use = dict.fromkeys(SEGMENTS, 0)
    now = 0
    for days, kept, held in looks:
        now += days * DAY
        last_use |= dict.fromkeys(kept, now)
        found = collect(sorted(present), kept, seen, now, held=held)
        seen = found.seen
        for name in found.delete:
            assert name not in kept
            assert now - last_use[name] >= GARBAGE_MS
        present -= set(found.delete)
