"""A realm's standings as rows: each function reads or writes inside the caller's transaction.

Must not know who asks, when to commit, or what the signed bytes say.
"""

import sqlite3
from typing import Any, Final

import msgspec

from letterlock.ids import AccountId
from letterlock_server.stores.vault_interfaces import Door, Record, Standing
from letterlock_server.stores.vault_sqlite.slots import Slots

ANSWERING: Final = 0
PREPARED: Final = 1
_COLUMNS: Final = (
    "root_key, list_certificate, device_list, list_epoch, list_version, highest_epoch, handle_spent, handle_at,"
    " locator_spent, locator_at, tombstone, generation, anchor, entries, head, paced_until"
)
_READ: Final = f"SELECT {_COLUMNS} FROM accounts WHERE account = ?"
_WRITE: Final = (
    f"INSERT INTO accounts (account, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (account) DO UPDATE SET "
    + ", ".join(f"{column} = excluded.{column}" for column in _COLUMNS.split(", "))
)
_receipts: Final = msgspec.msgpack.Decoder(tuple[bytes, ...])

Places = dict[bytes, int]
"""The slot of each key that a standing had when it was read."""


def read(connection: sqlite3.Connection, slots: Slots, account: AccountId) -> tuple[Standing | None, Places]:
    """Return what is kept of an account, and where its keys lie. Raises OSError where a key is missing."""
    row = connection.execute(_READ, (account,)).fetchone()
    if row is None:
        return None, {}
    records, places = _records(connection, slots, account)
    root_key, certificate, devices, list_epoch, list_version, highest = row[:6]
    standing = Standing(
        account=account,
        root_key=root_key,
        list_certificate=certificate,
        device_list=devices,
        list_epoch=list_epoch,
        list_version=list_version,
        highest_epoch=highest,
        record=records.get(ANSWERING),
        prepared=records.get(PREPARED),
        by_handle=Door(row[6], row[7]),
        by_locator=Door(row[8], row[9]),
        tombstone=row[10],
        generation=row[11],
        anchor=row[12],
        entries=row[13],
        head=row[14],
        paced_until=row[15],
    )
    return standing, places


def _records(
    connection: sqlite3.Connection, slots: Slots, account: AccountId
) -> tuple[dict[int, Record], Places]:
    records: dict[int, Record] = {}
    places: Places = {}
    found = connection.execute(
        "SELECT place, epoch, statement, door_hash, receipts, box, slot FROM records WHERE account = ?",
        (account,),
    )
    for place, epoch, statement, door_hash, receipts, box, slot in found:
        key = slots.read(slot)
        places[key] = slot
        records[place] = Record(
            epoch=epoch,
            statement=statement,
            door_hash=door_hash,
            receipts=_receipts.decode(receipts),
            box=box,
            key=key,
        )
    return records, places


def write(connection: sqlite3.Connection, before: Standing | None, after: Standing, places: Places) -> None:
    """Put `after` in the place of `before`. `places` names the slot of every key in `after`."""
    connection.execute(_WRITE, (after.account, *_row(after)))
    old = (None, None) if before is None else (before.record, before.prepared)
    new = (after.record, after.prepared)
    changed = [place for place in (ANSWERING, PREPARED) if old[place] != new[place]]
    for place in changed:
        connection.execute("DELETE FROM records WHERE account = ? AND place = ?", (after.account, place))
    for place in changed:
        record = new[place]
        if record is not None:
            connection.execute(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    after.account,
                    place,
                    record.epoch,
                    record.statement,
                    record.door_hash,
                    msgspec.msgpack.encode(record.receipts),
                    record.box,
                    places[record.key],
                ),
            )


def _row(standing: Standing) -> tuple[Any, ...]:
    return (
        standing.root_key,
        standing.list_certificate,
        standing.device_list,
        standing.list_epoch,
        standing.list_version,
        standing.highest_epoch,
        standing.by_handle.spent,
        standing.by_handle.at,
        standing.by_locator.spent,
        standing.by_locator.at,
        standing.tombstone,
        standing.generation,
        standing.anchor,
        standing.entries,
        standing.head,
        standing.paced_until,
    )


def add_entries(connection: sqlite3.Connection, standing: Standing, entries: tuple[bytes, ...]) -> None:
    """Add the newest entries to the account's ledger: `standing` already counts them."""
    first = standing.entries - len(entries) + 1
    connection.executemany(
        "INSERT INTO ledger VALUES (?, ?, ?)",
        [(standing.account, number, entry) for number, entry in enumerate(entries, first)],
    )


def keys(standing: Standing | None) -> set[bytes]:
    """Return the wrapped keys of a standing's records."""
    if standing is None:
        return set()
    return {record.key for record in (standing.record, standing.prepared) if record is not None}
