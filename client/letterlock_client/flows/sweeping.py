"""Takes up after a program that did not end by itself: before anything moves again, nothing is half there.

Must not run beside anything that seals, fetches or deletes files.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from letterlock_client.config import file_failed
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import attachments


async def sweep(place: Workplace) -> None:
    """Pause downloads that nobody runs, and delete sealed files that no message names. Raises code file_failed."""

    async def work(work: Work) -> set[str]:
        await attachments.settle(work.tx)
        return await attachments.paths(work.tx)

    kept = await place.transact(work)
    await asyncio.to_thread(_delete_strays, place.places.attachments, kept)


def _delete_strays(folder: Path, kept: set[str]) -> None:
    try:
        for each in os.scandir(folder):
            if each.is_dir(follow_symlinks=False):
                _delete_in(folder / each.name, kept)
    except FileNotFoundError:
        return
    except OSError as error:
        raise file_failed(folder, error) from error


def _delete_in(folder: Path, kept: set[str]) -> None:
    names = [each.name for each in os.scandir(folder)]
    strays = [name for name in names if f"{folder.name}/{name}" not in kept]
    # What cannot be deleted now is found again at the next start.
    with suppress(OSError):
        for name in strays:
            (folder / name).unlink()
        if len(strays) == len(names):
            folder.rmdir()
