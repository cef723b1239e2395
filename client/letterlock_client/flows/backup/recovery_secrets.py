"""The recovery secret on this device: found again under the local passphrase, and the root key that it seals.

It rests sealed in the key file; whoever wants to see it gives the passphrase again. Must not know when there is a
new one, nor how it is shown.
"""

from letterlock.encoding import pack
from letterlock.errors import OpenError
from letterlock.ids import AccountId
from letterlock.primitives.derivation import Label
from letterlock.primitives.sealing import (
    LONG_NONCE_BYTES,
    open_with_key_commitment,
    seal_with_key_commitment,
)
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock_client.config import Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup.terms import require
from letterlock_client.flows.workplace import Random, Workplace
from letterlock_client.storage import keyring


async def in_use(place: Workplace, unlock: Unlock) -> RecoverySecret:
    """Open the recovery secret of the backup. Raises codes backup_off, wrong_passphrase, storage_damaged."""
    state = await require(place)
    found = await kept(place, unlock, state.key_check)
    if found is None:
        raise ClientError(Code.STORAGE_DAMAGED, "the key file does not hold the key of the backup")
    return found


async def kept(place: Workplace, unlock: Unlock, key_check: bytes) -> RecoverySecret | None:
    """Open the recovery secret of this key check; None where it is not here. Raises code wrong_passphrase, …."""
    for raw in await keyring.open_recovery_secrets(place.places, unlock):
        if (secret := RecoverySecret(raw)).matches(key_check):
            return secret
    return None


async def keep(place: Workplace, unlock: Unlock, *secrets: RecoverySecret) -> None:
    """Keep these and no others: none where backups are off, two while one takes the other's place."""
    raw = [each.secret for each in secrets]
    await keyring.keep_recovery_secrets(place.places, unlock, raw, random=place.random)


# The account's root key, which lies in the backup.


def seal_root(secret: RecoverySecret, account: AccountId, root_seed: bytes, random: Random) -> bytes:
    """Seal the account's root seed for its backup."""
    return seal_with_key_commitment(
        secret.root_key(), random(LONG_NONCE_BYTES), root_seed, pack(Label.BACKUP_ROOT.value, account)
    )


def open_root(secret: RecoverySecret, account: AccountId, sealed: bytes) -> bytes:
    """Open the account's root seed from its backup. Raises code backup_mismatch."""
    try:
        return open_with_key_commitment(secret.root_key(), sealed, pack(Label.BACKUP_ROOT.value, account))
    except OpenError:
        raise ClientError(
            Code.BACKUP_MISMATCH,
            "the account's root key in this backup does not open: the backup is not whole",
        ) from None
