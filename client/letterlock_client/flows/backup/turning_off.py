"""Turns backups off: the vault's record goes first, then the backup, then the secret.

So what is left at any moment opens less. A provider that is gone for ever keeps nobody from it who says so: what can be
reached is deleted, and where the rest would be is said. Must not know how a backup is written or read.
"""

from collections.abc import Awaitable
from contextlib import suppress

from letterlock.backup.manifest import prefix_of
from letterlock_client.backup_models import TurnedOff
from letterlock_client.config import Unlock
from letterlock_client.errors import PROVIDER_AWAY, ClientError
from letterlock_client.flows.backup import (
    left_beside,
    recovery_secrets,
    successors,
    tidying,
    unfinished_rotations,
)
from letterlock_client.flows.backup.terms import known_generation, objects, require, require_restored
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_state, beside_state, rotation_state
from letterlock_client.storage.backup_state import BackupState


async def turn_off(place: Workplace, unlock: Unlock, *, leave: bool = False) -> TurnedOff:
    """Delete the vault's record, then the backup, then the secret.

    Raises what the provider says; then backups are still on, and turning off can be asked again: with `leave` what it
    does not delete is forgotten. Raises code restore_unfinished while messages are only in the backup. Where backups
    are off, and a realm was away when they were turned off, it is asked again.
    """
    if (
        await place.database.read(backup_state.load) is None
        and (again := await _ask_again(place)) is not None
    ):
        return again
    await recovery_secrets.in_use(place, unlock)
    async with place.vault_lock:
        # Whoever changes the password would register again what is deleted here.
        return await _turn_off(place, unlock, leave=leave)


async def _ask_again(place: Workplace) -> TurnedOff | None:
    from letterlock_client.flows.backup import asking_the_vault

    again = await asking_the_vault.delete_left(place)
    return TurnedOff(0, again.deleted, again.asked, again.waiting) if again else None


async def _turn_off(place: Workplace, unlock: Unlock, *, leave: bool) -> TurnedOff:
    from letterlock_client.flows.backup import asking_the_vault

    # What a rotation left behind may be what is restored.
    await require_restored(place)
    await _unless_away(unfinished_rotations.settle(place), leave=leave)
    state = await require(place)
    # Whoever took this account over keeps its backup there, under the same key.
    store = objects(place, state.provider)
    ours = True
    if leave:
        ours = await successors.known_none(place, store, state)
    else:
        await successors.require_none(place, store, state)
    record = await asking_the_vault.delete_registration(place)
    removed, left = await (_what_can_be(place, state, ours=ours) if leave else _everything(place, state))

    async def clear(work: Work) -> None:
        await backup_state.clear(work.tx, known_generation(state))

    await place.transact(clear)
    await recovery_secrets.keep(place, unlock)
    return TurnedOff(
        objects_deleted=removed,
        realms_deleted=record.proved,
        realms_total=record.total,
        deletions_pending=record.waiting,
        left=left,
    )


async def _unless_away(work: Awaitable[None], *, leave: bool) -> None:
    try:
        await work
    except ClientError as error:
        if not leave or error.code not in PROVIDER_AWAY:
            raise


async def _everything(place: Workplace, state: BackupState) -> tuple[int, tuple[str, ...]]:
    """Delete all of it; how many objects that was. Raises codes provider_…."""
    removed = await tidying.remove_all(objects(place, state.provider), state.backup_key)
    if (rotation := await place.database.read(rotation_state.load)) is not None:
        removed += await unfinished_rotations.take_back(place, rotation)
    return removed + await left_beside.let_go(place, at_once=True), ()


async def _what_can_be(place: Workplace, state: BackupState, *, ours: bool) -> tuple[int, tuple[str, ...]]:
    """Delete what the provider lets go; how many objects that was, and where anything else would be.

    Nothing is deleted where nobody knows whether it is still `ours`: a provider may come back the moment after.
    """
    places = [(state.provider, prefix_of(state.backup_key))]
    if (rotation := await place.database.read(rotation_state.load)) is not None:
        places.append((rotation.state.provider, prefix_of(rotation.state.backup_key)))
    removed, left = 0, places
    if ours:
        left = []
        for provider, prefix in places:
            gone, all_gone = await tidying.remove_reachable(objects(place, provider), prefix)
            removed += gone
            if not all_gone:
                left.append((provider, prefix))
        with suppress(ClientError):
            removed += await left_beside.let_go(place, at_once=True)
    # What an older key opens goes only where it is provably unused, and is noted until it is gone.
    if (beside := await place.database.read(beside_state.load)) is not None:
        left.append((beside.provider, beside.prefix))
    return removed, tuple(f"{provider}/{prefix}" for provider, prefix in left)
