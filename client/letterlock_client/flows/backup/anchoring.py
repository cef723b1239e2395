"""Which generation of a backup is the newest: told to the realms after each backup, and remembered here.

In turn each backup says how far the realms' ledgers are known, for the terminal that restores it. A profile
whose backups have no password tells nobody. Must not know how realms are spoken to.
"""

from letterlock.backup.generations import Anchor
from letterlock.backup.manifest import LedgerHead, manifest_hash
from letterlock_client.backup_models import Anchored, Freshness
from letterlock_client.flows.backup import counting
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import BackupState


async def anchor(place: Workplace, state: BackupState) -> Anchored:
    """Tell the realms which generation is the newest; without a vault nobody is told."""
    if await place.database.read(backup_state.load_vault) is None:
        return Anchored(0, Freshness.UNCHECKED)
    # A backup that has no vault does without all that speaks to realms.
    from letterlock_client.flows.vault import learning, of_profile

    vault = await learning.vault_in_use(place)
    if vault is None:
        return Anchored(0, Freshness.UNCHECKED)
    return await of_profile.anchor(place, vault, state.generation, manifest_hash(state.manifest))


async def known_ledgers(place: Workplace) -> tuple[LedgerHead, ...]:
    """How far the ledgers of the realms in use are known, for the terminal that restores this; none without a vault."""
    vault = await place.database.read(backup_state.load_vault)
    if vault is None:
        return ()
    from letterlock_client.flows.vault import ledger_heads, of_profile

    return ledger_heads.for_manifest(of_profile.fleet_of(vault), await of_profile.known_heads(place, vault))


async def known_anchor(place: Workplace) -> Anchor | None:
    """Which generation enough realms confirmed, as far as is known here; None without a vault."""
    state = await place.database.read(backup_state.load)
    totals = counting.load(state.last) if state else None
    if totals is None or not totals.anchor:
        return None
    return Anchor(totals.anchor_generation, totals.anchor)
