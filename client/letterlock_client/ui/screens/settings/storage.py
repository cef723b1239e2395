"""Settings › Storage: what this profile takes on the disk."""

from collections.abc import Iterable

from textual.widget import Widget
from textual.widgets import Static

from letterlock_client.sanitize import line_of
from letterlock_client.ui.doors import StorageUse
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage, facts
from letterlock_client.ui.wording import size

ENCRYPTED = "All of it is encrypted. Messages and files go by their own timers, or when you delete them."


class StoragePage(SettingsPage):
    """The page."""

    title = "Storage"

    def parts(self) -> Iterable[Widget]:
        """The sizes."""
        yield words("measuring…", "dialog--text storage--sizes")
        yield words(ENCRYPTED, "dialog--later")

    def on_mount(self) -> None:
        """Measure."""
        if self.around.measure is not None:
            self.ask(self.around.measure, self._show)
        else:
            self.query_one(".storage--sizes", Static).update("not known here")

    def _show(self, use: StorageUse) -> None:
        rows = [
            ("Messages", size(use.database)),
            ("Files", size(use.attachments)),
            ("Free on disk", size(use.free)),
            ("Folder", line_of(use.folder, 200)),
        ]
        self.query_one(".storage--sizes", Static).update(facts(rows))
