"""Key pairs that sign (Ed25519) and agree (X25519), strictly checked, and that never print their secrets.

Knows how long keys are, which public keys must be refused, and which library does the arithmetic.
Must not know whose a key is, what it signs, or where it is kept.

Both libraries leave gaps that are closed here, for every caller:

* neither checks an X25519 public key (RFC 7748 section 5 tells them to mask the high bit and to accept
  values above the prime), so two encodings of one key, or a key of low order, would pass;
* PyNaCl's bindings do not check lengths: a short key would be read past its end.
"""

from typing import Any, Final, NoReturn

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from nacl.bindings import (
    crypto_core_ed25519_is_valid_point,
    crypto_scalarmult,
    crypto_scalarmult_base,
    crypto_sign,
    crypto_sign_open,
    crypto_sign_seed_keypair,
)
from nacl.exceptions import BadSignatureError as NaclBadSignatureError

from letterlock.errors import BadKeyError, BadSignatureError, MisuseError

KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_PRIME: Final = 2**255 - 19

# The canonical u-coordinates whose order divides 8, on the curve or on its twist: 0, 1, -1 and the two of
# order 8. Their other encodings, above the prime or with the high bit set, fail the range check.
_LOW_ORDER: Final = frozenset(
    map(
        bytes.fromhex,
        (
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        ),
    )
)


class Secret:
    """What every secret-holding class shares: it prints nothing, and is neither pickled nor copied."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # Rich asks this first, and msgspec's structs answer with their fields; tracebacks are drawn by Rich.
        return []

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise MisuseError("a secret key is never pickled or copied; pass the object itself")


class SigningKey(Secret):
    """An Ed25519 key pair (RFC 8032 section 5.1).

    Two of them are equal only when they are one object: compare `public` instead.
    """

    __slots__ = ("_pair", "public")

    public: Final[bytes]
    """The public key: 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        """Make the pair that belongs to 32 secret random bytes. Raises MisuseError."""
        if len(seed) != SEED_BYTES:
            raise MisuseError("a signing seed has 32 bytes")
        self.public, self._pair = crypto_sign_seed_keypair(seed)

    @property
    def seed(self) -> bytes:
        """The secret 32 bytes, for sealed storage only."""
        return self._pair[:SEED_BYTES]

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`. Domain separation is the caller's, inside `message`."""
        return crypto_sign(message, self._pair)[:SIGNATURE_BYTES]


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Check a signature by `public` over exactly `message`.

    libsodium refuses a non-canonical S, a non-canonical or small-order `public`, and a small-order R, so a
    signature that passes cannot be altered into another one. Raises BadKeyError where the key itself is
    unusable, else BadSignatureError.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise BadSignatureError("a signature has 64 bytes")
    if len(public) != KEY_BYTES:
        raise BadKeyError("a signing public key has 32 bytes")
    try:
        crypto_sign_open(signature + message, public)
    except NaclBadSignatureError:
        # Only a failure pays for telling a bad key from a bad signature.
        check_signing_public(public)
        raise BadSignatureError("the signature does not hold") from None


def check_signing_public(public: bytes) -> None:
    """Refuse an Ed25519 public key that no honest seed makes.

    It must have 32 bytes, be canonical, lie on the curve and generate the prime-order group: small-order
    and mixed-order points are refused. 35 us: for keys met for the first time. Raises BadKeyError.
    """
    if len(public) != KEY_BYTES:
        raise BadKeyError("a signing public key has 32 bytes")
    if not crypto_core_ed25519_is_valid_point(public):
        raise BadKeyError("this signing public key is not a point of prime order")


class AgreementKey(Secret):
    """An X25519 key pair (RFC 7748 section 6.1) that is kept and used often, such as an identity.

    It holds OpenSSL's own object: 22 us to make, then 27 us an agreement, and HPKE opens with it for a third
    less. For keys used once or twice `agreement_public` and `agree` (libsodium, straight from the bytes) are
    cheaper. Two of them are equal only when they are one object: compare `public` instead.
    """

    __slots__ = ("_handle", "private", "public")

    private: Final[bytes]
    """The secret 32 bytes, for sealed storage only."""
    public: Final[bytes]
    """The public key: 32 bytes."""

    def __init__(self, private: bytes) -> None:
        """Make the pair that belongs to 32 secret random bytes. Raises MisuseError."""
        if len(private) != KEY_BYTES:
            raise MisuseError("an agreement private key has 32 bytes")
        self.private = private
        self._handle = X25519PrivateKey.from_private_bytes(private)
        self.public = self._handle.public_key().public_bytes_raw()

    @property
    def handle(self) -> X25519PrivateKey:
        """OpenSSL's object, for the other modules of this folder."""
        return self._handle

    def agree(self, public: bytes) -> bytes:
        """Return the 32 shared bytes. Raises BadKeyError where `public` fails `check_agreement_public`."""
        check_agreement_public(public)
        return self._handle.exchange(X25519PublicKey.from_public_bytes(public))


def agreement_public(private: bytes) -> bytes:
    """Return the X25519 public key of 32 secret bytes: 14 us. Raises MisuseError."""
    if len(private) != KEY_BYTES:
        raise MisuseError("an agreement private key has 32 bytes")
    return crypto_scalarmult_base(private)


def agree(private: bytes, public: bytes) -> bytes:
    """Return the 32 bytes that two X25519 keys share: 31 us, for keys used once or twice.

    libsodium's, because the ratchet holds raw bytes and uses each private key twice at most: OpenSSL needs
    another 22 us to make its object first. Raises BadKeyError where `public` fails `check_agreement_public`,
    MisuseError where `private` has not 32 bytes.
    """
    if len(private) != KEY_BYTES:
        raise MisuseError("an agreement private key has 32 bytes")
    check_agreement_public(public)
    # With the points of low order gone the result is never all zero.
    return crypto_scalarmult(private, public)


def check_agreement_public(public: bytes) -> None:
    """Refuse an X25519 public key with a second encoding or of low order (0.1 us).

    It must have 32 bytes, be below 2**255 - 19 (so its high bit is clear) and be none of the points of
    order 1, 2, 4 or 8, so no agreement with it is all zero (RFC 7748 section 6.1). Raises BadKeyError.
    """
    if len(public) != KEY_BYTES or int.from_bytes(public, "little") >= _PRIME or public in _LOW_ORDER:
        raise BadKeyError("this agreement public key is not canonical, or of low order")
