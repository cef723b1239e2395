"""The few settings there are: what others learn about us, the default timer, the theme."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Select

from letterlock_client.errors import ClientError
from letterlock_client.models import Settings
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.themes import OFFERED
from letterlock_client.ui.widgets.tick_box import TickBox
from letterlock_client.ui.wording import TIMERS, span

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

SWITCHES = {
    "read_receipts": "Tell others what I have read, and see what they have read",
    "typing": "Tell others when I type",
    "presence": "Let others see that I am connected",
}


class SettingsScreen(Dialog[None]):
    """The form; every change is kept at once."""

    heading = "Settings"
    hint = "space changes · tab moves on · escape closes"

    @dataclass
    class Read(TextualMessage):
        """The settings as they are, or what went wrong."""

        settings: Settings | None
        problem: str = ""

    def __init__(self, messenger: "Messenger") -> None:
        super().__init__()
        self._messenger = messenger
        self._settings: Settings | None = None

    def parts(self) -> Iterable[Widget]:
        """Switches and choices."""
        yield words("Privacy", "dialog--section")
        for name, text in SWITCHES.items():
            yield TickBox(Content(text), name=name, compact=True, disabled=True)
        yield words("New chats: messages disappear, once read, after", "dialog--label")
        timers = [(span(seconds), seconds) for seconds in TIMERS]
        yield Select(timers, allow_blank=False, id="timer", compact=True, disabled=True)
        yield words("Appearance", "dialog--section")
        themes = [(name, name) for name in OFFERED]
        now = self.app.theme if self.app.theme in OFFERED else OFFERED[0]
        yield Select(themes, allow_blank=False, value=now, id="theme", compact=True)
        yield problem_line()

    def on_mount(self) -> None:
        """Read them."""
        self._call(None)

    def _call(self, changed: Settings | None) -> None:
        start(self, self._exchange, changed, exclusive=True)

    async def _exchange(self, changed: Settings | None) -> None:
        problem = ""
        try:
            if changed is not None:
                await self._messenger.save_settings(changed)
        except ClientError as error:
            problem = error.message
        self.post_message(self.Read(await self._messenger.settings(), problem))

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        self.say(event.problem)
        first = self._settings is None
        settings = self._settings = event.settings
        if settings is None:
            return
        with self.prevent(TickBox.Changed, Select.Changed):
            for box in self.query(TickBox):
                box.value = getattr(settings, box.name or "")
                box.disabled = False
            timer = self.query_one("#timer", Select)
            timer.value = settings.default_timer_s if settings.default_timer_s in TIMERS else 0
            timer.disabled = False
        if first:
            self.query(TickBox).first().focus()

    @on(TickBox.Changed)
    @on(Select.Changed, "#timer")
    def _changed(self) -> None:
        if self._settings is None:
            return
        on_now = {box.name: box.value for box in self.query(TickBox)}
        timer = self.query_one("#timer", Select).value
        changed = Settings(
            read_receipts=on_now["read_receipts"],
            typing=on_now["typing"],
            presence=on_now["presence"],
            default_timer_s=timer if isinstance(timer, int) else 0,
        )
        if changed != self._settings:
            self._call(changed)

    @on(Select.Changed, "#theme")
    def _theme(self, event: Select.Changed) -> None:
        if isinstance(event.value, str) and event.value != self.app.theme:
            self.app.theme = event.value
