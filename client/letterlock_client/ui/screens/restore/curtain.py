"""What stands behind the steps of a restore: whoever waits between two of them does not see where they began."""

from collections.abc import Iterable

from textual.widget import Widget

from letterlock_client.ui.screens.dialog import Dialog, words


class CurtainScreen(Dialog[None]):
    """The screen; nothing is asked on it, and whoever raised it takes it away."""

    passes = True
    heading = "Restore from a backup"
    hint = "ctrl+q leaves"

    def __init__(self) -> None:
        super().__init__(classes="-opaque -large")

    def parts(self) -> Iterable[Widget]:
        """A word."""
        yield words("One moment…", "dialog--text")

    def action_leave(self) -> None:
        """There is nothing to go back to while something is under way: stay."""
