"""All keys on one page, made from the table of commands, at any width.

Must not know the messenger.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Static

from letterlock_client.sanitize import width
from letterlock_client.ui.commands import COMMANDS, Where, keys_of, slashes
from letterlock_client.ui.screens.dialog import Dialog

KEYS: Final = 16
"""The widest that a table's column of keys may be, in cells; keys that are wider have a line of their own."""
INDENT: Final = 2
LEAST: Final = 20
"""With less room than this beside the keys, everything stands below them."""
ALWAYS: Final = (
    ("ctrl+p", "All commands, by name"),
    ("tab", "To the next part of the screen"),
)


class HelpScreen(Dialog[None]):
    """The page."""

    heading = "Keys"
    hint = "arrows scroll · escape closes"

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__(classes="-large")
        self._keymap = keymap

    def parts(self) -> Iterable[Widget]:
        """One table a place."""
        yield VerticalScroll(KeyTable(self._keymap), can_focus=True)


class KeyTable(Static):
    """The tables, wrapped anew whenever the room changes."""

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__(markup=False)
        self._keymap = keymap

    def on_resize(self, event: Resize) -> None:
        """Wrap it."""
        self.update(page(self._keymap, event.size.width))


def page(keymap: Mapping[str, str], room: int) -> Content:
    """Return every table in lines of at most `room` cells."""
    lines: list[Content] = []
    for heading, rows in tables(keymap):
        lines += [Content(""), *Content.styled(heading, "bold").wrap(max(1, room))]
        column = INDENT + max((width(keys) for keys, _ in rows if width(keys) <= KEYS), default=0) + 2
        for keys, text in rows:
            lines += row(keys, text, column, room)
    return Content("\n").join(lines[1:])


def tables(keymap: Mapping[str, str]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield each place's heading and its rows: keys, and what they do."""
    for where in Where:
        rows = [(keys_of(spec, keymap), spec.help) for spec in COMMANDS if spec.where is where]
        always = list(ALWAYS) if where is Where.CLIENT else []
        yield where.value, [(keys, text) for keys, text in rows if keys] + always
    words = slashes().items()
    yield (
        "Typed in a message's place",
        [(f"/{word} {spec.argument}".strip(), spec.title) for word, spec in words],
    )


def row(keys: str, text: str, column: int, room: int) -> list[Content]:
    """Return one row: the text from this column on, so that it wraps beside the keys and never under them."""
    beside = room - column >= LEAST
    left = column if beside else 2 * INDENT
    lines = [Content(" " * left) + line for line in Content(text).wrap(max(1, room - left))]
    named = [
        Content(" " * INDENT) + line
        for line in Content.styled(keys, "$text-accent").wrap(max(1, room - INDENT), overflow="fold")
    ]
    if beside and INDENT + width(keys) < column:
        first = named[0] + Content(" " * (column - INDENT - width(keys))) + lines[0][left:]
        return [first, *lines[1:]]
    return [*named, *lines]
