"""Sends files: sealed once into the profile's folder, then sent from there, going on where it stopped.

What goes to the relay are always the same sealed bytes, whatever becomes of the person's own file. The message
about a file is sent only once all its bytes are at the relay. Must not know how a message travels.
"""

import asyncio
import mimetypes
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Final

import msgspec

from letterlock.errors import MalformedError
from letterlock.ids import BlobId, ConversationId, MessageId
from letterlock.messaging import content as contents
from letterlock.messaging.attachments import KEY_BYTES, AttachmentPlan, plan
from letterlock.wire import frames, refusals
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import MessageAdded, SentAsIs
from letterlock_client.flows.contacts import check_may_send, require_contact
from letterlock_client.flows.files.sealed_files import (
    Halt,
    SealedFile,
    off_loop,
    place_of,
    seal_file,
    seal_stream,
)
from letterlock_client.flows.files.transfers import PIPELINED, Moving, described, sealed_file
from letterlock_client.flows.outgoing import Item, enqueue
from letterlock_client.flows.reading import attached, delete_after, shown
from letterlock_client.flows.sending import (
    check_body,
    own_message,
    ready_contact,
    require_message,
    tell_changed,
)
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Refused
from letterlock_client.models import Delivery, Message, MessageKind, NewsKind, TransferState
from letterlock_client.pictures import asking
from letterlock_client.storage import attachments, conversations, feed, messages
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.database import Reader

_FAMILIES: Final = {
    "image": contents.AttachmentKind.IMAGE,
    "audio": contents.AttachmentKind.AUDIO,
    "video": contents.AttachmentKind.VIDEO,
}
_PLAYED: Final = (contents.AttachmentKind.AUDIO, contents.AttachmentKind.VIDEO)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What somebody wants to send with a file."""

    path: Path
    caption: str = field(default="", repr=False)
    view_once: bool = False
    reply_to: MessageId | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a message says of its file, beside where that lies at the relay and what opens it."""

    name: str
    media_type: str
    kind: contents.AttachmentKind = contents.AttachmentKind.FILE
    caption: str = field(default="", repr=False)
    width: int = 0
    height: int = 0
    milliseconds: int = 0
    preview: bytes = field(default=b"", repr=False)
    view_once: bool = False
    reply_to: MessageId | None = None


Seal = Callable[[Path, bytes, Halt], tuple[int, bytes]]
"""Seals something into a place under a key, in a thread; returns its size and SHA-256."""


async def send_file(place: Workplace, conversation: ConversationId, parcel: Parcel) -> Message:
    """Seal a file, store its message and queue the upload; it is sent when that is done.

    The file is read now, once: what becomes of it later does not matter. Raises as `send_text`, and
    file_failed, storage_full.
    """
    check_body(parcel.caption, empty=True)
    source = parcel.path.absolute()
    family = _family(source)
    cleaned = await asking.clean(source) if family is contents.AttachmentKind.IMAGE else None
    looked = await asking.look(source) if family in _PLAYED else None

    def seal(goal: Path, key: bytes, halt: Halt) -> tuple[int, bytes]:
        if cleaned is None:
            return seal_file(source, goal, key, halt)
        return seal_stream(BytesIO(cleaned.data), len(cleaned.data), source, goal, key, halt)

    message = await send_sealed(place, conversation, seal, _about(parcel, family, cleaned or looked))
    if family is contents.AttachmentKind.IMAGE and cleaned is None:
        place.announcer.say([SentAsIs(conversation, source.name, _why_as_is())])
    return message


def _family(path: Path) -> contents.AttachmentKind:
    media_type = _media_type(path)
    return _FAMILIES.get(media_type.partition("/")[0], contents.AttachmentKind.FILE)


def _media_type(path: Path) -> str:
    return mimetypes.guess_type(path.name)[0] or "application/octet-stream"


def _about(
    parcel: Parcel, family: contents.AttachmentKind, known: asking.Cleaned | asking.Looked | None
) -> About:
    return About(
        name=parcel.path.name.encode(errors="replace")[:255].decode(errors="ignore"),
        media_type=_media_type(parcel.path),
        kind=family,
        caption=parcel.caption,
        width=known.width if known else 0,
        height=known.height if known else 0,
        milliseconds=known.milliseconds if isinstance(known, asking.Looked) else 0,
        # What can be seen once leaves no small picture behind.
        preview=known.preview if known and not parcel.view_once else b"",
        view_once=parcel.view_once,
        reply_to=parcel.reply_to,
    )


def _why_as_is() -> str:
    if not asking.available():
        return "Pillow is not installed: pip install 'letterlock[images]'"
    return "this is not a picture that can be encoded anew"


async def send_bytes(place: Workplace, conversation: ConversationId, raw: bytes, about: About) -> Message:
    """Send as a file what is no file here; it never touches the disk unsealed. Raises as `send_file`."""

    def seal(goal: Path, key: bytes, halt: Halt) -> tuple[int, bytes]:
        return seal_stream(BytesIO(raw), len(raw), Path(about.name), goal, key, halt)

    return await send_sealed(place, conversation, seal, about)


async def send_sealed(place: Workplace, conversation: ConversationId, seal: Seal, about: About) -> Message:
    """Seal with `seal`, store the message about it and queue the upload. Raises as `send_file`."""
    await place.database.read(lambda reader: _check_open(reader, conversation))
    message, key = place.new_message_id(), place.random(KEY_BYTES)
    goal = place.sealed_path(place_of(message))
    try:
        size, digest = await off_loop(lambda halt: seal(goal, key, halt))
    except asyncio.CancelledError:
        place.delete_files([place_of(message)])
        raise
    try:
        content = _content(about, BlobId(place.random(16)), key, size, digest)
        return await place.transact(lambda work: _store(work, conversation, message, content))
    except ClientError as error:
        # Where it is not sure that nothing was saved, the next start looks whether the message is there.
        if error.code not in (Code.STORAGE_FAILED, Code.CLOSED):
            place.delete_files([place_of(message)])
        raise


async def _check_open(reader: Reader, conversation: ConversationId) -> None:
    """Refuse before minutes of sealing what the transaction would refuse after it."""
    check_may_send(await require_contact(reader, conversation))


def _content(about: About, blob: BlobId, key: bytes, size: int, digest: bytes) -> contents.Attachment:
    cut = plan(size)
    try:
        return contents.Attachment(
            kind=about.kind,
            blob=blob,
            key=key,
            digest=digest,
            size=size,
            sealed_size=cut.sealed_size,
            chunk_bytes=cut.chunk_bytes,
            name=about.name,
            media_type=about.media_type,
            caption=about.caption,
            width=about.width,
            height=about.height,
            duration_ms=about.milliseconds,
            preview=about.preview,
            view_once=about.view_once,
            reply_to=about.reply_to,
        )
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error


async def _store(
    work: Work, conversation: ConversationId, name: MessageId, content: contents.Attachment
) -> Message:
    await ready_contact(work, conversation)
    if content.reply_to is not None:
        await require_message(work, content.reply_to, conversation)
    timer_s, _set_at = await conversations.timer(work.tx, conversation)
    message = attached(own_message(work, conversation, MessageKind.FILE, ""), content)
    moving = shown(content, TransferState.MOVING)
    message = replace(message, id=name, timer_s=timer_s, attachment=moving)
    await messages.add(work.tx, message)
    await attachments.add(
        work.tx,
        StoredAttachment(
            message=name,
            shown=moving,
            descriptor=msgspec.msgpack.encode(content),
            path=place_of(name),
            upload=True,
            sealed_size=content.sealed_size,
        ),
    )
    work.tx.events.append(MessageAdded(message))
    work.tx.after_commit(work.place.uploads_changed.set)
    return message


async def upload_waiting(place: Workplace, connection: Connection) -> None:
    """Upload what waits, the oldest first, for ever. Raises Offline when the connection ends."""
    while True:
        place.uploads_changed.clear()
        for stored in await place.database.read(attachments.unfinished_uploads):
            await _upload_or_fail(place, connection, stored)
        await place.uploads_changed.wait()


async def _upload_or_fail(place: Workplace, connection: Connection, stored: StoredAttachment) -> None:
    try:
        await _upload(place, connection, stored)
    except Refused as refused:
        if refused.passing:
            await asyncio.sleep(max(refused.retry_ms / 1000, 0.5))
            place.uploads_changed.set()
            return
        await _fail(place, stored.message, refused.message)
    except ClientError as error:
        if error.code is Code.OFFLINE:
            raise
        await _fail(place, stored.message, error.message)


async def _upload(place: Workplace, connection: Connection, stored: StoredAttachment) -> None:
    content, sealed = described(stored), sealed_file(place, stored)
    moving = Moving(place, stored, sealed.cut)
    if not await moving.begin():
        return
    at = await _begin_upload(connection, content, sealed.cut)
    first = sealed.cut.next_chunk(at.offset)
    async for done, reached in _put_chunks(connection, content.blob, sealed, first):
        at = reached
        if not await moving.reached(done):
            return
    if at.offset != sealed.cut.sealed_size:
        raise ClientError(Code.FAILED, "the relay lost part of the file; send it again")
    await place.transact(lambda work: _uploaded(work, stored.message, content, at.expires_ms))


async def _begin_upload(
    connection: Connection, content: contents.Attachment, cut: AttachmentPlan
) -> frames.UploadAt:
    """Ask how far it is. A relay does not know any more whose a whole blob is: then its size tells."""
    begin = frames.BeginUpload(0, blob=content.blob, size=cut.sealed_size)
    try:
        return await connection.request(begin, frames.UploadAt)
    except Refused as refused:
        if refused.refusal != refusals.NOT_YOURS:
            raise
    first = frames.FetchChunk(0, blob=content.blob, offset=0, length=1)
    whole = await connection.request(first, frames.Chunk)
    return frames.UploadAt(0, offset=whole.total, expires_ms=0)


async def _put_chunks(
    connection: Connection, blob: BlobId, sealed: SealedFile, first: int
) -> AsyncIterator[tuple[int, frames.UploadAt]]:
    """Send the sealed chunks in order, a few unanswered at a time; yield each as it is answered."""
    flying: list[tuple[int, asyncio.Task[frames.UploadAt]]] = []
    try:
        for index in range(first, sealed.cut.chunks):
            data = await asyncio.to_thread(sealed.read, index)
            frame = frames.PutChunk(0, blob=blob, offset=sealed.cut.sealed_offset(index), data=data)
            flying.append((index, asyncio.create_task(connection.request(frame, frames.UploadAt))))
            if len(flying) == PIPELINED:
                done, task = flying.pop(0)
                yield done, await task
        while flying:
            done, task = flying.pop(0)
            yield done, await task
    finally:
        for _index, task in flying:
            task.cancel()
        await asyncio.gather(*(task for _index, task in flying), return_exceptions=True)


async def _uploaded(work: Work, name: MessageId, content: contents.Attachment, expires_ms: int) -> None:
    """The bytes are at the relay: now, and only now, the message goes."""
    message = await messages.get(work.tx, name)
    if message is None or message.deleted:
        return
    contact = await ready_contact(work, message.conversation)
    await attachments.uploaded(work.tx, name, expires_ms)
    if content.view_once:
        # What the other side can see once, this side does not keep either.
        delete_after(work, await attachments.forget(work.tx, name))
    await messages.set_delivery(work.tx, name, Delivery.WAITING)
    await enqueue(work, contact, Item(content, "attachment", name, shown=True, timer_s=message.timer_s))
    await tell_changed(work, name)


async def _fail(place: Workplace, message: MessageId, reason: str) -> None:
    async def work(work: Work) -> None:
        stored = await attachments.get(work.tx, message)
        if stored is not None:
            await attachments.moved(work.tx, message, TransferState.PAUSED, stored.offset)
        target = await messages.get(work.tx, message)
        if target is None or not await messages.set_delivery(work.tx, message, Delivery.FAILED, reason):
            return
        await feed.add(
            work.tx,
            NewsKind.FAILED,
            work.now,
            conversation=target.conversation,
            message=message,
            detail=reason,
        )
        await tell_changed(work, message)

    await place.transact(work)


async def go_on(place: Workplace, message: MessageId) -> bool:
    """Take up an upload that was paused or given up; say whether there was one."""

    async def work(work: Work) -> bool:
        stored = await attachments.get(work.tx, message)
        if stored is None or not stored.upload or stored.shown.state is not TransferState.PAUSED:
            return False
        await messages.set_delivery(work.tx, message, Delivery.WAITING)
        await attachments.moved(work.tx, message, TransferState.MOVING, stored.offset)
        work.tx.after_commit(place.uploads_changed.set)
        await tell_changed(work, message)
        return True

    return await place.transact(work)
