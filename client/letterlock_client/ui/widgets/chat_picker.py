"""A list of a backup's chats, each with a box that is ticked or empty, and narrowed to names that hold some words.

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
from letterlock_client.sanitize import fit, line_of, name_of, skeleton, width
from letterlock_client.ui.backup_wording import many
from letterlock_client.ui.wording import short_time

NAME = 18
"""Cells of a name, so that counts stand below each other."""


class ChatPicker(OptionList):
    """The list; at first all are ticked, or those that were chosen before."""

    class Toggled(Message):
        """Chats were left out, or taken back in."""

    class Sought(Message):
        """Somebody wants a chat of this name that is not in the list."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Passed(Message):
        """What is ticked shall stay so: an enter leaves no chat out that nobody meant to lose."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "pass", "Go on", show=False),
        Binding("space", "select", "Leave out", show=False),
        Binding("a", "toggle_all", "All or none", show=False),
    ]

    def __init__(
        self, chats: Sequence[PreviewChat], now: int, before: Collection[str] = (), *, older: int = 0
    ) -> None:
        """Use `older` for how many chats there are that are not in the list, and can be sought."""
        super().__init__(markup=False, compact=True)
        self._chats = list(chats)
        self._now = now
        self._older = older
        self._left_out = {place for place in range(len(chats)) if before and self._who(place) not in before}
        self._words = ""
        self._fitting: list[int] = []
        self.narrow("")

    @property
    def chats(self) -> tuple[PreviewChat, ...]:
        """All chats that can be ticked."""
        return tuple(self._chats)

    @property
    def chosen(self) -> tuple[str, ...]:
        """WHO of each ticked chat."""
        return tuple(self._who(place) for place in range(len(self._chats)) if place not in self._left_out)

    @property
    def has_all(self) -> bool:
        """Whether no chat is left out."""
        return not self._left_out

    @property
    def fits_nothing(self) -> bool:
        """Whether no name holds the words."""
        return not self._fitting

    def narrow(self, words: str) -> None:
        """List only chats whose names hold these words; what is ticked stays so."""
        self._words = words.strip()
        wanted = skeleton(self._words)
        self._fitting = [place for place, chat in enumerate(self._chats) if wanted in skeleton(chat.title)]
        self.clear_options()
        self.add_options(Option(self._line(place)) for place in self._fitting)
        if self._older and self._words:
            among = many(self._older, "older chat")
            self.add_option(Option(Content(f"Look for {line_of(self._words, 40)} among {among}")))
        self.highlighted = 0 if self.option_count else None

    def take_in(self, chat: PreviewChat) -> None:
        """Tick a chat that was found, and point at it."""
        place = next(
            (place for place, each in enumerate(self._chats) if each.id == chat.id), len(self._chats)
        )
        if place == len(self._chats):
            self._chats.append(chat)
        self._left_out.discard(place)
        self.narrow(self._words if skeleton(self._words) in skeleton(chat.title) else "")
        self.highlighted = self._fitting.index(place)
        self.post_message(self.Toggled())

    def action_pass(self) -> None:
        """Go on, or look for the name where that is pointed at."""
        if self.highlighted is not None and self.highlighted >= len(self._fitting):
            self.action_select()
        else:
            self.post_message(self.Passed())

    def action_toggle_all(self) -> None:
        """Leave out all that are listed; where all of them are out, take them in."""
        listed = set(self._fitting)
        self._left_out = self._left_out - listed if listed <= self._left_out else self._left_out | listed
        for row, place in enumerate(self._fitting):
            self.replace_option_prompt_at_index(row, self._line(place))
        self.post_message(self.Toggled())

    def _who(self, place: int) -> str:
        return account_text(AccountId(self._chats[place].id))

    def _line(self, place: int) -> Content:
        chat = self._chats[place]
        name = fit(name_of(chat.title), NAME)
        files = f", {many(chat.media, 'file')}" if chat.media else ""
        box = " " if place in self._left_out else "x"
        gap = " " * (NAME - width(name) + 2)
        last = short_time(chat.last_at, self._now)
        holds = f"{last:<7}{many(chat.messages, 'message')}{files}" if chat.last_at else "older"
        return Content(f"[{box}] {name}{gap}{holds}")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Tick it, or not; or tell which one is sought."""
        event.stop()
        if event.option_index >= len(self._fitting):
            self.post_message(self.Sought(self._words))
            return
        place = self._fitting[event.option_index]
        self._left_out ^= {place}
        self.replace_option_prompt_at_index(event.option_index, self._line(place))
        self.post_message(self.Toggled())
