"""Which chats came back without a message, in a restore that left out what was damaged.

Their messages are in no backup that goes on from here. Must not know how a restore runs.
"""

from collections.abc import Collection
from typing import Final

import msgspec

from letterlock_client.storage import settings
from letterlock_client.storage.database import Reader, Transaction

_LOST: Final = "restore_lost_chats"


class LostChats(msgspec.Struct, frozen=True, array_like=True):
    """Chats of which no message came back."""

    at: int = 0
    """When the restore was complete: a chat that was made after that is none of them."""
    chats: frozenset[bytes] = frozenset()

    def has(self, chat: bytes, created: int) -> bool:
        """Say whether a chat without messages, made then, is one of them."""
        return chat in self.chats and created <= self.at


async def load(reader: Reader) -> LostChats:
    """Which they are."""
    raw = await settings.fact(reader, _LOST)
    return msgspec.msgpack.decode(raw, type=LostChats) if raw else LostChats()


async def note(tx: Transaction, at: int, chats: Collection[bytes]) -> None:
    """Remember these, and no others."""
    lost = LostChats(at, frozenset(chats))
    await settings.set_fact(tx, _LOST, msgspec.msgpack.encode(lost) if chats else None)


async def empty(reader: Reader) -> set[bytes]:
    """All chats without messages."""
    rows = await reader.all(
        "SELECT peer FROM conversation WHERE NOT EXISTS"
        " (SELECT 1 FROM message WHERE message.conversation = conversation.id)"
    )
    return {peer for (peer,) in rows}
