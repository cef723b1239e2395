"""The generations of one backup: which is the newest, which may be trusted to be, and which stay.

Pure functions over manifests that were read. Must not know providers, vaults or clocks. Spec:
shared/spec/backup.md, "Generations".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from letterlock.backup.manifest import Manifest
from letterlock.errors import StaleGenerationError, WrongSecretError

KEPT_GENERATIONS: Final = 7
MAX_STEP: Final = 2**20
"""By how much a generation may pass the last one known: no provider, and no thief, must use up the numbers."""
FORGET_MS: Final = 30 * 24 * 3600 * 1000
"""So long after a deletion no generation refers to what was deleted."""


@dataclass(frozen=True, slots=True)
class Generation:
    """A manifest that lies at the provider and opened."""

    name: str
    hash: bytes
    manifest: Manifest

    @property
    def place(self) -> tuple[int, bytes]:
        """What generations are ordered by: of two with one number the greater hash is the later one."""
        return self.manifest.generation, self.hash


@dataclass(frozen=True, slots=True)
class Anchor:
    """What the vault confirms: a generation and the hash of its manifest."""

    generation: int
    hash: bytes


def newest(present: Sequence[Generation]) -> Generation:
    """Return the newest generation. Raises WrongSecretError where there is none."""
    if not present:
        raise WrongSecretError
    return max(present, key=lambda each: each.place)


def choose(present: Sequence[Generation], anchor: Anchor | None) -> Generation:
    """Return the newest generation that is the anchored one or follows it; without an anchor the newest.

    Raises WrongSecretError where there is none, StaleGenerationError where all are older than the anchor, or
    of another history.
    """
    best = newest(present)
    if anchor is None:
        return best
    fresh = [each for each in present if descends(each, anchor)]
    if not fresh:
        raise StaleGenerationError(best.manifest.generation, best.manifest.at, anchor.generation)
    return newest(fresh)


def descends(generation: Generation, anchor: Anchor) -> bool:
    """Say whether this generation is the anchored one or names it among those before it."""
    return anchor.hash == generation.hash or anchor.hash in generation.manifest.chain


def leaving(
    present: Sequence[Generation], *, now: int, next_at: int, keep: int = KEPT_GENERATIONS
) -> tuple[Generation, ...]:
    """Return the generations that are to be deleted `now`, when this is not done again before `next_at` (ms).

    The newest stays always, of the others the newest `keep` - 1 and the one with the most messages. All but the
    newest leave in time where they may hold something that was deleted since.
    """
    ordered = sorted(present, key=lambda each: each.place, reverse=True)
    if not ordered:
        return ()
    largest = max(ordered, key=lambda each: (each.manifest.totals.messages, each.place))
    staying = {each.name for each in (*ordered[: max(1, keep)], largest)}
    latest = ordered[0].manifest
    return tuple(
        each
        for each in ordered[1:]
        if each.name not in staying or _overdue(each.manifest, latest, now, next_at)
    )


def unreadable_leaving(
    unreadable: Mapping[str, int],
    present: Sequence[Generation],
    *,
    now: int,
    next_at: int,
    keep: int = KEPT_GENERATIONS,
) -> tuple[str, ...]:
    """Return the names of manifests that do not open (their numbers are `unreadable`) and are to be deleted now.

    One leaves once as many that open are newer as are kept at all, or once a newer one is overdue: what it refers to
    is not known, so until then nothing may count as garbage.
    """
    latest = newest(present).manifest if present else None
    found = []
    for name, number in unreadable.items():
        newer = [each.manifest for each in present if each.manifest.generation > number]
        overdue = latest is not None and any(_overdue(each, latest, now, next_at) for each in newer)
        if len(newer) >= max(1, keep) or overdue:
            found.append(name)
    return tuple(found)


def _overdue(manifest: Manifest, latest: Manifest, now: int, next_at: int) -> bool:
    """Say whether it may hold something that was deleted, and 30 days will have passed.

    It is older than the last purge, and so at least as old as what was deleted then. Of one that a wrong clock made
    nobody knows how old it is: where its time lies ahead, the 30 days may be over.
    """
    passed = manifest.at > now or next_at >= manifest.at + FORGET_MS
    return manifest.purged < latest.purged and passed


def shrunk(before: int, after: int, *, deleted: int, came: int = 0) -> str:
    """Return a sentence where a backup of `after` messages lacks some that the last one held, or "".

    That one held `before`; since then `deleted` of them were deleted or ended, and `came` others came.
    """
    if before + came - deleted <= after:
        return ""
    fewer = before - after
    if fewer <= deleted:
        missing = before + came - deleted - after
        return (
            f"{missing} message{'' if missing == 1 else 's'} of the last backup {'is' if missing == 1 else 'are'}"
            " missing in this one, and nobody deleted them. Restore the last one if messages are missing here."
        )
    return (
        f"This backup holds {fewer} message{'' if fewer == 1 else 's'} fewer than the last one, and only"
        f" {deleted} were deleted. The last one is kept: restore it if messages are missing here."
    )
