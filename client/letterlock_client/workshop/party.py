"""One person on the stage: a whole client in a frame that says who it is and whether the keys go there.

Must not know the other parties.
"""

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from letterlock.ids import ConversationId
from letterlock_client.ui.panes.client_pane import ClientPane
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.banner import Banner

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


class Party(Vertical):
    """The frame and the client in it."""

    def __init__(self, name: str, messenger: "Messenger", surroundings: Surroundings) -> None:
        super().__init__(id=name.lower(), classes="party")
        self.who = name
        self.messenger = messenger
        self.pane = ClientPane(messenger, surroundings)

    def compose(self) -> ComposeResult:
        """The client."""
        yield self.pane

    def open_chat(self, conversation: ConversationId) -> None:
        """Show this chat, whoever has the focus."""
        self.pane.call_later(self.pane.open_chat, conversation)

    def first_stop(self) -> Widget:
        """Where the keys should go: to an answer that is waited for, the composer, or the list."""
        view = self.pane.view
        if view is None:
            return self.pane.chat_list
        answers = [button for button in view.query(Button) if button.display] if view.banner.display else []
        return answers[0] if answers else view.composer


class GoneTerminal(Vertical):
    """Where a person's terminal was."""

    def __init__(self, name: str) -> None:
        super().__init__(id=name.lower(), classes="party -gone")
        self.who = name

    def compose(self) -> ComposeResult:
        """A sentence."""
        yield Static(f"{self.who}'s terminal is gone, and every key that was on it.", markup=False)


def in_banner(widget: Widget | None) -> bool:
    """Whether a widget is one of a chat's answers."""
    return widget is not None and any(isinstance(above, Banner) for above in widget.ancestors)


def mark_focus(frame: Widget, name: str, aside: str, cursor: str) -> None:
    """Say in a frame whether the keys go there, which they do where there is a cursor sign.

    A sign, words and a heavier line say so; elsewhere `aside` stands in the place of the words.
    """
    frame.set_class(bool(cursor), "-here")
    frame.border_title = Content(f"{cursor} {name}" if cursor else name)
    frame.border_subtitle = Content("you are here" if cursor else aside)
