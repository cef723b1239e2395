"""Which files a clean-up means: of one chat, from before a day, from a size on.

Must not know a face, nor how a copy is deleted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from letterlock.ids import ConversationId
from letterlock_client.models import KeptFile


@dataclass(frozen=True, slots=True)
class FileChoice:
    """What is asked of a file; the defaults ask nothing."""

    conversation: ConversationId | None = None
    before: int = 0
    """Of messages from before this time, in milliseconds; 0 is any."""
    least: int = 0
    """Of so many bytes or more."""
    unsure: bool = False
    """Also what may come from nowhere again."""

    def of(self, files: Iterable[KeptFile]) -> list[KeptFile]:
        """Return those that are meant, in their order."""
        return [
            each
            for each in files
            if (self.conversation is None or each.conversation == self.conversation)
            and (not self.before or each.at < self.before)
            and each.size >= self.least
            and (self.unsure or each.again.sure)
        ]
