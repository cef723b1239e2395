"""A list of any length that draws only what is on the screen: heights guessed for all, exact where seen.

Text on the screen never moves because a guess elsewhere was wrong. Holds the cursor and the text selection.
A subclass says what its items are. Must not know messages or chats.
"""

from abc import abstractmethod
from collections.abc import Callable, Hashable
from typing import ClassVar

from rich.style import Style as RichStyle
from textual import events
from textual.binding import BindingType
from textual.cache import LRUCache
from textual.geometry import Offset, Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from letterlock_client.ui.commands import Where, bindings
from letterlock_client.ui.widgets.height_index import MAX_ROWS, HeightIndex
from letterlock_client.ui.widgets.rows import LINE_STEP, Row, painted, selected_items, selected_text

COPY_ITEMS = 5_000  # The most items one selection copies.


class VirtualLog(ScrollView, can_focus=True, inherit_bindings=False):
    """The list. Subclasses implement `guess_heights`, `item_key`, `item_rows` and `item_text`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.LIST)]

    cursor: reactive[int | None] = reactive(None, repaint=False)
    """The item the keys speak of; None is no item."""

    follow: bool
    """Whether the end stays on the screen when items are added."""

    def __init__(self, *, follow: bool = False, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self.index = HeightIndex()
        self.follow = follow
        self._stick_to_end = follow
        self._exact = bytearray()
        self._asked_for: int | None = None  # Where somebody wanted to go before there was a width.
        self._rows: LRUCache[Hashable, list[Row]] = LRUCache(768)
        self._wrap_width = 0
        self._begin_at: int | None = None
        self._ground: RichStyle | None = None

    # What a subclass says.

    @abstractmethod
    def guess_heights(self, width: int) -> bytes:
        """Return a height for every item, from 1, quickly."""

    @abstractmethod
    def item_key(self, item: int) -> Hashable:
        """Return what an item's look depends on, besides the width and the theme."""

    @abstractmethod
    def item_rows(self, item: int, width: int) -> list[Row] | None:
        """Draw an item; None while it is not loaded."""

    @abstractmethod
    def item_text(self, item: int) -> str | None:
        """Return an item's whole text for copying, or None where only what is drawn can be copied."""

    def settled(self) -> None:
        """Called after what is on the screen changed. The default does nothing."""

    def say(self, message: Message) -> None:
        """Post a message of this widget's own: else a pane that feeds this list keeps it from the pane above."""
        # It is otherwise taken for the one whose handler runs, and stops there on its way up.
        message.set_sender(self)
        self.post_message(message)

    # Changes.

    @property
    def count(self) -> int:
        """How many items there are."""
        return len(self.index)

    def items_replaced(self, *, to_end: bool, begin_at: int | None = None) -> None:
        """All items are other ones now; begin at the end (or an item it leaves out), or at the beginning."""
        self._rows.clear()
        self._wrap_width = 0
        self.follow = to_end and self._stick_to_end
        self._begin_at, self._asked_for = begin_at, None
        self.index.reset(b"")
        self._exact = bytearray()
        self.set_reactive(VirtualLog.cursor, None)
        self._place(0)
        self._lay_out()
        self.refresh()

    def items_reread(self, moved: Callable[[int], int] | None = None) -> None:
        """Items are the same list, read again, maybe with others between them: `moved` says where an old one is now.

        What is at the top of the screen stays where it is.
        """
        if self.cursor is not None and moved is not None:
            place = moved(self.cursor)
            self.set_reactive(VirtualLog.cursor, place if place >= 0 else None)
        self._wrap_width = 0
        self._lay_out(moved)
        self.refresh()

    def items_added(self, heights: bytes) -> None:
        """So many items came at the end, with these guesses."""
        if not self._wrap_width:
            return
        self.index.append(heights)
        self._exact.extend(bytes(len(heights)))
        self._measure()
        if self.follow:
            self._place(self.max_scroll_y)
        self._settle()
        self.refresh()

    def item_removed(self, item: int) -> None:
        """An item is gone; what is on the screen stays, or closes up."""
        top, line = self.index.at(self.scroll_offset.y)
        height = self.index.remove(item)
        del self._exact[item]
        if self.cursor is not None and self.cursor >= item:
            kept = max(0, self.cursor - (self.cursor > item))
            self.set_reactive(VirtualLog.cursor, kept if self.count else None)
        self._measure()
        if item < top:
            self._place(self.scroll_offset.y - height)
        elif item == top:
            self._place(self.scroll_offset.y - line)
        self._settle()
        self.refresh()

    def item_changed(self, item: int) -> None:
        """An item may look different, or take another height."""
        if item < self.count:
            self._exact[item] = 0
            self._settle()
            self.refresh()

    # Layout.

    def _lay_out(self, moved: Callable[[int], int] | None = None) -> None:
        width = self.scrollable_content_region.width
        if width <= 0 or width == self._wrap_width:
            return
        anchor = self.index.at(self.scroll_offset.y) if self.count and not self.follow else None
        self._wrap_width = width
        self._rows.clear()
        self.index.reset(self.guess_heights(width))
        self._exact = bytearray(self.count)
        self._measure()
        begin, self._begin_at = self._begin_at, None
        if self.follow and begin is not None and self.count:
            self._restore(begin, 0)
            self.follow = self.scroll_offset.y >= self.max_scroll_y
        elif self.follow:
            self._place(self.max_scroll_y)
        elif anchor is not None and self.count:
            item, line = anchor
            self._restore(moved(item) if moved is not None else item, line)
        self._settle()
        if self._asked_for is not None and self._asked_for < self.count:
            self.move_to(self._asked_for)

    def _restore(self, item: int, line: int) -> None:
        item = min(item, self.count - 1)
        for near in range(max(0, item - 1), min(self.count, item + self.size.height)):
            self._make_exact(near)
        self._measure()
        self._place(self.index.top(item) + min(line, self.index[item] - 1))

    def _measure(self) -> None:
        size = Size(self.scrollable_content_region.width, self.index.total)
        if size == self.virtual_size:
            return
        if self.show_vertical_scrollbar and size.height > self.scrollable_content_region.height:
            # The bar is there and stays: nothing on the screen needs a new layout.
            self.set_reactive(VirtualLog.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height
        else:
            self.virtual_size = size

    def _place(self, y: float) -> None:
        """Scroll without telling: the text on the screen is meant to stay where it is."""
        y = max(0.0, min(float(y), float(self.max_scroll_y)))
        if y != self.scroll_y:
            self.set_reactive(VirtualLog.scroll_y, y)
            self.refresh()
        self.set_reactive(VirtualLog.scroll_target_y, y)
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = round(y)

    def _settle(self) -> None:
        """Make the heights of all that is on the screen exact, holding still what is there already."""
        height = self.scrollable_content_region.height
        if not self.count or height <= 0 or not self._wrap_width:
            return
        before = self.index.total
        shift = 0
        if self.follow:
            item, rows = self.count - 1, 0
            while item >= 0 and rows < height:
                self._make_exact(item)
                rows += self.index[item]
                item -= 1
        else:
            first, line = self.index.at(self.scroll_offset.y)
            if first < self.count:
                grown = self._make_exact(first)
                shift = grown if line else 0
                item, rows = first, -line - max(0, shift)
                while item < self.count and rows <= height:
                    self._make_exact(item)
                    rows += self.index[item]
                    item += 1
        if self.index.total != before:
            y = self.scroll_offset.y + shift
            self._measure()
            self._place(self.max_scroll_y if self.follow else y)
        self.settled()

    def _make_exact(self, item: int) -> int:
        if self._exact[item]:
            return 0
        rows = self.rows_of(item)
        if rows is None:
            return 0
        self._exact[item] = 1
        return self.index.set(item, len(rows))

    def rows_of(self, item: int) -> list[Row] | None:
        """Return an item as it is drawn now, or None while it is not loaded."""
        key = self.item_key(item)
        rows = self._rows.get(key)
        if rows is None:
            drawn = self.item_rows(item, self._wrap_width)
            if drawn is None:
                return None
            rows = self._rows[key] = drawn[:MAX_ROWS]
        return rows

    @property
    def _space_above(self) -> int:
        """Where all fits on the screen: a list that keeps to its end stands at the bottom."""
        return max(0, self.scrollable_content_region.height - self.index.total) if self._stick_to_end else 0

    def visible_items(self) -> range:
        """The items on the screen now, those cut off included."""
        if not self.count:
            return range(0)
        y = self.scroll_offset.y
        bottom = min(self.index.total, y + max(1, self.scrollable_content_region.height)) - 1
        return range(self.index.at(y)[0], self.index.at(max(0, bottom))[0] + 1)

    # Events.

    def on_resize(self, event: events.Resize) -> None:
        """Wrap anew; a list that stands at its end stays there."""
        self._lay_out()
        if self.follow:
            self._place(self.max_scroll_y)
        self._settle()

    def notify_style_update(self) -> None:
        """Draw anew in the new colours."""
        super().notify_style_update()
        self._ground = None
        self._rows.clear()
        if self.is_attached:
            self.refresh()

    @property
    def ground(self) -> RichStyle:
        """The list's own style, which every row ends in; looking it up for each row is dear."""
        if self._ground is None:
            self._ground = self.rich_style
        return self._ground

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Load and measure what came on the screen."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.follow = self._stick_to_end and new_value >= self.max_scroll_y
            self._settle()

    def watch_cursor(self, old: int | None, new: int | None) -> None:
        """Redraw the two items concerned."""
        if old != new:
            self.refresh()

    def selection_updated(self, selection: Selection | None) -> None:
        """Redraw what is selected."""
        self.refresh()

    # Drawing.

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the rows of a region."""
        self._lay_out()
        if self.show_vertical_scrollbar:
            # The bar may have come after the list went to its end.
            self.vertical_scrollbar.position = self.scroll_offset.y
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw one row."""
        width = self.size.width
        item, line = self.index.at(self.scroll_offset.y + y - self._space_above)
        rows = self.rows_of(item) if item < self.count and line >= 0 else None
        if rows is None or line >= len(rows):
            return Strip.blank(width, self.ground)
        row = rows[line]
        body = row.body
        if body.cell_length:
            position = item * LINE_STEP + line
            body = self._selected(body, position).apply_offsets(0, position)
        return Strip.join((row.left, body, row.right)).adjust_cell_length(width, self.ground)

    def _selected(self, body: Strip, position: int) -> Strip:
        selection = self.text_selection if self.is_attached else None
        if selection is None or (stretch := selection.get_span(position)) is None:
            return body
        return painted(body, stretch, self.screen.get_component_rich_style("screen--selection"))

    # Selection.

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text: whole items as they were written, parts as they are drawn."""
        if not self.count:
            return None
        items = selected_items(selection, self.visible_items())[: COPY_ITEMS + 1]
        parts = (self._copied(item, selection) for item in items if item < self.count)
        return "\n".join(part for part in parts if part), "\n"

    def _copied(self, item: int, selection: Selection) -> str:
        part, whole = selected_text(self.rows_of(item) or [], item * LINE_STEP, selection)
        full = self.item_text(item) if whole else None
        return part if full is None else full

    # Keys.

    def action_cursor(self, step: int) -> None:
        """Move the cursor by items; it begins at the last one on the screen."""
        if not self.count:
            return
        visible = self.visible_items()
        start = self.cursor if self.cursor is not None else visible.stop - (step > 0)
        self.move_to(max(0, min(self.count - 1, start + step)))

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self._scroll_rows(pages * max(1, self.scrollable_content_region.height - 1))

    def action_half_page(self, halves: int) -> None:
        """Scroll by half pages."""
        self._scroll_rows(halves * max(1, self.scrollable_content_region.height // 2))

    def _scroll_rows(self, rows: int) -> None:
        self.scroll_relative(y=rows, animate=False, immediate=True)
        visible = self.visible_items()
        if self.cursor is not None and self.cursor not in visible:
            self.cursor = visible.start if rows < 0 else visible.stop - 1

    def action_first(self) -> None:
        """Go to the first item."""
        if self.count:
            self.move_to(0)

    def action_last(self) -> None:
        """Go to the last item and stay at the end."""
        if self.count:
            self.move_to(self.count - 1)
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def move_to(self, item: int) -> None:
        """Put the cursor on an item and bring it on the screen; before it has a width, as soon as it has."""
        self._asked_for = None if self._wrap_width else item
        if not self._wrap_width:
            return
        self.cursor = item
        self._make_exact(item)
        self._measure()
        top, y = self.index.top(item), self.scroll_offset.y
        bottom, height = top + self.index[item], self.scrollable_content_region.height
        # Forced, because a list that was just mounted has no scroll bar yet.
        if top < y or bottom - top > height:
            self.scroll_to(y=top, animate=False, immediate=True, force=True)
        elif bottom > y + height:
            self.scroll_to(y=bottom - height, animate=False, immediate=True, force=True)

    def item_at(self, offset: Offset) -> int | None:
        """Return the item under a place within this widget."""
        item, line = self.index.at(self.scroll_offset.y + offset.y - self._space_above)
        return item if line >= 0 and item < self.count else None
