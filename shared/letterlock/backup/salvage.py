"""What is left of a backup of which some segments are lost: the whole ones, and what they were made of before.

Segments are folded, so what a lost one held may still lie in smaller ones that older generations refer to. Must not
know how anything is read.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from letterlock.backup.generations import Generation
from letterlock.backup.manifest import MAX_CHAIN, Manifest
from letterlock.backup.segments import SegmentRef


@dataclass(frozen=True, slots=True)
class Salvaged:
    """A generation without what is lost of it."""

    manifest: Manifest
    """With other segments, in the same order of versions; its chain names the generation that it came from."""
    lost: int
    """How many records at most are missing."""


def ancestors(of: Generation, present: Sequence[Generation]) -> list[Generation]:
    """Those of the generations that this one follows, the newest first: they count versions as it does."""
    known = set(of.manifest.chain)
    found = []
    for each in sorted(present, key=lambda one: one.manifest.generation, reverse=True):
        if each.hash in known:
            known.update(each.manifest.chain)
            found.append(each)
    return found


def stand_ins(lost: SegmentRef, older: Sequence[Generation]) -> Iterator[SegmentRef]:
    """The segments of older generations that may hold some of what a lost one held, the newest generation's first."""
    seen = {lost.id}
    for each in older:
        for ref in each.manifest.segments:
            if ref.id not in seen and lost.low <= ref.low and ref.high <= lost.high:
                seen.add(ref.id)
                yield ref


def salvage(newest: Generation, older: Sequence[Generation], whole: Collection[bytes]) -> Salvaged:
    """Put in the place of each lost segment what is whole of its stand-ins; `whole` are the ids of all that is."""
    segments: list[SegmentRef] = []
    lost = 0
    for ref in newest.manifest.segments:
        if ref.id in whole:
            segments.append(ref)
            continue
        parts = _apart(each for each in stand_ins(ref, older) if each.id in whole)
        covered = sum(each.high - each.low for each in parts)
        if covered < ref.high - ref.low:
            lost += max(ref.records - sum(each.records for each in parts), 1)
        segments += parts
    manifest = msgspec.structs.replace(
        newest.manifest,
        segments=tuple(segments),
        chain=(*newest.manifest.chain, newest.hash)[-MAX_CHAIN:],
    )
    return Salvaged(manifest, lost)


def _apart(parts: Iterator[SegmentRef]) -> list[SegmentRef]:
    """Take parts as long as they overlap none that was taken; return them in the order of their versions."""
    taken: list[SegmentRef] = []
    for ref in parts:
        if all(ref.high <= each.low or each.high <= ref.low for each in taken):
            taken.append(ref)
    return sorted(taken, key=lambda each: each.low)
