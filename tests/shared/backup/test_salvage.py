"""What is left of a backup whose segments were lost: whole ones, and what they were folded from."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from letterlock.backup.generations import Generation
from letterlock.backup.manifest import check
from letterlock.backup.salvage import ancestors, salvage, stand_ins
from letterlock.backup.segments import SegmentRef
from tests.shared.backup.manifests import manifest, segment


def generation(number: int, segments: tuple[SegmentRef, ...], *chain: bytes) -> Generation:
    made = manifest(number, segments=segments, chain=chain)
    return Generation(f"g{number}", bytes([number]) * 32, made)


A, B, C = segment(1, low=0, high=10), segment(2, low=10, high=20), segment(3, low=20, high=30)
FOLDED = segment(4, low=10, high=30)
FIRST = generation(1, (A, B))
SECOND = generation(2, (A, B, C), FIRST.hash)
NEWEST = generation(3, (A, FOLDED), SECOND.hash)


def test_what_is_whole_stays_as_it_is() -> None:
    left = salvage(NEWEST, [SECOND, FIRST], {A.id, FOLDED.id})
    assert (left.manifest.segments, left.lost) == ((A, FOLDED), 0)
    assert left.manifest.chain == (SECOND.hash, NEWEST.hash)


def test_a_lost_segment_gives_way_to_those_that_it_was_folded_from() -> None:
    left = salvage(NEWEST, [SECOND, FIRST], {A.id, B.id, C.id})
    assert (left.manifest.segments, left.lost) == ((A, B, C), 0)
    check(left.manifest)


def test_what_nothing_stands_in_for_is_counted() -> None:
    assert salvage(NEWEST, [SECOND, FIRST], {A.id, B.id}).lost == max(FOLDED.records - B.records, 1)
    nothing = salvage(NEWEST, [SECOND, FIRST], {A.id})
    assert (nothing.manifest.segments, nothing.lost) == ((A,), FOLDED.records)


def test_only_generations_that_the_newest_follows_count_versions_as_it_does() -> None:
    stranger = replace(generation(2, (segment(9, low=10, high=30),)), hash=b"s" * 32)
    assert ancestors(NEWEST, [stranger, FIRST, SECOND]) == [SECOND, FIRST]
    assert {each.id for each in stand_ins(FOLDED, [SECOND, FIRST])} == {B.id, C.id}


@given(st.sets(st.integers(0, 11)), st.lists(st.integers(1, 11), max_size=4))
def test_whatever_is_lost_what_is_left_is_in_order_and_overlaps_nowhere(
    gone: set[int], cuts: list[int]
) -> None:
    """Generations that fold ever more of twelve segments, each into one."""
    refs = [segment(number) for number in range(12)]
    present = [generation(1, tuple(refs))]
    for index, cut in enumerate(cuts):
        before = present[-1].manifest.segments
        folded = before[-min(cut, len(before)) :]
        one = segment(100 + index, low=folded[0].low, high=folded[-1].high)
        segments = (*before[: -len(folded)], one)
        present.append(generation(index + 2, segments, present[-1].hash))
    everything = {ref.id for each in present for ref in each.manifest.segments}
    whole = everything - {refs[number].id for number in gone} - {segment(100 + n).id for n in gone}
    newest = present[-1]
    left = salvage(newest, ancestors(newest, present), whole)
    check(left.manifest)
    assert {ref.id for ref in left.manifest.segments} <= whole
    complete = sum(ref.high - ref.low for ref in left.manifest.segments) == 120
    assert complete == (left.lost == 0)
