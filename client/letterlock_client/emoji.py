"""Emoji by name: those that every terminal draws two cells wide, under Unicode's names and the usual short ones.

Must not know screens. Joined emoji are left out: terminals disagree about their width.
"""

import unicodedata
from functools import lru_cache
from typing import Final

from letterlock_client.sanitize import emoji_of

OFTEN: Final = (
    *("thumbsup", "heart", "joy", "open_mouth", "cry", "pray", "tada", "eyes"),
    *("thumbsdown", "fire", "clap", "rocket", "100", "thinking", "smile", "sweat_smile"),
    *("wave", "ok_hand", "muscle", "sob", "angry", "heart_eyes", "star", "zzz"),
)
"""What is offered before anything is typed."""

SHORT: Final = {
    "+1": "👍",
    "-1": "👎",
    "100": "💯",
    "angry": "😠",
    "beer": "🍺",
    "bulb": "💡",
    "clap": "👏",
    "coffee": "☕",
    "cry": "😢",
    "eyes": "👀",
    "fire": "🔥",
    "grin": "😁",
    "heart": "💗",
    "heart_eyes": "😍",
    "hug": "🤗",
    "joy": "😂",
    "laughing": "😆",
    "love_letter": "💌",
    "muscle": "💪",
    "ok_hand": "👌",
    "open_mouth": "😮",
    "party": "🥳",
    "pray": "🙏",
    "rocket": "🚀",
    "rofl": "🤣",
    "scream": "😱",
    "shrug": "🤷",
    "smile": "😄",
    "smirk": "😏",
    "sob": "😭",
    "star": "⭐",
    "sunglasses": "😎",
    "sweat_smile": "😅",
    "tada": "🎉",
    "thinking": "🤔",
    "thumbsdown": "👎",
    "thumbsup": "👍",
    "unlock": "🔓",
    "warning": "🚨",
    "wave": "👋",
    "wink": "😉",
    "x": "❌",
    "zzz": "💤",
}

_BLOCKS: Final = (range(0x231A, 0x231C), range(0x2600, 0x27C0), range(0x1F300, 0x1FAF9))


@lru_cache(maxsize=1)
def table() -> dict[str, str]:
    """Return every emoji by each of its names."""
    found = dict(SHORT)
    for block in _BLOCKS:
        for code in block:
            character = chr(code)
            name = unicodedata.name(character, "")
            wide = unicodedata.east_asian_width(character) == "W"
            # Skin colours join the emoji before them; badges are this program's own signs.
            if name and wide and "MODIFIER" not in name and emoji_of(character) == character:
                found.setdefault(name.lower().replace(" ", "_").replace("-", "_"), character)
    return found


def named(text: str) -> str:
    """Return the emoji that is called so, with colons around its name or without; any other text as it is."""
    return table().get(text.strip().strip(":").lower(), text)


def search(words: str, limit: int) -> list[tuple[str, str]]:
    """Return (emoji, name) of those whose name fits, the best first, each emoji once; at most `limit`."""
    wanted = words.strip().strip(":").lower().replace(" ", "_")[:64]
    names = list(OFTEN) if not wanted else sorted(name for name in table() if wanted in name)
    if wanted:
        names.sort(
            key=lambda name: (name != wanted, not name.startswith(wanted), name not in SHORT, len(name))
        )
    fitting: dict[str, str] = {}
    for name in names:
        fitting.setdefault(table()[name], name)
        if len(fitting) == limit:
            break
    return list(fitting.items())
