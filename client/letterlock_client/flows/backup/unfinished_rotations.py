"""What a rotation of the recovery secret that was cut short left behind: found out, finished or taken back.

::

    writing ────> nobody depends on it: taken up again, or after a week deleted
    committing ─> the realms say whether the new secret holds: then it is in use, else it is writing again
    leaving ────> as many realms as are needed hold the new secret: what lies under the old one is deleted

Asks for no passphrase and spends no guess. Must not know how a backup is written again.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm
from letterlock_client.flows.backup import tidying
from letterlock_client.flows.backup.terms import objects, require
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_state, rotation_state
from letterlock_client.storage.backup_state import VaultState
from letterlock_client.storage.rotation_state import Phase, Rotation

LEFT: Final = (
    "The backup has another key since it was rotated, and what the old one opened is deleted now. If you keep the 64"
    " digits, keep the new ones: letterlock backup key shows them."
)
TAKEN_UP_MS: Final = 7 * 86_400_000
"""How long what was written waits to be taken up again; not at all where a clock that was ahead began it."""


async def settle(place: Workplace) -> None:
    """End what can be ended, before a backup is made; the caller holds the place's backup lock.

    Raises code vault_unfinished where it is not known which of two secrets a realm keeps: a backup under the wrong
    one would not be found.
    """
    found = await place.database.read(rotation_state.load)
    if found is None:
        return
    if found.phase is Phase.COMMITTING:
        if not await finish(place, found):
            await keep(place, replace(found, phase=Phase.WRITING))
            return
        found = replace(found, phase=Phase.LEAVING)
    if found.phase is Phase.LEAVING:
        # The provider or the realms are away: there is a next time.
        with suppress(ClientError):
            if await leave(place) is not None:
                place.announcer.say([Alarm("key_rotated", LEFT)])
    elif not 0 <= place.clock() - found.started < TAKEN_UP_MS:
        await take_back(place, found)


async def keep(place: Workplace, rotation: Rotation) -> None:
    """Remember how far a rotation is."""
    await place.transact(lambda work: rotation_state.save(work.tx, rotation))


async def finish(place: Workplace, rotation: Rotation) -> bool:
    """Find out whether any realm keeps the new secret, and if so use it. False where none does.

    Raises code vault_unfinished where a realm that may does not answer.
    """
    vault = await place.database.read(backup_state.load_vault)
    if vault is None:
        return False
    # A backup that has no vault does without all that speaks to realms.
    from letterlock_client.flows.vault import of_profile

    newest = await of_profile.newest(place, vault)
    if newest.key_check == rotation.state.key_check:
        # Its statement proves that enough realms had prepared it: no older one comes back.
        await switch(place, rotation, replace(vault, epoch=newest.epoch, unasked=False))
        return True
    if not newest.asked_all:
        raise ClientError(
            Code.VAULT_UNFINISHED,
            "a rotation of the backup's key was cut short, and a realm that may have the new key does not answer:"
            " try again when it does, or rotate once more",
        )
    return False


async def switch(
    place: Workplace,
    rotation: Rotation,
    vault: VaultState | None,
    pending: Sequence[tuple[str, bytes]] = (),
) -> None:
    """Use the new secret from now on, in one transaction; what the owner chose meanwhile stays."""

    async def work(work: Work) -> None:
        present = await backup_state.load(work.tx)
        if present is None:
            raise ClientError(Code.BACKUP_OFF, "backups were turned off meanwhile")
        await backup_state.save(work.tx, backup_state.as_chosen(rotation.state, present))
        if vault is not None:
            await backup_state.save_vault(work.tx, vault, pending)
        await backup_state.save_garbage(work.tx, {})
        await rotation_state.save(work.tx, replace(rotation, phase=Phase.LEAVING, state=present))

    await place.transact(work)


async def leave(place: Workplace) -> int | None:
    """Delete what lies under the old secret; return how many objects that was.

    None where too few realms keep the new secret yet: until they do, the old password opens what is there. Raises
    what provider and realms say.
    """
    old = await place.database.read(rotation_state.load)
    if old is None or old.phase is not Phase.LEAVING:
        return 0
    state = await require(place)
    vault = await place.database.read(backup_state.load_vault)
    if vault is not None:
        from letterlock_client.flows.vault import of_profile

        await of_profile.repair(place, vault)
        newest = await of_profile.newest(place, vault)
        if newest.key_check != state.key_check or newest.realms < newest.needed:
            return None
    return await take_back(place, old)


async def take_back(place: Workplace, rotation: Rotation) -> int:
    """Delete the backup that a rotation speaks of, and forget it; return how many objects that was."""
    deleted = await tidying.remove_all(objects(place, rotation.state.provider), rotation.state.backup_key)
    await place.transact(lambda work: rotation_state.clear(work.tx))
    return deleted
