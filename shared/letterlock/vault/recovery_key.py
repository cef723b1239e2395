"""R as people keep it: 64 hexadecimal digits in sixteen groups of four, or a grid that repairs a mistake.

::

    the grid: 8 rows of 8 digits, each with a check letter behind it; then a row of 8 check letters, one a column
    check letter of a line = sum over its digits of weight(place) * digit, in GF(16); weight(place) = x**place

A check letter is none of the hexadecimal digits, so a bare key and a grid are told apart. One wrong digit breaks
one row and one column, which cross at it and both say by how much; two swapped rows break columns only. Spec:
shared/spec/vault.md. Must not know what the 32 bytes open.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Final

from letterlock.errors import MalformedError

KEY_BYTES: Final = 32
DIGITS: Final = 64
SIDE: Final = 8
GROUP: Final = 4
GRID_SYMBOLS: Final = DIGITS + 2 * SIDE
MAX_TEXT: Final = 2048
HEX: Final = "0123456789abcdef"
LETTERS: Final = "ghjkmnpqrtuvwxyz"
"""The check letters, for 0 to 15."""

_LOOK_ALIKES: Final = str.maketrans({"o": "0", "l": "1", "i": "1", "s": "5"})
_SEPARATORS: Final = frozenset(" \t\r\n-_.,:;|/")

Rows = list[list[int]]


@dataclass(frozen=True, slots=True)
class Reading:
    """A key as it was read: its 32 bytes, and a sentence about what was repaired, or empty."""

    secret: bytes = field(repr=False)
    repair: str = ""


def encode(secret: bytes) -> str:
    """Show 32 bytes as sixteen groups of four hexadecimal digits."""
    digits = _digits(secret)
    return " ".join(digits[at : at + GROUP] for at in range(0, DIGITS, GROUP))


def grid(secret: bytes) -> list[str]:
    """Show 32 bytes as the nine lines of the grid: `3f9a 01bc k`, and last the letters of the columns."""
    rows = _rows(_digits(secret))
    lines = ["".join(HEX[digit] for digit in row) for row in rows]
    shown = [
        f"{line[:GROUP]} {line[GROUP:]} {LETTERS[_check(row)]}" for line, row in zip(lines, rows, strict=True)
    ]
    below = "".join(LETTERS[_check(column)] for column in _columns(rows))
    return [*shown, f"{below[:GROUP]} {below[GROUP:]}"]


def decode(text: str) -> bytes:
    """Read a key, as `read` does, and return its 32 bytes."""
    return read(text).secret


def read(text: str) -> Reading:
    """Read 64 digits, bare or in groups, or a grid; look-alikes (O for 0, l for 1) are taken for digits.

    A grid with one wrong digit, one wrong check letter or two swapped rows is repaired. Raises MalformedError
    with a sentence that says where the mistake is.
    """
    if len(text) > MAX_TEXT:
        raise MalformedError("this is too long for a recovery key: it has 64 digits")
    symbols = [symbol.lower().translate(_LOOK_ALIKES) for symbol in text if symbol not in _SEPARATORS]
    if len(symbols) == GRID_SYMBOLS and any(symbol in LETTERS for symbol in symbols):
        return _read_grid(symbols)
    return Reading(_read_bare(symbols))


def is_meant(text: str) -> bool:
    """Say whether a text that is no key was meant for one, and not for a password: long, and most of it hexadecimal.

    Of a sentence a third is, of a grid four fifths.
    """
    symbols = [symbol for symbol in text[:MAX_TEXT].lower() if symbol not in _SEPARATORS]
    return len(symbols) > DIGITS // 2 and 2 * sum(symbol in HEX for symbol in symbols) > len(symbols)


def _read_bare(symbols: Sequence[str]) -> bytes:
    for place, symbol in enumerate(symbols):
        if symbol not in HEX:
            group = place // GROUP + 1
            raise MalformedError(
                f"the character {place % GROUP + 1} of group {group} is no digit of a recovery key: "
                "use 0 to 9 and a to f"
            )
    if len(symbols) != DIGITS:
        raise MalformedError(f"a recovery key has 64 digits, in 16 groups of four; these are {len(symbols)}")
    return bytes.fromhex("".join(symbols))


def _read_grid(symbols: Sequence[str]) -> Reading:
    body, below = symbols[: SIDE * (SIDE + 1)], symbols[SIDE * (SIDE + 1) :]
    lines = [body[at : at + SIDE + 1] for at in range(0, len(body), SIDE + 1)]
    # A symbol that is no digit stands for a wrong one: what it should be is for the checks to say.
    rows = [[max(HEX.find(symbol), 0) for symbol in line[:SIDE]] for line in lines]
    row_checks = [LETTERS.find(line[SIDE]) for line in lines]
    column_checks = [LETTERS.find(symbol) for symbol in below]
    strange = sum(symbol not in HEX for line in lines for symbol in line[:SIDE])
    if strange > 1:
        raise MalformedError(f"{strange} characters of this grid are no digits: use 0 to 9 and a to f")
    return _repaired(rows, row_checks, column_checks)


def _repaired(rows: Rows, row_checks: Sequence[int], column_checks: Sequence[int]) -> Reading:
    bad_rows = _failing(rows, row_checks)
    bad_columns = _failing(_columns(rows), column_checks)
    if not bad_rows and not bad_columns:
        return Reading(_secret(rows))
    if len(bad_rows) + len(bad_columns) == 1:
        which = f"row {bad_rows[0] + 1}" if bad_rows else f"column {bad_columns[0] + 1}"
        return Reading(_secret(rows), f"the check letter of {which} was wrong; the digits are right")
    if len(bad_rows) == 1 and len(bad_columns) == 1:
        return _with_one_digit_repaired(rows, bad_rows[0], bad_columns[0], row_checks, column_checks)
    if not bad_rows:
        swapped = _with_rows_swapped_back(rows, column_checks)
        if swapped is not None:
            return swapped
    raise MalformedError(_where(bad_rows, bad_columns))


def _with_one_digit_repaired(
    rows: Rows, row: int, column: int, row_checks: Sequence[int], column_checks: Sequence[int]
) -> Reading:
    error = _divide(_check(rows[row]) ^ row_checks[row], _weight(column)) if row_checks[row] >= 0 else 0
    fixed = [list(line) for line in rows]
    fixed[row][column] ^= error
    if not error or _failing(fixed, row_checks) or _failing(_columns(fixed), column_checks):
        raise MalformedError(_where([row], [column]))
    return Reading(
        _secret(fixed), f"the digit in row {row + 1}, column {column + 1} was wrong and is repaired"
    )


def _with_rows_swapped_back(rows: Rows, column_checks: Sequence[int]) -> Reading | None:
    found: list[tuple[int, int, Rows]] = []
    for one, other in combinations(range(SIDE), 2):
        fixed = list(rows)
        fixed[one], fixed[other] = fixed[other], fixed[one]
        if not _failing(_columns(fixed), column_checks):
            found.append((one, other, fixed))
    if len(found) != 1:
        return None
    one, other, fixed = found[0]
    return Reading(_secret(fixed), f"rows {one + 1} and {other + 1} were swapped and are put back")


def _where(bad_rows: Sequence[int], bad_columns: Sequence[int]) -> str:
    parts = []
    if bad_rows:
        parts.append("row " + ", ".join(str(row + 1) for row in bad_rows))
    if bad_columns:
        parts.append("column " + ", ".join(str(column + 1) for column in bad_columns))
    return "this grid has more than one mistake; look again at " + " and ".join(parts)


def _digits(secret: bytes) -> str:
    if len(secret) != KEY_BYTES:
        raise MalformedError("a recovery key stands for 32 bytes")
    return secret.hex()


def _rows(digits: str) -> Rows:
    values = [HEX.index(digit) for digit in digits]
    return [values[at : at + SIDE] for at in range(0, DIGITS, SIDE)]


def _secret(rows: Rows) -> bytes:
    return bytes.fromhex("".join(HEX[digit] for row in rows for digit in row))


def _columns(rows: Rows) -> Rows:
    return [[row[place] for row in rows] for place in range(SIDE)]


def _failing(lines: Rows, checks: Sequence[int]) -> list[int]:
    return [
        place for place, (line, check) in enumerate(zip(lines, checks, strict=True)) if _check(line) != check
    ]


def _check(line: Sequence[int]) -> int:
    total = 0
    for place, digit in enumerate(line):
        total ^= _multiply(_weight(place), digit)
    return total


def _weight(place: int) -> int:
    """x**place in GF(16): eight weights, all different, none zero."""
    weight = 1
    for _ in range(place):
        weight = _multiply(weight, 2)
    return weight


def _multiply(a: int, b: int) -> int:
    """Multiply in GF(16), modulo x**4 + x + 1."""
    product = 0
    for bit in range(4):
        if b >> bit & 1:
            product ^= a << bit
    for bit in (6, 5, 4):
        if product >> bit & 1:
            product ^= 0b10011 << (bit - 4)
    return product


def _divide(a: int, b: int) -> int:
    return next(quotient for quotient in range(16) if _multiply(quotient, b) == a)
