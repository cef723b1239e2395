"""Writes again from here what of a backup is damaged at its provider, so that the next generation is whole.

A segment holds a range of changes: what is here of that range becomes segments in its place. A damaged file is sent
once more. Must not know how a generation is made.
"""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from letterlock.backup.segments import SegmentRef
from letterlock_client.backup_models import BackupPhase
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import tidying
from letterlock_client.flows.backup.ground import Ground
from letterlock_client.flows.backup.media import MediaShelf, described
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.reading_back import is_whole
from letterlock_client.flows.backup.salvaging import whole_ones
from letterlock_client.flows.backup.sealing_segments import SegmentSender, Task, Written, seal_range
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_rows
from letterlock_client.storage.backup_state import BackupState

_DAMAGED: Final = -1
"""A size that no object has: what lies there gives way to what is sent."""


@dataclass(frozen=True, slots=True)
class Mended:
    """What was damaged, and is written again."""

    segments: tuple[SegmentRef, ...] = ()
    size: int = 0
    damaged: int = 0
    """How many objects were."""


NONE_MENDED: Final = Mended()


async def mend(place: Workplace, ground: Ground, meter: Meter, *, asked: bool) -> tuple[Ground, Mended]:
    """Read all of the generation before, and return it with new segments in the place of damaged ones.

    Files that are to be sent again count as new ones from now on. Looks at the shelf. Older manifests that do not open
    go only where the owner `asked`: a folder that is half copied to its disk again has such, and whole ones later.
    """
    await ground.shelf.look(ground.store)
    if ground.before is None:
        return ground, NONE_MENDED
    state, store, old = ground.state, ground.store, ground.before.segments
    meter.phase(BackupPhase.CHECKING, len(old), sum(ref.size for ref in old))
    # Files first: a record is not to say that a damaged one lies there.
    damaged = await _renew_manifest(store, state)
    if asked:
        damaged += await _let_go_of_unreadable(store, state)
    damaged += await _renew_files(place, store, ground.shelf)
    whole = await whole_ones(store, state.backup_key, old)
    lost = [ref for ref in old if ref.id not in whole]
    written = await _seal_again(place, ground, lost, meter)
    kept = [ref for ref in old if ref.id in whole]
    segments = tuple(sorted((*kept, *written.refs), key=lambda ref: ref.low))
    before = msgspec.structs.replace(ground.before, segments=segments)
    return replace(ground, before=before), Mended(tuple(written.refs), written.size, damaged + len(lost))


async def _renew_manifest(store: Objects, state: BackupState) -> int:
    """Put the last manifest back as this device wrote it: one that does not open keeps garbage for ever.

    One that is gone stays so: the one before it, with all of its segments, is what restores until there is a new one.
    """
    try:
        if await store.get(state.manifest_name) == state.manifest:
            return 0
    except ClientError as error:
        if error.code is Code.BACKUP_MISSING:
            return 1
        if error.code not in WRONG_THERE:
            raise
    await store.delete(state.manifest_name)
    await store.put(state.manifest_name, state.manifest)
    return 1


async def _let_go_of_unreadable(store: Objects, state: BackupState) -> int:
    """Delete older manifests that do not open: nobody restores them, and as long as they lie there nothing is garbage.

    One above this device's last may be another terminal's, and stays.
    """
    unreadable = await tidying.unreadable(store, state)
    for name in unreadable:
        await store.delete(name)
    return len(unreadable)


async def _renew_files(place: Workplace, store: Objects, shelf: MediaShelf) -> int:
    """Have the files that are whole here and not there sent again; return how many those are."""
    sent = {row for row, _ in await place.database.read(backup_rows.files_backed_up)}
    files = [each for each in await place.database.read(backup_rows.files_here) if each.row in sent]
    verdicts: dict[bytes, bool] = {}
    again = []
    for file in files:
        content = described(file.descriptor)
        if content is None:
            continue
        if content.digest not in verdicts:
            verdicts[content.digest] = await is_whole(store, shelf, content)
        if not verdicts[content.digest]:
            if shelf.named(content.digest) in shelf.present:
                shelf.present[shelf.named(content.digest)] = _DAMAGED
            again.append(file.row)
    await place.transact(lambda work: backup_rows.forget_media(work.tx, again))
    return len([whole for whole in verdicts.values() if not whole])


async def _seal_again(place: Workplace, ground: Ground, lost: list[SegmentRef], meter: Meter) -> Written:
    sender = SegmentSender(ground.state.backup_key, ground.store, place.random)
    task = Task(place, sender, meter, ground.shelf.of)
    try:
        for ref in lost:
            await seal_range(task, ref.low, ref.high)
        held, sender.written.held = sender.written.held, []
        for each in held:
            await sender.send(*each)
        return await sender.finish()
    finally:
        await sender.stop()
