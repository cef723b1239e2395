"""The signs the interface draws, in two sets: for terminals with good fonts, and in plain ASCII.

Every sign stands beside or instead of a word, so that none is needed to understand a screen.
Must not know what the signs are about.
"""

from dataclasses import dataclass, fields, replace
from typing import Final


@dataclass(slots=True)
class Icons:
    """One set of signs; each takes one cell for each of its characters. Widgets share one, which can become another."""

    waiting: str
    accepted: str
    delivered: str
    read: str
    failed: str
    online: str
    offline: str
    verified: str
    warning: str
    bar_left: str
    bar_right: str
    quote: str
    rule: str
    cursor: str
    down: str
    ellipsis: str
    dot: str
    clip: str
    progress_done: str
    progress_left: str
    spinner: str
    timer: str
    image: str
    sound: str
    film: str
    person: str
    bars: str
    """From silent to loud."""

    def become(self, other: "Icons") -> None:
        """Draw as another set does, from the next drawing on."""
        for field in fields(other):
            setattr(self, field.name, getattr(other, field.name))


UNICODE: Final = Icons(
    waiting="◷",
    accepted="✓",
    delivered="✓✓",
    read="read",
    failed="✗",
    online="●",
    offline="○",
    verified="✓",
    warning="▲",
    bar_left="▌",
    bar_right="▐",
    quote="│",
    rule="─",
    cursor="❯",
    down="↓",
    ellipsis="…",
    dot="·",
    clip="◫",
    progress_done="━",
    progress_left="─",
    spinner="⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏",
    timer="◔",
    image="▣",
    sound="♪",
    film="▶",
    person="☺",
    bars="▁▂▃▄▅▆▇█",
)

ASCII: Final = Icons(
    waiting="..",
    accepted="+",
    delivered="++",
    read="read",
    failed="!!",
    online="*",
    offline="o",
    verified="=",
    warning="!",
    bar_left="|",
    bar_right="|",
    quote="|",
    rule="-",
    cursor=">",
    down="v",
    ellipsis="...",
    dot="-",
    clip="#",
    progress_done="=",
    progress_left="-",
    spinner="-\\|/",
    timer="~",
    image="#",
    sound="#",
    film="#",
    person="@",
    bars="._-=+*#@",
)


def signs(*, ascii_only: bool = False) -> Icons:
    """Return a set of signs of one's own."""
    return replace(ASCII if ascii_only else UNICODE)
