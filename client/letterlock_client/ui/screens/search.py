"""Finding messages by their words, in every chat.

Must not know how they are found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual import on
from textual.content import Content
from textual.events import Key
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from letterlock.ids import ConversationId
from letterlock_client.errors import ClientError
from letterlock_client.models import Conversation, Message
from letterlock_client.sanitize import line_of
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog, problem_line
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.wording import preview, short_time, title_of

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

SHOWN: Final = 50
_BEFORE: Final = 24
"""How many characters before the first word stay in sight."""


class SearchScreen(Dialog[Message]):
    """A field, and the newest messages that hold all its words."""

    heading = "Search all chats"
    hint = "enter goes to the message · escape closes"

    @dataclass
    class Results(TextualMessage):
        """What was found for what stood in the field, or why not."""

        text: str
        messages: Sequence[Message]
        chats: dict[ConversationId, Conversation]
        problem: str

    def __init__(self, messenger: "Messenger", surroundings: Surroundings) -> None:
        super().__init__()
        self._messenger = messenger
        self._clock = surroundings.clock
        self._found: Sequence[Message] = ()

    def parts(self) -> Iterable[Widget]:
        """The field, what goes wrong, and the list."""
        yield Input(placeholder="Words, each from its beginning", compact=True)
        yield problem_line()
        yield OptionList(markup=False, compact=True)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search for what stands there now; an older search is given up."""
        start(self, self._search, event.value, group="search", exclusive=True)

    async def _search(self, text: str) -> None:
        messages: Sequence[Message] = ()
        chats: dict[ConversationId, Conversation] = {}
        problem = ""
        if any(one.isalnum() for one in text):
            try:
                messages = await self._messenger.search(text, limit=SHOWN)
                for message in messages:
                    if message.conversation not in chats:
                        chats[message.conversation] = await self._messenger.conversation(message.conversation)
                problem = "" if messages else "Nothing found."
            except ClientError as error:
                problem = error.sentence
        self.post_message(self.Results(text, messages, chats, problem))

    @on(Results)
    def _show(self, event: Results) -> None:
        event.stop()
        if event.text != self.query_one(Input).value:
            return
        self.say(event.problem)
        self._found = event.messages
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(
            self._option(one, event.chats[one.conversation], event.text) for one in event.messages
        )
        options.highlighted = 0 if event.messages else None

    def _option(self, message: Message, chat: Conversation, text: str) -> Option:
        who = "you" if message.mine else title_of(chat)
        head = f"{title_of(chat)} · {who} · {short_time(message.sent_at, self._clock())}"
        return Option(Content.assemble((head, "bold"), "\n", around(preview(message), text)))

    def on_key(self, event: Key) -> None:
        """Arrow keys move in the list while the field is written in."""
        options = self.query_one(OptionList)
        if event.key in ("down", "up") and self.query_one(Input).has_focus:
            event.stop()
            event.prevent_default()
            options.action_cursor_down() if event.key == "down" else options.action_cursor_up()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None and highlighted < len(self._found):
            self.dismiss(self._found[highlighted])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the message."""
        self.dismiss(self._found[event.option_index])


def around(shown: str, text: str) -> str:
    """Cut a long message so that the first of the words searched for is in sight."""
    line = line_of(shown)
    places = [line.casefold().find(word.casefold()) for word in text.split()]
    first = min((place for place in places if place >= 0), default=0)
    return line if first <= 2 * _BEFORE else f"…{line[first - _BEFORE :]}"
