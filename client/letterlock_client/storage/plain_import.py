"""Puts messages that came in columns into an empty history: straight from column to row, with no object of each.

A fifth of the time that records take. Must not know backups beyond their columns, nor compare anything: whoever
calls knows that their places are free, and which of them were deleted or are here.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from typing import Final, TypeGuard

from letterlock.backup.columns import KIND, Columns
from letterlock.backup.records import PlainMessages
from letterlock_client.models import Delivery
from letterlock_client.storage import message_indexes
from letterlock_client.storage.message_import import DELETED, MINE, UNREAD, VIEW_ONCE, VIEWED
from letterlock_client.storage.widths import cell_widths

_FLAGS: Final = {
    "mine": MINE,
    "deleted": DELETED,
    "view_once": VIEW_ONCE,
    "viewed": VIEWED,
    "unread": UNREAD,
}
_ALIKE: Final = {
    "kind": f"'{KIND}'",
    "failure": "''",
    "edited_at": "0",
    "edits": "0",
    "timer_s": "0",
    "expires_at": "0",
    **dict.fromkeys(_FLAGS, "0"),
}
"""What each of them has, unless there are values: to bind one costs more than to have it in the statement."""
_AT_ONCE: Final = 512
"""Rows of one statement: a fifth of the time would go into beginning and ending one for each row."""


class ReadyColumns(Columns):
    """Columns, and what their rows hold: made by whoever reads them, for everybody waits for the thread that writes."""

    __slots__ = ("fields",)

    def __init__(self, raw: PlainMessages) -> None:
        """Read columns. Raises MalformedError as `Columns` does."""
        super().__init__(raw)
        self.fields = _fields(self, cell_widths(self.texts, ascii_only=raw.texts.isascii()))


def can_take(columns: Columns) -> TypeGuard[ReadyColumns]:
    """Say whether these may go straight in: what waited in an outbox needs another look."""
    return isinstance(columns, ReadyColumns) and Delivery.WAITING.value not in columns.deliveries


def insert(
    connection: sqlite3.Connection,
    columns: ReadyColumns,
    chats: Mapping[bytes, int],
    left_out: Collection[bytes],
    *,
    replace: bool = False,
) -> int:
    """Store the messages, each at its place, without those whose id is in `left_out`; return how many.

    What stands at a place goes where `replace` says so. Else raises IntegrityError.
    """
    fields = columns.fields | {"conversation": [chats[chat] for chat in columns.chats]}
    if left_out:
        wanted = [each not in left_out for each in columns.ids]
        fields = {name: list(compress(values, wanted)) for name, values in fields.items()}
    before = connection.total_changes
    verb, unless = message_indexes.insertion(connection, replace=replace)
    for start in range(0, len(fields["id"]), _AT_ONCE):
        some = [each[start : start + _AT_ONCE] for each in fields.values()]
        connection.execute(_statement(verb, tuple(fields), len(some[0]), unless), _row_by_row(some))
    return connection.total_changes - before


@lru_cache(maxsize=16)
def _statement(verb: str, names: tuple[str, ...], rows: int, unless: str) -> str:
    alike = {name: value for name, value in _ALIKE.items() if name not in names}
    row = f"({'?, ' * len(names)}{', '.join(alike.values())})"
    return f"{verb} INTO message ({', '.join([*names, *alike])}) VALUES {', '.join([row] * rows)}{unless}"


def _fields(columns: Columns, widths: Sequence[int]) -> dict[str, Sequence[object]]:
    """The values of each field of a row by its name, but for the chat's and for flags that none has."""
    # The library binds a bytearray as it is, and looks up for each bytes that it becomes one.
    authors = {author: bytearray(author) for author in set(columns.authors)}
    some = set(columns.flags)
    return {
        "row": columns.positions,
        "id": list(map(bytearray, columns.ids)),
        "author": [authors[author] for author in columns.authors],
        "text": columns.texts,
        "width": widths,
        "sent_at": columns.sent,
        "received_at": columns.received,
        "delivery": columns.deliveries,
        "change_seq": columns.versions,
        **{
            name: [1 if each & bit else 0 for each in columns.flags]
            for name, bit in _FLAGS.items()
            if any(each & bit for each in some)
        },
    }


def _row_by_row(fields: Sequence[Sequence[object]]) -> list[object]:
    """The values of some rows, one row after the other."""
    values: list[object] = [None] * (len(fields) * len(fields[0]))
    for place, each in enumerate(fields):
        values[place :: len(fields)] = each
    return values
