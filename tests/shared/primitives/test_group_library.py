"""Whoever loads the library of ristretto255 leaves no file behind, and says what to do where it cannot be loaded."""

import os
import subprocess
import sys
from pathlib import Path

LOADS = """
from letterlock.primitives import ristretto
print(ristretto.multiply_base(ristretto.small_scalar(1)).hex())
"""
REFUSED = """
import ctypes, errno

class NoPrograms(ctypes.CDLL):
    def __init__(self, name, *rest, **more):
        if str(name).endswith(".so") and name.startswith({folder!r}):
            raise OSError(name + ": failed to map segment from shared object")
        super().__init__(name, *rest, **more)

ctypes.CDLL = NoPrograms
ctypes.cdll = ctypes.LibraryLoader(NoPrograms)
try:
    from letterlock.primitives import ristretto
except OSError as error:
    assert error.errno == errno.ENOEXEC
    print(error.filename, error.strerror, sep=": ")
"""
FULL = """
import resource, signal

# A file that grows beyond this is refused, as by a disk that is full.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    from letterlock.primitives import ristretto
except OSError as error:
    print(error.filename, error.strerror, sep=": ")
"""
BASE_POINT = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
"""RFC 9496, appendix A.1."""


def run(program: str, folder: Path) -> str:
    environment = os.environ | {"TMPDIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_no_file_stays_where_it_was_unpacked(tmp_path: Path) -> None:
    assert run(LOADS, tmp_path) == BASE_POINT
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_runs_no_programs_is_told_and_left_empty(tmp_path: Path) -> None:
    told = run(REFUSED.format(folder=str(tmp_path)), tmp_path)
    assert told.startswith("the folder for temporary files: ")
    assert "TMPDIR" in told
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_room_is_told_and_left_empty(tmp_path: Path) -> None:
    told = run(FULL, tmp_path)
    assert told.startswith(
        "the folder for temporary files: no library can be unpacked there (File too large)"
    )
    assert "room for 3 MB" in told
    assert list(tmp_path.iterdir()) == []
