"""Who this client is: the account, this device's keys and the signed objects about it. One row.

The root seed is not here but in the key file. Must not know what a signature means.
"""

from dataclasses import dataclass, field

from letterlock.ids import AccountId, DeviceId
from letterlock_client.storage.database import Reader, Transaction

_COLUMNS = (
    "account, handle, relay, insecure, device, root_public, list_certificate, device_list, handle_entry, "
    "list_seed, identity_seed, agreement_private, sealing_private, registered, invite"
)


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """All that this device is. Signed objects are the exact bytes that were signed."""

    account: AccountId
    handle: str
    relay: str
    """Its URL."""
    insecure: bool
    """Whether ws:// beyond this machine was allowed for it."""
    device: DeviceId
    root_public: bytes
    list_certificate: bytes
    device_list: bytes
    handle_entry: bytes
    list_seed: bytes = field(repr=False)
    """Ed25519 seed of the list key; empty on a device that is not the primary one."""
    identity_seed: bytes = field(repr=False)
    """Ed25519 seed of this device's identity key."""
    agreement_private: bytes = field(repr=False)
    """X25519 private key of this device."""
    sealing_private: bytes = field(repr=False)
    """The present X25519 sealing key; older ones come from `sealing_keys`."""
    registered: bool = False
    """Whether the relay has the account; False while a registration is unfinished."""
    invite: str = field(default="", repr=False)
    """The code that an unfinished registration goes on with."""


@dataclass(frozen=True, slots=True)
class SealingKey:
    """One sealing key of this device, present or past."""

    private: bytes = field(repr=False)
    created: int


async def load(reader: Reader) -> OwnIdentity | None:
    """The identity, or None in a database that has none yet."""
    row = await reader.one(f"SELECT {_COLUMNS} FROM identity")
    if row is None:
        return None
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["insecure"] = bool(values["insecure"])
    values["registered"] = bool(values["registered"])
    return OwnIdentity(**values)


async def save(tx: Transaction, identity: OwnIdentity, now: int) -> None:
    """Make or replace the identity; a new sealing key is added, and older ones are kept."""
    values = [getattr(identity, name) for name in _COLUMNS.split(", ")]
    marks = ", ".join("?" * len(values))
    await tx.execute(f"INSERT OR REPLACE INTO identity (only, {_COLUMNS}) VALUES (1, {marks})", *values)
    await tx.execute(
        "INSERT OR IGNORE INTO sealing_key (private, created) VALUES (?, ?)", identity.sealing_private, now
    )


async def sealing_keys(reader: Reader) -> list[SealingKey]:
    """Every sealing key that envelopes may still be sealed to, the newest first."""
    rows = await reader.all("SELECT private, created FROM sealing_key ORDER BY created DESC")
    return [SealingKey(private, created) for private, created in rows]


async def drop_sealing_keys(tx: Transaction, replaced_before: int) -> int:
    """Delete sealing keys that were replaced before that time, the present one never; return how many.

    A key is in use until the next one was made, so its own age alone does not say that it is done with.
    """
    return await tx.execute(
        "DELETE FROM sealing_key WHERE private NOT IN (SELECT sealing_private FROM identity)"
        " AND (SELECT min(later.created) FROM sealing_key AS later WHERE later.created > sealing_key.created) < ?",
        replaced_before,
    )
