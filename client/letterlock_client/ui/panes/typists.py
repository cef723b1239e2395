"""Who is typing now: one who falls silent without a word has stopped after a while.

Must not know how that is shown.
"""

from collections.abc import Callable
from typing import Final

from textual.timer import Timer
from textual.widget import Widget

from letterlock.ids import ConversationId

SILENT_SECONDS: Final = 10.0
"""How long somebody counts as typing after the last word of it; it is told again every few seconds."""


class Typists:
    """Passes on who begins and who stops."""

    def __init__(self, owner: Widget, show: Callable[[ConversationId, bool], None]) -> None:
        self._owner = owner
        self._show = show
        self._waiting: dict[ConversationId, Timer] = {}

    def heard(self, conversation: ConversationId, typing: bool) -> None:
        """Somebody types, types on, or stopped."""
        if (waiting := self._waiting.pop(conversation, None)) is not None:
            waiting.stop()
        if typing:
            self._waiting[conversation] = self._owner.set_timer(
                SILENT_SECONDS, lambda: self.heard(conversation, False)
            )
        self._show(conversation, typing)
