"""What a person has looked at, and when that counts as read: as its owner chose.

What is only seen is known here and nowhere else: no receipt goes and no timer starts before it counts. Must not know
screens.
"""

from letterlock.ids import ConversationId, MessageId
from letterlock_client.flows import sending
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import ReadWhen
from letterlock_client.storage import settings


class Attention:
    """One open profile's."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._seen: dict[ConversationId, MessageId] = {}
        """Up to which message each chat was on the screen, where that does not count yet."""

    async def saw(self, conversation: ConversationId, up_to: MessageId) -> None:
        """Everything up to this message was on the screen."""
        if (await self._place.database.read(settings.load)).read_when is ReadWhen.SEEN:
            await sending.mark_read(self._place, conversation, up_to)
        else:
            self._seen[conversation] = up_to

    async def answered(self, conversation: ConversationId) -> None:
        """Something was said in this chat."""
        if conversation in self._seen:
            chosen = (await self._place.database.read(settings.load)).read_when
            if chosen is not ReadWhen.ASKED:
                await self.read(conversation)

    async def read(self, conversation: ConversationId) -> bool:
        """Let what was seen of a chat count as read; False where there is nothing of that."""
        up_to = self._seen.pop(conversation, None)
        if up_to is not None:
            await sending.mark_read(self._place, conversation, up_to)
        return up_to is not None
