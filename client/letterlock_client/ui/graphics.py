"""Pictures in the terminal's own pixels, where it has them: kitty's protocol or sixel, through textual-image.

The terminal is asked before the interface starts, because afterwards its answers would be taken for keys; and only one
that is known to answer, because another might show the question. Must not know messages.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from textual.geometry import Size
from textual.widget import Widget

from letterlock_client.models import Picture

MOST_WIDE, MOST_HIGH = 1_600, 1_200
_PROGRAMS = ("WezTerm", "iTerm.app", "ghostty", "mintty")
_TERMS = ("xterm-kitty", "xterm-ghostty", "foot", "mlterm", "yaft")


@dataclass(frozen=True, slots=True)
class Graphics:
    """How this terminal draws pixels: the size of a cell, and the widget for a picture."""

    cell_width: int
    cell_height: int
    widget: Callable[[Picture], Widget]

    def room(self, screen: Size) -> tuple[int, int]:
        """Return how many pixels of a picture a screen has room for, beside a dialog's frame and words."""
        wide, high = max(1, screen.width - 8), max(1, screen.height - 10)
        return min(MOST_WIDE, wide * self.cell_width), min(MOST_HIGH, high * self.cell_height)


def may_draw(environment: Mapping[str, str]) -> bool:
    """Say whether this is a terminal that understands the question. A multiplexer passes no pixels on."""
    if environment.get("TMUX") or environment.get("STY"):
        return False
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    return (
        program in _PROGRAMS
        or term.startswith(_TERMS)
        or not {"KONSOLE_VERSION", "XTERM_VERSION"}.isdisjoint(environment)
    )


def ask_terminal(environment: Mapping[str, str] = os.environ) -> Graphics | None:
    """Ask the terminal what it draws; None for half blocks. Call it before the interface starts, once."""
    streams = (sys.__stdin__, sys.__stdout__)
    if not all(stream is not None and stream.isatty() for stream in streams):
        return None
    if not may_draw(environment) or find_spec("textual_image") is None:
        return None
    # Importing it asks.
    from textual_image import renderable, widget
    from textual_image._terminal import get_cell_size

    if renderable.Image is renderable.TGPImage:
        shown: Any = widget.TGPImage
    elif renderable.Image is renderable.SixelImage:
        shown = widget.SixelImage
    else:
        return None
    cell = get_cell_size()
    return Graphics(cell.width, cell.height, lambda picture: _drawn(shown, picture, cell.width, cell.height))


def _drawn(shown: Any, picture: Picture, cell_width: int, cell_height: int) -> Widget:
    """Put pixels that were decoded elsewhere into the library's widget, as many cells as they take.

    Left to itself it is as wide as what stands above and below it.
    """
    from PIL import Image

    made: Widget = shown(Image.frombytes("RGB", (picture.width, picture.height), picture.pixels))
    made.styles.width = -(-picture.width // cell_width)
    made.styles.height = -(-picture.height // cell_height)
    return made
