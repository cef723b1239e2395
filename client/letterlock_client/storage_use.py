"""What a profile takes on this disk, as the file system tells it.

Must not know what is in the files.
"""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from letterlock_client.config import Places


@dataclass(frozen=True, slots=True)
class StorageUse:
    """What a profile takes on this disk, in bytes."""

    folder: str
    database: int
    attachments: int
    free: int


def storage_use(places: Places) -> StorageUse:
    """Measure what a profile takes. Blocks while it looks at every file."""

    def size(paths: Iterable[Path]) -> int:
        total = 0
        for path in paths:
            # What is measured may be deleted meanwhile.
            with suppress(OSError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    return StorageUse(
        folder=str(places.folder),
        database=size(places.folder.glob(f"{places.database.name}*")),
        attachments=size(places.attachments.rglob("*")),
        free=shutil.disk_usage(places.folder).free,
    )
