"""Which envelopes were stored already, so that a redelivery is acknowledged and not shown twice.

Must not know what was in them.
"""

from letterlock.ids import EnvelopeId
from letterlock_client.storage.database import Reader, Transaction


async def contains(reader: Reader, envelope: EnvelopeId) -> bool:
    """Say whether this envelope was dealt with before."""
    return await reader.value("SELECT 1 FROM seen WHERE envelope = ?", envelope) is not None


async def add(tx: Transaction, envelope: EnvelopeId, now: int) -> bool:
    """Remember an envelope in the transaction that stores it; False if it was known."""
    return await tx.execute("INSERT OR IGNORE INTO seen (envelope, at) VALUES (?, ?)", envelope, now) == 1


async def forget(tx: Transaction, seen_before: int) -> int:
    """Forget envelopes from before that time; return how many."""
    return await tx.execute("DELETE FROM seen WHERE at < ?", seen_before)
