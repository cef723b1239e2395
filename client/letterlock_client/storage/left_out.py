"""Which chats of the backup no restore has brought here, for each was asked for some chats only.

They lie at the provider alone. Must not know how a restore runs.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import msgspec

from letterlock.encoding import Reader as FieldReader
from letterlock.encoding import pack
from letterlock_client.storage import settings
from letterlock_client.storage.database import Reader, Transaction

_LEFT_OUT: Final = "backup_left_out"
_EARLIER: Final = "backup_partly_here"
"""What earlier releases noted: how many chats and messages, and none of their names."""
_EARLIEST: Final = b"chats"
"""What they noted before those were counted."""
_UNCOUNTED: Final = -1
_DELETED: Final = "backup_deleted_meanwhile"
"""Chats of the backup that were deleted while a restore was under way, one behind the other."""


class LeftOut(msgspec.Struct, frozen=True, array_like=True):
    """Chats that are not here."""

    generation: int
    """The backup's, when they were left out: an older one has not all of them."""
    listed: dict[bytes, int]
    """How many messages each of those holds that its manifest lists."""
    unlisted: int = 0
    """How many others there are; -1 where nobody counted them."""
    unlisted_messages: int = 0
    came: frozenset[bytes] = frozenset()
    """All chats that were asked for, or deleted, since."""
    at: int = 0
    """When the restore began that left them out; 0 is not known."""

    @property
    def counts(self) -> tuple[int, int]:
        """How many chats, and at most how many messages; (0, 0) where that is not known."""
        others = max(self.unlisted, 0)
        messages = sum(self.listed.values()) + (self.unlisted_messages if others else 0)
        return len(self.listed) + others, messages

    def beside(self, here: Collection[bytes]) -> tuple[int, int]:
        """Count the same for a backup that lists the chats that are here: one of them may have begun anew."""
        chats, messages = self.counts
        return chats - len(self.listed.keys() & here), messages

    def without(self, came: Collection[bytes]) -> "LeftOut | None":
        """Return what is left out still once these have come; None where that is nothing."""
        strange = set(came) - self.listed.keys() - self.came
        rest = msgspec.structs.replace(
            self,
            listed={each: messages for each, messages in self.listed.items() if each not in came},
            unlisted=max(self.unlisted - len(strange), 0) if self.unlisted > 0 else self.unlisted,
            came=self.came.union(came),
        )
        return rest if rest.listed or rest.unlisted else None


async def note(tx: Transaction, chats: LeftOut | None) -> None:
    """Remember which chats of the backup are not here; None where all are."""
    await settings.set_fact(tx, _LEFT_OUT, msgspec.msgpack.encode(chats) if chats else None)
    await settings.set_fact(tx, _EARLIER, None)


async def load(reader: Reader) -> LeftOut | None:
    """Which chats of the backup are not here; None where all are."""
    raw = await settings.fact(reader, _LEFT_OUT)
    if raw is not None:
        return msgspec.msgpack.decode(raw, type=LeftOut)
    raw = await settings.fact(reader, _EARLIER)
    if raw is None:
        return None
    if raw == _EARLIEST:
        return LeftOut(0, {}, _UNCOUNTED)
    return LeftOut(0, {}, *msgspec.msgpack.decode(raw, type=tuple[int, int]))


async def strike_deleted(tx: Transaction, chat: bytes) -> None:
    """This request is about to be deleted here, and so in the backup as well.

    One that no list counts is in the backup where it was made before it was restored. While a restore is under way
    this waits for `strike_deleted_meanwhile`.
    """
    created = await tx.value("SELECT coalesce(max(created), 0) FROM conversation WHERE peer = ?", chat)
    before, restore = await load(tx), await tx.one("SELECT started FROM restore")
    if before is not None and (chat in before.listed or created < before.at):
        await note(tx, before.without((chat,)))
    if restore is not None and created < restore[0]:
        await settings.set_fact(tx, _DELETED, (await settings.fact(tx, _DELETED) or b"") + pack(chat))


async def strike_deleted_meanwhile(tx: Transaction) -> None:
    """A restore is complete: strike those off that were deleted while it was under way."""
    before, deleted = await load(tx), chats_in(await settings.fact(tx, _DELETED) or b"")
    if before is not None and deleted:
        await note(tx, before.without(deleted))


async def forget_deleted(tx: Transaction) -> None:
    """No restore is under way any more."""
    await settings.set_fact(tx, _DELETED, None)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Chats that stand in the list here, and have their messages in the backup only."""

    noted: Collection[bytes]
    started: int
    """When the restore under way was begun that was asked for some chats only; 0 for none."""
    asked: Collection[bytes] = ()

    def has(self, chat: bytes, created: int) -> bool:
        """Say whether a chat without messages, made then, is one of them; those that no list counts are not known."""
        return chat in self.noted or (created < self.started and chat not in self.asked)


async def elsewhere(reader: Reader) -> Elsewhere:
    """Which chats without messages are left out, by the restore under way or by those that are over."""
    over = await load(reader)
    row = await reader.one("SELECT started, chats FROM restore")
    noted = over.listed.keys() if over else ()
    return Elsewhere(noted, row[0], chats_in(row[1])) if row and row[1] else Elsewhere(noted, 0)


def chats_in(packed: bytes) -> tuple[bytes, ...]:
    """Read the chats that a restore was asked for; none are all."""
    reader = FieldReader(packed)
    found = []
    while reader.more():
        found.append(reader.blob(most=32))
    return tuple(found)
