"""Settings › Appearance: the theme, and signs for terminals without good fonts."""

from collections.abc import Iterable

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Select

from letterlock_client.errors import ClientError
from letterlock_client.ui.icons import ASCII
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage
from letterlock_client.ui.surroundings import draw_in_ascii
from letterlock_client.ui.themes import OFFERED
from letterlock_client.ui.widgets.tick_box import TickBox

HOW = f"For fonts that lack signs: {ASCII.delivered} for delivered, {ASCII.warning} for a warning."


class AppearancePage(SettingsPage):
    """The page."""

    title = "Appearance"

    def parts(self) -> Iterable[Widget]:
        """The theme and the signs."""
        yield words("Theme", "dialog--label")
        themes = [(name, name) for name in OFFERED]
        now = self.app.theme if self.app.theme in OFFERED else OFFERED[0]
        yield Select(themes, allow_blank=False, value=now, id="theme", compact=True)
        yield TickBox(Content("ASCII signs"), self.around.ascii_icons.on, id="ascii", compact=True)
        yield words(HOW, "dialog--later")
        yield TickBox(Content("No animation"), self.around.still.on, id="still", compact=True)

    @on(Select.Changed, "#theme")
    def _theme(self, event: Select.Changed) -> None:
        event.stop()
        if isinstance(event.value, str) and event.value != self.app.theme:
            self.app.theme = event.value

    @on(TickBox.Changed, "#still")
    def _still(self, event: TickBox.Changed) -> None:
        event.stop()
        self.app.animation_level = "none" if event.value else "full"
        try:
            self.around.still.turn(event.value)
        except ClientError as error:
            self.say(error.sentence)

    @on(TickBox.Changed, "#ascii")
    def _ascii(self, event: TickBox.Changed) -> None:
        event.stop()
        try:
            draw_in_ascii(self.around, event.value)
        except ClientError as error:
            self.say(error.sentence)
        # Whatever shows signs draws itself anew, as for another theme.
        self.app.refresh_css(animate=False)
