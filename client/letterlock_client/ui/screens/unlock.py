"""Asking for the passphrase of the local database. One constant answer to a wrong one.

Must not know how it is checked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Input

from letterlock_client.errors import ClientError, Code
from letterlock_client.ui.background import start
from letterlock_client.ui.doors import Doors, NoAccount
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


class UnlockScreen(Dialog["Messenger | NoAccount"]):
    """A field; the result is the open messenger, or what is there where the profile has no account yet."""

    heading = "Letterlock"
    hint = "enter opens · ctrl+q leaves"

    @dataclass
    class Answered(TextualMessage):
        """It is open, or it is not."""

        opened: "Messenger | NoAccount | None"
        problem: str = ""

    def __init__(self, doors: Doors) -> None:
        super().__init__(classes="-opaque")
        self._doors = doors

    def parts(self) -> Iterable[Widget]:
        """The field."""
        yield words("Your messages are locked on this device.", "dialog--text")
        yield Input(placeholder="Passphrase", password=True, compact=True, max_length=1_024)
        yield problem_line()

    @on(Input.Submitted)
    def _try(self, event: Input.Submitted) -> None:
        passphrase = event.value
        event.input.clear()
        event.input.disabled = True
        self.passes = True
        self.say("Opening…")
        start(self, self._open, passphrase, exclusive=True)

    async def _open(self, passphrase: str) -> None:
        try:
            self.post_message(self.Answered(await self._doors.open(passphrase)))
        except ClientError as error:
            no_account = error.code is Code.NO_PROFILE
            opened = await self._doors.look_back(passphrase) if no_account else None
            self.post_message(self.Answered(opened, error.sentence))

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.stop()
        if event.opened is not None:
            self.opens = not isinstance(event.opened, NoAccount)
            self.dismiss(event.opened)
            return
        field = self.query_one(Input)
        field.disabled = False
        field.focus()
        self.refuse(event.problem, keeps=True)

    def action_leave(self) -> None:
        """There is nothing behind this screen: stay."""
