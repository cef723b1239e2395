"""Somebody chats before a restore is complete: nothing is lost, doubled, out of order, or back that was deleted."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from letterlock.backup.columns import Columns
from letterlock.backup.records import Record
from letterlock.backup.segments import SegmentRef
from letterlock.ids import ConversationId, MessageId
from letterlock_client.backup_models import Restored
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import RestoreFinished
from letterlock_client.exports.chain import check
from letterlock_client.flows import expiring
from letterlock_client.flows.announcing import EventStream
from letterlock_client.flows.backup import looking_ahead, restoring
from letterlock_client.flows.backup.objects import Objects
from letterlock_client.flows.exporting import Format, Wish
from letterlock_client.flows.workplace import Workplace
from letterlock_client.messenger import Messenger
from letterlock_client.models import Delivery, TransferState
from letterlock_client.providers.interface import UnreachableError
from letterlock_client.shapes import NOT_WHOLE, exported_line
from letterlock_client.storage import backup_import
from letterlock_client.storage.backup_import import Imported
from letterlock_client.storage.database import Database, Transaction
from tests.client.flows.backup.backup_scene import Shelf, Slow, pair, restore, shelf, texts, turn_on
from tests.client.providers.faulty import FaultyProvider
from tests.town import WAIT_S, Pair, eventually

__all__ = ["pair", "shelf"]


@dataclass
class Scene:
    """Alice lost her terminal; her backup has three segments, and gives the two old ones out once they are let go."""

    pair: Pair
    shelf: Shelf
    digits: str
    said: list[str]
    """All that was said before, in order."""
    bobs: list[MessageId]
    """Old messages of Bob's."""
    alices: list[MessageId]
    slow: Slow
    old: list[str]
    """The names of the old segments."""

    async def come_back(self) -> Messenger:
        """Restore so far that she can chat, and open that."""
        done = await restore(self.pair.town, self.digits, early=True)
        assert not done.complete
        assert 2 <= done.messages < len(self.said)
        self.pair.alice = await self.pair.town.open("second")
        return self.pair.alice


@pytest.fixture
async def scene(pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(looking_ahead, "ENOUGH", 2)
    digits = await turn_on(pair.alice)
    bobs: list[MessageId] = []
    alices: list[MessageId] = []
    for age, count, size in (("oldest", 24, 3000), ("old", 10, 2000), ("newest", 3, 10)):
        old = [name for name in shelf.memory.objects if "/segment/" in name]
        for number in range(count):
            text = f"{age} {number} {'x' * size}"
            if number % 2:
                bobs.append((await pair.bob.send_text(pair.to_alice, text)).id)
            else:
                alices.append((await pair.alice.send_text(pair.to_bob, text)).id)
            await pair.settle()
        await pair.alice.backups.back_up()
    said = await texts(pair.alice, pair.to_bob)
    await pair.alice.close()
    assert all(name in shelf.memory.objects for name in old)
    assert len([name for name in shelf.memory.objects if "/segment/" in name]) == len(old) + 1 == 3
    slow = shelf.seen = Slow(shelf.memory, old)
    return Scene(pair, shelf, digits, said, bobs, alices, slow, old)


async def ended(stream: EventStream) -> Restored | str:
    """Wait until a restore ends, or waits; say with what."""
    async with asyncio.timeout(WAIT_S):
        async for event in stream:
            if isinstance(event, RestoreFinished):
                return event.restored or event.error
    raise AssertionError("the profile was closed")


async def whole(person: Messenger) -> Restored:
    """Go on, and be done."""
    stream = person.events()
    person.backups.go_on_restoring()
    done = await ended(stream)
    stream.close()
    assert isinstance(done, Restored)
    return done


async def test_the_newest_messages_are_enough_to_chat_and_the_rest_stands_before_what_comes(
    scene: Scene,
) -> None:
    pair = scene.pair
    alice = await scene.come_back()
    (chat,) = await alice.conversations()
    assert chat.last is not None
    assert chat.last.text.startswith("newest 2")
    shown = await texts(alice, pair.to_bob)
    assert shown == scene.said[-len(shown) :]
    stream = alice.events()
    alice.backups.go_on_restoring()
    async with asyncio.timeout(WAIT_S):
        await scene.slow.reached.wait()
    assert (await alice.backups.status()).restoring_now
    sent = await alice.send_text(pair.to_bob, "I am back")
    await pair.settle()
    await pair.bob.send_text(pair.to_alice, "welcome back")
    await pair.settle()
    welcome = (await alice.history(pair.to_bob, 1))[0]
    await alice.mark_read(pair.to_bob, welcome.id)
    backups = alice.backups
    for refused in (backups.back_up(), backups.turn_off(NO_PASSPHRASE), backups.rehearse()):
        with pytest.raises(ClientError) as failed:
            await refused
        assert failed.value.code is Code.RESTORE_UNFINISHED
    assert await texts(alice, pair.to_bob) == [*shown, "I am back", "welcome back"]
    scene.slow.let_go.set()
    done = await ended(stream)
    assert isinstance(done, Restored)
    assert (done.messages, done.conversations, done.complete) == (len(scene.said) + 2, 1, True)
    assert await texts(alice, pair.to_bob) == [*scene.said, "I am back", "welcome back"]
    assert (await alice.message(sent.id)).delivery is Delivery.DELIVERED
    (chat,) = await alice.conversations()
    assert chat.unread == 0
    status = await alice.backups.status()
    assert (status.restoring, status.restoring_now) == (False, False)
    # The next backup has all of it.
    made = await alice.backups.back_up()
    assert made.messages == len(scene.said) + 2
    await alice.close()
    await restore(pair.town, scene.digits, "third")
    third = await pair.town.open("third", connect=False)
    assert await texts(third, pair.to_bob) == [*scene.said, "I am back", "welcome back"]


async def test_what_comes_about_a_message_that_is_not_back_yet_waits_for_it(scene: Scene) -> None:
    pair = scene.pair
    edited, deleted = scene.bobs[0], scene.bobs[1]
    alice = await scene.come_back()
    with pytest.raises(ClientError):
        await alice.message(edited)
    await pair.bob.edit(edited, "edited meanwhile")
    await pair.bob.edit(edited, "edited twice meanwhile")
    await pair.bob.delete(deleted, for_everyone=True)
    await pair.bob.react(scene.alices[0], "👍")
    await pair.bob.mark_read(pair.to_alice, scene.alices[-1])
    await pair.settle()
    scene.slow.let_go.set()
    done = await whole(alice)
    assert done.messages == len(scene.said)
    assert (await alice.message(edited)).text == "edited twice meanwhile"
    assert (await alice.message(deleted)).deleted
    assert [one.emoji for one in (await alice.message(scene.alices[0])).reactions] == ["👍"]
    assert (await alice.message(scene.alices[0])).delivery is Delivery.READ
    assert (await alice.message(scene.alices[1])).delivery is Delivery.READ


async def with_an_old_request(
    pair: Pair, shelf: Shelf, carol: Messenger, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Slow]:
    """Carol, a stranger, has written in the segments that are held back; Alice lost her terminal. Return her digits."""
    to_alice = await carol.find("alice")
    for number in range(20):
        await carol.send_text(to_alice, f"stranger {number} {'x' * 3000}")
    assert await carol.flushed(WAIT_S)
    await pair.settle()
    monkeypatch.setattr(looking_ahead, "ENOUGH", 2)
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    old = [name for name in shelf.memory.objects if "/segment/" in name]
    for number in range(3):
        await pair.alice.send_text(pair.to_bob, f"newest {number}")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    shelf.seen = slow = Slow(shelf.memory, old)
    return digits, slow


async def test_a_chat_that_is_deleted_meanwhile_stays_deleted(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol = await pair.town.register("carol")
    digits, slow = await with_an_old_request(pair, shelf, carol, monkeypatch)
    assert not (await restore(pair.town, digits, early=True)).complete
    pair.alice = alice = await pair.town.open("second")
    (request,) = await alice.requests()
    await alice.delete_request(request.id)
    slow.let_go.set()
    await whole(alice)
    assert await alice.requests() == []
    with pytest.raises(ClientError):
        await alice.conversation(ConversationId(carol.profile.account))


async def test_who_writes_again_after_their_chat_was_deleted_brings_nothing_of_it_back(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    carol = await pair.town.register("carol")
    to_alice = await carol.find("alice")
    digits, slow = await with_an_old_request(pair, shelf, carol, monkeypatch)
    assert not (await restore(pair.town, digits, early=True)).complete
    pair.alice = alice = await pair.town.open("second")
    (request,) = await alice.requests()
    await alice.delete_request(request.id)
    await carol.send_text(to_alice, "stranger again")

    async def asked_again() -> bool:
        return len(await alice.requests()) == 1

    await eventually(asked_again)
    slow.let_go.set()
    await whole(alice)
    await alice.accept(request.id)
    assert await texts(alice, request.id) == ["stranger again"]
    # The next backup knows it too.
    await alice.backups.back_up()
    await alice.close()
    await restore(pair.town, digits, "third")
    pair.alice = await pair.town.open("third", connect=False)
    assert await texts(pair.alice, request.id) == ["stranger again"]


@pytest.mark.parametrize("come", [0, 1, 2])
async def test_what_was_filled_with_the_oldest_first_and_cut_short_goes_on_beside_chatting(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, come: int
) -> None:
    read = restoring._read
    came: list[SegmentRef] = []

    async def away(store: Objects, key: bytes, ref: SegmentRef) -> restoring.Batches:
        if len(came) == come:
            raise ClientError(Code.PROVIDER_UNREACHABLE, "away")
        came.append(ref)
        return await read(store, key, ref)

    scene.slow.let_go.set()
    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_read", away)
        with pytest.raises(ClientError) as told:
            await restore(scene.pair.town, scene.digits)
        assert told.value.code is Code.PROVIDER_UNREACHABLE
    done = await restore(scene.pair.town, scene.digits, early=True)
    scene.pair.alice = alice = await scene.pair.town.open("second")
    assert (await texts(alice, scene.pair.to_bob))[-1] == scene.said[-1]
    if not done.complete:
        await whole(alice)
    assert await texts(alice, scene.pair.to_bob) == scene.said


async def test_no_older_version_replaces_one_that_a_restore_beside_chatting_brought(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = scene.pair
    scene.slow.let_go.set()
    pair.alice = await pair.town.open("alice")
    # Alice's first message of the second segment: the newest segment has it as it is now.
    await pair.alice.edit(scene.alices[12], "edited since")
    await pair.settle()
    await pair.alice.backups.back_up()
    said = await texts(pair.alice, pair.to_bob)
    assert "edited since" in said
    await pair.alice.close()
    read = restoring._read
    left = 0

    async def away(store: Objects, key: bytes, ref: SegmentRef) -> restoring.Batches:
        nonlocal left
        if not left:
            raise ClientError(Code.PROVIDER_UNREACHABLE, "away")
        left -= 1
        return await read(store, key, ref)

    with monkeypatch.context() as patch:
        patch.setattr(restoring, "_read", away)
        patch.setattr(looking_ahead, "ENOUGH", len(said))
        for early in (False, True):
            left = 1
            with pytest.raises(ClientError) as told:
                await restore(pair.town, scene.digits, early=early)
            assert told.value.code is Code.PROVIDER_UNREACHABLE
    await restore(pair.town, scene.digits)
    pair.alice = await pair.town.open("second")
    assert await texts(pair.alice, pair.to_bob) == said


async def test_whoever_wants_to_write_waits_for_no_whole_segment(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await scene.come_back()
    database = alice._place.database
    before = await database.read(restoring.counts)
    read, take = restoring._read, backup_import.take
    writers: list[asyncio.Task[tuple[int, int]]] = []

    async def one_by_one(store: Objects, key: bytes, ref: SegmentRef) -> restoring.Batches:
        batches = await read(store, key, ref)
        return [[one] for batch in batches for each in batch for one in as_records(each)]

    async def taking(tx: Transaction, *what: Any, **how: Any) -> Imported:
        done = await take(tx, *what, **how)
        if not writers:
            writers.append(asyncio.create_task(database.write(restoring.counts)))
            while not database.writer_is_waited_for:
                await asyncio.sleep(0)
        return done

    monkeypatch.setattr(restoring, "_read", one_by_one)
    monkeypatch.setattr(backup_import, "take", taking)
    scene.slow.let_go.set()
    await whole(alice)
    # The first record that came may be no message.
    there = await writers[0]
    assert there[0] - before[0] in (0, 1)
    assert await texts(alice, scene.pair.to_bob) == scene.said


def as_records(entry: Record | Columns) -> Iterable[Record]:
    return entry.records() if isinstance(entry, Columns) else [entry]


async def test_the_memory_that_importing_took_is_given_back(scene: Scene) -> None:
    def cache(person: Messenger) -> Awaitable[object]:
        return person._place.database.write(lambda tx: tx.value("PRAGMA cache_size"))

    alice = await scene.come_back()
    usual = await cache(alice)
    assert usual == await cache(scene.pair.bob)
    scene.slow.let_go.set()
    await whole(alice)
    assert await cache(alice) == usual


async def test_whoever_stops_it_or_closes_goes_on_at_any_later_time(scene: Scene) -> None:
    alice = await scene.come_back()
    stream = alice.events()
    alice.backups.go_on_restoring()
    async with asyncio.timeout(WAIT_S):
        await scene.slow.reached.wait()
    await alice.backups.stop_restoring()
    assert await ended(stream) == ""
    status = await alice.backups.status()
    assert (status.restoring, status.restoring_now) == (True, False)
    alice.backups.go_on_restoring()
    alice.backups.go_on_restoring()
    assert (await alice.backups.status()).restoring_now
    await alice.close()
    alice = scene.pair.alice = await scene.pair.town.open("second", connect=False)
    assert (await alice.backups.status()).restoring
    scene.slow.let_go.set()
    assert (await whole(alice)).messages == len(scene.said)
    assert await texts(alice, scene.pair.to_bob) == scene.said


@pytest.mark.parametrize("kind", list(Format))
async def test_an_export_of_what_is_not_all_back_says_so(scene: Scene, tmp_path: Path, kind: Format) -> None:
    """In the result, in the file, and there under the device's signature where it has one."""
    alice = await scene.come_back()
    said = []
    for number in range(2):
        wish = Wish(scene.pair.to_bob, tmp_path / f"{number}.{kind.value}", kind, media=False)
        done = await alice.export(wish)
        text = done.path.read_text()
        told = '"whole": false' if kind is Format.JSONL else "A restore was not complete"
        assert (told in text, NOT_WHOLE in exported_line(done, "here")) == (not done.whole, not done.whole)
        if kind is Format.JSONL:
            assert check(text.encode().splitlines(keepends=True)).head == done.head
        said.append((done.whole, done.messages == len(scene.said)))
        if not done.whole:
            scene.slow.let_go.set()
            await whole(alice)
    assert said == [(False, False), (True, True)]


async def test_the_command_finishes_what_the_screen_began(scene: Scene) -> None:
    """It opens the profile without its tasks; what was read and what waits for old messages is applied there too."""
    pair = scene.pair
    alice = await scene.come_back()
    newest = (await alice.history(pair.to_bob, 1))[0]
    await alice.mark_read(pair.to_bob, newest.id)
    await pair.bob.edit(scene.bobs[0], "edited meanwhile")
    await pair.settle()
    await alice.close()
    scene.slow.let_go.set()
    done = await restore(pair.town, scene.digits)
    assert (done.complete, done.messages) == (True, len(scene.said))
    pair.alice = alice = await pair.town.open("second")
    assert (await alice.message(scene.bobs[0])).text == "edited meanwhile"
    (chat,) = await alice.conversations()
    assert chat.unread == 0
    await pair.settle()
    assert (await pair.bob.message(scene.bobs[0])).delivery is Delivery.READ


async def test_a_chat_that_was_read_stays_read_where_its_newest_message_is_gone(scene: Scene) -> None:
    pair = scene.pair
    alice = await scene.come_back()
    await pair.settle()
    newest = (await alice.history(pair.to_bob, 1))[0]
    await alice.mark_read(pair.to_bob, newest.id)
    await alice.delete(newest.id, for_everyone=False)
    scene.slow.let_go.set()
    await whole(alice)
    (chat,) = await alice.conversations()
    assert chat.unread == 0


async def test_what_comes_back_with_its_timer_running_ends_on_time(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_ahead, "ENOUGH", 2)
    digits = await turn_on(pair.alice)
    await pair.alice.set_timer(pair.to_bob, 7 * 86_400)
    for number in range(20):
        await pair.bob.send_text(pair.to_alice, f"for a week {number} {'x' * 3000}")
    await pair.settle()
    await pair.alice.mark_read(pair.to_bob, (await pair.alice.history(pair.to_bob, 1))[0].id)
    await pair.alice.backups.back_up()
    old = [name for name in shelf.memory.objects if "/segment/" in name]
    await pair.alice.set_timer(pair.to_bob, 0)
    for number in range(3):
        await pair.alice.send_text(pair.to_bob, f"newest {number}")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    shelf.seen = slow = Slow(shelf.memory, old)
    pair.town.clock.move(days=7, seconds=-expiring.LONGEST_SLEEP_S / 2)
    assert not (await restore(pair.town, digits, early=True)).complete
    sleeps: list[float] = []
    sweep = expiring.sweep

    async def sweeping(place: Workplace) -> float:
        sleeps.append(await sweep(place))
        return sleeps[-1]

    monkeypatch.setattr(expiring, "sweep", sweeping)
    pair.alice = alice = await pair.town.open("second", connect=False)

    async def asleep() -> bool:
        return bool(sleeps)

    await eventually(asleep)
    assert sleeps == [expiring.LONGEST_SLEEP_S]
    slow.let_go.set()
    await whole(alice)

    async def wakes_in_time() -> bool:
        return sleeps[-1] < expiring.LONGEST_SLEEP_S

    await eventually(wakes_in_time)


async def test_a_crash_at_any_of_its_commits_loses_and_doubles_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.slow.let_go.set()
    await scene.come_back()
    await scene.pair.alice.close()
    write = Database.write
    deaths = 0
    for at in range(1, 50):
        steps = 0

        async def committing(self: Database, work: Callable[..., object], at: int = at) -> object:
            nonlocal steps
            done = await write(self, work)  # type: ignore[arg-type]
            task = asyncio.current_task()
            if task is not None and task.get_name() == "restore":
                steps += 1
                if steps == at:
                    raise ClientError(Code.STORAGE_FAILED, "dead")
            return done

        alice = await scene.pair.town.open("second", connect=False)
        if await alice.backups.unfinished() is None:
            # It died after its last commit.
            await alice.close()
            break
        with monkeypatch.context() as patch:
            patch.setattr(Database, "write", committing)
            stream = alice.events()
            alice.backups.go_on_restoring()
            done = await ended(stream)
        await alice.close()
        if isinstance(done, Restored):
            break
        deaths += 1
    assert deaths >= 2
    alice = await scene.pair.town.open("second", connect=False)
    assert await texts(alice, scene.pair.to_bob) == scene.said


async def test_a_provider_that_is_away_is_told_and_asked_again(scene: Scene) -> None:
    alice = await scene.come_back()
    faulty = FaultyProvider(scene.shelf.memory)
    faulty.at_call = {number: lambda: UnreachableError("the disk is not there") for number in range(1, 9)}
    scene.shelf.seen = faulty
    stream = alice.events()
    alice.backups.go_on_restoring()
    assert await ended(stream) == "the disk is not there"
    done = await ended(stream)
    while isinstance(done, str):
        done = await ended(stream)
    assert done.messages == len(scene.said)


async def test_a_damaged_segment_is_told_and_chats_go_on_until_somebody_repairs_it(scene: Scene) -> None:
    pair = scene.pair
    alice = await scene.come_back()
    scene.slow.let_go.set()
    body = scene.shelf.memory.objects[scene.old[0]]
    scene.shelf.memory.objects[scene.old[0]] = body[:100] + bytes([body[100] ^ 1]) + body[101:]
    stream = alice.events()
    alice.backups.go_on_restoring()
    error = await ended(stream)
    assert isinstance(error, str)
    assert "damaged" in error
    await alice.send_text(pair.to_bob, "still here")
    await pair.settle()

    async def heard() -> bool:
        return (await texts(pair.bob, pair.to_alice))[-1] == "still here"

    await eventually(heard)
    assert (await alice.backups.status()).restoring
    scene.shelf.memory.objects[scene.old[0]] = body
    assert (await whole(alice)).messages == len(scene.said) + 1


async def test_a_file_that_is_wanted_while_it_comes_back_is_fetched_once(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    plain = bytes(range(256)) * 200
    (tmp_path / "plan.bin").write_bytes(plain)
    digits = await turn_on(pair.alice)
    await pair.alice.send_file(pair.to_bob, tmp_path / "plan.bin")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    (media,) = [name for name in shelf.memory.objects if "/media/" in name]
    shelf.seen = slow = Slow(shelf.memory, [media], free=0)
    done = await restore(pair.town, digits, early=True)
    assert (done.complete, done.messages, done.media) == (False, 3, 0)
    pair.alice = alice = await pair.town.open("second", connect=False)
    stream = alice.events()
    alice.backups.go_on_restoring()
    async with asyncio.timeout(WAIT_S):
        await slow.reached.wait()
    (message,) = await alice.history(pair.to_bob, 1)
    saving = asyncio.create_task(alice.save(message.id, tmp_path / "back.bin"))
    held = alice._place.moving_alone(message.id)

    async def both_want_it() -> bool:
        return bool(held._waiters)

    await eventually(both_want_it)
    slow.let_go.set()
    back = await ended(stream)
    assert isinstance(back, Restored)
    assert back.media == 1
    assert (await saving).read_bytes() == plain
    (message,) = await alice.history(pair.to_bob, 1)
    assert message.attachment is not None
    assert message.attachment.state is TransferState.HERE
    assert slow.looks[media] == 1


async def test_a_small_backup_is_complete_at_once(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    done = await restore(pair.town, digits, early=True)
    assert (done.complete, done.messages) == (True, 2)
    alice = await pair.town.open("second")
    assert not (await alice.backups.status()).restoring
