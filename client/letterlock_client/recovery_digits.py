"""Checking the 64 digits of a recovery key while they are typed: what is there, and which row cannot be right.

Must not know what the digits open, or Textual.
"""

from dataclasses import dataclass
from typing import Final

from letterlock.errors import MalformedError
from letterlock.vault.recovery_key import DIGITS, HEX, LETTERS, SIDE, grid, read

_ALIKE: Final = str.maketrans({"o": "0", "l": "1", "i": "1", "s": "5"})
_BETWEEN: Final = frozenset(" \t-_.,:;|/")
_TOLD: Final = 3
"""How many mistakes are told at once."""


@dataclass(frozen=True, slots=True)
class DigitsFound:
    """How much of a key is there. Holds no digit of it, so that it can be shown and logged."""

    complete: bool
    summary: str
    problems: tuple[str, ...] = ()


def check_digits(text: str) -> DigitsFound:
    """Say what `text` has of a key: bare, in groups, or as the grid, whose rows are checked one by one."""
    try:
        reading = read(text)
    except MalformedError as error:
        return _unfinished(text, str(error))
    return DigitsFound(True, "all 64 digits are there", (reading.repair,) if reading.repair else ())


def _unfinished(text: str, error: str) -> DigitsFound:
    lines = [_symbols(line) for line in text.splitlines() if _symbols(line)]
    is_grid = any(len(line) == SIDE + 1 and line[-1] in LETTERS for line in lines)
    problems = _grid_problems(lines) if is_grid else _bare_problems("".join(lines))
    count = sum(len(line[:SIDE]) for line in lines[:SIDE]) if is_grid else sum(map(len, lines))
    if count > DIGITS:
        return DigitsFound(False, f"{count} digits: {count - DIGITS} too many", problems)
    if count < DIGITS:
        return DigitsFound(False, f"{count} of {DIGITS} digits", problems)
    return DigitsFound(False, "64 digits, but not the right ones", problems or (error,))


def _symbols(line: str) -> str:
    return "".join(sign.lower().translate(_ALIKE) for sign in line if sign not in _BETWEEN)


def _bare_problems(digits: str) -> tuple[str, ...]:
    wrong = [place for place, digit in enumerate(digits) if digit not in HEX]
    return tuple(_no_digit(place // SIDE, place % SIDE) for place in wrong[:_TOLD])


def _grid_problems(lines: list[str]) -> tuple[str, ...]:
    found = []
    for row, line in enumerate(lines[:SIDE]):
        wrong = [place for place, digit in enumerate(line[:SIDE]) if digit not in HEX]
        if wrong:
            found.append(_no_digit(row, wrong[0]))
        elif len(line) > SIDE and line[SIDE] != _letter_of(line[:SIDE]):
            found.append(f"row {row + 1}: its letter does not fit, look at this row again")
    return tuple(found[:_TOLD])


def _no_digit(row: int, place: int) -> str:
    return f"row {row + 1}, place {place + 1}: this is no digit; digits are 0 to 9 and a to f"


def _letter_of(row: str) -> str:
    """Return the check letter of eight digits, as the grid of a key that begins with them has it."""
    return grid(bytes.fromhex(row.ljust(DIGITS, "0")))[0][-1]
