"""The messages of one chat that are loaded, and where they stand in its timeline.

A window over any number of messages: rows and widths for all, the messages themselves only near the screen.
Must not know widgets or the messenger.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from letterlock.ids import MessageId
from letterlock_client.models import Message, Timeline

PAGE: Final = 256
"""Messages that are read together."""

KEPT: Final = 4_096
"""Messages that stay loaded."""

ADDED: Final = 2_048
"""Messages that may come at the end before the timeline should be read again."""

_RECENT: Final = 4_096


class TimelineWindow:
    """Positions 0 (oldest) to `len - 1`; each names a row of storage, or a message that came since."""

    def __init__(self, timeline: Timeline | None = None) -> None:
        # As bytes: an array made of a view takes number by number, thirty times as long for a million of them.
        self._rows = array("q", timeline.rows.tobytes() if timeline is not None else b"")
        self.widths = bytearray(timeline.widths if timeline is not None else b"")
        self._messages: dict[int, Message] = {}
        self._row_of: dict[MessageId, int] = {}
        self._asked: set[int] = set()
        self._added = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def stale(self) -> bool:
        """Whether so many messages were added that the timeline should be read again."""
        return self._added > ADDED

    def message(self, position: int) -> Message | None:
        """Return a message, or None where it is not loaded or does not exist."""
        if not 0 <= position < len(self._rows):
            return None
        return self._messages.get(self._rows[position])

    def row(self, position: int) -> int:
        """Return what names this position, whatever is removed before it."""
        return self._rows[position]

    def find(self, message: MessageId) -> Message | None:
        """Return a loaded message by its id."""
        row = self._row_of.get(message)
        return self._messages.get(row) if row is not None else None

    def position(self, message: MessageId) -> int | None:
        """Return where a loaded message stands."""
        row = self._row_of.get(message)
        return None if row is None else self._position(row)

    def _position(self, row: int) -> int | None:
        recent = max(0, len(self._rows) - _RECENT)
        for start, stop in ((recent, len(self._rows)), (0, recent)):
            try:
                return self._rows.index(row, start, stop)
            except ValueError:
                continue
        return None

    def newest(self, fits: Callable[[Message], bool]) -> Message | None:
        """Return the last message of the last page that fits; None where none of those that are loaded does."""
        for row in reversed(self._rows[-PAGE:]):
            message = self._messages.get(row)
            if message is not None and fits(message):
                return message
        return None

    def wanted(self, positions: Iterable[int]) -> list[int]:
        """Return the rows of the pages around these positions that are neither loaded nor asked for."""
        rows: list[int] = []
        for page in sorted({position // PAGE for position in positions}):
            for row in self._rows[page * PAGE : (page + 1) * PAGE]:
                if row >= 0 and row not in self._messages and row not in self._asked:
                    rows.append(row)
        self._asked.update(rows)
        return rows

    def page_of(self, row: int) -> list[int]:
        """Return the rows that are read together with this one; none where it is not in the timeline."""
        position = self._position(row)
        if position is None:
            return []
        first = position // PAGE * PAGE
        return [one for one in self._rows[first : first + PAGE] if one >= 0]

    def tail(self) -> list[int]:
        """Return the rows of the last page, which is what a chat opens with."""
        return [row for row in self._rows[-PAGE:] if row >= 0]

    def loaded(self) -> Iterable[tuple[int, Message]]:
        """What is loaded, by its row."""
        return self._messages.items()

    def take_over(self, before: "TimelineWindow") -> None:
        """Keep loaded what an older reading of the same timeline had loaded and nothing has changed since."""
        for row, message in before.loaded():
            place = bisect_left(self._rows, row)
            if place < len(self._rows) and self._rows[place] == row:
                self._messages[row] = message
                self._row_of[message.id] = row

    def moved(self, before: "TimelineWindow", position: int) -> int:
        """Return where what stood at a position of an older reading stands now, or what came next after it."""
        last = len(self._rows) - 1
        if not 0 <= position < len(before):
            return last
        row, message = before.row(position), before.message(position)
        if row >= 0 or message is None:
            return min(bisect_left(self._rows, row), last)
        found = self.position(message.id)
        return last if found is None else found

    def load(self, rows: Sequence[int], messages: Sequence[Message], keep: range) -> None:
        """Take in what was read for these rows, of the same length; forget others, not those of `keep`."""
        for row, message in zip(rows, messages, strict=True):
            self._asked.discard(row)
            self._messages[row] = message
            self._row_of[message.id] = row
        if len(self._messages) > KEPT + self._added:
            self._forget(keep, set(rows))

    def _forget(self, keep: range, fresh: set[int]) -> None:
        near = {self._rows[position] for position in keep if position < len(self._rows)} | fresh
        for row in [row for row in self._messages if row >= 0 and row not in near]:
            if len(self._messages) <= KEPT + self._added:
                break
            del self._row_of[self._messages.pop(row).id]

    def release(self, rows: Iterable[int]) -> None:
        """These rows could not be read; they may be asked for again."""
        self._asked.difference_update(rows)

    def add(self, message: Message, cells: int) -> None:
        """Put a new message at the end; `cells` is the width of its text, at most 255 counts."""
        self._added += 1
        row = -self._added
        self._rows.append(row)
        self.widths.append(min(255, cells))
        self._messages[row] = message
        self._row_of[message.id] = row

    def change(self, message: Message) -> int | None:
        """Replace a loaded message; return its position, or None if it is not loaded."""
        row = self._row_of.get(message.id)
        if row is None:
            return None
        self._messages[row] = message
        return self._position(row)

    def remove(self, message: MessageId) -> int | None:
        """Take a loaded message out; return where it stood, or None if it is not loaded."""
        row = self._row_of.get(message)
        return None if row is None else self.remove_row(row)

    def remove_row(self, row: int) -> int | None:
        """Take out what this row names; return where it stood, or None if it is not in the timeline."""
        position = self._position(row)
        if position is None:
            return None
        del self._rows[position]
        del self.widths[position]
        self._asked.discard(row)
        gone = self._messages.pop(row, None)
        if gone is not None:
            del self._row_of[gone.id]
        return position
