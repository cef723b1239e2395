"""The fields for a new passphrase of this device: it and it again, or none.

Must not know what it locks.
"""

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalGroup
from textual.content import Content
from textual.widgets import Input

from letterlock_client.ui.widgets.tick_box import TickBox

SHORTEST = 8
"""Characters of a passphrase; it guards the database on this device only."""
NONE = "No passphrase: who has my files has my chats"


class NewPassphrase(VerticalGroup):
    """Two fields and a box to tick; asks nothing and tells nobody."""

    def compose(self) -> ComposeResult:
        """They are below each other."""
        yield Input(placeholder="passphrase", id="passphrase", password=True, compact=True, max_length=1_024)
        yield Input(placeholder="once more", id="again", password=True, compact=True, max_length=1_024)
        yield TickBox(Content(NONE), id="bare", compact=True)

    @property
    def passphrase(self) -> str | None:
        """What was written; None where none is wanted."""
        return None if self.query_one(TickBox).value else self.query_one("#passphrase", Input).value

    @property
    def problem(self) -> str:
        """What is wrong with it, as a sentence; empty if nothing is."""
        passphrase = self.passphrase
        if passphrase is None:
            return ""
        if len(passphrase) < SHORTEST:
            return f"Passphrase: at least {SHORTEST} characters, or say that you want none."
        same = passphrase == self.query_one("#again", Input).value
        return "" if same else "The two passphrases are not the same."

    @on(TickBox.Changed)
    def _bare(self, event: TickBox.Changed) -> None:
        event.stop()
        for field in self.query(Input):
            field.disabled = event.value
