"""What a restore puts into the database: records of a backup, each once, the newest version of each.

Importing is repeatable and may stand beside existing history: of one thing the higher version stays, a deletion
stays deleted, and what its timer has ended meanwhile does not come back. Rows keep the version and, where it is
free, the place that the backup knows. Must not know where records come from.
"""

import json
import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Final

from letterlock.backup.columns import Columns
from letterlock.backup.records import (
    MessageRecord,
    Record,
    SettingRecord,
    TombstoneRecord,
)
from letterlock_client.storage import message_import, message_indexes, plain_import
from letterlock_client.storage.backup_people import hold_places, take_people
from letterlock_client.storage.backup_rows import SETTINGS
from letterlock_client.storage.burials import IN_ONE_QUERY, buried, bury, bury_again, expire
from letterlock_client.storage.contacts import REMEMBERED, UNKNOWN
from letterlock_client.storage.database import Transaction
from letterlock_client.storage.plain_import import ReadyColumns

_CACHE_KIB: Final = 96 * 1024
_USUAL_CACHE_KIB: Final = 8000
"""What SQLCipher keeps of its own accord."""


class Order(Enum):
    """What is promised about the order in which records come."""

    ANY = "any"
    """Nothing: each is compared with what is here."""
    FILLED = "filled"
    """No more; but all that is here came out of this backup or after it: what it deleted is in a backup already."""
    NEWEST_FIRST = "newest first"
    """Nothing is here but what came so: of a thing that is here the newer version is."""
    OLDEST_FIRST = "oldest first"
    """The same the other way round: what is here gives way. Messages are looked for by their places alone, and
    `message_indexes` is away; whoever needs it makes it, and `take` goes on in any order."""


_STRAIGHT: Final = (Order.NEWEST_FIRST, Order.OLDEST_FIRST)
"""Orders of which nothing need be compared."""


@dataclass(slots=True)
class Imported:
    """What one import changed."""

    messages: int = 0
    """New here."""
    changed: int = 0
    """Were here in an older version."""
    paths: list[str] = field(default_factory=list)
    """Files of deleted messages, which the caller deletes after the commit."""


async def take(
    tx: Transaction,
    records: Sequence[Record | Columns],
    now: int,
    chats: Collection[bytes] = (),
    *,
    order: Order = Order.ANY,
) -> Imported:
    """Import records, or columns of them; with `chats`, only the messages of these chats. Then `settle`."""
    return await tx.run(partial(_take, records=records, now=now, chats=frozenset(chats), order=order))


def _take(
    connection: sqlite3.Connection,
    records: Sequence[Record | Columns],
    now: int,
    chats: frozenset[bytes],
    order: Order,
) -> Imported:
    done = Imported()
    if message_indexes.is_there(connection):
        # Ids are random: with the usual cache the pages of their index are sealed and written again and again.
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    columns, single = _sorted_out(records, straight=order in _STRAIGHT and not chats)
    deletions = [each for each in single if isinstance(each, TombstoneRecord)]
    done.paths += bury(connection, deletions, told=order is not Order.ANY)
    take_people(connection, single)
    _settings(connection, (each for each in single if isinstance(each, SettingRecord)))
    for each in columns:
        _plain_messages(connection, each, done, order)
    messages = [each for each in single if isinstance(each, MessageRecord)]
    done.paths += expire(connection, (each for each in messages if 0 < each.expires_at <= now))
    wanted = [
        each
        for each in messages
        if not 0 < each.expires_at <= now and (not chats or each.conversation in chats)
    ]
    _messages(connection, wanted, done, order)
    versions = [each.version for each in single] + [max(each.versions, default=0) for each in columns]
    if versions:
        connection.execute("UPDATE change SET seq = max(seq, ?)", (max(versions),))
    return done


def _sorted_out(
    entries: Sequence[Record | Columns], *, straight: bool
) -> tuple[list[ReadyColumns], list[Record]]:
    """Columns that may go straight in, and everything else one by one."""
    columns: list[ReadyColumns] = []
    single: list[Record] = []
    for each in entries:
        if not isinstance(each, Columns):
            single.append(each)
        elif straight and plain_import.can_take(each):
            columns.append(each)
        else:
            single += each.records()
    return columns, single


def _plain_messages(
    connection: sqlite3.Connection, columns: ReadyColumns, done: Imported, order: Order
) -> None:
    here = _in_place(connection, columns.ids, columns.positions)
    if here is None:
        _messages(connection, list(columns.records()), done, Order.ANY)
        return
    left_out = buried(connection, columns.ids)
    replace = order is Order.OLDEST_FIRST and bool(here)
    if not replace:
        left_out |= here
    chats = _chats(connection, columns.chats)
    done.messages += plain_import.insert(connection, columns, chats, left_out, replace=replace)
    places = zip(columns.ids, columns.positions, strict=True)
    _make_findable(connection, [place for each, place in places if each not in left_out])


def _chats(connection: sqlite3.Connection, wanted: Iterable[bytes]) -> dict[bytes, int]:
    """The row of each chat; one that nobody has told of gets a place."""
    chats = dict(connection.execute("SELECT peer, id FROM conversation"))
    if strange := set(wanted) - chats.keys():
        hold_places(connection, strange)
        chats = dict(connection.execute("SELECT peer, id FROM conversation"))
    return chats


async def settle(tx: Transaction) -> list[str]:
    """All of a backup was imported: what is deleted goes, and messages whose chat never came, for it was deleted too.

    Return the files that the caller deletes after the commit. Have the counter above all that came: who was remembered,
    and never told of, is a change.
    """
    files = await tx.run(bury_again)
    # Their triggers count them.
    await tx.execute(f"UPDATE contact SET known = known WHERE {REMEMBERED['contact']}")
    await tx.execute(f"UPDATE conversation SET muted = muted WHERE {REMEMBERED['conversation']}")
    # Their deletions are over.
    for kind, name in (("contact", "account"), ("conversation", "peer")):
        await tx.execute(
            f"DELETE FROM tombstone WHERE kind = '{kind}' AND EXISTS (SELECT 1 FROM {kind}"
            f" WHERE {name} = tombstone.id AND {kind}.change_seq > tombstone.change_seq)"
        )
    paths = await tx.all(
        "SELECT path FROM attachment JOIN message ON message.row = attachment.message"
        " JOIN conversation ON conversation.id = message.conversation"
        " WHERE path <> '' AND conversation.change_seq = ?",
        UNKNOWN,
    )
    # That nobody told of them is not that somebody deleted them: of tombstones stay those that were there.
    buried = await tx.all(
        "SELECT kind, id, change_seq FROM tombstone WHERE kind IN ('contact', 'conversation')"
    )
    lost = await tx.all("SELECT peer FROM conversation WHERE change_seq = ?", UNKNOWN)
    await tx.execute("DELETE FROM conversation WHERE change_seq = ?", UNKNOWN)
    await tx.many("DELETE FROM tombstone WHERE kind = 'conversation' AND id = ?", lost)
    held = await tx.all("SELECT account FROM contact WHERE change_seq = ?", UNKNOWN)
    await tx.execute("DELETE FROM contact WHERE change_seq = ?", UNKNOWN)
    await tx.many("DELETE FROM tombstone WHERE kind = 'contact' AND id = ?", held)
    await tx.many("INSERT OR REPLACE INTO tombstone (kind, id, change_seq) VALUES (?, ?, ?)", buried)
    return files + [path for (path,) in paths]


async def let_go(tx: Transaction) -> None:
    """Nothing more comes: give back the memory that importing took, for this connection lives as long as the client."""
    await tx.execute(f"PRAGMA cache_size = -{_USUAL_CACHE_KIB}")
    await tx.execute("PRAGMA shrink_memory")


async def keep_room(tx: Transaction, last: int) -> None:
    """Let what arrives from now on stand behind the place `last`, where the newest message of a backup belongs."""
    if await tx.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'message'", last) == 0:
        await tx.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('message', ?)", last)


def _settings(connection: sqlite3.Connection, settings: Iterable[SettingRecord]) -> None:
    connection.executemany(
        "INSERT INTO fact (name, value, change_seq) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE"
        " SET value = excluded.value, change_seq = excluded.change_seq"
        " WHERE excluded.change_seq > fact.change_seq",
        [(each.name, each.value, each.version) for each in settings if each.name in SETTINGS],
    )


def _messages(
    connection: sqlite3.Connection, wanted: list[MessageRecord], done: Imported, order: Order
) -> None:
    gone = buried(connection, [each.id for each in wanted])
    wanted = [each for each in wanted if each.id not in gone] if gone else wanted
    chats = _chats(connection, (each.conversation for each in wanted))
    here = _in_place(connection, [each.id for each in wanted], [each.position for each in wanted])
    if order in _STRAIGHT and here is not None:
        done.messages += _insert(connection, [each for each in wanted if each.id not in here], (), chats)
        if order is Order.OLDEST_FIRST:
            # Changed and not put in anew: a file that came back meanwhile need not come a second time.
            again = [each for each in wanted if each.id in here]
            for each in again:
                message_import.replace(connection, each.position, each)
            done.changed += len(again)
        return
    # From here on they are looked for by their ids.
    message_indexes.make(connection)
    known = _known(connection, [each.id for each in wanted])
    older = [each for each in wanted if each.id in known and known[each.id][1] < each.version]
    fresh = [each for each in wanted if each.id not in known]
    placed, homeless = _shared_out(connection, fresh)
    done.messages += _insert(connection, placed, homeless, chats)
    for each in older:
        message_import.replace(connection, known[each.id][0], each)
    done.changed += len(older)


def _in_place(
    connection: sqlite3.Connection, ids: Sequence[bytes], places: Sequence[int]
) -> set[bytes] | None:
    """Which of these messages stand at their places already: what was cut short comes twice.

    None where two messages have one place, which two devices that wrote apart may have given them. Asked before any
    goes in: what a refused insertion leaves has neither its reactions nor its words in the index.
    """
    wanted = dict(zip(places, ids, strict=True))
    if len(wanted) < len(places):
        return None
    between = "SELECT 1 FROM message WHERE row BETWEEN ? AND ? LIMIT 1"
    if not places or connection.execute(between, (min(places), max(places))).fetchone() is None:
        return set()
    rows = connection.execute(
        "SELECT row, id FROM message WHERE row IN (SELECT value FROM json_each(?))", (json.dumps(places),)
    ).fetchall()
    return None if any(wanted[row] != id_ for row, id_ in rows) else {id_ for _, id_ in rows}


def _insert(
    connection: sqlite3.Connection,
    placed: Sequence[MessageRecord],
    homeless: Sequence[MessageRecord],
    chats: dict[bytes, int],
) -> int:
    stored = message_import.insert(connection, placed, homeless, chats)
    _make_findable(connection, [each.position for each in placed])
    return stored


def _make_findable(connection: sqlite3.Connection, places: Sequence[int]) -> None:
    """Put the words of messages that came in behind the search's mark into its index: it looks only ahead."""
    (mark,) = connection.execute("SELECT row FROM search_mark").fetchone()
    if not mark:
        return
    behind = [place for place in places if place <= mark]
    if behind:
        connection.execute(
            "INSERT INTO message_search (rowid, text) SELECT row, text FROM message"
            " WHERE NOT view_once AND row IN (SELECT value FROM json_each(?))",
            (json.dumps(behind),),
        )


def _known(connection: sqlite3.Connection, ids: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
    """Row and version of those messages that are here."""
    if connection.execute("SELECT 1 FROM message LIMIT 1").fetchone() is None:
        return {}
    found: dict[bytes, tuple[int, int]] = {}
    for start in range(0, len(ids), IN_ONE_QUERY):
        part = ids[start : start + IN_ONE_QUERY]
        rows = connection.execute(
            f"SELECT id, row, change_seq FROM message WHERE id IN ({', '.join('?' * len(part))})", part
        )
        found.update({id_: (row, version) for id_, row, version in rows})
    return found


def _shared_out(
    connection: sqlite3.Connection, fresh: Sequence[MessageRecord]
) -> tuple[list[MessageRecord], list[MessageRecord]]:
    """Those whose place is free, and those where it is another message's, here or before them: theirs is the end."""
    places = [each.position for each in fresh]
    if not places:
        return [], []
    rows = connection.execute("SELECT row FROM message WHERE row BETWEEN ? AND ?", (min(places), max(places)))
    taken = {row for (row,) in rows}
    placed: list[MessageRecord] = []
    homeless: list[MessageRecord] = []
    for each in fresh:
        (homeless if each.position in taken else placed).append(each)
        taken.add(each.position)
    return placed, homeless
