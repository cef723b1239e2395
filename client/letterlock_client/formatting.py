"""The few marks people put into texts, as spans over plain characters: never markup, never anything that runs.

*bold*, _italic_, `code`, ```blocks```, web addresses with the host they truly lead to, and @names. Takes time
linear in the text, gives at most SPANS spans, and leaves what it does not understand as it stands. Wants a
clean text and gives clean pieces. Must not know styles, widgets or messages.
"""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from letterlock_client.sanitize import Link, fit, links_in

SPANS: Final = 256
"""How many marks of one text are honoured; the rest stands as it was typed."""

HOST_CELLS: Final = 60

_FENCE: Final = "```"
_ANY: Final = re.compile(r"[*_`@]|://")
_TOKEN: Final = re.compile(r"`[^`\n]+`|[*_\n]|@[a-z0-9][a-z0-9_.-]{0,31}")


class Mark(Enum):
    """What a span is."""

    BOLD = auto()
    ITALIC = auto()
    CODE = auto()
    LINK = auto()
    HOST = auto()
    """The part of an address that says where it leads."""
    WARNING = auto()
    """Words of ours behind an address that does not show plainly where it leads."""
    MENTION = auto()


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:stop]` of a piece carries this mark."""

    start: int
    stop: int
    mark: Mark


@dataclass(frozen=True, slots=True)
class Piece:
    """Some lines of a text; those of a block are shown as they are, in a frame of their own."""

    text: str
    spans: tuple[Span, ...] = ()
    block: bool = False


def pieces_of(text: str, names: Collection[str] = ()) -> list[Piece]:
    """Return a clean text as pieces, marks taken out; `names` are the handles that @ may name here."""
    if not _ANY.search(text):
        return [Piece(text)]
    pieces: list[Piece] = []
    left = SPANS
    for part, block in _blocks(text):
        piece = Piece(part, block=True) if block else _Inline(part, names, left).piece()
        left -= len(piece.spans)
        pieces.append(piece)
    return pieces or [Piece("")]


def without_marks(line: str) -> str:
    """Return a clean line as it reads, for previews: no marks, but the true host where an address hides it."""
    return " ".join(piece.text for piece in pieces_of(line))


def _blocks(text: str) -> Iterator[tuple[str, bool]]:
    """Split at fences that have a partner and something between them."""
    at = 0
    while (start := text.find(_FENCE, at)) >= 0 and (stop := text.find(_FENCE, start + 3)) >= 0:
        inside = text[start + 3 : stop].strip("\n")
        if not inside.strip():
            break
        before = text[at:start].removesuffix("\n")
        if before:
            yield before, False
        yield inside, True
        at = stop + 3
        if text.startswith("\n", at):
            at += 1
    if at < len(text):
        yield text[at:], False


@dataclass(slots=True)
class _Inline:
    """One piece outside blocks: spans over the text as typed, and what is cut out of it or put in."""

    text: str
    names: Collection[str]
    room: int
    spans: list[Span] = field(default_factory=list)
    cuts: list[tuple[int, int, str]] = field(default_factory=list)
    """(position, characters taken out, characters put in)."""

    def piece(self) -> Piece:
        code = self._tokens()
        self._links(code)
        return self._cut()

    def _add(self, start: int, stop: int, mark: Mark) -> bool:
        if len(self.spans) >= self.room:
            return False
        self.spans.append(Span(start, stop, mark))
        return True

    def _tokens(self) -> list[tuple[int, int]]:
        links = links_in(self.text) if "://" in self.text else []
        code: list[tuple[int, int]] = []
        opened: dict[str, int] = {}
        place = 0
        for token in _TOKEN.finditer(self.text):
            start, stop, sign = token.start(), token.end(), token.group()
            while place < len(links) and links[place].stop <= start:
                place += 1
            # A mark at the very end of an address belongs to what stands around it.
            if place < len(links) and links[place].start < start < links[place].stop - len(sign):
                continue
            if sign == "\n":
                opened.clear()
            elif sign[0] == "`":
                if self._add(start, stop, Mark.CODE):
                    code.append((start, stop))
            elif sign[0] == "@":
                self._name(start, sign)
            else:
                self._emphasis(start, sign, opened)
        return code

    def _emphasis(self, at: int, sign: str, opened: dict[str, int]) -> None:
        before = self.text[at - 1] if at else " "
        after = self.text[at + 1] if at + 1 < len(self.text) else " "
        start = opened.get(sign)
        if start is not None and at > start + 1 and not before.isspace() and not after.isalnum():
            # What was opened in between stands as it was typed: marks lie within each other, or beside.
            for inner in [each for each, place in opened.items() if place >= start]:
                del opened[inner]
            if self._add(start + 1, at, Mark.BOLD if sign == "*" else Mark.ITALIC):
                self.cuts += [(start, 1, ""), (at, 1, "")]
        elif not before.isalnum() and not after.isspace() and after != sign:
            opened[sign] = at

    def _name(self, at: int, sign: str) -> None:
        name = sign[1:].rstrip(".-_")
        if name in self.names and (at == 0 or not self.text[at - 1].isalnum()):
            self._add(at, at + 1 + len(name), Mark.MENTION)

    def _links(self, code: list[tuple[int, int]]) -> None:
        closers = {at for at, _, _ in self.cuts}
        place = 0
        for link in links_in(self.text) if "://" in self.text else []:
            while place < len(code) and code[place][1] <= link.start:
                place += 1
            if place < len(code) and code[place][0] < link.start:
                continue
            stop = link.stop - 1 if link.stop - 1 in closers else link.stop
            self._link(link, stop)

    def _link(self, link: Link, stop: int) -> None:
        start, end, plain = _host_of(self.text[link.start : stop])
        if end <= start or len(self.spans) + 3 > self.room:
            return
        self._add(link.start, stop, Mark.LINK)
        self._add(link.start + start, link.start + end, Mark.HOST)
        if not plain:
            self.cuts.append((stop, 0, f" (leads to {true_host(link.host)})"))

    def _cut(self) -> Piece:
        if not self.cuts:
            return Piece(self.text, tuple(self.spans))
        self.cuts.sort()
        # Doubled, and one more behind what is put in: so an end that stands there comes before it.
        ends, shifts, parts, warnings = [0], [0], [], []
        at = length = 0
        for place, taken, put in self.cuts:
            parts += [self.text[at:place], put]
            length += place - at
            if put:
                warnings.append(Span(length, length + len(put), Mark.WARNING))
            length += len(put)
            at = place + taken
            ends.append(2 * at + bool(put))
            shifts.append(length - at)
        parts.append(self.text[at:])

        def moved(position: int, *, stop: bool) -> int:
            return position + shifts[bisect_right(ends, 2 * position + (not stop)) - 1]

        spans = [
            Span(moved(span.start, stop=False), moved(span.stop, stop=True), span.mark) for span in self.spans
        ]
        return Piece("".join(parts), (*spans, *warnings))


def _host_of(address: str) -> tuple[int, int, bool]:
    """Return where in an address its host stands, and whether that is plain to see."""
    start = address.index("://") + 3
    end = min((place for sign in "/?#" if (place := address.find(sign, start)) >= 0), default=len(address))
    authority = address[start:end]
    user = authority.rfind("@") + 1
    plain = not user and authority.isascii() and "xn--" not in authority.lower() and "%" not in authority
    host = authority[user:]
    port = re.search(r":[0-9]*$", host)
    return start + user, start + user + (port.start() if port else len(host)), plain


def true_host(host: str) -> str:
    """Return a host as the network knows it, so that no letter can pass for another."""
    try:
        return fit(host.encode("idna").decode(), HOST_CELLS)
    except UnicodeError:
        return fit(ascii(host).strip("'"), HOST_CELLS)
