"""Files of messages on their way into a backup and out of it: sealed again, each once, read as a stream.

A file lies here under its message's key and at the provider under the backup's. Must not know segments or
manifests.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO, Final

import msgspec

from letterlock.backup.manifest import media_name, prefix_of
from letterlock.backup.media import (
    MEDIA_CHUNK_BYTES,
    MediaOpener,
    MediaSealer,
    media_id,
    seal_media,
    sealed_size,
)
from letterlock.errors import MalformedError, MisuseError
from letterlock.ids import MessageId
from letterlock.messaging import content as contents
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup.objects import Objects, telling, together
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.files.sealed_files import Halt, SealedFile, off_loop, place_of
from letterlock_client.flows.files.transfers import sealed_under
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage.attachments import AbsentFile
from letterlock_client.storage.backup_rows import KeptFile

IN_FLIGHT: Final = 2
AT_ONCE_BYTES: Final = 4 * 1024 * 1024
"""A file of this size is sealed and sent in one piece; a larger one streams."""
READ_BYTES: Final = 16 * (MEDIA_CHUNK_BYTES + 16)
"""How much of an object is fetched at once."""
_CHUNKS_A_STEP: Final = 8
_KEPT_READ: Final = 1024
"""A file is asked for some times within one backup, by what sends it and by whoever writes of its message."""
_MEDIA: Final = re.compile("[0-9a-f]{64}")
"""How the name of a media object ends."""
_PASSING: Final = (Code.DAMAGED, Code.FILE_FAILED)


def described(descriptor: bytes) -> contents.Attachment | None:
    """Read what a message says about its file; None where it cannot be read."""
    try:
        return msgspec.msgpack.decode(descriptor, type=contents.Attachment)
    except (msgspec.MsgspecError, MalformedError):
        return None


@dataclass(slots=True)
class MediaShelf:
    """The media of one backup: which there are, under which master key."""

    key: bytes = field(repr=False)
    master: bytes = field(repr=False)
    present: dict[bytes, int] = field(default_factory=dict)
    """Sizes by id of what lies at the provider."""
    written: int = 0
    size: int = 0
    new: dict[bytes, contents.Attachment] = field(default_factory=dict)

    looked: bool = False
    """Whether all that lies there is known."""
    _read: dict[bytes, tuple[contents.Attachment, bytes] | None] = field(default_factory=dict, repr=False)

    async def look(self, store: Objects) -> None:
        """Find out what lies there."""
        for found in await store.list(f"{prefix_of(self.key)}/media"):
            name = found.name.rpartition("/")[2]
            # Others may put there what they like.
            if _MEDIA.fullmatch(name):
                self.present[bytes.fromhex(name)] = found.size
        self.looked = True

    def named(self, digest: bytes) -> bytes:
        """The media id of a file of this digest."""
        return media_id(self.master, digest)

    def of(self, descriptor: bytes) -> tuple[bytes, bytes | None]:
        """Give the digest of an attachment's file, and its media id where it lies at the provider."""
        read = self.read(descriptor)
        if read is None:
            return b"", None
        content, media = read
        return content.digest, media if self.whole(media, content.size) else None

    def read(self, descriptor: bytes) -> tuple[contents.Attachment, bytes] | None:
        """What a message says about its file, and its media id; None where it cannot be read."""
        try:
            return self._read[descriptor]
        except KeyError:
            pass
        if len(self._read) >= _KEPT_READ:
            self._read.clear()
        content = described(descriptor)
        found = None if content is None else (content, self.named(content.digest))
        self._read[descriptor] = found
        return found

    def whole(self, media: bytes, size: int) -> bool:
        """Whether the object of a file of this size lies there, and all of it."""
        return self.present.get(media) == sealed_size(size)

    def took(self, media: bytes, content: contents.Attachment) -> None:
        """Note that it was sent."""
        size = sealed_size(content.size)
        self.present[media] = size
        self.new[media] = content
        self.written += 1
        self.size += size


async def send_files(
    place: Workplace, store: Objects, shelf: MediaShelf, files: Sequence[KeptFile], meter: Meter
) -> list[int]:
    """Send the files that are not there yet, a few at a time; return the rows of the messages whose files are.

    A file that is damaged here is left out: another copy of it may come.
    """
    limit = asyncio.Semaphore(IN_FLIGHT)
    kept: list[int] = []

    async def one(file: KeptFile) -> None:
        async with limit:
            if await send_file(place, store, shelf, file):
                kept.append(file.row)
            meter.moved(1, file.size)

    async with together() as group:
        for file in _distinct(shelf, files):
            group.create_task(one(file))
    same = [file.row for file in files if shelf.of(file.descriptor)[1] is not None]
    return sorted({*kept, *same})


def _distinct(shelf: MediaShelf, files: Sequence[KeptFile]) -> list[KeptFile]:
    """One of those that hold the same content."""
    found: dict[bytes, KeptFile] = {}
    for file in files:
        if (read := shelf.read(file.descriptor)) is not None:
            found.setdefault(read[0].digest, file)
    return list(found.values())


async def send_file(place: Workplace, store: Objects, shelf: MediaShelf, file: KeptFile) -> bool:
    """Send one file, unless it is there. False where it is damaged here, or does not say what it is."""
    read = shelf.read(file.descriptor)
    if read is None:
        return False
    content, media = read
    if shelf.whole(media, content.size):
        return True
    sealed = sealed_under(content, place.sealed_path(file.path))

    def sealing() -> AsyncIterator[bytes]:
        return _sealing(sealed, MediaSealer(shelf.master, content.digest, content.size, place.random(16)))

    def sealed_whole(halt: Halt) -> bytes:
        return seal_media(shelf.master, content.digest, content.size, place.random(16), sealed.plain(halt))

    name = media_name(shelf.key, media)
    if media in shelf.present:
        # Half of it lies there: an upload that somebody else cut short, under a name that is never overwritten.
        await store.delete(name)
    try:
        if content.size <= AT_ONCE_BYTES:
            # A small file costs fewer turns of a thread in one piece.
            async with store.sealing:
                body = await off_loop(sealed_whole)
            await store.put(name, body)
        else:
            await store.stream(name, sealing)
    except ClientError as error:
        if error.code in _PASSING:
            return False
        raise
    shelf.took(media, content)
    return True


async def _sealing(sealed: SealedFile, sealer: MediaSealer) -> AsyncIterator[bytes]:
    """Open the file some chunks at a time and seal it again, in a thread."""
    for first in range(0, sealed.cut.chunks, _CHUNKS_A_STEP):
        chunks = range(first, min(first + _CHUNKS_A_STEP, sealed.cut.chunks))
        if ready := await off_loop(partial(_sealed_chunks, sealed, sealer, chunks)):
            yield ready
    yield await off_loop(lambda _halt: _finished(sealer))


def _sealed_chunks(sealed: SealedFile, sealer: MediaSealer, chunks: range, halt: Halt) -> bytes:
    parts = []
    for index in chunks:
        halt.check()
        parts.append(sealer.take(sealed.open_chunk(index)))
    return b"".join(parts)


def _finished(sealer: MediaSealer) -> bytes:
    try:
        return sealer.finish()
    except MisuseError:
        raise ClientError(Code.DAMAGED, "the file's bytes are not those that were sent") from None


# Coming back.


@dataclass(frozen=True, slots=True)
class WantedFile:
    """A restored message's file: what is not here, what that says, and its name at the provider."""

    absent: AbsentFile
    content: contents.Attachment = field(repr=False)
    media: bytes


async def fetch_file(place: Workplace, store: Objects, shelf: MediaShelf, wanted: WantedFile) -> str:
    """Bring a file back under its message's key; return its path within the folder of attachments.

    Before anybody relies on it the caller has it survive a power cut (`have_survive`).

    Raises codes backup_…, provider_…, file_failed, storage_full.
    """
    content = wanted.content
    path = place_of(MessageId(wanted.absent.message))
    sealed = sealed_under(content, place.sealed_path(path))
    try:
        if content.size <= AT_ONCE_BYTES:
            await _fetch_whole(sealed, store, shelf, wanted)
        else:
            await _fetch_stream(sealed, store, shelf, content)
    except BaseException:
        place.delete_files([path])
        raise
    return path


async def _fetch_whole(sealed: SealedFile, store: Objects, shelf: MediaShelf, wanted: WantedFile) -> None:
    """Write a small file in one turn of a thread."""
    name, opener = _opener(shelf, wanted.content, wanted.media)
    body = await store.get(name, 0, sealed_size(wanted.content.size))

    def write(_halt: Halt) -> None:
        plain = opener.take(body)
        opener.finish()
        with closing(_Writer(sealed, sealed.begin())) as writer:
            writer.take(plain)
            writer.finish()

    with telling():
        await off_loop(write)


async def _fetch_stream(
    sealed: SealedFile, store: Objects, shelf: MediaShelf, content: contents.Attachment
) -> None:
    writer = _Writer(sealed, await off_loop(lambda _halt: sealed.begin()))
    try:
        # The digest of all of it is compared before the last of it is given out as whole.
        async for plain in read_media(store, shelf, content):
            await off_loop(lambda _halt, plain=plain: writer.take(plain))  # type: ignore[misc]
        await off_loop(lambda _halt: writer.finish())
    finally:
        writer.close()


def _opener(shelf: MediaShelf, content: contents.Attachment, media: bytes) -> tuple[str, MediaOpener]:
    name = media_name(shelf.key, media)
    return name, MediaOpener(shelf.master, content.digest, content.size, name)


async def read_media(store: Objects, shelf: MediaShelf, content: contents.Attachment) -> AsyncIterator[bytes]:
    """Give out a file's bytes from the provider, each once it is verified. Raises codes backup_…."""
    name, opener = _opener(shelf, content, shelf.named(content.digest))
    with telling():
        at, size = 0, sealed_size(content.size)
        while at < size:
            part = await store.get(name, at, READ_BYTES)
            if not part:
                break
            at += len(part)
            yield await asyncio.to_thread(opener.take, part)
        opener.finish()


class _Writer:
    """Cuts a stream of bytes into a sealed file's chunks."""

    def __init__(self, sealed: SealedFile, file: BinaryIO) -> None:
        self._sealed, self._file = sealed, file
        self._waiting = b""
        self._next = 0

    def take(self, plain: bytes) -> None:
        """Take the next bytes; of the last chunk it is not known before the end that they are all."""
        self._write(self._waiting + plain, self._sealed.cut.chunks - 1)

    def finish(self) -> None:
        """Write the last chunk."""
        self._write(self._waiting, self._sealed.cut.chunks)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, plain: bytes, end: int) -> None:
        at, cut = 0, self._sealed.cut
        while self._next < end and len(plain) - at >= (wanted := cut.content_bytes(self._next)):
            self._sealed.add(self._file, self._next, plain[at : at + wanted])
            at += wanted
            self._next += 1
        self._waiting = plain[at:]
