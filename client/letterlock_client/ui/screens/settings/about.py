"""Settings › About: the version of this program, what it runs on, and which features are on and why."""

import platform
from collections.abc import Iterable
from importlib.metadata import version

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from letterlock_client.backup_models import BackupStatus
from letterlock_client.ui.backup_wording import why_not
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage, facts

WHAT = (
    "Messages are sealed on your terminal for the other person's terminal. The relay carries them and "
    "cannot open them."
)


class AboutPage(SettingsPage):
    """The page."""

    title = "About"

    def parts(self) -> Iterable[Widget]:
        """The facts."""
        yield words(WHAT, "dialog--text")
        rows = [
            ("Letterlock", version("letterlock")),
            ("Textual", version("textual")),
            ("Python", platform.python_version()),
        ]
        yield words(facts(rows), "dialog--text")
        yield words("Features on for you", "dialog--section")
        yield words("one moment…", "dialog--text about--features")

    def on_mount(self) -> None:
        """Read which features this account has."""
        self.ask(self.messenger.backups.status, self._show)

    def _show(self, status: BackupStatus) -> None:
        missing = why_not(status.feature)
        text = missing or "End-to-end encrypted backup: available to this account and this version."
        self.query_one(".about--features", Static).update(Content(text))
