"""The 64 digits while they are typed: counted, checked row by row, and never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.vault.recovery_key import encode, grid
from letterlock_client.recovery_digits import check_digits

SECRET = bytes(range(7, 39))
BARE = SECRET.hex()
GRID = grid(SECRET)


@pytest.mark.parametrize(
    "text", [BARE, BARE.upper(), BARE.replace("0", "O").replace("1", "l"), encode(SECRET), "\n".join(GRID)]
)
def test_a_key_is_taken_in_every_shape(text: str) -> None:
    assert check_digits(text).complete


@given(st.integers(0, 63))
def test_what_is_missing_is_counted(count: int) -> None:
    found = check_digits(BARE[:count])
    assert not found.complete
    assert found.summary == f"{count} of 64 digits"
    assert found.problems == ()


def test_too_many_digits_are_told() -> None:
    assert check_digits(BARE + "00").summary == "66 digits: 2 too many"


def test_a_sign_that_is_no_digit_is_named_by_row_and_place() -> None:
    assert check_digits(f"{BARE[:20]}x{BARE[21:30]}").problems[0].startswith("row 3, place 5:")


@given(st.integers(0, 7), st.integers(0, 7), st.integers(1, 15))
def test_a_wrong_digit_is_found_in_the_row_that_was_just_typed(row: int, place: int, change: int) -> None:
    lines = [line.replace(" ", "") for line in GRID[: row + 1]]
    wrong = "0123456789abcdef"[int(lines[row][place], 16) ^ change]
    lines[row] = lines[row][:place] + wrong + lines[row][place + 1 :]
    assert check_digits("\n".join(lines)).problems == (
        f"row {row + 1}: its letter does not fit, look at this row again",
    )


def test_rows_that_are_right_are_not_complained_of() -> None:
    found = check_digits("\n".join(GRID[:5]))
    assert found.summary == "40 of 64 digits"
    assert found.problems == ()


def test_one_wrong_digit_of_a_whole_grid_is_repaired_and_told() -> None:
    wrong = GRID[0].replace(GRID[0][0], "f" if GRID[0][0] != "f" else "e", 1)
    found = check_digits("\n".join([wrong, *GRID[1:]]))
    assert found.complete
    assert "repaired" in found.problems[0]


def test_digits_never_show_themselves() -> None:
    assert BARE[:8] not in repr(check_digits(BARE[:40]))
