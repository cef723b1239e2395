"""What a backup would bring back, before anything is written: its age, size, and chats to choose from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button

from letterlock_client.backup_models import (
    Freshness,
)
from letterlock_client.restore_preview import RestorePreview
from letterlock_client.sanitize import name_of
from letterlock_client.ui.backup_wording import FRESHNESS, ago, many, number, when
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.screens.restore.damaged import LOST
from letterlock_client.ui.screens.settings.page import facts
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.chat_picker import ChatPicker
from letterlock_client.ui.widgets.tick_box import TickBox
from letterlock_client.ui.wording import size

STALE: Final = (
    "The vault knows of a newer backup than the newest in this folder. Look for the right folder first: what "
    "came after this one would be missing."
)
OLDER: Final = (
    "{}, not in this list, come back where all chats do. "
    "letterlock backup restore --chat WHO brings back any one by name."
)
UNCHECKED: Final = (
    "Nobody could be asked whether this is your newest backup: compare its date with what you remember."
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What shall come back: WHO of each chat, empty for all of them; and whether its files now."""

    chats: tuple[str, ...] = ()
    files_later: bool = False


class PreviewScreen(Dialog[Chosen]):
    """The screen; the result is what shall come back."""

    asks = True

    heading = "This backup was found"
    hint = "space or enter in the list leaves a chat out, or takes it back in · escape goes back"

    def __init__(self, preview: RestorePreview, around: Surroundings, before: Chosen | None = None) -> None:
        """Use `before` for what was chosen the last time."""
        super().__init__(classes="-opaque -large")
        self._preview = preview
        self._before = before or Chosen()
        self._around = around

    def parts(self) -> Iterable[Widget]:
        """Facts, chats, and what to mind."""
        found, now, icons = self._preview, self._around.clock(), self._around.icons
        rows = [
            ("Of", name_of(found.handle)),
            ("Made", f"{ago(found.at, now)}, {when(found.at, now)}; backup {number(found.generation)}"),
            ("Newest", FRESHNESS[found.freshness]),
            (
                "Holds",
                f"{many(found.messages, 'message')}, {many(found.media, 'file')}, {size(found.bytes_total)}",
            ),
        ]
        with VerticalScroll(can_focus=False):
            yield words(facts(rows, wide=8), "dialog--text")
            if found.lost:
                missing = LOST.format(many(found.lost, "change"))
                yield words(f"{icons.warning} {missing}", "dialog--text preview--lost")
            if found.freshness is Freshness.STALE:
                yield words(f"{icons.warning} {STALE}", "dialog--text preview--stale")
                yield TickBox(Content("Restore this older one all the same"), id="stale", compact=True)
            elif found.freshness is Freshness.UNCHECKED:
                yield words(f"{icons.warning} {UNCHECKED}", "dialog--text")
            yield words("Chats", "dialog--section")
            yield ChatPicker(found.chats, now, self._before.chats)
            if (older := found.conversations - len(found.chats)) > 0:
                yield words(OLDER.format(many(older, "older chat")), "dialog--text")
            if found.media:
                yield words("Files", "dialog--section")
                later = f"Fetch them later, each when it is opened ({size(found.media_bytes)} now)"
                yield TickBox(Content(later), self._before.files_later, id="later", compact=True)
        yield problem_line()
        yield Button("Restore", variant="primary", compact=True, classes="dialog--go")

    def on_mount(self) -> None:
        """Begin at the list, with all that stands above it on the screen."""
        (self.query("#stale") or self.query(ChatPicker)).first().focus(scroll_visible=False)
        # The list brings what it points at on the screen, and in a low terminal takes the facts off it.
        self.call_after_refresh(self.query_one(VerticalScroll).scroll_home, animate=False)

    @on(ChatPicker.Toggled)
    @on(TickBox.Changed)
    def _changed(self) -> None:
        self.say("")

    @on(Button.Pressed)
    def _chosen(self) -> None:
        if self._preview.freshness is Freshness.STALE and not self.query_one("#stale", TickBox).value:
            self.say("This is not your newest backup. Say above that you want it all the same.")
            return
        picker = self.query_one(ChatPicker)
        if not picker.chosen and self._preview.chats:
            self.say("Choose at least one chat.")
        else:
            later = any(box.value for box in self.query("#later").results(TickBox))
            self.dismiss(Chosen(() if picker.has_all else picker.chosen, later))
