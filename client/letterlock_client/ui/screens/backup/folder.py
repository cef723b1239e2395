"""Where backups go: a folder, on this disk, an external one, or one that another program carries away."""

from collections.abc import Iterable

from textual import on
from textual.widget import Widget
from textual.widgets import Button, Input

from letterlock_client.file_paths import path_of
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words

HOW = (
    "Backups are written into this folder, as ciphertext only. It can lie on another disk, or be one that "
    "a cloud program carries away: what it holds is of no use to anybody without your password or key."
)
SAME_DISK = "A folder on the disk of this device does not help when the device is lost."


class FolderScreen(Dialog[str]):
    """The question; the result is a provider, `folder:DIR`."""

    hint = "enter goes on · escape goes back"

    def __init__(self, provider: str = "", heading: str = "Where shall backups go?") -> None:
        super().__init__()
        self.heading = heading
        self._folder = provider.removeprefix("folder:")

    def parts(self) -> Iterable[Widget]:
        """The field."""
        yield words(HOW, "dialog--text")
        yield Input(
            self._folder, placeholder="/media/disk/letterlock", id="folder", compact=True, max_length=1_000
        )
        yield words(SAME_DISK, "dialog--later")
        yield problem_line()
        yield Button("Go on", variant="primary", compact=True, classes="dialog--go")

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _chosen(self) -> None:
        text = self.query_one(Input).value.strip()
        if not text:
            self.say("Name a folder.")
            return
        folder = path_of(text)
        if not folder.is_absolute():
            self.say("Give the whole path, from / or from ~.")
        elif folder.exists() and not folder.is_dir():
            self.say("This is a file, not a folder.")
        else:
            self.dismiss(f"folder:{folder}")
