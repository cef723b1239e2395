"""Accounts and prekeys in SQLite: each function is one change, run inside the writer's transaction.

Must not know who asks, nor what the signed bytes say.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from letterlock.ids import AccountId
from letterlock_server.limits import Rule, full, take
from letterlock_server.stores.interfaces import (
    AccountRecord,
    DrainedError,
    FullError,
    HandleTakenError,
    ListedDevice,
    Listing,
    ListMovedError,
    Numbers,
    PrekeysLeft,
    PrekeyUpload,
    TakenBundle,
)
from letterlock_server.stores.sqlite import mail

RECORD: Final = (
    "SELECT account, handle, handle_entry, root_key, list_certificate, device_list FROM accounts WHERE "
)
LISTING: Final = (
    "SELECT epoch, version, device, mailbox, identity_key FROM accounts JOIN devices USING (account)"
    " WHERE account = ?"
)
LEFT: Final = (
    "SELECT kind, count(*) FROM one_time_prekeys WHERE mailbox = ? AND record IS NOT NULL GROUP BY kind"
)
_X25519: Final = 1
_KEM: Final = 2


def record(row: Sequence[Any]) -> AccountRecord:
    """Return the account that a row of `RECORD` holds."""
    account, handle, handle_entry, root_key, list_certificate, device_list = row
    return AccountRecord(
        account=account,
        handle=handle,
        handle_entry=handle_entry,
        root_key=root_key,
        list_certificate=list_certificate,
        device_list=device_list,
    )


def listing(account: AccountId, rows: Sequence[tuple[int, int, int, int, bytes]]) -> Listing | None:
    """Return the listing that the rows of `LISTING` hold, or None where there are none."""
    if not rows:
        return None
    devices = {device: ListedDevice(mailbox, key) for _, _, device, mailbox, key in rows}
    return Listing(account, Numbers(rows[0][0], rows[0][1]), devices)


def left(rows: Sequence[tuple[int, int]]) -> PrekeysLeft:
    """Return the counts that the rows of `LEFT` hold."""
    counts = dict(rows)
    return PrekeysLeft(counts.get(_X25519, 0), counts.get(_KEM, 0))


def register(
    connection: sqlite3.Connection, new: AccountRecord, numbers: Numbers, devices: Mapping[int, bytes]
) -> Listing:
    """Keep a new account. See `interfaces.Accounts.register`."""
    row = connection.execute(RECORD + "account = ? OR handle = ?", (new.account, new.handle)).fetchone()
    if row is not None:
        known = record(row)
        if known.account != new.account or known.handle != new.handle:
            raise HandleTakenError
        if known != new:
            raise ListMovedError
    else:
        connection.execute(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                new.account,
                new.handle,
                new.handle_entry,
                new.root_key,
                new.list_certificate,
                new.device_list,
                numbers.epoch,
                numbers.version,
            ),
        )
        _add_devices(connection, new.account, devices)
    return _present(connection, new.account)


def replace_list(
    connection: sqlite3.Connection,
    new: AccountRecord,
    before: Numbers,
    numbers: Numbers,
    devices: Mapping[int, bytes],
) -> Listing:
    """Put a newer list in place. See `interfaces.Accounts.replace_list`."""
    changed = connection.execute(
        "UPDATE accounts SET handle_entry = ?, list_certificate = ?, device_list = ?, epoch = ?, version = ?"
        " WHERE account = ? AND epoch = ? AND version = ?",
        (
            new.handle_entry,
            new.list_certificate,
            new.device_list,
            numbers.epoch,
            numbers.version,
            new.account,
            before.epoch,
            before.version,
        ),
    ).rowcount
    if changed != 1:
        raise ListMovedError
    known = _present(connection, new.account).devices
    for device, listed in known.items():
        if device not in devices:
            mail.drop(connection, listed.mailbox)
    _add_devices(connection, new.account, {d: key for d, key in devices.items() if d not in known})
    return _present(connection, new.account)


def _add_devices(connection: sqlite3.Connection, account: AccountId, devices: Mapping[int, bytes]) -> None:
    connection.executemany(
        "INSERT INTO devices (account, device, identity_key) VALUES (?, ?, ?)",
        [(account, device, key) for device, key in devices.items()],
    )


def _present(connection: sqlite3.Connection, account: AccountId) -> Listing:
    found = listing(account, connection.execute(LISTING, (account,)).fetchall())
    if found is None:
        raise sqlite3.IntegrityError("an account without a listed device")
    return found


def put_prekeys(connection: sqlite3.Connection, mailbox: int, upload: PrekeyUpload, most: int) -> PrekeysLeft:
    """Keep new prekeys. See `interfaces.Prekeys.put`."""
    connection.execute(
        "INSERT INTO lasting_prekeys VALUES (?1, ?2, ?3) ON CONFLICT (mailbox) DO UPDATE SET"
        " signed = iif(?2 = x'', signed, ?2), last_resort = iif(?3 = x'', last_resort, ?3)",
        (mailbox, upload.signed, upload.last_resort),
    )
    for kind, several in ((_X25519, upload.one_time), (_KEM, upload.kem_one_time)):
        connection.executemany(
            "INSERT OR IGNORE INTO one_time_prekeys VALUES (?, ?, ?, ?)",
            [(mailbox, kind, one.key_id, one.raw) for one in several],
        )
    now_left = _left(connection, mailbox)
    if max(now_left.one_time, now_left.kem_one_time) > most:
        raise FullError
    return now_left


def take_prekeys(
    connection: sqlite3.Connection, mailbox: int, pair: bytes, rule: Rule, now: int
) -> TakenBundle | None:
    """Take a bundle. See `interfaces.Prekeys.take`."""
    lasting = connection.execute(
        "SELECT signed, last_resort FROM lasting_prekeys WHERE mailbox = ?", (mailbox,)
    ).fetchone()
    if lasting is None or not lasting[0] or not lasting[1]:
        return None
    _spend(connection, pair, rule, now)
    one_time = _pop(connection, mailbox, _X25519)
    kem = _pop(connection, mailbox, _KEM)
    return TakenBundle(lasting[0], one_time, kem or lasting[1], _left(connection, mailbox))


def _spend(connection: sqlite3.Connection, pair: bytes, rule: Rule, now: int) -> None:
    row = connection.execute("SELECT tokens, stamp_ms FROM prekey_budgets WHERE pair = ?", (pair,)).fetchone()
    bucket, retry = take(rule, full(rule, now) if row is None else (row[0], row[1]), now)
    if retry:
        raise DrainedError(retry)
    connection.execute(
        "INSERT INTO prekey_budgets VALUES (?1, ?2, ?3)"
        " ON CONFLICT (pair) DO UPDATE SET tokens = ?2, stamp_ms = ?3",
        (pair, *bucket),
    )


def forget_budgets(connection: sqlite3.Connection, rule: Rule, now: int) -> None:
    """Forget each pair whose budget is full again: a pair is who asked for whom, and is kept no longer."""
    connection.execute(
        "DELETE FROM prekey_budgets WHERE tokens + (? - stamp_ms) / ? >= ?",
        (now, rule.interval_ms, rule.burst),
    )


def _pop(connection: sqlite3.Connection, mailbox: int, kind: int) -> bytes:
    row = connection.execute(
        "SELECT key_id, record FROM one_time_prekeys INDEXED BY prekeys_left"
        " WHERE mailbox = ? AND kind = ? AND record IS NOT NULL ORDER BY key_id LIMIT 1",
        (mailbox, kind),
    ).fetchone()
    if row is None:
        return b""
    connection.execute(
        "UPDATE one_time_prekeys SET record = NULL WHERE mailbox = ? AND kind = ? AND key_id = ?",
        (mailbox, kind, row[0]),
    )
    return bytes(row[1])


def _left(connection: sqlite3.Connection, mailbox: int) -> PrekeysLeft:
    return left(connection.execute(LEFT, (mailbox,)).fetchall())
