"""Settings › Storage: what this profile takes on the disk, making room, and which files are fetched by themselves."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeAlias

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Select, Static

from letterlock_client.file_sums import FileKind, Total, by_chat, by_kind
from letterlock_client.models import Prefetch, Settings
from letterlock_client.sanitize import fit, line_of
from letterlock_client.storage_use import StorageUse
from letterlock_client.ui.backup_wording import many
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage, facts
from letterlock_client.ui.wording import size, title_of

ENCRYPTED = "All of it is encrypted. Messages and files go by their own timers, or when you delete them."
PREFETCH = {
    Prefetch.NOTHING: "none: each when I open it",
    Prefetch.PICTURES: "pictures",
    Prefetch.EVERYTHING: "all files",
}
LIMITS = (1_000_000, 5_000_000, 20_000_000, 100_000_000)


KIND_WORDS: Final = {
    FileKind.PICTURES: "Pictures",
    FileKind.VIDEOS: "Videos",
    FileKind.SOUNDS: "Sounds, voice notes",
    FileKind.OTHERS: "Other files",
}
MOST_CHATS: Final = 5
"""So many chats are listed, those whose files take most."""
NAME: Final = 22

_Named: TypeAlias = tuple[str, Total]


class StoragePage(SettingsPage):
    """The page."""

    title = "Storage"
    settings: Settings | None = None

    def parts(self) -> Iterable[Widget]:
        """The sizes, making room, and what is fetched."""
        yield words("measuring…", "dialog--text storage--sizes")
        yield words("", "dialog--text storage--sums")
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
        self.ask(self._read_sums, self._show_sums)
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

    async def _read_sums(self) -> tuple[list[_Named], list[_Named]]:
        """What lies here by kind, and by chat, each with its name."""
        sums = await self.messenger.file_sums()
        titles = {each.id: title_of(each) for each in await self.messenger.conversations()}
        kinds = [(KIND_WORDS[kind], total) for kind, total in by_kind(sums)]
        chats = [(titles.get(chat, "another chat"), total) for chat, total in by_chat(sums)]
        rest = [total for _, total in chats[MOST_CHATS:]]
        if rest:
            others = Total(sum(each.files for each in rest), sum(each.bytes for each in rest))
            chats[MOST_CHATS:] = [(many(len(rest), "other chat"), others)]
        return kinds, chats

    def _show_sums(self, sums: tuple[list[_Named], list[_Named]]) -> None:
        place = self.query_one(".storage--sums", Static)
        place.update(Content("\n\n").join(_table(named) for named in sums))
        place.display = bool(sums[0])

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


def _table(rows: Iterable[_Named]) -> Content:
    return facts(
        [(fit(name, NAME), f"{size(total.bytes):<9}{many(total.files, 'file')}") for name, total in rows],
        wide=NAME + 2,
    )
