"""Settings › Notifications: the bell, which is all there is."""

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.widget import Widget

from letterlock_client.errors import ClientError
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage
from letterlock_client.ui.widgets.tick_box import TickBox

HOW = "It rings for a new message while another window has the focus. Muted chats never ring."


class NotificationsPage(SettingsPage):
    """The page."""

    title = "Notifications"

    def parts(self) -> Iterable[Widget]:
        """The bell."""
        yield TickBox(Content("Ring the terminal's bell"), self.around.bell.on, id="bell", compact=True)
        yield words(HOW, "dialog--later")

    @on(TickBox.Changed, "#bell")
    def _changed(self, event: TickBox.Changed) -> None:
        event.stop()
        try:
            self.around.bell.turn(event.value)
        except ClientError as error:
            self.say(error.message)
