"""What came of something, to be read and closed."""

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button

from letterlock_client.sanitize import clean
from letterlock_client.ui.screens.dialog import Dialog, words


class NoticeScreen(Dialog[None]):
    """The screen; what it is told may come from anybody."""

    asks = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "Scroll up", show=False),
        Binding("down", "scroll(1)", "Scroll down", show=False),
    ]

    hint = "arrows scroll · enter or escape closes"

    def __init__(
        self, heading: str, *texts: str | Content, large: bool = False, button: str = "Close"
    ) -> None:
        """Use `button` for what closing it leads to."""
        super().__init__(classes="-large" if large else None)
        self.heading = heading
        self._texts = texts
        self._button = button

    def parts(self) -> Iterable[Widget]:
        """The paragraphs."""
        yield VerticalScroll(
            *(words(clean(text) if isinstance(text, str) else text, "dialog--text") for text in self._texts),
            classes="notice",
            can_focus=False,
        )
        yield Button(self._button, variant="primary", compact=True)

    def action_scroll(self, rows: int) -> None:
        """Scroll a long text."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    @on(Button.Pressed)
    def _close(self) -> None:
        self.dismiss(None)
