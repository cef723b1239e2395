"""Restores: segments into the database, the newest first, then files; goes on after any interruption.

::

    journal ─> segment ─> one transaction (rows, and that it is done) ─> … ─> settled ─> files ─> journal closed

Repeating it changes nothing, and it may stand beside existing history. Until the journal is closed no backup is
made, so nothing of the backup is merged or deleted. Must not know where keys come from, nor the relay.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

from letterlock.backup.columns import Columns
from letterlock.backup.manifest import Manifest, open_manifest, segment_name
from letterlock.backup.records import Record
from letterlock.backup.segments import SegmentRef, open_columns
from letterlock.encoding import Reader as FieldReader
from letterlock.encoding import pack
from letterlock.ids import MessageId
from letterlock_client.backup_models import BackupPhase, Restored
from letterlock_client.errors import ClientError
from letterlock_client.events import Alarm, HistoryGrew
from letterlock_client.flows import applying_late, reclaiming
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.media import MediaShelf, WantedFile, described, fetch_file
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects, telling, together
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.sending import tell_changed
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import TransferState
from letterlock_client.storage import (
    attachments,
    backup_import,
    backup_rows,
    backup_state,
    burials,
    identity,
    late_changes,
    message_triggers,
)
from letterlock_client.storage.backup_state import RestoreJournal
from letterlock_client.storage.database import Reader, Transaction

ALL: Final = "all"
LATER: Final = "later"
IN_FLIGHT: Final = 2
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
        half = present is not None and _lacks_account(present, await backup_state.done(work.tx))
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
    return Restoring(place, store, meter, journal, manifest)


# Messages.


async def restore_messages(here: Restoring) -> None:
    """Bring every segment in, the newest first."""
    wanted = await segments_left(here)
    records, size = sum(ref.records for ref in wanted), sum(ref.size for ref in wanted)
    here.meter.phase(BackupPhase.MESSAGES, records, size)
    async with aclosing(fetched(here, wanted)) as coming:
        async for ref, batches in coming:
            await take_segment(here, ref, batches)
    here.place.delete_files(await here.place.transact(lambda work: _settle(here, work)))
    await here.place.transact(lambda work: backup_import.let_go(work.tx))
    here.place.announcer.say([HistoryGrew()])


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


async def _settle(here: Restoring, work: Work) -> list[str]:
    """All came: the counter goes on above everything that was restored."""
    await work.tx.execute("UPDATE change SET seq = max(seq, ?)", here.manifest.watermark)
    return await backup_import.settle(work.tx)


def _fetch(here: Restoring, ref: SegmentRef) -> asyncio.Task[Batches]:
    return asyncio.create_task(_read(here.store, here.journal.backup_key, ref), name="segment")


async def _read(store: Objects, key: bytes, ref: SegmentRef) -> Batches:
    name = segment_name(key, ref.id)
    body = await store.get(name)
    with telling():
        return await asyncio.to_thread(lambda: list(open_columns(ref, name, body)))


async def take_segment(here: Restoring, ref: SegmentRef, batches: Batches) -> None:
    """Bring one segment in: at once, or beside chatting in steps that hold nobody up; and note that it is in."""
    steps = [[batch] for batch in batches] if here.beside else [batches]
    for number, step in enumerate(steps or [[]], 1):
        last = number >= len(steps)
        paths = await here.place.transact(partial(_take, here, step, ref if last else None))
        here.place.delete_files(paths)
    here.meter.moved(ref.records, ref.size)
    if here.beside:
        here.place.announcer.say([HistoryGrew()])


async def _take(here: Restoring, batches: Batches, whole: SegmentRef | None, work: Work) -> list[str]:
    """Import a part of a segment; `whole` is the segment that is all here now."""
    paths = []
    chats = chats_of(here.journal)
    # What comes from a backup has its change numbers.
    triggers = await message_triggers.drop(work.tx)
    gone = await late_changes.gone(work.tx)
    for batch in batches:
        if gone:
            batch, deleted = await burials.leave_out(work.tx, batch, gone)
            paths += deleted
        done = await backup_import.take(work.tx, batch, work.now, chats, newest_first=here.journal.fresh)
        paths += done.paths
    await message_triggers.make(work.tx, triggers)
    if here.beside:
        # Everyone is known: a chat that nobody has told of was deleted, and nobody is to see it come and go.
        paths += await _settle(here, work)
    await applying_late.apply(work)
    work.tx.after_commit(work.place.timers_changed.set)
    if whole is not None:
        await backup_state.note_done(work.tx, [whole.id.hex()])
    return paths


def chats_of(journal: RestoreJournal) -> tuple[bytes, ...]:
    """The chats that were asked for; empty is all."""
    reader = FieldReader(journal.chats)
    found = []
    while reader.more():
        found.append(reader.blob(most=32))
    return tuple(found)


# Files.


async def restore_files(here: Restoring) -> int:
    """Bring files back where they are wanted now, and note which are at the provider; return how many are here."""
    shelf = MediaShelf(here.journal.backup_key, here.manifest.media_master)
    await shelf.look(here.store)
    wanted = await here.place.database.read(partial(_wanted, shelf=shelf))
    await here.place.transact(lambda work: backup_rows.note_media(work.tx, [row for row, _ in wanted]))
    if here.journal.media == LATER:
        return 0
    here.meter.phase(BackupPhase.MEDIA, len(wanted), sum(each.content.size for _, each in wanted))
    limit = asyncio.Semaphore(IN_FLIGHT)
    bad: list[WantedFile] = []

    async def one(file: WantedFile) -> None:
        async with limit:
            try:
                await bring_back(here.place, here.store, shelf, file)
            except ClientError as error:
                if error.code not in WRONG_THERE:
                    raise
                # It must keep no other from coming, and no backup from going on: the journal is to be closed.
                here.place.announcer.say([Alarm(error.code.value, error.message)])
                bad.append(file)
            here.meter.moved(1, file.content.size)

    async with together() as group:
        for _, each in wanted:
            group.create_task(one(each))
    return len(wanted) - len(bad)


async def bring_back(place: Workplace, store: Objects, shelf: MediaShelf, file: WantedFile) -> None:
    """Fetch one file; its message's attachment is here from now on. Whoever asks a second time waits for the first."""
    message = MessageId(file.message)
    async with place.moving_alone(message):
        stored = await place.database.read(partial(attachments.get, message=message))
        if stored is None or (stored.path and stored.shown.state is TransferState.HERE):
            return
        path = await fetch_file(place, store, shelf, file)
        size = place.sealed_path(path).stat().st_size

        async def work(work: Work) -> bool:
            found = await attachments.arrived(work.tx, file.message, path, size)
            if found:
                await tell_changed(work, message)
            return found

        if not await place.transact(work):
            place.delete_files([path])


async def _wanted(reader: Reader, shelf: MediaShelf) -> list[tuple[int, WantedFile]]:
    """The files that are not here and that the provider has."""
    found = []
    for row, message, descriptor in await attachments.absent(reader):
        content = described(descriptor)
        _, media = shelf.of(descriptor)
        if content is not None and media is not None:
            found.append((row, WantedFile(message, content, media)))
    return found


# The account.

_ACCOUNT: Final = "account"
_HALF: Final = "half an account"
"""Both are noted among the segments that are in, whose names are hex digits; this one by a restore that another, which
began on a new terminal, gave way to before the account was back."""


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
    files = await restore_files(here)

    async def work(work: Work) -> None:
        await backup_state.end_restore(work.tx)
        await late_changes.forget(work.tx)

    await here.place.transact(work)
    here.place.backup_due.set()
    return replace(await restored(here), media=files)


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
    chats = await reader.value("SELECT count(DISTINCT conversation) FROM message")
    return int(messages), int(chats)
