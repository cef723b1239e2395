"""What waits to reach the relay, in order, as the exact bytes that go; and the originals they were sealed from.

An original may have to be sealed again, under the same message id: for a newer device list, for a device that
could not open its copy, for a new device of somebody who lost the old one. It is kept until it is delivered,
or `KEPT_MS` at most. Must not know what an envelope or an original is made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from letterlock.encoding import Reader as FieldReader
from letterlock.encoding import pack
from letterlock.ids import AccountId, DeviceId, EnvelopeId, MessageId
from letterlock_client.storage.database import Reader, Transaction

KEPT_MS: Final = 30 * 24 * 3600 * 1000
LONGEST_WAIT_MS: Final = 24 * 3600 * 1000
"""What is to wait longer for its next try was told so by a clock that was ahead: it may go."""

_ORIGINAL: Final = "message, account, payload, kind, created"
_COLUMNS: Final = (
    "envelope, account, list_epoch, list_version, sealed, kind, created, message, original, attempts, "
    "not_before, position"
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One envelope with its copies for each device of the recipient, sealed for one device list."""

    envelope: EnvelopeId
    account: AccountId
    list_epoch: int
    list_version: int
    sealed: tuple[tuple[DeviceId, bytes], ...] = field(repr=False)
    kind: str
    """What it carries (text, receipt, reaction, …): for policy and for people, not for the relay."""
    created: int
    message: MessageId | None = None
    """The message shown here whose delivery follows this envelope, if one does."""
    original: MessageId | None = None
    """The original (`keep_original`) it was sealed from, if one is kept."""
    attempts: int = 0
    not_before: int = 0
    """The relay asked to wait until then."""
    position: int = 0
    """Given by `add`: the order within everything sent."""


@dataclass(frozen=True, slots=True)
class Original:
    """One payload."""

    message: MessageId
    account: AccountId
    payload: bytes = field(repr=False)
    kind: str
    created: int


@dataclass(frozen=True, slots=True)
class SentTo:
    """A device that an original was sealed for, as it was known then."""

    device: DeviceId
    identity: bytes
    """What must be unchanged for a second try (a digest of its certificate)."""
    resent: bool = False


async def add(tx: Transaction, outgoing: Outgoing) -> int:
    """Put an envelope at the end; return its position."""
    return await tx.insert(
        "INSERT INTO outbox (envelope, account, list_epoch, list_version, sealed, kind, created, message,"
        " original, attempts, not_before) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        outgoing.envelope,
        outgoing.account,
        outgoing.list_epoch,
        outgoing.list_version,
        _pack(outgoing.sealed),
        outgoing.kind,
        outgoing.created,
        outgoing.message,
        outgoing.original,
        outgoing.attempts,
        outgoing.not_before,
    )


async def get(reader: Reader, envelope: EnvelopeId) -> Outgoing | None:
    """One envelope, or None once it is gone."""
    row = await reader.one(f"SELECT {_COLUMNS} FROM outbox WHERE envelope = ?", envelope)
    return _outgoing(row) if row else None


async def next_ready(reader: Reader, now: int, limit: int = 64) -> list[Outgoing]:
    """The first envelope for each recipient that waits for nothing, in order: only these may be submitted.

    Costs a step a recipient, however much waits.
    """
    rows = await reader.all(
        "WITH RECURSIVE recipient (account) AS ("
        " SELECT min(account) FROM outbox UNION ALL"
        " SELECT (SELECT min(later.account) FROM outbox AS later WHERE later.account > recipient.account)"
        " FROM recipient WHERE recipient.account IS NOT NULL)"
        f" SELECT {_COLUMNS} FROM outbox WHERE (not_before <= ? OR not_before > ?) AND position IN ("
        " SELECT (SELECT min(first.position) FROM outbox AS first WHERE first.account = recipient.account)"
        " FROM recipient WHERE recipient.account IS NOT NULL)"
        " ORDER BY position LIMIT ?",
        now,
        now + LONGEST_WAIT_MS,
        limit,
    )
    return [_outgoing(row) for row in rows]


async def waiting(reader: Reader, *, account: AccountId | None = None, limit: int = 256) -> list[Outgoing]:
    """What waits, in order, for everybody or for one account."""
    if account is None:
        rows = await reader.all(f"SELECT {_COLUMNS} FROM outbox ORDER BY position LIMIT ?", limit)
    else:
        rows = await reader.all(
            f"SELECT {_COLUMNS} FROM outbox WHERE account = ? ORDER BY position LIMIT ?", account, limit
        )
    return [_outgoing(row) for row in rows]


async def count(reader: Reader) -> int:
    """How many envelopes wait."""
    return int(await reader.value("SELECT count(*) FROM outbox"))


async def replace_sealed(tx: Transaction, envelope: EnvelopeId, fresh: Outgoing) -> bool:
    """Put one that was sealed for a newer list in the place of `envelope`; False if that is gone.

    `fresh` has an envelope id of its own: the relay may keep a copy of the first. Position, time and
    attempts stay.
    """
    changed = await tx.execute(
        "UPDATE outbox SET envelope = ?, list_epoch = ?, list_version = ?, sealed = ?, not_before = 0"
        " WHERE envelope = ?",
        fresh.envelope,
        fresh.list_epoch,
        fresh.list_version,
        _pack(fresh.sealed),
        envelope,
    )
    return changed == 1


async def attempted(tx: Transaction, envelope: EnvelopeId, *, not_before: int = 0) -> int:
    """Count a try that failed and say when the next may be, in `LONGEST_WAIT_MS` at most.

    Return how many there were, 0 if it is gone.
    """
    attempts = await tx.value(
        "UPDATE outbox SET attempts = attempts + 1, not_before = ? WHERE envelope = ? RETURNING attempts",
        not_before,
        envelope,
    )
    return int(attempts or 0)


async def delete(tx: Transaction, envelope: EnvelopeId) -> bool:
    """The relay has it, or it is given up; say whether it was there."""
    return await tx.execute("DELETE FROM outbox WHERE envelope = ?", envelope) == 1


async def delete_for(tx: Transaction, account: AccountId) -> list[Outgoing]:
    """Give up everything for one account; return what it was, in order."""
    rows = await tx.all(f"DELETE FROM outbox WHERE account = ? RETURNING {_COLUMNS}", account)
    return sorted((_outgoing(row) for row in rows), key=lambda each: each.position)


async def delete_message(tx: Transaction, message: MessageId) -> int:
    """Give up what waits for one message, and its original: nobody is sent it again. Return how many envelopes."""
    await tx.execute("DELETE FROM original WHERE message = ?", message)
    return await tx.execute("DELETE FROM outbox WHERE message = ?", message)


async def keep_original(tx: Transaction, kept: Original, devices: Sequence[SentTo]) -> None:
    """Keep a payload, or add devices to one that is kept; a device that changed gets a new try."""
    await tx.execute(
        f"INSERT OR IGNORE INTO original ({_ORIGINAL}) VALUES (?, ?, ?, ?, ?)",
        kept.message,
        kept.account,
        kept.payload,
        kept.kind,
        kept.created,
    )
    await tx.many(
        "INSERT INTO original_device (message, device, identity, resent) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (message, device) DO UPDATE SET identity = excluded.identity,"
        " resent = resent AND identity = excluded.identity",
        [(kept.message, each.device, each.identity, each.resent) for each in devices],
    )


async def original(reader: Reader, message: MessageId) -> Original | None:
    """A kept payload, or None."""
    row = await reader.one(f"SELECT {_ORIGINAL} FROM original WHERE message = ?", message)
    return Original(*row) if row else None


async def sent_to(reader: Reader, message: MessageId) -> list[SentTo]:
    """The devices an original was sealed for."""
    rows = await reader.all(
        "SELECT device, identity, resent FROM original_device WHERE message = ? ORDER BY device", message
    )
    return [SentTo(DeviceId(device), identity, bool(resent)) for device, identity, resent in rows]


async def mark_resent(tx: Transaction, message: MessageId, device: DeviceId) -> bool:
    """Note the one second try for this device; False if there was one before, or none is allowed."""
    changed = await tx.execute(
        "UPDATE original_device SET resent = 1 WHERE message = ? AND device = ? AND NOT resent",
        message,
        device,
    )
    return changed == 1


async def undelivered(reader: Reader, account: AccountId, since: int) -> list[Original]:
    """Originals for this account from `since` on that were not delivered, oldest first."""
    rows = await reader.all(
        f"SELECT {_ORIGINAL} FROM original WHERE account = ? AND created >= ? ORDER BY created, rowid",
        account,
        since,
    )
    return [Original(*row) for row in rows]


async def delivered(tx: Transaction, message: MessageId) -> None:
    """Every device has it: forget the payload."""
    await tx.execute("DELETE FROM original WHERE message = ?", message)


async def forget_originals(tx: Transaction, created_before: int) -> int:
    """Forget payloads from before that time; return how many."""
    return await tx.execute("DELETE FROM original WHERE created < ?", created_before)


def _pack(sealed: tuple[tuple[DeviceId, bytes], ...]) -> bytes:
    return pack(*(field for copy in sealed for field in copy))


def _unpack(raw: bytes) -> tuple[tuple[DeviceId, bytes], ...]:
    reader = FieldReader(raw)
    copies = []
    while reader.more():
        copies.append((DeviceId(reader.number()), reader.blob(most=2**20)))
    return tuple(copies)


def _outgoing(row: tuple[Any, ...]) -> Outgoing:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    return Outgoing(**values | {"sealed": _unpack(values["sealed"])})
