"""The library of ristretto255, loaded, with nothing left of the file that it unpacks itself into.

It carries libsodium within, writes it into the folder for temporary files to load it, 3 MB for each process, and leaves
it there for ever. Must not know groups.
"""

import errno
import os
from contextlib import suppress
from typing import Final


def _remove(path: str) -> None:
    # What is loaded stays loaded without its name; a system that keeps it keeps the file as well.
    with suppress(OSError):
        os.remove(path)


try:
    import rbcl  # type: ignore[import-untyped]
except OSError as error:
    # The loader names the file first.
    _remove(str(error).partition(": ")[0])
    raise OSError(
        errno.ENOEXEC,
        "no library can be loaded from there; let TMPDIR name a folder whose file system allows that",
        "the folder for temporary files",
    ) from error

_remove(rbcl._sodium._name)  # noqa: SLF001 - it is named nowhere else

library: Final = rbcl
