"""Ends a restore that gets nothing more, because the place that it reads from is gone: what is here is all there is.

::

    journal ─> what is whole where it reads? ─> nothing: the counter goes on above it, and what was kept for it goes

Must not know how backups go on after that.
"""

from functools import partial
from typing import Final

from letterlock_client.errors import PROVIDER_AWAY, ClientError, Code
from letterlock_client.events import HistoryGrew
from letterlock_client.flows.backup import looking_ahead, restoring, salvaging, salvaging_later
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects
from letterlock_client.flows.backup.terms import objects
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_import, backup_state
from letterlock_client.storage.backup_state import RestoreJournal
from letterlock_client.storage.database import Reader

_NOTHING_MORE: Final = frozenset({*PROVIDER_AWAY, *WRONG_THERE})


async def stranded(place: Workplace) -> RestoreJournal | None:
    """The restore under way, which gets nothing more from where it reads; None where none is under way.

    Reads all that it would. Raises code restore_unfinished where anything is whole there, or where it is not known of
    every chat whose it is, and codes storage_damaged, backup_… where what was noted of it cannot be read.
    """
    journal = await place.database.read(backup_state.journal)
    if journal is None:
        return None
    found = salvaging_later.found_in(journal)
    if await _reads(objects(place, journal.provider), found):
        raise ClientError(
            Code.RESTORE_UNFINISHED,
            "a restore is not complete, and the place that it reads from can be read: let it finish first",
        )
    everyone = await place.database.read(partial(looking_ahead.is_everyone_here, manifest=found.manifest))
    if not everyone and await place.database.read(backup_import.places_held):
        # Nobody's keys are known: such a chat cannot be written in, nor brought back from another backup.
        raise ClientError(
            Code.RESTORE_UNFINISHED,
            "a restore is not complete, and of some chats only messages have come, not whose they are:"
            " let it finish first",
        )
    return journal


async def _reads(store: Objects, found: FoundBackup) -> bool:
    """Say whether anything of it is whole."""
    try:
        return bool((await salvaging.salvaged(store, found)).manifest.segments)
    except ClientError as error:
        if error.code not in _NOTHING_MORE:
            raise
        return False


async def end(work: Work, journal: RestoreJournal) -> None:
    """End the restore that was found stranded, with what is here. Raises code backup_running where it went on."""
    if await backup_state.journal(work.tx) != journal:
        raise ClientError(Code.BACKUP_RUNNING, "the restore went on meanwhile: look how it stands")
    manifest = salvaging_later.found_in(journal).manifest
    paths = await restoring.settle(work, manifest.watermark)
    # What it left out lies where nothing is read any more.
    await restoring.close(work, None)
    work.tx.after_commit(lambda: work.place.delete_files(paths))
    work.tx.after_commit(lambda: work.place.announcer.say([HistoryGrew()]))


async def still_to_come(reader: Reader) -> int:
    """How many messages, at most, the restore under way has not brought; 0 without one."""
    journal = await backup_state.journal(reader)
    if journal is None:
        return 0
    done = await backup_state.done(reader)
    segments = salvaging_later.found_in(journal).manifest.segments
    return sum(ref.records for ref in segments if ref.id.hex() not in done)
