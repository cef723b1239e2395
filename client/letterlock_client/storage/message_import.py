"""Puts messages of a backup into the database one by one, each with its edits, reactions, file and details.

Must not know which of them are wanted, nor what is here already.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from letterlock.backup.records import MessageFlag, MessageRecord
from letterlock_client.models import Delivery, TransferState
from letterlock_client.storage import message_indexes
from letterlock_client.storage.widths import cell_width

NOT_SENT: Final = "This was not sent from the terminal that wrote the backup. Send it again."
# Plain numbers and words: an enumeration's `value` is looked up a million times otherwise.
MINE: Final = MessageFlag.MINE.value
DELETED: Final = MessageFlag.DELETED.value
VIEW_ONCE: Final = MessageFlag.VIEW_ONCE.value
VIEWED: Final = MessageFlag.VIEWED.value
UNREAD: Final = MessageFlag.UNREAD.value
_WAITING: Final = Delivery.WAITING.value
_FAILED: Final = Delivery.FAILED.value
_MESSAGE: Final = (
    "row, id, conversation, author, mine, kind, text, width, sent_at, received_at, delivery, failure, reply_to,"
    " edited_at, edits, deleted, view_once, viewed, timer_s, expires_at, unread, change_seq"
)


def insert(
    connection: sqlite3.Connection,
    placed: Sequence[MessageRecord],
    homeless: Sequence[MessageRecord],
    chats: Mapping[bytes, int],
) -> int:
    """Store messages, each at its place or, without one, at the end; return how many."""
    marks = ", ".join(f"?{number + 1}" for number in range(len(_MESSAGE.split(", "))))
    verb, unless = message_indexes.insertion(connection)
    before = connection.total_changes
    # Those that go to the end must not get there before others take their places.
    for some, free in ((placed, True), (homeless, False)):
        connection.executemany(
            f"{verb} INTO message ({_MESSAGE}) VALUES ({marks}){unless}",
            [_values(each, chats[each.conversation], free) for each in some],
        )
    stored = connection.total_changes - before
    _extras(connection, placed, homeless)
    return stored


def replace(connection: sqlite3.Connection, row: int, each: MessageRecord) -> None:
    """Bring a message that is here in an older version up to the backup's; it keeps its place."""
    names = _MESSAGE.split(", ")
    values = _values(each, 0, free=False)
    kept = [index for index, name in enumerate(names) if name not in ("row", "id", "conversation")]
    changes = ", ".join(f"{names[index]} = ?" for index in kept)
    connection.execute(f"UPDATE message SET {changes} WHERE row = ?", [*(values[i] for i in kept), row])
    for table in ("edit", "reaction"):
        connection.execute(f"DELETE FROM {table} WHERE message = ?", (row,))
    if each.attachment is None:
        connection.execute("DELETE FROM attachment WHERE message = ?", (row,))
    _add_extras(connection, row, each)


def _values(each: MessageRecord, chat: int, free: bool) -> tuple[Any, ...]:
    flags = each.flags
    mine = flags & MINE
    # What waited in that terminal's outbox waits in none any more.
    waiting = mine and each.delivery == _WAITING
    return (
        each.position if free else None,
        each.id,
        chat,
        each.author,
        1 if mine else 0,
        each.kind,
        each.text,
        cell_width(each.text),
        each.sent_at,
        each.received_at,
        _FAILED if waiting else each.delivery,
        NOT_SENT if waiting else each.failure,
        each.reply_to,
        each.edited_at,
        len(each.edits or ()),
        1 if flags & DELETED else 0,
        1 if flags & VIEW_ONCE else 0,
        1 if flags & VIEWED else 0,
        each.timer_s,
        each.expires_at,
        1 if flags & UNREAD else 0,
        each.version,
    )


def _extras(
    connection: sqlite3.Connection, placed: Iterable[MessageRecord], homeless: Iterable[MessageRecord]
) -> None:
    """Put edits, reactions, files and details beside the messages that were just stored."""
    stored = "SELECT row FROM message WHERE id = ? AND change_seq = ?"
    for some, by_place in ((placed, True), (homeless, False)):
        for each in some:
            if not (each.edits or each.reactions or each.attachment or each.details):
                continue
            key = (each.id, each.version, *([each.position] if by_place else []))
            found = connection.execute(stored + " AND row = ?" * by_place, key).fetchone()
            if found is not None:
                _add_extras(connection, found[0], each)


def _add_extras(connection: sqlite3.Connection, row: int, each: MessageRecord) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO edit (message, written_at, text) VALUES (?, ?, ?)",
        [(row, edit.written_at, edit.text) for edit in each.edits or ()],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO reaction (message, author, emoji, at) VALUES (?, ?, ?, ?)",
        [(row, reaction.author, reaction.emoji, reaction.at) for reaction in each.reactions or ()],
    )
    if each.details and each.kind == "unknown":
        connection.execute(
            "INSERT OR IGNORE INTO fact (name, value) VALUES (?, ?)",
            (f"unknown:{each.id.hex()}", each.details),
        )
    if (file := each.attachment) is not None:
        # What lies here was compared with what the message said before; of another file it says nothing.
        connection.execute(
            "INSERT INTO attachment (message, blob, name, media_type, size, state, width, height, duration_ms,"
            " preview, descriptor, path, upload, moved, sealed_size, blob_expires)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0, 0, 0, ?) ON CONFLICT (message) DO UPDATE SET"
            " blob = excluded.blob, name = excluded.name, media_type = excluded.media_type, size = excluded.size,"
            " preview = excluded.preview, state = CASE descriptor WHEN excluded.descriptor THEN state"
            f" ELSE '{TransferState.REMOTE.value}' END, descriptor = excluded.descriptor",
            (
                row,
                file.blob,
                file.name,
                file.media_type,
                file.size,
                TransferState.REMOTE.value,
                file.width,
                file.height,
                file.duration_ms,
                file.preview,
                file.descriptor,
                file.blob_expires,
            ),
        )
    # The counting took the message for changed; it is as the backup knows it.
    connection.execute("UPDATE message SET change_seq = ? WHERE row = ?", (each.version, row))
