"""ristretto255: RFC 9496's vectors, and what is refused."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.errors import BadKeyError, MalformedError, MisuseError
from letterlock.primitives import ristretto
from letterlock.primitives.ristretto import ORDER, Scalar, read_element, read_scalar, small_scalar
from tests.vectors import vectors

SCALARS = st.integers(1, ORDER - 1).map(lambda number: Scalar(number.to_bytes(32, "little")))
PHRASES = (
    "Ristretto is traditionally a short shot of espresso coffee",
    "made with the normal amount of ground coffee but extracted with",
    "about half the amount of water in the same amount of time",
    "by using a finer grind.",
    "This produces a concentrated shot of coffee per volume.",
    "Just pulling a normal shot short will produce a weaker shot",
    "and is not a Ristretto as some believe.",
)
"""RFC 9496, appendix A.3: the inputs are the SHA-512 of these."""


def _vectors() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(vectors("ristretto255-rfc9496/vectors.json").read_text())
    return content


def _number(value: int) -> Scalar:
    return Scalar((value % ORDER).to_bytes(32, "little"))


def test_the_multiples_of_the_generator_are_the_rfcs() -> None:
    multiples = _vectors()["small_multiples"]
    assert len(multiples) == 16
    for number, expected in enumerate(multiples[1:], start=1):
        assert ristretto.multiply_base(small_scalar(number)).hex() == expected
        assert read_element(bytes.fromhex(expected)).hex() == expected
        base = ristretto.multiply_base(small_scalar(1))
        assert ristretto.add_all([base] * number).hex() == expected


def test_every_bad_encoding_of_the_rfc_is_refused() -> None:
    bad = _vectors()["bad_encodings"]
    assert len(bad) == 29
    for encoding in bad:
        with pytest.raises(BadKeyError):
            read_element(bytes.fromhex(encoding))


def test_uniform_bytes_become_the_rfcs_elements() -> None:
    expected = _vectors()["other"]["TestRistrettoFromUniformBytesTestVectors"]["e32"]
    made = [ristretto.element_from_wide(hashlib.sha512(phrase.encode()).digest()).hex() for phrase in PHRASES]
    assert made == expected


@pytest.mark.parametrize("raw", [bytes(32), b"", bytes(31), ristretto.multiply_base(small_scalar(1)) + b"\0"])
def test_the_identity_and_other_lengths_are_no_elements(raw: bytes) -> None:
    with pytest.raises(BadKeyError):
        read_element(raw)


@pytest.mark.parametrize("number", [0, ORDER, ORDER + 1, 2**255, 2**256 - 1])
def test_a_scalar_has_one_encoding_and_is_not_zero(number: int) -> None:
    with pytest.raises(MalformedError):
        read_scalar(number.to_bytes(32, "little"))
    with pytest.raises(MalformedError):
        read_scalar((1).to_bytes(31, "little"))


def test_elements_that_cancel_each_other_out_are_refused() -> None:
    one = ristretto.multiply_base(small_scalar(5))
    other = ristretto.multiply_base(_number(-5))
    with pytest.raises(BadKeyError):
        ristretto.add_all((one, other))
    with pytest.raises(MisuseError):
        ristretto.add_scalars(small_scalar(5), _number(-5))
    with pytest.raises(MisuseError):
        ristretto.subtract_scalars(small_scalar(5), small_scalar(5))
    with pytest.raises(MisuseError):
        ristretto.scalar_from_wide(bytes(64))


@given(SCALARS, SCALARS)
def test_scalars_follow_the_arithmetic_of_integers(a: Scalar, b: Scalar) -> None:
    x, y = (int.from_bytes(one, "little") for one in (a, b))
    assert ristretto.multiply_scalars(a, b) == _number(x * y)
    assert ristretto.invert(a) == _number(pow(x, -1, ORDER))
    if (x + y) % ORDER:
        assert ristretto.add_scalars(a, b) == _number(x + y)
    if x != y:
        assert ristretto.subtract_scalars(a, b) == _number(x - y)


@given(st.integers(1, 2**512 - 1))
def test_wide_bytes_are_reduced_without_a_bias(wide: int) -> None:
    if wide % ORDER:
        assert ristretto.scalar_from_wide(wide.to_bytes(64, "little")) == _number(wide)
