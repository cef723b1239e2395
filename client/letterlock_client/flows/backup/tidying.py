"""Keeps a backup's folder tidy: old generations leave, and what no generation refers to is deleted a week later.

Looks once a day. A manifest that does not open may refer to what looks like garbage, so as long as it is there nothing
is: an older one goes when it is out of retention or the owner says so, one that cannot be this device's stays. Must not
know how a generation is made.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from letterlock.backup.generations import Generation, leaving, unreadable_leaving
from letterlock.backup.manifest import generation_of, manifest_hash, open_manifest, prefix_of
from letterlock.backup.plan import garbage, referred
from letterlock_client.errors import ClientError
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects, telling
from letterlock_client.flows.backup.purging_segments import read_tails
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import BackupState

LOOK_EVERY_MS: Final = 86_400_000


def due(tidied_at: int, now: int) -> bool:
    """Say whether a day has passed since the last look; one that lies ahead was noted under a wrong clock."""
    return not 0 <= now - tidied_at < LOOK_EVERY_MS


@dataclass(frozen=True, slots=True)
class Tidied:
    """What is left."""

    generations: int
    deleted: int
    unreadable: tuple[int, ...] = ()
    """The numbers of generations that do not open, and keep what looks like garbage."""


async def tidy(
    place: Workplace, store: Objects, state: BackupState, *, next_at: int, keep_all: bool
) -> Tidied:
    """Let generations leave and delete garbage; `keep_all` keeps every generation, because the newest is doubted.

    Raises codes backup_…, provider_…; what was deleted by then was garbage.
    """
    found = [each.name for each in await store.list(prefix_of(state.backup_key))]
    looked = await look_through(store, state, found)
    present, doubted = looked.present, keep_all or looked.unknown
    now = place.clock()
    gone = () if doubted else leaving(present, now=now, next_at=next_at)
    lost = () if doubted else unreadable_leaving(looked.unreadable, present, now=now, next_at=next_at)
    for name in (*(each.name for each in gone), *lost):
        await store.delete(name)
    unreadable = tuple(sorted(number for name, number in looked.unreadable.items() if name not in lost))
    held = looked.unknown or bool(unreadable)
    staying = [each.manifest for each in present if each not in gone]
    refs = {ref.id: ref for manifest in staying for ref in manifest.segments if ref.media}
    tails = {} if held else await read_tails(store, state.backup_key, tuple(refs.values()))
    seen = await place.database.read(backup_state.garbage)
    waste = garbage(
        state.backup_key,
        found,
        referred(state.backup_key, staying, tails) if not held else frozenset(),
        seen,
        now,
        held=held,
    )
    for name in waste.delete:
        await store.delete(name)

    async def save(work: Work) -> None:
        await backup_state.save_garbage(work.tx, waste.seen)

    await place.transact(save)
    return Tidied(len(staying), len(waste.delete) + len(gone) + len(lost), unreadable)


async def remove_all(store: Objects, key: bytes) -> int:
    """Delete everything that lies under a key; return how much that was."""
    return await remove_under(store, prefix_of(key))


async def remove_under(store: Objects, prefix: str) -> int:
    """Delete everything that lies under a prefix; return how much that was."""
    names = await _manifests_first(store, prefix)
    for name in names:
        await store.delete(name)
    return len(names)


async def remove_reachable(store: Objects, prefix: str) -> tuple[int, bool]:
    """Delete what lies under a prefix and lets itself be deleted; how much that was, and whether it was all."""
    try:
        names = await _manifests_first(store, prefix)
    except ClientError:
        return 0, False
    deleted = 0
    for name in names:
        with suppress(ClientError):
            await store.delete(name)
            deleted += 1
    return deleted, deleted == len(names)


async def _manifests_first(store: Objects, prefix: str) -> list[str]:
    """What lies under a prefix, in the order in which it goes: without its manifest nothing of a backup opens."""
    names = [each.name for each in await store.list(prefix)]
    return sorted(names, key=lambda name: "/manifest/" not in name)


@dataclass(frozen=True, slots=True)
class Looked:
    """The manifests that lie there."""

    present: list[Generation]
    unreadable: dict[str, int]
    """Older ones than this device's last that are damaged: their numbers by name."""
    unknown: bool
    """Whether there is one of which nobody knows what it is: newer, of a newer format, or not to be reached."""


async def look_through(store: Objects, state: BackupState, names: Iterable[str]) -> Looked:
    """Open every manifest."""
    present, unreadable, unknown = [], {}, False
    for name in names:
        if (number := generation_of(name)) is None:
            continue
        try:
            raw = await store.get(name)
            with telling():
                present.append(
                    Generation(name, manifest_hash(raw), open_manifest(state.backup_key, name, raw))
                )
        except ClientError as error:
            # One above our own may be the newest of a terminal that took over.
            if error.code in WRONG_THERE and number < state.generation:
                unreadable[name] = number
            else:
                unknown = True
    return Looked(present, unreadable, unknown)


async def unreadable(store: Objects, state: BackupState) -> dict[str, int]:
    """The older manifests that are damaged so that they do not open: their numbers by name."""
    names = [each.name for each in await store.list(f"{prefix_of(state.backup_key)}/manifest")]
    return (await look_through(store, state, names)).unreadable
