"""How wide a text is on a terminal, roughly: enough to guess a height before the text is read.

Must not know what draws it; the drawing side measures exactly.
"""

import unicodedata
from collections.abc import Sequence
from typing import Final

WIDEST: Final = 255
_LOOKED_AT: Final = 1024


def cell_width(text: str) -> int:
    """Return the cells that `text` takes in one line, at most 255.

    Looks at the first 1 024 characters only: more of them are hostile or wider than 255 anyway.
    """
    if text.isascii():
        return min(WIDEST, len(text))
    width = 0
    for character in text[:_LOOKED_AT]:
        if unicodedata.combining(character):
            continue
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width >= WIDEST:
            return WIDEST
    return width


def cell_widths(texts: Sequence[str], *, ascii_only: bool) -> list[int]:
    """Return it for each of some texts; `ascii_only` says that there is nothing else in any, which is fast."""
    if not ascii_only:
        return list(map(cell_width, texts))
    widths = list(map(len, texts))
    return widths if max(widths, default=0) <= WIDEST else [min(WIDEST, each) for each in widths]
