"""Writing a message in the person's own editor: $VISUAL, $EDITOR, else vi.

The text lies in a file that only its owner can read, in memory where the system has such a place, and is gone
when the editor ends. Must not know chats or composers.
"""

import asyncio
import os
import shlex
import tempfile
from pathlib import Path
from typing import Final

from textual.app import App, SuspendNotSupported

from letterlock_client.errors import ClientError, Code

MOST_BYTES: Final = 1024 * 1024


async def write_outside(app: "App[object]", text: str) -> str:
    """Give the terminal to the editor until it ends; return what it left. Raises code file_failed."""
    command = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="letterlock-", dir=_place()) as folder:
        file = Path(folder, "message.md")
        await asyncio.to_thread(_put, file, text)
        try:
            # Nothing is drawn meanwhile, and the connection goes on.
            with app.batch_update(), app.suspend():
                editor = await asyncio.create_subprocess_exec(*command, str(file))
                status = await editor.wait()
        except SuspendNotSupported as error:
            raise ClientError(Code.FILE_FAILED, "this terminal cannot be lent to an editor") from error
        except OSError as error:
            raise ClientError(Code.FILE_FAILED, f"the editor does not start: {command[0]}") from error
        return await asyncio.to_thread(_taken, file) if status == 0 else text


def _place() -> str | None:
    place = os.environ.get("XDG_RUNTIME_DIR")
    return place if place and Path(place).is_dir() else None


def _put(file: Path, text: str) -> None:
    file.touch(0o600)
    file.write_text(text, encoding="utf-8")


def _taken(file: Path) -> str:
    with file.open("rb") as written:
        return written.read(MOST_BYTES).decode("utf-8", "replace")
