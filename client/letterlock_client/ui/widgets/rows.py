"""One row of a long list: what stands beside its text, and the text, which can be selected.

Must not know the list.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.style import Style
from textual.selection import Selection
from textual.strip import Strip

LINE_STEP: Final = 256
"""Selection offsets name a row as `item * LINE_STEP + line`: they stay true while heights above change."""


class Row(NamedTuple):
    """One row of an item: what stands left of its text, the text that can be selected, and what stands right."""

    left: Strip
    body: Strip
    right: Strip


EMPTY: Final = Strip([], 0)


def plain_row(strip: Strip) -> Row:
    """Return a row without selectable text."""
    return Row(strip, EMPTY, EMPTY)


def rows_of_strips(strips: Sequence[Strip]) -> list[Row]:
    """Return rows whose whole text can be selected."""
    return [Row(EMPTY, strip, EMPTY) for strip in strips]


def painted(body: Strip, stretch: tuple[int, int], style: Style) -> Strip:
    """Return a text with the characters of `stretch` (stop -1 is the end) in the style of a selection."""
    start, stop = stretch
    text = body.text
    first = body.index_to_cell_position(min(start, len(text)))
    to_end = stop < 0 or stop >= len(text)
    last = body.cell_length if to_end else body.index_to_cell_position(stop)
    if first >= last:
        return body
    chosen = Strip(
        [segment._replace(style=_over(segment.style, style)) for segment in body.crop(first, last)]
    )
    return Strip.join((body.crop(0, first), chosen, body.crop(last)))


def selected_items(selection: Selection, visible: range) -> range:
    """Return the items that a selection touches; where it has no end, up to those that are `visible`."""
    first = selection.start.y // LINE_STEP if selection.start else visible.start
    last = selection.end.y // LINE_STEP if selection.end else visible.stop
    return range(first, last + 1)


def selected_text(rows: Sequence[Row], first: int, selection: Selection) -> tuple[str, bool]:
    """Return what is selected of an item whose rows begin at offset `first`, and whether that is all of it."""
    texts: list[str] = []
    whole = True
    for line, row in enumerate(rows):
        if not row.body.cell_length:
            continue
        stretch = selection.get_span(first + line)
        if stretch is None:
            whole = False
            continue
        text = row.body.text
        start, stop = stretch
        stop = len(text) if stop < 0 else min(stop, len(text))
        whole = whole and start == 0 and stop == len(text)
        texts.append(text[start:stop].rstrip())
    return "\n".join(texts), whole and bool(texts)


def _over(under: Style | None, over: Style) -> Style:
    return under + over if under is not None else over
