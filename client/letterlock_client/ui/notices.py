"""Short notices at the top of the screen: over no text that is being written, and over none of the newest messages.

One that is said again while it still stands takes its own place, and does not pile up. In a small terminal they are
gone as soon as they can have been read, and one that tells of no fault makes room for the next. Must not know who says
them.
"""

from typing import Final, TypeVar

from textual.app import App
from textual.notifications import Notification, Notify

ROOMY: Final = (100, 30)
"""Columns and lines from which on a notice covers little."""
SEEN_S: Final = 1.5
"""How long it takes to turn to a notice."""
CHARACTERS_A_SECOND: Final = 30
"""How fast one is read."""

Result = TypeVar("Result")


class NoticesApp(App[Result]):
    """An application that shows each notice once at a time, however often a key that fails is pressed."""

    def on_notify(self, event: Notify) -> None:
        """Take away what makes room; Textual's own handler, which runs next, shows the new one."""
        new = event.notification
        small = self.size.width < ROOMY[0] or self.size.height < ROOMY[1]
        if small:
            new.timeout = min(new.timeout, reading_time(new))
        for shown in tuple(self._notifications):
            same = (shown.title, shown.message, shown.severity) == (new.title, new.message, new.severity)
            if same or (small and shown.severity == "information"):
                self._unnotify(shown, refresh=False)


def reading_time(notice: Notification) -> float:
    """Return how many seconds a notice needs to be read."""
    return SEEN_S + len(notice.title + notice.message) / CHARACTERS_A_SECOND
