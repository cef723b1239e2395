"""Seal and open bytes: single-use keys, other people's public keys, long objects in chunks, passphrase keys.

Knows four constructions and their exact bytes (`shared/spec/overview.md` shows them). Must not know what is
sealed, for whom, or where keys come from.

==========================  =====================================  ==========================================
`seal`, `open_sealed`       AES-256-GCM                            a key used for one (key, nonce) only
`hpke_seal`, `hpke_open`    HPKE base mode (RFC 9180)              somebody's X25519 public key
`Stream`                    AES-256-GCM in STREAM                  one long object, read in any order
`seal_with_key_commitment`  XChaCha20-Poly1305 and a commitment    keys from passphrases, kept for years
==========================  =====================================  ==========================================
"""

from collections.abc import Iterable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

from letterlock.errors import BadKeyError, MisuseError, OpenError
from letterlock.primitives.derivation import Label, equal, hkdf
from letterlock.primitives.keys import KEY_BYTES, AgreementKey, Secret, check_agreement_public

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
HPKE_OVERHEAD_BYTES: Final = 32 + TAG_BYTES
LONG_NONCE_BYTES: Final = 24
COMMITMENT_BYTES: Final = 32
COMMITTED_OVERHEAD_BYTES: Final = LONG_NONCE_BYTES + COMMITMENT_BYTES + TAG_BYTES
STREAM_CHUNK_BYTES: Final = 64 * 1024
MAX_STREAM_CHUNK_BYTES: Final = 1024 * 1024
MAX_STREAM_CHUNKS: Final = 2**32

_HPKE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PREFIX_BYTES: Final = 7


def seal(key: bytes, nonce: bytes, plaintext: bytes, ad: bytes) -> bytes:
    """Seal by AES-256-GCM (NIST SP 800-38D): `plaintext` and `ad` protected, 16 bytes longer.

    `key` has 32 bytes, `nonce` 12; no pair of them may ever seal two plaintexts, so keys are single-use. The
    ciphertext does not commit to its key. Raises MisuseError.
    """
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise MisuseError("AES-256-GCM takes 32 bytes of key and 12 of nonce")
    return AESGCM(key).encrypt(nonce, plaintext, ad)


def open_sealed(key: bytes, nonce: bytes, sealed: bytes, ad: bytes) -> bytes:
    """Open what `seal` made. Raises OpenError where anything differs, MisuseError as `seal` does."""
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES:
        raise MisuseError("AES-256-GCM takes 32 bytes of key and 12 of nonce")
    try:
        return AESGCM(key).decrypt(nonce, sealed, ad)
    except InvalidTag:
        raise OpenError("this ciphertext does not open") from None


def hpke_seal(public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """Seal to the holder of an X25519 key, by HPKE in base mode (RFC 9180 section 6.1), 48 bytes longer.

    DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; the result is enc (32 bytes) || ciphertext. The
    library's public call takes no associated data, so whatever the ciphertext must be bound to goes into
    `info`, which enters the key schedule: another `info` gives another key. Draws its own randomness.
    Raises BadKeyError as `check_agreement_public` does.
    """
    check_agreement_public(public)
    return _HPKE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public), info)


def hpke_open(private: bytes | AgreementKey, sealed: bytes, info: bytes) -> bytes:
    """Open what `hpke_seal` made, with the same `info`. Raises OpenError where anything differs.

    A kept `AgreementKey` opens in 38 us, 32 private bytes in 60.
    """
    key = private if isinstance(private, AgreementKey) else AgreementKey(private)
    try:
        # The library would accept a sender's key with its high bit set.
        check_agreement_public(sealed[:KEY_BYTES])
        return _HPKE.decrypt(sealed, key.handle, info)
    except (BadKeyError, InvalidTag, ValueError):
        raise OpenError("this ciphertext does not open") from None


def seal_with_key_commitment(key: bytes, nonce: bytes, plaintext: bytes, ad: bytes) -> bytes:
    """Seal a secret for years under a key that may come from a passphrase: 72 bytes longer.

    HKDF-SHA256(key, salt = nonce, context = ad) gives 32 bytes of commitment and 32 of key; the result is
    nonce (24) || commitment (32) || XChaCha20-Poly1305(that key, nonce, plaintext, ad). The derived
    commitment is the generic fix of Albertini, Duong, Gueron, Kölbl, Luykx and Schmieg, "How to Abuse and Fix
    Authenticated Encryption Without Key Commitment" (USENIX Security 2022), with the nonce and the associated
    data in the derivation too: no ciphertext opens under two (key, nonce, ad). So one sealed secret never
    opens under many passphrases (Len, Grubbs and Ristenpart, "Partitioning Oracle Attacks", USENIX 2021).
    `nonce` is 24 random bytes. Raises MisuseError for other lengths.
    """
    if len(key) != KEY_BYTES or len(nonce) != LONG_NONCE_BYTES:
        raise MisuseError("committed sealing takes 32 bytes of key and 24 of nonce")
    commitment, inner = _commit(key, nonce, ad)
    return nonce + commitment + _seal_long(inner, nonce, plaintext, ad)


def open_with_key_commitment(key: bytes, sealed: bytes, ad: bytes) -> bytes:
    """Open what `seal_with_key_commitment` made.

    Raises OpenError where anything differs: one error, whether the passphrase or the bytes are wrong.
    """
    if len(key) != KEY_BYTES:
        raise MisuseError("committed sealing takes 32 bytes of key")
    nonce, given, ciphertext = (
        sealed[:LONG_NONCE_BYTES],
        sealed[LONG_NONCE_BYTES : LONG_NONCE_BYTES + COMMITMENT_BYTES],
        sealed[LONG_NONCE_BYTES + COMMITMENT_BYTES :],
    )
    if len(ciphertext) < TAG_BYTES:
        raise OpenError("this ciphertext is too short")
    commitment, inner = _commit(key, nonce, ad)
    if not equal(commitment, given):
        raise OpenError("this ciphertext does not open")
    return _open_long(inner, nonce, ciphertext, ad)


def _seal_long(key: bytes, nonce: bytes, plaintext: bytes, ad: bytes) -> bytes:
    return crypto_aead_xchacha20poly1305_ietf_encrypt(plaintext, ad, nonce, key)


def _open_long(key: bytes, nonce: bytes, ciphertext: bytes, ad: bytes) -> bytes:
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, ad, nonce, key)
    except CryptoError:
        raise OpenError("this ciphertext does not open") from None


def _commit(key: bytes, nonce: bytes, ad: bytes) -> tuple[bytes, bytes]:
    derived = hkdf(key, salt=nonce, label=Label.COMMITTED, length=COMMITMENT_BYTES + KEY_BYTES, context=ad)
    return derived[:COMMITMENT_BYTES], derived[COMMITMENT_BYTES:]


class Stream(Secret):
    """One long object, sealed in chunks that open in any order: STREAM over AES-256-GCM.

    The construction of Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its
    Nonce-Reuse Misuse-Resistance" (CRYPTO 2015): chunk i is sealed under nonce = prefix (7 bytes) || i
    (4 bytes, big-endian) || 1 if it is the last, else 0. HKDF-SHA256(key, empty salt, context = chunk size
    (8 bytes, big-endian) || context) gives 32 bytes of AES key, then the prefix.

    Every chunk but the last holds exactly `chunk_bytes` bytes; the last holds 1 to `chunk_bytes`, or none
    where the whole object is empty. So chunks that are missing, moved, repeated or added do not open, and one
    object has one form. **`key` belongs to one object**: sealing another under it repeats its nonces; the
    same chunk of the same object may be sealed again, and gives the same bytes.
    """

    __slots__ = ("_cipher", "_prefix", "chunk_bytes")

    chunk_bytes: Final[int]
    """The plaintext bytes of every chunk but the last."""

    def __init__(self, key: bytes, *, context: bytes = b"", chunk_bytes: int = STREAM_CHUNK_BYTES) -> None:
        """Take 32 secret bytes made for this object, what it is bound to, and a chunk size of 1 to 1 MiB."""
        if len(key) != KEY_BYTES:
            raise MisuseError("a stream key has 32 bytes")
        if not 1 <= chunk_bytes <= MAX_STREAM_CHUNK_BYTES:
            raise MisuseError("a stream chunk has 1 byte to 1 MiB")
        self.chunk_bytes = chunk_bytes
        derived = hkdf(
            key,
            salt=b"",
            label=Label.STREAM,
            length=KEY_BYTES + _PREFIX_BYTES,
            context=chunk_bytes.to_bytes(8) + context,
        )
        self._cipher = AESGCM(derived[:KEY_BYTES])
        self._prefix = derived[KEY_BYTES:]

    def seal_chunk(self, index: int, plaintext: bytes | memoryview, *, final: bool) -> bytes:
        """Seal chunk `index`, 16 bytes longer. Raises MisuseError where its size is not legal there."""
        if not self._legal(index, len(plaintext), final):
            raise MisuseError("a chunk of this size does not stand here")
        return self._cipher.encrypt(self._nonce(index, final), plaintext, None)

    def open_chunk(self, index: int, sealed: bytes | memoryview, *, final: bool) -> bytes:
        """Open chunk `index`, the last one or not. Raises OpenError where anything differs."""
        if not self._legal(index, len(sealed) - TAG_BYTES, final):
            raise OpenError("a chunk of this size does not stand here")
        try:
            return self._cipher.decrypt(self._nonce(index, final), sealed, None)
        except InvalidTag:
            raise OpenError("this chunk does not open") from None

    def seal_all(self, plaintext: bytes) -> bytes:
        """Seal an object that fits in memory."""
        last = self.chunks(len(plaintext)) - 1
        size = self.chunk_bytes
        return b"".join(
            self.seal_chunk(i, plaintext[i * size : (i + 1) * size], final=i == last) for i in range(last + 1)
        )

    def open_all(self, sealed: bytes) -> bytes:
        """Open an object that fits in memory. Raises OpenError where anything differs."""
        last = self.chunks(self.plain_size(len(sealed))) - 1
        size = self.chunk_bytes + TAG_BYTES
        return b"".join(
            self.open_chunk(i, sealed[i * size : (i + 1) * size], final=i == last) for i in range(last + 1)
        )

    def open_each(self, sealed: Iterable[bytes]) -> Iterator[bytes]:
        """Open sealed chunks one after another, each given out once it is verified.

        Only when the iterator ends without an error was the object whole. Raises OpenError where it is not.
        """
        waiting: bytes | None = None
        index = 0
        for chunk in sealed:
            if waiting is not None:
                yield self.open_chunk(index, waiting, final=False)
                index += 1
            waiting = chunk
        if waiting is None:
            raise OpenError("a stream has at least one chunk")
        yield self.open_chunk(index, waiting, final=True)

    def chunks(self, size: int) -> int:
        """Say how many chunks `size` plaintext bytes make: at least one."""
        if size < 0:
            raise MisuseError("a size is not negative")
        count = max(1, -(-size // self.chunk_bytes))
        if count > MAX_STREAM_CHUNKS:
            raise MisuseError("a stream has at most 2**32 chunks")
        return count

    def sealed_size(self, size: int) -> int:
        """Say how long `size` plaintext bytes are when sealed."""
        return size + TAG_BYTES * self.chunks(size)

    def plain_size(self, sealed_size: int) -> int:
        """Say how many plaintext bytes `sealed_size` holds. Raises OpenError where no object is so long."""
        count = -(-sealed_size // (self.chunk_bytes + TAG_BYTES))
        size = sealed_size - TAG_BYTES * count
        # Where the last chunk has no room for its tag, so many bytes of plaintext would make fewer chunks.
        if count > MAX_STREAM_CHUNKS or size < 0 or self.chunks(size) != count:
            raise OpenError("no sealed object has this length")
        return size

    def _legal(self, index: int, size: int, final: bool) -> bool:
        if not 0 <= index < MAX_STREAM_CHUNKS:
            return False
        if not final:
            return size == self.chunk_bytes
        return (0 if index == 0 else 1) <= size <= self.chunk_bytes

    def _nonce(self, index: int, final: bool) -> bytes:
        return self._prefix + index.to_bytes(4) + (b"\x01" if final else b"\x00")
