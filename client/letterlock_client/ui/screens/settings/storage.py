"""Settings › Storage: what this profile takes on the disk, making room, and which files are fetched by themselves."""

from collections.abc import Iterable
from dataclasses import replace

from textual import on
from textual.widget import Widget
from textual.widgets import Button, Select, Static

from letterlock_client.models import Prefetch, Settings
from letterlock_client.sanitize import line_of
from letterlock_client.ui.doors import StorageUse
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage, facts
from letterlock_client.ui.wording import size

ENCRYPTED = "All of it is encrypted. Messages and files go by their own timers, or when you delete them."
PREFETCH = {
    Prefetch.NOTHING: "none: each when I open it",
    Prefetch.PICTURES: "pictures",
    Prefetch.EVERYTHING: "all files",
}
LIMITS = (1_000_000, 5_000_000, 20_000_000, 100_000_000)


class StoragePage(SettingsPage):
    """The page."""

    title = "Storage"
    settings: Settings | None = None

    def parts(self) -> Iterable[Widget]:
        """The sizes, making room, and what is fetched."""
        yield words("measuring…", "dialog--text storage--sizes")
        yield Button("Make room…", id="clean_up", compact=True)
        yield words("Fetched by themselves as they come", "dialog--label")
        kinds = [(text, kind) for kind, text in PREFETCH.items()]
        yield Select(kinds, allow_blank=False, id="prefetch", compact=True, disabled=True)
        yield words("of at most", "dialog--label")
        limits = [(size(limit), limit) for limit in LIMITS]
        yield Select(limits, allow_blank=False, value=LIMITS[1], id="most", compact=True, disabled=True)
        yield words(ENCRYPTED, "dialog--later")

    def on_mount(self) -> None:
        """Measure, and read what was chosen."""
        self._measure()
        self.ask(self.messenger.settings, self._show_choice)

    def _measure(self) -> None:
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

    def _show_choice(self, settings: Settings) -> None:
        self.settings = settings
        kind, most = self.query_one("#prefetch", Select), self.query_one("#most", Select)
        with self.prevent(Select.Changed):
            kind.value = settings.prefetch
            most.value = settings.prefetch_bytes if settings.prefetch_bytes in LIMITS else LIMITS[1]
        kind.disabled = False
        most.disabled = settings.prefetch is Prefetch.NOTHING

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        if self.settings is None:
            return
        kind, most = self.query_one("#prefetch", Select).value, self.query_one("#most", Select).value
        if not isinstance(kind, Prefetch) or not isinstance(most, int):
            return
        changed = replace(self.settings, prefetch=kind, prefetch_bytes=most)
        if changed != self.settings:
            self.ask(lambda: self.messenger.save_settings(changed), lambda _: self._show_choice(changed))

    @on(Button.Pressed, "#clean_up")
    def _clean_up(self, event: Button.Pressed) -> None:
        event.stop()
        from letterlock_client.ui.screens.clean_up import CleanUpScreen

        self.app.push_screen(CleanUpScreen(self.messenger, self.around), lambda _: self._measure())
