"""What a backup stands on: how it is set up, what lies at the provider, and how far the last one came.

Must not know how anything is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from letterlock.backup.choices import Turn
from letterlock.backup.generations import MAX_STEP
from letterlock.backup.manifest import Manifest, generation_of, manifest_hash, open_manifest, prefix_of
from letterlock.backup.media import first_master
from letterlock.errors import BackupError
from letterlock_client.backup_models import Frequency
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import counting, left_beside, successors
from letterlock_client.flows.backup.carrying import Carried, carried
from letterlock_client.flows.backup.media import MediaShelf
from letterlock_client.flows.backup.objects import Objects, told
from letterlock_client.flows.backup.terms import PERIODS_MS, known_generation, objects, require
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_counts, backup_rows, backup_state
from letterlock_client.storage.backup_rows import KeptFile
from letterlock_client.storage.backup_state import BackupState, VaultState

LOST: Final = "The provider had lost the last backup: what was lost of it was written again."
STRANGE: Final = (
    "A newer backup in this terminal's name lies there that it did not make, or does not know of any more. It was left"
    " as it is, and all of this terminal's own was looked through."
)
"""A profile that was put back from a copy is behind; and whoever has the backup's key can write any name."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a backup stands on: how it is set up, and the generation before."""

    state: BackupState
    before: Manifest | None
    store: Objects
    shelf: MediaShelf
    floor: int
    """The highest generation that anybody wrote there."""
    alarm: str = ""
    """Says that the generation before is lost there, or what is above it strange: all of it is to be looked through."""
    vault: VaultState | None = None
    """What guards the recovery secret under a password, where there is one."""
    turn: Turn | None = None
    """A rotation that is under way or has left something."""

    def carried(self, place: Workplace) -> Carried:
        """What the backup is to say of its owner."""
        return carried(place, self.state, self.vault, self.turn)


async def look(place: Workplace) -> Ground:
    """Find the generation before: the one this device knows, or the one that a crash kept it from noting.

    Raises code device_revoked where another terminal took this account over.
    """
    state = await require(place)
    store = objects(place, state.provider)
    found = await store.list(f"{prefix_of(state.backup_key)}/manifest")
    known = known_generation(state)
    generations = {
        each.name: number
        for each in found
        if (number := generation_of(each.name)) is not None and number <= known + MAX_STEP
    }
    await successors.require_none(place, store, state, generations)
    floor = max([known, *generations.values()])
    alarm = ""
    if state.manifest and state.manifest_name not in generations:
        # What it says of segments and files holds still, of those that are there; the rest is to be mended.
        alarm = LOST
    begun = await place.database.read(backup_state.begun)
    for name in sorted(generations, reverse=True):
        if state.manifest and generations[name] <= state.generation:
            break
        if (written := await _written(state, store, name)) is None:
            continue
        if manifest_hash(written.manifest) == begun:
            state = written
            break
        if state.manifest:
            # Its segments may be what later ones folded and deleted.
            alarm = alarm or STRANGE
    before = _manifest_of(state)
    shelf = MediaShelf(state.backup_key, before.media_master if before else first_master(state.backup_key))
    vault = await place.database.read(backup_state.load_vault)
    turn = await place.database.read(partial(left_beside.turn, state=state, generation=floor + 1))
    return Ground(state, before, store, shelf, floor, alarm, vault, turn)


async def _written(state: BackupState, store: Objects, name: str) -> BackupState | None:
    """How far this device came with a complete generation in its name; None where that is not one."""
    try:
        raw = await store.get(name)
        manifest = open_manifest(state.backup_key, name, raw)
    except (BackupError, ClientError):
        return None
    if manifest.writer != state.writer:
        return None
    return replace(
        state,
        generation=manifest.generation,
        manifest_name=name,
        manifest=raw,
        watermark=manifest.watermark,
    )


def _manifest_of(state: BackupState) -> Manifest | None:
    if not state.manifest:
        return None
    try:
        return open_manifest(state.backup_key, state.manifest_name, state.manifest)
    except BackupError as error:
        raise told(error) from error


async def new_files(place: Workplace, state: BackupState) -> list[KeptFile]:
    """The files that a backup would send now."""
    if not state.include_media:
        return []
    files = await place.database.read(partial(backup_rows.new_files, now=place.clock()))
    if state.include_videos:
        return files
    return [each for each in files if not each.media_type.startswith("video/")]


def next_time(place: Workplace, state: BackupState) -> int:
    """When the next backup will be, at the latest that is worth counting on."""
    return place.clock() + (PERIODS_MS[state.frequency] or PERIODS_MS[Frequency.DAILY])


async def save(place: Workplace, state: BackupState, media_rows: Sequence[int] = ()) -> None:
    """Keep how far the backup came; what the owner chose meanwhile stays."""

    async def work(work: Work) -> None:
        present = await backup_state.load(work.tx)
        if present is None or present.key_check != state.key_check:
            raise ClientError(Code.BACKUP_OFF, "backups were turned off meanwhile")
        await backup_state.save(work.tx, backup_state.as_chosen(state, present))
        await backup_rows.note_media(work.tx, media_rows)
        if totals := counting.load(state.last):
            await backup_counts.forget_departed(work.tx, totals.departed)

    await place.transact(work)
