"""The recovery sheet: shown once, to be written down or saved; it is what a new device will ask for."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Input

from letterlock_client.config import write_private_file
from letterlock_client.errors import ClientError
from letterlock_client.file_paths import path_of
from letterlock_client.sanitize import clean
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.backup_wording import key_lines
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words

WITH_KEY = (
    "These 64 digits open your backup without any password. Whoever has them can read it; without them, or "
    "a password that you chose for it, nobody can, not even you."
)
MORE = "more below: arrows scroll · escape closes"
WITHOUT_KEY = "What opens your backup is not on this sheet. With both, a new device finds and opens it."


class Paper(VerticalScroll):
    """What is to be kept. Whoever copies it has to know that it goes on below what is shown."""

    class Moved(TextualMessage):
        """Another part of it is shown."""

    @property
    def has_more(self) -> bool:
        """Whether it goes on below."""
        return self.scroll_offset.y < self.max_scroll_y

    def on_resize(self) -> None:
        """It is laid out."""
        self.post_message(self.Moved())

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Somebody scrolls."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved())


class SheetScreen(Dialog[bool], Asking):
    """The sheet; the result is whether somebody says to have it, or has saved it."""

    asks = True

    heading = "Your recovery sheet"
    hint = "arrows scroll · escape closes"

    def __init__(
        self, sheet: str, recovery_key: str = "", heading: str = "", *, has_digits: bool = False
    ) -> None:
        """Use `has_digits` for a sheet that carries the digits, where they are not given by themselves."""
        super().__init__(classes="-large")
        self.heading = heading or self.heading
        self._sheet = sheet
        self._key = recovery_key
        self._opens = bool(recovery_key) or has_digits
        self._is_kept = False

    def parts(self) -> Iterable[Widget]:
        """Digits, sheet, and two ways to keep them."""
        with Paper():
            yield words(WITH_KEY if self._opens else WITHOUT_KEY, "dialog--text")
            # A sheet that carries the digits shows them itself.
            if self._key and "".join(self._key.split()) not in "".join(self._sheet.split()):
                yield words("\n".join(key_lines(self._key)), "sheet--key")
            if self._sheet:
                yield words(Content(clean(self._sheet[:8_000])), "sheet--text")
        with Horizontal(classes="sheet--file"):
            yield Input(placeholder="~/letterlock-sheet.txt", id="file", compact=True, max_length=1_000)
            yield Button("Save to this file", name="save", compact=True)
        yield problem_line()
        yield Button(
            "I have written it down", name="done", variant="primary", compact=True, classes="dialog--go"
        )

    def on_mount(self) -> None:
        """Begin where reading begins."""
        self.query_one(Paper).focus()

    @on(Paper.Moved)
    def _tell_rest(self, event: Paper.Moved) -> None:
        event.stop()
        more = self.query_one(Paper).has_more
        self.set_class(more, "-more")
        self.tell_keys(MORE if more else "")

    @on(Input.Submitted)
    @on(Button.Pressed, ".sheet--file Button")
    def _save(self, event: Input.Submitted | Button.Pressed) -> None:
        event.stop()
        path = path_of(self.query_one(Input).value.strip() or "~/letterlock-sheet.txt")
        if path.exists():
            self.say("There is a file of this name already. Choose another name.")
            return
        text = self._sheet or "\n".join(key_lines(self._key)) + "\n"

        async def write() -> Path:
            await asyncio.to_thread(write_private_file, path, text.encode())
            return path

        self.ask(write, self._saved, self._not_saved)

    def _saved(self, path: Path) -> None:
        self._is_kept = True
        self.say(f"Saved as {path}, readable by you alone. Move it to a safe place, away from this device.")

    def _not_saved(self, error: ClientError) -> None:
        self.say(f"Not saved: {error.message.removesuffix('.')}.")

    @on(Button.Pressed, ".dialog--go")
    def _done(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(True)

    def action_leave(self) -> None:
        """Close; a sheet that was saved is one that somebody has."""
        self.dismiss(self._is_kept)
