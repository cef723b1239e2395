"""A backup that goes to another place: all of it comes along, or what stays behind is said before."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import looking_ahead
from letterlock_client.flows.workplace import Work
from letterlock_client.left_behind import LeftBehind
from letterlock_client.messenger import Messenger
from letterlock_client.models import TransferState
from letterlock_client.providers.interface import UnreachableError
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.storage import settings
from tests.client.flows.backup.backup_scene import (
    LONG,
    PROVIDER,
    Shelf,
    flipped,
    pair,
    restore,
    shelf,
    spoil,
    turn_on,
)
from tests.client.providers.faulty import FaultyProvider
from tests.town import Pair

__all__ = ["pair", "shelf"]

OTHER = "folder:/other"
SIZE = 50_000


@pytest.fixture
def other(shelf: Shelf) -> MemoryProvider:
    shelf.others[OTHER] = provider = MemoryProvider()
    return provider


async def back_without_files(pair: Pair, folder: Path) -> tuple[Messenger, str]:
    """Two chats and two files in a backup; a new terminal has one chat, and no file yet."""
    carol = await pair.town.register("carol")
    to_carol = await pair.alice.find("carol")
    await pair.alice.send_text(to_carol, "only in the backup")
    digits = await turn_on(pair.alice)
    for number in range(8):
        await pair.alice.send_text(pair.to_bob, f"{number} {LONG}")
    for name in ("one", "two"):
        (folder / name).write_bytes(name.encode() * (SIZE // 3))
        await pair.alice.send_file(pair.to_bob, folder / name)
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.send_text(pair.to_bob, "later")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await carol.close()
    await restore(pair.town, digits, chats=("bob",), media_later=True)
    pair.alice = await pair.town.open("second")
    return pair.alice, digits


async def test_everything_comes_along_that_is_in_the_backup_and_not_here(
    pair: Pair, shelf: Shelf, other: MemoryProvider, tmp_path: Path
) -> None:
    alice, digits = await back_without_files(pair, tmp_path)
    left = await alice.backups.left_behind()
    assert (left.files, left.bytes >= 2 * SIZE - 10) == (2, True)
    before = dict(shelf.memory.objects)
    assert (await alice.backups.move(OTHER)).provider == OTHER
    (note,) = [name for name in other.objects if "/takeover/" in name]
    assert other.objects.items() - {(note, other.objects[note])} <= before.items()
    verified = await alice.backups.verify()
    assert (verified.media, verified.problems) == (2, ())
    # The old place is needed no more, and only what is new is sent.
    shelf.memory.objects.clear()
    await alice.send_text(pair.to_bob, "from the new place")
    await pair.settle()
    made = await alice.backups.back_up()
    assert (made.media_written, made.generation, made.alarm) == (0, 3, "")
    files = [one for one in await alice.history(pair.to_bob, 100) if one.attachment is not None]
    assert len(files) == 2
    for one in files:
        await alice.download(one.id)
        shown = (await alice.message(one.id)).attachment
        assert shown is not None
        assert shown.state is TransferState.HERE
    assert await alice.backups.left_behind() == LeftBehind(0, 0, chats=True, conversations=1, messages=1)
    await alice.close()
    done = await restore(pair.town, digits, "third", provider=OTHER)
    # The chat with Carol that never came here is there as well.
    assert (done.conversations, done.media) == (2, 2)


@pytest.mark.parametrize("fault", ["a damaged segment", "away", "gone"])
async def test_files_that_would_be_left_behind_are_counted_and_nothing_changes(
    pair: Pair, shelf: Shelf, other: MemoryProvider, tmp_path: Path, fault: str
) -> None:
    alice, digits = await back_without_files(pair, tmp_path)
    kept = dict(shelf.memory.objects)
    if fault == "a damaged segment":
        spoil(shelf, max(name for name in kept if "/segment/" in name), flipped)
    elif fault == "gone":
        shelf.memory.objects.clear()
    else:
        shelf.seen = Away(shelf.memory)
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER)
    assert told.value.facts["files"] == 2
    assert "2 files" in told.value.message
    assert (await alice.backups.status()).provider != OTHER
    assert not [name for name in other.objects if "/manifest/" in name]
    # Whoever brings it back goes on with what was carried already.
    shelf.seen, shelf.memory.objects = shelf.memory, kept
    await alice.backups.move(OTHER)
    assert (await alice.backups.verify()).problems == ()
    await alice.close()
    assert (await restore(pair.town, digits, "third", provider=OTHER)).media == 2


async def test_chats_that_would_be_left_behind_are_told_too(
    pair: Pair, shelf: Shelf, other: MemoryProvider, tmp_path: Path
) -> None:
    alice, digits = await back_without_files(pair, tmp_path)
    for one in await alice.history(pair.to_bob, 100):
        if one.attachment is not None:
            await alice.download(one.id)
    shelf.memory.objects.clear()
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER)
    assert "Only in the backup so far: 1 chat with at most 1 message." in told.value.message
    assert (told.value.facts["chats"], told.value.facts["messages"]) == (1, 1)
    assert (await alice.backups.status()).provider != OTHER
    await alice.backups.move(OTHER, anew=True)
    await alice.backups.back_up()
    assert await alice.backups.left_behind() == LeftBehind(0, 0)
    await alice.close()
    # Where everything came back there is nothing to tell.
    await restore(pair.town, digits, "third", provider=OTHER)
    third = await pair.town.open("third", connect=False)
    assert await third.backups.left_behind() == LeftBehind(0, 0)


async def test_whoever_says_so_begins_anew_without_them(
    pair: Pair, shelf: Shelf, other: MemoryProvider, tmp_path: Path
) -> None:
    alice, digits = await back_without_files(pair, tmp_path)
    shelf.memory.objects.clear()
    await alice.backups.move(OTHER, anew=True)
    assert ["/takeover/" in name for name in other.objects] == [True]
    await alice.backups.back_up()
    verified = await alice.backups.verify()
    assert (verified.media, verified.problems) == (0, ())
    await alice.close()
    assert (await restore(pair.town, digits, "third", provider=OTHER)).conversations == 1


async def test_what_lies_in_the_new_place_and_is_not_whole_is_written_again(
    pair: Pair, shelf: Shelf, other: MemoryProvider, tmp_path: Path
) -> None:
    alice, _ = await back_without_files(pair, tmp_path)
    older = min(name for name in shelf.memory.objects if "/manifest/" in name)
    other.objects = {name: body[:-1] for name, body in shelf.memory.objects.items() if name != older}
    await alice.backups.move(OTHER)
    assert (await alice.backups.verify()).problems == ()


async def test_no_place_is_taken_that_another_terminal_of_the_account_uses(
    pair: Pair, shelf: Shelf, other: MemoryProvider
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    other.objects = dict(shelf.memory.objects)
    await restore(pair.town, digits, provider=OTHER)
    again = await pair.town.open("second", connect=False)
    await again.backups.back_up()
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.move(OTHER)
    assert told.value.code is Code.DEVICE_REVOKED
    await again.close()


async def test_a_terminal_that_was_put_out_where_it_is_goes_nowhere_else(
    pair: Pair, shelf: Shelf, other: MemoryProvider
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await restore(pair.town, digits)
    for anew in (False, True):
        with pytest.raises(ClientError) as told:
            await pair.alice.backups.move(OTHER, anew=anew)
        assert told.value.code is Code.DEVICE_REVOKED
    assert other.objects == {}


@pytest.mark.parametrize("anew", [False, True])
async def test_a_terminal_that_was_put_out_knows_it_in_a_third_place_too(
    pair: Pair, shelf: Shelf, other: MemoryProvider, anew: bool
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await restore(pair.town, digits)
    again = await pair.town.open("second", connect=False)
    for _ in range(2):
        await again.backups.move(OTHER, anew=anew)
        await again.backups.move(PROVIDER)
    assert len([name for name in shelf.memory.objects if "/takeover/" in name]) == 1
    await again.backups.move(OTHER, anew=anew)
    assert len([name for name in other.objects if "/takeover/" in name]) == 1
    shelf.seen = Away(shelf.memory)
    kept = dict(other.objects)
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.move(OTHER, anew=True)
    assert told.value.code is Code.DEVICE_REVOKED
    assert other.objects == kept
    await again.close()


async def test_a_file_of_which_only_a_part_comes_is_not_taken_for_whole(
    pair: Pair, shelf: Shelf, other: MemoryProvider, tmp_path: Path
) -> None:
    alice, _ = await back_without_files(pair, tmp_path)
    shelf.seen = Short(shelf.memory)
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER)
    assert told.value.code is Code.BACKUP_TRUNCATED
    assert (await alice.backups.status()).provider != OTHER
    shelf.seen = shelf.memory
    shelf.others[OTHER] = Forgetful(other)
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER)
    assert told.value.code is Code.BACKUP_MISMATCH
    assert not [name for name in other.objects if "/manifest/" in name]
    shelf.others[OTHER] = other
    await alice.backups.move(OTHER)
    assert (await alice.backups.verify()).problems == ()


async def test_backups_that_are_off_go_nowhere(pair: Pair, other: MemoryProvider) -> None:
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.move(OTHER)
    assert told.value.code is Code.BACKUP_OFF
    await turn_on(pair.alice)
    # There is nothing to carry yet.
    assert (await pair.alice.backups.move(OTHER)).provider == OTHER
    assert (await pair.alice.backups.back_up()).generation == 1
    assert other.objects
    assert (await pair.alice.backups.turn_off(NO_PASSPHRASE)).objects_deleted == len(other.objects) + 2


class Away(FaultyProvider):
    """A place that gives nothing out."""

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        raise UnreachableError(f"{name} is away")


class Short(FaultyProvider):
    """A place that gives the last byte of no file."""

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        body = await super().get(name, start, length)
        return body[:-1] if "/media/" in name else body


class Forgetful(FaultyProvider):
    """A place that keeps all but the last byte of a file."""

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        if "/media/" in name and not isinstance(data, bytes):
            return await super().put(name, b"".join([part async for part in data])[:-1])
        return await super().put(name, data)


async def test_chats_that_an_older_release_left_out_are_told_without_a_number(pair: Pair) -> None:
    async def note(work: Work) -> None:
        await settings.set_fact(work.tx, "backup_partly_here", b"chats")

    await pair.alice._place.transact(note)
    found = await pair.alice.backups.left_behind()
    assert found == LeftBehind(0, 0, chats=True)
    assert found.words == "chats that were not restored"


async def test_chats_that_an_earlier_release_counted_are_struck_off_as_they_come(
    pair: Pair, shelf: Shelf
) -> None:
    digits = await with_four_chats(pair)
    await restore(pair.town, digits, chats=("bob",))
    alice = await pair.town.open("second", connect=False)

    async def note(work: Work) -> None:
        await settings.set_fact(work.tx, "backup_left_out", None)
        await settings.set_fact(work.tx, "backup_partly_here", msgspec.msgpack.encode((3, 6)))

    await alice._place.transact(note)
    await alice.close()
    assert await left(pair) == LeftBehind(0, 0, chats=True, conversations=3, messages=6)
    await restore(pair.town, digits, chats=("carol",))
    assert await left(pair) == LeftBehind(0, 0, chats=True, conversations=2, messages=6)
    await restore(pair.town, digits)
    assert await left(pair) == LeftBehind(0, 0)


async def with_four_chats(pair: Pair) -> str:
    """A backup of chats with Bob, Carol, Dave and Erin, whose device is lost."""
    digits = await turn_on(pair.alice)
    for number, name in enumerate(("carol", "dave", "erin"), 1):
        person = await pair.town.register(name)
        for _ in range(number):
            await pair.alice.send_text(await pair.alice.find(name), "hello")
        await pair.settle()
        await person.close()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    return digits


async def left(pair: Pair) -> LeftBehind:
    alice = await pair.town.open("second", connect=False)
    try:
        return await alice.backups.left_behind()
    finally:
        await alice.close()


async def test_restores_of_some_chats_one_after_the_other_leave_out_what_none_of_them_brought(
    pair: Pair, shelf: Shelf
) -> None:
    digits = await with_four_chats(pair)
    await restore(pair.town, digits, chats=("bob",))
    assert await left(pair) == LeftBehind(0, 0, chats=True, conversations=3, messages=6)
    await restore(pair.town, digits, chats=("carol",))
    assert await left(pair) == LeftBehind(0, 0, chats=True, conversations=2, messages=5)
    # What is here already changes nothing, nor does another backup in between.
    await restore(pair.town, digits, chats=("bob", "carol"))
    alice = await pair.town.open("second", connect=False)
    await alice.save_draft(pair.to_bob, "a draft")
    await alice.backups.back_up()
    await alice.close()
    await restore(pair.town, digits, chats=("erin",))
    assert await left(pair) == LeftBehind(0, 0, chats=True, conversations=1, messages=2)
    await restore(pair.town, digits)
    assert await left(pair) == LeftBehind(0, 0)
    await restore(pair.town, digits, chats=("bob",))
    assert await left(pair) == LeftBehind(0, 0)


async def test_a_restore_of_some_chats_beside_all_of_them_leaves_nothing_out(
    pair: Pair, shelf: Shelf
) -> None:
    digits = await with_four_chats(pair)
    await restore(pair.town, digits, "alice", chats=("bob",))
    alice = await pair.town.open("alice", connect=False)
    assert await alice.backups.left_behind() == LeftBehind(0, 0)


async def test_one_that_gives_way_to_a_restore_of_some_chats_has_left_out_what_it_did_not_bring(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_ahead, "ENOUGH", 1)
    digits = await with_four_chats(pair)
    alice = await pair.town.open("alice")
    for number in range(20):
        await alice.send_text(pair.to_bob, f"{number} {LONG}")
    await alice.backups.back_up()
    await alice.send_text(pair.to_bob, "the newest")
    await alice.backups.back_up()
    await alice.close()
    assert not (await restore(pair.town, digits, early=True)).complete
    await restore(pair.town, digits, chats=("carol",))
    left_out = await left(pair)
    assert (left_out.chats, left_out.conversations) == (True, 3)
    await restore(pair.town, digits)
    assert await left(pair) == LeftBehind(0, 0)
