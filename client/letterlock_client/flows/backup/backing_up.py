"""Backs up: what changed goes to the provider, the manifest comes last, and only what was read back counts.

::

    files ──> media ─┐
    rows ──> segments ┴─> manifest ──> read back ──> saved here ──> realms told

Runs beside chatting. Whatever interrupts it changes nothing that restores: the last complete backup stays, and
the next run goes on above its watermark. Must not know how realms are asked.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from letterlock.backup.manifest import (
    MAX_CHATS,
    ChatCount,
    Manifest,
    Totals,
    follow,
    manifest_hash,
    manifest_name,
    seal_manifest,
)
from letterlock.backup.plan import fold, purge_due
from letterlock.backup.segments import SegmentRef
from letterlock.ids import AccountId, account_text
from letterlock_client.backup_models import BackupMade, BackupPhase
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm, BackupFinished, BackupMoved
from letterlock_client.flows.backup import (
    anchoring,
    counting,
    left_beside,
    mending,
    purging_segments,
    shrinking,
    tidying,
    unfinished_rotations,
)
from letterlock_client.flows.backup.ground import Ground, look, new_files, next_time, save
from letterlock_client.flows.backup.media import send_files
from letterlock_client.flows.backup.mending import NONE_MENDED, Mended
from letterlock_client.flows.backup.merging_segments import Sources, fetch, merge_all
from letterlock_client.flows.backup.objects import together
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.purging_segments import NO_PURGE, NONE_PURGED, Purge, Purged
from letterlock_client.flows.backup.reading_back import New, require_as_written
from letterlock_client.flows.backup.sealing_segments import SegmentSender, Task, Written, seal_changes
from letterlock_client.flows.backup.terms import require_restored
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_counts, backup_rows, backup_state, left_out
from letterlock_client.storage.backup_rows import KeptFile
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Reader

PURPOSE: Final = "history"
_SMALL_BYTES: Final = 1024 * 1024
"""Of records: what one backup adds is one segment up to here."""


async def back_up(place: Workplace, *, mend: bool = False) -> BackupMade:
    """Make a backup of now; the caller holds the place's backup lock. Tells how it goes, and how it ended.

    With `mend` all of the last one is read first, and what is damaged there is written again from here.
    """
    try:
        made = await make(place, mend=mend)
    except ClientError as error:
        place.announcer.say([BackupFinished(None, error.message)])
        raise
    except asyncio.CancelledError:
        place.announcer.say([BackupFinished(None)])
        raise
    place.announcer.say([BackupFinished(made)])
    return made


async def make(place: Workplace, *, mend: bool = False) -> BackupMade:
    """Make a backup of now, as `back_up` does, and tell only how far it is."""
    await require_restored(place)
    await unfinished_rotations.settle(place)
    meter = Meter(place.clock, lambda moved: place.announcer.say([BackupMoved(moved)]))
    meter.phase(BackupPhase.FINDING)
    ground = await look(place)
    mended = NONE_MENDED
    reading = mend or bool(ground.alarm)
    if reading:
        ground, mended = await mending.mend(place, ground, meter, asked=mend)
    files = await new_files(place, ground.state)
    if not files and not mended.damaged and await _nothing_new(place, ground):
        return await _nothing_made(place, ground)
    if not reading:
        await ground.shelf.look(ground.store)
    purge = await purging_segments.plan_purge(
        place, ground.before, ground.state.watermark, next_time(place, ground.state)
    )
    sent = await _send(place, ground, files, meter)
    sent = replace(sent, purge=purge, purged=await _purge(place, ground, sent, purge), mended=mended)
    return await _complete(place, ground, sent, meter)


async def _purge(place: Workplace, ground: Ground, sent: "_Sent", purge: Purge) -> Purged:
    return await purging_segments.purge(place, ground.store, ground.shelf, sent.carried, purge.dead)


async def _nothing_new(place: Workplace, ground: Ground) -> bool:
    if ground.before is None:
        return False
    if purge_due(ground.before.unpurged_since, place.clock(), next_time(place, ground.state)):
        return False
    if ground.carried(place).digest != ground.state.identity_digest:
        return False
    if await place.database.read(partial(backup_rows.anything, above=ground.state.watermark)):
        return False
    return not await shrinking.any_missing(place, ground)


async def _nothing_made(place: Workplace, ground: Ground) -> BackupMade:
    """Everything is there already: note that it was looked at, and tell realms that have not heard."""
    totals = counting.load(ground.state.last)
    if totals is None or ground.before is None:
        raise ClientError(Code.FAILED, "this backup has no totals")
    anchored = await anchoring.anchor(place, ground.state)
    totals = counting.anchored(counting.changed(totals, at=place.clock()), ground.state, anchored.freshness)
    await save(place, replace(ground.state, last=counting.save(totals)))
    return BackupMade(
        generation=ground.state.generation,
        messages=totals.messages,
        media=totals.media,
        segments_written=0,
        media_written=0,
        bytes_written=0,
        bytes_total=totals.bytes_total,
        freshness=anchored.freshness,
        realms_confirmed=anchored.confirmed,
        alarm=totals.alarm,
    )


# What is sent.


@dataclass(frozen=True, slots=True)
class _Sent:
    written: Written
    carried: tuple[SegmentRef, ...]
    """The segments of the generation before that stay as they are."""
    media_rows: list[int]
    identity: tuple[bytes, int]
    purge: Purge = NO_PURGE
    purged: Purged = NONE_PURGED
    mended: Mended = NONE_MENDED


async def _send(place: Workplace, ground: Ground, files: list[KeptFile], meter: Meter) -> _Sent:
    """Send files and what changed, at the same time; then what the files changed, and with it who we are.

    So a record says where its file is, and the newest segment whose backup it is.
    """
    state = ground.state
    sender = SegmentSender(state.backup_key, ground.store, place.random)
    task = Task(place, sender, meter, ground.shelf.of)
    try:
        async with together() as group:
            sending = group.create_task(_send_files(place, ground, files, meter))
            group.create_task(seal_changes(task, state.watermark))
        owner = ground.carried(place)
        version = await place.transact(lambda work: backup_state.next_version(work.tx))
        await seal_changes(replace(task, owner=owner.rows(version)), sender.written.watermark)
        stay = await _fold(place, ground, sender)
        return _Sent(await sender.finish(), stay, sending.result(), (owner.digest, version))
    finally:
        await sender.stop()


async def _send_files(place: Workplace, ground: Ground, files: list[KeptFile], meter: Meter) -> list[int]:
    """Send new files, and let their messages count as changed: their records are to say where the files are."""
    meter.phase(BackupPhase.MEDIA, len(files), sum(each.size for each in files))
    rows = await send_files(place, ground.store, ground.shelf, files, meter)
    await place.transact(lambda work: backup_rows.touch(work.tx, rows))
    meter.phase(
        BackupPhase.MESSAGES,
        await place.database.read(partial(backup_counts.waiting, above=ground.state.watermark)),
    )
    return rows


async def _fold(place: Workplace, ground: Ground, sender: SegmentSender) -> tuple[SegmentRef, ...]:
    """Make one of the newest segment and of those before it that are not much larger; return the old that stay."""
    old = ground.before.segments if ground.before else ()
    held = sender.written.held
    if not held:
        return old
    *earlier, (newest, body) = held
    # A full segment lies between those held and the old ones.
    before = (*(() if sender.written.refs else old), *(ref for ref, _ in earlier))
    count = fold(before, newest.raw, newest.records)
    if sum(ref.raw for ref, _ in held) <= _SMALL_BYTES:
        count = max(count, len(earlier))
    if count:
        folded = before[len(before) - count :]
        bodies = dict(zip((ref.id for ref, _ in earlier), (data for _, data in earlier), strict=True))
        fetched = [ref for ref in folded if ref.id not in bodies]
        more = await fetch(ground.store, ground.state.backup_key, fetched)
        bodies |= dict(zip((ref.id for ref in fetched), more, strict=True))
        sources = Sources(
            ground.state.backup_key, (*folded, newest), (*(bodies[ref.id] for ref in folded), body)
        )
        merged = await merge_all(ground.shelf, sources, place.random)
        held = [*earlier[: max(0, len(earlier) - count)], *([merged] if merged else [])]
    for ref, data in held:
        await sender.send(ref, data)
    return old[: len(old) - max(0, count - len(earlier))]


# What makes it complete.


async def _complete(place: Workplace, ground: Ground, sent: _Sent, meter: Meter) -> BackupMade:
    state = ground.state
    meter.phase(BackupPhase.MANIFEST)
    counted = await _count(place, state, sent)
    totals = counted.totals
    manifest = await _manifest(place, ground, sent, totals)
    name = manifest_name(state.backup_key, manifest.generation, place.random(8))
    raw = seal_manifest(state.backup_key, name, manifest, place.random(24))
    # Only this very one is taken up after a crash, and nobody else's in this terminal's name.
    await place.transact(lambda work: backup_state.note_begun(work.tx, manifest_hash(raw)))
    await ground.store.put(name, raw)
    new = New((name, raw), (*sent.written.refs, *sent.purged.new, *sent.mended.segments))
    await require_as_written(ground.store, ground.shelf, new, meter, place.random)
    alarm = ground.alarm or await shrinking.alarm(place, ground, counted, manifest)
    size = sum(each.size for each in manifest.segments) + len(raw) + sum(ground.shelf.present.values())
    totals = counting.changed(totals, generation=manifest.generation, bytes_total=size, alarm=alarm)
    state = replace(
        state,
        watermark=manifest.watermark,
        identity_digest=sent.identity[0],
        identity_version=sent.identity[1],
        generation=manifest.generation,
        manifest_name=name,
        manifest=raw,
        last=counting.save(totals),
    )
    await save(place, state, sent.media_rows)
    meter.phase(BackupPhase.ANCHORING)
    anchored = await anchoring.anchor(place, state)
    totals = counting.anchored(totals, state, anchored.freshness)
    totals = await _tidy(place, ground, state, totals)
    await save(place, replace(state, last=counting.save(totals)))
    return BackupMade(
        generation=manifest.generation,
        messages=totals.messages,
        media=totals.media,
        segments_written=len(sent.written.refs) + len(sent.purged.new) + len(sent.mended.segments),
        media_written=ground.shelf.written,
        bytes_written=sent.written.size + sent.purged.size + sent.mended.size + ground.shelf.size + len(raw),
        bytes_total=size,
        freshness=anchored.freshness,
        realms_confirmed=anchored.confirmed,
        alarm=alarm,
        damaged=sent.mended.damaged,
    )


async def _count(place: Workplace, state: BackupState, sent: _Sent) -> counting.Counted:
    before = counting.load(state.last)
    if before is not None and sent.mended.damaged:
        # Files that are sent once more were counted; and what kept garbage may be gone.
        before = counting.changed(before, counted_at=0, tidied_at=0)
    return await place.database.read(
        partial(counting.count, now=place.clock(), before=before, sent=sent.media_rows)
    )


async def _tidy(
    place: Workplace, ground: Ground, state: BackupState, totals: counting.Totals
) -> counting.Totals:
    """Once a day let go of what is not needed; a provider that is away then is no reason to fail a whole backup."""
    if not tidying.due(totals.tidied_at, totals.at):
        return totals
    try:
        left = await tidying.tidy(
            place, ground.store, state, next_at=next_time(place, state), keep_all=bool(totals.alarm)
        )
        await left_beside.let_go(place)
    except ClientError as error:
        place.announcer.say([Alarm(error.code.value, error.message)])
        return totals
    return counting.changed(
        totals, tidied_at=totals.at, generations=left.generations, unreadable=left.unreadable
    )


async def _manifest(place: Workplace, ground: Ground, sent: _Sent, totals: counting.Totals) -> Manifest:
    state, before = ground.state, ground.before
    segments = (*sent.purged.refs, *sent.written.refs)
    purged = bool(sent.purge.dead)
    chats, contacts = await place.database.read(partial(_chats, totals=totals))
    elsewhere = await place.database.read(left_out.load)
    more, theirs = elsewhere.beside({each.id for each in totals.chats}) if elsewhere else (0, 0)
    return Manifest(
        generation=ground.floor + 1,
        at=totals.at,
        account=place.own.id,
        writer=state.writer,
        purpose=PURPOSE,
        media_master=ground.shelf.master,
        watermark=sent.written.watermark,
        totals=Totals(
            # What a restore left out here stays in the backup.
            messages=totals.messages + theirs,
            conversations=len(totals.chats) + more,
            contacts=contacts,
            media=totals.media,
            media_bytes=sum(ground.shelf.present.values()),
            object_bytes=sum(each.size for each in segments) + sum(ground.shelf.present.values()),
        ),
        chain=follow(before, manifest_hash(state.manifest), totals.anchor or None) if before else (),
        segments=segments,
        chats=chats,
        ledger=await anchoring.known_ledgers(place),
        purged=sent.written.watermark if purged else before.purged if before else 0,
        unpurged_since=0 if purged else sent.purge.since,
    )


async def _chats(reader: Reader, totals: counting.Totals) -> tuple[tuple[ChatCount, ...], int]:
    """Name the chats that a preview shows, and count all contacts."""
    handles: dict[bytes, str] = dict(await reader.all("SELECT account, handle FROM contact"))
    chats = tuple(
        ChatCount(
            each.id,
            handles.get(each.id) or account_text(AccountId(each.id)),
            each.messages,
            each.media,
            each.last_at,
        )
        for each in totals.chats[:MAX_CHATS]
    )
    return chats, len(handles)
