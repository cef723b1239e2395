"""Giving a saved file to the program that the system opens such files with.

Must not know messages: whoever calls has asked the person first.
"""

import asyncio
import sys
from pathlib import Path

from letterlock_client.errors import ClientError, Code


async def launch(path: Path) -> None:
    """Open a file outside. Raises code file_failed where there is no such program."""
    program = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        # A session of its own: what it opens goes on when this program ends, and owns no part of this terminal.
        await asyncio.create_subprocess_exec(
            program,
            str(path),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ClientError(
            Code.FILE_FAILED, f"the file is saved, but {program} is not here to open it", file=str(path)
        ) from error
