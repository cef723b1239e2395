"""What a folder as a provider promises beyond the contract: its errors are told apart, and it follows no tricks."""

import asyncio
import errno
import os
import stat
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.providers import folder as folder_module
from letterlock_client.providers.folder import FolderProvider
from letterlock_client.providers.interface import FullError, ProviderError, RefusedError, UnreachableError
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.providers.opening import normal, open_provider
from tests.town import WAIT_S


async def test_a_folder_that_is_not_there_is_unreachable_and_is_not_made(tmp_path: Path) -> None:
    provider = FolderProvider(tmp_path / "gone")
    for call in (provider.put("a/b", b""), provider.get("a/b"), provider.list("a"), provider.info()):
        with pytest.raises(UnreachableError, match="connect its disk"):
            await call
    assert not (tmp_path / "gone").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RefusedError):
        await FolderProvider(tmp_path).put("a/b", b"")


async def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(RefusedError, match="who may write"):
        await FolderProvider(tmp_path).put("a/b", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
async def test_a_full_disk_is_told_apart_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The system's own full device stands for the unfinished file; everything else is the disk.
    real = os.open

    def opening(path: str, flags: int, *rest: int, **where: int) -> int:
        if str(path).startswith(".part-"):
            os.close(real(path, flags, *rest, **where))
            return real("/dev/full", os.O_WRONLY)
        return real(path, flags, *rest, **where)

    monkeypatch.setattr(folder_module.os, "open", opening)
    with pytest.raises(FullError, match="make room"):
        await FolderProvider(tmp_path).put("a/b", bytes(100_000))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, FullError), (errno.EDQUOT, FullError), (errno.EROFS, RefusedError), (errno.EACCES, RefusedError),
     (errno.EIO, UnreachableError), (errno.ESTALE, UnreachableError)],
)  # fmt: skip
async def test_what_the_system_says_becomes_one_of_three_answers(
    tmp_path: Path, number: int, kind: type[ProviderError]
) -> None:
    provider = FolderProvider(tmp_path)

    def failing() -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(kind) as found:
        await provider._run(failing)
    assert str(tmp_path) in found.value.message


async def test_links_and_pipes_that_somebody_put_there_are_not_followed_or_listed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"mine")
    place = tmp_path / "place"
    (place / "a").mkdir(parents=True)
    (place / "a" / "link").symlink_to(secret)
    (place / "linked").symlink_to(tmp_path)
    os.mkfifo(place / "a" / "pipe")
    provider = FolderProvider(place)
    for name in ("a/link", "a/pipe", "linked/secret"):
        with pytest.raises(RefusedError):
            await provider.get(name)
    assert await provider.list("a") == []
    assert not await provider.put("a/link", b"other")
    with pytest.raises(RefusedError):
        await provider.put("linked/new", b"other")
    assert secret.read_bytes() == b"mine"


async def test_strange_names_that_lie_there_are_not_listed(tmp_path: Path) -> None:
    provider = FolderProvider(tmp_path)
    await provider.put("a/b", b"")
    for name in ("B", "x\ny", ".hidden", "c (copy)", "\udcff"):
        (tmp_path / "a" / name).write_bytes(b"")
    assert [found.name for found in await provider.list("a")] == ["a/b"]


class Unseen:
    """An entry of a folder that fails where it is looked at."""

    def __init__(self, entry: os.DirEntry[str], number: int, at: str) -> None:
        self._entry, self._number, self._at = entry, number, at
        self.name = entry.name

    def _look(self, how: str) -> Any:
        if how == self._at:
            raise OSError(self._number, os.strerror(self._number))
        return getattr(self._entry, how)(follow_symlinks=False)

    def is_dir(self, *, follow_symlinks: bool) -> Any:
        assert not follow_symlinks
        return self._look("is_dir")

    def is_file(self, *, follow_symlinks: bool) -> Any:
        assert not follow_symlinks
        return self._look("is_file")

    def stat(self, *, follow_symlinks: bool) -> Any:
        assert not follow_symlinks
        return self._look("stat")


@pytest.mark.parametrize("at", ["is_dir", "is_file", "stat"])
@pytest.mark.parametrize(
    ("number", "kind", "then"),
    [(errno.EIO, UnreachableError, "another disk"), (errno.EACCES, RefusedError, "who may read it")],
)
async def test_an_entry_that_cannot_be_looked_at_is_named_and_never_left_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[ProviderError],
    then: str,
    at: str,
) -> None:
    provider = FolderProvider(tmp_path)
    for name in ("a/b/first", "a/b/ill", "a/b/last"):
        await provider.put(name, b"x")
    real = os.scandir

    @contextmanager
    def scanned(place: int) -> Iterator[list[Any]]:
        with real(place) as entries:
            yield [Unseen(one, number, at) if one.name == "ill" else one for one in entries]

    with monkeypatch.context() as patch:
        patch.setattr(folder_module.os, "scandir", scanned)
        with pytest.raises(kind) as found:
            await provider.list("a")
        assert f"{tmp_path} cannot be listed, for a/b/ill in it cannot be looked at" in found.value.message
        assert found.value.message.endswith(then)
        # What is no object of ours is not looked at.
        (tmp_path / "a" / "b" / "ill").rename(tmp_path / "a" / "b" / "Ill")
        assert [one.name for one in await provider.list("a")] == ["a/b/first", "a/b/last"]
    assert [one.name for one in await provider.list("a")] == ["a/b/first", "a/b/last"]


async def test_a_folder_inside_that_cannot_be_opened_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = FolderProvider(tmp_path)
    await provider.put("a/b/first", b"x")
    real = os.open

    def opening(path: str, *rest: int, **where: int) -> int:
        if path == "b":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *rest, **where)

    monkeypatch.setattr(folder_module.os, "open", opening)
    with pytest.raises(RefusedError, match="for a/b in it cannot be looked at"):
        await provider.list("a")


async def test_files_are_private_and_nothing_unfinished_stays(tmp_path: Path) -> None:
    await FolderProvider(tmp_path).put("a/b", b"x")
    assert os.listdir(tmp_path / "a") == ["b"]
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o700


async def test_what_a_crash_left_is_removed_after_a_day_and_not_before(tmp_path: Path) -> None:
    """In the folder of all, and where releases before this one left it; whatever is not ours stays."""
    old, new, not_ours = f".part-{'0' * 24}", f".part-{'1' * 24}", ".part-one of my novel"
    (tmp_path / "a").mkdir()
    for folder in (tmp_path, tmp_path / "a"):
        for name, age in ((old, 90_000), (new, 10), (not_ours, 90_000)):
            (folder / name).write_bytes(b"")
            when = os.stat(tmp_path).st_mtime - age
            os.utime(folder / name, (when, when))
    await FolderProvider(tmp_path).put("a/b", b"x")
    assert sorted(os.listdir(tmp_path / "a")) == sorted([new, not_ours, "b"])
    assert sorted(os.listdir(tmp_path)) == sorted([new, not_ours, "a"])


async def test_what_is_unfinished_lies_in_no_folder_that_nobody_looks_into_again(tmp_path: Path) -> None:
    """Else a key that was rotated while a file was sent would leave half of the file there for ever."""

    async def half() -> AsyncIterator[bytes]:
        yield bytes(2 * 1024 * 1024)
        (unfinished,) = [each for each in tmp_path.rglob("*") if each.is_file()]
        assert unfinished.parent == tmp_path
        assert unfinished.stat().st_mode & 0o777 == 0o600
        yield b"the rest"

    assert await FolderProvider(tmp_path).put("a/b", half())
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["b"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_file_system_without_links_serves_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streamed: bool
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    async def one() -> AsyncIterator[bytes]:
        yield b"x"

    monkeypatch.setattr(folder_module.os, "link", no_links)
    provider = FolderProvider(tmp_path)
    assert await provider.put("a/b", one() if streamed else b"x")
    assert not await provider.put("a/b", one() if streamed else b"y")
    assert await provider.get("a/b") == b"x"
    assert os.listdir(tmp_path / "a") == ["b"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked to let go")
async def test_the_system_lets_go_of_an_object_once_it_is_flushed_and_need_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    flush = os.fsync

    def flushing(file: int) -> None:
        asked.append("flush")
        flush(file)

    def refusing(*_: object) -> None:
        asked.append("let go")
        raise OSError(errno.EINVAL, "no hints here")

    monkeypatch.setattr(folder_module.os, "fsync", flushing)
    monkeypatch.setattr(folder_module.os, "posix_fadvise", refusing)
    provider = FolderProvider(tmp_path)
    await provider.put("a", b"x")
    assert asked == ["flush", "let go", "flush"]
    assert await provider.get("a") == b"x"


async def test_a_backup_that_is_deleted_leaves_no_folder_whose_name_tells_of_it(tmp_path: Path) -> None:
    provider = FolderProvider(tmp_path)
    names = ["mine/segment/a", "mine/segment/b", "mine/manifest/c", "other/manifest/d"]
    for name in names:
        await provider.put(name, b"object")
    for name in names[:-1]:
        await provider.delete(name)
    assert sorted(each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*")) == [
        "other", "other/manifest", "other/manifest/d",
    ]  # fmt: skip


async def test_a_folder_that_is_emptied_while_somebody_writes_there_is_made_again(tmp_path: Path) -> None:
    provider = FolderProvider(tmp_path)

    async def come_and_go(number: int) -> None:
        for _ in range(20):
            assert await provider.put(f"a/b/{number}", b"object")
            await provider.delete(f"a/b/{number}")

    await asyncio.gather(*(come_and_go(number) for number in range(4)))
    assert list(tmp_path.iterdir()) == []


async def test_an_upload_whose_folder_goes_each_time_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def opening(path: str, flags: int, *rest: int, **where: int) -> int:
        opened = real(path, flags, *rest, **where)
        if path == "a":
            (tmp_path / "a").rmdir()
        return opened

    monkeypatch.setattr(folder_module.os, "open", opening)
    with pytest.raises(UnreachableError, match="being emptied"):
        await FolderProvider(tmp_path).put("a/b", b"object")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("streamed", [False, True])
async def test_no_file_is_closed_under_a_thread_that_writes_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streamed: bool, times: int
) -> None:
    """Else its number may be another file's by then. Whoever calls an upload off waits for the thread."""
    loop, writes, goes_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    real_write, real_close = os.write, os.close
    writing: set[int] = set()
    closed_under: list[int] = []

    def write(file: int, data: memoryview) -> int:
        writing.add(file)
        loop.call_soon_threadsafe(writes.set)
        assert goes_on.wait(WAIT_S)
        done = real_write(file, data)
        writing.discard(file)
        return done

    def close(file: int) -> None:
        closed_under.extend(writing & {file})
        real_close(file)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000

    monkeypatch.setattr(folder_module.os, "write", write)
    monkeypatch.setattr(folder_module.os, "close", close)
    running = asyncio.create_task(FolderProvider(tmp_path).put("a/b", pieces() if streamed else b"x"))
    try:
        await asyncio.wait_for(writes.wait(), WAIT_S)
        for _ in range(times):
            running.cancel()
            # Whatever would be closed now would be closed soon, in another thread; nothing is.
            assert not (await asyncio.wait([running], timeout=0.05))[0]
    finally:
        goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not closed_under
    monkeypatch.undo()
    assert [each.name for each in await FolderProvider(tmp_path).list("a")] == ([] if streamed else ["a/b"])


async def test_no_file_stays_open(tmp_path: Path) -> None:
    async def one() -> AsyncIterator[bytes]:
        yield b"x"

    provider = FolderProvider(tmp_path)
    before = len(os.listdir("/dev/fd"))
    for name in ("a/b", "a/b", "a/c/d"):
        await provider.put(name, one())
        await provider.put(name, b"x")
        await provider.get(name)
    await provider.list("a")
    await provider.delete("a/b")
    await provider.info()
    assert len(os.listdir("/dev/fd")) == before


async def test_memory_has_as_much_room_as_it_was_given() -> None:
    provider = MemoryProvider(10)
    await provider.put("a/b", bytes(6))
    with pytest.raises(FullError):
        await provider.put("a/c", bytes(6))
    assert (await provider.info()).free == 4


async def test_a_provider_is_opened_from_what_the_owner_typed(tmp_path: Path) -> None:
    place = tmp_path / "new" / "one"
    assert normal(f" folder: {place}") == f"folder:{place}"
    assert normal("folder:~/x") == f"folder:{Path.home() / 'x'}"
    with pytest.raises(UnreachableError):
        await open_provider(f"folder:{place}").info()
    await open_provider(f"folder:{place}", create=True).put("a/b", b"x")
    assert (await open_provider(f"folder:{place}").info()).place == str(place)


@pytest.mark.parametrize("text", ["", "folder", "folder:", "s3:bucket", "/tmp/x", "folder:a\0b"])
def test_other_words_are_no_provider(text: str) -> None:
    with pytest.raises(ClientError) as found:
        open_provider(text)
    assert found.value.code is Code.BAD_INPUT


@pytest.mark.parametrize("text", ["folder:~nobody-of-this-name/backup", "folder:two\nlines"])
def test_a_place_that_cannot_be_named_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ClientError) as told:
        normal(text)
    assert told.value.code is Code.BAD_INPUT


def test_a_file_in_the_place_of_the_folder_is_named_as_such(tmp_path: Path) -> None:
    place = tmp_path / "notes"
    place.write_text("not a folder")
    with pytest.raises(ClientError, match="is a file, and no folder") as told:
        open_provider(f"folder:{place}", create=True)
    assert told.value.code is Code.BAD_INPUT


def test_a_folder_that_cannot_be_made_is_named_whole(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not a folder")
    place = tmp_path / "notes" / "deep" / "backup"
    with pytest.raises(ClientError) as told:
        open_provider(f"folder:{place}", create=True)
    assert told.value.code is Code.FILE_FAILED
    assert told.value.message.startswith(f"the folder {place} cannot be made: ")
    assert told.value.message.count(str(place)) == 1
    assert "choose another" in told.value.message


def test_a_folder_that_takes_nothing_is_told_when_it_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    # Who runs the tests may be allowed everything.
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (place, os.W_OK | os.X_OK))
    with pytest.raises(ClientError) as told:
        open_provider(f"folder:{place}", create=True)
    assert told.value.code is Code.PROVIDER_REFUSED
    assert str(place) in told.value.message
    open_provider(f"folder:{place}")
