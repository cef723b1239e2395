"""What the files that lie here take together, by kind and by chat.

Must not know a face, nor where sums come from.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from letterlock.ids import ConversationId
from letterlock_client.models import FileSum, MessageKind
from letterlock_client.shapes import many

K = TypeVar("K")


class FileKind(StrEnum):
    """The kinds that people tell apart; the values are public, scripts read them."""

    PICTURES = "pictures"
    VIDEOS = "videos"
    SOUNDS = "sounds"
    """Voice notes among them."""
    OTHERS = "others"


class Total(NamedTuple):
    """So many files, and what they take on this disk."""

    files: int
    bytes: int


_KINDS: Final = {
    MessageKind.IMAGE: FileKind.PICTURES,
    MessageKind.VIDEO: FileKind.VIDEOS,
    MessageKind.AUDIO: FileKind.SOUNDS,
    MessageKind.VOICE: FileKind.SOUNDS,
}


def by_kind(sums: Iterable[FileSum]) -> list[tuple[FileKind, Total]]:
    """Every kind of which there are files, always in the same order."""
    found = _totals(sums, lambda each: _KINDS.get(each.kind, FileKind.OTHERS))
    return [(kind, found[kind]) for kind in FileKind if kind in found]


def by_chat(sums: Iterable[FileSum]) -> list[tuple[ConversationId, Total]]:
    """Every chat with files, the one whose files take most first."""
    found = _totals(sums, lambda each: each.conversation)
    return sorted(found.items(), key=lambda item: (-item[1].bytes, item[0]))


def total_line(name: str, total: Total) -> str:
    """One total for people, under its name."""
    return f"{total.bytes:>15,}  {name}, {many(total.files, 'file')}"


def _totals(sums: Iterable[FileSum], key: Callable[[FileSum], K]) -> dict[K, Total]:
    found: dict[K, Total] = {}
    for each in sums:
        files, taken = found.get(key(each), (0, 0))
        found[key(each)] = Total(files + each.files, taken + each.bytes)
    return found
