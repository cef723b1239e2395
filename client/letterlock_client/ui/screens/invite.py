"""The own invite link, to be copied or scanned."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Static

from letterlock_client.errors import ClientError
from letterlock_client.sanitize import line_of
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog, words
from letterlock_client.ui.widgets.qr_code import QrCode

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

HOW = (
    "Give this link to somebody you know. It carries your key, so that no relay can put another in its place."
)


class InviteScreen(Dialog[None]):
    """The link."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy", "Copy", show=False)]

    heading = "Your invite link"
    hint = "y copies the link · escape closes"

    @dataclass
    class Read(TextualMessage):
        """The link, or what went wrong."""

        link: str
        problem: str = ""

    def __init__(self, messenger: "Messenger") -> None:
        super().__init__(classes="-tall")
        self._messenger = messenger
        self._link = ""

    def parts(self) -> Iterable[Widget]:
        """What it is for, and the link."""
        yield words(HOW, "dialog--text")
        yield words("…", "invite--link")

    def on_mount(self) -> None:
        """Ask for it."""
        start(self, self._read)

    async def _read(self) -> None:
        try:
            self.post_message(self.Read(await self._messenger.invite_link()))
        except ClientError as error:
            self.post_message(self.Read("", error.sentence))

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        place = self.query_one(".invite--link", Static)
        if event.problem:
            place.update(Content(line_of(event.problem)))
            return
        self._link = event.link
        place.update(Content(line_of(event.link)))
        self.mount(QrCode(event.link), after=place)

    def action_copy(self) -> None:
        """Copy the link."""
        if self._link:
            self.app.copy_to_clipboard(self._link)
            self.app.notify("Copied.", markup=False)
