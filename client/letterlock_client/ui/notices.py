"""Short notices: one that is said again while it still stands takes its own place, and does not pile up.

Must not know who says them.
"""

from typing import TypeVar

from textual.app import App
from textual.notifications import Notify

Result = TypeVar("Result")


class NoticesApp(App[Result]):
    """An application that shows each notice once at a time, however often a key that fails is pressed."""

    def on_notify(self, event: Notify) -> None:
        """Take away what says the same; Textual's own handler, which runs next, shows the new one."""
        new = event.notification
        for shown in tuple(self._notifications):
            if (shown.title, shown.message, shown.severity) == (new.title, new.message, new.severity):
                self._unnotify(shown, refresh=False)
