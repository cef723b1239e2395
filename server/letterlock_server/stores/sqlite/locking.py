"""One process for one store: a lock beside its file, held as long as the process lives.

Must not know what is stored.
"""

import fcntl
import os
from pathlib import Path

from letterlock_server.stores.interfaces import StoreError


def lock(path: Path, server: str) -> int:
    """Lock the store at `path` for one `server`; return the handle that holds the lock. Raises StoreError."""
    # A lock of its own: closing any other handle of the database would let go of SQLite's own locks.
    try:
        handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise StoreError(f"another {server} is using the store {path}") from error
    # Made here, so that it is never readable by others, whatever the umask.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return handle
