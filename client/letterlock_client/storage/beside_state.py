"""What somebody else's rotation left beside the backup of this profile. Must not know whether it may be deleted."""

from dataclasses import dataclass

from letterlock_client.storage.database import Reader, Transaction


@dataclass(frozen=True, slots=True)
class Beside:
    """A prefix that a terminal which is gone left behind."""

    provider: str
    prefix: str
    generation: int
    """The last one under the old key; 0 where the prefix is of a new one, which nobody uses."""
    first_seen: int = 0
    digest: bytes = b""
    """Of the names that lay there then."""


async def load(reader: Reader) -> Beside | None:
    """Return it, or None."""
    row = await reader.one("SELECT provider, prefix, generation, first_seen, digest FROM backup_beside")
    return Beside(*row) if row else None


async def save(tx: Transaction, beside: Beside) -> None:
    """Make or replace it."""
    await tx.execute(
        "INSERT OR REPLACE INTO backup_beside (only, provider, prefix, generation, first_seen, digest)"
        " VALUES (1, ?, ?, ?, ?, ?)",
        beside.provider,
        beside.prefix,
        beside.generation,
        beside.first_seen,
        beside.digest,
    )


async def clear(tx: Transaction) -> None:
    """Nothing is left."""
    await tx.execute("DELETE FROM backup_beside")
