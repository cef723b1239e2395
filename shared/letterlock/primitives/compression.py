"""Compress, and read back within a bound: zstd (RFC 8878), one frame for one object.

Knows the level, the window, and that a few bytes may claim to become many. Must not know what is compressed.

A reader says beforehand how many bytes it expects. Output is taken in pieces and never past that number, so a
frame that would become more costs no more than one that is honest; the window, which a frame may ask for, has a
limit of its own.
"""

from collections.abc import Iterable, Iterator
from typing import IO, Final, cast

import zstandard

from letterlock.errors import MalformedError, MisuseError

LEVEL: Final = 2
"""Two thirds of the time of level 3 on chats, for two hundredths more bytes."""
HASH_LOG: Final = 15
"""Half of what that level has: the table stays in a processor's nearest memory, a tenth of the time for a hundredth
more bytes."""
WINDOW_LOG: Final = 21
"""2 MiB, and the most that a reader gives to a frame."""
PIECE_BYTES: Final = 128 * 1024

_LEAST_BYTES: Final = 9
"""The frame of nothing."""


class Compressor:
    """Makes one frame, piece by piece."""

    __slots__ = ("_frame", "taken")

    taken: int
    """How many bytes went in so far."""

    def __init__(self) -> None:
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL,
            window_log=WINDOW_LOG,
            hash_log=HASH_LOG,
            write_checksum=False,
            write_content_size=False,
        )
        self._frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        self.taken = 0

    def take(self, data: bytes) -> bytes:
        """Take the next bytes; return what has become of them so far, often nothing. Lets other threads run."""
        self.taken += len(data)
        return self._frame.compress(data)

    def finish(self) -> bytes:
        """Return the end of the frame."""
        return self._frame.flush()


def compress(data: bytes) -> bytes:
    """Return `data` as one frame."""
    frame = Compressor()
    return frame.take(data) + frame.finish()


def decompress(frame: bytes, *, exactly: int) -> bytes:
    """Return the `exactly` bytes that one frame holds. Raises MalformedError where it holds anything else."""
    return b"".join(decompress_each([frame], exactly=exactly))


def decompress_each(parts: Iterable[bytes], *, exactly: int) -> Iterator[bytes]:
    """Give out what one frame holds, which comes in parts, as pieces of at most 128 KiB.

    Only when the iterator ends without an error was it one whole frame of `exactly` bytes. Raises MalformedError
    where it is not, and never gives out more than `exactly` bytes.
    """
    if exactly < 0:
        raise MisuseError("a size is not negative")
    source = _Parts(parts)
    opener = zstandard.ZstdDecompressor(max_window_size=1 << WINDOW_LOG)
    left = exactly
    try:
        with opener.stream_reader(
            cast(IO[bytes], source), read_size=PIECE_BYTES, read_across_frames=False
        ) as reader:
            ended = False
            while not ended:
                asked = min(PIECE_BYTES, left + 1)
                piece = reader.read(asked)
                left -= len(piece)
                if left < 0:
                    raise MalformedError("a frame holds more than it should")
                # The reader stops short at the end of a frame, and would begin the next one when asked again.
                ended = len(piece) < asked
                yield piece
            if reader.read(1):
                raise MalformedError("there is more than one frame")
    except zstandard.ZstdError as error:
        raise MalformedError("this is not a frame of zstd") from error
    if left or source.given < _LEAST_BYTES:
        raise MalformedError("a frame holds less than it should")


class _Parts:
    """Parts of bytes as a file to read from, as far as the library reads one."""

    __slots__ = ("_at", "_part", "_parts", "given")

    given: int
    """How many bytes were read so far."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._part = b""
        self._at = 0
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most `size`; none at the end."""
        while self._at >= len(self._part):
            following = next(self._parts, None)
            if following is None:
                return b""
            self._part, self._at = following, 0
        end = len(self._part) if size < 0 else self._at + size
        piece = self._part[self._at : end]
        self._at += len(piece)
        self.given += len(piece)
        return piece
