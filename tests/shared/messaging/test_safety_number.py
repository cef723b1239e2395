"""Two people see the same sixty digits exactly when nobody stands between them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import MalformedError, MisuseError
from letterlock.messaging.safety_number import (
    compare_qr,
    digit_groups,
    digits_match,
    fingerprint_digits,
    qr_payload,
    safety_number,
)

# The published test vector of libsignal's numeric fingerprints, version 1, 5200 iterations.
ALICE = (bytes.fromhex("0506863bc66d02b40d27b8d49ca7c09e9239236f9d7d25d6fcca5ce13c7064d868"), b"+14152222222")
BOB = (bytes.fromhex("05f781b6fb32fed9ba1cf2de978d4d5da28dc34046ae814402b5c0dbd96fda907b"), b"+14153333333")
DIGITS = "300354477692869396892869876765458257569162576843440918079131"

sides = st.tuples(st.binary(min_size=32, max_size=32), st.binary(min_size=20, max_size=20))
few = settings(max_examples=15)


def test_the_digits_are_the_ones_signal_computes() -> None:
    assert fingerprint_digits(*ALICE) == DIGITS[:30]
    assert fingerprint_digits(*BOB) == DIGITS[30:]
    assert safety_number(ALICE, BOB) == DIGITS


def test_the_number_of_iterations_is_the_number_of_hashes() -> None:
    assert fingerprint_digits(*ALICE, iterations=5199) != fingerprint_digits(*ALICE)
    assert fingerprint_digits(*ALICE, iterations=5201) != fingerprint_digits(*ALICE)
    with pytest.raises(MisuseError):
        fingerprint_digits(*ALICE, iterations=0)


@few
@given(sides, sides)
def test_both_people_see_the_same_number(ours: tuple[bytes, bytes], theirs: tuple[bytes, bytes]) -> None:
    number = safety_number(ours, theirs)
    assert number == safety_number(theirs, ours)
    assert len(number) == 60
    assert number.isdigit()
    assert [len(group) for group in digit_groups(number)] == [5] * 12
    assert "".join(digit_groups(number)) == number


@few
@given(sides, sides, st.integers(0, 255), st.integers(0, 51))
def test_another_key_or_identifier_on_either_side_is_another_number(
    ours: tuple[bytes, bytes], theirs: tuple[bytes, bytes], bit: int, at: int
) -> None:
    whole = bytearray(theirs[0] + theirs[1])
    whole[at] ^= 1 << bit % 8
    swapped = (bytes(whole[:32]), bytes(whole[32:]))
    assert safety_number(ours, swapped) != safety_number(ours, theirs)
    assert not compare_qr(ours, theirs, qr_payload(swapped, ours))
    assert not compare_qr(ours, theirs, qr_payload(theirs, swapped))


@few
@given(sides, sides)
def test_a_scanned_code_matches_from_either_side(
    ours: tuple[bytes, bytes], theirs: tuple[bytes, bytes]
) -> None:
    assert len(qr_payload(ours, theirs)) == 65
    assert compare_qr(ours, theirs, qr_payload(theirs, ours))
    assert compare_qr(theirs, ours, qr_payload(ours, theirs))


def test_our_own_code_scanned_back_proves_nothing() -> None:
    assert not compare_qr(ALICE, BOB, qr_payload(ALICE, BOB))


def test_every_flip_of_a_code_is_noticed() -> None:
    code = qr_payload(BOB, ALICE)
    for at in range(1, len(code)):
        flipped = code[:at] + bytes([code[at] ^ 1]) + code[at + 1 :]
        assert not compare_qr(ALICE, BOB, flipped)


@pytest.mark.parametrize(
    "code", [b"", b"\x01", b"\x02" + bytes(64), bytes(65), b"\x01" + bytes(65), b"https://x"]
)
def test_what_is_no_code_of_ours_is_said_to_be_none(code: bytes) -> None:
    with pytest.raises(MalformedError):
        compare_qr(ALICE, BOB, code)


def test_typed_digits_may_have_spaces_and_nothing_else() -> None:
    assert digits_match(DIGITS, DIGITS)
    assert digits_match(" ".join(digit_groups(DIGITS)), DIGITS)
    assert digits_match("\n".join(digit_groups(DIGITS)) + "\n", DIGITS)
    for wrong in (
        "",
        DIGITS[:-1],
        DIGITS + "1",
        DIGITS[::-1],
        DIGITS.replace("3", "\u0663"),
        DIGITS + "\x00",
        "\udcff",
    ):
        assert not digits_match(wrong, DIGITS)
