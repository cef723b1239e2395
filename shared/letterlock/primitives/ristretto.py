"""The group ristretto255 (RFC 9496): scalars and elements, strictly checked, over libsodium.

Elements are their canonical 32 bytes and never the identity; scalars are 32 bytes, little-endian, 1 to the
group order less one. Whatever comes from elsewhere passes `read_element` or `read_scalar` once, and is trusted
from then on. Must not know what is blinded, shared or agreed on.
"""

from collections.abc import Iterable
from typing import Final, NewType

from letterlock.errors import BadKeyError, MalformedError, MisuseError
from letterlock.primitives.group_library import library as rbcl

Element = NewType("Element", bytes)
"""32 bytes: the one encoding of a group element that is not the identity."""

Scalar = NewType("Scalar", bytes)
"""32 bytes, little-endian, below the group order and not zero. Mostly a secret: never print one."""

ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
WIDE_BYTES: Final = 64
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""The order of the group: a prime."""

_IDENTITY: Final = bytes(ELEMENT_BYTES)


def read_element(raw: bytes) -> Element:
    """Take an element that somebody else sent (5 us).

    Raises BadKeyError unless it has 32 bytes, is the one encoding of an element (RFC 9496 section 4.3.1), and
    is not the identity.
    """
    if len(raw) != ELEMENT_BYTES or raw == _IDENTITY or not rbcl.crypto_core_ristretto255_is_valid_point(raw):
        raise BadKeyError("this is no element of ristretto255, or its identity")
    return Element(raw)


def read_scalar(raw: bytes) -> Scalar:
    """Take a scalar that was kept or sent. Raises MalformedError unless it has one encoding and is not 0."""
    if len(raw) != SCALAR_BYTES or not 0 < int.from_bytes(raw, "little") < ORDER:
        raise MalformedError("a scalar has 32 bytes, is not zero, and is below the group order")
    return Scalar(raw)


def small_scalar(number: int) -> Scalar:
    """Return a small positive number as a scalar: the index of a share."""
    if not 0 < number < 2**32:
        raise MisuseError("a small scalar is 1 to 2**32 - 1")
    return Scalar(number.to_bytes(SCALAR_BYTES, "little"))


def scalar_from_wide(wide: bytes) -> Scalar:
    """Reduce 64 uniform bytes to a uniform scalar (RFC 9496 section 4.4). Raises MisuseError.

    That the result is zero has a chance of 2**-252; it is refused all the same.
    """
    if len(wide) != WIDE_BYTES:
        raise MisuseError("a scalar is made of 64 uniform bytes")
    reduced = rbcl.crypto_core_ristretto255_scalar_reduce(wide)
    if not any(reduced):
        raise MisuseError("these bytes make no scalar; draw others")
    return Scalar(reduced)


def element_from_wide(wide: bytes) -> Element:
    """Map 64 uniform bytes to an element of unknown logarithm (RFC 9496 section 4.3.4)."""
    if len(wide) != WIDE_BYTES:
        raise MisuseError("an element is made of 64 uniform bytes")
    return _not_identity(rbcl.crypto_core_ristretto255_from_hash(wide))


def multiply(scalar: Scalar, element: Element) -> Element:
    """Multiply an element by a scalar, in time that does not depend on either (50 us)."""
    return Element(rbcl.crypto_scalarmult_ristretto255(scalar, element))


def multiply_base(scalar: Scalar) -> Element:
    """Multiply the group's generator by a scalar: the public half of a private scalar."""
    return Element(rbcl.crypto_scalarmult_ristretto255_base(scalar))


def add_all(elements: Iterable[Element]) -> Element:
    """Add one element or more. Raises BadKeyError where they cancel each other out."""
    first, *rest = elements
    total: bytes = first
    for element in rest:
        total = rbcl.crypto_core_ristretto255_add(total, element)
    return _not_identity(total)


def add_scalars(a: Scalar, b: Scalar) -> Scalar:
    """Add modulo the group order. Raises MisuseError where the sum is zero."""
    return _not_zero(rbcl.crypto_core_ristretto255_scalar_add(a, b))


def subtract_scalars(a: Scalar, b: Scalar) -> Scalar:
    """Subtract modulo the group order. Raises MisuseError where the two are equal."""
    return _not_zero(rbcl.crypto_core_ristretto255_scalar_sub(a, b))


def multiply_scalars(a: Scalar, b: Scalar) -> Scalar:
    """Multiply modulo the group order."""
    return Scalar(rbcl.crypto_core_ristretto255_scalar_mul(a, b))


def invert(scalar: Scalar) -> Scalar:
    """Return the scalar whose product with this one is 1."""
    return Scalar(rbcl.crypto_core_ristretto255_scalar_invert(scalar))


def _not_identity(raw: bytes) -> Element:
    if raw == _IDENTITY:
        raise BadKeyError("these elements make the identity")
    return Element(raw)


def _not_zero(raw: bytes) -> Scalar:
    if not any(raw):
        raise MisuseError("these scalars make zero")
    return Scalar(raw)
