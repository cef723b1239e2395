"""A list of a backup's chats, each with a box that is ticked or empty.

Must not know where the chats come from.
"""

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from letterlock.ids import AccountId, account_text
from letterlock_client.restore_preview import PreviewChat
from letterlock_client.sanitize import fit, name_of, width
from letterlock_client.ui.backup_wording import many
from letterlock_client.ui.wording import short_time

NAME = 18
"""Cells of a name, so that counts stand below each other."""


class ChatPicker(OptionList):
    """The list; at first all are ticked, or those that were chosen before."""

    class Toggled(Message):
        """A chat was left out, or taken back in."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "Leave out", show=False)]

    def __init__(self, chats: Sequence[PreviewChat], now: int, before: Collection[str] = ()) -> None:
        super().__init__(markup=False, compact=True)
        self._chats = tuple(chats)
        self._now = now
        self._left_out = {place for place in range(len(chats)) if before and self._who(place) not in before}
        self.add_options(Option(self._line(place)) for place in range(len(self._chats)))
        self.highlighted = 0 if chats else None

    @property
    def chosen(self) -> tuple[str, ...]:
        """WHO of each ticked chat."""
        return tuple(self._who(place) for place in range(len(self._chats)) if place not in self._left_out)

    @property
    def has_all(self) -> bool:
        """Whether no chat is left out."""
        return not self._left_out

    def _who(self, place: int) -> str:
        return account_text(AccountId(self._chats[place].id))

    def _line(self, place: int) -> Content:
        chat = self._chats[place]
        name = fit(name_of(chat.title), NAME)
        files = f", {many(chat.media, 'file')}" if chat.media else ""
        box = " " if place in self._left_out else "x"
        gap = " " * (NAME - width(name) + 2)
        last = short_time(chat.last_at, self._now)
        return Content(f"[{box}] {name}{gap}{last:<7}{many(chat.messages, 'message')}{files}")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tick it, or not."""
        event.stop()
        self._left_out ^= {event.option_index}
        self.replace_option_prompt_at_index(event.option_index, self._line(event.option_index))
        self.post_message(self.Toggled())
