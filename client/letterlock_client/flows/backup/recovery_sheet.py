"""The recovery sheet: a page of text that finds and opens a backup when every terminal is gone.

Written for a printer and read back from a file. Must not know storage or vaults.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from letterlock.errors import MalformedError
from letterlock.ids import AccountId, parse_account
from letterlock_client.config import file_failed
from letterlock_client.errors import ClientError, Code

_TITLE: Final = "LETTERLOCK RECOVERY SHEET"
_MOST: Final = 65_536
_ABREAST: Final = 4
"""Groups of digits in a line: on a narrow terminal, and on paper, no group is torn."""
_INDENT: Final = 16
_DIGITS: Final = "digits"
_NAMES: Final = {
    "handle": "Handle",
    "account": "Account",
    "relay": "Relay",
    "provider": "Provider",
    "key_id": "Key",
    "locator": "Vault locator",
    "fleet": "Vault fleet",
    "digits": "64 digits",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the sheet carries; empty where it does not apply, or was not wanted on paper."""

    handle: str
    account: str
    relay: str
    provider: str
    key_id: str
    locator: str = field(default="", repr=False)
    fleet: str = ""
    """The fleet's hash: a fleet file of another hash is not the one this backup was registered with."""
    digits: str = field(default="", repr=False)


def write(sheet: Sheet, grid: tuple[str, ...] = ()) -> str:
    """Return the sheet as text; `grid` are the 64 digits with their check symbols, where they are on it."""
    lines = [_TITLE, ""]
    for name, shown in _NAMES.items():
        if value := getattr(sheet, name):
            first, *more = _rows(value) if name == _DIGITS else [value]
            lines.append(f"{shown + ':':<{_INDENT - 1}} {first}")
            lines += [" " * _INDENT + row for row in more]
    if grid:
        lines += ["", "The same 64 digits, with a check for each row and column:", "", *grid]
    lines += ["", *_advice(sheet)]
    return "\n".join(lines) + "\n"


def _rows(digits: str) -> list[str]:
    groups = digits.split()
    return [" ".join(groups[at : at + _ABREAST]) for at in range(0, len(groups), _ABREAST)]


def _advice(sheet: Sheet) -> list[str]:
    told = []
    if sheet.digits:
        told.append(
            "Whoever holds the 64 digits and the provider's objects reads everything: keep this sheet safe."
        )
    if sheet.locator:
        told.append(
            "The vault locator keeps strangers from using up the guesses of your password: keep it too."
        )
    more = ""
    if sheet.fleet:
        told.append(
            "With the password you also need the vault's fleet file: keep a copy, or ask whoever runs the vault."
        )
        more = " --fleet FLEET"
    return [*told, f"On a new terminal: letterlock backup restore --sheet FILE{more}, or copy what is above."]


def read(text: str) -> Sheet:
    """Read a sheet back. Raises code bad_input for anything else."""
    if len(text) > _MOST or _TITLE not in text:
        raise ClientError(Code.BAD_INPUT, "this is no recovery sheet")
    found: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        shown, colon, value = line.partition(":")
        if last == _DIGITS and not colon and line.strip():
            # Sheets of before have all of them in one line.
            found[_DIGITS] += f" {line.strip()}"
            continue
        last = next((name for name, wanted in _NAMES.items() if colon and shown.strip() == wanted), "")
        if last:
            found[last] = value.strip()
    missing = [shown for name, shown in list(_NAMES.items())[:4] if name not in found]
    if missing:
        raise ClientError(Code.BAD_INPUT, f"this recovery sheet lacks: {', '.join(missing)}")
    return Sheet(**{"key_id": ""} | found)


def account_of(sheet: Sheet) -> AccountId:
    """Whose sheet it is. Raises code bad_input."""
    try:
        return parse_account(sheet.account)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, f"the recovery sheet names no account: {error}") from error


def load(path: Path) -> Sheet:
    """Read a sheet from a file. Blocks. Raises codes bad_input, file_failed."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST + 1)
        return read(raw.decode())
    except OSError as error:
        raise file_failed(path, error) from error
    except UnicodeDecodeError:
        raise ClientError(Code.BAD_INPUT, "this is no recovery sheet") from None
