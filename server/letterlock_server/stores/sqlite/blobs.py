"""Attachments beside the database: bytes in files named by the hex of their random id, the rest in rows.

A row says how much of a file counts; bytes beyond it are an unfinished append and are written again. Must
not know who reads, nor build a path from anything but the hex of 16 bytes.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from letterlock.ids import BlobId
from letterlock_server.stores.interfaces import (
    MAX_UNFINISHED,
    MAX_UNFINISHED_BYTES,
    BlobState,
    FullError,
    NotUploadingError,
    StoreError,
)
from letterlock_server.stores.sqlite.mail import DAY_MS
from letterlock_server.stores.sqlite.reader import Reader
from letterlock_server.stores.sqlite.writer import Writer

_T = TypeVar("_T")

KEPT_MS: Final = 30 * DAY_MS
_THREADS: Final = 4
_ROW: Final = "SELECT size, held, expires_ms, uploader FROM blobs WHERE blob = ?"
_EXPIRED: Final = "SELECT blob FROM blobs WHERE expires_ms <= ? LIMIT 256"


class _Upload(msgspec.Struct, frozen=True, gc=False):
    size: int
    held: int
    expires_ms: int
    uploader: bytes | None


class SqliteBlobs:
    """See `interfaces.Blobs`."""

    def __init__(self, folder: Path, writer: Writer, reader: Reader, most_bytes: int) -> None:
        self._folder = folder
        self._writer = writer
        self._reader = reader
        self._most = most_bytes
        self._used = 0
        self._busy: set[bytes] = set()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="store-blobs")

    async def open(self) -> None:
        """Make the folder and count what it holds. Raises StoreError."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StoreError(f"the folder {self._folder} cannot be made: {error.strerror}") from error
        self._used = (await self._reader.rows("SELECT coalesce(sum(size), 0) FROM blobs"))[0][0]

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown()

    async def begin(self, blob: BlobId, uploader: bytes, size: int, now: int) -> BlobState:
        """See `interfaces.Blobs.begin`."""
        known = await self._find(blob)
        if known is None:
            if self._used + size > self._most:
                raise FullError
            self._used += size
            try:
                await self._writer.transact(lambda db: _insert(db, blob, uploader, (size, now + KEPT_MS)))
            except (FullError, NotUploadingError, StoreError):
                self._used -= size
                raise
            return BlobState(0, now + KEPT_MS)
        if known.size != size or known.uploader != uploader:
            raise NotUploadingError
        return BlobState(known.held, known.expires_ms)

    async def append(self, blob: BlobId, uploader: bytes, offset: int, data: bytes) -> BlobState:
        """See `interfaces.Blobs.append`."""
        # Shielded: a write on a thread cannot be stopped, and nobody else may touch the file until it ends.
        return await asyncio.shield(self._append(blob, uploader, offset, data))

    async def _append(self, blob: BlobId, uploader: bytes, offset: int, data: bytes) -> BlobState:
        if blob in self._busy:
            raise NotUploadingError
        self._busy.add(blob)
        try:
            known = await self._find(blob)
            end = offset + len(data)
            if known is None or known.uploader != uploader or known.held != offset or end > known.size:
                raise NotUploadingError
            await self._on_thread(lambda: _write(self._path(blob), offset, data))
            await self._writer.transact(
                lambda db: db.execute(
                    "UPDATE blobs SET held = ?, uploader = ? WHERE blob = ?",
                    (end, None if end == known.size else uploader, blob),
                )
            )
            return BlobState(end, known.expires_ms)
        finally:
            self._busy.discard(blob)

    async def read(self, blob: BlobId, offset: int, length: int) -> tuple[int, bytes] | None:
        """See `interfaces.Blobs.read`."""
        known = await self._find(blob)
        if known is None or known.held != known.size:
            return None
        try:
            return known.size, await self._on_thread(lambda: _read(self._path(blob), offset, length))
        except FileNotFoundError:
            return None

    async def expire(self, now: int) -> int:
        """See `interfaces.Blobs.expire`."""
        gone = [row[0] for row in await self._reader.rows(_EXPIRED, now) if row[0] not in self._busy]
        for blob in gone:
            # The row first: a file without a row is only waste, a row without its file a broken promise.
            await self._writer.transact(lambda db, blob=blob: self._forget(db, blob))  # type: ignore[misc]
            with contextlib.suppress(StoreError):
                await self._on_thread(lambda blob=blob: self._path(blob).unlink(missing_ok=True))  # type: ignore[misc]
        return len(gone)

    def _forget(self, connection: sqlite3.Connection, blob: bytes) -> None:
        row = connection.execute("DELETE FROM blobs WHERE blob = ? RETURNING size", (blob,)).fetchone()
        self._used -= row[0] if row else 0

    async def _find(self, blob: BlobId) -> _Upload | None:
        rows = await self._reader.rows(_ROW, blob)
        return _Upload(*rows[0]) if rows else None

    def _path(self, blob: bytes) -> Path:
        return self._folder / blob.hex()

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StoreError(f"an attachment's file failed: {error.strerror}") from error


def _insert(connection: sqlite3.Connection, blob: BlobId, uploader: bytes, terms: tuple[int, int]) -> None:
    size, expires_ms = terms
    count, total = connection.execute(
        "SELECT count(*), coalesce(sum(size), 0) FROM blobs WHERE uploader = ?", (uploader,)
    ).fetchone()
    if count >= MAX_UNFINISHED or total + size > MAX_UNFINISHED_BYTES:
        raise FullError
    try:
        connection.execute("INSERT INTO blobs VALUES (?, ?, 0, ?, ?)", (blob, size, expires_ms, uploader))
    except sqlite3.IntegrityError as error:
        raise NotUploadingError from error


def _write(path: Path, offset: int, data: bytes) -> None:
    new = offset == 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        view = memoryview(data)
        while view:
            written = os.pwrite(handle, view, offset)
            view, offset = view[written:], offset + written
        os.fsync(handle)
    finally:
        os.close(handle)
    if new:
        _flush_folder(path.parent)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path, offset: int, length: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        return os.pread(handle, length, offset)
    finally:
        os.close(handle)
