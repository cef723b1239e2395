"""What a message said before it was changed, the oldest text first, with the present one at the end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Static

from letterlock_client.errors import ClientError
from letterlock_client.models import Message
from letterlock_client.sanitize import body_of, line_of
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

SHOWN: Final = 20
"""How many earlier texts are shown, the newest ones."""


class HistoryScreen(Dialog[None]):
    """The texts of one message."""

    heading = "Earlier texts"
    hint = "arrows scroll · escape closes"

    @dataclass
    class Read(TextualMessage):
        """The earlier texts, or what went wrong."""

        texts: Sequence[str]
        problem: str = ""

    def __init__(self, messenger: "Messenger", message: Message) -> None:
        super().__init__(classes="-large")
        self._messenger = messenger
        self._message = message

    def parts(self) -> Iterable[Widget]:
        """One text below the other."""
        yield VerticalScroll(Static(markup=False, classes="history--texts"), can_focus=True)

    def on_mount(self) -> None:
        """Ask for them."""
        start(self, self._read)

    async def _read(self) -> None:
        try:
            self.post_message(self.Read(await self._messenger.edits(self._message.id)))
        except ClientError as error:
            self.post_message(self.Read([], error.sentence))

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        texts = event.texts[-SHOWN:]
        parts = [
            (f"{place} of {len(event.texts)}", text)
            for place, text in enumerate(texts, len(event.texts) - len(texts) + 1)
        ]
        shown = [
            Content.assemble(Content.styled(f"{name}\n", "bold"), f"{_shortened(text)}\n")
            for name, text in [*parts, ("now", self._message.text)]
        ]
        if event.problem:
            shown = [Content(line_of(event.problem))]
        self.query_one(".history--texts", Static).update(Content("\n").join(shown))


def _shortened(text: str) -> str:
    body = body_of(text)
    return f"{body.text}…" if body.hidden_lines else body.text
