"""How one message is drawn: separators above it, its bubble, its time and ticks, what hangs below it.

Pure: values and styles in, rows out. Every text of a peer passes `sanitize` here and is never markup. Signs
and words say everything that colours say. Must not know widgets, loading or the messenger.
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip

from letterlock.ids import MessageId
from letterlock_client.models import Attachment, Delivery, Message, MessageKind, Picture, TransferState
from letterlock_client.sanitize import body_of, emoji_of, file_name_of, fit, line_of, width
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.widgets.half_blocks import half_blocks
from letterlock_client.ui.widgets.rows import EMPTY, Row
from letterlock_client.ui.widgets.text_rows import Ink, text_strips, wrapped
from letterlock_client.ui.wording import (
    account_lines,
    attachment_line,
    card_of,
    clock_time,
    day_name,
    local_day,
    preview,
    sign_of,
    ticks,
    until,
)

if TYPE_CHECKING:
    from letterlock.devices.invite import Invite

GROUP_MS: Final = 5 * 60_000
"""Messages of one person closer together than this share one name."""

BUBBLE_CELLS: Final = 72
"""A line longer than this is hard to read."""

COUNTED_MS: Final = 3_600_000
"""A message that stays for less than this says so in words; one that stays longer shows a sign."""

MARGIN: Final = 2
"""Cells left of everything, where the cursor stands."""

META: Final = 12
"""Cells at the right for the time and the ticks."""

FRAME: Final = 3
"""A bubble's bar and the space at both sides of its text."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What stands above a message because of the one before it."""

    day: str = ""
    unread: int = 0
    name: str = ""
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """The message that another one answers, as a line."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Look:
    """Styles and signs to draw with, resolved for the present theme."""

    icons: Icons
    ground: Style
    name: Style
    dim: Style
    rule: Style
    unread: Style
    theirs: Style
    theirs_bar: Style
    mine: Style
    mine_bar: Style
    theirs_quiet: Style
    mine_quiet: Style
    theirs_code: Style
    mine_code: Style
    read: Style
    failed: Style
    cursor: Style


@dataclass(frozen=True, slots=True)
class Reader:
    """What the reader's side adds to a chat: the other person's name, the present time, where unread begins."""

    peer_name: str
    now: int
    first_unread: MessageId | None
    unread: int


def lead_of(message: Message, before: Message | None, reader: Reader, *, first: bool) -> Lead:
    """Say what stands above a message; `first` is the chat's first one, else `before` may not be loaded."""
    unread = reader.unread if message.id == reader.first_unread else 0
    if before is None and not first:
        return Lead(unread=unread)
    new_day = before is None or local_day(before.sent_at) != local_day(message.sent_at)
    alone = (
        before is None
        or new_day
        or bool(unread)
        or before.author != message.author
        or before.kind is MessageKind.NOTE
        or message.sent_at - before.sent_at > GROUP_MS
    )
    note = message.kind is MessageKind.NOTE
    day = day_name(message.sent_at, reader.now) if new_day else ""
    return Lead(
        day,
        unread,
        reader.peer_name if alone and not message.mine and not note else "",
        gap=alone and not first,
    )


def quote_of(message: Message, peer_name: str) -> Quote:
    """Return a message as the line that an answer to it shows."""
    return Quote("You" if message.mine else peer_name, preview(message).removeprefix("You: "))


def bubble_width(columns: int) -> int:
    """Return how many cells a line of text may take in a log this wide."""
    return max(8, min(BUBBLE_CELLS, columns - MARGIN - META - FRAME))


@dataclass(frozen=True, slots=True)
class Drawing:
    """How and in what surroundings a message is drawn."""

    lead: Lead
    quote: Quote | None
    look: Look
    columns: int
    marked: bool = False
    """Whether the cursor is on it."""
    names: Collection[str] = ()
    """The handles of the people in this chat."""
    left_ms: int = 0
    """How long it stays, where its timer runs."""
    moved: int = -1
    """How many hundredths of its file have moved, where that is known."""
    picture: Picture | None = None


def draw(message: Message, drawing: Drawing) -> list[Row]:
    """Draw one message with everything that belongs to it."""
    look, columns = drawing.look, drawing.columns
    rows = []
    if message.kind is MessageKind.NOTE:
        rows.append(_note(message, look, columns))
    else:
        if drawing.lead.name:
            rows.append(_line((" " * MARGIN, look.ground), (drawing.lead.name, look.name)))
        rows += _Bubble(message, drawing).rows(drawing.quote)
    if drawing.marked:
        rows = [_with_cursor(row, look) if row.body.cell_length else row for row in rows]
    return [*_lead_rows(drawing.lead, look, columns), *rows]


def _with_cursor(row: Row, look: Look) -> Row:
    left = Strip.join((Strip([Segment(look.icons.cursor, look.cursor)]), row.left.crop(1)))
    return row._replace(left=left)


def _line(*parts: tuple[str, Style]) -> Row:
    strip = Strip([Segment(text, style) for text, style in parts])
    return Row(strip, EMPTY, EMPTY)


def _rule(text: str, style: Style, look: Look, columns: int) -> Row:
    room = max(0, columns - width(text) - 2 * MARGIN - 2)
    left = min(room // 2, max(2, (columns - width(text)) // 2 - MARGIN - 1))
    bar = look.icons.rule
    return _line(
        (" " * MARGIN, look.ground),
        (bar * left, look.rule),
        (f" {text} ", style),
        (bar * max(0, room - left), look.rule),
    )


def _lead_rows(lead: Lead, look: Look, columns: int) -> list[Row]:
    rows = []
    blank = _line((" ", look.ground))
    if lead.gap:
        rows.append(blank)
    if lead.day:
        rows.append(_rule(lead.day, look.dim, look, columns))
    if lead.unread:
        rows.append(_rule(f"{lead.unread} new", look.unread, look, columns))
    if lead.day or lead.unread:
        rows.append(blank)
    return rows


def _note(message: Message, look: Look, columns: int) -> Row:
    text = fit(f"{look.icons.dot} {line_of(message.text)} {look.icons.dot}", columns - 2 * MARGIN)
    return _line((" " * max(MARGIN, (columns - width(text)) // 2), look.ground), (text, look.dim))


class _Bubble:
    """The rows of one message's bubble and of what hangs below it."""

    def __init__(self, message: Message, drawing: Drawing) -> None:
        self.message = message
        self.drawing = drawing
        self.look = look = drawing.look
        self.columns = drawing.columns
        self.room = bubble_width(drawing.columns)
        self.style = look.mine if message.mine else look.theirs
        self.quiet = look.mine_quiet if message.mine else look.theirs_quiet
        self.bar = look.mine_bar if message.mine else look.theirs_bar
        code = look.mine_code if message.mine else look.theirs_code
        self.ink = Ink(self.style, self.quiet, code, look.icons.quote)

    def rows(self, quote: Quote | None) -> list[Row]:
        lines = [*self._quote_lines(quote), *self._lines()]
        inner = max([min(4, self.room), *(line.cell_length for line in lines)])
        last = len(lines) - 1
        rows = [self._row(line, inner, meta=position == last) for position, line in enumerate(lines)]
        return [*rows, *self._below(inner)]

    def _quote_lines(self, quote: Quote | None) -> list[Strip]:
        if quote is None:
            return []
        text = fit(f"{self.look.icons.quote} {quote.name}: {quote.text}", self.room)
        return [Strip([Segment(text, self.quiet)])]

    def _lines(self) -> list[Strip]:
        message, quiet = self.message, self.quiet
        if message.deleted:
            return self._wrapped("This message was deleted.", quiet)
        if message.kind is MessageKind.UNKNOWN:
            return self._wrapped(
                "Written with a newer version of Letterlock; this one cannot show it.", quiet
            )
        if message.view_once and not message.mine:
            text = "Viewed once." if message.viewed else "View once: enter opens it, one time."
            return self._wrapped(text, quiet)
        if card := card_of(message):
            return self._card_lines(card)
        lines = []
        if message.attachment is not None:
            lines += self._file_lines(message.attachment)
        if message.text or message.attachment is None:
            lines += self._text_lines()
        return lines

    def _card_lines(self, card: "Invite") -> list[Strip]:
        """Whom a card names, by the whole account id: a handle alone is what a liar would copy."""
        icons = self.look.icons
        lines = self._wrapped(f"{icons.person} contact {icons.dot} {card.handle}", self.style)
        lines += [Strip([Segment(line, self.style)]) for line in account_lines(card.account, self.room)]
        return [*lines, *self._wrapped("enter writes to them", self.quiet)]

    def _file_lines(self, file: Attachment) -> list[Strip]:
        icons, picture = self.look.icons, self.drawing.picture
        if self.message.view_once and file.state is TransferState.GONE:
            far = "opened" if self.message.viewed else "sent"
            what = "a text" if file.is_message_text else file_name_of(file.name)
            text = f"{icons.clip} view once, {far} {icons.dot} {what}"
            return self._wrapped(text, self.style)
        lines = half_blocks(picture, self.room, self.style) if picture is not None else []
        text = f"{sign_of(self.message.kind, icons)} {attachment_line(file, self.message.kind)}"
        lines += self._wrapped(text, self.style)
        if self.message.kind in (MessageKind.AUDIO, MessageKind.VOICE) and file.preview:
            lines.append(Strip([Segment(waveform(file.preview, self.room, icons.bars), self.style)]))
        if file.state in (TransferState.MOVING, TransferState.PAUSED):
            lines.append(self._bar(file.state))
        return lines

    def _bar(self, state: TransferState) -> Strip:
        moved, icons = max(0, self.drawing.moved), self.look.icons
        keys = "p pauses, x cancels" if state is TransferState.MOVING else "p goes on, x cancels"
        known = f" {moved} %" if self.drawing.moved >= 0 else ""
        words = fit(f"{known} {icons.dot} {keys}", max(0, self.room - 6))
        cells = max(4, min(24, self.room - width(words)))
        done = cells * moved // 100
        return Strip(
            [
                Segment(icons.progress_done * done, self.bar),
                Segment(icons.progress_left * (cells - done), self.quiet),
                Segment(words, self.quiet),
            ]
        )

    def _text_lines(self) -> list[Strip]:
        body = body_of(self.message.text)
        lines = text_strips(body.text, self.drawing.names, self.ink, self.room)
        if body.hidden_lines:
            plural = "s" if body.hidden_lines > 1 else ""
            text = f"{self.look.icons.ellipsis} {body.hidden_lines} more line{plural}, enter shows all"
            lines += self._wrapped(text, self.quiet)
        return lines

    def _wrapped(self, text: str, style: Style) -> list[Strip]:
        return wrapped(text, style, self.room)

    def _row(self, line: Strip, inner: int, *, meta: bool) -> Row:
        look, room = self.look, self.columns - MARGIN - META
        pad = Segment(" " * max(0, inner - line.cell_length + 1), self.style)
        bar = look.icons.bar_right if self.message.mine else look.icons.bar_left
        tail = self._meta() if meta else [Segment(" " * META, look.ground)]
        free = max(0, room - inner - FRAME)
        if self.message.mine:
            left = [Segment(" " * (MARGIN + free), look.ground), Segment(" ", self.style)]
            right = [pad, Segment(bar, self.bar), *tail]
        else:
            left = [Segment(" " * MARGIN, look.ground), Segment(bar, self.bar), Segment(" ", self.style)]
            right = [pad, Segment(" " * free, look.ground), *tail]
        return Row(Strip(left), line, Strip(right))

    def _meta(self) -> list[Segment]:
        message, look = self.message, self.look
        sign = ticks(message.delivery, look.icons) if message.mine else ""
        styles = {Delivery.READ: look.read, Delivery.FAILED: look.failed}
        if message.timer_s and not message.deleted:
            sign = f"{sign.ljust(META - 8)}{look.icons.timer}"
        time = f" {clock_time(message.sent_at)} "
        return [
            Segment(time, look.dim),
            Segment(sign.ljust(META - len(time))[: META - len(time)], styles.get(message.delivery, look.dim)),
        ]

    def _below(self, inner: int) -> list[Row]:
        message, look = self.message, self.look
        marks: list[tuple[str, Style]] = []
        if message.reactions and not message.deleted:
            counts: dict[str, int] = {}
            for reaction in message.reactions:
                emoji = emoji_of(reaction.emoji)
                counts[emoji] = counts.get(emoji, 0) + 1
            shown = "  ".join(f"{emoji} {count}" if count > 1 else emoji for emoji, count in counts.items())
            marks.append((fit(shown, self.room), look.ground))
        if message.edits and not message.deleted:
            marks.append(("edited", look.dim))
        if 0 < self.drawing.left_ms < COUNTED_MS:
            marks.append((f"disappears in {until(self.drawing.left_ms)}", look.dim))
        rows = []
        if marks:
            rows.append(self._hanging(marks, inner))
        if message.delivery is Delivery.FAILED:
            reason = line_of(message.failure, 120)
            text = f"not sent{': ' if reason else ''}{reason} {look.icons.dot} enter sends it again"
            rows += [
                self._hanging([(line.plain, look.failed)], line.cell_length)
                for line in Content(text).wrap(self.room)
            ]
        return rows

    def _hanging(self, marks: list[tuple[str, Style]], inner: int) -> Row:
        parts = [(f"{'  ' if position else ''}{text}", style) for position, (text, style) in enumerate(marks)]
        cells = sum(width(text) for text, _ in parts)
        room = self.columns - MARGIN - META
        indent = MARGIN + (max(0, room - cells - 2) if self.message.mine else 2)
        return _line((" " * indent, self.look.ground), *parts)


def waveform(preview: bytes, room: int, bars: str) -> str:
    """Draw how loud a sound is along its length, one byte a bar, in at most so many cells."""
    cells = max(1, min(len(preview), room, 64))
    edges = [n * len(preview) // cells for n in range(cells + 1)]
    loud = [max(preview[begin:end]) for begin, end in pairwise(edges)]
    return "".join(bars[each * (len(bars) - 1) // 255] for each in loud)
