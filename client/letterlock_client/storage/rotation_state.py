"""How far a rotation of the recovery secret is, so that whatever interrupts it can be found out and ended.

Must not know how a backup is written again, nor what the vault is asked.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Reader, Transaction


class Phase(StrEnum):
    """What goes on, or was cut short."""

    WRITING = "writing"
    """The backup is written again under the new secret; nobody depends on it yet."""
    COMMITTING = "committing"
    """It is written and checked, and realms may have been told to keep the new secret."""
    LEAVING = "leaving"
    """The new secret is in use; what lies under the old one is to be deleted."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation."""

    phase: Phase
    state: BackupState
    """How the profile will be backed up; when it is leaving, how it was."""
    media_master: bytes = field(repr=False)
    started: int


async def load(reader: Reader) -> Rotation | None:
    """Return the rotation under way or left behind, or None."""
    row = await reader.one("SELECT phase, state, media_master, started FROM backup_rotation")
    if row is None:
        return None
    phase, state, master, started = row
    return Rotation(Phase(phase), msgspec.msgpack.decode(state, type=BackupState), master, started)


async def save(tx: Transaction, rotation: Rotation) -> None:
    """Make or replace it."""
    await tx.execute(
        "INSERT OR REPLACE INTO backup_rotation (only, phase, state, media_master, started) VALUES (1, ?, ?, ?, ?)",
        rotation.phase.value,
        msgspec.msgpack.encode(rotation.state),
        rotation.media_master,
        rotation.started,
    )


async def clear(tx: Transaction) -> None:
    """Nothing of it is left."""
    await tx.execute("DELETE FROM backup_rotation")
