"""The 64 digits: always readable, and a grid that repairs a mistake or says where it is."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import MalformedError
from letterlock.vault import recovery_key
from letterlock.vault.recovery_key import HEX, LETTERS, decode, encode, grid, is_meant, read
from letterlock.vault.recovery_secret import RecoverySecret, key_id
from tests.shared.devices.people import seed

SECRETS = st.binary(min_size=32, max_size=32)
SECRET = seed("a recovery key")
PLACES = st.tuples(st.integers(0, 7), st.integers(0, 7))


def _symbols(secret: bytes) -> list[list[str]]:
    return [list(line.replace(" ", "")) for line in grid(secret)]


def _text(lines: list[list[str]]) -> str:
    return "\n".join("".join(line) for line in lines)


@given(SECRETS)
def test_what_is_shown_is_read_back(secret: bytes) -> None:
    shown = encode(secret)
    assert len(shown.split(" ")) == 16
    for text in (shown, secret.hex(), secret.hex().upper(), shown.replace(" ", "-"), "\n".join(grid(secret))):
        assert read(text) == recovery_key.Reading(secret)
        assert decode(text) == secret


def test_look_alikes_are_taken_for_digits() -> None:
    secret = bytes.fromhex("0110" * 15 + "5555")
    assert decode("Ol1O" * 5 + " OIIo" * 5 + " oiLO" * 5 + " S5s5") == secret


@settings(max_examples=30)
@given(SECRETS, PLACES, st.sampled_from(HEX + LETTERS + "?"))
def test_a_grid_repairs_any_one_wrong_digit(secret: bytes, place: tuple[int, int], wrong: str) -> None:
    lines = _symbols(secret)
    row, column = place
    right = lines[row][column]
    lines[row][column] = wrong
    reading = read(_text(lines))
    assert reading.secret == secret
    if wrong in HEX:
        assert (f"row {row + 1}, column {column + 1}" in reading.repair) == (wrong != right)


@settings(max_examples=40)
@given(SECRETS, st.integers(0, 7), st.integers(0, 7))
def test_a_grid_finds_swapped_rows(secret: bytes, one: int, other: int) -> None:
    lines = _symbols(secret)
    lines[one], lines[other] = lines[other], lines[one]
    changed = lines != _symbols(secret)
    reading = read(_text(lines))
    assert reading.secret == secret
    assert ("swapped" in reading.repair) == changed


@given(SECRETS, st.integers(0, 7), st.sampled_from(LETTERS))
def test_a_wrong_check_letter_spoils_no_digit(secret: bytes, place: int, letter: str) -> None:
    for row, column in ((place, 8), (8, place)):
        lines = _symbols(secret)
        lines[row][column] = letter
        assert read(_text(lines)).secret == secret


@settings(max_examples=30)
@given(SECRETS, st.lists(PLACES, min_size=2, max_size=2, unique=True), st.integers(1, 15), st.integers(1, 15))
def test_two_wrong_digits_are_never_taken_for_a_right_key(
    secret: bytes, places: list[tuple[int, int]], first: int, second: int
) -> None:
    lines = _symbols(secret)
    for (row, column), error in zip(places, (first, second), strict=True):
        lines[row][column] = HEX[HEX.index(lines[row][column]) ^ error]
    with pytest.raises(MalformedError, match="look again at"):
        read(_text(lines))


def test_the_error_names_the_rows_and_columns() -> None:
    lines = _symbols(SECRET)
    lines[2][4], lines[2][5] = "0" if lines[2][4] != "0" else "1", "0" if lines[2][5] != "0" else "1"
    with pytest.raises(MalformedError, match="row 3 and column 5, 6"):
        read(_text(lines))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "these are 0"),
        ("12" * 31, "these are 62"),
        ("12" * 33, "these are 66"),
        ("12" * 31 + "x1", "character 3 of group 16"),
        ("1é" * 32, "character 2 of group 1"),
        ("1" * 3000, "too long"),
    ],
)
def test_every_mistake_has_its_own_sentence(text: str, said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        read(text)


@given(st.text(max_size=120))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        assert len(read(text).secret) == 32
    except MalformedError:
        return


def test_a_mistyped_key_is_told_from_a_password() -> None:
    mistyped = [
        SECRET.hex()[:-1],
        encode(SECRET)[:-2],
        "x" + SECRET.hex(),
        "\n".join(grid(SECRET)[:-1]).upper(),
    ]
    assert all(is_meant(text) for text in mistyped)
    passwords = [
        "violet harbour 71 lanterns",
        "the quick brown fox jumps over the lazy dog, twice a day",
        "é" * 99,
    ]
    assert not any(is_meant(text) for text in passwords)


def test_a_key_is_never_printed_with_what_was_read() -> None:
    assert SECRET.hex()[:8] not in repr(read(SECRET.hex()))


def test_what_follows_from_a_recovery_secret_differs_by_purpose() -> None:
    secret = RecoverySecret(SECRET)
    derived = {secret.backup_key(), secret.root_key(), secret.key_check(), secret.secret}
    assert len(derived) == 4
    assert secret.matches(secret.key_check())
    assert not secret.matches(secret.backup_key())
    assert secret.key_id() == key_id(secret.key_check())
    assert len(secret.key_id().replace(" ", "")) == 16
