"""Lets a restore beside chatting go on without what is damaged: all that this takes stands in its journal.

::

    journal ─> what is whole of its backup ─> somebody agrees ─> who is lost ─> journal and backups stand on that

Nothing that has come is brought in again, and no secret is needed. Must not know how the rest comes in.
"""

from dataclasses import replace
from functools import partial

from letterlock.backup.manifest import open_manifest
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import counting, restoring, salvaging, salvaging_people
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import telling
from letterlock_client.flows.backup.salvaging_people import Missing
from letterlock_client.flows.backup.terms import objects
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_rows, backup_state
from letterlock_client.storage.backup_state import RestoreJournal


async def look(place: Workplace) -> FoundBackup:
    """What is whole of the backup whose restore is under way; reads all of it, and changes nothing.

    Raises code bad_input where none is under way, restore_unfinished where the account is not back either, and codes
    storage_damaged, backup_…, provider_….
    """
    journal = await place.database.read(backup_state.journal)
    if journal is None:
        raise none_under_way()
    if await restoring.needs_account(place, journal):
        raise ClientError(Code.RESTORE_UNFINISHED, restoring.NOT_WHOLE)
    return await salvaging.salvaged(objects(place, journal.provider), found_in(journal))


def found_in(journal: RestoreJournal) -> FoundBackup:
    """The backup that a restore brings back, as its journal has it. Raises codes backup_…."""
    with telling():
        manifest = open_manifest(journal.backup_key, journal.manifest_name, journal.manifest)
    return FoundBackup(
        journal.backup_key, journal.manifest_name, journal.manifest, manifest, journal.freshness
    )


async def accept(place: Workplace, found: FoundBackup) -> None:
    """Take what `look` found for the whole of it, in what is still to come and in the backups after that.

    Asks the relay for those of whom nothing is left. Raises code bad_input where that restore is not under way any
    more, code offline, and as `look`; then nothing has changed.
    """
    before = _same(await place.database.read(backup_state.journal), found)
    store, under_way = objects(place, before.provider), found_in(before).manifest
    ask = partial(salvaging_people.ask_from, place)
    missing = Missing()
    if found.lost:
        missing = await salvaging_people.look(place, store, found, under_way, ask)

    async def work(work: Work) -> None:
        journal = _same(await backup_state.journal(work.tx), found)
        await do_without(work, found, missing)
        await backup_state.change_restore(work.tx, _without(journal, found))

    await place.transact(work)


def _same(journal: RestoreJournal | None, found: FoundBackup) -> RestoreJournal:
    if journal is None or (journal.backup_key, journal.manifest_name) != (found.key, found.name):
        raise none_under_way()
    return journal


async def do_without(work: Work, found: FoundBackup, missing: Missing) -> None:
    """Go on without what is lost: bring those who are missing, and let backups stand on what is whole."""
    await salvaging_people.bring(work, missing, found.manifest.watermark)
    await _stand_on(work, found)


async def _stand_on(work: Work, found: FoundBackup) -> None:
    """Let backups here go on above what is whole of the last one, where that is the one that was found.

    Else the next backup would name segments that are lost, and leave out what of theirs is here already.
    """
    state = await backup_state.load(work.tx)
    if state is None or (state.backup_key, state.manifest_name) != (found.key, found.name):
        return
    before = open_manifest(state.backup_key, state.manifest_name, state.manifest)
    lost = [ref for ref in before.segments if ref not in found.manifest.segments]
    if not lost:
        return
    totals = counting.load(state.last)
    last = counting.save(counting.changed(totals, lost=totals.lost + found.lost)) if totals else b""
    await backup_state.save(work.tx, replace(state, manifest=found.raw, last=last))
    for ref in lost:
        await backup_rows.renew(work.tx, ref.low, ref.high)


def _without(journal: RestoreJournal, found: FoundBackup) -> RestoreJournal:
    # What stands in for a lost segment may be older than what is here already: every record is to be compared.
    asked = replace(journal.asked, accept_damaged=True)
    return replace(journal, manifest=found.raw, fresh=False, asked=asked)


def none_under_way() -> ClientError:
    """Nothing is being restored, or something else is."""
    return ClientError(Code.BAD_INPUT, "no restore waits here: there is nothing to leave out")
