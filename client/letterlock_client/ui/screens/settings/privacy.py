"""Settings › Privacy: what others learn about us, and how long messages of new chats stay."""

from collections.abc import Iterable
from dataclasses import replace

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Select

from letterlock_client.errors import ClientError
from letterlock_client.models import ReadWhen, Settings
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage
from letterlock_client.ui.widgets.tick_box import TickBox
from letterlock_client.ui.wording import TIMERS, span

SWITCHES = {
    "read_receipts": "Send read receipts, and see those of others",
    "typing": "Tell others when I type",
    "presence": "Let others see that I am connected",
}

READ_WHEN = {
    ReadWhen.SEEN: "once I have seen it",
    ReadWhen.ANSWERED: "once I answer in its chat",
    ReadWhen.ASKED: "only when I say so: /read",
}


class PrivacyPage(SettingsPage):
    """The form."""

    title = "Privacy"
    settings: Settings | None = None

    def parts(self) -> Iterable[Widget]:
        """Switches and the timer."""
        for name, text in SWITCHES.items():
            yield TickBox(Content(text), id=name, name=name, compact=True, disabled=True)
        yield words("A message counts as read", "dialog--label")
        yield Select(
            [(text, each) for each, text in READ_WHEN.items()],
            allow_blank=False,
            id="read_when",
            compact=True,
            disabled=True,
        )
        yield words("New chats: messages disappear, once read, after", "dialog--label")
        timers = [(span(seconds), seconds) for seconds in TIMERS]
        yield Select(timers, allow_blank=False, id="timer", compact=True, disabled=True)

    def on_mount(self) -> None:
        """Read them."""
        self.ask(self.messenger.settings, self._show)

    def _show(self, settings: Settings) -> None:
        self.settings = settings
        with self.prevent(TickBox.Changed, Select.Changed):
            for box in self.query(TickBox):
                box.value = getattr(settings, box.name or "")
                box.disabled = False
            when = self.query_one("#read_when", Select)
            when.value, when.disabled = settings.read_when, False
            timer = self.query_one("#timer", Select)
            timer.value = settings.default_timer_s if settings.default_timer_s in TIMERS else 0
            timer.disabled = False
        self.ready()

    @on(TickBox.Changed)
    @on(Select.Changed)
    def _changed(self) -> None:
        if self.settings is None:
            return
        on_now = {box.name: box.value for box in self.query(TickBox)}
        timer, when = self.query_one("#timer", Select).value, self.query_one("#read_when", Select).value
        changed = replace(
            self.settings,
            read_receipts=on_now["read_receipts"],
            typing=on_now["typing"],
            presence=on_now["presence"],
            read_when=when if isinstance(when, ReadWhen) else self.settings.read_when,
            default_timer_s=timer if isinstance(timer, int) else 0,
        )
        if changed != self.settings:
            self.settings = changed
            self.ask(lambda: self.messenger.save_settings(changed), lambda _: self.say(""), self._not_kept)

    def _not_kept(self, error: ClientError) -> None:
        self.say(error.sentence)
        self.ask(self.messenger.settings, self._show)
