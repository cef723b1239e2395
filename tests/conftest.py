"""What holds for every test: how fast an example runs is a matter for benchmarks; modules are compiled once.

The tests start some hundred clients and servers. Where the environment forbids to keep what Python compiled beside
the sources, each of them would compile them anew, half as long again as all the rest of its start: it is kept here,
where Git does not look, as what was installed in .venv is already.

Every test has a folder of its own, and most write databases that are flushed to disk at each step: where there is
room, they are in memory, which promises all that a disk does but to outlast the machine.

Modules, and what was collected, live as long as the tests. Where the collector of cycles looks through them again and
again, the tests of screens spend a third of their time on it.
"""

import asyncio
import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.town import Past

GC_THRESHOLD = 20_000
"""Objects made until the collector looks for cycles among them: a screen alone makes some ten thousand."""

MEMORY = Path("/dev/shm")
"""Where Linux has a file system in memory."""
ROOM_BYTES = 3 << 30
"""What must be free there: three times what all tests together write."""

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    sys.dont_write_bytecode = False


def fits_in_memory() -> bool:
    """Whether the folders of the tests may lie in memory: there is room, and programs may run from there."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return False
    found = os.statvfs(MEMORY)
    return found.f_bavail * found.f_frsize >= ROOM_BYTES and not found.f_flag & os.ST_NOEXEC


if fits_in_memory():
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

settings.register_profile("letterlock", deadline=None)
settings.load_profile("letterlock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end no worker waits for another's last story."""
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)


def pytest_collection_finish() -> None:
    """Leave to the collector of cycles what the tests make, and no longer what they begin with."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> "Past":
    """What Alice and Bob of `tests.town` have lived through, made once a worker."""
    from tests.town import live_through

    return asyncio.run(live_through(tmp_path_factory.mktemp("past")))
