"""What a realm gives to whoever proved the password: its sealed share, the anchor, the newest of the ledger.

It goes sealed under the key that OPAQUE agreed on, so it is for that client alone. Spec: shared/spec/vault.md.
Must not know what the share opens.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from letterlock.encoding import Reader, pack
from letterlock.errors import MalformedError
from letterlock.primitives.derivation import Label, hkdf
from letterlock.primitives.sealing import NONCE_BYTES, open_sealed, seal
from letterlock.vault.ledger import MAX_ENTRY
from letterlock.vault.owned import MAX_OWNED
from letterlock.vault.record import SEALED_SHARE_BYTES, WRAPPED_BYTES

MAX_ENTRIES: Final = 64
MAX_RELEASE: Final = MAX_OWNED + MAX_ENTRIES * (MAX_ENTRY + 4) + 1024

_NONCE: Final = bytes(NONCE_BYTES)


class Release(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What is released. `anchor` is the owner's newest anchor request, or empty; `ledger` ends at the head."""

    sealed_share: bytes
    wrapped: bytes
    anchor: bytes
    ledger: tuple[bytes, ...]

    def pack(self) -> bytes:
        """Return its one encoding."""
        return pack(Label.VAULT_RELEASE, self.sealed_share, self.wrapped, self.anchor, *self.ledger)

    @classmethod
    def read(cls, raw: bytes) -> "Release":
        """Read a packed release; nothing in it is verified yet. Raises MalformedError."""
        reader = Reader(raw)
        reader.constant(Label.VAULT_RELEASE)
        share = reader.blob(exactly=SEALED_SHARE_BYTES)
        wrapped = reader.blob(exactly=WRAPPED_BYTES)
        anchor = reader.blob(most=MAX_OWNED)
        ledger: list[bytes] = []
        while reader.more():
            if len(ledger) == MAX_ENTRIES:
                raise MalformedError("a release has at most 64 ledger entries")
            ledger.append(reader.blob(most=MAX_ENTRY))
        return cls(sealed_share=share, wrapped=wrapped, anchor=anchor, ledger=tuple(ledger))


def newest(ledger: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return as much of a ledger's end as a release takes."""
    return tuple(ledger[-MAX_ENTRIES:])


def seal_release(session_key: bytes, realm: str, release: Release) -> bytes:
    """Seal under a login's session key. Each session key seals one release."""
    return seal(_key(session_key, realm), _NONCE, release.pack(), b"")


def open_release(session_key: bytes, realm: str, sealed: bytes) -> Release:
    """Open what `seal_release` made. Raises OpenError, MalformedError."""
    if len(sealed) > MAX_RELEASE:
        raise MalformedError("a release is too long")
    return Release.read(open_sealed(_key(session_key, realm), _NONCE, sealed, b""))


def _key(session_key: bytes, realm: str) -> bytes:
    return hkdf(session_key, salt=b"", label=Label.VAULT_RELEASE, length=32, context=pack(realm))
