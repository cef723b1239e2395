"""A message's text as wrapped lines: its marks in styles, its blocks in a frame, the true host of every address.

Pure: a clean text and styles in, strips out; nothing in them can be clicked. Must not know messages.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.style import Style as Flags

from letterlock_client.formatting import Mark, Piece, pieces_of

_STYLES: Final = {
    Mark.BOLD: Flags(bold=True),
    Mark.ITALIC: Flags(italic=True),
    Mark.LINK: Flags(underline=True),
    Mark.HOST: Flags(underline=True, bold=True),
    Mark.MENTION: Flags(bold=True),
    # Flags that nothing else uses here carry these two to `_style`.
    Mark.CODE: Flags(strike=True),
    Mark.WARNING: Flags(blink=True),
}


@dataclass(frozen=True, slots=True)
class Ink:
    """The styles of one text."""

    plain: Style
    quiet: Style
    code: Style
    frame: str
    """Stands before each line of a block."""


def wrapped(text: str, style: Style, room: int) -> list[Strip]:
    """Wrap a plain text."""
    return [Strip([Segment(line.plain, style)]) for line in Content(text).wrap(room)]


def text_strips(text: str, names: Collection[str], ink: Ink, room: int) -> list[Strip]:
    """Wrap a clean text to lines of at most `room` cells."""
    strips: list[Strip] = []
    for piece in pieces_of(text, names):
        strips += _block(piece, ink, room) if piece.block else _lines(piece, ink, room)
    return strips


def _block(piece: Piece, ink: Ink, room: int) -> list[Strip]:
    frame = Segment(f"{ink.frame} ", ink.quiet + Style(italic=False))
    inner = max(2, room - frame.cell_length)
    return [
        Strip([frame, Segment(line.plain, ink.code)])
        for line in Content(piece.text).wrap(inner, overflow="fold")
    ]


def _lines(piece: Piece, ink: Ink, room: int) -> list[Strip]:
    if not piece.spans:
        return wrapped(piece.text, ink.plain, room)
    content = Content(piece.text)
    for span in piece.spans:
        content = content.stylize(_STYLES[span.mark], span.start, span.stop)
    return [
        Strip([Segment(part, _style(style, ink)) for part, style in line.render(end="")])
        for line in content.wrap(room)
    ]


def _style(style: Flags | str, ink: Ink) -> Style:
    if isinstance(style, str):
        return ink.plain
    base = ink.code if style.strike else ink.quiet if style.blink else ink.plain
    return base + Style(
        bold=style.bold or None, italic=style.italic or None, underline=style.underline or None
    )
