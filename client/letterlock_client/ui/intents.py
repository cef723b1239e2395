"""Everything a person can want, as Textual messages: the only words widgets have.

A widget posts an intent; a pane or screen above turns it into one call of its messenger. Each names its
chat, so that nothing can reach another person than the one it was meant for. Must not know the messenger.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.message import Message as TextualMessage

from letterlock.ids import ConversationId, MessageId
from letterlock_client.events import Event
from letterlock_client.models import Message


@dataclass
class Happened(TextualMessage):
    """The messenger said that something happened; posted by the worker that listens, to its own pane."""

    event: Event


@dataclass
class OpenChat(TextualMessage):
    """Show this chat."""

    conversation: ConversationId


@dataclass
class IsOpen(TextualMessage):
    """The chat, or client, that was asked for is there, or cannot be: what was typed behind that waits no longer."""


@dataclass
class CallOutside(TextualMessage):
    """Let the terminal notify, whatever else is on its screen."""

    title: str
    body: str


@dataclass
class OpenMessage(TextualMessage):
    """Show this message in its chat."""

    conversation: ConversationId
    message: MessageId


@dataclass
class FindChat(TextualMessage):
    """Find a chat by its name."""


@dataclass
class OpenRequests(TextualMessage):
    """Show the people who wrote first and wait for an answer."""


@dataclass
class LeaveChat(TextualMessage):
    """Go back to the list of chats."""


@dataclass
class Send(TextualMessage):
    """Send this text to this chat."""

    conversation: ConversationId
    text: str
    reply_to: MessageId | None = None


@dataclass
class Slash(TextualMessage):
    """Do a command that was typed: its word, and what stood behind it."""

    conversation: ConversationId
    word: str
    rest: str
    reply_to: MessageId | None = None


@dataclass
class Do(TextualMessage):
    """Do a command of the client, by its action's name."""

    action: str


@dataclass
class WriteOutside(TextualMessage):
    """Let this unsent text be written in the person's own editor."""

    conversation: ConversationId
    text: str


@dataclass
class ChangeText(TextualMessage):
    """Replace the text of an own message."""

    conversation: ConversationId
    message: MessageId
    text: str


@dataclass
class EditLast(TextualMessage):
    """Edit the own message sent last in this chat."""

    conversation: ConversationId


@dataclass
class DraftChanged(TextualMessage):
    """What stands unsent in this chat's composer."""

    conversation: ConversationId
    text: str


@dataclass
class TypingNoticed(TextualMessage):
    """The person types in this chat, or stopped."""

    conversation: ConversationId
    typing: bool


@dataclass
class PagesWanted(TextualMessage):
    """These rows of the chat's timeline are about to be seen and are not loaded."""

    conversation: ConversationId
    rows: Sequence[int]


@dataclass
class QuoteWanted(TextualMessage):
    """A message on the screen answers this one, which is not loaded."""

    conversation: ConversationId
    message: MessageId


@dataclass
class PictureWanted(TextualMessage):
    """A message on the screen has a small picture that is not decoded."""

    conversation: ConversationId
    message: Message


@dataclass
class TimelineStale(TextualMessage):
    """So much was added or dropped that the timeline should be read again."""

    conversation: ConversationId


@dataclass
class Seen(TextualMessage):
    """Everything up to this message has been on the screen, in a focused terminal."""

    conversation: ConversationId
    message: MessageId


@dataclass
class JumpTo(TextualMessage):
    """Go to this message."""

    conversation: ConversationId
    message: MessageId


@dataclass
class ReplyCancelled(TextualMessage):
    """The message being written answers or changes nothing after all."""

    conversation: ConversationId


@dataclass
class FocusLog(TextualMessage):
    """Move from writing to reading."""

    conversation: ConversationId


@dataclass
class FocusComposer(TextualMessage):
    """Move from reading to writing."""

    conversation: ConversationId


@dataclass
class ScrollLog(TextualMessage):
    """Scroll the messages by pages while writing: -1 is up, 1 is down."""

    conversation: ConversationId
    pages: int


@dataclass
class BannerAnswered(TextualMessage):
    """A button of this chat's banner: accept, requests, verify, acknowledge or unblock."""

    conversation: ConversationId
    answer: str


@dataclass
class GoOnRestoring(TextualMessage):
    """Go on with the restore that was not finished in this profile."""
