"""What two people compare to know that nobody stands between them.

Knows how two (key, identifier) pairs become 60 digits, or a QR code's bytes, as Signal's numeric fingerprint
does. Must not know whose keys they are; Letterlock passes the account's root key and the AccountId.
Spec: shared/spec/content.md, "Safety number".
"""

from typing import Final

from letterlock.errors import MalformedError, MisuseError
from letterlock.primitives.derivation import equal, sha512

ITERATIONS: Final = 5200
SIDE_DIGITS: Final = 30
QR_VERSION: Final = 1

_HASH_VERSION: Final = b"\0\0"
_SCANNED_BYTES: Final = 32
_GROUP_DIGITS: Final = 5

Side = tuple[bytes, bytes]
"""A public key and the stable identifier of whoever owns it."""


def fingerprint_digits(identity_key: bytes, stable_identifier: bytes, iterations: int = ITERATIONS) -> str:
    """Return one side's 30 digits, exactly as Signal's NumericFingerprintGenerator computes them.

    The key enters as given: for Signal that is 33 bytes with the type byte 5. About 2 ms.
    """
    fingerprint = _fingerprint(identity_key, stable_identifier, iterations)
    groups = (int.from_bytes(fingerprint[at : at + 5], "big") % 100_000 for at in range(0, 30, 5))
    return "".join(f"{group:05d}" for group in groups)


def safety_number(ours: Side, theirs: Side) -> str:
    """Return the 60 digits both people see: the lower side first, so that both see the same."""
    return "".join(sorted((fingerprint_digits(*ours), fingerprint_digits(*theirs))))


def digit_groups(number: str) -> tuple[str, ...]:
    """Cut a safety number into its groups of five, as it is read aloud."""
    return tuple(number[at : at + _GROUP_DIGITS] for at in range(0, len(number), _GROUP_DIGITS))


def digits_match(typed: str, number: str) -> bool:
    """Say whether what somebody typed is this number; spaces and line ends do not count."""
    digits = "".join(typed.split())
    return digits.isascii() and equal(digits.encode(), number.encode())


def qr_payload(ours: Side, theirs: Side) -> bytes:
    """Return what our QR code holds: a version byte, our fingerprint, and theirs as we know it (65 bytes)."""
    return bytes([QR_VERSION]) + _scanned(ours) + _scanned(theirs)


def compare_qr(ours: Side, theirs: Side, scanned: bytes) -> bool:
    """Say whether a code scanned from their screen names the same two keys as ours.

    Raises MalformedError where it is not such a code, or of another version.
    """
    if len(scanned) != 1 + 2 * _SCANNED_BYTES:
        raise MalformedError("this is not the code of a safety number")
    if scanned[0] != QR_VERSION:
        raise MalformedError("the code of a safety number of another version")
    return equal(qr_payload(theirs, ours), scanned)


def _scanned(side: Side) -> bytes:
    return _fingerprint(*side, ITERATIONS)[:_SCANNED_BYTES]


def _fingerprint(identity_key: bytes, stable_identifier: bytes, iterations: int) -> bytes:
    if iterations < 1:
        raise MisuseError("a fingerprint needs at least one iteration")
    digest = _HASH_VERSION + identity_key + stable_identifier
    for _ in range(iterations):
        digest = sha512(digest + identity_key)
    return digest
