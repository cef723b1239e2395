"""What backups ask of the vault: to keep the recovery secret under a password, and to know the newest generation.

A profile whose backups have no password asks nobody. Must not know how realms are spoken to.
"""

from dataclasses import dataclass
from pathlib import Path

from letterlock.backup.generations import Anchor
from letterlock.vault.fleet import Fleet
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock_client.backup_models import Attempt, Freshness, PasswordChanged, VaultView
from letterlock_client.config import Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage.backup_state import BackupState, VaultState


@dataclass(frozen=True, slots=True)
class Anchored:
    """How many realms know of a generation, and what that is worth."""

    confirmed: int
    freshness: Freshness


async def anchor(place: Workplace, state: BackupState) -> Anchored:
    """Tell the realms which generation is the newest; without a vault nobody is told."""
    del place, state
    return Anchored(0, Freshness.UNCHECKED)


async def known_anchor(place: Workplace) -> Anchor | None:
    """Which generation enough realms confirmed, as far as is known here; None without a vault."""
    del place
    return None


async def history(place: Workplace) -> list[Attempt]:
    """What the realms have noted about this account, the oldest first; nothing without a vault."""
    del place
    return []


async def view(place: Workplace) -> VaultView:
    """How the realms stand. Raises code no_vault."""
    del place
    raise no_vault()


def no_vault() -> ClientError:
    """Return the error for what needs a password where there is none."""
    return ClientError(Code.NO_VAULT, "these backups have no password: only the 64 digits open them")


@dataclass(frozen=True, slots=True)
class Registered:
    """What a first registration came to."""

    vault: VaultState
    pending: tuple[tuple[str, bytes], ...]
    realms: int
    realms_total: int


async def first_registration(
    place: Workplace, password: str, secret: RecoverySecret, fleet: Path | None
) -> Registered:
    """Put the recovery secret behind a password. Raises code no_vault."""
    del place, password, secret, fleet
    raise no_vault()


async def delete_registration(place: Workplace) -> tuple[int, int]:
    """Delete the vault's record; return how many realms of how many did."""
    del place
    return 0, 0


async def change_password(place: Workplace, password: str, unlock: Unlock) -> PasswordChanged:
    """Put the same recovery secret behind another password. Raises code no_vault."""
    del place, password, unlock
    raise no_vault()


def fleet_of(vault: VaultState) -> Fleet:
    """Read the fleet that was confirmed."""
    raise no_vault()


def locator_text(locator: bytes) -> str:
    """Show a locator as the recovery sheet has it."""
    return locator.hex()
