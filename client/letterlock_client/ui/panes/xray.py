"""X-ray: beside the chat, the layers of the message under the cursor, or of the newest one.

Follows the conversation while it is open. Must not know how a message is sealed, only what is told about it.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import Static

from letterlock_client.errors import ClientError
from letterlock_client.models import Conversation, Inspection, Message
from letterlock_client.ui.background import start
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.xray_wording import layers, parties

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

TITLE = "X-ray · tab goes here, arrows scroll"
EMPTY = "Nothing here yet: open a chat, or go to a message."


class XrayPane(VerticalScroll):
    """The panel."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Write", show=False)]

    class Left(TextualMessage):
        """The keys shall go back to the chat."""

    @dataclass
    class Read(TextualMessage):
        """What is known about a message."""

        message: Message
        chat: Conversation
        known: Inspection | None

    def __init__(self, messenger: "Messenger", icons: Icons) -> None:
        super().__init__(classes="xray")
        self._messenger = messenger
        self._icons = icons
        self._body = Static(Content(EMPTY), markup=False)

    def compose(self) -> ComposeResult:
        """A title and what is known."""
        yield Static(Content(TITLE), markup=False, classes="xray--title")
        yield self._body

    def on_focus(self) -> None:
        """Say by a sign, too, that the keys scroll here."""
        self.query_one(".xray--title", Static).update(Content(f"{self._icons.cursor} {TITLE}"))

    def on_blur(self) -> None:
        """Take the sign back."""
        self.query_one(".xray--title", Static).update(Content(TITLE))

    def action_leave(self) -> None:
        """Give the keys back."""
        self.post_message(self.Left())

    def follow(self, message: Message, chat: Conversation) -> None:
        """Show this message from now on."""
        start(self, self._read, message, chat, group="xray", exclusive=True)

    async def _read(self, message: Message, chat: Conversation) -> None:
        known = None
        with suppress(ClientError):
            known = await self._messenger.inspect(message.id)
            if message.edits and (texts := await self._messenger.edits(message.id)):
                # The envelope that is told about carried the first text; each change travelled in its own.
                message = replace(message, text=texts[0])
        self.post_message(self.Read(message, chat, known))

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        rows: list[Content] = []
        for place, layer in enumerate(layers(event.message, event.known)):
            if place:
                rows.append(Content.styled(f"  {self._icons.down}", "dim"))
            rows.append(Content.assemble((layer.title, "bold"), f"  {layer.size}" if layer.size else ""))
            rows.append(Content.styled(layer.how, "dim"))
            rows += [Content(f"  {line}") for line in layer.shown]
        rows += [Content(""), Content.styled("What each party saw", "bold")]
        seen = parties(event.message, event.chat, self._messenger.profile.handle, event.known)
        rows += [Content.assemble((f"{who}: ", "bold"), what) for who, what in seen]
        self._body.update(Content("\n").join(rows))
