"""A small picture as text: one cell shows two pixels, above and below, in its two colours.

Pure. Must not know messages, nor where the picture comes from.
"""

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from letterlock_client.models import Picture

_UPPER = "▀"


def half_blocks(picture: Picture, room: int, ground: Style) -> list[Strip]:
    """Return the picture's rows, cut at `room` cells."""
    return [_row(picture, y, min(room, picture.width), ground) for y in range(0, picture.height, 2)]


def _row(picture: Picture, y: int, columns: int, ground: Style) -> Strip:
    segments = []
    for x in range(columns):
        upper = _color(picture, x, y)
        lower = _color(picture, x, y + 1) if y + 1 < picture.height else ground.bgcolor
        segments.append(Segment(_UPPER, Style(color=upper, bgcolor=lower)))
    return Strip(segments).simplify()


def _color(picture: Picture, x: int, y: int) -> Color:
    at = 3 * (y * picture.width + x)
    red, green, blue = picture.pixels[at : at + 3]
    return Color.from_rgb(red, green, blue)
