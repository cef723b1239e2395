"""Settings › Account: who this client is, and the link by which others find it."""

from collections.abc import Iterable

from textual import on
from textual.widget import Widget
from textual.widgets import Button

from letterlock_client.sanitize import line_of, name_of
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.invite import InviteScreen
from letterlock_client.ui.screens.settings.page import SettingsPage, facts
from letterlock_client.ui.wording import account_lines

LOCKED = "The messages on this device are locked with your passphrase; it is asked at every start."
UNLOCKED = "This profile has no passphrase: whoever can read its files can read its messages."


class AccountPage(SettingsPage):
    """The page."""

    title = "Account"

    def parts(self) -> Iterable[Widget]:
        """Facts, and a way to the invite link."""
        me = self.messenger.profile
        rows = [
            ("Handle", name_of(me.handle)),
            ("Account", account_lines(me.account)[0]),
            ("Device", str(me.device)),
            ("Relay", line_of(me.relay, 80)),
        ]
        yield words(facts(rows, wide=9), "dialog--text")
        yield words(LOCKED if me.has_passphrase else UNLOCKED, "dialog--text")
        yield Button("Show my invite link", id="invite", compact=True)

    @on(Button.Pressed, "#invite")
    def _invite(self, event: Button.Pressed) -> None:
        event.stop()
        self.app.push_screen(InviteScreen(self.messenger))
