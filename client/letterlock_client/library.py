"""What a profile holds, to be read: timelines, messages, what was said before, what was found.

The half of the messenger's verbs that changes nothing; every one works offline, and raises
`letterlock_client.errors.ClientError`. A request shows no text through any of them. Must not know the connection.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from letterlock.ids import ConversationId, MessageId, message_text
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import searching
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import Inspection, Message, News, Standing, Timeline
from letterlock_client.storage import conversations, feed, inspections, messages
from letterlock_client.storage.database import Reader

T = TypeVar("T")


class Library:
    """The reading verbs of one open profile."""

    def __init__(self, place: Workplace) -> None:
        """Read what this workplace's database holds."""
        self._place = place

    async def timeline(self, conversation: ConversationId) -> Timeline:
        """All of a chat's messages, oldest first, as row numbers and widths; none of a request's."""
        return await self._read(lambda reader: messages.timeline(reader, conversation))

    async def page(self, conversation: ConversationId, rows: Sequence[int]) -> list[Message]:
        """The messages of these rows of the timeline, in that order; rows that are gone are left out."""
        return await self._read(lambda reader: messages.page(reader, conversation, rows))

    async def message(self, message: MessageId) -> Message:
        """One message. Raises codes unknown_message, not_accepted."""
        found = await self._read(lambda reader: messages.get(reader, message))
        if found is None:
            raise ClientError(Code.UNKNOWN_MESSAGE, "there is no such message", id=message_text(message))
        await self._check_accepted(found.conversation)
        return found

    async def _check_accepted(self, conversation: ConversationId) -> None:
        """A request shows no text: whoever writes first does not choose what somebody has to read."""
        found = await self._read(lambda reader: conversations.get(reader, conversation))
        if found is None:
            raise ClientError(Code.UNKNOWN_CONVERSATION, "there is no such chat")
        if found.contact.standing is Standing.REQUESTED:
            raise ClientError(Code.NOT_ACCEPTED, "this request waits for an answer: accept it to read it")

    async def find_message(self, text: str) -> Message:
        """The message whose shown id is `text`, or begins with it (4 characters or more, one match only).

        Raises codes unknown_message, bad_input (ambiguous or too short).
        """
        return await self.message(await searching.by_beginning(self._place, text))

    async def row_of(self, message: MessageId) -> int | None:
        """Where a message stands in its chat's timeline: its row, or None where it is gone."""
        return await self._read(lambda reader: messages.row_of(reader, message))

    async def history(self, conversation: ConversationId, limit: int) -> list[Message]:
        """The last `limit` messages, oldest first. Raises codes unknown_conversation, not_accepted."""
        await self._check_accepted(conversation)
        return await self._read(lambda reader: messages.last(reader, conversation, limit))

    async def edits(self, message: MessageId) -> list[str]:
        """Earlier texts of an edited message, the oldest first."""
        return await self._read(lambda reader: inspections.earlier_texts(reader, message))

    async def inspect(self, message: MessageId) -> Inspection:
        """How this message travelled: sizes and ratchet position."""
        found = await self._read(lambda reader: inspections.get(reader, message))
        if found is None:
            raise ClientError(
                Code.UNKNOWN_MESSAGE, "how this travelled is not known", id=message_text(message)
            )
        return found

    async def search(
        self, text: str, conversation: ConversationId | None = None, limit: int = 50
    ) -> list[Message]:
        """The newest messages with every word of `text` (from its beginning), the newest first. Raises bad_input."""
        return await searching.find(self._place, text, conversation, limit)

    async def unprinted(self, limit: int = 256) -> list[News]:
        """The oldest news that no `receive` has printed yet."""
        return await self._read(lambda reader: feed.unprinted(reader, limit))

    async def shared_files(self, conversation: ConversationId, limit: int = 200) -> list[Message]:
        """The newest messages of a chat that carry a file, the newest first. Raises code not_accepted."""
        await self._check_accepted(conversation)
        return await self._read(lambda reader: messages.with_files(reader, conversation, limit))

    async def _read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        return await self._place.database.read(work)
