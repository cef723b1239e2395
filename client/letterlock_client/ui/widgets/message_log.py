"""The messages of one chat: loads what is near the screen, draws it, and tells what has been seen.

Speaks in intents. Must not know the messenger.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events
from textual.binding import BindingType
from textual.message import Message as TextualMessage

from letterlock.ids import ConversationId, MessageId
from letterlock_client.models import Message, MessageKind, Picture, Timeline
from letterlock_client.sanitize import body_of, clean, line_of, width
from letterlock_client.ui import intents
from letterlock_client.ui.commands import Where, bindings
from letterlock_client.ui.icons import UNICODE, Icons
from letterlock_client.ui.widgets.beside import Beside
from letterlock_client.ui.widgets.message_rows import (
    COUNTED_MS,
    Drawing,
    Lead,
    Look,
    Quote,
    Reader,
    bubble_width,
    draw,
    lead_of,
)
from letterlock_client.ui.widgets.rows import Row
from letterlock_client.ui.widgets.timeline_window import TimelineWindow
from letterlock_client.ui.widgets.virtual_log import VirtualLog
from letterlock_client.ui.wording import Clock, until

COUNT_SECONDS: Final = 1.0
RIGHT: Final = 3
"""The right button of a mouse."""

_STYLES: Final = (
    *("name", "dim", "rule", "unread", "theirs", "theirs-bar", "mine", "mine-bar"),
    *("quiet", "code", "read", "failed", "cursor"),
)


class MessageLog(VirtualLog):
    """The log of one chat. Feed it with `show`, `loaded`, `added`, `changed`, `removed` and `quoted`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log--{name}" for name in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.MESSAGE)]

    @dataclass
    class BelowChanged(TextualMessage):
        """Messages came while the end was not on the screen."""

        count: int

    @dataclass
    class Pointed(TextualMessage):
        """The cursor stands on another message."""

        message: Message

    @dataclass
    class Asked(TextualMessage):
        """A key on a message: `verb` is the command's action name."""

        verb: str
        message: Message

    def __init__(
        self,
        conversation: ConversationId,
        peer_name: str,
        clock: Clock,
        attended: Callable[[], bool],
        icons: Icons = UNICODE,
    ) -> None:
        super().__init__(follow=True)
        self.conversation = conversation
        self.peer_name = peer_name
        self.names: frozenset[str] = frozenset()
        self.window = TimelineWindow()
        self.below = 0
        self._clock = clock
        self._icons = icons
        self._look: Look | None = None
        self._first_unread: MessageId | None = None
        self._unread = 0
        self._beside = Beside(conversation, icons, self.say)
        self._seen_item = -1
        self._attended = attended

    def on_mount(self) -> None:
        """Count down what is about to disappear."""
        self.set_interval(COUNT_SECONDS, self.count_down)

    # Feeding.

    def show(
        self,
        timeline: Timeline,
        tail: Sequence[Message],
        *,
        first_unread: MessageId | None = None,
        unread: int = 0,
    ) -> None:
        """Show this timeline from its end, or what is unread; `tail` holds the messages of its last page."""
        self.window = TimelineWindow(timeline)
        rows = self.window.tail()
        if len(rows) == len(tail):
            self.window.load(rows, tail, range(0))
        self._first_unread, self._unread = first_unread, unread
        self._seen_item = -1
        self._set_below(unread)
        first = self.window.position(first_unread) if first_unread is not None else None
        begin = len(self.window) - unread if first is None else first
        self.items_replaced(to_end=True, begin_at=max(0, begin) if unread else None)

    def reread(self, timeline: Timeline, tail: Sequence[Message], *, same: bool = False) -> None:
        """The same chat, read again: stay where the reader is, whatever came before that.

        `same` promises that what is loaded is as it was; else it is read again.
        """
        before, self.window = self.window, TimelineWindow(timeline)
        if same:
            self.window.take_over(before)
        rows = self.window.tail()
        if len(rows) == len(tail):
            self.window.load(rows, tail, range(0))
        self._seen_item = -1
        self.items_reread(lambda item: self.window.moved(before, item))

    def loaded(self, rows: Sequence[int], messages: Sequence[Message]) -> None:
        """These rows were read, of the same length."""
        self.window.load(rows, messages, self.visible_items())
        self._settle()
        self.refresh()

    def added(self, message: Message) -> None:
        """A message came at the end; one that is there already only changes."""
        if self.window.find(message.id) is not None:
            self.changed(message)
            return
        self.window.add(message, width(line_of(body_of(message.text).text, 256)))
        if not message.mine and not self.follow:
            self._set_below(self.below + 1)
        self.items_added(self._guess(self.window.widths[-1:], self._wrap_width or 80))
        if message.mine:
            self.action_end()
        if self.window.stale:
            self.say(intents.TimelineStale(self.conversation))

    def changed(self, message: Message) -> None:
        """A message is different now."""
        position = self.window.change(message)
        self._beside.changed(message, self.peer_name)
        if position is not None:
            self.item_changed(position)

    def removed(self, message: MessageId) -> None:
        """A message is gone from this device."""
        position = self.window.remove(message)
        if position is not None:
            self.item_removed(position)
        else:
            self.say(intents.TimelineStale(self.conversation))

    def row_gone(self, row: int) -> None:
        """A row of the timeline no longer exists."""
        position = self.window.remove_row(row)
        if position is not None:
            self.item_removed(position)

    def quoted(self, message_id: MessageId, message: Message | None) -> None:
        """A quoted message was read, or does not exist here."""
        self._beside.quoted(message_id, message, self.peer_name)
        for position in self.visible_items():
            shown = self.window.message(position)
            if shown is not None and shown.reply_to == message_id:
                self.item_changed(position)

    def retitle(self, peer_name: str) -> None:
        """The other person is called something else now."""
        if peer_name != self.peer_name:
            self.peer_name = peer_name
            self._beside.forget_quotes()
            self._rows.clear()
            self.refresh()

    def unread_read(self) -> None:
        """The line above the unread messages is not needed any more."""
        self._first_unread, self._unread = None, 0
        for position in self.visible_items():
            self.item_changed(position)

    # What the list asks.

    def guess_heights(self, width: int) -> bytes:
        """Guess from the width of each text."""
        return self._guess(self.window.widths, width)

    def _guess(self, widths: bytes | bytearray, columns: int) -> bytes:
        room = bubble_width(columns)
        return bytes(widths).translate(bytes(1 + max(1, -(-cells // room)) for cells in range(256)))

    def item_key(self, item: int) -> Hashable:
        """A message, what stands above it, what it quotes, and whether the cursor is on it."""
        message = self.window.message(item)
        if message is None:
            return ("not loaded", item)
        left = self._left_ms(message)
        words = until(left) if 0 < left < COUNTED_MS else ""
        beside = self._beside.state(message.id)
        return (
            message,
            self._lead(item, message),
            self._quote_shown(message),
            self._marked(item),
            words,
            beside,
        )

    def _left_ms(self, message: Message) -> int:
        return max(1, message.expires_at - self._clock()) if message.expires_at else 0

    def count_down(self) -> None:
        """Draw anew what says how long it stays, where that has changed."""
        for item in self.visible_items():
            message = self.window.message(item)
            if message is None or not message.expires_at or self._left_ms(message) > COUNTED_MS:
                continue
            if self.item_key(item) not in self._rows:
                self.item_changed(item)

    def item_rows(self, item: int, width: int) -> list[Row] | None:
        """Draw a message, or ask for its page."""
        message = self.window.message(item)
        if message is None or (item and self.window.message(item - 1) is None):
            self._want(item)
            if message is None:
                return None
        lead, quote, marked = self._lead(item, message), self._quote_shown(message), self._marked(item)
        left, moved = self._left_ms(message), self._beside.moved(message.id)
        look, picture = self._styles(), self._beside.picture(message)
        return draw(message, Drawing(lead, quote, look, width, marked, self.names, left, moved, picture))

    def pictured(self, message: MessageId, picture: Picture) -> None:
        """A message's picture was decoded."""
        self._beside.pictured(message, picture)
        self._draw_anew(message)

    def moved(self, message: MessageId, done: int, total: int) -> None:
        """So much of a message's file has moved."""
        if self._beside.move(message, done, total):
            self._draw_anew(message)

    def _draw_anew(self, message: MessageId) -> None:
        position = self.window.position(message)
        if position is not None:
            self.item_changed(position)

    def item_text(self, item: int) -> str | None:
        """The text as it was written, cleaned."""
        message = self.window.message(item)
        return clean(message.text) if message is not None and not message.deleted else None

    def settled(self) -> None:
        """Ask for what is missing, and tell what has been seen."""
        missing = [item for item in self.visible_items() if self.window.message(item) is None]
        if missing:
            self._want(*missing)
        if self.below:
            self._set_below(0 if self.follow else min(self.below, self.count - self.visible_items().stop))
        self.tell_seen()

    def tell_seen(self) -> None:
        """Say how far the other person's messages have been on the screen, if anybody looks at it."""
        if not self.is_attached or not self._attended():
            return
        for item in reversed(self.visible_items()):
            message = self.window.message(item)
            if message is None or message.mine or message.kind is MessageKind.NOTE:
                continue
            if self.index.top(item) + self.index[item] > self.scroll_offset.y + self.size.height:
                continue
            if item > self._seen_item:
                self._seen_item = item
                self.say(intents.Seen(self.conversation, message.id))
            return

    def _want(self, *items: int) -> None:
        around = [near for item in items for near in (item - 1, item) if 0 <= near < len(self.window)]
        rows = self.window.wanted(around)
        if rows:
            self.say(intents.PagesWanted(self.conversation, rows))

    def _lead(self, item: int, message: Message) -> Lead:
        before = self.window.message(item - 1) if item else None
        reader = Reader(self.peer_name, self._clock(), self._first_unread, self._unread)
        return lead_of(message, before, reader, first=item == 0)

    def _quote_shown(self, message: Message) -> Quote | None:
        return self._beside.quote(message, self.window, self.peer_name)

    def _marked(self, item: int) -> bool:
        return item == self.cursor and self.has_focus

    def _styles(self) -> Look:
        if self._look is None:
            style = {name: self.get_visual_style(f"log--{name}").rich_style for name in _STYLES}
            inside = {
                f"{side}_{name}": self.get_visual_style(f"log--{side}", f"log--{name}").rich_style
                for side in ("theirs", "mine")
                for name in ("quiet", "code")
            }
            del style["quiet"], style["code"]
            named = {name.replace("-", "_"): value for name, value in style.items()}
            self._look = Look(icons=self._icons, ground=self.ground, **named, **inside)
        return self._look

    def notify_style_update(self) -> None:
        """Draw in the new colours."""
        self._look = None
        super().notify_style_update()

    # Moving.

    def action_client(self, verb: str) -> None:
        """Do something of the whole client, where letters are not typed into a message."""
        self.say(intents.Do(verb))

    def action_end(self) -> None:
        """Go to the end and stay there."""
        self.follow = True
        self._place(self.max_scroll_y)
        self._settle()
        self.refresh()

    def jump_to(self, message: MessageId) -> bool:
        """Put the cursor on a loaded message; False if it is not loaded."""
        position = self.window.position(message)
        if position is None:
            return False
        self.move_to(position)
        return True

    def _set_below(self, count: int) -> None:
        if count != self.below:
            self.below = count
            self.say(self.BelowChanged(count))

    # Keys and mouse.

    def message_at_cursor(self) -> Message | None:
        """The message the keys speak of."""
        return self.window.message(self.cursor) if self.cursor is not None else None

    def watch_cursor(self, old: int | None, new: int | None) -> None:
        """Say what the keys speak of now."""
        super().watch_cursor(old, new)
        message = self.message_at_cursor()
        if message is not None:
            self.say(self.Pointed(message))

    def on_focus(self) -> None:
        """Show the cursor, on the last message of the screen if it stood nowhere."""
        if self.cursor is None or self.cursor not in self.visible_items():
            visible = self.visible_items()
            self.cursor = visible.stop - 1 if visible else None
        self.tell_seen()

    def on_click(self, event: events.Click) -> None:
        """Put the cursor on the message under the mouse; the right button shows what can be done with it."""
        item = self.item_at(event.offset)
        if item is not None:
            self.cursor = item
            if event.button == RIGHT:
                self.action_ask("menu")

    def action_ask(self, verb: str) -> None:
        """Do something with the message under the cursor."""
        message = self.message_at_cursor()
        if message is not None:
            self.say(self.Asked(verb, message))

    def action_copy(self) -> None:
        """Copy what is selected, else the message."""
        selected = self.screen.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.screen.clear_selection()
        else:
            self.action_ask("copy")

    def action_write(self) -> None:
        """Go back to writing."""
        self.say(intents.FocusComposer(self.conversation))
