"""Brings in first what somebody needs to chat: everyone who is in a backup, and the newest messages.

::

    every segment, looked through ─> people, settings, what was deleted, room for older messages: one transaction
    the newest segments ─> messages, until there are enough to begin with

What comes after this may come beside chatting: no chat is unknown, nothing deleted comes back, and what arrives
stands behind all that is still to come. Must not know who uses it, nor the relay.
"""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Final

from letterlock.backup.columns import last_position
from letterlock.backup.manifest import Manifest, segment_name
from letterlock.backup.records import MAX_NUMBER, MessageRecord, PlainMessages, Record
from letterlock.backup.segments import SegmentRef, open_entries
from letterlock_client.backup_models import BackupPhase
from letterlock_client.flows.backup.lists_on_top import lists_on_top
from letterlock_client.flows.backup.objects import telling, together
from letterlock_client.flows.backup.restoring import (
    Restoring,
    fetched,
    lacks_newest,
    restore_messages,
    segments_left,
    settle,
    take_segment,
)
from letterlock_client.flows.workplace import Work
from letterlock_client.storage import backup_import, backup_state, identity
from letterlock_client.storage.backup_import import Order
from letterlock_client.storage.database import Reader

IN_FLIGHT: Final = 2
ENOUGH: Final = 500
"""Messages with which somebody can begin; the segment that has them comes whole."""

_EVERYONE: Final = "everyone"
"""Noted among the segments that are in, whose names are hex digits."""


async def bring_all(here: Restoring) -> None:
    """Bring every message in; where somebody lives here, everyone before them.

    An account opens whether or not its restore is complete, and is to meet no chat without the keys of its contact.
    """
    if await here.place.database.read(identity.load) is not None:
        here = replace(here, beside=True)
        await bring_everyone(here)
    await restore_messages(here)


async def bring_newest(here: Restoring) -> bool:
    """Bring in everyone, and enough of the newest messages; say whether that is all there is."""
    here = replace(here, beside=True)
    await bring_everyone(here)
    wanted = await segments_left(here)
    here.meter.phase(BackupPhase.MESSAGES, sum(ref.records for ref in wanted))
    present = await _messages(here)
    more = lacks_newest(here, wanted) or present < ENOUGH
    async with aclosing(fetched(here, wanted if more else ())) as coming:
        async for ref, batches in coming:
            await take_segment(here, ref, batches)
            if await _messages(here) >= ENOUGH:
                break
    return not await segments_left(here)


async def _messages(here: Restoring) -> int:
    return int(await here.place.database.read(lambda reader: reader.value("SELECT count(*) FROM message")))


async def bring_everyone(here: Restoring) -> None:
    """Look through all segments once, and bring in whatever is no message; a second time this does nothing."""
    if await here.place.database.read(partial(is_everyone_here, manifest=here.manifest)):
        return
    segments = here.manifest.segments
    here.meter.phase(BackupPhase.PEOPLE, sum(ref.records for ref in segments))
    limit = asyncio.Semaphore(IN_FLIGHT)
    others: list[Record] = []
    last = 0

    async def look(ref: SegmentRef) -> None:
        nonlocal last
        async with limit:
            name = segment_name(here.journal.backup_key, ref.id)
            body = await here.store.get(name)
            with telling():
                found, place = await asyncio.to_thread(_look, ref, name, body)
        others.extend(found)
        last = max(last, place)
        here.meter.moved(ref.records)

    async with together() as group:
        for ref in segments:
            group.create_task(look(ref))

    async def work(work: Work) -> list[str]:
        order = Order.FILLED if here.journal.fresh else Order.ANY
        async with lists_on_top(work):
            done = await backup_import.take(work.tx, others, work.now, order=order)
            paths = await settle(work, here.manifest.watermark)
        await backup_import.keep_room(work.tx, min(last, MAX_NUMBER))
        await backup_state.note_done(work.tx, [_EVERYONE])
        return [*done.paths, *paths]

    here.place.delete_files(await here.place.transact(work))


async def is_everyone_here(reader: Reader, manifest: Manifest) -> bool:
    """Say whether everyone who is in the backup has come: then a chat that nobody has told of was deleted."""
    done = await backup_state.done(reader)
    return _EVERYONE in done or all(ref.id.hex() in done for ref in manifest.segments)


def _look(ref: SegmentRef, name: str, body: bytes) -> tuple[list[Record], int]:
    """What is no message in a segment, and the greatest place of a message; 0 without one."""
    others: list[Record] = []
    last = 0
    for batch in open_entries(ref, name, body):
        for each in batch:
            if isinstance(each, PlainMessages):
                last = max(last, last_position(each))
            elif isinstance(each, MessageRecord):
                last = max(last, each.position)
            else:
                others.append(each)
    return others, last
