"""Finds the backup that a restore is asked for, and opens it: with the 64 digits, or with a password at the vault.

Changes nothing here. Must not know how a profile is restored.
"""

import asyncio
from dataclasses import dataclass, field, replace

from letterlock.backup.generations import Anchor
from letterlock.errors import MalformedError
from letterlock.ids import AccountId
from letterlock.vault import recovery_key
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock_client.backup_models import RestoreRequest, VaultView
from letterlock_client.config import Home, Places
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import reclaiming
from letterlock_client.flows.backup import (
    asking_the_vault,
    finding,
    recovery_sheet,
    salvaging,
    trying_passwords,
)
from letterlock_client.flows.backup.asking_the_vault import Door
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import Objects
from letterlock_client.flows.backup.recovery_sheet import Sheet
from letterlock_client.flows.onboarding import Application, check_application
from letterlock_client.flows.opening import Outside
from letterlock_client.flows.vault.recovering import Recovered
from letterlock_client.links.address import parse_relay
from letterlock_client.providers.opening import normal
from letterlock_client.storage.wrong_passwords import WrongPasswords


@dataclass(frozen=True, slots=True)
class Wanted:
    """A restore as it was asked for, checked."""

    places: Places
    request: RestoreRequest
    provider: str
    outside: Outside
    sheet: Sheet | None = field(default=None, repr=False)
    early: bool = False
    """Whether to end as soon as somebody can chat; what is left comes beside that."""

    @property
    def wrong(self) -> WrongPasswords:
        """What was tried as a password and was wrong."""
        outside = self.outside
        return WrongPasswords(self.places.wrong_passwords, outside.random, outside.stretching)

    @property
    def store(self) -> Objects:
        """Where the backup lies."""
        return Objects(self.outside.open_provider(self.provider), self.outside.sleep)


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup that was opened, and what opened it."""

    found: FoundBackup
    secret: RecoverySecret = field(repr=False)
    door: Door | None = None
    recovered: Recovered | None = field(default=None, repr=False)
    """What the vault gave back, where it was asked."""

    @property
    def by_key(self) -> bool:
        """Whether the 64 digits opened it, and not a password."""
        return self.recovered is None


async def prepare(home: Home, profile: str, request: RestoreRequest, outside: Outside) -> Wanted:
    """Check what was asked for, also a fleet file; a sheet fills in what was left out. Raises codes bad_input, …."""
    sheet = None
    if request.sheet is not None:
        sheet = await asyncio.to_thread(recovery_sheet.load, request.sheet)
        request = replace(
            request,
            handle=request.handle or sheet.handle,
            relay=request.relay or sheet.relay,
            provider=request.provider or sheet.provider,
            locator=request.locator or sheet.locator,
        )
    application = check_application(Application(request.handle, request.relay, request.insecure, ""))
    request = replace(request, relay=application.relay)
    wanted = Wanted(home.profile(profile), request, normal(request.provider), outside, sheet)
    if request.fleet is not None:
        await _fleet(wanted)
    return wanted


# What opens it.


async def view(wanted: Wanted) -> VaultView:
    """How the realms stand for this account; costs no guess. Raises codes no_vault, offline, unknown_contact."""
    return await (await _door(wanted)).view()


async def _door(wanted: Wanted) -> Door:
    """The way to the vault: the account as the sheet names it, else as the relay does."""
    request = wanted.request
    if not _has_fleet(wanted):
        raise asking_the_vault.no_vault()
    if wanted.sheet is not None:
        account = recovery_sheet.account_of(wanted.sheet)
    else:
        relay = parse_relay(request.relay, insecure=request.insecure)
        account = await reclaiming.account_at_relay(wanted.outside.dial, relay, request.handle)
    return _door_to(wanted, account, await _fleet(wanted))


async def _door_if_any(wanted: Wanted, account: AccountId) -> Door | None:
    """The way to the vault for whoever has the 64 digits and needs none: it is kept where there is one."""
    if not _has_fleet(wanted):
        return None
    try:
        fleet = await _fleet(wanted)
    except ClientError:
        # Only a file that was named must be right: the usual one may be damaged, or another fleet's.
        if wanted.request.fleet is not None:
            raise
        return None
    return _door_to(wanted, account, fleet)


def _has_fleet(wanted: Wanted) -> bool:
    named, usual = wanted.request.fleet, wanted.places.fleet
    return named is not None or (usual is not None and usual.exists())


async def _fleet(wanted: Wanted) -> bytes:
    path = wanted.request.fleet or wanted.places.fleet
    if path is None:
        raise asking_the_vault.no_vault()
    expected = wanted.sheet.fleet if wanted.sheet else ""
    return await asyncio.to_thread(asking_the_vault.read_fleet, path, expected)


def _door_to(wanted: Wanted, account: AccountId, fleet: bytes) -> Door:
    locator = asking_the_vault.read_locator(wanted.request.locator)
    return Door(wanted.outside, fleet, account, locator, wanted.request.insecure)


async def open_backup(wanted: Wanted, text: str, *, password: bool | None = None) -> Opened:
    """Find and open the backup with the 64 digits or a password; None is for whoever did not say which."""
    text = text or (wanted.sheet.digits if wanted.sheet else "")
    if password:
        return await _open_with_password(wanted, text)
    try:
        secret = RecoverySecret(recovery_key.decode(text))
    except MalformedError as error:
        # A mistyped key must spend no guess, and a long password must not be taken for a key.
        if password is False or not _has_fleet(wanted) or recovery_key.is_meant(text):
            raise ClientError(Code.WRONG_RECOVERY_KEY, str(error)) from error
        return await _open_with_password(wanted, text)
    found = await _find(wanted, secret, None)
    return Opened(found, secret, await _door_if_any(wanted, found.account))


async def _open_with_password(wanted: Wanted, password: str) -> Opened:
    door = await _door(wanted)
    recovered = await trying_passwords.recover(door, wanted.wrong, password)
    found = await _find(wanted, recovered.secret, _anchor(recovered))
    return Opened(found, recovered.secret, door, recovered)


async def _find(wanted: Wanted, secret: RecoverySecret, anchor: Anchor | None) -> FoundBackup:
    request = wanted.request
    older_too = request.accept_stale or request.accept_damaged or request.generation > 0
    found = await finding.find(
        wanted.store, secret.backup_key(), anchor, accept_stale=older_too, upto=request.generation
    )
    return await salvaging.salvaged(wanted.store, found) if request.accept_damaged else found


async def find_what_is_whole(wanted: Wanted, opened: Opened) -> tuple[Wanted, Opened]:
    """Look again at a backup that was opened, for what is whole of it; asks no realm. Raises codes backup_…, …."""
    wanted = replace(wanted, request=replace(wanted.request, accept_damaged=True))
    found = await _find(wanted, opened.secret, _anchor(opened.recovered))
    return wanted, replace(opened, found=found)


def _anchor(recovered: Recovered | None) -> Anchor | None:
    return Anchor(*recovered.anchor) if recovered is not None and recovered.anchor else None
