"""The list of chats: name, last line, time, unread count, presence; requests on top.

Speaks in intents. Must not know the messenger.
"""

from collections.abc import Hashable, Iterable
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message as TextualMessage
from textual.strip import Strip

from letterlock.ids import ConversationId
from letterlock_client.models import Conversation, Listed
from letterlock_client.sanitize import fit, line_of, skeleton, width
from letterlock_client.shapes import absent_words
from letterlock_client.ui import intents
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.widgets.rows import Row, plain_row
from letterlock_client.ui.widgets.virtual_log import VirtualLog
from letterlock_client.ui.wording import Clock, doubts_of, preview, short_time, title_of

_STYLES: Final = ("name", "time", "text", "unread", "badge", "doubt", "online", "request")
_ROWS: Final = 3

NO_CHATS: Final = "No chats yet."
NO_MESSAGES: Final = "no messages yet"


class ChatList(VirtualLog):
    """The list, the newest chat first."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"chats--{name}" for name in _STYLES),
        "chats--cursor",
        "chats--open",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right,l", "open", "Open chat", show=False),
        Binding("slash", "find", "Find chat", show=False),
    ]

    def __init__(self, clock: Clock, icons: Icons) -> None:
        super().__init__()
        self._clock = clock
        self._icons = icons
        self._chats: list[Conversation] = []
        self._every: list[Conversation] = []
        self.unread_first = self.archive = False
        self.filter = ""
        self._doubts: dict[ConversationId, str] = {}
        self._requests = 0
        self.open_chat: ConversationId | None = None
        self._is_hidden = False

    # Whether it is seen.

    class Turned(TextualMessage):
        """The list came to the screen, or left it to a chat, or to another one."""

    def on_show(self) -> None:
        """There is room for it."""
        self._turn(hidden=False)

    def on_hide(self) -> None:
        """An open chat takes its room."""
        self._turn(hidden=True)

    def _turn(self, *, hidden: bool) -> None:
        self._is_hidden = hidden
        self.post_message(self.Turned())

    def behind(self, requests: int, unread_key: str, requests_key: str) -> str:
        """What it would show beside the open chat, with so many requests and the keys that lead there; else empty."""
        if not self._is_hidden:
            return ""
        now = self._clock()
        others = (chat for chat in self._every if chat.id != self.open_chat and not chat.mutes(now))
        new = sum(chat.unread for chat in others if chat.listed is not Listed.ARCHIVED)
        parts = [f"{new} new: {unread_key}"] if new else []
        if requests:
            parts.append(f"{requests} request{'s' * (requests > 1)}: {requests_key}")
        return f" {self._icons.dot} ".join(parts)

    # Feeding.

    @property
    def chats(self) -> list[Conversation]:
        """All chats in the order they are shown, those that the filter hides last."""
        hidden = {chat.id for chat in self._every} - {chat.id for chat in self._chats}
        return [*self._chats, *(chat for chat in self._every if chat.id in hidden)]

    @property
    def title(self) -> str:
        """What is listed, and how."""
        parts = ["Archived" if self.archive else "Chats", "unread first" if self.unread_first else ""]
        parts.append(f"only {self.filter}" if self.filter else "")
        many = sum(chat.listed is Listed.ARCHIVED for chat in self._every)
        parts.append(f"{many} archived" if many and not self.archive else "")
        return f" {self._icons.dot} ".join(filter(None, parts))

    @property
    def nothing(self) -> str:
        """Why no chat is listed; empty where one is, or a request waits to become one."""
        if self._chats:
            return ""
        if self.filter:
            return f"No name holds {self.filter}."
        if self.archive:
            return "Nothing is archived."
        return "" if self._requests else NO_CHATS

    def order_chats(self, *, unread_first: bool, words: str) -> None:
        """List chats in another order, or only those whose names hold these words."""
        self.unread_first, self.filter = unread_first, line_of(words, 20)
        self.show(self._every, self._requests)

    def show_archive(self, archive: bool) -> None:
        """List the archived chats only, or the others; `order_chats` draws them."""
        self.archive = archive

    def show(self, chats: Iterable[Conversation], requests: int) -> None:
        """Show these chats and so many requests; the cursor stays on its chat."""
        at_cursor = self.chat_at_cursor()
        wanted = skeleton(self.filter)
        self._every = sorted(chats, key=self._place_of)
        self._chats = [
            chat
            for chat in self._every
            if (wanted in skeleton(chat.title or chat.contact.handle) if wanted else self._is_listed(chat))
        ]
        self._doubts = doubts_of(self._every)
        self._requests = requests
        y = self.scroll_offset.y
        cursor = self.cursor
        self.items_replaced(to_end=False)
        if at_cursor is not None:
            self.put_cursor(at_cursor)
        elif items := len(self._chats) + self._offset:
            first = self._offset if self._chats else 0
            self.cursor = first if cursor is None else min(cursor, items - 1)
        self._place(y)
        self.refresh()

    def _is_listed(self, chat: Conversation) -> bool:
        return (chat.listed is Listed.ARCHIVED) is self.archive

    def _place_of(self, chat: Conversation) -> tuple[bool, bool, int, bytes]:
        pinned = chat.listed is Listed.PINNED
        return (not pinned, self.unread_first and not chat.unread, -chat.last_at, chat.id)

    def mark_open(self, conversation: ConversationId | None) -> None:
        """This chat is the one beside the list."""
        self.open_chat = conversation
        if conversation is not None:
            self.put_cursor(conversation)
        self.refresh()
        self.post_message(self.Turned())

    def put_cursor(self, conversation: ConversationId) -> None:
        """Put the cursor on a chat, if it is in the list."""
        for place, chat in enumerate(self._chats):
            if chat.id == conversation:
                if self._wrap_width:
                    self.move_to(place + self._offset)
                else:
                    self.cursor = place + self._offset

    def doubt_about(self, conversation: ConversationId) -> str:
        """Why this chat's name may not be what it seems."""
        return self._doubts.get(conversation, "")

    @property
    def _offset(self) -> int:
        return 1 if self._requests else 0

    def chat_at(self, item: int) -> Conversation | None:
        """Return the chat of an item; None for the requests and beyond the end."""
        place = item - self._offset
        return self._chats[place] if 0 <= place < len(self._chats) else None

    def chat_at_cursor(self) -> ConversationId | None:
        """Return the chat under the cursor."""
        chat = self.chat_at(self.cursor) if self.cursor is not None else None
        return chat.id if chat is not None else None

    # What the list asks.

    def guess_heights(self, width: int) -> bytes:
        """All items are of one height."""
        return bytes([_ROWS]) * (len(self._chats) + self._offset)

    def item_key(self, item: int) -> Hashable:
        """A chat, today's date, and whether it is open or under the cursor."""
        chat = self.chat_at(item)
        now = self._clock() // 60_000
        marks = (item == self.cursor and self.has_focus, self.open_chat)
        return (chat, self._doubts.get(chat.id) if chat else self._requests, now // 1_440, marks)

    def item_text(self, item: int) -> str | None:
        """Nothing is copied from here."""
        return None

    def item_rows(self, item: int, width: int) -> list[Row]:
        """Two lines and a space below."""
        chat = self.chat_at(item)
        here = item == self.cursor and self.has_focus
        opened = chat is not None and chat.id == self.open_chat
        state = ["chats--cursor"] if here else ["chats--open"] if opened else []
        style = {name: self.get_visual_style(*state, f"chats--{name}").rich_style for name in _STYLES}
        ground = self.get_visual_style(*state).rich_style
        sign = self._icons.cursor if here else self._icons.bar_left if opened else " "
        lines = self._request_lines(style) if chat is None else self._lines(chat, style, width - 3)
        rows = []
        for place, (left, right) in enumerate(lines):
            used = sum(segment.cell_length for segment in (*left, *right))
            gap = Segment(" " * max(0, width - 3 - used), ground)
            head = Segment(f"{' ' if here and place else sign} ", style["badge"])
            rows.append(plain_row(Strip([head, *left, gap, *right, Segment(" ", ground)])))
        return [*rows, plain_row(Strip([Segment(" " * width, self.ground)]))]

    def _request_lines(self, style: dict[str, Style]) -> list[tuple[list[Segment], list[Segment]]]:
        many = "requests" if self._requests > 1 else "request"
        return [
            ([Segment(f"{self._requests} {many}", style["request"])], []),
            ([Segment("enter shows who wrote first", style["text"])], []),
        ]

    def _lines(
        self, chat: Conversation, style: dict[str, Style], room: int
    ) -> list[tuple[list[Segment], list[Segment]]]:
        icons = self._icons
        # When the last message came of a chat whose messages are not here, nobody knows.
        time = "" if absent_words(chat) else short_time(chat.last_at, self._clock())
        online = chat.online or chat.typing
        dot = Segment(f"{icons.online if online else icons.offline} ", style["online" if online else "time"])
        badge = [Segment(f" {icons.verified}", style["badge"])] if chat.contact.verified else []
        doubt = self._doubts.get(chat.id, "")
        warned = bool(doubt or chat.contact.warning or chat.contact.key_changed_at)
        if warned and not chat.contact.verified:
            badge = [Segment(f" {icons.warning}", style["doubt"])] if doubt or chat.contact.warning else []
        name = fit(
            title_of(chat), max(4, room - width(time) - 2 - sum(part.cell_length for part in badge) - 1)
        )
        unread = [Segment(f" {chat.unread} ", style["unread"])] if chat.unread else []
        asides = [
            word
            for word, holds in (
                ("pinned", chat.listed is Listed.PINNED),
                ("muted", chat.mutes(self._clock())),
            )
            if holds
        ]
        if asides and not unread:
            unread = [Segment(" ".join(asides), style["time"])]
        space = room - 2 - sum(part.cell_length for part in unread) - 1
        return [
            ([dot, Segment(name, style["name"]), *badge], [Segment(time, style["time"])]),
            ([Segment("  ", style["text"]), *self._second(chat, doubt, style, space)], unread),
        ]

    def _second(self, chat: Conversation, doubt: str, style: dict[str, Style], room: int) -> list[Segment]:
        if chat.typing:
            return [Segment(fit("typing…", room), style["online"])]
        if doubt:
            return [Segment(fit(doubt, room), style["doubt"])]
        if chat.draft.strip() and chat.id != self.open_chat:
            return [Segment(fit(f"Draft: {line_of(chat.draft, 120)}", room), style["doubt"])]
        text = preview(chat.last) if chat.last is not None else absent_words(chat) or NO_MESSAGES
        return [Segment(fit(text, max(1, room)), style["text"])]

    # Keys and mouse.

    def on_focus(self) -> None:
        """Show the cursor somewhere."""
        if self.cursor is None and self.count:
            self.cursor = 0

    def on_click(self, event: events.Click) -> None:
        """Open the chat under the mouse."""
        item = self.item_at(event.offset)
        if item is not None:
            self.cursor = item
            self.action_open()

    def action_open(self) -> None:
        """Open the chat, or the requests, under the cursor."""
        if self.cursor is None or not self.count:
            return
        chat = self.chat_at(self.cursor)
        if chat is not None:
            self.say(intents.OpenChat(chat.id))
        elif self.cursor == 0 and self._requests:
            self.say(intents.OpenRequests())

    def action_find(self) -> None:
        """Find a chat by name."""
        self.say(intents.FindChat())
