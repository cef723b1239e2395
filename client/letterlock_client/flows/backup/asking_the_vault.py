"""What backups ask of the vault: to keep the recovery secret under a password, and to give it back.

A profile whose backups have no password asks nobody. Must not know how realms are spoken to.
"""

import asyncio
import base64
import binascii
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from letterlock.backup.manifest import Manifest, prefix_of
from letterlock.devices.device_list import VerifiedAccount
from letterlock.ids import AccountId
from letterlock.vault.fleet import Fleet, shown_hash
from letterlock.vault.ledger import Head
from letterlock.vault.recovery_secret import RecoverySecret, key_id
from letterlock_client.backup_models import Attempt, PasswordChanged, VaultView
from letterlock_client.config import Unlock
from letterlock_client.errors import ClientError, Code, backups_off, behind_a_colon
from letterlock_client.fleet_file import load_fleet_bytes, parse_fleet
from letterlock_client.flows.backup import recovery_secrets
from letterlock_client.flows.backup.objects import Objects
from letterlock_client.flows.opening import Outside
from letterlock_client.flows.vault import (
    device_lists,
    learning,
    leaving,
    ledger_heads,
    of_profile,
    recovering,
)
from letterlock_client.flows.vault.access import open_vault
from letterlock_client.flows.vault.judging import judge
from letterlock_client.flows.vault.leaving import AskedAgain
from letterlock_client.flows.vault.of_profile import Registered, fleet_of
from letterlock_client.flows.vault.recovering import Recovered
from letterlock_client.flows.vault.surveying import registration_of, status
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.links.vault import VaultLinks
from letterlock_client.storage import backup_state, rotation_state
from letterlock_client.storage.backup_state import BackupState, Leaving, VaultState
from letterlock_client.storage.identity import OwnIdentity
from letterlock_client.storage.rotation_state import Phase

__all__ = ["Registered", "fleet_of"]

LOCATOR_BYTES: Final = 10


def no_vault() -> ClientError:
    """Return the error for what needs a password where there is none."""
    return ClientError(Code.NO_VAULT, "no vault is known here: name its fleet file, or use the 64 digits")


# Registering.


async def first_registration(
    place: Workplace, password: str, secret: RecoverySecret, fleet: Path | None
) -> Registered:
    """Put the recovery secret behind a password. Raises codes no_vault, bad_input, and what the vault answers."""
    check_password(password, place.own.identity.handle)
    return await of_profile.register_first(
        place, password, secret, _fleet_file(place, fleet), stretching=place.stretching
    )


def check_password(password: str, handle: str) -> None:
    """Refuse a password that a vault's few guesses do not protect. Raises code bad_input."""
    judged = judge(password, (handle,))
    if not judged.acceptable:
        raise ClientError(Code.BAD_INPUT, behind_a_colon(judged.sentence))


def _fleet_file(place: Workplace, fleet: Path | None) -> Path:
    chosen = fleet or place.places.fleet
    if chosen is None or (fleet is None and not chosen.exists()):
        raise no_vault()
    return chosen


async def change_password(
    place: Workplace, password: str, unlock: Unlock, fleet: Path | None = None
) -> PasswordChanged:
    """Put the same recovery secret behind another password, or behind a first one; show that nothing is rewritten.

    `fleet` is for a first one. Raises code bad_input where it is another vault than the one that keeps the secret.
    """
    check_password(password, place.own.identity.handle)
    async with place.vault_lock:
        return await _change_password(place, password, unlock, fleet)


async def _change_password(
    place: Workplace, password: str, unlock: Unlock, fleet: Path | None
) -> PasswordChanged:
    state = await place.database.read(backup_state.load)
    if state is None:
        raise backups_off()
    rotation = await place.database.read(rotation_state.load)
    if rotation is not None and (rotation.phase is Phase.COMMITTING or place.backup_lock.locked()):
        raise ClientError(Code.BACKUP_RUNNING, "the backup's key is being rotated: finish that first")
    secret = await recovery_secrets.in_use(place, unlock)
    before = await _names(place, state)
    vault = await learning.vault_in_use(place)
    if vault is None:
        made = await of_profile.register_first(
            place, password, secret, _fleet_file(place, fleet), stretching=place.stretching
        )

        async def save(work: Work) -> None:
            await backup_state.save_vault(work.tx, made.vault, made.pending)

        await place.transact(save)
    else:
        if fleet is not None:
            await asyncio.to_thread(read_fleet, fleet, shown_hash(fleet_of(vault).hash), "this vault's is")
        made = await of_profile.change_password(place, vault, password, secret, stretching=place.stretching)
    after = await _names(place, state)
    return PasswordChanged(
        key_id_before=secret.key_id(),
        key_id_after=key_id(made.key_check),
        # Somebody may write a backup meanwhile, and a provider may go away: what was there and is gone is rewritten.
        objects_rewritten=len(before - after) if before is not None and after is not None else 0,
        realms=made.realms,
        realms_total=made.realms_total,
    )


async def register_again(
    place: Workplace, vault: VaultState, password: str, secret: RecoverySecret
) -> Registered:
    """Put another recovery secret behind a password, in the place of the one before. Keeps nothing."""
    return await of_profile.register_again(place, vault, password, secret, stretching=place.stretching)


async def _names(place: Workplace, state: BackupState) -> set[str] | None:
    """What lies at the provider; None where it is not to be had."""
    store = Objects(place.open_provider(state.provider), place.sleep)
    with suppress(ClientError):
        return {each.name for each in await store.list(prefix_of(state.backup_key))}
    return None


@dataclass(frozen=True, slots=True)
class RecordDeleted:
    """What deleting the vault's record came to, realm by realm; who keeps theirs is remembered and asked again."""

    proved: int = 0
    total: int = 0
    waiting: tuple[str, ...] = ()
    """Realms that keep theirs until they answer."""


async def delete_registration(place: Workplace) -> RecordDeleted:
    """Delete the vault's record. Raises what the realms answer, where none proves that it did.

    From before any realm is asked these backups have no password: whatever ends this program, none is believed in that
    opens nothing, and realms that were not asked yet are asked again.
    """
    vault = await learning.vault_in_use(place)
    if vault is None:
        again = await delete_left(place)
        return RecordDeleted(again.deleted, again.asked, again.waiting) if again else RecordDeleted()
    pending = await place.database.read(backup_state.pending)
    realms = tuple(one.name for one in fleet_of(vault).realms)

    async def give_up(work: Work) -> None:
        await backup_state.forget_vault(work.tx)
        await backup_state.save_leaving(work.tx, (Leaving(one, vault.fleet, vault.epoch) for one in realms))

    async def keep(work: Work) -> None:
        # One may have deleted it, and its answer was lost: it is asked before it is relied on.
        await backup_state.save_vault(work.tx, replace(vault, unasked=True), pending)
        await backup_state.left(work.tx, [(one, vault.fleet) for one in realms])

    await place.transact(give_up)
    try:
        ended = await of_profile.delete(place, vault)
    except ClientError:
        await place.transact(keep)
        raise
    gone = [(one, vault.fleet) for one in ended.gone]
    await place.transact(lambda work: backup_state.left(work.tx, gone))
    return RecordDeleted(len(ended.proved), len(ended.proved) + len(ended.failures), ended.waiting)


async def delete_left(place: Workplace) -> AskedAgain | None:
    """Ask realms again that were away when backups were turned off; None where none was."""
    if not await place.database.read(backup_state.leaving):
        return None
    return await leaving.delete_left(place)


# What is shown.


async def history(place: Workplace) -> list[Attempt]:
    """What the realms have noted about this account, the oldest first; nothing without a vault."""
    vault = await learning.vault_in_use(place)
    return [] if vault is None else await of_profile.history(place, vault)


async def view(place: Workplace) -> VaultView:
    """How the realms stand. Raises code no_vault."""
    vault = await learning.vault_in_use(place)
    if vault is None:
        raise no_vault()
    return await of_profile.view(place, vault)


async def look_at(place: Workplace, fleet: Path) -> VaultView:
    """How the realms of a fleet file stand, which no backup here uses yet. Raises codes file_failed, bad_config."""
    raw = await asyncio.to_thread(load_fleet_bytes, fleet)
    return await of_profile.view(place, VaultState(raw, 0, b""))


def locator_text(locator: bytes) -> str:
    """Show a locator as the recovery sheet has it: 16 letters and digits in groups of four."""
    text = base64.b32encode(locator).decode().lower()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def read_locator(text: str) -> bytes:
    """Read a locator as the sheet shows it, 0 as o and 1 as l; an empty text is none. Raises code bad_input."""
    plain = "".join(text.split()).replace("-", "").upper()
    try:
        raw = base64.b32decode(plain, map01="L")
    except (binascii.Error, ValueError):
        raw = b"?"
    if len(raw) not in (0, LOCATOR_BYTES):
        raise ClientError(Code.BAD_INPUT, "a vault locator has 16 letters and digits")
    return raw


# Restoring.


@dataclass(frozen=True, slots=True)
class Door:
    """The way to a vault from a terminal that has no profile."""

    outside: Outside
    fleet: bytes
    """The fleet file's bytes."""
    account: AccountId
    locator: bytes = field(repr=False)
    insecure: bool

    @property
    def realms(self) -> Fleet:
        """The fleet."""
        return parse_fleet(self.fleet)

    async def view(self) -> VaultView:
        """How the realms stand; costs no guess."""
        async with self._opened() as links:
            return await status(links, self.account, self.locator or None)

    async def recover(self, password: str) -> Recovered:
        """Spend a guess. Raises what the vault answers."""
        async with self._opened() as links:
            return await recovering.recover(links, self.account, password, self.locator or None)

    async def announce(self, own: OwnIdentity) -> None:
        """Tell the realms a new device list before anybody else hears of it."""
        async with self._opened() as links:
            await device_lists.announce(links, own.root_public, own.list_certificate, own.device_list)

    async def known_lists(self) -> list[VerifiedAccount]:
        """The newest device lists that the realms know of, each of which proves itself."""
        async with self._opened() as links:
            return await device_lists.known_lists(links, self.account)

    async def registration_of(self, secret: RecoverySecret) -> VaultState:
        """The registration that keeps this secret, with the locator where a realm knows it; costs no guess."""
        async with self._opened() as links:
            epoch, known = await registration_of(links, self.account, secret, self.locator or None)
        return VaultState(self.fleet, epoch, self.locator if known else b"")

    def known_ledgers(self, manifest: Manifest) -> dict[str, Head]:
        """How far a backup knows the ledgers of these realms."""
        return ledger_heads.of_manifest(self.realms, manifest.ledger)

    def _opened(self) -> AbstractAsyncContextManager[VaultLinks]:
        return open_vault(
            self.realms,
            self.outside.random,
            self.outside.clock,
            insecure=self.insecure,
            dial=self.outside.dial_realm,
            sleep=self.outside.sleep,
        )


def read_fleet(path: Path, expected: str, named: str = "the recovery sheet names") -> bytes:
    """Read a fleet file, which must have the hash that is expected, where one is. Raises ClientError."""
    raw = load_fleet_bytes(path)
    found = shown_hash(parse_fleet(raw).hash)
    if expected and found != expected:
        raise ClientError(Code.BAD_INPUT, f"this fleet file is {found}, and {named} {expected}")
    return raw
