"""What could stand at the cursor of a composer: commands, their arguments, emoji, names.

Pure: text in, offers out; paths of files come from `paths`, which looks at a disk. Must not know widgets.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from letterlock_client.emoji import search, table
from letterlock_client.shapes import span
from letterlock_client.ui.commands import slashes
from letterlock_client.ui.themes import OFFERED
from letterlock_client.ui.wording import TIMERS

MOST: Final = 8
"""How many offers are shown."""

_EMOJI: Final = re.compile(r"(?:^|[\s(]):([a-z+\-][a-z0-9_+\-]+)$")
_WHOLE_EMOJI: Final = re.compile(r"(?:^|(?<=[\s(])):([a-z0-9+\-][a-z0-9_+\-]*):$")
_CODE_OR_EMOJI: Final = re.compile(
    r"```.*?```|`[^`\n]*`|(?:^|(?<=[\s(])):([a-z0-9+\-][a-z0-9_+\-]{0,63}):(?![\w:])", re.DOTALL
)
_NAME: Final = re.compile(r"(?:^|[\s(])@([a-z0-9_.\-]*)$")
_PATHS: Final = ("/attach ", "/view-once ", "/export ")


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that could stand there."""

    text: str
    """What takes the place."""
    words: str
    """What it is."""


@dataclass(frozen=True, slots=True)
class Completion:
    """Offers for `line[start:stop]`, where `stop` is the cursor."""

    start: int
    stop: int
    offers: Sequence[Offer]
    command: bool = False
    """Whether enter takes one as well: a command is not a message that could be sent by mistake."""


def complete(line: str, at: int, names: Collection[str], *, first: bool) -> Completion | None:
    """Return what could stand at column `at` of a line, or None; `first` says that it is the text's first line."""
    before = line[:at]
    if first and before.startswith("/") and not before.startswith("//"):
        return _argument(before) if " " in before else _command(before)
    if found := _EMOJI.search(before):
        offers = [Offer(emoji, f":{name}:") for emoji, name in search(found[1], MOST)]
        return Completion(found.start(1) - 1, at, offers) if offers else None
    if found := _NAME.search(before):
        fitting = [name for name in sorted(names) if name.startswith(found[1]) and name != found[1]]
        offers = [Offer(f"@{name} ", "names them") for name in fitting[:MOST]]
        return Completion(found.start(1) - 1, at, offers) if offers else None
    return None


def _command(before: str) -> Completion | None:
    word = before[1:]
    fitting = [
        Offer(f"/{name} " if spec.argument else f"/{name}", spec.help)
        for name, spec in slashes().items()
        if name.startswith(word) and name != word
    ]
    # Who typed a whole word means it: enter runs /back, though there is /back-up, too.
    return Completion(0, len(before), fitting[:MOST], command=word not in slashes()) if fitting else None


def _argument(before: str) -> Completion | None:
    word, _, typed = before.partition(" ")
    known = {"/timer": ["off", *(span(seconds) for seconds in TIMERS if seconds)], "/theme": OFFERED}
    offers = [Offer(each, "") for each in known.get(word, ()) if each.startswith(typed) and each != typed]
    return Completion(len(word) + 1, len(before), offers[:MOST], command=True) if offers else None


def path_typed(line: str, at: int) -> tuple[int, str] | None:
    """Return where in a line a path begins that is being typed for a command, and the path so far."""
    for word in _PATHS:
        if line[:at].startswith(word):
            return len(word), line[len(word) : at]
    return None


def whole_emoji(before: str) -> tuple[int, str] | None:
    """Return where `:name:` before the cursor begins and the emoji it means, if it means one."""
    found = _WHOLE_EMOJI.search(before[-66:])
    emoji = table().get(found[1]) if found else None
    return (len(before) - len(found.group()), emoji) if found and emoji else None


def with_emoji(text: str) -> str:
    """Return a text with every `:name:` that stands alone as its emoji, but for those in code."""

    def emoji(found: re.Match[str]) -> str:
        return table().get(found[1] or "", found[0])

    return _CODE_OR_EMOJI.sub(emoji, text) if ":" in text else text
