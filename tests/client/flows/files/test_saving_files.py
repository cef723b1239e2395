"""A plain file appears where a person said, whole, for them alone, and never in the place of another."""

import asyncio
import errno
import hashlib
import os
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.messaging.attachments import MIN_CHUNK_BYTES, AttachmentChunks, plan
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.files import plain_files, sealed_files
from letterlock_client.flows.files.plain_files import Plain, free_place, write_plain
from letterlock_client.flows.files.sealed_files import Halt, HaltedError, SealedFile, off_loop, seal_file
from tests.simulator import Chance
from tests.town import WAIT_S

KEY = bytes(range(32))
WHOLE = Chance("plain")(300_000)


@pytest.fixture
def sealed(tmp_path: Path) -> SealedFile:
    source = tmp_path / "source"
    source.write_bytes(WHOLE)
    goal = tmp_path / "profile" / "message" / "sealed"
    size, digest = seal_file(source, goal, KEY, Halt())
    assert (size, digest) == (len(WHOLE), hashlib.sha256(WHOLE).digest())
    return SealedFile(goal, AttachmentChunks(KEY, plan(size)))


@pytest.fixture
def chosen(tmp_path: Path) -> Path:
    folder = tmp_path / "chosen"
    folder.mkdir()
    return folder


def wanted(target: Path, name: str = "a.tar.gz") -> Plain:
    return Plain(target, name, hashlib.sha256(WHOLE).digest(), "mark")


def test_a_sealed_file_is_private_and_opens_chunk_by_chunk(sealed: SealedFile) -> None:
    assert sealed.is_whole()
    assert stat.S_IMODE(sealed.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(sealed.path.parent.stat().st_mode) == 0o700
    assert b"".join(sealed.plain(Halt())) == WHOLE
    sealed.check(hashlib.sha256(WHOLE).digest(), Halt())
    raw = sealed.path.read_bytes()
    assert b"".join(sealed.read(index) for index in range(sealed.cut.chunks)) == raw
    assert sealed.make(Halt()) == sealed.cut.chunks


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 30_000), st.data())
def test_chunks_that_come_in_any_order_make_the_file_and_damaged_ones_are_not_kept(
    tmp_path_factory: pytest.TempPathFactory, size: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    cut = plan(size, MIN_CHUNK_BYTES)
    content = Chance("parts")(size)
    chunks = [
        AttachmentChunks(KEY, cut).seal(
            index, content[cut.content_offset(index) :][: cut.content_bytes(index)]
        )
        for index in range(cut.chunks)
    ]
    sealed = SealedFile(folder / "message" / "sealed", AttachmentChunks(KEY, cut))
    assert sealed.make(Halt()) == 0
    for index in data.draw(st.permutations(range(cut.chunks))):
        damaged = bytes([chunks[index][0] ^ 1]) + chunks[index][1:]
        with pytest.raises(sealed_files.OpenError):
            sealed.write(index, damaged)
        sealed.write(index, chunks[index])
    assert sealed.is_whole()
    assert sealed.make(Halt()) == cut.chunks
    assert b"".join(sealed.plain(Halt())) == content


def test_a_saved_file_is_whole_and_for_its_owner_alone(sealed: SealedFile, chosen: Path) -> None:
    old = os.umask(0)
    try:
        path = write_plain(sealed, wanted(chosen / "copy"), Halt())
    finally:
        os.umask(old)
    assert path == chosen / "copy"
    assert path.read_bytes() == WHOLE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_nlink == 1
    assert list(chosen.iterdir()) == [path]


def test_a_taken_name_in_a_folder_is_numbered(sealed: SealedFile, chosen: Path) -> None:
    names = [write_plain(sealed, wanted(chosen), Halt()).name for _ in range(3)]
    assert names == ["a.tar.gz", "a.tar (2).gz", "a.tar (3).gz"]
    (chosen / "a.tar (4).gz").symlink_to(chosen / "nowhere")
    (chosen / "a.tar (5).gz").mkdir()
    assert write_plain(sealed, wanted(chosen), Halt()).name == "a.tar (6).gz"
    assert not (chosen / "nowhere").exists()


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("thing", ["file", "folder", "dangling link", "link to a file"])
def test_nothing_that_lies_there_is_ever_written_over(
    sealed: SealedFile, chosen: Path, thing: str, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, other = chosen / "copy", chosen / "other"
    if thing == "dangling link":
        target.symlink_to(other)
    elif thing == "link to a file":
        other.write_bytes(b"mine")
        target.symlink_to(other)
    elif thing == "file":
        target.write_bytes(b"mine")
    if not links:
        monkeypatch.setattr(plain_files.os, "link", no_links)
    if thing == "folder":
        # It appears between the question where to write and the moment the name is given.
        real = plain_files.Draft.finish

        def late(draft: plain_files.Draft) -> Path:
            target.mkdir()
            return real(draft)

        monkeypatch.setattr(plain_files.Draft, "finish", late)
    else:
        with pytest.raises(ClientError) as caught:
            free_place(target)
        assert caught.value.code is Code.FILE_FAILED
    with pytest.raises(ClientError) as caught:
        write_plain(sealed, wanted(target), Halt())
    assert caught.value.code is Code.FILE_FAILED
    if thing == "folder":
        assert list(target.iterdir()) == []
    elif thing != "dangling link":
        assert target.read_bytes() == b"mine"
    assert {each.name for each in chosen.iterdir()} <= {"copy", "other"}
    assert other.exists() == (thing == "link to a file")


def no_links(*_paths: object) -> None:
    raise OSError(errno.EPERM, "no hard links here")


def test_a_file_system_without_hard_links_gets_the_file_too(
    sealed: SealedFile, chosen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_files.os, "link", no_links)
    names = [write_plain(sealed, wanted(chosen), Halt()).name for _ in range(2)]
    assert names == ["a.tar.gz", "a.tar (2).gz"]
    for name in names:
        assert (chosen / name).read_bytes() == WHOLE
    assert len(list(chosen.iterdir())) == 2


@pytest.mark.parametrize(
    "name", ["../../up", "/etc/passwd", "..", "", "\0", "a\nb", "C:\\x", "~root", "x" * 300, "\u202egnp.exe"]
)
def test_a_name_that_a_peer_chose_stays_in_the_folder(sealed: SealedFile, chosen: Path, name: str) -> None:
    for _ in range(2):
        path = write_plain(sealed, wanted(chosen, name), Halt())
        assert path.parent == chosen
        assert path.is_file()
        assert path.name.isprintable()


@pytest.mark.parametrize("fatal", [0, 1])
def test_a_full_disk_leaves_nothing_behind(
    sealed: SealedFile, chosen: Path, tmp_path: Path, fatal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = fatal

    def filling(file: object, data: bytes) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, "no space")
        real(file, data)  # type: ignore[arg-type]

    real = sealed_files.write_all
    monkeypatch.setattr(plain_files, "write_all", filling)
    with pytest.raises(ClientError) as caught:
        write_plain(sealed, wanted(chosen), Halt())
    assert caught.value.code is Code.STORAGE_FULL
    assert not list(chosen.iterdir())
    left = fatal
    monkeypatch.setattr(sealed_files, "write_all", filling)
    with pytest.raises(ClientError) as caught:
        seal_file(tmp_path / "source", tmp_path / "profile" / "second" / "sealed", KEY, Halt())
    assert caught.value.code is Code.STORAGE_FULL
    assert not (tmp_path / "profile" / "second").exists()


def test_a_damaged_copy_saves_nothing(sealed: SealedFile, chosen: Path) -> None:
    raw = bytearray(sealed.path.read_bytes())
    raw[-1] ^= 1
    sealed.path.write_bytes(raw)
    with pytest.raises(ClientError) as caught:
        write_plain(sealed, wanted(chosen), Halt())
    assert caught.value.code is Code.DAMAGED
    assert not list(chosen.iterdir())


@pytest.mark.parametrize("change", [b"", b"x" * 100, b"x" * 400_000])
def test_a_file_that_changes_its_size_while_it_is_sealed_is_refused(
    tmp_path: Path, change: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, goal = tmp_path / "source", tmp_path / "message" / "sealed"
    source.write_bytes(WHOLE)
    real = AttachmentChunks.seal

    def meanwhile(chunks: AttachmentChunks, index: int, plaintext: bytes) -> bytes:
        source.write_bytes(change)
        return real(chunks, index, plaintext)

    monkeypatch.setattr(AttachmentChunks, "seal", meanwhile)
    with pytest.raises(ClientError, match="changed") as caught:
        seal_file(source, goal, KEY, Halt())
    assert caught.value.code is Code.FILE_FAILED
    assert not goal.parent.exists()


def test_what_is_sealed_already_is_never_sealed_over(sealed: SealedFile, tmp_path: Path) -> None:
    before = sealed.path.read_bytes()
    (tmp_path / "source").write_bytes(b"x" * len(WHOLE))
    with pytest.raises(ClientError):
        seal_file(tmp_path / "source", sealed.path, KEY, Halt())
    assert sealed.path.read_bytes() == before


@pytest.mark.parametrize("times", [1, 3])
async def test_work_that_nobody_waits_for_ends_before_its_caller_does(times: int) -> None:
    begun, goes_on, ended = threading.Event(), threading.Event(), threading.Event()

    def work(halt: Halt) -> None:
        begun.set()
        assert goes_on.wait(WAIT_S)
        try:
            while True:
                halt.check()
        except HaltedError:
            ended.set()
            raise

    task = asyncio.create_task(off_loop(work))
    await asyncio.to_thread(begun.wait, WAIT_S)
    for _ in range(times):
        task.cancel()
        for _turn in range(9):
            await asyncio.sleep(0)
        assert not task.done()
    goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
