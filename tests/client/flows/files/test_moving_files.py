"""Files travel and rest sealed, go on where they stopped, and come out plain only where a person says so."""

import asyncio
import errno
import os
import tempfile
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from letterlock.ids import MessageId
from letterlock.messaging import content as contents
from letterlock.messaging.attachments import MAX_ATTACHMENT_BYTES
from letterlock.wire import frames
from letterlock.wire.frames import MAX_CHUNK
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import TransferMoved
from letterlock_client.flows.files import sealed_files, uploading
from letterlock_client.flows.files.sealed_files import SealedFile
from letterlock_client.messenger import Messenger
from letterlock_client.models import Delivery, Message, MessageKind, NewsKind, TransferState
from tests.simulator import Chance, Once
from tests.town import WAIT_S, Pair, eventually

SIZE = 900_000


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "holiday.png"
    path.write_bytes(Chance("holiday")(SIZE))
    return path


async def received(pair: Pair) -> Message:
    await pair.settle()
    return (await pair.bob.history(pair.to_alice, 1))[0]


async def fetched(person: Messenger, message: Message) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return (await person.save(message.id, Path(folder))).read_bytes()


def sealed_copy(pair: Pair, name: str, message: Message) -> Path:
    return pair.town.home.profile(name).attachments / message.id.hex() / "sealed"


async def test_a_file_arrives_whole_and_is_saved_under_its_name(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    events = pair.alice.events()
    sent = await pair.alice.send_file(pair.to_bob, picture, caption="the beach")
    assert sent.kind is MessageKind.IMAGE
    got = await received(pair)
    assert (got.id, got.text, got.kind) == (sent.id, "the beach", MessageKind.IMAGE)
    assert got.attachment is not None
    assert (got.attachment.state, got.attachment.size) == (TransferState.REMOTE, SIZE)
    here = await pair.bob.download(got.id)
    assert here.attachment is not None
    assert here.attachment.state is TransferState.HERE
    assert await pair.bob.download(got.id) == here
    folder = tmp_path / "mine"
    folder.mkdir()
    path = await pair.bob.save(got.id, folder)
    assert path == folder / "holiday.png"
    assert path.read_bytes() == picture.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [path]
    moves = [one async for one in drained(events) if isinstance(one, TransferMoved)]
    assert [one.done for one in moves] == sorted(one.done for one in moves)
    assert moves[-1].done == moves[-1].total


async def drained(events):
    events.close()
    async for event in events:
        yield event


async def test_no_message_goes_before_its_file_is_up(pair: Pair, picture: Path) -> None:
    relay = pair.town.relay
    seen = len(relay.seen)
    sent = await pair.alice.send_file(pair.to_bob, picture)
    await pair.settle()
    kinds = [type(one) for one in relay.seen[seen:]]
    last_chunk = len(kinds) - 1 - kinds[::-1].index(frames.PutChunk)
    assert kinds.index(frames.Submit) > last_chunk
    assert (await pair.alice.message(sent.id)).delivery is Delivery.DELIVERED


@pytest.mark.parametrize("skip", [0, 2, 4])
@pytest.mark.parametrize("before", [True, False])
async def test_an_upload_goes_on_where_the_connection_broke(
    pair: Pair, picture: Path, skip: int, before: bool
) -> None:
    relay = pair.town.relay
    once = Once(frames.PutChunk, skip)
    if before:
        relay.break_before = once
    else:
        relay.break_after = once
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    assert await fetched(pair.bob, got) == picture.read_bytes()
    offsets = [one.offset for one in relay.seen if isinstance(one, frames.PutChunk)]
    assert offsets.count(0) <= 2


async def test_a_restart_in_the_middle_of_an_upload_goes_on(pair: Pair, picture: Path) -> None:
    relay = pair.town.relay
    relay.break_after = Once(frames.PutChunk, 4)
    relay.refuse_next.extend([(frames.Hello, "not_now", 0)] * 3)
    await pair.alice.send_file(pair.to_bob, picture)

    async def halfway() -> bool:
        return any(relay.blobs.values())

    await eventually(halfway)
    await pair.alice.close()
    pair.alice = await pair.town.open("alice")
    got = await received(pair)
    assert await fetched(pair.bob, got) == picture.read_bytes()


async def test_a_download_goes_on_where_it_stopped(pair: Pair, picture: Path) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    relay = pair.town.relay
    relay.break_before = Once(frames.FetchChunk, 3)
    with pytest.raises(ClientError) as caught:
        await pair.bob.download(got.id)
    assert caught.value.code is Code.OFFLINE
    shown = (await pair.bob.message(got.id)).attachment
    assert shown is not None
    assert shown.state is TransferState.PAUSED
    seen = len(relay.seen)
    assert await pair.bob.connected(WAIT_S)
    assert await fetched(pair.bob, got) == picture.read_bytes()
    again = [one.offset for one in relay.seen[seen:] if isinstance(one, frames.FetchChunk)]
    assert again
    assert 0 not in again


@pytest.mark.parametrize("at", [0, 300_000, -1])
async def test_a_changed_byte_at_the_relay_is_noticed_and_nothing_is_saved(
    pair: Pair, picture: Path, at: int
) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    blob = next(iter(pair.town.relay.blobs.values()))
    blob[at] ^= 1
    with pytest.raises(ClientError) as caught:
        await pair.bob.download(got.id)
    assert caught.value.code is Code.DAMAGED
    with pytest.raises(ClientError):
        await fetched(pair.bob, got)
    shown = (await pair.bob.message(got.id)).attachment
    assert shown is not None
    assert shown.state is TransferState.REMOTE
    blob[at] ^= 1
    assert await fetched(pair.bob, got) == picture.read_bytes()


async def test_a_file_the_relay_forgot_is_gone(pair: Pair, picture: Path) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    pair.town.relay.blobs.clear()
    with pytest.raises(ClientError) as caught:
        await pair.bob.download(got.id)
    assert caught.value.code is Code.GONE
    shown = (await pair.bob.message(got.id)).attachment
    assert shown is not None
    assert shown.state is TransferState.GONE


@pytest.mark.parametrize("name", ["..", ".hidden", "-rf", "con.txt", "a\nb", "../../up", "/etc/x", "x" * 250])
async def test_a_hostile_name_stays_in_the_folder_that_was_chosen(
    pair: Pair, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder = tmp_path / "plain", tmp_path / "chosen"
    path.write_bytes(b"harmless")
    folder.mkdir()
    real = contents.Attachment
    with monkeypatch.context() as patch:
        patch.setattr(uploading.contents, "Attachment", lambda **fields: real(**(fields | {"name": name})))
        await pair.alice.send_file(pair.to_bob, path)
    got = await received(pair)
    assert got.attachment is not None
    assert got.attachment.name == name
    saved = await pair.bob.save(got.id, folder)
    assert saved.parent == folder
    assert saved.name not in ("", ".", "..")
    assert saved.read_bytes() == b"harmless"


async def test_a_view_once_file_can_be_seen_once_and_leaves_nothing(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    sent = await pair.alice.send_file(pair.to_bob, picture, view_once=True)
    got = await received(pair)
    with pytest.raises(ClientError) as caught:
        await pair.bob.view_once(got.id)
    assert caught.value.code is Code.BAD_INPUT
    with pytest.raises(ClientError) as caught:
        await pair.bob.save(got.id, tmp_path / "kept")
    assert caught.value.code is Code.BAD_INPUT
    await pair.bob.download(got.id)
    path = await pair.bob.view_once(got.id, tmp_path / "seen")
    assert isinstance(path, Path)
    assert path == tmp_path / "seen"
    assert path.read_bytes() == picture.read_bytes()
    with pytest.raises(ClientError) as caught:
        await pair.bob.view_once(got.id, tmp_path / "again")
    assert caught.value.code is Code.ALREADY_VIEWED
    with pytest.raises(ClientError):
        await pair.bob.download(got.id)
    assert (await pair.bob.message(got.id)).viewed
    assert not (tmp_path / "again").exists()
    assert not sealed_copy(pair, "alice", sent).parent.exists()
    assert not sealed_copy(pair, "bob", got).parent.exists()


async def test_whoever_sends_to_be_seen_once_learns_that_it_was(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    kept = await pair.alice.send_file(pair.to_bob, picture)
    sent = await pair.alice.send_file(pair.to_bob, picture, view_once=True)
    got = await received(pair)
    assert not (await pair.alice.message(sent.id)).viewed
    await pair.bob.view_once(got.id, tmp_path / "seen")
    await pair.settle()
    told = [(one.kind, one.message) for one in await pair.alice.unprinted() if one.detail == "viewed"]
    assert told == [(NewsKind.RECEIPT, sent.id)]
    assert (await pair.alice.message(sent.id)).viewed
    assert not (await pair.alice.message(kept.id)).viewed


async def test_a_view_once_text_is_read_once_and_written_nowhere(pair: Pair) -> None:
    sent = await pair.alice.send_once(pair.to_bob, "the code is 4711")
    got = await received(pair)
    assert (got.text, pair.bob.reads_once(got)) == ("", True)
    assert await pair.bob.view_once(got.id) == "the code is 4711"
    with pytest.raises(ClientError) as caught:
        await pair.bob.view_once(got.id)
    assert caught.value.code is Code.ALREADY_VIEWED
    with pytest.raises(ClientError) as caught:
        await pair.alice.view_once(sent.id)
    assert caught.value.code is Code.BAD_INPUT
    for name, message in (("alice", sent), ("bob", got)):
        assert not sealed_copy(pair, name, message).parent.exists()
    files = [path for path in pair.town.home.data.rglob("*") if path.is_file()]
    assert not any(b"the code is 4711" in path.read_bytes() for path in files)


async def test_a_view_once_text_that_is_none_is_not_spent(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "message.txt").write_bytes(b"\xff\xfe\x00")
    await pair.alice.send_file(pair.to_bob, tmp_path / "message.txt", view_once=True)
    got = await received(pair)
    with pytest.raises(ClientError) as caught:
        await pair.bob.view_once(got.id)
    assert caught.value.code is Code.DAMAGED
    saved = await pair.bob.view_once(got.id, tmp_path / "seen")
    assert isinstance(saved, Path)
    assert saved.read_bytes() == b"\xff\xfe\x00"


async def test_a_view_once_file_opened_twice_at_once_is_saved_once(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    await pair.alice.send_file(pair.to_bob, picture, view_once=True)
    got = await received(pair)
    places = [tmp_path / f"{number}" for number in range(3)]
    ends = await asyncio.gather(
        *(pair.bob.view_once(got.id, each) for each in places), return_exceptions=True
    )
    assert [isinstance(end, Path) for end in ends].count(True) == 1
    assert [each.exists() for each in places].count(True) == 1


async def test_what_was_sent_stays_viewable_at_the_sender(pair: Pair, picture: Path, tmp_path: Path) -> None:
    await pair.alice.disconnect()
    sent = await pair.alice.send_file(pair.to_bob, picture)
    whole = picture.read_bytes()
    picture.unlink()
    assert (await pair.alice.save(sent.id, tmp_path / "while it waits")).read_bytes() == whole
    pair.alice.connect()
    await pair.settle()
    here = (await pair.alice.message(sent.id)).attachment
    assert here is not None
    assert here.state is TransferState.HERE
    await pair.alice.disconnect()
    assert (await pair.alice.save(sent.id, tmp_path / "when it went")).read_bytes() == whole


async def test_deleting_a_file_deletes_the_sealed_copies_and_nothing_a_person_saved(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    sent = await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    saved = await pair.bob.save(got.id, tmp_path / "saved")
    assert sealed_copy(pair, "alice", sent).exists()
    assert sealed_copy(pair, "bob", got).exists()
    await pair.alice.delete(sent.id, for_everyone=True)
    await pair.settle()
    assert picture.exists()
    assert saved.exists()
    assert not list(pair.town.home.profile("alice").attachments.iterdir())
    assert not list(pair.town.home.profile("bob").attachments.iterdir())


@pytest.mark.parametrize("fate", ["changed", "gone", "longer"])
async def test_what_becomes_of_the_file_after_it_was_sent_changes_nothing(
    pair: Pair, picture: Path, fate: str
) -> None:
    whole = picture.read_bytes()
    relay = pair.town.relay
    relay.break_after = Once(frames.PutChunk, 2)
    await pair.alice.disconnect()
    await pair.alice.send_file(pair.to_bob, picture)
    if fate == "changed":
        picture.write_bytes(b"x" * SIZE)
    elif fate == "longer":
        picture.write_bytes(whole * 2)
    else:
        picture.unlink()
    pair.alice.connect()
    got = await received(pair)
    assert await fetched(pair.bob, got) == whole
    chunks: dict[int, set[bytes]] = {}
    for one in relay.seen:
        if isinstance(one, frames.PutChunk):
            chunks.setdefault(one.offset, set()).add(one.data)
    assert {len(each) for each in chunks.values()} == {1}


async def test_one_file_sent_twice_has_two_keys(pair: Pair, picture: Path) -> None:
    sent = [await pair.alice.send_file(pair.to_bob, picture) for _ in range(2)]
    first, second = (sealed_copy(pair, "alice", each).read_bytes() for each in sent)
    assert len(first) == len(second)
    assert sum(x == y for x, y in zip(first, second, strict=True)) < len(first) / 100


async def test_what_cannot_be_sent_leaves_no_sealed_file(pair: Pair, picture: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", MAX_ATTACHMENT_BYTES + 1)
    hopeless = {
        tmp_path / "nothing here": Code.FILE_FAILED,
        tmp_path: Code.FILE_FAILED,
        tmp_path / "pipe": Code.FILE_FAILED,
        tmp_path / "huge": Code.TOO_LARGE,
    }
    for path, code in hopeless.items():
        with pytest.raises(ClientError) as caught:
            await pair.alice.send_file(pair.to_bob, path)
        assert caught.value.code is code
    with pytest.raises(ClientError) as caught:
        await pair.alice.send_file(pair.to_bob, picture, reply_to=MessageId(bytes(16)))
    assert caught.value.code is Code.UNKNOWN_MESSAGE
    assert not list(pair.town.home.profile("alice").attachments.iterdir())


async def test_a_sealed_copy_that_is_gone_fails_its_message(pair: Pair, picture: Path) -> None:
    await pair.alice.disconnect()
    sent = await pair.alice.send_file(pair.to_bob, picture)
    sealed_copy(pair, "alice", sent).unlink()
    pair.alice.connect()
    assert await pair.alice.flushed(WAIT_S)
    assert (await pair.alice.message(sent.id)).delivery is Delivery.FAILED


async def test_a_sealed_copy_that_went_bad_is_noticed_and_fetched_again(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    await pair.bob.download(got.id)
    copy = sealed_copy(pair, "bob", got)
    raw = bytearray(copy.read_bytes())
    raw[SIZE // 2] ^= 1
    copy.write_bytes(raw)
    with pytest.raises(ClientError) as caught:
        await pair.bob.save(got.id, tmp_path / "saved")
    assert caught.value.code is Code.DAMAGED
    assert not (tmp_path / "saved").exists()
    assert await fetched(pair.bob, got) == picture.read_bytes()


async def test_a_file_whose_digest_is_a_lie_is_damaged_and_kept_nowhere(
    pair: Pair, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = contents.Attachment
    with monkeypatch.context() as patch:
        patch.setattr(
            uploading.contents, "Attachment", lambda **fields: real(**(fields | {"digest": bytes(32)}))
        )
        await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    with pytest.raises(ClientError) as caught:
        await pair.bob.download(got.id)
    assert caught.value.code is Code.DAMAGED
    assert not list(pair.town.home.profile("bob").attachments.iterdir())


async def test_a_full_disk_is_told_and_the_download_goes_on_when_there_is_room(
    pair: Pair, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: object, _data: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with monkeypatch.context() as patch:
        patch.setattr(sealed_files, "write_all", full)
        with pytest.raises(ClientError) as caught:
            await pair.alice.send_file(pair.to_bob, picture)
        assert caught.value.code is Code.STORAGE_FULL
    assert not list(pair.town.home.profile("alice").attachments.iterdir())
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    with monkeypatch.context() as patch:
        patch.setattr(sealed_files, "write_all", full)
        with pytest.raises(ClientError) as caught:
            await pair.bob.download(got.id)
        assert caught.value.code is Code.STORAGE_FULL
    assert await fetched(pair.bob, got) == picture.read_bytes()


async def test_nothing_plain_of_a_file_lies_in_either_profile(pair: Pair, tmp_path: Path) -> None:
    canary = b"the canary sings at midnight; "
    path = tmp_path / "canary-name.txt"
    path.write_bytes(canary * 20_000)
    await pair.alice.send_file(pair.to_bob, path, caption="quiet")
    got = await received(pair)
    await pair.bob.download(got.id)
    for name in ("alice", "bob"):
        places = pair.town.home.profile(name)
        found = [each for top in (places.folder, places.logs) for each in top.rglob("*") if each.is_file()]
        assert any(each.name == "sealed" for each in found)
        for each in found:
            raw = each.read_bytes()
            assert canary not in raw
            assert b"canary-name" not in raw
            assert "canary" not in each.name
            assert each.stat().st_mode & 0o777 == 0o600


async def in_the_middle(pair: Pair, got: Message, what: Callable[[], Awaitable[None]]) -> Code:
    """Fetch a file, and do something while the relay keeps back all but its first chunk."""
    relay, held = pair.town.relay, list[frames.Frame]()
    (line,) = (each for each in relay.lines.values() if each.account == pair.bob.profile.account)

    def hold(frame: frames.Frame) -> frames.Frame | None:
        if not isinstance(frame, frames.Chunk) or frame.data == first:
            return frame
        held.append(frame)
        return None

    (blob,) = relay.blobs.values()
    first = bytes(blob[:MAX_CHUNK])
    relay.lie = hold
    events = pair.bob.events()
    fetching = asyncio.create_task(pair.bob.download(got.id))
    async for event in events:
        if isinstance(event, TransferMoved):
            break
    events.close()
    await what()
    relay.lie = lambda frame: frame
    for frame in held:
        line.say(frame)
    with pytest.raises(ClientError) as caught:
        await fetching
    return caught.value.code


async def test_a_file_that_two_want_at_once_is_fetched_once(pair: Pair, picture: Path) -> None:
    """Else the relay could let the one write into what the other has compared."""
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    seen = len(pair.town.relay.seen)
    for one in await asyncio.gather(*(pair.bob.download(got.id) for _ in range(3))):
        assert one.attachment is not None
        assert one.attachment.state is TransferState.HERE
    asked = [one.offset for one in pair.town.relay.seen[seen:] if isinstance(one, frames.FetchChunk)]
    assert asked
    assert len(asked) == len(set(asked))


async def test_whoever_waits_for_a_download_that_is_paused_does_not_begin_it_again(
    pair: Pair, picture: Path
) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    waiting: list[asyncio.Task[Message]] = []

    async def pause() -> None:
        waiting.append(asyncio.create_task(pair.bob.download(got.id)))
        # It has looked at the file, and waits for the other one.
        (lock,) = pair.bob._place._moving.values()
        async with asyncio.timeout(WAIT_S):
            while not lock._waiters:
                await asyncio.sleep(0)
        await pair.bob.pause(got.id)

    assert await in_the_middle(pair, got, pause) is Code.FAILED
    with pytest.raises(ClientError) as told:
        await waiting[0]
    assert told.value.code is Code.FAILED
    shown = (await pair.bob.message(got.id)).attachment
    assert shown is not None
    assert shown.state is TransferState.PAUSED


async def test_a_paused_download_stops_and_goes_on(pair: Pair, picture: Path) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    assert await in_the_middle(pair, got, lambda: pair.bob.pause(got.id)) is Code.FAILED
    shown = (await pair.bob.message(got.id)).attachment
    assert shown is not None
    assert shown.state is TransferState.PAUSED
    assert await fetched(pair.bob, got) == picture.read_bytes()


async def test_no_chunk_is_written_once_a_download_has_ended(
    pair: Pair, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It might stand in a file that the next download has compared with its digest."""
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    writing, go_on, written = threading.Event(), threading.Event(), threading.Event()
    write = SealedFile.write

    def slow(file: SealedFile, index: int, sealed: bytes) -> None:
        writing.set()
        go_on.wait(WAIT_S)
        write(file, index, sealed)
        written.set()

    monkeypatch.setattr(SealedFile, "write", slow)
    downloading = asyncio.create_task(pair.bob.download(got.id))
    assert await asyncio.to_thread(writing.wait, WAIT_S)
    downloading.cancel()
    for _ in range(100):
        await asyncio.sleep(0)
    assert not downloading.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await downloading
    assert written.is_set()


async def test_a_message_deleted_while_its_file_moves_leaves_nothing(pair: Pair, picture: Path) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    got = await received(pair)
    end = await in_the_middle(pair, got, lambda: pair.bob.delete(got.id, for_everyone=False))
    assert end is Code.UNKNOWN_MESSAGE
    assert not list(pair.town.home.profile("bob").attachments.iterdir())


async def test_an_empty_file_travels(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    await pair.alice.send_file(pair.to_bob, tmp_path / "empty.txt")
    got = await received(pair)
    assert await fetched(pair.bob, got) == b""
