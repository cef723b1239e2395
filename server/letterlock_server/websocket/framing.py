"""Where a WebSocket frame (RFC 6455, section 5.2) lies in a run of bytes, and the message in a plain one.

Nearly all that clients send is one kind of frame: whole, final, masked, binary. Those are read here, ten
times as fast as by the library's parser, which gets every other byte. Judges nothing. Must not know state.
"""

from typing import Final

from websockets.frames import apply_mask  # type: ignore[attr-defined]

FINAL_BINARY: Final = 0x82
_MASKED: Final = 0x80
_MASK_BYTES: Final = 4


def extent(data: bytes, at: int) -> tuple[int, int]:
    """Return where the payload of the frame at `at` begins and where the frame ends, which may be beyond `data`.

    (0, 0) where not all of its header is here, which is at most 13 bytes.
    """
    end = len(data)
    if end - at < 2:
        return 0, 0
    second = data[at + 1]
    size = second & 0x7F
    wide = 2 if size == 126 else 8 if size == 127 else 0
    start = at + 2 + wide + (_MASK_BYTES if second & _MASKED else 0)
    if end < start:
        return 0, 0
    if wide:
        size = int.from_bytes(data[at + 2 : at + 2 + wide], "big")
    return start, start + size


def plain_message(data: bytes, at: int, start: int, stop: int) -> bytes | None:
    """Return the message of a frame that is whole here, final, masked and binary; None of any other."""
    if data[at] != FINAL_BINARY or data[at + 1] < _MASKED or stop > len(data):
        return None
    return bytes(apply_mask(data[start:stop], data[start - _MASK_BYTES : start]))
