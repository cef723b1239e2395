"""Comparing the safety number of a chat: 12 groups of five digits, or a QR code."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from letterlock_client.errors import ClientError
from letterlock_client.models import Conversation, SafetyNumber
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.qr_code import QrCode
from letterlock_client.ui.wording import groups_of_five, title_of

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

HOW = (
    "Compare these numbers with {name} over a call or in person. If they are the same on both sides, "
    "nobody stands between you. Type or paste the other side's number to be sure you compared all of it, "
    "or say that you have compared them."
)


class VerifyScreen(Dialog[bool]):
    """The number; the result is whether the person is verified afterwards."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+g", "qr", "QR code", show=False, priority=True)]

    hint = "ctrl+g shows the QR code · escape closes"

    @dataclass
    class Read(TextualMessage):
        """The number was computed, or something failed."""

        number: SafetyNumber | None
        problem: str = ""

    def __init__(
        self, messenger: "Messenger", conversation: Conversation, surroundings: Surroundings
    ) -> None:
        super().__init__(classes="-tall")
        self._messenger = messenger
        self._conversation = conversation
        self._icons = surroundings.icons
        self._number: SafetyNumber | None = None
        self.heading = f"Verify {title_of(conversation)}"

    def parts(self) -> Iterable[Widget]:
        """The number, the field and the buttons."""
        yield words(HOW.format(name=title_of(self._conversation)), "dialog--text")
        yield words("", "verify--state")
        yield words("computing…", "verify--number")
        yield Input(placeholder="the other side's number", compact=True, max_length=200)
        yield problem_line()
        yield _Answers()

    def on_mount(self) -> None:
        """Compute it."""
        self._call(self._read())

    def _call(self, call: Awaitable[None]) -> None:
        start(self, self._guard, call)

    async def _guard(self, call: Awaitable[None]) -> None:
        try:
            await call
        except ClientError as error:
            self.post_message(self.Read(None, error.sentence))

    async def _read(self) -> None:
        self.post_message(self.Read(await self._messenger.safety_number(self._conversation.id)))

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        self.say(event.problem)
        if event.number is None:
            return
        self._number = event.number
        groups = groups_of_five(event.number.digits)
        lines = ["   ".join(groups[start : start + 4]) for start in range(0, len(groups), 4)]
        self.query_one(".verify--number", Static).update(Content("\n".join(lines)))
        state = f"{self._icons.verified} verified" if event.number.verified else "not verified"
        self.query_one(".verify--state", Static).update(Content(state))
        self.set_class(event.number.verified, "-verified")

    async def _confirm(self, digits: str) -> None:
        right = await self._messenger.confirm_verified(self._conversation.id, digits)
        number = await self._messenger.safety_number(self._conversation.id)
        problem = "" if right else "This is another number. Do not trust this chat before you know why."
        self.post_message(self.Read(number, problem))

    async def _withdraw(self) -> None:
        await self._messenger.withdraw_verified(self._conversation.id)
        await self._read()

    @on(Input.Submitted)
    def _typed(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self._call(self._confirm(event.value))

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if self._number is None:
            return
        if event.button.name == "same":
            self._call(self._confirm(self._number.digits))
        elif event.button.name == "withdraw":
            self._call(self._withdraw())
        else:
            self.action_qr()

    def agree(self) -> None:
        """Say that the numbers are the same; once that was said, close."""
        if self._number is None:
            return
        if self._number.verified:
            self.action_leave()
        else:
            self._call(self._confirm(self._number.digits))

    def action_qr(self) -> None:
        """Show the QR code on a screen of its own."""
        if self._number is not None and self.app.screen is self:
            self.app.push_screen(QrScreen(self._number.qr, self.heading))

    def action_leave(self) -> None:
        """Close; say how it stands."""
        self.dismiss(self._number is not None and self._number.verified)


class _Answers(Horizontal):
    DEFAULT_CLASSES = "dialog--answers"

    def compose(self) -> ComposeResult:
        yield Button("They are the same", name="same", compact=True)
        yield Button("QR code", name="qr", compact=True)
        yield Button("Not verified after all", name="withdraw", compact=True, classes="verify--withdraw")


class QrScreen(Dialog[None]):
    """A QR code in black on white."""

    hint = "escape closes"

    def __init__(self, data: bytes | str, heading: str) -> None:
        super().__init__(classes="-fit")
        self.heading = heading
        self._data = data

    def parts(self) -> Iterable[Widget]:
        """The code."""
        yield QrCode(self._data)
