"""The one boundary for text that a peer, a relay, a provider or a file controls, before a terminal sees it.

Names, message texts, file names, reactions and errors pass here and come out as plain characters: nothing a
terminal would obey, nothing that turns the reading direction, nothing invisible. What was removed shows as
U+FFFD where its absence could deceive. Must not know Textual, colours or where the text is shown.

Emoji joined by U+200D come apart into their parts: terminals disagree about the width of a joined one, and a
line whose width is unknown could paint over its neighbours.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

NAME_CELLS: Final = 32
"""A person's or a file's name takes at most so many cells."""

LINE_CHARACTERS: Final = 400
"""One line of somebody else's words, such as a relay's error."""

BODY_CHARACTERS: Final = 2_000
BODY_LINES: Final = 40
"""How much of a message is shown before "show more"."""

MARKS: Final = 3
"""Combining marks on one character; living languages need no more."""

REPLACED: Final = "\N{REPLACEMENT CHARACTER}"

_REPLACE: Final = (
    *range(0x09),
    *range(0x0B, 0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x2070),
    *range(0xD800, 0xE000),
    *range(0xFFF9, 0xFFFC),
    0x10EEEE,
)
"""Controls, direction overrides and isolates, lone surrogates, and the placeholder of kitty's images."""

_REMOVE: Final = (
    0x00AD,
    0x034F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    *range(0x180B, 0x1810),
    *range(0x200B, 0x200E),
    *range(0x2060, 0x2066),
    0x3164,
    0xFEFF,
    0xFFA0,
    *range(0xE0000, 0xE1000),
)
"""Characters without a shape: joiners, fillers, tags. Two texts must not look alike and differ in these."""

_TABLE: Final[dict[int, str]] = {
    **dict.fromkeys(_REPLACE, REPLACED),
    **dict.fromkeys(_REMOVE, ""),
    0x2028: "\n",
    0x2029: "\n",
}
_BREAKS: Final = re.compile(r"\r\n|[\v\f\x1c-\x1e\x85]")
_BADGES: Final = dict.fromkeys(map(ord, "✓✔🗸☑✅🗹🔒🔐🔏🛡⚠⛨●○◉"), REPLACED)
"""Signs this program itself puts next to names; in a name they would be a badge somebody gave himself."""

_LINK: Final = re.compile(r"https?://[^\s<>\"'`|\\^{}]+", re.IGNORECASE)

_LOOKS: Final = {
    "a": "аαɑ",
    "b": "вь",
    "c": "сϲ",
    "d": "ԁ",
    "e": "еεё",
    "g": "ɡ",
    "h": "һнհ",
    "i": "іιıɩ",
    "j": "јϳ",
    "k": "кκ",
    "l": "1|ӏℓ",
    "m": "м",
    "n": "пηո",
    "o": "0оοօ",
    "p": "рρ",
    "q": "ԛզ",
    "r": "гᴦ",
    "s": "ѕꜱ",
    "t": "тτ",
    "u": "υսц",
    "v": "νѵ",
    "w": "ԝѡω",
    "x": "хχ",
    "y": "уγү",
    "z": "ᴢ",
}
_ALIKE: Final = str.maketrans({alike: letter for letter, row in _LOOKS.items() for alike in row})


@dataclass(frozen=True, slots=True)
class Body:
    """As much of a message as a list of messages shows."""

    text: str
    hidden_lines: int
    """How many more lines there are; 1 where the rest is part of a line."""


@dataclass(frozen=True, slots=True)
class Link:
    """An http or https address in a clean text: `text[start:stop]`, and the host it truly leads to."""

    start: int
    stop: int
    host: str


def clean(text: str) -> str:
    """Return `text` with line breaks as newlines and nothing in it that a terminal would obey.

    Newline and tab stay. Takes time linear in the text: cut long texts first.
    """
    text = _BREAKS.sub("\n", text).translate(_TABLE) if not text.isprintable() or not text.isascii() else text
    return text if text.isascii() else _cap_marks(text)


def _cap_marks(text: str) -> str:
    kept: list[str] = []
    marks = MARKS
    for character in text:
        if character > "\u02ff" and unicodedata.category(character) in ("Mn", "Me"):
            marks += 1
            if marks > MARKS:
                continue
        else:
            marks = MARKS if character in "\n\t" else 0
        kept.append(character)
    return "".join(kept)


def body_of(text: str) -> Body:
    """Return the first lines of a message, and how many more there are."""
    head = text[: BODY_CHARACTERS + 1]
    lines = clean(head[:BODY_CHARACTERS]).split("\n")
    shown = "\n".join(lines[:BODY_LINES])
    if len(head) <= BODY_CHARACTERS and len(lines) <= BODY_LINES:
        return Body(shown, 0)
    unseen = max(0, len(lines) - BODY_LINES) + text.count("\n", BODY_CHARACTERS)
    return Body(shown, max(1, unseen))


def line_of(text: str, characters: int = LINE_CHARACTERS) -> str:
    """Return `text` as one line of at most so many characters, for errors, previews and reasons."""
    cut = text[: characters + 1]
    line = " ".join(clean(cut).split())
    return f"{line[: characters - 1]}…" if len(cut) > characters else line


def name_of(text: str, cells: int = NAME_CELLS) -> str:
    """Return a person's or a chat's name: one line, at most `cells` cells wide, without badges of its own."""
    return fit(line_of(text[: 8 * cells]).translate(_BADGES), cells) or REPLACED


def file_name_of(path: str, cells: int = NAME_CELLS) -> str:
    """Return a file's name, one line, without folders, its ending always visible."""
    name = line_of(re.split(r"[/\\]", path[:4096])[-1]).translate(_BADGES) or "file"
    if width(name) <= cells:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or width(ending) > cells // 2:
        return fit(name, cells)
    return f"{fit(stem, cells - 1 - width(ending))}{dot}{ending}"


def emoji_of(text: str) -> str:
    """Return a reaction: at most four cells."""
    return fit(line_of(text[:32]).translate(_BADGES), 4) or REPLACED


def width(text: str) -> int:
    """Return how many cells a clean line takes."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def fit(text: str, cells: int) -> str:
    """Return a clean line cut to so many cells, with an ellipsis where something is missing."""
    if width(text) <= cells:
        return text
    taken = 0
    for position, character in enumerate(text):
        taken += _cells(character)
        if taken > cells - 1:
            return f"{text[:position]}…"
    return text


def _cells(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def links_in(text: str) -> list[Link]:
    """Find the web addresses in a clean text. Nothing is ever opened; the host is what gets shown."""
    found = []
    for match in _LINK.finditer(text):
        address = match.group().rstrip(".,;:!?)]")
        try:
            host = urlsplit(address).hostname
        except ValueError:
            continue
        if host:
            found.append(Link(match.start(), match.start() + len(address), host))
    return found


@lru_cache(maxsize=4096)
def skeleton(name: str) -> str:
    """Return what a name looks like, so that two names with one skeleton can be told apart by a mark.

    After the idea of Unicode Technical Standard 39, section 4, with the pairs that matter at a terminal.
    """
    plain = unicodedata.normalize("NFKD", clean(name[:256])).replace("I", "l").casefold()
    bare = "".join(character for character in plain if not unicodedata.combining(character))
    return re.sub(r"[\s._-]", "", bare.translate(_ALIKE)).replace("rn", "m").replace("vv", "w")


def alphabets_of(name: str) -> frozenset[str]:
    """Return the alphabets a name is written in, such as LATIN and CYRILLIC; East Asian ones count as one."""
    found = set()
    for character in unicodedata.normalize("NFKC", name):
        if character.isalpha():
            alphabet = unicodedata.name(character, "UNKNOWN").split()[0]
            found.add(
                "CJK" if alphabet in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO") else alphabet
            )
    return frozenset(found)


def doubt_about(name: str, others: Iterable[str] = ()) -> str:
    """Return why a name may not be what it seems, in a few words, or an empty text.

    `others` are the names of the people already known.
    """
    if len(alphabets_of(name) - {"CJK"}) > 1:
        return "mixed alphabets"
    mine = skeleton(name)
    for other in others:
        if other != name and skeleton(other) == mine:
            return f"looks like {name_of(other)}"
    return ""
