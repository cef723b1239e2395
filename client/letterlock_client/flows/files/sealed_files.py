"""Sealed files: the bytes that travel, as they rest in the profile's folder.

Everything here blocks and runs in a thread (`off_loop`). A file is sealed once, under a key that seals nothing
else, and read a chunk at a time. Must not know messages, the database, the relay, or where plain files go.
"""

import asyncio
import os
import stat
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from letterlock.errors import OpenError
from letterlock.ids import MessageId
from letterlock.messaging.attachments import (
    MAX_ATTACHMENT_BYTES,
    AttachmentChunks,
    AttachmentPlan,
    plan,
)
from letterlock.primitives.derivation import running_sha256
from letterlock_client.config import file_failed, make_private_folder, sync_folder
from letterlock_client.errors import ClientError, Code
from letterlock_client.threads import see_out

T = TypeVar("T")


class HaltedError(Exception):
    """Nobody waits for this work any more."""


class Halt:
    """Tells work in a thread that nobody waits for it any more."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def now(self) -> None:
        """Let the work end at its next chunk."""
        self._event.set()

    def check(self) -> None:
        """Raise HaltedError if it is to end."""
        if self._event.is_set():
            raise HaltedError


async def off_loop(work: Callable[[Halt], T]) -> T:
    """Run blocking work in a thread. If the caller is cancelled, the work ends first, at its next chunk."""
    halt = Halt()
    running = asyncio.get_running_loop().run_in_executor(None, work, halt)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        halt.now()
        await see_out(running)
        raise


def place_of(message: MessageId) -> str:
    """Name a message's sealed file within the folder of attachments; it tells nothing of the file."""
    return f"{message.hex()}/sealed"


def local_damage() -> ClientError:
    """Return the error for a sealed file that does not open."""
    return ClientError(Code.DAMAGED, "the file's bytes are not those that were sent")


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One file's sealed chunks on disk. Every method raises codes file_failed, storage_full."""

    path: Path
    chunks: AttachmentChunks

    @property
    def cut(self) -> AttachmentPlan:
        """How it is cut."""
        return self.chunks.plan

    def is_whole(self) -> bool:
        """Say whether as many bytes are here as there should be."""
        try:
            found = self.path.lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == self.cut.sealed_size

    def make(self, halt: Halt) -> int:
        """Make the file if there is none; return how many chunks, from the first on, are here and open."""
        make_private_folder(self.path.parent)
        try:
            os.close(os.open(self.path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise file_failed(self.path, error) from error
        for index in range(self.cut.chunks):
            halt.check()
            try:
                self.open_chunk(index)
            except ClientError as error:
                if error.code is not Code.DAMAGED:
                    raise
                return index
        return self.cut.chunks

    def read(self, index: int) -> bytes:
        """Return a sealed chunk, as it goes to the relay, once it has opened. Raises code damaged too."""
        with self._to_read() as file:
            sealed = self._raw(file, index)
        self._open(index, sealed)
        return sealed

    def open_chunk(self, index: int) -> bytes:
        """Return the plain bytes of a chunk. Raises code damaged too."""
        with self._to_read() as file:
            return self._open(index, self._raw(file, index))

    def write(self, index: int, sealed: bytes) -> None:
        """Keep a chunk that came, in its place. Raises OpenError, and keeps nothing, where it does not open."""
        self.chunks.open(index, sealed)
        try:
            # Never made here: whoever deletes the file, while a chunk is on its way, has deleted it.
            descriptor = os.open(self.path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with open(descriptor, "wb", buffering=0) as file:
                file.seek(self.cut.sealed_offset(index))
                write_all(file, sealed)
        except OSError as error:
            raise file_failed(self.path, error) from error

    def begin(self) -> BinaryIO:
        """Begin the file anew, whatever is in its place, for a writer who seals every chunk himself, in order."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        return open(_new(self.path), "wb", buffering=0)

    def add(self, file: BinaryIO, index: int, plain: bytes) -> None:
        """Seal the next chunk into a file that was begun."""
        try:
            write_all(file, self.chunks.seal(index, plain))
        except OSError as error:
            raise file_failed(self.path, error) from error

    def plain(self, halt: Halt) -> Iterator[bytes]:
        """Return the file's bytes, chunk by chunk, each once it has opened. Raises code damaged too."""
        with self._to_read() as file:
            for index in range(self.cut.chunks):
                halt.check()
                yield self._open(index, self._raw(file, index))

    def check(self, digest: bytes, halt: Halt) -> None:
        """Open the whole file from the disk, compare it with its digest, and have it survive a power cut.

        Raises code damaged too.
        """
        hasher = running_sha256()
        for part in self.plain(halt):
            hasher.update(part)
        if hasher.digest() != digest:
            raise local_damage()
        have_survive([self.path])

    def _to_read(self) -> BinaryIO:
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise file_failed(self.path, error) from error
        return open(descriptor, "rb", buffering=0)

    def _raw(self, file: BinaryIO, index: int) -> bytes:
        try:
            return os.pread(file.fileno(), self.cut.sealed_bytes(index), self.cut.sealed_offset(index))
        except OSError as error:
            raise file_failed(self.path, error) from error

    def _open(self, index: int, sealed: bytes) -> bytes:
        try:
            return self.chunks.open(index, sealed)
        except OpenError as error:
            raise local_damage() from error


def have_survive(paths: Collection[Path]) -> None:
    """Have sealed files that were written survive a power cut: many at once cost little more than one of them.

    Raises codes file_failed, storage_full; then none of them may be relied on, and none be tried again.
    """
    folders = {path.parent for path in paths}
    try:
        for path in paths:
            with path.open("rb") as file:
                os.fsync(file.fileno())
        for folder in (*folders, *{each.parent for each in folders}):
            sync_folder(folder)
    except OSError as error:
        raise file_failed(path, error) from error


def seal_file(source: Path, goal: Path, key: bytes, halt: Halt) -> tuple[int, bytes]:
    """Seal a file, as it is now, into a new file that survives a power cut; return its size and SHA-256.

    `key` is fresh, and never used again where this fails: what was written is deleted. Raises codes
    file_failed (also: it changed meanwhile), too_large, storage_full.
    """
    with _regular(source) as file:
        return seal_stream(file, os.fstat(file.fileno()).st_size, source, goal, key, halt)


class Readable(Protocol):
    """Something that gives its bytes in order; fewer than asked for only at its end."""

    def read(self, count: int, /) -> bytes:
        """Return the next bytes."""
        ...


def seal_stream(
    file: Readable, size: int, source: Path, goal: Path, key: bytes, halt: Halt
) -> tuple[int, bytes]:
    """Seal `size` bytes as `seal_file` does; `source` names them in errors."""
    if size > MAX_ATTACHMENT_BYTES:
        raise ClientError(Code.TOO_LARGE, "this file is too large", limit=MAX_ATTACHMENT_BYTES)
    into = _new(goal)
    try:
        return size, _seal_into(goal, into, _Source(source, file, plan(size)), key, halt)
    except BaseException:
        with suppress(OSError):
            goal.unlink(missing_ok=True)
            goal.parent.rmdir()
        raise


class Parts:
    """Parts of any size, read as one file."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def read(self, count: int, /) -> bytes:
        """Return the next bytes."""
        while len(self._rest) < count and (part := next(self._parts, None)) is not None:
            self._rest += part
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken


def _new(path: Path) -> int:
    make_private_folder(path.parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise file_failed(path, error) from error


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    file: Readable
    cut: AttachmentPlan

    def read(self, index: int) -> bytes:
        wanted = self.cut.content_bytes(index)
        try:
            data = self.file.read(wanted)
            longer = index == self.cut.chunks - 1 and self.file.read(1) != b""
        except OSError as error:
            raise file_failed(self.path, error) from error
        if len(data) != wanted or longer:
            raise ClientError(
                Code.FILE_FAILED, f"{self.path.name} changed while it was read", file=str(self.path)
            )
        return data


def _seal_into(goal: Path, into: int, source: _Source, key: bytes, halt: Halt) -> bytes:
    hasher = running_sha256()
    chunks = AttachmentChunks(key, source.cut)
    try:
        with open(into, "wb", buffering=0) as file:
            for index in range(source.cut.chunks):
                halt.check()
                plain = source.read(index)
                hasher.update(plain)
                write_all(file, chunks.seal(index, plain))
    except OSError as error:
        raise file_failed(goal, error) from error
    have_survive([goal])
    return hasher.digest()


def _regular(path: Path) -> BinaryIO:
    """Open a file to read, whatever else a path can name: a pipe must not keep us waiting."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return open(descriptor, "rb")
        os.close(descriptor)
    except OSError as error:
        raise file_failed(path, error) from error
    raise ClientError(Code.FILE_FAILED, f"{path.name}: not a file", file=str(path))


def write_all(file: BinaryIO, data: bytes) -> None:
    """Write all of it: a disk that fills up takes a part first."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
