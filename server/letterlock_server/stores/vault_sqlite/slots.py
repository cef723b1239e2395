"""Record keys in a file of their own, each in a slot that is overwritten in place when its record goes.

A database moves what it stores: a deleted row may live on in a page's slack or in the log. A slot never moves,
so zeroing it is the end of the key, and with it of the record, in every copy the database may still hold. Must
not know accounts or records.
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from letterlock_server.stores.vault_interfaces import KEY_SLOT_BYTES

_EMPTY: Final = bytes(KEY_SLOT_BYTES)


class Slots:
    """The open key file. Used from one thread."""

    def __init__(self, path: Path, used: Iterable[int]) -> None:
        """Open or make the file; zero every slot that is not among `used`. Raises OSError."""
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        taken = set(used)
        self._size = os.fstat(self._handle).st_size // KEY_SLOT_BYTES
        self._free = [number for number in range(self._size) if number not in taken]
        self.zero(self._free)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)

    def read(self, number: int) -> bytes:
        """Return what a slot holds. Raises OSError where it is not there."""
        data = os.pread(self._handle, KEY_SLOT_BYTES, number * KEY_SLOT_BYTES)
        if len(data) != KEY_SLOT_BYTES or data == _EMPTY:
            raise OSError("a record's key is missing from the key file")
        return data

    def take(self, data: bytes) -> int:
        """Put `data` into a free slot, flushed to disk; return its number. Raises OSError."""
        if len(data) != KEY_SLOT_BYTES:
            raise OSError("a record's key has the wrong length")
        number = self._free.pop() if self._free else self._size
        self._size = max(self._size, number + 1)
        self._write(number, data)
        self._flush()
        return number

    def zero(self, numbers: Iterable[int]) -> None:
        """Overwrite these slots, flushed to disk, where they hold anything. Raises OSError."""
        dirty = [
            one for one in numbers if os.pread(self._handle, KEY_SLOT_BYTES, one * KEY_SLOT_BYTES) != _EMPTY
        ]
        for number in dirty:
            self._write(number, _EMPTY)
        if dirty:
            self._flush()

    def give_back(self, numbers: Iterable[int]) -> None:
        """Zero these slots and use them again. Raises OSError."""
        returned = list(numbers)
        self.zero(returned)
        self._free += returned

    def _write(self, number: int, data: bytes) -> None:
        if os.pwrite(self._handle, data, number * KEY_SLOT_BYTES) != len(data):
            raise OSError("the key file could not be written")

    def _flush(self) -> None:
        # macOS answers fsync before the drive has written; this waits for the platter.
        full = getattr(fcntl, "F_FULLFSYNC", None)
        if full is None:
            os.fsync(self._handle)
        else:
            fcntl.fcntl(self._handle, full)
