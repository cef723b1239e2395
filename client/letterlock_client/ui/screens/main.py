"""The main screen: one client and the keys that matter."""

from typing import TYPE_CHECKING

from textual.app import ComposeResult

from letterlock_client.ui.panes.client_pane import ClientPane
from letterlock_client.ui.screens.layer import Layer
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


class MainScreen(Layer[None]):
    """The screen."""

    def __init__(self, messenger: "Messenger", surroundings: Surroundings) -> None:
        super().__init__()
        self.pane = ClientPane(messenger, surroundings)

    def compose(self) -> ComposeResult:
        """The client, and its keys below."""
        yield self.pane
        yield KeyBar(compact=True)

    def on_screen_resume(self) -> None:
        """A dialog closed."""
        self.pane.look_again()
