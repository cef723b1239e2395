"""Backs up: what changed goes to the provider, the manifest comes last, and only what was read back counts.

::

    files ──> media ─┐
    rows ──> segments ┴─> manifest ──> read back ──> saved here ──> realms told

Runs beside chatting. Whatever interrupts it changes nothing that restores: the last complete backup stays, and
the next run goes on above its watermark. Must not know how realms are asked.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from letterlock.backup.generations import shrunk
from letterlock.backup.manifest import (
    MAX_CHATS,
    ChatCount,
    LedgerHead,
    Manifest,
    Totals,
    follow,
    generation_of,
    manifest_hash,
    manifest_name,
    open_manifest,
    prefix_of,
    seal_manifest,
    segment_name,
)
from letterlock.backup.plan import fold
from letterlock.backup.records import Row, Tag
from letterlock.backup.segments import SegmentRef
from letterlock.encoding import pack
from letterlock.errors import BackupError, ManifestMismatchError
from letterlock.ids import AccountId, account_text
from letterlock.primitives.derivation import sha256
from letterlock_client.backup_models import BackupMade, BackupPhase
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import BackupFinished, BackupMoved
from letterlock_client.flows import backup_totals, backup_vault
from letterlock_client.flows.backup_choices import anew, objects, require
from letterlock_client.flows.backup_media import MediaShelf, send_files
from letterlock_client.flows.backup_objects import Objects, told
from letterlock_client.flows.backup_progress import Meter
from letterlock_client.flows.merging_segments import Sources, fetch, merge_all
from letterlock_client.flows.sealing_segments import SegmentSender, Task, Written, seal_changes
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_rows, backup_state
from letterlock_client.storage.backup_rows import KeptFile
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Reader

LOST: Final = "The provider had lost the last backup: everything was written again."
PURPOSE: Final = "history"
_CHECKED_AT_ONCE: Final = 4


async def back_up(place: Workplace) -> BackupMade:
    """Make a backup of now; the caller holds the place's backup lock. Tells how it goes, and how it ended."""
    try:
        made = await _back_up(place)
    except ClientError as error:
        place.announcer.say([BackupFinished(None, error.message)])
        raise
    except asyncio.CancelledError:
        place.announcer.say([BackupFinished(None)])
        raise
    place.announcer.say([BackupFinished(made)])
    return made


@dataclass(frozen=True, slots=True)
class Ground:
    """What a backup stands on: how it is set up, and the generation before."""

    state: BackupState
    before: Manifest | None
    store: Objects
    shelf: MediaShelf
    floor: int
    """The highest generation that anybody wrote there."""
    alarm: str = ""


async def _back_up(place: Workplace) -> BackupMade:
    meter = Meter(place.clock, lambda moved: place.announcer.say([BackupMoved(moved)]))
    meter.phase(BackupPhase.FINDING)
    ground = await _look(place)
    files = await _new_files(place, ground.state)
    if not files and await _nothing_new(place, ground):
        return await _nothing_made(place, ground)
    await ground.shelf.look(ground.store)
    rows = await _send_files(place, ground, files, meter)
    sent = await _send_rows(place, ground, rows, meter)
    return await _complete(place, ground, sent, meter)


# What is there.


async def _look(place: Workplace) -> Ground:
    """Find the generation before: the one this device knows, or one that a crash kept it from noting."""
    state = await require(place)
    if await place.database.read(backup_state.journal) is not None:
        raise ClientError(Code.RESTORE_UNFINISHED, "a restore was cut short: finish it first")
    store = objects(place, state.provider)
    found = await store.list(f"{prefix_of(state.backup_key)}/manifest")
    generations = {each.name: number for each in found if (number := generation_of(each.name)) is not None}
    floor = max([state.generation, *generations.values()])
    alarm = ""
    if state.manifest and state.manifest_name not in generations:
        state, alarm = anew(state, state.provider), LOST
        await place.transact(lambda work: work.tx.execute("DELETE FROM backup_media"))
    for name in sorted(generations, reverse=True):
        if generations[name] <= state.generation:
            break
        if (adopted := await _adopt(state, store, name)) is not None:
            state = adopted
            break
    before = _before(state)
    shelf = MediaShelf(state.backup_key, before.media_master if before else place.random(32))
    return Ground(state, before, store, shelf, floor, alarm)


async def _adopt(state: BackupState, store: Objects, name: str) -> BackupState | None:
    """Take a complete generation that this device wrote and died before it could note that."""
    try:
        raw = await store.get(name)
        manifest = open_manifest(state.backup_key, name, raw)
    except (BackupError, ClientError):
        return None
    if manifest.writer != state.writer:
        return None
    return replace(
        state,
        generation=manifest.generation,
        manifest_name=name,
        manifest=raw,
        watermark=manifest.watermark,
    )


def _before(state: BackupState) -> Manifest | None:
    if not state.manifest:
        return None
    try:
        return open_manifest(state.backup_key, state.manifest_name, state.manifest)
    except BackupError as error:
        raise told(error) from error


async def _new_files(place: Workplace, state: BackupState) -> list[KeptFile]:
    if not state.include_media:
        return []
    files = await place.database.read(partial(backup_rows.new_files, now=place.clock()))
    if state.include_videos:
        return files
    return [each for each in files if not each.media_type.startswith("video/")]


async def _nothing_new(place: Workplace, ground: Ground) -> bool:
    if ground.before is None or _identity(place, ground.state)[0] != ground.state.identity_digest:
        return False
    return await place.database.read(backup_rows.top) <= ground.state.watermark


async def _nothing_made(place: Workplace, ground: Ground) -> BackupMade:
    """Everything is there already: note that it was looked at, and tell realms that have not heard."""
    totals = backup_totals.load(ground.state.last)
    if totals is None or ground.before is None:
        raise ClientError(Code.FAILED, "this backup has no totals")
    anchored = await backup_vault.anchor(place, ground.state)
    totals = backup_totals.anchored(
        backup_totals.changed(totals, at=place.clock()), ground.state, anchored.freshness
    )
    await _save(place, replace(ground.state, last=backup_totals.save(totals)))
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


async def _send_files(place: Workplace, ground: Ground, files: list[KeptFile], meter: Meter) -> list[int]:
    """Send new files, and let their messages count as changed: their records are to say where the files are."""
    meter.phase(BackupPhase.MEDIA, len(files), sum(each.size for each in files))
    rows = await send_files(place, ground.store, ground.shelf, files, meter)
    await place.transact(lambda work: backup_rows.touch(work.tx, rows))
    return rows


async def _send_rows(place: Workplace, ground: Ground, media_rows: list[int], meter: Meter) -> _Sent:
    """Send what changed, with who we are: so the newest segment always says whose backup it is."""
    state = ground.state
    waiting = await place.database.read(partial(backup_rows.waiting, above=state.watermark))
    meter.phase(BackupPhase.MESSAGES, waiting)
    digest, row = _identity(place, state)
    version = await place.transact(lambda work: backup_state.next_version(work.tx))
    sender = SegmentSender(state.backup_key, ground.store, place.random)
    try:
        task = Task(place, sender, meter, ground.shelf.of, (row[0], version, *row[2:]))
        await seal_changes(task, state.watermark)
        carried = await _fold(place, ground, sender)
        return _Sent(await sender.finish(), carried, media_rows, (digest, version))
    finally:
        await sender.stop()


async def _fold(place: Workplace, ground: Ground, sender: SegmentSender) -> tuple[SegmentRef, ...]:
    """Make one of the small new segments and of old ones that are not much larger; return the old that stay."""
    old = ground.before.segments if ground.before else ()
    held = sender.written.held
    if not held:
        return old
    count = 0
    if not sender.written.refs:
        raw, records = sum(ref.raw for ref, _ in held), sum(ref.records for ref, _ in held)
        count = fold(old, raw, records)
    folded = old[len(old) - count :]
    if count or len(held) > 1:
        bodies = await fetch(ground.store, ground.state.backup_key, folded)
        sources = Sources((*folded, *(ref for ref, _ in held)), (*bodies, *(data for _, data in held)))
        merged = await merge_all(ground.shelf, sources, place.random)
        held = [merged] if merged else []
    for ref, data in held:
        await sender.send(ref, data)
    return old[: len(old) - count]


def _identity(place: Workplace, state: BackupState) -> tuple[bytes, Row]:
    """Return who we are as a record without its version, and what tells whether that changed."""
    own = place.own.identity
    fields = (
        own.account,
        own.handle,
        own.relay,
        int(own.insecure),
        own.root_public,
        state.sealed_root,
        own.list_certificate,
        own.device_list,
        own.handle_entry,
    )
    return sha256(pack(*fields)), (Tag.IDENTITY.value, 0, *fields)


# What makes it complete.


async def _complete(place: Workplace, ground: Ground, sent: _Sent, meter: Meter) -> BackupMade:
    state = ground.state
    meter.phase(BackupPhase.MANIFEST)
    before = backup_totals.load(state.last)
    totals = await place.database.read(partial(backup_totals.count, now=place.clock(), before=before))
    manifest = await _manifest(place, ground, sent, totals)
    name = manifest_name(state.backup_key, manifest.generation, place.random(8))
    raw = seal_manifest(state.backup_key, name, manifest, place.random(24))
    await ground.store.put(name, raw)
    meter.phase(BackupPhase.CHECKING, len(sent.written.refs) + 1)
    await _check(ground, sent, (name, raw), meter)
    alarm = ground.alarm or await _shrunk(place, ground, manifest)
    size = sum(each.size for each in manifest.segments) + len(raw) + sum(ground.shelf.present.values())
    totals = backup_totals.changed(totals, generation=manifest.generation, bytes_total=size, alarm=alarm)
    state = replace(
        state,
        watermark=manifest.watermark,
        identity_digest=sent.identity[0],
        identity_version=sent.identity[1],
        generation=manifest.generation,
        manifest_name=name,
        manifest=raw,
        last=backup_totals.save(totals),
    )
    await _save(place, state, sent.media_rows)
    meter.phase(BackupPhase.ANCHORING)
    anchored = await backup_vault.anchor(place, state)
    totals = backup_totals.anchored(totals, state, anchored.freshness)
    await _save(place, replace(state, last=backup_totals.save(totals)))
    return BackupMade(
        generation=manifest.generation,
        messages=totals.messages,
        media=totals.media,
        segments_written=len(sent.written.refs),
        media_written=ground.shelf.written,
        bytes_written=sent.written.size + ground.shelf.size + len(raw),
        bytes_total=size,
        freshness=anchored.freshness,
        realms_confirmed=anchored.confirmed,
        alarm=alarm,
    )


async def _shrunk(place: Workplace, ground: Ground, manifest: Manifest) -> str:
    """Say it, where fewer messages are left than deletions and timers explain."""
    if ground.before is None:
        return ""
    gone = await place.database.read(
        partial(backup_rows.gone, above=ground.state.watermark, now=place.clock())
    )
    return shrunk(ground.before.totals, manifest.totals, gone)


async def _manifest(place: Workplace, ground: Ground, sent: _Sent, totals: backup_totals.Totals) -> Manifest:
    state, before = ground.state, ground.before
    segments = (*sent.carried, *sent.written.refs)
    chats, contacts = await place.database.read(partial(_chats, totals=totals))
    heads = await place.database.read(backup_state.ledger_heads)
    return Manifest(
        generation=ground.floor + 1,
        at=totals.at,
        account=place.own.id,
        writer=state.writer,
        purpose=PURPOSE,
        media_master=ground.shelf.master,
        watermark=sent.written.watermark,
        totals=Totals(
            messages=totals.messages,
            conversations=len(totals.chats),
            contacts=contacts,
            media=totals.media,
            media_bytes=sum(ground.shelf.present.values()),
            object_bytes=sum(each.size for each in segments) + sum(ground.shelf.present.values()),
        ),
        chain=follow(before, manifest_hash(state.manifest), totals.anchor or None) if before else (),
        segments=segments,
        chats=chats,
        ledger=tuple(LedgerHead(realm, *head) for realm, head in sorted(heads.items())),
        rewritten=before.rewritten if before else (),
        purged=before.purged if before else 0,
        unpurged_since=before.unpurged_since if before else 0,
    )


async def _chats(reader: Reader, totals: backup_totals.Totals) -> tuple[tuple[ChatCount, ...], int]:
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


async def _check(ground: Ground, sent: _Sent, manifest: tuple[str, bytes], meter: Meter) -> None:
    """Read back what was written. Raises code backup_mismatch; then the last complete backup stays the last."""
    name, raw = manifest
    if await ground.store.get(name) != raw:
        await _spoiled(ground.store, name)
    limit = asyncio.Semaphore(_CHECKED_AT_ONCE)

    async def one(ref: SegmentRef) -> bool:
        async with limit:
            data = await ground.store.get(segment_name(ground.state.backup_key, ref.id))
            right = await asyncio.to_thread(lambda: sha256(data) == ref.digest)
            meter.moved(1, len(data))
            return right

    found = await asyncio.gather(*(one(ref) for ref in sent.written.refs))
    if not all(found):
        await _spoiled(ground.store, name)
    fresh = MediaShelf(ground.state.backup_key, ground.shelf.master)
    if ground.shelf.new:
        await fresh.look(ground.store)
    if any(fresh.present.get(each) != ground.shelf.present[each] for each in ground.shelf.new):
        await _spoiled(ground.store, name)


async def _spoiled(store: Objects, name: str) -> None:
    """Take back the manifest of a generation that is not whole."""
    with suppress(ClientError):
        await store.delete(name)
    raise told(ManifestMismatchError(name, "what was read back is not what was written"))


async def _save(place: Workplace, state: BackupState, media_rows: Sequence[int] = ()) -> None:
    """Keep how far the backup came; what the owner chose meanwhile stays."""

    async def work(work: Work) -> None:
        present = await backup_state.load(work.tx)
        if present is None or present.key_check != state.key_check:
            raise ClientError(Code.BACKUP_OFF, "backups were turned off meanwhile")
        kept = replace(
            state,
            frequency=present.frequency,
            include_media=present.include_media,
            include_videos=present.include_videos,
            has_recovery_key=present.has_recovery_key,
        )
        await backup_state.save(work.tx, kept)
        await backup_rows.note_media(work.tx, media_rows)

    await place.transact(work)
