"""This device's own prekeys with their private halves, and the first contacts that used them.

Must not know what a prekey is made of: `record` is opaque, `kind` a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from letterlock_client.storage.database import Reader, Transaction

_COLUMNS: Final = "kind, key_id, record, created, published"


@dataclass(frozen=True, slots=True)
class StoredPrekey:
    """One prekey; `record` holds its private half."""

    kind: int
    key_id: int
    record: bytes = field(repr=False)
    created: int
    published: bool = False
    """Whether the relay answered that it has it."""


async def next_id(tx: Transaction, kind: int, count: int = 1) -> int:
    """Reserve `count` ids of a kind, from 1 on; return the first. No id is ever given twice."""
    after = await tx.value(
        "INSERT INTO prekey_counter (kind, next_id) VALUES (?1, 1 + ?2)"
        " ON CONFLICT (kind) DO UPDATE SET next_id = next_id + ?2 RETURNING next_id",
        kind,
        count,
    )
    return int(after) - count


async def add(tx: Transaction, prekeys: Sequence[StoredPrekey]) -> None:
    """Keep new prekeys."""
    await tx.many(
        f"INSERT INTO prekey ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
        [(each.kind, each.key_id, each.record, each.created, each.published) for each in prekeys],
    )


async def get(reader: Reader, kind: int, key_id: int) -> StoredPrekey | None:
    """One prekey, or None if it was used, is too old, or never was."""
    row = await reader.one(f"SELECT {_COLUMNS} FROM prekey WHERE kind = ? AND key_id = ?", kind, key_id)
    return _prekey(*row) if row else None


async def newest(reader: Reader, kind: int) -> StoredPrekey | None:
    """The newest prekey of a kind, or None."""
    row = await reader.one(f"SELECT {_COLUMNS} FROM prekey WHERE kind = ? ORDER BY key_id DESC LIMIT 1", kind)
    return _prekey(*row) if row else None


async def unpublished(reader: Reader, kind: int) -> list[StoredPrekey]:
    """Prekeys of a kind that the relay has not confirmed, the oldest first."""
    rows = await reader.all(
        f"SELECT {_COLUMNS} FROM prekey WHERE kind = ? AND NOT published ORDER BY key_id", kind
    )
    return [_prekey(*row) for row in rows]


async def mark_published(tx: Transaction, kind: int, key_ids: Sequence[int]) -> None:
    """The relay has these."""
    await tx.many(
        "UPDATE prekey SET published = 1 WHERE kind = ? AND key_id = ?", [(kind, key) for key in key_ids]
    )


async def count(reader: Reader, kind: int) -> int:
    """How many of a kind are held here."""
    return int(await reader.value("SELECT count(*) FROM prekey WHERE kind = ?", kind))


async def delete(tx: Transaction, used: Sequence[tuple[int, int]]) -> None:
    """Delete prekeys by (kind, id): a used one-time prekey goes with the session that used it."""
    await tx.many("DELETE FROM prekey WHERE kind = ? AND key_id = ?", used)


async def keep_newest(tx: Transaction, kind: int, most: int) -> int:
    """Delete all of a kind but the newest `most`; return how many."""
    return await tx.execute(
        "DELETE FROM prekey WHERE kind = ?1 AND key_id <="
        " (SELECT key_id FROM prekey WHERE kind = ?1 ORDER BY key_id DESC LIMIT 1 OFFSET ?2)",
        kind,
        most,
    )


async def delete_older(tx: Transaction, created_before: int) -> int:
    """Delete prekeys of every kind from before that time, the newest of each kind never; return how many."""
    return await tx.execute(
        "DELETE FROM prekey WHERE created < ?"
        " AND key_id < (SELECT max(newest.key_id) FROM prekey AS newest WHERE newest.kind = prekey.kind)",
        created_before,
    )


async def first_contact_seen(reader: Reader, digest: bytes) -> bool:
    """Say whether a first contact of this digest was opened before."""
    return await reader.value("SELECT 1 FROM first_contact WHERE digest = ?", digest) is not None


async def remember_first_contact(tx: Transaction, digest: bytes, now: int) -> None:
    """Keep the digest of an opened first contact."""
    await tx.execute("INSERT OR IGNORE INTO first_contact (digest, at) VALUES (?, ?)", digest, now)


async def forget_first_contacts(tx: Transaction, seen_before: int) -> int:
    """Forget digests from before that time; return how many."""
    return await tx.execute("DELETE FROM first_contact WHERE at < ?", seen_before)


def _prekey(kind: int, key_id: int, record: bytes, created: int, published: int) -> StoredPrekey:
    return StoredPrekey(kind, key_id, record, created, bool(published))
