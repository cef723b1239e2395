"""What every page of the settings is: a heading, its parts, a place for what went wrong. One file a page."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from letterlock_client.sanitize import line_of, width
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.screens.dialog import problem_line, words
from letterlock_client.ui.surroundings import Surroundings

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


# Textual reads styles along the first bases only: what scrolls must come first.
class SettingsPage(VerticalScroll, Asking, can_focus=False):
    """One page. Every change on it is kept at once."""

    title: str

    def __init__(self, messenger: "Messenger", around: Surroundings) -> None:
        super().__init__(classes="page")
        self.messenger = messenger
        self.around = around
        self._entering: str | None = None

    @abstractmethod
    def parts(self) -> Iterable[Widget]:
        """Return what stands below the heading."""

    def compose(self) -> ComposeResult:
        """Heading, parts, problem."""
        yield words(self.title, "page--title")
        yield from self.parts()
        yield problem_line()

    def enter(self, field: str = "") -> None:
        """Give the keys to the widget with this id, else to the first; once it takes them."""
        chosen = next(iter(self.query(f"#{field}")), None) if field else None
        able = [one for one in self.walk_children(Widget) if one.focusable]
        if chosen is not None and chosen.focusable:
            chosen.focus()
        elif chosen is None and able:
            able[0].focus()
        else:
            self._entering = field

    def ready(self) -> None:
        """What was still being read is there: whoever wanted to go in goes in now."""
        if (field := self._entering) is not None:
            self._entering = None
            self.enter(field)

    def say(self, text: str) -> None:
        """Say what went wrong, or take that back."""
        place = self.query_one(".dialog--problem", Static)
        place.update(Content(line_of(text)))
        place.display = bool(text)


def facts(rows: Iterable[tuple[str, str]], *, wide: int = 14) -> Content:
    """Return sanitised facts in two columns, the name dim and the value plain."""
    lines = [
        Content.assemble(Content.styled(name + " " * (wide - width(name)), "$foreground 65%"), Content(value))
        for name, value in rows
    ]
    return Content("\n").join(lines)
