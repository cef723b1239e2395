"""Turning backups on, and what the owner chooses from then on.

The first recovery secret is made here. Must not know how a backup is written or read. The vault's cryptography is
imported only where a vault is asked or shown: who keeps 64 digits alone waits for none of it.
"""

from dataclasses import dataclass, replace

from letterlock.ids import account_text
from letterlock.vault import recovery_key as digits_of
from letterlock.vault.recovery_secret import RecoverySecret, key_id
from letterlock_client.backup_models import (
    BackupChoice,
    BackupStatus,
    Frequency,
    TurnedOn,
)
from letterlock_client.config import Unlock
from letterlock_client.errors import ClientError, Code, backups_off, backups_on
from letterlock_client.flows import features
from letterlock_client.flows.backup import counting, recovery_secrets, recovery_sheet
from letterlock_client.flows.backup.recovery_sheet import Sheet
from letterlock_client.flows.backup.terms import next_at, require
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.providers.opening import normal
from letterlock_client.storage import backup_state, keyring, rotation_state
from letterlock_client.storage.backup_state import BackupState, VaultState
from letterlock_client.storage.database import Reader
from letterlock_client.storage.rotation_state import Rotation


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the owner changes; None stays as it is."""

    frequency: Frequency | None = None
    include_media: bool | None = None
    include_videos: bool | None = None


# On and off.


async def turn_on(place: Workplace, choice: BackupChoice, unlock: Unlock) -> TurnedOn:
    """Make the recovery secret, keep it as chosen, and remember where backups go."""
    if await place.database.read(backup_state.load) is not None:
        raise backups_on()
    await features.require(place, features.BACKUP)
    if choice.password is None and not choice.recovery_key:
        raise ClientError(Code.BAD_INPUT, "choose a password, the 64 digits, or both")
    provider = normal(choice.provider)
    await place.open_provider(provider, create=True).info()
    root_seed = await keyring.open_root_seed(place.places, unlock)
    secret = RecoverySecret(place.random(32))
    registered = None
    if choice.password is not None:
        from letterlock_client.flows.backup import asking_the_vault

        registered = await asking_the_vault.first_registration(place, choice.password, secret, choice.fleet)
    await recovery_secrets.keep(place, unlock, secret)
    state = BackupState(
        key_check=secret.key_check(),
        backup_key=secret.backup_key(),
        sealed_root=recovery_secrets.seal_root(secret, place.own.id, root_seed, place.random),
        provider=provider,
        frequency=Frequency.DAILY,
        include_media=True,
        include_videos=True,
        has_recovery_key=choice.recovery_key,
        turned_on=place.clock(),
        writer=place.random(16),
        generation=await place.database.read(backup_state.generation_told),
    )

    async def save(work: Work) -> None:
        await backup_state.save(work.tx, state)
        if registered is not None:
            await backup_state.save_vault(work.tx, registered.vault, registered.pending)

    await place.transact(save)
    place.backup_due.set()
    vault = registered.vault if registered else None
    return TurnedOn(
        key_id=secret.key_id(),
        recovery_key=secret.secret.hex() if choice.recovery_key else "",
        sheet=sheet_of(place, state, vault, secret if choice.recovery_key else None),
        realms=registered.realms if registered else 0,
        realms_total=registered.realms_total if registered else 0,
    )


async def choose(place: Workplace, chosen: Chosen) -> BackupStatus:
    """Change how often and what."""

    async def work(work: Work) -> None:
        state = await backup_state.load(work.tx)
        if state is None:
            raise backups_off()
        changed = replace(
            state,
            frequency=chosen.frequency if chosen.frequency is not None else state.frequency,
            include_media=state.include_media if chosen.include_media is None else chosen.include_media,
            include_videos=state.include_videos if chosen.include_videos is None else chosen.include_videos,
        )
        await backup_state.save(work.tx, changed)

    await place.transact(work)
    place.backup_due.set()
    return await status(place)


# What is shown.


async def status(place: Workplace) -> BackupStatus:
    """How backups stand, from what is known here; asks nobody."""

    async def read(
        reader: Reader,
    ) -> tuple[BackupState | None, VaultState | None, Rotation | None, int, bytes | None, BackupStatus]:
        return (
            await backup_state.load(reader),
            await backup_state.load_vault(reader),
            await rotation_state.load(reader),
            len({realm for realm, _ in await backup_state.pending(reader)}),
            await backup_state.brought_back(reader),
            BackupStatus(
                on=False,
                feature=await features.view(reader, place.own.id, features.BACKUP),
                restoring=await backup_state.restoring(reader),
                deletions_pending=tuple(each.realm for each in await backup_state.leaving(reader)),
            ),
        )

    state, vault, rotation, pending, brought, off = await place.database.read(read)
    if state is None:
        return off
    totals = counting.load(state.last)
    shown = _shown(vault)
    return replace(
        off,
        on=True,
        key_id=key_id(state.key_check),
        has_password=vault is not None,
        vault_unasked=vault is not None and vault.unasked,
        has_recovery_key=state.has_recovery_key,
        digits_unsure=not state.has_recovery_key and state.key_check == brought,
        provider=state.provider,
        frequency=state.frequency,
        include_media=state.include_media,
        include_videos=state.include_videos,
        last=totals.shown() if totals else None,
        generations=totals.generations if totals else 0,
        unreadable=totals.unreadable if totals else (),
        next_at=next_at(state, place.clock()),
        running=place.backup_lock.locked(),
        repairs_pending=pending,
        rotation=rotation.phase.value if rotation else "",
        fleet_hash=shown.fleet_hash,
        realms=shown.realms,
        threshold=shown.threshold,
    )


async def recovery_key(place: Workplace, unlock: Unlock) -> str:
    """The 64 hex digits; whoever saw them has them."""
    secret = await recovery_secrets.in_use(place, unlock)
    await _note_shown(place)
    return secret.secret.hex()


async def sheet(place: Workplace, unlock: Unlock, *, with_key: bool) -> str:
    """The recovery sheet as text."""
    secret = await recovery_secrets.in_use(place, unlock)
    state = await require(place)
    vault = await place.database.read(backup_state.load_vault)
    if with_key:
        await _note_shown(place)
    return sheet_of(place, state, vault, secret if with_key else None)


async def _note_shown(place: Workplace) -> None:
    """Remember that the digits open it, too; the next backup says so to whoever restores it."""

    async def note(work: Work) -> None:
        state = await backup_state.load(work.tx)
        if state is not None and not state.has_recovery_key:
            await backup_state.save(work.tx, replace(state, has_recovery_key=True))

    await place.transact(note)


def sheet_of(
    place: Workplace, state: BackupState, vault: VaultState | None, secret: RecoverySecret | None
) -> str:
    """Write the recovery sheet, with the 64 digits of a secret where one is given."""
    own = place.own.identity
    shown = _shown(vault)
    written = Sheet(
        handle=own.handle,
        account=account_text(own.account),
        relay=own.relay,
        provider=state.provider,
        key_id=key_id(state.key_check),
        locator=shown.locator,
        fleet=shown.fleet_hash,
        digits=digits_of.encode(secret.secret) if secret else "",
    )
    return recovery_sheet.write(written, tuple(digits_of.grid(secret.secret)) if secret else ())


@dataclass(frozen=True, slots=True)
class _Shown:
    """What status and sheet show of a vault."""

    fleet_hash: str = ""
    locator: str = ""
    realms: int = 0
    threshold: int = 0


def _shown(vault: VaultState | None) -> _Shown:
    if vault is None:
        return _Shown()
    from letterlock.vault.fleet import shown_hash
    from letterlock_client.flows.backup import asking_the_vault

    fleet = asking_the_vault.fleet_of(vault)
    return _Shown(
        shown_hash(fleet.hash),
        asking_the_vault.locator_text(vault.locator),
        len(fleet.realms),
        fleet.threshold,
    )
