"""Asks the realms whether what a restored backup says of them still holds, where nobody could ask them yet.

Costs no guess. Must not know passwords, nor what a backup says.
"""

from dataclasses import replace

from letterlock_client.flows.vault import of_profile
from letterlock_client.flows.vault.of_profile import Newest
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_state, rotation_state
from letterlock_client.storage.backup_state import VaultState
from letterlock_client.storage.rotation_state import Phase


async def vault_in_use(place: Workplace) -> VaultState | None:
    """Return the vault in use, or None where these backups have no password; whatever is known asks nobody.

    Realms that do not answer leave what the backup says as it is: it is asked again the next time.
    """
    vault = await place.database.read(backup_state.load_vault)
    if vault is None or not vault.unasked:
        return vault
    state = await place.database.read(backup_state.load)
    newest = await of_profile.newest(place, vault)
    enough = newest.realms >= newest.needed
    if state is not None and enough and newest.key_check == state.key_check:
        return await _note(place, vault, _as_found(vault, newest))
    if newest.asked_all or enough:
        # Destroyed, deleted, or another secret's.
        return await _note(place, vault, None)
    return vault


def _as_found(vault: VaultState, newest: Newest) -> VaultState:
    locator = vault.locator if newest.locator_known else b""
    return replace(vault, epoch=newest.epoch, locator=locator, unasked=False)


async def _note(place: Workplace, asked: VaultState, found: VaultState | None) -> VaultState | None:
    """Keep what the realms said, unless the owner set another password meanwhile; return what holds.

    While a rotation may have given them another secret, whoever ends that asks which one they keep.
    """

    async def work(work: Work) -> VaultState | None:
        present = await backup_state.load_vault(work.tx)
        rotation = await rotation_state.load(work.tx)
        if present != asked or (rotation is not None and rotation.phase is Phase.COMMITTING):
            return present
        if found is None:
            await backup_state.forget_vault(work.tx)
        else:
            await backup_state.save_vault(work.tx, found, ())
        return found

    return await place.transact(work)
