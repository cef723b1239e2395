"""Asking the process that decodes pictures: what goes in, what comes out, how long it may take.

Its answer is checked like a stranger's: whoever made the picture may speak through it. Without Pillow (the
extra `images`) there is no such process, and every answer is None. Must not know messages.
"""

import asyncio
import os
import struct
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from letterlock_client.models import Picture

MOST_BYTES: Final = 32 * 1024 * 1024
"""The largest picture that is decoded."""
MOST_FILM: Final = 64 * 1024 * 1024
"""The largest film or sound that is looked into."""
MOST_SOUND: Final = 600 * 2 * 16_000
"""Ten minutes of samples."""
MOST_PREVIEW: Final = 8 * 1024
_MOST_SIDE: Final = 65_535
_DEADLINE_S: Final = 20.0
_HEAD: Final = 16
_STARTS: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")
_CHILD: Final = "letterlock_client.pictures.child"
_FILM_CHILD: Final = "letterlock_client.pictures.film_child"


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A picture encoded anew."""

    data: bytes = field(repr=False)
    width: int
    height: int
    preview: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Looked:
    """What a film or sound is: its size in pixels, its length, and a small picture or the bars of a waveform."""

    width: int
    height: int
    milliseconds: int
    preview: bytes = field(repr=False)


def films_available() -> bool:
    """Say whether films and sounds can be looked into here."""
    return find_spec("av") is not None and available()


def available() -> bool:
    """Say whether pictures can be decoded here."""
    return find_spec("PIL") is not None


async def show(raw: bytes, width: int, height: int) -> Picture | None:
    """Return a picture's pixels, at most so many; None where it cannot be decoded."""
    if not raw.startswith(_STARTS) or len(raw) > MOST_BYTES or not available():
        return None
    answer = await _ask(raw, 4 + 3 * width * height, "show", str(width), str(height))
    if answer is None or len(answer) < 4:
        return None
    wide, high = struct.unpack_from(">HH", answer)
    if not (0 < wide <= width and 0 < high <= height and len(answer) == 4 + 3 * wide * high):
        return None
    return Picture(wide, high, answer[4:])


async def clean(path: Path) -> Cleaned | None:
    """Return a picture file encoded anew, without what a camera wrote into it; None where that fails."""
    if not available():
        return None
    raw = await asyncio.to_thread(_read, path, MOST_BYTES, _STARTS)
    answer = await _ask(raw, 2 * MOST_BYTES, "clean") if raw else None
    if answer is None or len(answer) < 12:
        return None
    width, height, length = struct.unpack_from(">III", answer)
    data = answer[12 + length :]
    whole = data.startswith(_STARTS) and 0 < width <= _MOST_SIDE and 0 < height <= _MOST_SIDE
    if not whole or length > MOST_PREVIEW:
        return None
    return Cleaned(data, width, height, answer[12 : 12 + length])


async def look(path: Path) -> Looked | None:
    """Look into a film or sound; None where that cannot be done (without PyAV, the extra `media`, it never can)."""
    if not films_available():
        return None
    raw = await asyncio.to_thread(_read, path, MOST_FILM)
    answer = await _ask(raw, 16 + MOST_PREVIEW, module=_FILM_CHILD) if raw else None
    if answer is None or len(answer) < 16:
        return None
    width, height, milliseconds, length = struct.unpack_from(">IIII", answer)
    if len(answer) != 16 + length or width > _MOST_SIDE or height > _MOST_SIDE:
        return None
    return Looked(width, height, milliseconds, answer[16:])


async def hear(raw: bytes) -> bytes | None:
    """Return a sound as 16-bit mono samples, 16 000 a second, at most ten minutes; None where it cannot be decoded."""
    if not films_available() or len(raw) > MOST_FILM:
        return None
    answer = await _ask(raw, MOST_SOUND, "hear", module=_FILM_CHILD)
    return answer if answer is not None and len(answer) % 2 == 0 else None


def _read(path: Path, most: int, starts: tuple[bytes, ...] = ()) -> bytes:
    """Return a file of at most so many bytes that starts so; nothing where it is not one, or cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            head = file.read(_HEAD)
            if starts and not head.startswith(starts):
                return b""
            raw = head + file.read(most + 1 - len(head))
            return raw if len(raw) <= most else b""
    except (OSError, ValueError):
        return b""


async def _ask(raw: bytes, most: int, *arguments: str, module: str = _CHILD) -> bytes | None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
    )
    try:
        async with asyncio.timeout(_DEADLINE_S):
            answer = await _talk(process, raw, most)
            return answer if await process.wait() == 0 and len(answer) <= most else None
    except (TimeoutError, ConnectionError, BrokenPipeError):
        return None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _talk(process: asyncio.subprocess.Process, raw: bytes, most: int) -> bytes:
    """Give it all and take what it says, up to one byte more than it may say."""
    assert process.stdin is not None
    assert process.stdout is not None
    giving = asyncio.create_task(_give(process.stdin, raw))
    try:
        parts, length = [], 0
        while length <= most and (part := await process.stdout.read(65_536)):
            parts.append(part)
            length += len(part)
        return b"".join(parts)
    finally:
        giving.cancel()
        await asyncio.gather(giving, return_exceptions=True)


async def _give(pipe: asyncio.StreamWriter, raw: bytes) -> None:
    with suppress(ConnectionError, BrokenPipeError):
        pipe.write(raw)
        await pipe.drain()
        pipe.close()
