"""Plain files: what a person saves out of the profile, whole or not at all, and never over anything.

Blocks, and runs in a thread. Names that a peer chose are made safe before they meet a file system. Must not
know messages, the database or the relay.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from letterlock.messaging.file_names import safe_file_name
from letterlock.primitives.derivation import running_sha256
from letterlock_client.config import file_failed, sync_folder
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.files.sealed_files import Halt, SealedFile, local_damage, write_all

MOST_NUMBERED: Final = 999
"""How many files of one name a folder takes before another name has to be chosen."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_HARD_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


def goals(target: Path, name: str) -> Iterator[Path]:
    """Return where a file may go: exactly `target`; in a folder, under its safe name, then numbered."""
    if not target.is_dir():
        yield target
        return
    first = target / safe_file_name(name)
    yield first
    for number in range(2, MOST_NUMBERED + 1):
        yield first.with_name(f"{first.stem} ({number}){first.suffix}")


def free_place(target: Path) -> Path:
    """Return `target`, absolute, if it is a folder or a name that is free in one. Raises code file_failed."""
    target = target.absolute()
    if target.is_dir():
        return target
    if os.path.lexists(target):
        raise _taken(target)
    if not target.parent.is_dir():
        raise ClientError(Code.FILE_FAILED, f"{target.parent} is not a folder", file=str(target))
    return target


@dataclass(frozen=True, slots=True)
class Plain:
    """A plain file that somebody asked for: where it goes, and what it must be."""

    target: Path
    name: str
    """What the message calls it: hostile, and used only where `target` is a folder."""
    digest: bytes
    mark: str
    """Makes the temporary name unique."""


class Draft:
    """A new plain file, 0600, that gets its name only once it is whole; until then it has a hidden one beside it.

    `drop` belongs into a `finally`: it takes away what was not finished. Raises codes file_failed, storage_full.
    """

    def __init__(self, places: Iterator[Path], mark: str) -> None:
        """Begin beside the first of the `places` it may go; `mark` makes the hidden name unique."""
        goal = next(places)
        self._goal, self._others = goal, places
        self._temporary = goal.with_name(f".letterlock-{mark}")
        try:
            descriptor = os.open(self._temporary, _NEW, 0o600)
            self._file = open(descriptor, "wb", buffering=0)  # noqa: SIM115 (closed by `drop`)
        except OSError as error:
            raise file_failed(goal, error) from error

    def write(self, data: bytes) -> None:
        """Add these bytes."""
        try:
            write_all(self._file, data)
        except OSError as error:
            raise file_failed(self._temporary, error) from error

    def finish(self) -> Path:
        """Put it on disk and give it the first of its places that is free; return that."""
        goal = self._goal
        try:
            os.fsync(self._file.fileno())
            while not _take(self._temporary, goal):
                following = next(self._others, None)
                if following is None:
                    raise _taken(goal)
                goal = following
            # Gone before the folder is on disk, so that no crash brings the hidden name back.
            self.drop()
            _sync(goal.parent)
        except OSError as error:
            raise file_failed(goal, error) from error
        return goal

    def drop(self) -> None:
        """Close it and take its hidden name away. May be called twice."""
        self._file.close()
        _remove(self._temporary)


def write_plain(sealed: SealedFile, wanted: Plain, halt: Halt) -> Path:
    """Write a sealed file's plain bytes to where a person wants them, 0600; return where that is.

    The name appears only once the whole file is verified and on disk, and never takes the place of anything.
    Raises codes damaged, file_failed, storage_full.
    """
    draft = Draft(goals(wanted.target, wanted.name), wanted.mark)
    try:
        hasher = running_sha256()
        for part in sealed.plain(halt):
            hasher.update(part)
            draft.write(part)
        if hasher.digest() != wanted.digest:
            raise local_damage()
        return draft.finish()
    finally:
        draft.drop()


def _take(temporary: Path, goal: Path) -> bool:
    """Give a file its name, unless that is taken."""
    try:
        os.link(temporary, goal)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # A file system without hard links: an empty file takes the name, and ours then takes its place.
        try:
            os.close(os.open(goal, _NEW, 0o600))
        except FileExistsError:
            return False
        temporary.replace(goal)
    return True


def _taken(target: Path) -> ClientError:
    return ClientError(Code.FILE_FAILED, f"{target} exists; choose another name", file=str(target))


def _remove(path: Path) -> None:
    """Delete a file of ours; where that fails, nothing more can be done about it here."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as error:
        # Some file systems cannot do that for a folder; the file itself is on disk.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
