"""Puts messages that came in columns into an empty history: straight from column to row, with no object of each.

A fifth of the time that records take. Must not know backups beyond their columns, nor compare anything: whoever
calls knows that their places are free, and which of them were deleted or are here.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from typing import Final

from letterlock.backup.columns import KIND, Columns
from letterlock_client.models import Delivery
from letterlock_client.storage import message_indexes
from letterlock_client.storage.message_import import DELETED, MINE, UNREAD, VIEW_ONCE, VIEWED
from letterlock_client.storage.widths import cell_width

_FIELDS: Final = (
    "row, id, conversation, author, mine, text, width, sent_at, received_at, delivery, deleted, view_once, viewed,"
    " unread, change_seq"
)
_ALIKE: Final = {
    "kind": f"'{KIND}'",
    "failure": "''",
    "edited_at": "0",
    "edits": "0",
    "timer_s": "0",
    "expires_at": "0",
}
"""What each of them has."""
_INTO: Final = f"INTO message ({_FIELDS}, {', '.join(_ALIKE)}) VALUES"
_WIDTH: Final = len(_FIELDS.split(", "))
_ROW: Final = f"({'?, ' * _WIDTH}{', '.join(_ALIKE.values())})"
_AT_ONCE: Final = 256
"""Rows of one statement: a fifth of the time would go into beginning and ending one for each row."""


def can_take(columns: Columns) -> bool:
    """Say whether these may go straight in: what waited in an outbox needs another look."""
    return Delivery.WAITING.value not in columns.deliveries


def insert(
    connection: sqlite3.Connection,
    columns: Columns,
    chats: Mapping[bytes, int],
    left_out: Collection[bytes],
    *,
    replace: bool = False,
) -> int:
    """Store the messages, each at its place, without those whose id is in `left_out`; return how many.

    What stands at a place goes where `replace` says so. Else raises IntegrityError.
    """
    fields = _fields(columns, chats)
    if left_out:
        wanted = [each not in left_out for each in columns.ids]
        fields = [list(compress(each, wanted)) for each in fields]
    before = connection.total_changes
    verb, unless = message_indexes.insertion(connection, replace=replace)
    for start in range(0, len(fields[0]), _AT_ONCE):
        some = [each[start : start + _AT_ONCE] for each in fields]
        connection.execute(_statement(verb, len(some[0]), unless), _row_by_row(some))
    return connection.total_changes - before


@lru_cache(maxsize=4)
def _statement(verb: str, rows: int, unless: str) -> str:
    return f"{verb} {_INTO} {', '.join([_ROW] * rows)}{unless}"


def _fields(columns: Columns, chats: Mapping[bytes, int]) -> list[Sequence[object]]:
    """One list for each of `_FIELDS`."""
    flags = columns.flags
    # The library binds a bytearray as it is, and looks up for each bytes that it becomes one.
    authors = {author: bytearray(author) for author in set(columns.authors)}
    return [
        columns.positions,
        list(map(bytearray, columns.ids)),
        [chats[chat] for chat in columns.chats],
        [authors[author] for author in columns.authors],
        _bits(flags, MINE),
        columns.texts,
        list(map(cell_width, columns.texts)),
        columns.sent,
        columns.received,
        columns.deliveries,
        _bits(flags, DELETED),
        _bits(flags, VIEW_ONCE),
        _bits(flags, VIEWED),
        _bits(flags, UNREAD),
        columns.versions,
    ]


def _bits(flags: list[int], bit: int) -> list[int]:
    if not any(each & bit for each in set(flags)):
        return [0] * len(flags)
    return [1 if each & bit else 0 for each in flags]


def _row_by_row(fields: Sequence[Sequence[object]]) -> list[object]:
    """The values of some rows, one row after the other."""
    values: list[object] = [None] * (_WIDTH * len(fields[0]))
    for place, each in enumerate(fields):
        values[place::_WIDTH] = each
    return values
