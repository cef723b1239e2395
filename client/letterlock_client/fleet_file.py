"""The fleet file: which realms make up a vault, with their pinned keys, as TOML that people hand to each other.

::

    threshold = 2

    [[realm]]
    name = "north"
    url = "wss://north.example"
    key = "192 hexadecimal digits"

It comes with an invite or by hand, and never from a relay. Must not know sockets.
"""

from pathlib import Path
from typing import Any, Final

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from letterlock.errors import PeerError
from letterlock.vault.fleet import Fleet, Realm, RealmKeys
from letterlock_client.errors import ClientError, Code

MAX_BYTES: Final = 64 * 1024
_ADVICE: Final = "ask whoever runs your vault for theirs"


def load_fleet(path: Path) -> Fleet:
    """Read a fleet file. Raises codes file_failed, bad_config."""
    return parse_fleet(_read(path), str(path))


def load_fleet_bytes(path: Path) -> bytes:
    """Read a fleet file and return its exact bytes, to be kept once they are confirmed. Raises as `load_fleet`."""
    raw = _read(path)
    parse_fleet(raw, str(path))
    return raw


def parse_fleet(raw: bytes, file: str = "fleet.toml") -> Fleet:
    """Read the bytes of a fleet file, strictly. Raises bad_config, which says what is wrong and what to do."""
    if len(raw) > MAX_BYTES:
        raise _bad("has at most 64 KiB", file)
    try:
        content: dict[str, Any] = tomlkit.parse(raw.decode()).unwrap()
    except ParseError as error:
        raise _bad(f"is written in TOML, and line {error.line} is not", file) from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise _bad("is written in TOML", file) from error
    realms = content.get("realm")
    if set(content) != {"threshold", "realm"} or not isinstance(realms, list):
        raise _bad("holds a threshold and realms, and nothing else", file)
    threshold = content["threshold"]
    if type(threshold) is not int:
        raise _bad("has a whole number as its threshold", file)
    members = tuple(_realm(one, place, file) for place, one in enumerate(realms, 1))
    try:
        return Fleet(members, threshold)
    except PeerError as error:
        raise _wrong(str(error), file) from error


def _realm(content: object, place: int, file: str) -> Realm:
    if not isinstance(content, dict) or set(content) != {"name", "url", "key"}:
        raise _bad("gives each realm a name, a url and a key, and nothing else", file)
    if not all(isinstance(value, str) for value in content.values()):
        raise _bad("gives names, urls and keys as texts", file)
    try:
        return Realm(content["name"], content["url"], RealmKeys.parse(content["key"]))
    except PeerError as error:
        raise _wrong(f"of its realm number {place}, {error}", file) from error


def _bad(rule: str, file: str) -> ClientError:
    return ClientError(Code.BAD_CONFIG, f"this is no fleet file: one {rule}; {_ADVICE}", file=file)


def _wrong(what: str, file: str) -> ClientError:
    return ClientError(Code.BAD_CONFIG, f"this fleet file is wrong: {what}; {_ADVICE}", file=file)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ClientError(
            Code.FILE_FAILED, f"the fleet file {path} cannot be read: {error.strerror}", file=str(path)
        ) from error
