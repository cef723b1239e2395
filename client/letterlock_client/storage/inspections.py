"""What is told about one message when somebody asks: how it travelled, and what it said before.

Must not know how a message is sealed, nor who asks.
"""

import msgspec

from letterlock.ids import MessageId
from letterlock_client.models import Inspection
from letterlock_client.storage.database import Reader, Transaction


async def save(tx: Transaction, inspection: Inspection) -> None:
    """Keep how a stored message travelled; replaces what was kept."""
    await tx.execute(
        "INSERT OR REPLACE INTO inspection (message, body) SELECT row, ? FROM message WHERE id = ?",
        msgspec.msgpack.encode(inspection),
        inspection.message,
    )


async def get(reader: Reader, message: MessageId) -> Inspection | None:
    """How a message travelled, or None."""
    raw = await reader.value(
        "SELECT body FROM inspection WHERE message = (SELECT row FROM message WHERE id = ?)", message
    )
    return None if raw is None else msgspec.msgpack.decode(raw, type=Inspection)


async def earlier_texts(reader: Reader, message: MessageId) -> list[str]:
    """What an edited message said before, oldest first."""
    rows = await reader.all(
        "SELECT edit.text FROM edit JOIN message ON message.row = edit.message WHERE message.id = ?"
        " ORDER BY written_at",
        message,
    )
    return [text for (text,) in rows]
