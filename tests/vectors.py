"""Public test vectors, where the machine has them; a test that misses one is skipped with the reason."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).resolve().parent.parent


def vectors(relative: str) -> Path:
    """Return the path of a file of vectors, below LETTERLOCK_VECTORS or `../shared/vectors`, or skip."""
    folder = Path(os.environ.get("LETTERLOCK_VECTORS") or _ROOT.parent / "shared" / "vectors")
    path = folder / relative
    if not path.exists():
        pytest.skip(f"no {relative} in the folder that LETTERLOCK_VECTORS names")
    return path


def wycheproof(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return every (group, test) of a Wycheproof file, or skip."""
    content = json.loads(vectors(f"wycheproof/{name}").read_text())
    cases = [(group, case) for group in content["testGroups"] for case in group["tests"]]
    assert len(cases) == content["numberOfTests"]
    return cases


def gzipped_lines(relative: str) -> list[str]:
    """Return the lines of a gzipped text file of vectors, or skip."""
    with gzip.open(vectors(relative), "rt") as file:
        return file.read().split()
