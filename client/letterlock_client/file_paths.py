"""Paths of files as people type and paste them: quotes, backslashes, file addresses, a home folder.

Looks at the file system, bounded, and never opens a file; blocks, so it runs in a thread. Must not know widgets.
"""

import os
import shlex
import stat
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

MOST_LOOKED_AT: Final = 2_000
"""How many entries of a folder completion looks at."""
_LONGEST: Final = 4_096


def path_of(text: str) -> Path:
    """Return the path that a text means; behind `~` the name of nobody stays as it was typed."""
    return Path(os.path.expanduser(text.strip()))


def split_path(rest: str) -> tuple[str, str]:
    """Split `PATH CAPTION`: the path may stand in quotes, or have its spaces behind backslashes."""
    rest = rest.lstrip()
    if rest[:1] in ("'", '"'):
        inside, _, behind = rest[1:].partition(rest[0])
        return inside, behind.strip()
    path, at = "", 0
    while at < len(rest) and not rest[at].isspace():
        if rest[at] == "\\" and at + 1 < len(rest):
            at += 1
        path += rest[at]
        at += 1
    return path, rest[at:].strip()


def quoted(path: str) -> str:
    """Return a path so that `split_path` reads it back."""
    if "'" in path:
        return "".join(f"\\{sign}" if sign.isspace() or sign in "\\'\"" else sign for sign in path)
    return shlex.quote(path)


def file_meant(text: str) -> Path | None:
    """Return the file that a pasted or dropped text names, or None where it names none."""
    text = text.strip()
    if not text or len(text) > _LONGEST or "\n" in text or not text.isprintable():
        return None
    candidates = [text, split_path(text)[0] if not split_path(text)[1] else ""]
    if text.startswith("file://"):
        with suppress(ValueError):
            address = urlsplit(text)
            candidates = [unquote(address.path) if address.hostname in (None, "localhost") else ""]
    for candidate in filter(None, candidates):
        path = path_of(candidate)
        if path.is_absolute() and is_file(path):
            return path
    return None


def file_of(rest: str) -> tuple[Path, str]:
    """Return the file and the caption that `PATH CAPTION` means; unquoted spaces may belong to the path."""
    whole = path_of(rest)
    if is_file(whole):
        return whole, ""
    path, caption = split_path(rest)
    return path_of(path), caption


def is_file(path: Path) -> bool:
    """Whether this is a file that can be sent."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def paths_beginning(typed: str, limit: int) -> list[tuple[str, bool]]:
    """Return (path, whether it is a folder) of at most `limit` entries that begin as `typed` does."""
    folder, name = os.path.split(os.path.expanduser(typed))
    shown, _ = os.path.split(typed)
    found = []
    try:
        with os.scandir(folder or ".") as entries:
            for entry in islice(entries, MOST_LOOKED_AT):
                fits = entry.name.startswith(name) and (name or not entry.name.startswith("."))
                if fits and entry.name.isprintable():
                    found.append((os.path.join(shown, entry.name), entry.is_dir()))
    except (OSError, ValueError):
        return []
    return sorted(found, key=lambda one: (not one[1], one[0].lower()))[:limit]
