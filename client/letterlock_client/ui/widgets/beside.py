"""What a log remembers beside its messages: what they quote, their small pictures, how far their files are.

Bounded. Asks for what is missing, once, with an intent. Must not know widgets or how a message is drawn.
"""

from collections.abc import Callable
from typing import Any, Final

from textual.message import Message as TextualMessage

from letterlock.ids import ConversationId, MessageId
from letterlock_client.models import Message, Picture
from letterlock_client.ui import intents
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.widgets.message_rows import Quote, quote_of
from letterlock_client.ui.widgets.timeline_window import TimelineWindow

QUOTES: Final = 256
"""Quoted messages that are remembered."""
PICTURES: Final = 64
"""Decoded pictures that are remembered."""


class Beside:
    """For one chat's log; `say` posts an intent."""

    def __init__(
        self, conversation: ConversationId, icons: Icons, say: Callable[[TextualMessage], None]
    ) -> None:
        self._conversation = conversation
        self._icons = icons
        self._say = say
        self._quotes: dict[MessageId, Quote | None] = {}
        self._pictures: dict[MessageId, Picture | None] = {}
        self._moved: dict[MessageId, int] = {}

    def state(self, message: MessageId) -> tuple[int, bool]:
        """Return what of this a message's look depends on."""
        return self.moved(message), self._pictures.get(message) is not None

    # Quotes.

    def quote(self, message: Message, window: TimelineWindow, peer_name: str) -> Quote | None:
        """Return the line of what a message answers; three dots until it is known."""
        if message.reply_to is None or message.deleted:
            return None
        loaded = window.find(message.reply_to)
        if loaded is not None:
            return quote_of(loaded, peer_name)
        if message.reply_to not in self._quotes:
            _make_room(self._quotes, QUOTES)
            self._quotes[message.reply_to] = None
            self._say(intents.QuoteWanted(self._conversation, message.reply_to))
        return self._quotes[message.reply_to] or Quote("", self._icons.ellipsis)

    def quoted(self, name: MessageId, message: Message | None, peer_name: str) -> None:
        """A quoted message was read, or does not exist here."""
        self._quotes[name] = quote_of(message, peer_name) if message is not None else Quote("", "not here")

    def changed(self, message: Message, peer_name: str) -> None:
        """A message is different: so is what quotes it."""
        if message.id in self._quotes:
            self._quotes[message.id] = quote_of(message, peer_name)

    def forget_quotes(self) -> None:
        """The other person is called something else now."""
        self._quotes.clear()

    # Pictures and files on their way.

    def picture(self, message: Message) -> Picture | None:
        """Return a message's small picture once it is decoded."""
        file = message.attachment
        if file is None or not file.preview or message.view_once or message.deleted:
            return None
        if message.id not in self._pictures:
            _make_room(self._pictures, PICTURES)
            self._pictures[message.id] = None
            self._say(intents.PictureWanted(self._conversation, message))
        return self._pictures[message.id]

    def pictured(self, message: MessageId, picture: Picture) -> None:
        """A picture was decoded."""
        self._pictures[message] = picture

    def moved(self, message: MessageId) -> int:
        """Return how many hundredths of its file have moved; -1 where that is not known."""
        return self._moved.get(message, -1)

    def move(self, message: MessageId, done: int, total: int) -> bool:
        """So much has moved; say whether that changes what is shown."""
        if done >= total:
            return self._moved.pop(message, None) is not None
        share = 100 * done // total
        if self._moved.get(message) == share:
            return False
        _make_room(self._moved, QUOTES)
        self._moved[message] = share
        return True


def _make_room(held: dict[MessageId, Any], most: int) -> None:
    while len(held) >= most:
        del held[next(iter(held))]
