"""Notes which chats of the backup restores leave out here, and strikes off those that later ones bring.

Only of the backup that goes on from here: of another one that was restored beside it nothing is carried on. Must not
know how anything is restored.
"""

from collections.abc import Collection
from contextlib import suppress

from letterlock.backup.manifest import Manifest, open_manifest
from letterlock.errors import BackupError
from letterlock_client.storage import backup_state, left_out
from letterlock_client.storage.backup_state import RestoreJournal
from letterlock_client.storage.database import Transaction
from letterlock_client.storage.left_out import LeftOut


def chats_of(journal: RestoreJournal) -> tuple[bytes, ...]:
    """The chats that a restore was asked for; empty is all."""
    return left_out.chats_in(journal.chats)


async def begin_with(tx: Transaction, journal: RestoreJournal, manifest: Manifest) -> None:
    """A restore that brought the account here closes, or gives way: so far all chats of its backup are left out."""
    if await _goes_on(tx, journal) and await left_out.load(tx) is None:
        await left_out.note(tx, _all_of(manifest, journal.started))


async def give_way(tx: Transaction, journal: RestoreJournal, done: Collection[str]) -> None:
    """One that brought the account here is not complete when another takes its place; `done` are its segments."""
    with suppress(BackupError):
        manifest = open_manifest(journal.backup_key, journal.manifest_name, journal.manifest)
        await begin_with(tx, journal, manifest)
        if all(ref.id.hex() in done for ref in manifest.segments):
            await strike_off(tx, journal)


async def strike_off(tx: Transaction, journal: RestoreJournal) -> None:
    """What it was asked for has come."""
    came = chats_of(journal)
    before = await left_out.load(tx)
    if before is None or not await _goes_on(tx, journal) or journal.generation < before.generation:
        return
    await left_out.note(tx, before.without(came) if came else None)


async def _goes_on(tx: Transaction, journal: RestoreJournal) -> bool:
    state = await backup_state.load(tx)
    return state is not None and state.backup_key == journal.backup_key


def _all_of(manifest: Manifest, at: int) -> LeftOut:
    """All chats of a backup; those that no list counts are among them."""
    listed, totals = manifest.chats, manifest.totals
    return LeftOut(
        manifest.generation,
        {each.id: each.messages for each in listed},
        max(0, totals.conversations - len(listed)),
        max(0, totals.messages - sum(each.messages for each in listed)),
        at=at,
    )
