"""What a relay's `--watch --json` says, read strictly: bytes from its pipe to values, within limits.

The relay is another program, and what it shows was sent by strangers: a line that is not exactly what it should
be becomes `Unreadable`, and no line can take more than `MAX_LINE` bytes of memory. Must not know processes or
widgets.
"""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec

MAX_LINE: Final = 1024 * 1024
"""The longest frame is 256 KiB; in hex, with its names, it takes a little more than half of this."""

SHOWN_BYTES: Final = 64
"""How many of a frame's sealed bytes are kept for showing."""

_Kind = Annotated[str, msgspec.Meta(pattern=r"\A[A-Z][A-Za-z]{0,31}\Z")]
_Size = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
_Device = Annotated[str, msgspec.Meta(pattern=r"\A[a-z2-7]{32}(/[1-9][0-9]{0,9})?\Z")]
_Hex = Annotated[str, msgspec.Meta(pattern=r"\A([0-9a-f]{2})*\Z", max_length=MAX_LINE)]
_Url = Annotated[str, msgspec.Meta(pattern=r"\Aws://127\.0\.0\.1:[1-9][0-9]{0,4}\Z")]


@dataclass(frozen=True, slots=True)
class Ready:
    """The relay takes connections at this URL."""

    url: str


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """One frame, as the relay saw it. Times are milliseconds since 1970."""

    at: int
    inward: bool
    """Whether it came to the relay; else the relay said it."""
    kind: str
    size: int
    account: str
    """Whose connection it was, as an account id's text; empty before the login."""
    to: str
    """Which account it is for, where it is for one; else empty."""
    sealed: str
    """The hex of its first sealed bytes; empty where nothing is sealed."""
    sealed_size: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """So many frames were not shown, because nobody read them in time."""

    count: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that is not what a relay says."""


Line = Ready | SeenFrame | Dropped | Unreadable


class _Ready(msgspec.Struct, frozen=True):
    ready: _Url


class _Dropped(msgspec.Struct, frozen=True):
    dropped: Annotated[int, msgspec.Meta(ge=1, le=2**53)]


class _Seen(msgspec.Struct, frozen=True):
    direction: Literal["in", "out"]
    kind: _Kind
    size: _Size
    device: _Device | None = None
    to: _Device | None = None
    sealed: _Hex = ""


_READY: Final = msgspec.json.Decoder(_Ready)
_DROPPED: Final = msgspec.json.Decoder(_Dropped)
_SEEN: Final = msgspec.json.Decoder(_Seen)


def read_line(line: bytes | None, at: int) -> Line:
    """Read one line that arrived at this time; None stands for one that was too long."""
    if line is None:
        return Unreadable()
    try:
        if line.startswith(b'{"direction"'):
            return _frame(_SEEN.decode(line), at)
        if line.startswith(b'{"dropped"'):
            return Dropped(_DROPPED.decode(line).dropped)
        return Ready(_READY.decode(line).ready)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Unreadable()


def _frame(seen: _Seen, at: int) -> SeenFrame:
    return SeenFrame(
        at=at,
        inward=seen.direction == "in",
        kind=seen.kind,
        size=seen.size,
        account=_account(seen.device),
        to=_account(seen.to),
        sealed=seen.sealed[: 2 * SHOWN_BYTES],
        sealed_size=len(seen.sealed) // 2,
    )


def _account(device: str | None) -> str:
    return (device or "").partition("/")[0]


class LineCutter:
    """Cuts a stream of bytes into lines, in bounded memory."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Return the lines that are whole now, without their ends; None for each that was too long."""
        lines: list[bytes | None] = []
        *whole, rest = data.split(b"\n")
        for part in whole:
            lines.append(self._finish(part))
        if not self._skipping and len(self._rest) + len(rest) > MAX_LINE:
            self._rest.clear()
            self._skipping = True
        if not self._skipping:
            self._rest += rest
        return lines

    def _finish(self, part: bytes) -> bytes | None:
        too_long = self._skipping or len(self._rest) + len(part) > MAX_LINE
        line = None if too_long else bytes(self._rest) + part
        self._rest.clear()
        self._skipping = False
        return line
