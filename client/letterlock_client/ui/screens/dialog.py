"""The frame that all dialogs share: a title, what it is about, a line of keys, escape to leave.

Must not know the messenger.
"""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.geometry import Region
from textual.message import Message as TextualMessage
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import OptionList, Static

from letterlock_client.sanitize import line_of
from letterlock_client.ui.screens.layer import Layer

Result = TypeVar("Result")

NEVER: Final = float("inf")


class Dialog(Layer[Result], ModalScreen[Result]):
    """A modal screen with a frame. Subclasses say their title, parts and hint; escape leaves without a result."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False),
        # Before the field sees it: what is typed right behind it belongs to the next field, not to this one.
        Binding("tab", "app.focus_next", "Next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous", show=False, priority=True),
        Binding("pageup", "page(-1)", "Scroll up", show=False),
        Binding("pagedown", "page(1)", "Scroll down", show=False),
    ]

    # What is asked, and the keys that answer, must be seen in the smallest terminal people use, of 24 lines.
    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [(0, "-low"), (30, "-high")]  # noqa: RUF012 (Textual's)
    heading: str = ""
    hint: str = "escape closes"
    asks: ClassVar[bool] = False
    """Whether a key answers it that may have been meant for what stood there before: see `typed_ahead`."""
    passes: bool = False
    """Whether it only stands there until the next comes, or an answer: what is typed waits for that."""
    opens: bool = False
    """Whether its result is something that opens behind it: what is typed waits for `intents.IsOpen`."""
    leads: bool = False
    """Whether it has left with such a result."""
    seen_at: float = NEVER
    """When it was painted for the first time, by the clock of events; then it could be seen."""

    @dataclass
    class Refused(TextualMessage):
        """What was entered leads nowhere: the dialog stays; says whether what was typed meanwhile was meant for it."""

        dialog: "Dialog[object]"
        keeps: bool

    @property
    def is_laid_out(self) -> bool:
        """Whether it stands on the screen with all its parts."""
        return self.is_mounted and bool(self.query_one(".dialog").size.area)

    @abstractmethod
    def parts(self) -> Iterable[Widget]:
        """Return what stands in the frame."""

    def compose(self) -> ComposeResult:
        """Frame, title, parts, hint."""
        with Vertical(classes="dialog"):
            yield Static(Content(self.heading), markup=False, classes="dialog--title")
            yield from self.parts()
            yield Static(Content(self.hint), markup=False, classes="dialog--hint")

    def say(self, text: str) -> None:
        """Say what goes on or went wrong, in the dialog's `problem_line`; an empty text says nothing."""
        place = self.query_one(".dialog--problem", Static)
        place.update(Content(line_of(text)))
        place.display = bool(text)
        self.set_class(bool(text), "-telling")
        if text:
            # In a low terminal it may stand below what is on the screen.
            self.call_after_refresh(place.scroll_visible, animate=False)

    def tell_keys(self, hint: str = "") -> None:
        """Say what the keys do for now; an empty text says again what `hint` does."""
        self.query_one(".dialog--hint", Static).update(Content(hint or self.hint))

    def dismiss(self, result: Result | None = None) -> AwaitComplete:
        """Leave with a result."""
        self.leads = self.opens and result is not None
        return super().dismiss(result)

    def refuse(self, problem: str, *, keeps: bool) -> None:
        """Say what went wrong with what was entered, and pass no longer: see `Refused`."""
        self.say(problem)
        self.post_message(self.Refused(self, keeps))  # type: ignore[arg-type]

    def action_leave(self) -> None:
        """Close without a result."""
        self.dismiss(None)

    def action_page(self, pages: int) -> None:
        """Scroll what is longer than the frame."""
        for part in self.query(VerticalScroll):
            part.scroll_relative(y=pages * max(1, part.size.height - 1), animate=False)


class Form(VerticalScroll, can_focus=False):
    """Fields that scroll; the one that has the keys stays in view, whatever takes lines from the form."""

    def on_resize(self) -> None:
        """Scroll back to the field."""
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:
            focused.scroll_visible(animate=False)


def problem_line() -> Static:
    """Return the place for `Dialog.say`."""
    place = words("", "dialog--problem")
    place.display = False
    return place


def words(text: str | Content, classes: str = "") -> Static:
    """Return a piece of text for a dialog; a text is plain, never markup."""
    return Static(Content(text) if isinstance(text, str) else text, markup=False, classes=classes)


def keep_in_view(page: VerticalScroll, choices: OptionList, row: int) -> None:
    """Scroll a page so that a list on it, which shows more than the page does, is seen where it points."""

    def scroll() -> None:
        # Where the list has still to scroll itself, the row will be at its edge.
        inside = min(max(row - choices.scroll_offset.y, 0), choices.size.height - 1)
        page.scroll_to_region(Region(0, choices.virtual_region.y + inside, 1, 1), animate=False)

    page.call_after_refresh(scroll)
