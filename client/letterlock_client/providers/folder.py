"""A folder as a provider: a file an object, written at its top, flushed, and only then named in its place.

Works on disks, network mounts and folders that some other program copies to a cloud. Must not know what the
bytes are. Whoever else writes into the folder is not trusted: nothing that is a link, a pipe or has a strange
name is followed, opened or listed.
"""

import asyncio
import errno
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from letterlock_client.providers.interface import (
    Found,
    FullError,
    MissingError,
    ProviderError,
    ProviderInfo,
    RefusedError,
    UnreachableError,
    check_name,
    check_range,
    is_name,
)
from letterlock_client.threads import see_out

T = TypeVar("T")

_PART: Final = ".part-"
"""How the names of unfinished files begin; no object's name does."""
_UNFINISHED: Final = re.compile(re.escape(_PART) + "[0-9a-f]{24}")
_TRIES: Final = 100
"""How often a folder that goes is made again: a try takes microseconds, and whoever empties it is seldom back."""
_LEFTOVER_S: Final = 24 * 3600
"""An unfinished file this old is a crash's: no upload of one object takes a day."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe that somebody put there must not hold the thread that opens it.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WRITTEN_BYTES: Final = 1024 * 1024
"""A stream is written in pieces of at least this size, because each costs a turn of a thread."""
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_REFUSED: Final = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
)


class FolderProvider:
    """Keeps objects as files below one folder, which must be there."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; nothing is opened before it is needed."""
        self._folder = folder.expanduser().absolute()
        self._swept: set[str] = set()

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        """Keep an object: a file of another name, flushed, then linked to its own. Raises FullError."""
        check_name(name)
        if isinstance(data, bytes):
            return await self._run(lambda: self._put(name, data))
        begun: list[_Upload] = []
        try:
            await self._run(lambda: begun.append(self._begin(name)))
            async for piece in _gathered(data):
                await self._run(partial(begun[0].write, piece))
            return await self._run(begun[0].finish)
        finally:
            for upload in begun:
                await self._run(upload.close)

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Return a part of a file, or all of it. Raises MissingError."""
        check_name(name)
        check_range(start, length)
        return await self._run(lambda: self._read(name, start, length))

    async def list(self, prefix: str) -> list[Found]:
        """Return the files under a folder that have names of ours."""
        check_name(prefix)
        return await self._run(lambda: sorted(self._walk(prefix), key=lambda each: each.name))

    async def delete(self, name: str) -> None:
        """Remove a file, and flush its folder; one that is empty then goes as well."""
        check_name(name)
        await self._run(lambda: self._delete(name))

    async def info(self) -> ProviderInfo:
        """Say where the folder is and how much room its disk has."""
        return await self._run(self._info)

    async def _run(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            try:
                return work()
            except OSError as error:
                raise self._said(error) from error

        running = asyncio.get_running_loop().run_in_executor(None, guarded)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            # The thread still uses the open files; only after it may they be closed, however often we are cancelled.
            await see_out(running)
            raise

    def _put(self, name: str, data: bytes) -> bool:
        upload = self._begin(name)
        try:
            upload.write(data)
            return upload.finish()
        finally:
            upload.close()

    def _begin(self, name: str) -> "_Upload":
        above, _, last = name.rpartition("/")
        # Releases before this one left what was unfinished in the object's own folder.
        for below in {above, ""} - self._swept:
            with suppress(FileNotFoundError), _closing(self._enter(below)) as place:
                _sweep(place)
            self._swept.add(below)
        return _Upload(self._enter(""), lambda: self._enter(above, make=True), last)

    def _read(self, name: str, start: int, length: int | None) -> bytes:
        above, _, last = name.rpartition("/")
        try:
            with _closing(self._enter(above)) as place, _closing(os.open(last, _READ, dir_fd=place)) as file:
                state = os.fstat(file)
                if not stat.S_ISREG(state.st_mode):
                    raise RefusedError(f"{name} in {self._folder} is no file; move it away")
                wanted = max(0, state.st_size - start) if length is None else length
                return _read_all(file, start, min(wanted, max(0, state.st_size - start)))
        except FileNotFoundError:
            raise MissingError(name) from None

    def _walk(self, prefix: str) -> Iterator[Found]:
        try:
            with self._blaming(prefix):
                place = self._enter(prefix)
        except FileNotFoundError:
            return
        with _closing(place), os.scandir(place) as entries:
            for entry in entries:
                name = f"{prefix}/{entry.name}"
                if not is_name(name):
                    continue
                with self._blaming(name):
                    below, size = _looked_at(entry)
                if below:
                    yield from self._walk(name)
                elif size is not None:
                    yield Found(name, size)

    @contextmanager
    def _blaming(self, name: str) -> Iterator[None]:
        """Say which entry fails: a list without it would have its object taken for gone, so there is none."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            reason = error.strerror or "failed"
            what = (
                f"the folder {self._folder} cannot be listed, for {name} in it cannot be looked at: {reason};"
            )
            if error.errno in _REFUSED:
                raise RefusedError(f"{what} check who may read it") from error
            raise UnreachableError(
                f"{what} try again later, and where it stays so copy the folder to another disk"
            ) from error

    def _delete(self, name: str) -> None:
        above, _, last = name.rpartition("/")
        with suppress(FileNotFoundError), _closing(self._enter(above)) as place:
            os.unlink(last, dir_fd=place)
            os.fsync(place)
            self._remove_if_empty(above)

    def _remove_if_empty(self, below: str) -> None:
        """Remove a folder of ours with nothing in it, and those above it: their names tell of backups that are gone."""
        while below:
            above, _, last = below.rpartition("/")
            with _closing(self._enter(above)) as place:
                try:
                    os.rmdir(last, dir_fd=place)
                except OSError:
                    return
                os.fsync(place)
            below = above

    def _info(self) -> ProviderInfo:
        with _closing(self._enter("")) as place:
            room = os.fstatvfs(place)
        return ProviderInfo("folder", str(self._folder), room.f_bavail * room.f_frsize)

    def _enter(self, below: str, *, make: bool = False) -> int:
        """Open the folder `below` ours, part by part, following no link; the caller closes it."""
        try:
            place = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise UnreachableError(
                f"the folder {self._folder} is not there; connect its disk, or choose another folder"
            ) from None
        except NotADirectoryError:
            raise RefusedError(f"{self._folder} is no folder; choose another") from None
        for part in below.split("/") if below else ():
            with _closing(place):
                place = _step(place, part, make=make)
        return place

    def _said(self, error: OSError) -> ProviderError:
        reason = error.strerror or "failed"
        if error.errno in _FULL:
            return FullError(f"the disk of {self._folder} is full; make room there, then try again")
        if error.errno in _REFUSED:
            return RefusedError(
                f"the folder {self._folder} cannot be used: {reason}; check who may write there"
            )
        return UnreachableError(f"the folder {self._folder} does not answer: {reason}; try again later")


class _Upload:
    """One object on its way: an unfinished file in the folder of all. Everything here blocks.

    Not in its own folder: nobody looks for what a crash left where there is no backup any more.
    """

    def __init__(self, root: int, enter: Callable[[], int], name: str) -> None:
        self._root, self._enter, self._name = root, enter, name
        self._part: str | None = f"{_PART}{secrets.token_hex(12)}"
        try:
            self._file = os.open(self._part, _NEW, 0o600, dir_fd=root)
        except BaseException:
            os.close(root)
            raise

    def write(self, data: bytes) -> None:
        """Write the next bytes."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._file, view) :]

    def finish(self) -> bool:
        """Flush, then name it; say whether the name was free."""
        os.fsync(self._file)
        _let_go(self._file)
        for _ in range(_TRIES):
            # Whoever deletes the last object in a folder removes that, also between these steps.
            with suppress(FileNotFoundError), _closing(self._enter()) as place:
                named = self._take_name(place)
                os.fsync(place)
                return named
        raise UnreachableError("its folder is being emptied by somebody else; try again later")

    def close(self) -> None:
        """Leave nothing unfinished behind. May be called after everything else, once."""
        os.close(self._file)
        if self._part is not None:
            with suppress(OSError):
                os.unlink(self._part, dir_fd=self._root)
        os.close(self._root)

    def _take_name(self, place: int) -> bool:
        if self._part is None:
            return True
        try:
            # Of two writers one gets the name; a rename would give it to both.
            os.link(self._part, self._name, src_dir_fd=self._root, dst_dir_fd=place, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return self._rename(place)
        os.unlink(self._part, dir_fd=self._root)
        self._part = None
        return True

    def _rename(self, place: int) -> bool:
        """Take the name on a file system without links, where nobody else takes it at the same moment."""
        with suppress(FileNotFoundError):
            os.stat(self._name, dir_fd=place, follow_symlinks=False)
            return False
        os.rename(str(self._part), self._name, src_dir_fd=self._root, dst_dir_fd=place)
        self._part = None
        return True


@contextmanager
def _closing(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _looked_at(entry: "os.DirEntry[str]") -> tuple[bool, int | None]:
    """Whether an entry is a folder, and how large it is where it is a file; another program may remove it meanwhile."""
    if entry.is_dir(follow_symlinks=False):
        return True, None
    if entry.is_file(follow_symlinks=False):
        with suppress(FileNotFoundError):
            return False, entry.stat(follow_symlinks=False).st_size
    return False, None


def _step(place: int, part: str, *, make: bool) -> int:
    try:
        return os.open(part, _FOLDER, dir_fd=place)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(part, 0o700, dir_fd=place)
        os.fsync(place)
    return os.open(part, _FOLDER, dir_fd=place)


def _let_go(file: int) -> None:
    """Have the system keep none of a flushed file in memory: a backup would crowd out what people work with there.

    It also costs less: each object is written through the same few pages, which the processor knows.
    """
    if sys.platform == "linux":
        # Only a hint, which some file systems do not know.
        with suppress(OSError):
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)


def _sweep(place: int) -> None:
    """Remove what crashes left unfinished in a folder long ago."""
    oldest = time.time() - _LEFTOVER_S
    for name in os.listdir(place):
        if _UNFINISHED.fullmatch(name):
            with suppress(OSError):
                if os.stat(name, dir_fd=place, follow_symlinks=False).st_mtime < oldest:
                    os.unlink(name, dir_fd=place)


def _read_all(file: int, start: int, length: int) -> bytes:
    whole = os.pread(file, length, start)
    if len(whole) == length:
        return whole
    parts = [whole]
    left = length - len(whole)
    while left and (piece := os.pread(file, left, start + length - left)):
        parts.append(piece)
        left -= len(piece)
    return b"".join(parts)


async def _gathered(data: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Join small pieces to ones worth a turn of a thread."""
    waiting: list[bytes] = []
    size = 0
    async for piece in data:
        waiting.append(piece)
        size += len(piece)
        if size >= _WRITTEN_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
