"""What a restore must leave deleted: what its backup deleted, what has expired, chats that were deleted beside it.

Segments may come in any order, so a deletion may come long before what it deletes. Must not know where records come
from, nor how a message is stored.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Final

from letterlock.backup.columns import Columns
from letterlock.backup.records import MessageRecord, Record, Tag, TombstoneRecord
from letterlock_client.storage import message_indexes, message_triggers
from letterlock_client.storage.contacts import REMEMBERED
from letterlock_client.storage.database import Transaction

IN_ONE_QUERY: Final = 4096
"""How many ids one query asks for."""
_KINDS: Final = {Tag.MESSAGE: "message", Tag.CONVERSATION: "conversation", Tag.CONTACT: "contact"}
_TABLES: Final = {Tag.CONVERSATION: ("conversation", "peer"), Tag.CONTACT: ("contact", "account")}
_IS_HERE: Final = "SELECT 1 FROM message WHERE id = ?"
_LIVES: Final = "SELECT 1 FROM message WHERE id = ? AND change_seq = ? AND expires_at > 0"


def bury(
    connection: sqlite3.Connection, tombstones: Iterable[TombstoneRecord], *, told: bool = False
) -> list[str]:
    """Delete what is deleted, and remember that; a contact or chat only if nothing newer is known of it.

    A message whose timer runs here, in the very version of its tombstone, was left out to end within a day: where it
    lives, it lives until then. Return the files of deleted messages, which the caller deletes after the commit.

    While messages cannot be looked for by their ids they are only remembered, until `bury_again`. A message that is
    deleted here counts as a deletion of now, unless these were `told` in the backup that the next one goes on from.
    """
    known = message_indexes.is_there(connection)
    deletions = list(tombstones)
    gone = [each for each in deletions if each.kind == Tag.MESSAGE]
    files: list[str] = []
    if known:
        gone = [each for each in gone if not connection.execute(_LIVES, (each.id, each.version)).fetchone()]
        files += _delete_messages(connection, [each.id for each in gone], told=told)
    for each in deletions:
        if each.kind == Tag.MESSAGE:
            continue
        # While a history is filled its messages that were deleted before are still here: counted anew, they would
        # make this deletion newer than what was written after it.
        files += _delete_people(connection, each, told=told or not known)
        table, name = _TABLES[Tag(each.kind)]
        # Who is remembered stays, and no older record, in whatever step it comes, is to say how they stand: else this
        # deletion, met again, would take them.
        told_of = f"SELECT 1 FROM {table} WHERE {name} = ? AND NOT ({REMEMBERED[table]})"
        if not connection.execute(told_of, (each.id,)).fetchone():
            gone.append(each)
    connection.executemany(
        "INSERT INTO tombstone (kind, id, change_seq) VALUES (?, ?, ?) ON CONFLICT (kind, id)"
        " DO UPDATE SET change_seq = excluded.change_seq WHERE excluded.change_seq > change_seq",
        [(_KINDS[Tag(each.kind)], each.id, each.version) for each in gone],
    )
    return files


def _delete_people(connection: sqlite3.Connection, gone: TombstoneRecord, *, told: bool) -> list[str]:
    """Delete a contact or chat of which nothing newer is known; return the files of its messages."""
    table, name = _TABLES[Tag(gone.kind)]
    older = f"{table}.{name} = ? AND {table}.change_seq <= ? AND NOT ({REMEMBERED[table]})"
    place = (gone.id, gone.version)
    if connection.execute(f"SELECT 1 FROM {table} WHERE {older}", place).fetchone() is None:
        return []
    chats = "" if table == "conversation" else f" JOIN {table} ON {table}.{name} = conversation.peer"
    paths = connection.execute(
        "SELECT path FROM attachment JOIN message ON message.row = attachment.message"
        f" JOIN conversation ON conversation.id = message.conversation{chats} WHERE path <> '' AND {older}",
        place,
    ).fetchall()
    with message_triggers.uncounted(connection) if told else nullcontext():
        connection.execute(f"DELETE FROM {table} WHERE {older}", place)
    return [path for (path,) in paths]


def _delete_messages(connection: sqlite3.Connection, ids: Iterable[bytes], *, told: bool) -> list[str]:
    """Delete those that are here; return their files."""
    here = [each for each in ids if connection.execute(_IS_HERE, (each,)).fetchone()]
    paths = []
    with message_triggers.uncounted(connection) if told and here else nullcontext():
        for each in here:
            paths += connection.execute(
                "SELECT path FROM attachment WHERE path <> '' AND message = (SELECT row FROM message WHERE id = ?)",
                (each,),
            ).fetchall()
            connection.execute("DELETE FROM message WHERE id = ?", (each,))
    return [path for (path,) in paths]


def bury_again(connection: sqlite3.Connection) -> list[str]:
    """Delete messages that are here though they are deleted; return what `bury` does. No deletion is new."""
    found = connection.execute(
        "SELECT tombstone.change_seq, tombstone.id FROM tombstone JOIN message ON message.id = tombstone.id"
        " WHERE tombstone.kind = 'message'"
    ).fetchall()
    if not found:
        return []
    gone = [TombstoneRecord(version, Tag.MESSAGE.value, id_) for version, id_ in found]
    return bury(connection, gone, told=True)


def expire(connection: sqlite3.Connection, over: Iterable[MessageRecord]) -> list[str]:
    """Bury messages whose time is over, so that no older version of one comes after it, whose timer never ran.

    What is here in this version ends by itself, and in a newer one stays. Returns what `bury` does.
    """
    newer = "SELECT 1 FROM message WHERE id = ? AND change_seq > ?"
    by_place = not message_indexes.is_there(connection)
    newer += " AND row = ?" * by_place
    return bury(
        connection,
        (
            TombstoneRecord(each.version, Tag.MESSAGE.value, each.id)
            for each in over
            if connection.execute(
                newer, (each.id, each.version, *([each.position] if by_place else []))
            ).fetchone()
            is None
        ),
    )


def buried(connection: sqlite3.Connection, ids: Sequence[bytes]) -> set[bytes]:
    """Which of those messages were deleted; asked once for many, because asking for each costs a fifth of it all."""
    if connection.execute("SELECT 1 FROM tombstone WHERE kind = 'message' LIMIT 1").fetchone() is None:
        return set()
    found: set[bytes] = set()
    for start in range(0, len(ids), IN_ONE_QUERY):
        part = ids[start : start + IN_ONE_QUERY]
        rows = connection.execute(
            f"SELECT id FROM tombstone WHERE kind = 'message' AND id IN ({', '.join('?' * len(part))})", part
        )
        found.update(id_ for (id_,) in rows)
    return found


async def leave_out(
    tx: Transaction, records: Sequence[Record | Columns], gone: Mapping[bytes, int]
) -> tuple[list[Record | Columns], list[str]]:
    """Bury messages of these deleted chats, in each up to a place, also where somebody sent them once more.

    Return everything else, to be taken, and the files that the caller deletes after the commit.
    """
    return await tx.run(partial(_leave_out, records=records, gone=gone))


def _leave_out(
    connection: sqlite3.Connection, records: Sequence[Record | Columns], gone: Mapping[bytes, int]
) -> tuple[list[Record | Columns], list[str]]:
    kept: list[Record | Columns] = []
    deletions: list[TombstoneRecord] = []
    for each in records:
        for one in each.records() if isinstance(each, Columns) else (each,):
            if isinstance(one, MessageRecord) and one.position <= gone.get(one.conversation, -1):
                # A deletion of now: the next backup is to know of it.
                (version,) = connection.execute("UPDATE change SET seq = seq + 1 RETURNING seq").fetchone()
                deletions.append(TombstoneRecord(version, Tag.MESSAGE.value, one.id))
            else:
                kept.append(one)
    return kept, bury(connection, deletions)
