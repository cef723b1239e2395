"""A picture out of the system's clipboard, by whichever program of the system reads it.

A terminal hands over text only. What comes is bounded and goes into a file of the owner's alone, which is gone again
when its user is done. Must not know messages.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from letterlock_client.errors import ClientError, Code

MOST_BYTES: Final = 32 * 1024 * 1024
_DEADLINE_S: Final = 5.0
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def reader(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Sequence[str] | None:
    """Return the command that writes the clipboard's picture as PNG, or None where there is none."""
    path = environment.get("PATH")
    candidates: list[Sequence[str]] = []
    if environment.get("WAYLAND_DISPLAY"):
        candidates.append(("wl-paste", "--type", "image/png"))
    if environment.get("DISPLAY"):
        candidates.append(("xclip", "-selection", "clipboard", "-t", "image/png", "-o"))
    if platform == "darwin":
        candidates.append(("pngpaste", "-"))
    return next((command for command in candidates if shutil.which(command[0], path=path)), None)


@contextlib.asynccontextmanager
async def picture(environment: Mapping[str, str] = os.environ) -> AsyncIterator[Path]:
    """Lend the clipboard's picture as a file. Raises codes bad_input (no program, no picture), too_large."""
    command = reader(environment)
    if command is None:
        raise ClientError(
            Code.BAD_INPUT,
            "nothing here reads pictures from the clipboard: install wl-clipboard (Wayland), xclip (X11) or pngpaste"
            " (macOS)",
        )
    raw = await _read(command, environment)
    if not raw.startswith(_PNG):
        raise ClientError(Code.BAD_INPUT, "there is no picture in the clipboard")
    if len(raw) > MOST_BYTES:
        raise ClientError(Code.TOO_LARGE, f"the clipboard's picture has more than {MOST_BYTES:,} bytes")
    with tempfile.TemporaryDirectory(prefix="letterlock-", dir=_place(environment)) as folder:
        path = Path(folder) / "clipboard.png"
        await asyncio.to_thread(path.write_bytes, raw)
        yield path


def _place(environment: Mapping[str, str]) -> str | None:
    """Memory, where the system has such a place."""
    place = environment.get("XDG_RUNTIME_DIR")
    return place if place and Path(place).is_dir() else None


async def _read(command: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """Return what the program writes, up to one byte more than is taken; nothing where it fails or takes too long."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=dict(environment),
    )
    assert process.stdout is not None
    parts, length = [], 0
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while length <= MOST_BYTES and (part := await process.stdout.read(65_536)):
                parts.append(part)
                length += len(part)
            if length <= MOST_BYTES and await process.wait() != 0:
                return b""
    except TimeoutError:
        return b""
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    return b"".join(parts)
