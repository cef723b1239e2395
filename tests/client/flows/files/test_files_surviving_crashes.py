"""Wherever a program stops while a file moves: the next start finds it whole, or goes on, or never began."""

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from letterlock.messaging.attachments import AttachmentChunks
from letterlock.wire import frames
from letterlock_client.errors import ClientError
from letterlock_client.messenger import Messenger
from letterlock_client.models import Message, TransferState
from letterlock_client.storage import attachments
from tests.client.flows.test_surviving_crashes import CrashError, crash_at
from tests.simulator import Chance, Once
from tests.town import WAIT_S, Pair

SIZE = 500_000
WHOLE = Chance("a picture")(SIZE)


class Stopped:
    """Runs a coroutine to its n-th waiting, and cancels it there."""

    def __init__(self, work: Coroutine[Any, Any, object], number: int) -> None:
        self._work = work
        self._left = number
        self.hit = False

    def __await__(self) -> Generator[Any, Any, object]:
        running = self._work.__await__()
        step = running.send(None)
        while True:
            self._left -= 1
            try:
                if self._left == 0:
                    self.hit = True
                    # What waited is told, as a task's own cancellation would tell it.
                    step.cancel()
                    yield step if not step.done() else None
                    step = running.throw(asyncio.CancelledError())
                    continue
                yield step
                step = running.send(None)
            except StopIteration as end:
                return end.value


async def run(work: Stopped) -> object:
    return await work


async def stop_at(work: Coroutine[Any, Any, object], number: int) -> bool:
    """Say whether it was stopped."""
    stopped = Stopped(work, number)
    with suppress(asyncio.CancelledError, ClientError):
        await asyncio.create_task(run(stopped))
    return stopped.hit


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "holiday.png"
    path.write_bytes(WHOLE)
    return path


async def reopened(pair: Pair, name: str, *, connect: bool = True) -> Messenger:
    with suppress(CrashError):
        await getattr(pair, name).close()
    person = await pair.town.open(name, connect=connect)
    setattr(pair, name, person)
    return person


async def check_folder(person: Messenger) -> None:
    """What lies in the folder is what the database names, no more and no less."""
    place = person._place
    named = await place.database.read(attachments.paths)
    folder = place.places.attachments
    found = {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}
    assert found <= named
    assert {str(each.relative_to(folder)) for each in folder.iterdir()} == {
        each.partition("/")[0] for each in found
    }


async def saved(person: Messenger, message: Message, folder: Path) -> bytes:
    path = await person.save(message.id, folder)
    try:
        return path.read_bytes()
    finally:
        path.unlink()


async def test_sending_a_file_stopped_anywhere_sends_it_whole_or_not_at_all(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    for number in range(1, 60):
        await pair.alice.disconnect()
        hit = await stop_at(pair.alice.send_file(pair.to_bob, picture), number)
        await reopened(pair, "alice")
        await check_folder(pair.alice)
        await pair.settle()
        sent = [one for one in await pair.alice.history(pair.to_bob, 100) if one.attachment]
        got = [one for one in await pair.bob.history(pair.to_alice, 100) if one.attachment]
        assert [one.id for one in got] == [one.id for one in sent]
        if not hit:
            break
    assert number > 3
    assert sent
    for one in got:
        assert await saved(pair.bob, one, tmp_path) == WHOLE


async def test_sealing_that_crashes_anywhere_leaves_no_message_and_no_file(
    pair: Pair, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.alice.disconnect()
    firsts: list[bytes] = []
    real = AttachmentChunks.seal
    for fatal in range(3):
        left = fatal

        def seal(chunks: AttachmentChunks, index: int, plaintext: bytes) -> bytes:
            nonlocal left
            if index == 0:
                firsts.append(real(chunks, index, plaintext))
            left -= 1
            if left < 0:
                raise CrashError
            return real(chunks, index, plaintext)

        with monkeypatch.context() as patch:
            patch.setattr(AttachmentChunks, "seal", seal)
            with pytest.raises(CrashError):
                await pair.alice.send_file(pair.to_bob, picture)
        assert not list(pair.town.home.profile("alice").attachments.iterdir())
    assert len(set(firsts)) == 3, "another key for each sealing"
    assert not [one for one in await pair.alice.history(pair.to_bob, 100) if one.attachment]


async def test_an_upload_that_crashes_at_any_statement_goes_on_with_the_same_bytes(
    pair: Pair, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Message] = []
    await pair.bob.disconnect()
    for number in range(1, 60):
        await pair.alice.disconnect()
        sent.append(await pair.alice.send_file(pair.to_bob, picture))
        with crash_at(number, monkeypatch) as point:
            pair.alice.connect()
            with suppress(CrashError):
                await pair.alice.flushed(WAIT_S)
            with suppress(CrashError):
                await pair.alice.close()
        await reopened(pair, "alice")
        await check_folder(pair.alice)
        assert await pair.alice.flushed(WAIT_S)
        if not point.hit:
            break
    assert number > 5
    pair.bob.connect()
    await pair.settle()
    got = [one for one in await pair.bob.history(pair.to_alice, 100) if one.attachment]
    assert [one.id for one in got] == [one.id for one in sent]
    assert await saved(pair.bob, got[0], tmp_path) == WHOLE
    assert await saved(pair.bob, got[-1], tmp_path) == WHOLE
    chunks: dict[tuple[bytes, int], set[bytes]] = {}
    for one in pair.town.relay.seen:
        if isinstance(one, frames.PutChunk):
            chunks.setdefault((one.blob, one.offset), set()).add(one.data)
    assert all(len(each) == 1 for each in chunks.values())


async def test_a_download_stopped_anywhere_goes_on_and_nothing_half_is_called_here(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    await pair.settle()
    got = (await pair.bob.history(pair.to_alice, 1))[0]
    copy = pair.town.home.profile("bob").attachments / got.id.hex() / "sealed"
    for number in range(1, 200):
        hit = await stop_at(pair.bob.download(got.id), number)
        bob = await reopened(pair, "bob")
        await check_folder(bob)
        shown = (await bob.message(got.id)).attachment
        assert shown is not None
        assert shown.state is not TransferState.MOVING
        if shown.state is TransferState.HERE:
            await bob.disconnect()
            assert await saved(bob, got, tmp_path) == WHOLE
            bob.connect()
            assert await bob.connected(WAIT_S)
        if number % 4 == 0:
            assert await saved(bob, got, tmp_path) == WHOLE
        copy.unlink(missing_ok=True)
        if not hit:
            break
    assert number > 10


async def test_saving_stopped_anywhere_leaves_a_whole_file_or_none(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    sent = await pair.alice.send_file(pair.to_bob, picture)
    folder = tmp_path / "chosen"
    folder.mkdir()
    for number in range(1, 60):
        hit = await stop_at(pair.alice.save(sent.id, folder / "copy"), number)
        for each in folder.iterdir():
            assert each.name == "copy"
            assert each.read_bytes() == WHOLE
            each.unlink()
        if not hit:
            break
    assert number > 3


@pytest.mark.parametrize("torn", ["cut", "zeros", "longer tail"])
async def test_what_a_power_cut_left_of_a_download_is_not_believed(
    pair: Pair, picture: Path, tmp_path: Path, torn: str
) -> None:
    await pair.alice.send_file(pair.to_bob, picture)
    await pair.settle()
    got = (await pair.bob.history(pair.to_alice, 1))[0]
    relay = pair.town.relay
    relay.break_before = Once(frames.FetchChunk, 2)
    with pytest.raises(ClientError):
        await pair.bob.download(got.id)
    copy = pair.town.home.profile("bob").attachments / got.id.hex() / "sealed"
    size = copy.stat().st_size
    assert size > 0
    if torn == "cut":
        copy.write_bytes(copy.read_bytes()[: size // 2])
    elif torn == "zeros":
        copy.write_bytes(bytes(size))
    else:
        copy.write_bytes(copy.read_bytes() + bytes(10))
    await reopened(pair, "bob")
    assert await saved(pair.bob, got, tmp_path) == WHOLE


async def test_a_start_deletes_what_no_message_names_and_nothing_else(
    pair: Pair, picture: Path, tmp_path: Path
) -> None:
    sent = await pair.alice.send_file(pair.to_bob, picture)
    folder = pair.town.home.profile("alice").attachments
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "sealed").write_bytes(b"somebody's own")
    (folder / ("0" * 32)).mkdir()
    (folder / ("0" * 32) / "sealed").write_bytes(b"stray")
    (folder / ("1" * 32)).mkdir()
    (folder / sent.id.hex() / "sealed.old").write_bytes(b"stray")
    (folder / ("2" * 32)).symlink_to(outside)
    alice = await reopened(pair, "alice")
    assert [each.name for each in folder.iterdir() if not each.is_symlink()] == [sent.id.hex()]
    assert [each.name for each in (folder / sent.id.hex()).iterdir()] == ["sealed"]
    assert (outside / "sealed").exists()
    assert await saved(alice, sent, tmp_path) == WHOLE
