"""One canonical way to turn fields into bytes, for transcripts, signatures and records.

A field is a 4-byte big-endian length and its bytes; a number is 8 bytes big-endian; a text is UTF-8.
There is exactly one encoding of any list of fields, and a reader that meets anything else refuses it.
Must not know what the fields mean. The wire's frames are msgpack and live in `wire`.
"""

import struct
from typing import Final

from letterlock.errors import MalformedError, MisuseError

Field = bytes | str | int

_LENGTH: Final = struct.Struct(">I")
_NUMBER: Final = struct.Struct(">Q")
MAX_NUMBER: Final = 2**64 - 1


def pack(*fields: Field) -> bytes:
    """Join fields, each behind its length. Numbers are 0 to 2**64 - 1. Raises MisuseError."""
    parts: list[bytes] = []
    for field in fields:
        if isinstance(field, int):
            if not 0 <= field <= MAX_NUMBER:
                raise MisuseError("a packed number is 0 to 2**64 - 1")
            raw = _NUMBER.pack(field)
        elif isinstance(field, str):
            raw = _utf8(field)
        else:
            raw = field
        parts += (_LENGTH.pack(len(raw)), raw)
    return b"".join(parts)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MisuseError("a packed text holds half a surrogate pair") from error


class Reader:
    """Takes fields off packed bytes, in order, strictly.

    Every method raises MalformedError where the bytes are not what is asked for; `end` refuses
    anything that is left over, so each value has one encoding only.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def blob(self, *, exactly: int | None = None, most: int = 65536) -> bytes:
        """Take one field of bytes: of `exactly` that many, or of at most `most`."""
        start = self._at + 4
        if start > len(self._data):
            raise MalformedError("the bytes end inside a length")
        (size,) = _LENGTH.unpack_from(self._data, self._at)
        if size > most or (exactly is not None and size != exactly):
            raise MalformedError("a field has the wrong length")
        end: int = start + size
        if end > len(self._data):
            raise MalformedError("the bytes end inside a field")
        self._at = end
        return self._data[start:end]

    def number(self, *, most: int = MAX_NUMBER) -> int:
        """Take one number of at most `most`."""
        (value,) = _NUMBER.unpack(self.blob(exactly=8))
        if value > most:
            raise MalformedError("a number passes its limit")
        return int(value)

    def text(self, *, most: int = 1024) -> str:
        """Take one text of at most `most` bytes of UTF-8."""
        try:
            return self.blob(most=most).decode()
        except UnicodeDecodeError as error:
            raise MalformedError("a text is not UTF-8") from error

    def constant(self, expected: bytes) -> None:
        """Take one field that must be `expected`: a domain or a version."""
        if self.blob(most=max(len(expected), 256)) != expected:
            raise MalformedError("the bytes are of another kind")

    def more(self) -> bool:
        """Say whether anything is left."""
        return self._at < len(self._data)

    def end(self) -> None:
        """Refuse anything that is left over."""
        if self.more():
            raise MalformedError("there are bytes after the end")
