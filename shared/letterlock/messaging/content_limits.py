"""What content may hold: the limits, and the checks that keep them.

Must not know which content they are checked for. Every check raises MalformedError.
"""

import re
from typing import Final

from letterlock.errors import MalformedError

MAX_TEXT_BYTES: Final = 16 * 1024
"""Of UTF-8. A longer text travels as an attachment of media type text/plain."""
MAX_NAME_BYTES: Final = 255
MAX_EMOJI_BYTES: Final = 64
"""The longest emoji in general use has 35 bytes of UTF-8 (a couple with two skin tones)."""
MAX_MEDIA_TYPE_BYTES: Final = 127
MAX_PREVIEW_BYTES: Final = 8 * 1024
MAX_MENTIONS: Final = 64
MAX_RECEIPTS: Final = 200
MAX_HANDLE_ENTRY_BYTES: Final = 1024
MAX_ABOUT_BYTES: Final = 512
MAX_TIMER_S: Final = 366 * 24 * 3600
MAX_PIXELS: Final = 2**20
MAX_COUNT: Final = 2**53 - 1
"""The greatest number of milliseconds, epochs and versions: what every language's numbers hold exactly."""
MAX_PADDED_BYTES: Final = 48 * 1024
"""Of one padded payload; its envelope then stays below the relay's 64 KiB."""

# RFC 6838, section 4.2: each half is a restricted name.
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*")


def check_text(text: str) -> str:
    """Return `text` if it may be a message's body: at most 16 KiB of UTF-8, no half characters."""
    return check_utf8(text, MAX_TEXT_BYTES)


def check_utf8(text: str, most: int) -> str:
    """Return `text` if it has at most `most` bytes of UTF-8, and no lone surrogates."""
    if text.isascii():
        size = len(text)
    else:
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise MalformedError("a text holds half a character") from error
    if size > most:
        raise MalformedError(f"a text has at most {most} bytes here")
    return text


def check_media_type(text: str) -> str:
    """Return `text` if it is type/subtype after RFC 6838, of at most 127 bytes."""
    if len(text) > MAX_MEDIA_TYPE_BYTES or not _MEDIA_TYPE.fullmatch(text):
        raise MalformedError("a media type is two restricted names with a slash between them")
    return text


def check_bytes(value: bytes, exactly: int) -> None:
    """Refuse any other length."""
    if len(value) != exactly:
        raise MalformedError(f"{exactly} bytes are wanted here")


def check_number(value: int, most: int, *, least: int = 0) -> None:
    """Refuse a number outside `least` to `most`."""
    if not least <= value <= most:
        raise MalformedError("a number passes its limit")
