"""ML-KEM-1024 (FIPS 203): the post-quantum half of a first secret.

Knows lengths, seeds and the checks of section 7. Must not know prekeys or sessions.

Encapsulation draws its own randomness, because the library takes none: it is made outside the pure steps,
and its result, an `Encapsulation`, is an input to them.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM1024PrivateKey, MLKEM1024PublicKey

from letterlock.errors import BadKeyError, MisuseError, OpenError
from letterlock.primitives.keys import Secret

KEM_PUBLIC_BYTES: Final = 1568
KEM_SEED_BYTES: Final = 64
KEM_CIPHERTEXT_BYTES: Final = 1568
KEM_SHARED_BYTES: Final = 32


class KemKey(Secret):
    """An ML-KEM-1024 key pair, kept as its seed d || z (FIPS 203 section 7.1)."""

    __slots__ = ("_handle", "public", "seed")

    seed: Final[bytes]
    """The secret 64 bytes, for sealed storage only."""
    public: Final[bytes]
    """The encapsulation key: 1568 bytes."""

    def __init__(self, seed: bytes) -> None:
        """Make the pair that belongs to 64 secret random bytes. Raises MisuseError."""
        if len(seed) != KEM_SEED_BYTES:
            raise MisuseError("an ML-KEM seed has 64 bytes")
        self.seed = seed
        self._handle = MLKEM1024PrivateKey.from_seed_bytes(seed)
        self.public = self._handle.public_key().public_bytes_raw()

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return the 32 shared bytes of a 1568-byte ciphertext. Raises OpenError for another length.

        A damaged ciphertext gives other bytes, not an error (implicit rejection): only what is sealed under
        the result tells them apart.
        """
        if len(ciphertext) != KEM_CIPHERTEXT_BYTES:
            raise OpenError("an ML-KEM-1024 ciphertext has 1568 bytes")
        return self._handle.decapsulate(ciphertext)


class Encapsulation(Secret):
    """A shared secret and the ciphertext that carries it to the holder of a KEM key."""

    __slots__ = ("ciphertext", "shared")

    ciphertext: Final[bytes]
    """1568 bytes, to be sent."""
    shared: Final[bytes]
    """32 secret bytes."""

    def __init__(self, ciphertext: bytes, shared: bytes) -> None:
        """Take a ciphertext and its secret, of the right lengths. Raises MisuseError."""
        if len(ciphertext) != KEM_CIPHERTEXT_BYTES or len(shared) != KEM_SHARED_BYTES:
            raise MisuseError("an encapsulation has 1568 bytes of ciphertext and 32 of secret")
        self.ciphertext = ciphertext
        self.shared = shared


def encapsulate(public: bytes) -> Encapsulation:
    """Make a fresh secret for the holder of `public`. Raises BadKeyError as `check_kem_public` does."""
    shared, ciphertext = _open_public(public).encapsulate()
    return Encapsulation(ciphertext, shared)


def check_kem_public(public: bytes) -> None:
    """Refuse an encapsulation key that is not 1568 bytes or holds a number not below 3329.

    The type and modulus checks of FIPS 203 section 7.2. Raises BadKeyError.
    """
    _open_public(public)


def _open_public(public: bytes) -> MLKEM1024PublicKey:
    if len(public) != KEM_PUBLIC_BYTES:
        raise BadKeyError("an ML-KEM-1024 public key has 1568 bytes")
    try:
        return MLKEM1024PublicKey.from_public_bytes(public)
    except ValueError as error:
        raise BadKeyError("this ML-KEM-1024 public key is not reduced") from error
