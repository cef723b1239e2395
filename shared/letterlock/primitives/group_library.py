"""The library of ristretto255, loaded, with nothing left of the file that it unpacks itself into.

It carries libsodium within, writes it into the folder for temporary files to load it, 3 MB for each process, and leaves
it there for ever. Must not know groups.
"""

import errno
import os
from contextlib import suppress
from traceback import walk_tb
from typing import Final


def _remove(path: str) -> None:
    # What is loaded stays loaded without its name; a system that keeps it keeps the file as well.
    with suppress(OSError):
        os.remove(path)


try:
    import rbcl  # type: ignore[import-untyped]
except OSError as error:
    # Whoever unpacks it may have come half way; what it wrote into is named nowhere else.
    for frame, _ in walk_tb(error.__traceback__):
        if "lib_path" in frame.f_globals:
            _remove(frame.f_globals["lib_path"])
    # What the system refuses has a number, what its loader refuses has none.
    raise OSError(
        error.errno or errno.ENOEXEC,
        f"no library can be unpacked there ({error.strerror}); let TMPDIR name a folder with room for 3 MB"
        if error.errno
        else "no library can be loaded from there; let TMPDIR name a folder whose file system allows that",
        "the folder for temporary files",
    ) from error

_remove(rbcl._sodium._name)  # noqa: SLF001 - it is named nowhere else

library: Final = rbcl
