"""A file name that somebody else chose, made safe for whoever saves the file.

Knows what file systems, shells and terminals do with names. Must not touch any of them.
"""

import re
import unicodedata
from typing import Final

MAX_SAFE_BYTES: Final = 200
"""Leaves room, below the usual 255, for a suffix that makes a name unique or marks it unfinished."""
FALLBACK: Final = "file"

_MAX_EXTENSION_BYTES: Final = 16
_SEPARATORS = re.compile(r"[/\\\u2044\u2215\u29f5\u29f8\ufe68\uff0f\uff3c]")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
# Reserved on Windows with any extension, and reached from WSL; the superscript digits count there too.
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])", re.IGNORECASE)
# Control, format (bidi, zero width, tags), surrogate, private use, unassigned, line and paragraph separator.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def safe_file_name(name: str) -> str:
    """Return a name that can be created in one folder and nowhere else, and shown on one line.

    Never empty, never a path, never hidden, never an option or a device, at most 200 bytes of UTF-8. The
    extension survives where there is one. The name is not unique: whoever saves makes it so.
    """
    last = _SEPARATORS.split(name)[-1]
    shown = "".join(" " if c.isspace() else c for c in last if unicodedata.category(c) not in _INVISIBLE)
    plain = _FORBIDDEN.sub("_", shown)
    return _harmless(_shorten(plain))


def _harmless(name: str) -> str:
    # Trailing dots and spaces vanish on some systems, so they would hide what the name really is.
    bare = name.lstrip(". ").rstrip(". ")
    if bare.startswith(("-", "~")):
        bare = "_" + bare[1:]
    if _DEVICE.fullmatch(bare.partition(".")[0].rstrip(" ")):
        bare = "_" + bare
    return bare or FALLBACK


def _shorten(name: str) -> str:
    if len(name.encode()) <= MAX_SAFE_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > _MAX_EXTENSION_BYTES:
        stem, dot, extension = name, "", ""
    room = MAX_SAFE_BYTES - len((dot + extension).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + extension
