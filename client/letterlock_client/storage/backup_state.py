"""How this profile is backed up, how far the last backup came, and what a restore has still to do.

Must not know what the keys in here seal, nor how a provider or a realm is asked; the recovery secret is not here
but in the key file.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from letterlock_client.backup_models import Frequency, Freshness
from letterlock_client.errors import ClientError, Code
from letterlock_client.storage import left_out, settings
from letterlock_client.storage.database import Reader, Transaction

_BACKUP: Final = (
    "key_check, backup_key, sealed_root, provider, frequency, include_media, include_videos, has_recovery_key,"
    " turned_on, writer, watermark, identity_digest, identity_version, generation, manifest_name, manifest, last"
)
_RESTORE: Final = (
    "backup_key, provider, manifest_name, manifest, generation, freshness, chats, media, started, fresh"
)
_ASKED: Final = "handle, relay, insecure, fleet, sheet, locator, by_key, upto, accept_damaged"


@dataclass(frozen=True, slots=True)
class BackupState:
    """One profile's backup, while backups are on."""

    key_check: bytes
    """Names the recovery secret, and tells a wrong one."""
    backup_key: bytes = field(repr=False)
    sealed_root: bytes = field(repr=False)
    """The account's root seed, sealed under the recovery secret."""
    provider: str
    frequency: Frequency
    include_media: bool
    include_videos: bool
    has_recovery_key: bool
    turned_on: int
    writer: bytes
    """Names this device's watermark."""
    watermark: int = 0
    """The highest change number that a complete backup holds."""
    identity_digest: bytes = b""
    identity_version: int = 0
    generation: int = 0
    """The last complete backup's, also of a time when backups were on before; 0 before the first of all."""
    manifest_name: str = ""
    manifest: bytes = b""
    """As it was sealed and written."""
    last: bytes = b""
    """Its totals, as the flow that made it packed them."""


async def load(reader: Reader) -> BackupState | None:
    """How this profile is backed up, or None where backups are off."""
    row = await reader.one(f"SELECT {_BACKUP} FROM backup")
    if row is None:
        return None
    values = dict(zip(_BACKUP.split(", "), row, strict=True))
    for name in ("include_media", "include_videos", "has_recovery_key"):
        values[name] = bool(values[name])
    return BackupState(**values | {"frequency": Frequency(values["frequency"])})


def as_chosen(state: BackupState, present: BackupState) -> BackupState:
    """Return a state to be saved over `present`, with what the owner chose while it was worked out."""
    return replace(
        state,
        frequency=present.frequency,
        include_media=present.include_media,
        include_videos=present.include_videos,
        has_recovery_key=present.has_recovery_key,
    )


async def save(tx: Transaction, state: BackupState) -> None:
    """Make or replace it (use `dataclasses.replace` on what `load` returned)."""
    names = _BACKUP.split(", ")
    marks = ", ".join("?" * len(names))
    await tx.execute(
        f"INSERT OR REPLACE INTO backup (only, {_BACKUP}) VALUES (1, {marks})",
        *(getattr(state, name) for name in names),
    )


_OF_IT: Final = (
    "backup",
    "backup_media",
    "backup_departed",
    "vault",
    "vault_pending",
    "backup_garbage",
    "backup_rotation",
    "backup_beside",
)


async def clear(tx: Transaction, generation: int) -> None:
    """Backups are off: forget all but what realms do not forget, how far ledgers go and which `generation` was last.

    Who has still something to delete is kept as well.
    """
    await tx.execute("UPDATE generation_told SET highest = max(highest, ?)", generation)
    for table in _OF_IT:
        await tx.execute(f"DELETE FROM {table}")
    await left_out.note(tx, None)


async def generation_told(reader: Reader) -> int:
    """The highest generation that realms may know of from a time when backups were on; 0 for none."""
    row = await reader.one("SELECT highest FROM generation_told")
    return int(row[0]) if row else 0


_BEGUN: Final = "backup_begun"


async def note_begun(tx: Transaction, manifest: bytes) -> None:
    """Remember the hash of the manifest that is about to be written."""
    await settings.set_fact(tx, _BEGUN, manifest)


async def begun(reader: Reader) -> bytes | None:
    """The hash of the last manifest that was about to be written; a crash may have kept it from being saved."""
    return await settings.fact(reader, _BEGUN)


_BROUGHT: Final = "backup_brought_back"


async def note_brought_back(tx: Transaction, key_check: bytes) -> None:
    """Remember that another device had this recovery secret, and may have shown it."""
    await settings.set_fact(tx, _BROUGHT, key_check)


async def brought_back(reader: Reader) -> bytes | None:
    """The key check of the recovery secret that a restore brought back; None where there was none."""
    return await settings.fact(reader, _BROUGHT)


async def next_version(tx: Transaction) -> int:
    """Take the next change number, for a record that no counted row stands behind."""
    return int(await tx.value("UPDATE change SET seq = seq + 1 RETURNING seq"))


# The vault.


@dataclass(frozen=True, slots=True)
class VaultState:
    """Where the recovery secret is kept under a password."""

    fleet: bytes
    """The fleet file, as it was confirmed."""
    epoch: int
    """Of the owner's last registration."""
    locator: bytes = field(repr=False)
    unasked: bool = False
    """Whether a restored backup says so, and no realm has been asked yet."""


async def load_vault(reader: Reader) -> VaultState | None:
    """The vault in use, or None where there is no password."""
    row = await reader.one("SELECT fleet, epoch, locator, unasked FROM vault")
    return VaultState(row[0], row[1], row[2], bool(row[3])) if row else None


async def save_vault(tx: Transaction, vault: VaultState, pending: Iterable[tuple[str, bytes]]) -> None:
    """Keep the owner's last registration, and what absent realms have still to be sent of it, in order."""
    await tx.execute(
        "INSERT OR REPLACE INTO vault (only, fleet, epoch, locator, unasked) VALUES (1, ?, ?, ?, ?)",
        vault.fleet,
        vault.epoch,
        vault.locator,
        vault.unasked,
    )
    await save_pending(tx, pending)


async def forget_vault(tx: Transaction) -> None:
    """These backups have no password."""
    await tx.execute("DELETE FROM vault")
    await tx.execute("DELETE FROM vault_pending")


async def save_pending(tx: Transaction, pending: Iterable[tuple[str, bytes]]) -> None:
    """Replace what absent realms have still to be sent, in order."""
    await tx.execute("DELETE FROM vault_pending")
    await tx.many(
        "INSERT INTO vault_pending (realm, position, message) VALUES (?, ?, ?)",
        [(realm, position, message) for position, (realm, message) in enumerate(pending)],
    )


async def pending(reader: Reader) -> list[tuple[str, bytes]]:
    """What absent realms have still to be sent: (realm, message), in order."""
    rows = await reader.all("SELECT realm, message FROM vault_pending ORDER BY position")
    return [(realm, message) for realm, message in rows]


async def ledger_heads(reader: Reader) -> dict[str, tuple[int, bytes]]:
    """How far each realm's ledger is known: sequence and head, by its keys as a fleet file shows them."""
    rows = await reader.all("SELECT realm, sequence, head FROM vault_ledger")
    return {realm: (sequence, head) for realm, sequence, head in rows}


async def save_ledger_head(tx: Transaction, realm: str, sequence: int, head: bytes) -> None:
    """The ledger of the realm with these keys is known so far; never back."""
    await tx.execute(
        "INSERT INTO vault_ledger (realm, sequence, head) VALUES (?, ?, ?) ON CONFLICT (realm)"
        " DO UPDATE SET sequence = excluded.sequence, head = excluded.head"
        " WHERE excluded.sequence > sequence",
        realm,
        sequence,
        head,
    )


@dataclass(frozen=True, slots=True)
class Leaving:
    """A realm that has still to delete its record: of which fleet, and of which registration."""

    realm: str
    fleet: bytes
    epoch: int


async def leaving(reader: Reader) -> list[Leaving]:
    """Realms that were away when backups were turned off, those of one registration together."""
    rows = await reader.all("SELECT realm, fleet, epoch FROM vault_leaving ORDER BY fleet, epoch, realm")
    return [Leaving(*row) for row in rows]


async def save_leaving(tx: Transaction, realms: Iterable[Leaving]) -> None:
    """Remember realms that have still to delete their record."""
    await tx.many(
        "INSERT OR REPLACE INTO vault_leaving (realm, fleet, epoch) VALUES (?, ?, ?)",
        [(one.realm, one.fleet, one.epoch) for one in realms],
    )


async def left(tx: Transaction, realms: Iterable[tuple[str, bytes]]) -> None:
    """These realms, each of a fleet, have nothing to delete any more."""
    await tx.many("DELETE FROM vault_leaving WHERE realm = ? AND fleet = ?", list(realms))


# What nothing refers to.


async def garbage(reader: Reader) -> dict[str, int]:
    """Objects that no manifest referred to, by name: when that was first seen."""
    return dict(await reader.all("SELECT name, first_seen FROM backup_garbage"))


async def save_garbage(tx: Transaction, seen: dict[str, int]) -> None:
    """Replace what is known of objects that no manifest refers to."""
    await tx.execute("DELETE FROM backup_garbage")
    await tx.many("INSERT INTO backup_garbage (name, first_seen) VALUES (?, ?)", list(seen.items()))


# Restoring.


@dataclass(frozen=True, slots=True)
class Asked:
    """What a restore was asked for, without what opens it; nothing it does depends on this."""

    handle: str = ""
    relay: str = ""
    insecure: bool = False
    fleet: str = ""
    """The file that was named, or empty."""
    sheet: str = ""
    locator: str = field(default="", repr=False)
    by_key: bool = False
    """Whether the 64 digits opened it, and not a password."""
    upto: int = 0
    """The newest generation that will do; 0 is any."""
    accept_damaged: bool = False


@dataclass(frozen=True, slots=True)
class RestoreJournal:
    """A restore that is under way: it goes on from here after any crash."""

    backup_key: bytes = field(repr=False)
    provider: str
    manifest_name: str
    manifest: bytes
    generation: int
    freshness: Freshness
    chats: bytes
    """The chats that were asked for, packed; empty is all."""
    media: str
    """"all", or "later"."""
    started: int
    fresh: bool = False
    """Whether it began in an empty history: then what is here came out of it, or after it."""
    asked: Asked = Asked()


async def restoring(reader: Reader) -> bool:
    """Whether a restore is under way."""
    return await reader.one("SELECT 1 FROM restore") is not None


async def journal(reader: Reader) -> RestoreJournal | None:
    """The restore under way, or None. Raises code storage_damaged."""
    row = await reader.one(f"SELECT {_RESTORE}, {_ASKED} FROM restore")
    if row is None:
        return None
    names = _RESTORE.split(", ")
    values = dict(zip(names, row[: len(names)], strict=True))
    asked = dict(zip(_ASKED.split(", "), row[len(names) :], strict=True))
    asked |= {name: bool(asked[name]) for name in ("insecure", "by_key", "accept_damaged")}
    try:
        return msgspec.convert(values | {"fresh": bool(values["fresh"]), "asked": asked}, RestoreJournal)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ClientError(
            Code.STORAGE_DAMAGED, "what was noted about the unfinished restore cannot be read"
        ) from error


async def begin_restore(tx: Transaction, begun: RestoreJournal) -> None:
    """Begin a restore; one that was under way gives way."""
    await tx.execute("DELETE FROM restore_done")
    await change_restore(tx, begun)


async def change_restore(tx: Transaction, begun: RestoreJournal) -> None:
    """Describe the restore under way otherwise; what it has dealt with stays so."""
    names, more = _RESTORE.split(", "), _ASKED.split(", ")
    marks = ", ".join("?" * (len(names) + len(more)))
    await tx.execute(
        f"INSERT OR REPLACE INTO restore (only, {_RESTORE}, {_ASKED}) VALUES (1, {marks})",
        *(getattr(begun, name) for name in names),
        *(getattr(begun.asked, name) for name in more),
    )


async def note_done(tx: Transaction, names: Sequence[str]) -> None:
    """These segments or media are dealt with, in the transaction that stored what they hold."""
    await tx.many("INSERT OR IGNORE INTO restore_done (name) VALUES (?)", [(name,) for name in names])


async def done(reader: Reader) -> set[str]:
    """What the restore under way has dealt with."""
    return {name for (name,) in await reader.all("SELECT name FROM restore_done")}


async def is_done(reader: Reader, name: str) -> bool:
    """Whether the restore under way has dealt with this."""
    return await reader.one("SELECT 1 FROM restore_done WHERE name = ?", name) is not None


async def end_restore(tx: Transaction) -> None:
    """The restore is complete."""
    await tx.execute("DELETE FROM restore")
    await tx.execute("DELETE FROM restore_done")
