"""How one message travelled: times, sizes at each layer, where the ratchet stood."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Static

from letterlock.ids import message_text
from letterlock_client.errors import ClientError
from letterlock_client.models import Delivery, Inspection, Message
from letterlock_client.sanitize import line_of
from letterlock_client.shapes import many
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog, words
from letterlock_client.ui.wording import DELIVERY_WORDS, moment, size, span

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


RECEIPTS = "Delivered and read are when the first receipt came, by this clock."
_UNKNOWN = "not known here"


class MessageInfoScreen(Dialog[None]):
    """The facts about one message."""

    heading = "About this message"

    @dataclass
    class Read(TextualMessage):
        """The facts, or what went wrong."""

        inspection: Inspection | None
        edits: Sequence[str]
        problem: str = ""

    def __init__(self, messenger: "Messenger", message: Message) -> None:
        super().__init__()
        self._messenger = messenger
        self._message = message

    def parts(self) -> Iterable[Widget]:
        """What is known at once; the rest follows."""
        with VerticalScroll(classes="info--facts"):
            yield words(_table(self._times()), "info--table")
            if self._message.delivered_at or self._message.read_at:
                yield words(RECEIPTS, "dialog--hint")
            yield words("", "info--sizes")

    def on_mount(self) -> None:
        """Ask for the rest."""
        start(self, self._read)

    async def _read(self) -> None:
        try:
            edits = await self._messenger.edits(self._message.id) if self._message.edits else []
            self.post_message(self.Read(await self._messenger.inspect(self._message.id), edits))
        except ClientError as error:
            self.post_message(self.Read(None, [], error.sentence))

    def _times(self) -> list[tuple[str, str]]:
        message = self._message
        facts = [
            ("Sent", moment(message.sent_at)),
            ("Here since", moment(message.received_at)),
            ("State", _state(message)),
        ]
        if message.delivery in (Delivery.DELIVERED, Delivery.READ):
            facts.append(("Delivered", _receipt(message.delivered_at)))
        if message.delivery is Delivery.READ:
            facts.append(("Read", _receipt(message.read_at)))
        if message.failure:
            facts.append(("Reason", line_of(message.failure, 200)))
        if message.timer_s:
            facts.append(("Disappears after", span(message.timer_s)))
        if message.expires_at:
            facts.append(("Disappears at", moment(message.expires_at)))
        if message.attachment is not None:
            facts.append(("File", f"{line_of(message.attachment.name, 80)}, {size(message.attachment.size)}"))
        return [*facts, ("Id", message_text(message.id))]

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        facts = []
        if (known := event.inspection) is not None:
            facts = [
                ("Text", _bytes(known.text_bytes)),
                ("Padded", _bytes(known.padded_bytes)),
                ("Sealed", _bytes(known.sealed_bytes)),
                ("The relay sees", _bytes(known.envelope_bytes)),
                ("Sealed for", many(known.devices, "device")),
                ("Ratchet step", str(known.ratchet_step)),
                ("Chain index", str(known.chain_index)),
            ]
            if known.first_contact:
                kind = "the reusable" if known.last_resort else "a one-time"
                facts.append(("First contact", f"with {kind} post-quantum prekey"))
        facts += [(f"Earlier text {place}", line_of(text, 120)) for place, text in enumerate(event.edits, 1)]
        text = _table(facts) if facts else Content(line_of(event.problem))
        self.query_one(".info--sizes", Static).update(text)


def _state(message: Message) -> str:
    if message.mine and message.delivery is Delivery.NONE:
        return _UNKNOWN
    return DELIVERY_WORDS[message.delivery]


def _receipt(at: int) -> str:
    return moment(at) if at else _UNKNOWN


def _bytes(count: int) -> str:
    return f"{count} bytes" if count else _UNKNOWN


def _table(facts: Sequence[tuple[str, str]]) -> Content:
    column = max((len(name) for name, _ in facts), default=0) + 2
    return Content("\n").join(
        Content.assemble(Content(name.ljust(column)), Content.styled(value, "bold")) for name, value in facts
    )
