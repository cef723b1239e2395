"""Which vault guards a restored backup: what the backup says of it, and what its realms say to that.

A backup may be older than the last password. So what it says leads to the realms, and they are believed; where they
cannot be asked it is kept as what nobody has asked about yet. Must not know how anything is restored.
"""

from contextlib import suppress
from dataclasses import replace

from letterlock.backup.choices import Choices, Guard
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock_client.errors import ClientError, Code
from letterlock_client.fleet_file import parse_fleet
from letterlock_client.flows.backup.asking_the_vault import Door
from letterlock_client.storage.backup_state import VaultState

_NONE_THERE = (Code.VAULT_NEVER_REGISTERED, Code.VAULT_DESTROYED)
"""The realms answered: what they keep, if anything, is not this secret."""


def door_to(usual: Door | None, elsewhere: Door, said: Choices | None, *, named: bool) -> Door | None:
    """Return the way to the vault: the one that was named or gone before the one that the backup says.

    `elsewhere` is a door without a fleet and, where none was typed, without a locator.
    """
    guard = said.vault if said else None
    if guard is None or not _is_fleet(guard.fleet):
        return usual
    if named and usual is not None:
        known = usual.locator or (guard.locator if _same_fleet(usual, guard) else b"")
        return replace(usual, locator=known)
    return replace(elsewhere, fleet=guard.fleet, locator=elsewhere.locator or guard.locator)


async def vault_of(door: Door, secret: RecoverySecret, said: Choices | None) -> VaultState | None:
    """Return the vault that keeps this secret; None where there is none. Costs no guess, and never fails."""
    try:
        return await door.registration_of(secret)
    except ClientError as error:
        guard = said.vault if said else None
        if error.code in _NONE_THERE or guard is None or not _same_fleet(door, guard):
            return None
        return VaultState(door.fleet, guard.epoch, door.locator, unasked=True)


def _same_fleet(door: Door, guard: Guard) -> bool:
    return _is_fleet(guard.fleet) and door.realms.hash == parse_fleet(guard.fleet).hash


def _is_fleet(raw: bytes) -> bool:
    with suppress(ClientError):
        parse_fleet(raw)
        return True
    return False
