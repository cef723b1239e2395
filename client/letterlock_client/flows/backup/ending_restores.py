"""Ends a restore that gets nothing more, because the place that it reads from is gone: what is here is all there is.

::

    journal ─> what is whole where it reads? ─> nothing: the counter goes on above it, and what was kept for it goes

Must not know how backups go on after that.
"""

from functools import partial
from typing import Final

from letterlock.ids import AccountId
from letterlock_client.errors import PROVIDER_AWAY, ClientError, Code
from letterlock_client.events import HistoryGrew
from letterlock_client.flows import contacts as contacting
from letterlock_client.flows.backup import (
    looking_ahead,
    losing_chats,
    restoring,
    salvaging,
    salvaging_later,
    salvaging_people,
)
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects
from letterlock_client.flows.backup.terms import objects
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import Standing
from letterlock_client.storage import backup_state, contacts
from letterlock_client.storage.backup_state import RestoreJournal
from letterlock_client.storage.database import Reader

_NOTHING_MORE: Final = frozenset({*PROVIDER_AWAY, *WRONG_THERE})


async def stranded(place: Workplace) -> RestoreJournal | None:
    """The restore under way, which gets nothing more from where it reads; None where none is under way.

    Reads all that it would; of whom there are only messages the relay is asked for the keys. Raises code
    restore_unfinished where anything is whole there, codes storage_damaged, backup_… where what was noted of it cannot
    be read, and where the relay is needed what that says.
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
    strange = await place.database.read(contacts.without_keys)
    if strange and not everyone:
        await _bring_keys(place, strange, found.manifest.watermark)
    return journal


async def _reads(store: Objects, found: FoundBackup) -> bool:
    """Say whether anything of it is whole."""
    try:
        return bool((await salvaging.salvaged(store, found)).manifest.segments)
    except ClientError as error:
        if error.code not in _NOTHING_MORE:
            raise
        return False


async def _bring_keys(place: Workplace, strange: list[AccountId], watermark: int) -> None:
    """Fetch the keys of those whose messages a restore of an earlier release brought first; else these would go.

    Whom the relay denies keeps them all the same: it is not to decide what goes here.
    """
    known = await salvaging_people.ask_from(place, strange)
    denied = set(strange) - {each.account.account for each in known}

    async def work(work: Work) -> None:
        # They are changes: above all that was restored, so that the next backup tells of them.
        await work.tx.execute("UPDATE change SET seq = max(seq, ?)", watermark)
        for each in known:
            await contacting.remember(work, each, Standing.ACCEPTED)
        for account in denied:
            await contacts.keep_without_keys(work.tx, account)

    await place.transact(work)


async def end(work: Work, journal: RestoreJournal) -> None:
    """End the restore that was found stranded, with what is here. Raises code backup_running where it went on."""
    if await backup_state.journal(work.tx) != journal:
        raise ClientError(Code.BACKUP_RUNNING, "the restore went on meanwhile: look how it stands")
    manifest = salvaging_later.found_in(journal).manifest
    paths = await restoring.settle(work, manifest.watermark)
    await losing_chats.note(work, journal, manifest, whole=False)
    await restoring.close(work)
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
