"""The passphrase of the device: a new one, with which what is restored is locked; or the one it has."""

from collections.abc import Iterable

from textual import on
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Input

from letterlock_client.config import NO_PASSPHRASE, Unlock
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.widgets.new_passphrase import NewPassphrase

HOW = (
    "It locks what is kept on this device, and is asked at every start. It may be another one than on the old "
    "device, and it is not the backup password."
)


class NewPassphraseScreen(Dialog[Unlock]):
    """The form."""

    heading = "A passphrase for this device"
    hint = "enter goes on · escape goes back"

    def __init__(self) -> None:
        super().__init__(classes="-opaque -large")

    def parts(self) -> Iterable[Widget]:
        """Two fields, or none."""
        yield words(HOW, "dialog--text")
        yield NewPassphrase()
        yield problem_line()
        yield Button("Restore now", variant="primary", compact=True, classes="dialog--go")

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _submit(self, event: TextualMessage) -> None:
        if isinstance(event, Input.Submitted) and event.input.id == "passphrase":
            self.focus_next()
            return
        chosen = self.query_one(NewPassphrase)
        if problem := chosen.problem:
            self.say(problem)
        else:
            self.dismiss(NO_PASSPHRASE if chosen.passphrase is None else Unlock(chosen.passphrase))


class OldPassphraseScreen(Dialog[Unlock]):
    """The field; what it holds is checked when the profile is opened."""

    heading = "The passphrase of this device"
    hint = "enter goes on · escape goes back"

    def __init__(self) -> None:
        super().__init__(classes="-opaque -large")

    def parts(self) -> Iterable[Widget]:
        """The field."""
        yield words("The restore goes on in this profile, which is locked with it.", "dialog--text")
        yield Input(placeholder="passphrase", password=True, compact=True, max_length=1_024)

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        if event.value:
            self.dismiss(Unlock(event.value))
