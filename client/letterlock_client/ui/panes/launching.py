"""Giving a saved file to the program that the system opens such files with.

Must not know messages: whoever calls has asked the person first.
"""

import asyncio
import sys
from pathlib import Path
from typing import Final

from letterlock_client.errors import ClientError, Code

SECONDS: Final = 10.0
"""How long the program may take to say that it cannot; some end only when the person closes what they opened."""


async def launch(path: Path) -> None:
    """Open a file outside. Raises code file_failed where nothing here opens such a file."""
    program = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        # A session of its own: what it opens goes on when this program ends, and owns no part of this terminal.
        process = await asyncio.create_subprocess_exec(
            program,
            str(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        async with asyncio.timeout(SECONDS):
            status = await process.wait()
    except TimeoutError:
        return
    except OSError as error:
        raise _failed(path, f"{program} is not here to open it") from error
    if status != 0:
        raise _failed(path, "no program here opens such a file")


def _failed(path: Path, reason: str) -> ClientError:
    return ClientError(Code.FILE_FAILED, f"the file is saved, but {reason}", file=str(path))
