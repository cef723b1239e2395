"""What holds for every test: how fast an example runs is a matter for benchmarks; modules are compiled once.

The tests start some hundred clients and servers. Where the environment forbids to keep what Python compiled beside
the sources, each of them would compile them anew, half as long again as all the rest of its start: it is kept among
pytest's own files instead.
"""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    kept = Path(__file__).parents[1] / ".pytest_cache" / "bytecode"
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(kept))
    sys.dont_write_bytecode = False

settings.register_profile("letterlock", deadline=None)
settings.load_profile("letterlock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: at the end no worker waits for another's last story."""
    items.sort(key=lambda item: "end_to_end" not in item.path.parts)
