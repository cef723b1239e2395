"""The 64 digits on a new device: typed or pasted, bare, in groups or as the grid; each row is checked as it comes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static, TextArea

from letterlock_client.errors import ClientError
from letterlock_client.recovery_digits import DigitsFound, check_digits
from letterlock_client.restore_preview import RestorePreview
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.surroundings import Surroundings

if TYPE_CHECKING:
    from letterlock_client.restoration import Restoration

HOW: Final = (
    "Copy them from your recovery sheet, in groups or with the signs of the grid. They open the backup by "
    "themselves: no vault is asked, and a mistake costs nothing."
)

UNDER_WAY: Final = "escape stops looking and goes back"
ON_SHEET: Final = "left empty, the digits on the sheet are used"


class RestoreKeyScreen(Dialog[RestorePreview], Asking):
    """The field; the result is what the backup holds."""

    heading = "Your 64-digit key"
    hint = "tab, then enter goes on · escape goes back"

    def __init__(self, restoration: "Restoration", around: Surroundings, *, sheet: bool) -> None:
        """Use `sheet` where a recovery sheet was given, which may carry the digits."""
        super().__init__(classes="-opaque -large")
        self._sheet = sheet
        self._restoration = restoration
        self._icons = around.icons

    def parts(self) -> Iterable[Widget]:
        """The field, and what is known of its rows."""
        yield words(HOW, "dialog--text")
        yield TextArea(compact=True, soft_wrap=True, tab_behavior="focus", classes="key--field")
        yield words("", "key--rows")
        yield problem_line()
        yield Button("Open the backup", variant="primary", compact=True, disabled=True, classes="dialog--go")

    def on_mount(self) -> None:
        """Begin with nothing typed."""
        self._typed()

    def _found(self) -> DigitsFound:
        text = self.query_one(TextArea).text[:2_000]
        return DigitsFound(True, ON_SHEET) if self._sheet and not text.strip() else check_digits(text)

    @on(TextArea.Changed)
    def _typed(self) -> None:
        found = self._found()
        sign = self._icons.verified if found.complete else self._icons.dot
        lines = [f"{sign} {found.summary}", *(f"{self._icons.warning} {each}" for each in found.problems)]
        self.query_one(".key--rows", Static).update(Content("\n".join(lines)))
        self.query_one(Button).disabled = not found.complete
        # What was said of other digits does not stand beside these.
        self.say("")

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        text = self.query_one(TextArea).text[:2_000]
        if not self._found().complete:
            return
        self.query_one(Button).disabled = self.query_one(TextArea).disabled = True
        self.tell_keys(UNDER_WAY)
        self.say("Looking for the backup…")
        self.ask(lambda: self._restoration.open(text, password=False), self.dismiss, self._refused)

    def _refused(self, error: ClientError) -> None:
        self.query_one(Button).disabled = self.query_one(TextArea).disabled = False
        self.tell_keys()
        self.query_one(TextArea).focus()
        self.say(error.sentence)
