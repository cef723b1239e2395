"""A realm's own keys, from one seed; and what it signs to show on a connection that it holds them.

Spec: shared/spec/vault.md. Must not know where the seed is kept, nor accounts.
"""

from typing import Final

from letterlock.encoding import pack
from letterlock.errors import MisuseError
from letterlock.primitives.derivation import Label, hkdf
from letterlock.primitives.keys import KEY_BYTES, AgreementKey, Secret, SigningKey, verify
from letterlock.primitives.ristretto import WIDE_BYTES, scalar_from_wide
from letterlock.vault.fleet import RealmKeys
from letterlock.vault.opaque_exchange import KeyPair

SEED_BYTES: Final = 32
NONCE_BYTES: Final = 32


class RealmSecret(Secret):
    """The private keys of one realm."""

    __slots__ = ("exchange", "public", "sealing", "signing")

    def __init__(self, seed: bytes) -> None:
        """Derive all keys from 32 secret random bytes."""
        if len(seed) != SEED_BYTES:
            raise MisuseError("a realm's seed has 32 bytes")
        wide = hkdf(seed, salt=b"", label=Label.VAULT_REALM_KEYS, length=2 * KEY_BYTES + WIDE_BYTES)
        self.signing: Final = SigningKey(wide[:KEY_BYTES])
        self.sealing: Final = AgreementKey(wide[KEY_BYTES : 2 * KEY_BYTES])
        self.exchange: Final = KeyPair(scalar_from_wide(wide[2 * KEY_BYTES :]))
        self.public: Final = RealmKeys(self.signing.public, self.sealing.public, self.exchange.public)

    def welcome(self, name: str, client_nonce: bytes, realm_nonce: bytes) -> bytes:
        """Sign that this realm is here, now: 64 bytes. Both nonces have 32."""
        return self.signing.sign(_welcome(name, self.public, client_nonce, realm_nonce))


def check_welcome(keys: RealmKeys, name: str, nonces: tuple[bytes, bytes], signature: bytes) -> None:
    """Check a realm's welcome against its pinned keys; nonces are the client's, then the realm's.

    Raises BadSignatureError.
    """
    verify(keys.signing, _welcome(name, keys, *nonces), signature)


def _welcome(name: str, keys: RealmKeys, client_nonce: bytes, realm_nonce: bytes) -> bytes:
    if len(client_nonce) != NONCE_BYTES or len(realm_nonce) != NONCE_BYTES:
        raise MisuseError("a welcome has two nonces of 32 bytes")
    return pack(Label.VAULT_WELCOME, name, keys.pack(), client_nonce, realm_nonce)
