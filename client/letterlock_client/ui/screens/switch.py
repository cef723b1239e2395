"""Finding a chat by a part of its name.

Must not know the messenger.
"""

from collections.abc import Iterable, Sequence

from textual import on
from textual.content import Content
from textual.events import Key
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from letterlock.ids import ConversationId
from letterlock_client.models import Conversation
from letterlock_client.sanitize import skeleton
from letterlock_client.ui.screens.dialog import Dialog
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.wording import title_of


class SwitchScreen(Dialog[ConversationId]):
    """A field and the chats that fit."""

    hint = "enter chooses · escape closes"

    def __init__(
        self, chats: Sequence[Conversation], surroundings: Surroundings, heading: str = "Go to a chat"
    ) -> None:
        super().__init__()
        self.heading = heading
        self._chats = chats
        self._icons = surroundings.icons
        self._fitting: list[Conversation] = list(chats)

    def parts(self) -> Iterable[Widget]:
        """The field and the list."""
        yield Input(placeholder="Part of a name", compact=True)
        yield OptionList(*map(self._option, self._fitting), markup=False, compact=True)

    def on_mount(self) -> None:
        """The first one fits until something is typed."""
        self.query_one(OptionList).highlighted = 0 if self._fitting else None

    def _option(self, chat: Conversation) -> Option:
        badge = f" {self._icons.verified} verified" if chat.contact.verified else ""
        unread = f" {self._icons.dot} {chat.unread} new" if chat.unread else ""
        return Option(Content(f"{title_of(chat)}{badge}{unread}"))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what fits; the beginning of a name counts more than its middle."""
        wanted = skeleton(event.value)
        ranked = [(skeleton(chat.title or chat.contact.handle).find(wanted), chat) for chat in self._chats]
        fitting = sorted(((place, order) for order, (place, _) in enumerate(ranked) if place >= 0))
        self._fitting = [ranked[order][1] for _, order in fitting]
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(map(self._option, self._fitting))
        options.highlighted = 0 if self._fitting else None

    def on_key(self, event: Key) -> None:
        """Arrow keys move in the list while the field is written in."""
        options = self.query_one(OptionList)
        if event.key in ("down", "up") and self.query_one(Input).has_focus:
            event.stop()
            event.prevent_default()
            options.action_cursor_down() if event.key == "down" else options.action_cursor_up()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None and highlighted < len(self._fitting):
            self.dismiss(self._fitting[highlighted].id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the chat."""
        self.dismiss(self._fitting[event.option_index].id)
