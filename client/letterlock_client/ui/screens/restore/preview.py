"""What a backup would bring back, before anything is written: its age, size, and chats to choose from."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input

from letterlock_client.backup_models import Freshness
from letterlock_client.restore_preview import PreviewChat, RestorePreview
from letterlock_client.sanitize import name_of
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.backup_wording import FRESHNESS, ago, many, number, when
from letterlock_client.ui.screens.dialog import Dialog, keep_in_view, problem_line, words
from letterlock_client.ui.screens.restore.damaged import LOST
from letterlock_client.ui.screens.settings.page import facts
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.chat_picker import ChatPicker
from letterlock_client.ui.widgets.tick_box import TickBox
from letterlock_client.ui.wording import size

Find = Callable[[str], Awaitable[PreviewChat]]

STALE: Final = (
    "The vault knows of a newer backup than the newest in this folder. Look for the right folder first: what "
    "came after this one would be missing."
)
OLDER: Final = (
    "{}, not in this list, come back where all chats do; a whole name, written above, finds any one."
)
NO_CHATS: Final = "None: your account and your contacts come back."
MANY: Final = 10
"""Chats that are found by looking; among more, or where older ones are not listed, a field narrows the list."""
LOOKING: Final = "Looking through the whole backup…"
UNCHECKED: Final = (
    "Nobody could be asked whether this is your newest backup: compare its date with what you remember."
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What shall come back: WHO of each chat, empty for all of them; and whether its files now."""

    chats: tuple[str, ...] = ()
    files_later: bool = False
    found: tuple[PreviewChat, ...] = ()
    """Chats beyond those of the preview, which were looked for by name."""


class PreviewScreen(Dialog[Chosen], Asking):
    """The screen; the result is what shall come back."""

    asks = True

    heading = "This backup was found"
    hint = "space leaves a chat out, or takes it in · a all or none · enter goes on · escape goes back"

    def __init__(
        self, preview: RestorePreview, around: Surroundings, find: Find, before: Chosen | None = None
    ) -> None:
        """Use `before` for what was chosen the last time; `find` finds a chat that the preview does not list."""
        super().__init__(classes="-opaque -large")
        self._find = find
        self._preview = preview
        self._before = before or Chosen()
        self._around = around
        self._pointed_at = 0

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
            older = max(0, found.conversations - len(found.chats))
            if older or len(found.chats) > MANY:
                yield Input(placeholder="Part of a name", id="filter", compact=True, max_length=200)
            listed = (*found.chats, *self._before.found)
            picker = ChatPicker(listed, now, self._before.chats, older=older)
            picker.display = bool(listed or older)
            yield picker
            if not picker.display:
                yield words(NO_CHATS, "dialog--text")
            if older:
                yield words(OLDER.format(many(older, "older chat")), "dialog--text")
            if found.media:
                yield words("Files", "dialog--section")
                later = f"Fetch them later, each when it is opened ({size(found.media_bytes)} now)"
                yield TickBox(Content(later), self._before.files_later, id="later", compact=True)
        yield problem_line()
        yield Button("Restore", variant="primary", compact=True, classes="dialog--go")

    def on_mount(self) -> None:
        """Begin at the list, with all that stands above it on the screen."""
        picker = self.query_one(ChatPicker)
        begin = self.query("#stale") or (self.query(ChatPicker) if picker.display else self.query(Button))
        begin.first().focus(scroll_visible=False)
        if not picker.display and not self.query("#stale"):
            self.tell_keys("enter goes on · escape goes back")
        # The list brings what it points at on the screen, and in a low terminal takes the facts off it.
        self.call_after_refresh(self.query_one(VerticalScroll).scroll_home, animate=False)

    @on(ChatPicker.OptionHighlighted)
    def _pointed(self, event: ChatPicker.OptionHighlighted) -> None:
        # Where it begins, what stands above the list is to be seen.
        if event.option_index != self._pointed_at:
            self._pointed_at = event.option_index
            keep_in_view(self.query_one(VerticalScroll), event.option_list, event.option_index)

    # Finding a chat.

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        self._look_no_longer()
        self.say("")
        self.query_one(ChatPicker).narrow(event.value)

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        picker = self.query_one(ChatPicker)
        if not picker.fits_nothing:
            picker.focus()
        elif picker.option_count:
            self._look_for(event.value.strip())
        else:
            self.say("No chat of this backup has such a name.")

    @on(ChatPicker.Sought)
    def _sought(self, event: ChatPicker.Sought) -> None:
        self._look_for(event.name)

    def _look_for(self, name: str) -> None:
        self._look_no_longer()
        self.say(LOOKING)
        self.ask(lambda: self._find(name), self._found)

    def _look_no_longer(self) -> None:
        """Leave what was sought before: it reads the whole backup, and its answer would take the focus away."""
        self.workers.cancel_group(self, "asking")

    def _found(self, chat: PreviewChat) -> None:
        picker = self.query_one(ChatPicker)
        picker.take_in(chat)
        picker.focus()

    # Choosing.

    @on(ChatPicker.Toggled)
    def _toggled(self, event: ChatPicker.Toggled) -> None:
        event.stop()
        picker = self.query_one(ChatPicker)
        if picker.highlighted is not None:
            # At first it may stand below what a low screen shows.
            keep_in_view(self.query_one(VerticalScroll), picker, picker.highlighted)
        self._changed()

    @on(ChatPicker.Passed)
    def _passed(self) -> None:
        self.query_one(Button).focus()

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
            beyond = picker.chats[len(self._preview.chats) :]
            self.dismiss(Chosen(() if picker.has_all else picker.chosen, later, beyond))
