"""A text of any length on a screen of its own, drawn only where it is looked at.

Must not know the messenger.
"""

from collections.abc import Hashable, Iterable
from typing import Final

from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget

from letterlock_client.sanitize import clean
from letterlock_client.ui.screens.dialog import Dialog
from letterlock_client.ui.widgets.rows import Row, rows_of_strips
from letterlock_client.ui.widgets.virtual_log import VirtualLog

CHUNK_CHARACTERS: Final = 512
CHUNK_LINES: Final = 64


def chunks_of(text: str) -> list[tuple[int, int]]:
    """Cut a text into pieces that are cheap to draw: (start, stop), at line breaks where there are any."""
    pieces = []
    start, length = 0, len(text)
    while start < length:
        stop = min(length, start + CHUNK_CHARACTERS)
        breaks, place = 0, start
        while breaks < CHUNK_LINES and (found := text.find("\n", place, stop)) >= 0:
            breaks, place = breaks + 1, found + 1
        if breaks == CHUNK_LINES or (stop < length and breaks):
            stop = place
        elif stop < length and (space := text.rfind(" ", start, stop)) > start:
            stop = space + 1
        pieces.append((start, stop))
        start = stop
    return pieces


class TextLog(VirtualLog):
    """The text, wrapped."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._pieces = chunks_of(text)

    def guess_heights(self, width: int) -> bytes:
        """Guess from the number of characters and line breaks."""
        room = max(1, width)
        return bytes(
            min(255, max(1, self._text.count("\n", start, stop), -(-(stop - start) // room)))
            for start, stop in self._pieces
        )

    def item_key(self, item: int) -> Hashable:
        """Pieces never change."""
        return item

    def item_rows(self, item: int, width: int) -> list[Row]:
        """Clean and wrap one piece."""
        start, stop = self._pieces[item]
        piece = clean(self._text[start:stop]).removesuffix("\n")
        lines = Content(piece).wrap(max(2, width))
        return rows_of_strips([Strip([Segment(line.plain, self.rich_style)]) for line in lines])

    def item_text(self, item: int) -> str | None:
        """The piece as it was written, cleaned."""
        start, stop = self._pieces[item]
        return clean(self._text[start:stop])

    def action_cursor(self, step: int) -> None:
        """Scroll by rows: there is nothing to point at."""
        self.scroll_relative(y=step, animate=False, immediate=True)


class ReaderScreen(Dialog[None]):
    """The screen."""

    hint = "arrows and page keys scroll · escape closes"

    def __init__(self, text: str, heading: str) -> None:
        super().__init__(classes="-large")
        self.heading = heading
        self._text = text

    def parts(self) -> Iterable[Widget]:
        """The text."""
        yield TextLog(self._text)
