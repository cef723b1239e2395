"""What a backup holds, counted: kept with its manifest, shown before a restore, compared with the time before.

Counting reads every message, so a large history is counted once a week; in between, what came is added to what
was counted, what was deleted or ended is taken off, and some chats in turn are counted. Must not know where a backup
lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from letterlock.backup.manifest import Manifest, manifest_hash
from letterlock_client.backup_models import Freshness, LastBackup
from letterlock_client.storage import backup_counts
from letterlock_client.storage.backup_counts import ChatTotal, Mark
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Reader

COUNTED_ROWS: Final = 100_000
"""Up to so many messages all are counted every time, which takes 5 ms."""
IN_TURN_ROWS: Final = 50_000
IN_TURN_CHATS: Final = 100
"""So much at most is counted of a larger history, in whole chats: what befalls all of it shows in some."""
COUNT_AGAIN_MS: Final = 7 * 86_400_000


class Chat(msgspec.Struct, frozen=True, array_like=True):
    """One chat's part."""

    id: bytes
    messages: int
    media: int
    last_at: int
    local: int = 0
    """What messages here called it when they were counted; 0 is not known."""


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What the last complete backup holds, and how it stands."""

    at: int
    generation: int
    chats: tuple[Chat, ...]
    counted_at: int
    position: int
    """The greatest row number that was counted."""
    change: int = 0
    departed: int = 0
    judged_at: int = 0
    """How far the count went otherwise, as `backup_counts.Mark` says; 0 is not known."""
    turn: int = 0
    """The chat that was counted last where they are counted in turn, as messages here call it."""
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

    @property
    def mark(self) -> Mark | None:
        """How far the count went; None where it was not made here, or by an earlier release."""
        return Mark(self.position, self.change, self.departed, self.judged_at) if self.judged_at else None

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


@dataclass(frozen=True, slots=True)
class GoneOn:
    """What a backup holds if nothing is missing: what the last one held, what came, less what left."""

    chats: dict[bytes, Chat]
    before: int
    came: int
    left: int

    @property
    def messages(self) -> int:
        """All messages."""
        return sum(each.messages for each in self.chats.values())


@dataclass(frozen=True, slots=True)
class Counted:
    """What a backup holds, and what it should hold; None where the count before does not say."""

    totals: Totals
    gone_on: GoneOn | None

    @property
    def missing(self) -> int:
        """How many messages are not here that should be; 0 as well where that is not known."""
        return max(0, self.gone_on.messages - self.totals.messages) if self.gone_on else 0


async def count(reader: Reader, now: int, before: Totals | None, sent: Sequence[int] = ()) -> Counted:
    """Count what a backup of now holds; of a large history only what came and left since `before`.

    `sent` are the rows of the messages whose files it sends and no backup before it held.
    """
    mark = await backup_counts.mark(reader, now)
    gone_on = await _go_on(reader, now, before, sent) if before else None
    counted_at, turn = (before.counted_at, before.turn) if before else (0, 0)
    # One that lies ahead was noted under a wrong clock.
    if gone_on is None or mark.row <= COUNTED_ROWS or not 0 <= now - counted_at < COUNT_AGAIN_MS:
        chats, counted_at = _added({}, await backup_counts.totals(reader, now, sent)), now
    else:
        chats, turn = await _count_in_turn(reader, now, gone_on.chats, turn)
    totals = Totals(
        at=now,
        generation=0,
        chats=tuple(sorted(chats.values(), key=lambda each: each.last_at, reverse=True)),
        counted_at=counted_at,
        position=mark.row,
        change=mark.change,
        departed=mark.departed,
        judged_at=mark.at,
        turn=turn,
        tidied_at=before.tidied_at if before else 0,
        generations=before.generations + 1 if before else 1,
        unreadable=before.unreadable if before else (),
        anchor_generation=before.anchor_generation if before else 0,
        anchor=before.anchor if before else b"",
    )
    return Counted(totals, gone_on)


async def _go_on(reader: Reader, now: int, before: Totals, sent: Sequence[int]) -> GoneOn | None:
    if before.mark is None:
        return None
    left = await backup_counts.left(reader, before.mark, now)
    chats = {}
    for each in before.chats:
        messages, media = left.get(each.local, (0, 0))
        if each.messages > messages:
            chats[each.id] = msgspec.structs.replace(
                each, messages=each.messages - messages, media=max(0, each.media - media)
            )
    came = await backup_counts.totals(reader, now, sent, before.position)
    return GoneOn(
        _added(chats, came),
        before.messages,
        sum(each.messages for each in came),
        sum(messages for messages, _ in left.values()),
    )


async def _count_in_turn(
    reader: Reader, now: int, chats: dict[bytes, Chat], turn: int
) -> tuple[dict[bytes, Chat], int]:
    """Count the chats behind the last one that was counted, as many as may be; say which is the last now."""
    room = IN_TURN_ROWS
    some: list[Chat] = []
    for each in sorted(chats.values(), key=lambda each: (each.local <= turn, each.local)):
        if each.messages > IN_TURN_ROWS:
            # It waits for the week.
            continue
        if each.messages > room or len(some) >= IN_TURN_CHATS:
            break
        room -= each.messages
        some.append(each)
    found = await backup_counts.messages_of(reader, now, [each.local for each in some])
    counted = {each.id: msgspec.structs.replace(each, messages=found[each.local]) for each in some}
    held = {chat: each for chat, each in (chats | counted).items() if each.messages}
    return held, some[-1].local if some else turn


def _added(chats: dict[bytes, Chat], more: Sequence[ChatTotal]) -> dict[bytes, Chat]:
    found = dict(chats)
    for new in more:
        old = chats.get(new.conversation, Chat(new.conversation, 0, 0, 0))
        found[new.conversation] = Chat(
            new.conversation,
            old.messages + new.messages,
            old.media + new.media,
            max(old.last_at, new.last_at),
            new.local,
        )
    return found


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
