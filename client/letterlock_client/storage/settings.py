"""What the owner chose for this profile, and small facts that outlive a restart, each under a name.

Must not know what a fact means.
"""

from typing import Final

import msgspec

from letterlock_client.models import Settings
from letterlock_client.storage.database import Reader, Transaction

_SETTINGS: Final = "settings"


async def load(reader: Reader) -> Settings:
    """The owner's settings; defaults where nothing was chosen."""
    raw = await fact(reader, _SETTINGS)
    return Settings() if raw is None else msgspec.json.decode(raw, type=Settings)


async def save(tx: Transaction, settings: Settings) -> None:
    """Keep these."""
    await set_fact(tx, _SETTINGS, msgspec.json.encode(settings))


async def fact(reader: Reader, name: str) -> bytes | None:
    """A small fact, or None."""
    found: bytes | None = await reader.value("SELECT value FROM fact WHERE name = ?", name)
    return found


async def set_fact(tx: Transaction, name: str, value: bytes | None) -> None:
    """Keep a small fact; None forgets it."""
    if value is None:
        await tx.execute("DELETE FROM fact WHERE name = ?", name)
    else:
        await tx.execute(
            "INSERT INTO fact (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )
