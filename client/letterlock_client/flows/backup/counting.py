"""What a backup holds, counted: kept with its manifest, shown before a restore, compared with the time before.

Counting reads every message, so a large history is counted once a week; in between, what came is added to what
was counted. Must not know where a backup lies.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from letterlock.backup.manifest import Manifest, manifest_hash
from letterlock_client.backup_models import Freshness, LastBackup
from letterlock_client.storage import backup_counts, backup_rows
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Reader

COUNTED_ROWS: Final = 50_000
"""Up to so many messages a count is exact every time."""
COUNT_AGAIN_MS: Final = 7 * 86_400_000


class Chat(msgspec.Struct, frozen=True, array_like=True):
    """One chat's part."""

    id: bytes
    messages: int
    media: int
    last_at: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the last complete backup holds, and how it stands."""

    at: int
    generation: int
    chats: tuple[Chat, ...]
    counted_at: int
    position: int
    """The greatest row number that was counted."""
    unlisted: tuple[int, int] = (0, 0)
    """Messages and files of a restored backup's chats that its manifest does not list; the next count lists all."""
    bytes_total: int = 0
    freshness: str = Freshness.UNCHECKED.value
    tidied_at: int = 0
    generations: int = 1
    """How many lie at the provider."""
    unreadable: tuple[int, ...] = ()
    """The numbers of those of them that did not open when they were looked through the last time."""
    alarm: str = ""
    lost: int = 0
    """How many changes at most were damaged when it was restored here, and are counted all the same: the next backup is
    compared with all that there was."""
    anchor_generation: int = 0
    anchor: bytes = b""
    """The hash of the newest manifest that enough realms confirmed."""

    @property
    def messages(self) -> int:
        """All messages."""
        return sum(each.messages for each in self.chats) + self.unlisted[0]

    @property
    def media(self) -> int:
        """All files."""
        return sum(each.media for each in self.chats) + self.unlisted[1]

    def shown(self) -> LastBackup:
        """The same for a face."""
        return LastBackup(
            at=self.at,
            generation=self.generation,
            messages=self.messages,
            media=self.media,
            bytes_total=self.bytes_total,
            freshness=Freshness(self.freshness),
            alarm=self.alarm,
            lost=self.lost,
        )


async def count(reader: Reader, now: int, before: Totals | None, sent: Sequence[int] = ()) -> Totals:
    """Count what a backup of now holds; of a large history only what came since `before`.

    `sent` are the rows of the messages whose files it sends and no backup before it held.
    """
    position = await backup_rows.last_row(reader)
    exact = before is None or position <= COUNTED_ROWS or now - before.counted_at >= COUNT_AGAIN_MS
    above = 0 if exact or before is None else before.position
    chats = {each.id: each for each in before.chats} if above and before else {}
    for new in await backup_counts.totals(reader, now, sent, above):
        old = chats.get(new.conversation, Chat(new.conversation, 0, 0, 0))
        chats[new.conversation] = Chat(
            new.conversation,
            old.messages + new.messages,
            old.media + new.media,
            max(old.last_at, new.last_at),
        )
    return Totals(
        at=now,
        generation=0,
        chats=tuple(sorted(chats.values(), key=lambda each: each.last_at, reverse=True)),
        counted_at=now if exact or before is None else before.counted_at,
        position=position,
        tidied_at=before.tidied_at if before else 0,
        generations=before.generations + 1 if before else 1,
        unreadable=before.unreadable if before else (),
        anchor_generation=before.anchor_generation if before else 0,
        anchor=before.anchor if before else b"",
    )


def load(raw: bytes) -> Totals | None:
    """Read what `save` made; None before the first backup."""
    return msgspec.msgpack.decode(raw, type=Totals) if raw else None


def save(totals: Totals) -> bytes:
    """Pack them for the database."""
    return msgspec.msgpack.encode(totals)


def changed(totals: Totals, **values: object) -> Totals:
    """Return them with some values replaced."""
    return msgspec.structs.replace(totals, **values)


def of_manifest(manifest: Manifest, freshness: Freshness) -> Totals:
    """What a manifest says: where a restored history goes on from. Its next count is exact."""
    listed, whole = manifest.chats, manifest.totals
    return Totals(
        at=manifest.at,
        generation=manifest.generation,
        # What is whole of a damaged backup may hold less than its chats say.
        unlisted=(
            max(0, whole.messages - sum(each.messages for each in listed)),
            max(0, whole.media - sum(each.media for each in listed)),
        ),
        chats=tuple(Chat(each.id, each.messages, each.media, each.last_at) for each in listed),
        counted_at=0,
        position=0,
        bytes_total=whole.object_bytes,
        freshness=freshness.value,
    )


def anchored(totals: Totals, state: BackupState, freshness: Freshness) -> Totals:
    """Note how many realms know of this generation."""
    if freshness is not Freshness.VERIFIED:
        return changed(totals, freshness=freshness.value)
    return changed(
        totals,
        freshness=freshness.value,
        anchor_generation=state.generation,
        anchor=manifest_hash(state.manifest),
    )
