"""The middle of the stage: every frame that passes the relay, and what the relay learns from it.

Drawn as it happens between two people: what the left one's connection carries stands at the left edge, what the
right one's carries at the right. Who asks whether somebody is there is only counted. Holds at most `KEPT` entries.
Must not know the relay's process.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Static

from letterlock_client.sanitize import fit, line_of, width
from letterlock_client.shapes import many
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.widgets.rows import Row, rows_of_strips
from letterlock_client.ui.widgets.virtual_log import VirtualLog
from letterlock_client.ui.wording import size
from letterlock_client.workshop.relay_words import known_of, unknown_of
from letterlock_client.workshop.watch_lines import Dropped, SeenFrame, Unreadable
from letterlock_client.workshop.watched_relay import Ended, News, Started

KEPT: Final = 2_000
"""The most entries that are held; when there are more, the oldest tenth goes."""

EXACT_BYTES: Final = 10_000

_ASKS: Final = "AskPresence"
"""What every client says every 20 seconds: the rest would be lost among it."""
_ANSWERS: Final = "PresenceIs"

_STYLES: Final = ("kind", "quiet", "hex", "known", "hidden", "rule")
_Line = list[tuple[str, str]]
"""Pieces of one drawn line: style name and text."""


@dataclass(frozen=True, slots=True)
class Presences:
    """So many askings who is there came one after the other, the last at this time."""

    count: int
    at: int


class RelayLog(VirtualLog, inherit_bindings=False):
    """The frames, the newest at the bottom."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor(-1)", "Up", show=False),
        Binding("down", "cursor(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "last", "Last", show=False),
        Binding("k", "screen.toggle_relay", "Kill or start", show=False),
        Binding("q", "app.quit", "Leave", show=False),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"relay--{name}" for name in _STYLES}

    def __init__(self, names: Mapping[str, str], right: str) -> None:
        super().__init__(follow=True)
        self._names = names
        self._right = right
        self._entries: list[News | Presences] = []
        self._first = 0

    def add(self, news: Sequence[News]) -> None:
        """Show more at the end; askings who is there that follow each other share a line."""
        last = len(self._entries) - 1
        before = self._entries[-1:]
        added = _folded([*before, *news])
        if before and added[0] is not before[0]:
            self._entries[last] = added[0]
            self.item_changed(last)
        added = added[len(before) :]
        self._entries.extend(added)
        if len(self._entries) > KEPT:
            gone = len(self._entries) - KEPT + KEPT // 10
            del self._entries[:gone]
            self._first += gone
            self.items_reread()
        else:
            width = self.scrollable_content_region.width
            self.items_added(bytes(len(self._lines(entry, width)) for entry in added))

    # What the list asks.

    def guess_heights(self, width: int) -> bytes:
        """As many rows as each entry has."""
        return bytes(len(self._lines(entry, width)) for entry in self._entries)

    def item_key(self, item: int) -> Hashable:
        """Each has a number for ever, and changes only by what it counts."""
        entry = self._entries[item]
        return self._first + item, entry.count if isinstance(entry, Presences) else 0

    def item_text(self, item: int) -> str | None:
        """What is drawn is all there is to copy."""
        return None

    def item_rows(self, item: int, width: int) -> list[Row]:
        """An entry's lines, at the edge of the person whose connection it is."""
        entry = self._entries[item]
        at_right = isinstance(entry, SeenFrame) and entry.account == self._right
        styles = {name: self.get_visual_style(f"relay--{name}").rich_style for name in _STYLES}
        lines = self._lines(entry, width)
        return rows_of_strips([_strip(line, width, styles, at_right=at_right) for line in lines])

    def _lines(self, entry: News | Presences, width: int) -> list[_Line]:
        match entry:
            case SeenFrame():
                return self._frame(entry, width, at_right=entry.account == self._right)
            case Presences(count=count, at=at):
                return [[("quiet", fit(f"  asked {many(count, 'time')} who is there, {_time(at)}", width))]]
            case Started(again=again):
                return [
                    _rule("started again on what was on its disk" if again else "the relay starts", width)
                ]
            case Ended(killed=killed):
                return [
                    _rule("killed: SIGKILL, no goodbye" if killed else "the relay ended by itself", width)
                ]
            case Dropped(count=count):
                return [_rule(f"{count} more that were not shown", width)]
            case Unreadable():
                return [_rule("a line that no relay says", width)]
            case _:
                return []

    def _frame(self, frame: SeenFrame, width: int, *, at_right: bool) -> list[_Line]:
        known, hidden = known_of(frame, self._names), unknown_of(frame)
        room = max(8, width - 2)
        below: list[tuple[str, str]] = []
        if frame.sealed:
            below.append(("hex", _hex(frame.sealed, frame.sealed_size, room)))
        if known:
            below.extend(("known", line) for line in wrap(f"knows: {known}", room))
        if hidden:
            below.extend(("hidden", line) for line in wrap(f"cannot know: {hidden}", room))
        indent = ("quiet", "  ")
        lines = [[piece, indent] if at_right else [indent, piece] for piece in below]
        return [_head(frame, width, at_right=at_right), *lines]

    # Keys: no entry is ever chosen, so the keys scroll.

    def action_cursor(self, step: int) -> None:
        """Scroll by lines."""
        self.scroll_relative(y=step, animate=False, immediate=True)

    def action_first(self) -> None:
        """Scroll to the beginning."""
        self.scroll_to(y=0, animate=False, immediate=True)

    def action_last(self) -> None:
        """Scroll to the end and stay there."""
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)


class RelayPane(Vertical):
    """The log, and above it how the relay is doing."""

    def __init__(self, names: Mapping[str, str], right: str, icons: Icons) -> None:
        super().__init__(id="relay", classes="party")
        self.log_view = RelayLog(names, right)
        self._icons = icons
        self._state = Static(markup=False, classes="relay--state")
        self._frames = 0
        self._bytes = 0
        self._runs: bool | None = None

    def compose(self) -> ComposeResult:
        """The state, and the log."""
        yield self._state
        yield self.log_view

    def on_mount(self) -> None:
        """Begin."""
        self._show_state()

    def add(self, news: Sequence[News]) -> None:
        """Take in what happened."""
        for each in news:
            match each:
                case SeenFrame():
                    self._frames += 1
                    self._bytes += each.size
                case Started():
                    self._runs = True
                case Ended():
                    self._runs = False
                case _:
                    pass
        self.log_view.add(news)
        self._show_state()

    def _show_state(self) -> None:
        icons = self._icons
        passed = f"{self._frames} frames, {size(self._bytes)}"
        if self._runs:
            text = f"{icons.online} running {icons.dot} {passed} passed"
        elif self._runs is None:
            text = f"{icons.offline} starting"
        else:
            text = f"{icons.failed} dead {icons.dot} f8 starts it again"
        self._state.update(Content(text))
        self._state.set_class(self._runs is False, "-dead")


def _folded(entries: Iterable[News | Presences]) -> list[News | Presences]:
    """Count askings who is there that follow each other, and pass over the answers."""
    found: list[News | Presences] = []
    for each in entries:
        if isinstance(each, SeenFrame) and each.kind == _ASKS:
            before = found.pop() if found and isinstance(found[-1], Presences) else None
            found.append(Presences(before.count + 1 if isinstance(before, Presences) else 1, each.at))
        elif not (isinstance(each, SeenFrame) and each.kind == _ANSWERS):
            found.append(each)
    return found


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%H:%M:%S")


def _head(frame: SeenFrame, room: int, *, at_right: bool) -> _Line:
    """Return an arrow, the kind, the size and the time; the arrow points the way the frame goes."""
    arrow = "→" if frame.inward != at_right else "←"
    time = _time(frame.at)
    kind = line_of(frame.kind, 24)
    style = "kind" if frame.sealed else "quiet"
    # To the byte, where the number may be one of the size classes.
    amount = f"{frame.size} B" if frame.size < EXACT_BYTES else size(frame.size)
    said = f"{kind}  {amount}"
    gap = " " * max(1, room - 2 - width(said) - len(time))
    if at_right:
        return [("quiet", f"{time}{gap}{amount}  "), (style, f"{kind} {arrow}")]
    return [(style, f"{arrow} {kind}"), ("quiet", f"  {amount}{gap}{time}")]


def _hex(sealed: str, sealed_size: int, room: int) -> str:
    """Return as many groups of four digits as fit, with an ellipsis where there is more."""
    groups = [sealed[at : at + 4] for at in range(0, len(sealed), 4)]
    fitting = max(1, (room - 1) // 5)
    more = len(groups) > fitting or 2 * sealed_size > len(sealed)
    return " ".join(groups[:fitting]) + ("…" if more else "")


def _rule(text: str, room: int) -> _Line:
    said = fit(f" {text} ", max(1, room - 2))
    left = max(0, room - width(said)) // 2
    return [("rule", f"{'─' * left}{said}{'─' * max(0, room - left - width(said))}")]


def _strip(line: _Line, room: int, styles: Mapping[str, Style], *, at_right: bool) -> Strip:
    segments = [Segment(text, styles[style]) for style, text in line]
    space = Segment(" " * max(0, room - sum(segment.cell_length for segment in segments)), styles["quiet"])
    return Strip([space, *segments] if at_right else [*segments, space])
