"""The contacts and chats that a restore puts into the database: the newest version of each, and places for messages.

A chat may be needed before its own record has come: a place is held for it, which any record takes. Must not know
messages, nor where records come from.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from letterlock.backup.records import ContactRecord, ConversationRecord, Record
from letterlock_client.models import Listed, Standing
from letterlock_client.storage.contacts import UNKNOWN

_CONTACT: Final = (
    "account, handle, handle_entry, root_key, list_certificate, device_list, list_epoch, list_version, list_digest,"
    " standing, verified, key_changed_at, warning, created, known, change_seq"
)


def take_people(connection: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Take contacts and chats; what was taken over an older version is as the backup knows it, and no change."""
    (before,) = connection.execute("SELECT seq FROM change").fetchone()
    # Of each its newest record alone: what takes the place of something is counted as a change of now at first, and no
    # second record would be newer.
    people = [each for each in records if isinstance(each, ContactRecord | ConversationRecord)]
    people.sort(key=lambda each: each.version)
    contacts = {each.account: each for each in people if isinstance(each, ContactRecord)}.values()
    conversations = {each.id: each for each in people if isinstance(each, ConversationRecord)}.values()
    _contacts(connection, contacts)
    # A chat needs its contact, which may come later.
    known = {account for (account,) in connection.execute("SELECT account FROM contact")}
    hold_places(connection, {each.id for each in conversations} - known)
    _conversations(connection, conversations)
    connection.executemany(
        "UPDATE contact SET change_seq = ? WHERE account = ? AND change_seq > ?",
        [(each.version, each.account, before) for each in contacts],
    )
    connection.executemany(
        "UPDATE conversation SET change_seq = ? WHERE peer = ? AND change_seq > ?",
        [(each.version, each.id, before) for each in conversations],
    )


def _contacts(connection: sqlite3.Connection, contacts: Iterable[ContactRecord]) -> None:
    """Take contacts; a device list that was seen here is never replaced by an older one.

    Only who was merely remembered gives way altogether: whoever lets people be remembered puts their lists on top.
    """
    names = _CONTACT.split(", ")
    changes = ", ".join(f"{name} = excluded.{name}" for name in names[1:])
    connection.executemany(
        f"INSERT INTO contact ({_CONTACT}) SELECT {', '.join('?' * len(names))} WHERE NOT EXISTS"
        f" (SELECT 1 FROM tombstone WHERE kind = 'contact' AND id = ?1 AND change_seq >= ?{len(names)})"
        f" ON CONFLICT (account) DO UPDATE SET {changes} WHERE excluded.change_seq > contact.change_seq"
        f" AND (contact.change_seq = {UNKNOWN}"
        " OR (excluded.list_epoch, excluded.list_version) >= (contact.list_epoch, contact.list_version))",
        [
            (*(getattr(each, name) for name in names[:-1]), each.version)
            for each in map(_as_known_here, contacts)
        ],
    )


def _as_known_here(each: ContactRecord) -> ContactRecord:
    """Somebody who stands as only a newer release knows is asked about again: nothing is taken for decided."""
    if each.standing in set(Standing):
        return each
    return msgspec.structs.replace(each, standing=Standing.REQUESTED.value)


def _conversations(connection: sqlite3.Connection, conversations: Iterable[ConversationRecord]) -> None:
    connection.executemany(
        "INSERT INTO conversation (peer, created, timer_s, timer_set_at, muted, draft, listed, change_seq)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS"
        " (SELECT 1 FROM tombstone WHERE kind = 'conversation' AND tombstone.id = ?1 AND change_seq >= ?8)"
        " ON CONFLICT (peer) DO UPDATE SET created = excluded.created, timer_s = excluded.timer_s,"
        " timer_set_at = excluded.timer_set_at,"
        " muted = excluded.muted, draft = excluded.draft, listed = excluded.listed, change_seq = excluded.change_seq"
        " WHERE excluded.change_seq > conversation.change_seq",
        [
            (
                *(each.id, each.created, each.timer_s, each.timer_set_at, each.muted, each.draft),
                # A place that a newer release knows is none here.
                *(each.listed if each.listed in set(Listed) else Listed.USUAL.value, each.version),
            )
            for each in conversations
        ],
    )


def hold_places(connection: sqlite3.Connection, peers: Iterable[bytes]) -> None:
    """Make chats that messages need before their own records have come; any record takes such a place."""
    rows = [(peer, UNKNOWN) for peer in peers]
    connection.executemany(
        f"INSERT OR IGNORE INTO contact ({_CONTACT})"
        " VALUES (?, '', x'', x'', x'', x'', 0, 0, x'', 'accepted', 0, 0, '', 0, 0, ?)",
        rows,
    )
    connection.executemany(
        "INSERT OR IGNORE INTO conversation (peer, created, timer_s, timer_set_at, change_seq)"
        " VALUES (?, 0, 0, 0, ?)",
        rows,
    )
