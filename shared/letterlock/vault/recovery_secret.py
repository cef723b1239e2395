"""R, the recovery secret: 32 random bytes from which everything that a backup needs is derived.

::

    R ──hkdf──▶ K (seals backups) · root key (seals the account's root key) · key check (shows which R it is)

Spec: shared/spec/vault.md. Must not know how it is kept: as 64 digits, or shared among realms.
"""

from typing import Final

from letterlock.errors import MisuseError
from letterlock.primitives.derivation import Label, equal, hkdf
from letterlock.primitives.keys import Secret

SECRET_BYTES: Final = 32
KEY_ID_BYTES: Final = 8


class RecoverySecret(Secret):
    """R, and what follows from it. Two of them are equal only when they are one object: compare key checks."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """Take 32 secret random bytes. Raises MisuseError."""
        if len(secret) != SECRET_BYTES:
            raise MisuseError("a recovery secret has 32 bytes")
        self._secret = secret

    @property
    def secret(self) -> bytes:
        """The 32 bytes themselves, for sealed storage, the 64 digits and the vault only."""
        return self._secret

    def backup_key(self) -> bytes:
        """Return K, which seals manifests and segments."""
        return self._derive(Label.BACKUP_KEY)

    def root_key(self) -> bytes:
        """Return the key that seals the account's root key in the backup."""
        return self._derive(Label.BACKUP_ROOT)

    def key_check(self) -> bytes:
        """Return the 32 bytes that show which R this is, and nothing else of it."""
        return self._derive(Label.RECOVERY_KEY_CHECK)

    def key_id(self) -> str:
        """Show the beginning of the key check: 16 hex digits in groups of four."""
        return key_id(self.key_check())

    def matches(self, key_check: bytes) -> bool:
        """Say whether this is the R that a statement speaks of."""
        return equal(self.key_check(), key_check)

    def _derive(self, label: Label) -> bytes:
        return hkdf(self._secret, salt=b"", label=label, length=32)


def key_id(key_check: bytes) -> str:
    """Show the beginning of a key check, as `RecoverySecret.key_id` does."""
    digits = key_check[:KEY_ID_BYTES].hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
