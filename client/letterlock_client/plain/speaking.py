"""What line mode says, what its words do, and the present chat: all that its verbs share.

Must not know the verbs, nor where lines come from.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from letterlock.ids import ConversationId, MessageId
from letterlock_client.errors import ClientError, Code
from letterlock_client.messenger import Messenger
from letterlock_client.models import Message
from letterlock_client.output import print_line
from letterlock_client.sanitize import clean
from letterlock_client.shapes import message_line

Action = Callable[[str], Awaitable[None]]

REMEMBERED: Final = 1_000
"""Of so many messages that were said it is known how, so that a change of them is said and nothing else."""


class Present:
    """Who speaks, and the chat that what is typed goes to."""

    def __init__(self, messenger: Messenger) -> None:
        self.messenger = messenger
        self.chat: ConversationId | None = None
        self._said: dict[MessageId, str] = {}

    def require(self) -> ConversationId:
        """The present chat. Raises code bad_input where there is none."""
        if self.chat is None:
            raise ClientError(Code.BAD_INPUT, "say first to whom: /to WHO")
        return self.chat

    async def line(self, message: Message) -> str:
        """A message in one line or more, as it is said now."""
        conversation = await self.messenger.conversation(message.conversation)
        said = message_line(message, conversation, self.messenger.profile.handle, opens="/save opens it")
        self._said.pop(message.id, None)
        self._said[message.id] = said
        if len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]
        return said

    async def tell_change(self, message: Message) -> None:
        """Say a message again that was said otherwise: changed, deleted, reacted to, or not sent."""
        before = self._said.get(message.id)
        if before is not None and before != (now := await self.line(message)):
            say(f"Changed: {now}")

    async def tell_message(self, message: Message) -> None:
        """Say a message, with its chat, and take it as read where that is the present one."""
        say(await self.line(message))
        if message.conversation == self.chat and not message.mine:
            await self.messenger.saw(message.conversation, message.id)


class Verbs(ABC):
    """Some of the words that can be typed behind a slash."""

    def __init__(self, present: Present) -> None:
        self.present = present
        self.messenger = present.messenger

    @property
    @abstractmethod
    def words(self) -> Mapping[str, tuple[Action, str]]:
        """Each word, what it does with the text behind it, and what `/help` says of it."""

    async def message_and_text(self, rest: str) -> tuple[Message, str]:
        """Read a message's id and the text behind it."""
        word, _, text = rest.partition(" ")
        return await self.messenger.find_message(word), text.strip()


def say(text: str) -> None:
    """Print a text; nothing in it can do anything to the terminal."""
    print_line(clean(text))
