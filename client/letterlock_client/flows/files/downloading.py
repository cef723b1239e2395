"""Fetches files: every chunk is checked as it comes, and the whole before the file counts as here.

What is kept are the sealed bytes, in the profile's own folder; a download goes on behind the chunks that are
there and open. Must not know how a message travels, nor where a person saves a file.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from letterlock.errors import PeerError
from letterlock.ids import MessageId
from letterlock.messaging import content as contents
from letterlock.wire import frames, refusals
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.files.sealed_files import SealedFile, local_damage, off_loop, place_of
from letterlock_client.flows.files.transfers import PIPELINED, Moving, described, sealed_file
from letterlock_client.flows.reading import delete_after
from letterlock_client.flows.sending import tell_changed
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Refused
from letterlock_client.models import TransferState
from letterlock_client.storage import attachments
from letterlock_client.storage.attachments import StoredAttachment


async def require_file(place: Workplace, message: MessageId) -> StoredAttachment:
    """Return what is kept of a message's file. Raises code no_attachment."""
    stored = await place.database.read(lambda reader: attachments.get(reader, message))
    if stored is None or not stored.descriptor:
        raise ClientError(Code.NO_ATTACHMENT, "this message carries no file")
    return stored


async def download(place: Workplace, message: MessageId) -> SealedFile:
    """Have a file here, sealed and checked; return it. Raises no_attachment, gone, damaged, offline, storage_full."""
    stored = await require_file(place, message)
    sealed = sealed_file(place, stored)
    if await _is_here(stored, sealed):
        return sealed
    if stored.upload:
        raise ClientError(Code.FILE_FAILED, "our own copy of this file is gone", file=str(sealed.path))
    if await _recalled(place, stored):
        return sealed
    # One who still wrote might change what the other has compared.
    alone = place.moving_alone(message)
    waits = alone.locked()
    async with alone:
        if not waits or not await _came_meanwhile(place, stored, sealed):
            await _fetch_or_leave(place, stored, sealed)
    return sealed


async def _came_meanwhile(place: Workplace, before: StoredAttachment, sealed: SealedFile) -> bool:
    """Say whether the other one brought it. Raises code failed where somebody stopped that."""
    now = await require_file(place, before.message)
    if now.shown.state is TransferState.PAUSED is not before.shown.state:
        raise _stopped()
    return await _is_here(now, sealed)


async def _is_here(stored: StoredAttachment, sealed: SealedFile) -> bool:
    whole = await asyncio.to_thread(sealed.is_whole)
    return whole and (stored.upload or stored.shown.state is TransferState.HERE)


async def _fetch_or_leave(place: Workplace, stored: StoredAttachment, sealed: SealedFile) -> None:
    """Fetch it from the relay; where that fails, note how it stands. Raises as `download`."""
    connection = place.require()
    try:
        await _fetch(place, connection, stored, sealed)
    except Refused as refused:
        if refused.refusal == refusals.NO_BLOB:
            await leave(place, stored, TransferState.GONE)
            raise ClientError(Code.GONE, "the relay no longer has this file") from refused
        await leave(place, stored, TransferState.PAUSED)
        raise
    except PeerError as error:
        await leave(place, stored, TransferState.REMOTE)
        raise local_damage() from error
    except ClientError as error:
        damaged = error.code is Code.DAMAGED
        if not await leave(place, stored, TransferState.REMOTE if damaged else TransferState.PAUSED):
            gone = stored.message.hex()
            raise ClientError(Code.UNKNOWN_MESSAGE, "this message is gone", id=gone) from error
        raise


async def _recalled(place: Workplace, stored: StoredAttachment) -> bool:
    """Have the backup give the file, where it has it: it keeps files longer than the relay does."""
    if not await place.database.read(lambda reader: attachments.in_backup(reader, stored.message)):
        return False
    # Only after a restore that left files for later is this ever needed.
    from letterlock_client.flows.backup.recalling_files import recall

    return await recall(place, stored)


async def _fetch(
    place: Workplace, connection: Connection, stored: StoredAttachment, sealed: SealedFile
) -> None:
    content, cut = described(stored), sealed.cut
    moving = Moving(place, stored, cut)
    if not await moving.begin():
        raise _stopped()
    first = await off_loop(sealed.make)

    async def get(index: int) -> None:
        offset, length = cut.sealed_offset(index), cut.sealed_bytes(index)
        request = frames.FetchChunk(0, blob=content.blob, offset=offset, length=length)
        chunk = await connection.request(request, frames.Chunk)
        # It ends before its caller does: what came late would stand in a file that was compared and is here.
        await off_loop(lambda _halt: sealed.write(index, chunk.data))

    async for done in _in_order(get, range(first, cut.chunks)):
        if not await moving.reached(done):
            raise _stopped()
    await _finish(place, stored, content, sealed)


async def _finish(
    place: Workplace, stored: StoredAttachment, content: contents.Attachment, sealed: SealedFile
) -> None:
    try:
        await off_loop(lambda halt: sealed.check(content.digest, halt))
    except ClientError as error:
        if error.code is Code.DAMAGED:
            # Every chunk opened, so fetching them again would bring the same: whoever sent it said another digest.
            place.delete_files([place_of(stored.message)])
        raise

    async def work(work: Work) -> bool:
        now = await attachments.get(work.tx, stored.message)
        if now is None or now.descriptor != stored.descriptor:
            return False
        await attachments.moved(work.tx, stored.message, TransferState.HERE, stored.sealed_size)
        await tell_changed(work, stored.message)
        return True

    if not await place.transact(work):
        raise _stopped()


async def leave(place: Workplace, stored: StoredAttachment, state: TransferState) -> bool:
    """Note that nothing moves any more; False if the message is gone, and with it what had come of its file."""

    async def work(work: Work) -> bool:
        now = await attachments.get(work.tx, stored.message)
        if now is None or not now.descriptor:
            delete_after(work, place_of(stored.message))
            return False
        await attachments.moved(work.tx, stored.message, state, now.offset)
        await tell_changed(work, stored.message)
        return True

    return await place.transact(work)


async def pause(place: Workplace, message: MessageId) -> None:
    """Stop moving a file. Raises code no_attachment."""

    async def work(work: Work) -> None:
        stored = await attachments.get(work.tx, message)
        if stored is None:
            raise ClientError(Code.NO_ATTACHMENT, "this message carries no file")
        if stored.shown.state is TransferState.MOVING:
            await attachments.moved(work.tx, message, TransferState.PAUSED, stored.offset)
            await tell_changed(work, message)

    await place.transact(work)


async def _in_order(move: Callable[[int], Coroutine[Any, Any, None]], indexes: range) -> AsyncIterator[int]:
    """Move chunks, a few at a time, and yield each index once it and all before it are done."""
    flying: list[tuple[int, asyncio.Task[None]]] = []
    waiting = iter(indexes)
    try:
        while True:
            while len(flying) < PIPELINED and (index := next(waiting, None)) is not None:
                flying.append((index, asyncio.create_task(move(index))))
            if not flying:
                return
            index, task = flying.pop(0)
            await task
            yield index
    finally:
        for _index, task in flying:
            task.cancel()
        await asyncio.gather(*(task for _index, task in flying), return_exceptions=True)


def _stopped() -> ClientError:
    return ClientError(Code.FAILED, "the download was paused")
