"""A page of the settings that stands for a screen of its own: says in a sentence what is there, and opens it."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from letterlock_client.backup_models import BackupStatus
from letterlock_client.ui.backup_wording import FREQUENCIES, ago, holdings, provider_words, why_not
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage, facts
from letterlock_client.ui.screens.settings.pages import Page
from letterlock_client.ui.surroundings import Surroundings

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


class DoorPage(SettingsPage):
    """The page before a screen about backups."""

    def __init__(
        self, messenger: "Messenger", around: Surroundings, page: Page, opens: Callable[[], None]
    ) -> None:
        super().__init__(messenger, around)
        self.title = page.title
        # A page of nothing but further pages leads to the first of them.
        self._leads_to = page.title if page.entries else page.below[0].title
        self._opens = opens

    def parts(self) -> Iterable[Widget]:
        """How it stands, and the door."""
        yield words("one moment…", "dialog--text door--facts")
        yield Button(f"{self._leads_to}…", id="door", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Begin."""
        self.look_again()

    def look_again(self) -> None:
        """Read how it stands: somebody may have been behind the door."""
        self.ask(self.messenger.backups.status, self._show)

    def _show(self, status: BackupStatus) -> None:
        now = self.around.clock()
        rows = [("Backup", "on" if status.on else "off")]
        if status.on:
            last = status.last
            rows += [
                ("Last", f"{ago(last.at, now)}: {holdings(last)}" if last is not None else "none yet"),
                ("By itself", FREQUENCIES[status.frequency]),
                ("Folder", provider_words(status.provider)),
            ]
        missing = why_not(status.feature) if not status.on else ""
        self.query_one(".door--facts", Static).update(Content(missing) if missing else facts(rows, wide=11))

    def enter(self, field: str = "") -> None:
        """Go through."""
        del field
        self._opens()

    @on(Button.Pressed, "#door")
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self._opens()
