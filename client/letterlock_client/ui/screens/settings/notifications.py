"""Settings › Notifications: the bell, and what the terminal may show outside its window."""

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.widget import Widget

from letterlock_client.errors import ClientError
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage
from letterlock_client.ui.widgets.tick_box import TickBox

HOW = "All of it only while another window has the focus, and never for muted chats."
WHERE = "kitty, iTerm2, WezTerm, Ghostty, foot, urxvt and VTE terminals can notify; others, and tmux, cannot."


class NotificationsPage(SettingsPage):
    """The page."""

    title = "Notifications"

    def parts(self) -> Iterable[Widget]:
        """The bell, the notification, and whether it shows the text."""
        around = self.around
        yield TickBox(Content("Ring the terminal's bell"), around.bell.on, id="bell", compact=True)
        yield TickBox(Content("Let the terminal notify"), around.desktop.on, id="desktop", compact=True)
        yield TickBox(Content("Show the text in it"), around.preview.on, id="preview", compact=True)
        yield words(HOW, "dialog--later")
        yield words(WHERE, "dialog--later")

    @on(TickBox.Changed)
    def _changed(self, event: TickBox.Changed) -> None:
        event.stop()
        around = self.around
        switches = {"bell": around.bell, "desktop": around.desktop, "preview": around.preview}
        try:
            switches[event.checkbox.id or ""].turn(event.value)
        except ClientError as error:
            self.say(error.sentence)
