"""Restores: segments into the database, then files; goes on after any interruption.

::

    journal ─> segment ─> one transaction (rows, and that it is done) ─> … ─> settled ─> files ─> journal closed

Repeating it changes nothing, and it may stand beside existing history. Until the journal is closed no backup is
made, so nothing of the backup is merged or deleted. Must not know where keys come from, nor the relay.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

from letterlock.backup.columns import Columns
from letterlock.backup.manifest import Manifest, open_manifest, segment_name
from letterlock.backup.records import Record
from letterlock.backup.segments import SegmentRef, open_columns
from letterlock.encoding import pack
from letterlock_client.backup_models import BackupPhase, Restored, WrongFile
from letterlock_client.errors import ClientError
from letterlock_client.events import HistoryGrew
from letterlock_client.flows import applying_late, reclaiming
from letterlock_client.flows.backup import leaving_out, losing_chats, lost_files
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.leaving_out import chats_of
from letterlock_client.flows.backup.lists_on_top import lists_on_top
from letterlock_client.flows.backup.media import MediaShelf
from letterlock_client.flows.backup.objects import Objects, telling
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.restoring_files import FilesBack
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import (
    attachments,
    backup_import,
    backup_rows,
    backup_state,
    burials,
    checkpoints,
    identity,
    late_changes,
    left_out,
    message_indexes,
    message_triggers,
)
from letterlock_client.storage.backup_import import Order
from letterlock_client.storage.backup_state import RestoreJournal
from letterlock_client.storage.database import Reader, Transaction
from letterlock_client.storage.plain_import import ReadyColumns

ALL: Final = "all"
LATER: Final = "later"
MOST_NAMED: Final = 100
"""So many files that did not come back are named."""
NOT_WHOLE: Final = "the account did not come back whole: restore again, with what opens the backup"
Batches: TypeAlias = list[list[Record | Columns]]
"""A segment's records, read and checked."""


@dataclass(frozen=True, slots=True)
class Restoring:
    """One restore that runs."""

    place: Workplace
    store: Objects
    meter: Meter
    journal: RestoreJournal
    manifest: Manifest
    """The segments of this generation are restored, and stay as they are until all is done."""
    shelf: MediaShelf
    beside: bool = False
    """Whether somebody chats meanwhile: then every step is short, leaves all whole, and is told."""


def new_journal(
    found: FoundBackup, provider: str, chats: Iterable[bytes], media: str, now: int
) -> RestoreJournal:
    """Describe a restore that is about to begin."""
    return RestoreJournal(
        backup_key=found.key,
        provider=provider,
        manifest_name=found.name,
        manifest=found.raw,
        generation=found.manifest.generation,
        freshness=found.freshness,
        chats=pack(*chats),
        media=media,
        started=now,
    )


async def begin(place: Workplace, wanted: RestoreJournal) -> RestoreJournal:
    """Begin a restore, or go on with the one under way if it is the same; a note that is damaged gives way."""

    async def work(work: Work) -> RestoreJournal:
        present = None
        with suppress(ClientError):
            present = await backup_state.journal(work.tx)
        if present is not None and wanted == replace(
            present, started=wanted.started, fresh=wanted.fresh, asked=wanted.asked
        ):
            return present
        new = replace(wanted, fresh=await _is_empty(work.tx))
        done = await backup_state.done(work.tx)
        half = present is not None and _lacks_account(present, done)
        if present is not None and _ACCOUNT in done:
            await leaving_out.give_way(work.tx, present, done)
        await backup_state.begin_restore(work.tx, new)
        await backup_state.note_done(work.tx, [_HALF] if half else [])
        return new

    return await place.transact(work)


async def _is_empty(tx: Transaction) -> bool:
    """Say whether nobody has lived here, and nothing has come: what comes now need not be compared."""
    return await identity.load(tx) is None and await tx.one("SELECT 1 FROM message LIMIT 1") is None


def open_restoring(place: Workplace, store: Objects, meter: Meter, journal: RestoreJournal) -> Restoring:
    """Take up what a journal describes. Use `replace` for `beside`. Raises codes backup_…."""
    with telling():
        manifest = open_manifest(journal.backup_key, journal.manifest_name, journal.manifest)
    shelf = MediaShelf(journal.backup_key, manifest.media_master)
    return Restoring(place, store, meter, journal, manifest, shelf)


# Messages.


async def restore_messages(here: Restoring) -> None:
    """Bring every segment in, the newest first where anything is here already, or somebody chats."""
    wanted = await segments_left(here)
    records, size = sum(ref.records for ref in wanted), sum(ref.size for ref in wanted)
    here.meter.phase(BackupPhase.MESSAGES, records, size)
    if lacks_newest(here, wanted) and not here.beside and await _untouched(here):
        await _fill(here, wanted)
    else:
        await _take_all(here, wanted)
    watermark = here.manifest.watermark
    here.place.delete_files(await here.place.transact(lambda work: settle(work, watermark)))
    await here.place.transact(lambda work: backup_import.let_go(work.tx))
    here.place.announcer.say([HistoryGrew()])


def _nobody_waits() -> None:
    """Files come after the messages."""


async def _take_all(here: Restoring, wanted: Sequence[SegmentRef], *came: Callable[[], None]) -> None:
    async with aclosing(fetched(here, wanted)) as coming:
        async for ref, batches in coming:
            await take_segment(here, ref, batches)
            for each in came:
                each()


async def _fill(here: Restoring, newest_first: Sequence[SegmentRef]) -> None:
    """Put everything into an empty history, where no message is looked for by its id before all are in.

    The oldest comes first: rows at the end of a table cost least.
    """
    place = here.place
    back = FilesBack(place, here.store, here.shelf, alone=True)
    later = here.journal.media == LATER
    files = nullcontext(_nobody_waits) if later else back.meanwhile(here.meter)
    async with files as more, checkpoints.beside(place.database) as due:
        await place.transact(_begin_filling)
        try:
            await _take_all(here, newest_first[::-1], due, more)
        finally:
            await place.transact(lambda work: work.tx.run(message_indexes.make))


async def _begin_filling(work: Work) -> None:
    await work.tx.run(message_indexes.drop)
    await backup_state.note_done(work.tx, [_FILLED])


async def _untouched(here: Restoring) -> bool:
    """Say whether nothing is here but what `_fill` has brought out of this backup, and nobody lives here yet."""
    done = await here.place.database.read(backup_state.done) - {_HALF}
    nobody = await here.place.database.read(identity.load) is None
    return here.journal.fresh and nobody and (not done or _FILLED in done)


def lacks_newest(here: Restoring, left: Sequence[SegmentRef]) -> bool:
    """Say whether the newest segment is among those that are left: then nothing that is here is newer than they are.

    What `_fill` brought in, and was cut short, has not the newest; what came beside chatting has it first of all.
    """
    return bool(left) and left[0] == here.manifest.segments[-1]


async def _order(here: Restoring, tx: Transaction) -> Order:
    if not await tx.run(message_indexes.is_there):
        return Order.OLDEST_FIRST
    if not here.journal.fresh:
        return Order.ANY
    return Order.FILLED if await backup_state.is_done(tx, _FILLED) else Order.NEWEST_FIRST


async def segments_left(here: Restoring) -> list[SegmentRef]:
    """The segments that are not in yet, the newest first."""
    done = await here.place.database.read(backup_state.done)
    return [ref for ref in reversed(here.manifest.segments) if ref.id.hex() not in done]


async def fetched(
    here: Restoring, wanted: Sequence[SegmentRef]
) -> AsyncGenerator[tuple[SegmentRef, Batches]]:
    """Give out segments in this order, opened and checked; the next one comes while one is used. Close it."""
    coming = _fetch(here, wanted[0]) if wanted else None
    try:
        for index, ref in enumerate(wanted):
            if coming is None:
                break
            batches = await coming
            coming = _fetch(here, wanted[index + 1]) if index + 1 < len(wanted) else None
            yield ref, batches
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


async def settle(work: Work, watermark: int) -> list[str]:
    """All came: the counter goes on above everything that was restored. Return the files that go after the commit."""
    await work.tx.execute("UPDATE change SET seq = max(seq, ?)", watermark)
    return await backup_import.settle(work.tx)


def _fetch(here: Restoring, ref: SegmentRef) -> asyncio.Task[Batches]:
    return asyncio.create_task(_read(here.store, here.journal.backup_key, ref), name="segment")


async def _read(store: Objects, key: bytes, ref: SegmentRef) -> Batches:
    name = segment_name(key, ref.id)
    body = await store.get(name)
    with telling():
        return await asyncio.to_thread(lambda: list(open_columns(ref, name, body, ReadyColumns)))


async def take_segment(here: Restoring, ref: SegmentRef, batches: Batches) -> None:
    """Bring one segment in, and note that it is in: at once, or in as many steps as others want to write meanwhile."""
    begun = False
    if not here.beside:
        # Each step is a turn of the writer's thread that it has to wait for.
        batches = [[each for batch in batches for each in batch]]
    while batches or not begun:
        begun = True
        taken, paths = await here.place.transact(partial(_take, here, ref, batches))
        here.place.delete_files(paths)
        batches = batches[taken:]
    here.meter.moved(ref.records, ref.size)
    if here.beside:
        here.place.announcer.say([HistoryGrew()])


async def _take(here: Restoring, ref: SegmentRef, batches: Batches, work: Work) -> tuple[int, list[str]]:
    """Import what is left of a segment, or beside chatting a part of it: how many batches, and files to delete."""
    paths = []
    taken = 0
    chats = chats_of(here.journal)
    # What comes from a backup has its change numbers.
    async with lists_on_top(work):
        triggers = await work.tx.run(message_triggers.drop_idle)
        order = await _order(here, work.tx)
        gone = await late_changes.gone(work.tx)
        for batch in batches:
            if gone:
                batch, deleted = await burials.leave_out(work.tx, batch, gone)
                paths += deleted
            done = await backup_import.take(work.tx, batch, work.now, chats, order=order)
            paths += done.paths
            taken += 1
            if here.beside and work.place.database.writer_is_waited_for:
                break
        await work.tx.run(partial(message_triggers.make, statements=triggers))
    if here.beside:
        # Everyone is known: a chat that nobody has told of was deleted, and nobody is to see it come and go.
        paths += await settle(work, here.manifest.watermark)
    await applying_late.apply(work)
    work.tx.after_commit(work.place.timers_changed.set)
    if taken == len(batches):
        await backup_state.note_done(work.tx, [ref.id.hex()])
    return taken, paths


# Files.


async def restore_files(here: Restoring) -> tuple[int, list[WrongFile]]:
    """Bring files back where they are wanted now, and note which are at the provider.

    Return how many are here, and those that the backup has and the provider has not, or not whole, or cannot read.
    """
    if not here.shelf.looked:
        await here.shelf.look(here.store)
    back = FilesBack(here.place, here.store, here.shelf)
    wanted, missing = back.wanted(await here.place.database.read(attachments.absent))
    await here.place.transact(
        lambda work: backup_rows.note_media(work.tx, [each.absent.row for each in wanted])
    )
    bad: list[WrongFile] = []
    if here.journal.media != LATER:
        bad += await lost_files.lost(here.store, here.journal.backup_key, here.manifest, missing)
        done, size = here.meter.ahead(BackupPhase.MEDIA)
        total = size + sum(each.content.size for each in wanted)
        here.meter.phase(BackupPhase.MEDIA, done + len(wanted), total)
        bad += await back.bring_all(wanted, here.meter)
    return await here.place.database.read(attachments.here_from_backup), bad


# The account.

_ACCOUNT: Final = "account"
_HALF: Final = "half an account"
"""Both are noted among the segments that are in, whose names are hex digits; this one by a restore that another, which
began on a new terminal, gave way to before the account was back."""
_FILLED: Final = "filled"
"""Noted as well: an empty history was filled, or begun to be, with the oldest first."""


async def needs_account(place: Workplace, journal: RestoreJournal) -> bool:
    """Say whether the account has not come back whole; a relay that knows it is not all of that."""
    own = await place.database.read(identity.load)
    if own is None or not own.registered:
        return True
    return _lacks_account(journal, await place.database.read(backup_state.done))


def _lacks_account(journal: RestoreJournal, done: set[str]) -> bool:
    return (journal.fresh or _HALF in done) and _ACCOUNT not in done


async def note_account(work: Work) -> None:
    """The account is back: realms and relay know this terminal, and backups go on."""
    await backup_state.note_done(work.tx, [_ACCOUNT])


# The end.


async def complete(here: Restoring) -> Restored:
    """Bring files back, and close the journal: that is all."""
    files, wrong = await restore_files(here)

    async def work(work: Work) -> None:
        if _ACCOUNT in await backup_state.done(work.tx):
            await leaving_out.begin_with(work.tx, here.journal, here.manifest)
        await leaving_out.strike_off(work.tx, here.journal)
        await left_out.strike_deleted_meanwhile(work.tx)
        await losing_chats.note(
            work, here.journal, here.manifest, whole=not here.journal.asked.accept_damaged
        )
        await close(work)

    await here.place.transact(work)
    here.place.backup_due.set()
    done = await restored(here)
    unread = sum(each.unread for each in wrong)
    named = tuple(wrong[:MOST_NAMED])
    return replace(done, media=files, media_wrong=len(wrong), media_unread=unread, wrong=named)


async def close(work: Work) -> None:
    """Nothing more comes, and what was kept for it goes."""
    await backup_state.end_restore(work.tx)
    await late_changes.forget(work.tx)
    await left_out.forget_deleted(work.tx)


async def restored(here: Restoring, *, complete: bool = True) -> Restored:
    """What is here now."""
    messages, conversations = await here.place.database.read(counts)
    own = await here.place.database.read(identity.load)
    return Restored(
        messages=messages,
        conversations=conversations,
        media=0,
        generation=here.journal.generation,
        freshness=here.journal.freshness,
        epoch=reclaiming.known_here(own).epoch if own else 0,
        complete=complete,
    )


async def counts(reader: Reader | Transaction) -> tuple[int, int]:
    """How many messages and chats are here."""
    messages = await reader.value("SELECT count(*) FROM message")
    chats = await reader.value(
        "SELECT count(*) FROM conversation WHERE EXISTS (SELECT 1 FROM message WHERE conversation = conversation.id)"
    )
    return int(messages), int(chats)
