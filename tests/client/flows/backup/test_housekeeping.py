"""Backups by themselves: made when they are due, purged of what was deleted, and never more than is needed."""

import asyncio

import pytest

from letterlock.backup.generations import KEPT_GENERATIONS
from letterlock.backup.manifest import open_manifest, prefix_of, segment_name
from letterlock.backup.records import MessageRecord, Record, TombstoneRecord
from letterlock.backup.segments import open_segment
from letterlock_client.backup_models import Frequency
from letterlock_client.backup_shapes import status_line
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import BackupFinished
from letterlock_client.flows.backup.terms import require
from letterlock_client.messenger import Messenger
from letterlock_client.providers.interface import UnreachableError
from letterlock_client.providers.memory import MemoryProvider
from tests.client.flows.backup.backup_scene import (
    FAULTS,
    Fault,
    Shelf,
    Stuck,
    flipped,
    pair,
    restore,
    shelf,
    spoil,
    texts,
    turn_on,
)
from tests.client.providers.faulty import FaultyProvider
from tests.town import Pair, eventually

__all__ = ["pair", "shelf"]


async def records(person: Messenger, shelf: Shelf) -> list[Record]:
    """Everything that the newest generation holds, old versions included."""
    state = await require(person._place)
    manifest = open_manifest(state.backup_key, state.manifest_name, state.manifest)
    found: list[Record] = []
    for ref in manifest.segments:
        name = segment_name(state.backup_key, ref.id)
        found += [each for batch in open_segment(ref, name, shelf.memory.objects[name]) for each in batch]
    return found


def objects_of(shelf: Shelf, kind: str) -> list[str]:
    return [name for name in shelf.memory.objects if f"/{kind}/" in name]


async def test_a_deleted_message_leaves_the_newest_generation_within_a_week(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    secret = await pair.alice.send_text(pair.to_bob, "a secret")
    blank = await pair.alice.send_text(pair.to_bob, "another secret")
    for number in range(30):
        await pair.alice.send_text(pair.to_bob, f"talk {number}")
    await pair.alice.backups.back_up()
    await pair.alice.delete(secret.id, for_everyone=False)
    await pair.alice.delete(blank.id, for_everyone=True)
    await pair.alice.backups.back_up()
    pair.town.clock.move(days=6.5)
    await pair.alice.send_text(pair.to_bob, "later")
    await pair.alice.backups.back_up()
    held = await records(pair.alice, shelf)
    texts = [each.text for each in held if isinstance(each, MessageRecord)]
    assert "a secret" not in texts
    assert "another secret" not in texts
    assert "talk 7" in texts
    assert any(isinstance(each, TombstoneRecord) and each.id == secret.id for each in held)
    assert (await pair.alice.backups.rehearse()).differences == ()


async def test_generations_and_garbage_leave_and_everything_still_restores(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    for number in range(12):
        await pair.alice.send_text(pair.to_bob, f"day {number}")
        await pair.alice.backups.back_up()
        pair.town.clock.move(days=1.1)
    assert len(objects_of(shelf, "manifest")) <= 9
    stray = f"{prefix_of((await require(pair.alice._place)).backup_key)}/segment/{'ab' * 16}"
    shelf.memory.objects[stray] = b"left by a crash"
    for number in range(10):
        await pair.alice.send_text(pair.to_bob, f"more {number}")
        await pair.alice.backups.back_up()
        pair.town.clock.move(days=1.1)
        if number == 3:
            assert stray in shelf.memory.objects
    assert stray not in shelf.memory.objects
    # Sizes at least double: of 24 small generations few segments are left.
    state = await require(pair.alice._place)
    assert len(open_manifest(state.backup_key, state.manifest_name, state.manifest).segments) <= 5
    assert (await pair.alice.backups.verify()).problems == ()
    assert (await pair.alice.backups.rehearse()).differences == ()


def stray_of(prefix: str, shelf: Shelf) -> str:
    """Something that no generation that opens refers to."""
    name = f"{prefix}/segment/{'cd' * 16}"
    shelf.memory.objects[name] = b"of a generation that does not open"
    return name


async def day(pair: Pair, number: int) -> None:
    await pair.alice.send_text(pair.to_bob, f"day {number}")
    await pair.alice.backups.back_up()
    pair.town.clock.move(days=1.1)


async def with_damaged_second(pair: Pair, shelf: Shelf, days: int, fault: Fault) -> tuple[str, str]:
    """Back up for some days, and spoil the second manifest: its name, and one that nothing refers to."""
    await pair.alice.disconnect()
    for number in range(days):
        await day(pair, number)
    second = sorted(objects_of(shelf, "manifest"))[1]
    spoil(shelf, second, fault)
    return second, stray_of(prefix_of((await require(pair.alice._place)).backup_key), shelf)


@pytest.mark.parametrize("fault", FAULTS[:3])
async def test_an_older_generation_that_is_damaged_keeps_what_may_be_its_own_until_it_is_out_of_retention(
    pair: Pair, shelf: Shelf, fault: Fault
) -> None:
    digits = await turn_on(pair.alice)
    second, stray = await with_damaged_second(pair, shelf, 3, fault)
    for number in range(3, 8):
        await day(pair, number)
        assert {second, stray} <= shelf.memory.objects.keys()
    assert (await pair.alice.backups.status()).unreadable == (2,)
    assert "2. Nothing that may be" in status_line(await pair.alice.backups.status())
    (problem,) = (await pair.alice.backups.verify()).problems
    assert problem.startswith("Backup 2, an older one, is damaged")
    # Now as many newer ones are there as are kept at all.
    await day(pair, 8)
    assert second not in shelf.memory.objects
    assert (await pair.alice.backups.status()).unreadable == ()
    for number in range(9, 16):
        assert stray in shelf.memory.objects
        await day(pair, number)
    assert stray not in shelf.memory.objects
    assert len(objects_of(shelf, "manifest")) <= 9
    verified = await pair.alice.backups.verify()
    assert (verified.problems, verified.messages) == ((), 18)
    assert (await pair.alice.backups.rehearse()).differences == ()
    await pair.alice.close()
    assert (await restore(pair.town, digits)).messages == 18


async def test_mending_takes_a_damaged_older_generation_away_and_nothing_that_another_one_needs(
    pair: Pair, shelf: Shelf
) -> None:
    await turn_on(pair.alice)
    second, stray = await with_damaged_second(pair, shelf, 4, flipped)
    await day(pair, 4)
    assert (await pair.alice.backups.status()).unreadable == (2,)
    kept = set(shelf.memory.objects) - {second}
    assert (await pair.alice.backups.back_up(mend=True)).damaged == 1
    assert second not in shelf.memory.objects
    assert kept <= shelf.memory.objects.keys()
    assert (await pair.alice.backups.status()).unreadable == ()
    assert (await pair.alice.backups.verify()).problems == ()
    pair.town.clock.move(days=7)
    await day(pair, 5)
    assert stray not in shelf.memory.objects


@pytest.mark.parametrize("strange", ["newer format", "a higher number", "away"])
async def test_what_may_be_another_terminal_s_generation_stops_everything_and_stays(
    pair: Pair, shelf: Shelf, strange: str
) -> None:
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    for number in range(3):
        await day(pair, number)
    prefix = prefix_of((await require(pair.alice._place)).backup_key)
    number = 2**40 if strange == "a higher number" else 1
    name = f"{prefix}/manifest/{number:014x}-{'ef' * 8}"
    shelf.memory.objects[name] = b"LLB\x63" + bytes(2000) if strange == "newer format" else b"LLB\x01"
    if strange == "away":
        shelf.seen = Away(shelf.memory, name)
    stray = stray_of(prefix, shelf)
    for count in range(3, 14):
        await day(pair, count)
    await pair.alice.backups.back_up(mend=True)
    assert {name, stray} <= shelf.memory.objects.keys()
    assert len(objects_of(shelf, "manifest")) >= 15


class Away(FaultyProvider):
    """A provider that cannot give one object out."""

    def __init__(self, inner: MemoryProvider, name: str) -> None:
        super().__init__(inner)
        self._name = name

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if name == self._name:
            raise UnreachableError("away")
        return await super().get(name, start, length)


async def test_a_backup_is_made_when_it_is_due_and_a_missed_one_is_caught_up(
    pair: Pair, shelf: Shelf
) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.choose(frequency=Frequency.WEEKLY)
    stream = pair.alice.events()

    async def made(generation: int) -> bool:
        pair.alice._place.backup_due.set()
        last = (await pair.alice.backups.status()).last
        return last is not None and last.generation == generation

    pair.town.clock.move(days=0.1)
    await eventually(lambda: made(1))
    await pair.alice.save_draft(pair.to_bob, "a draft")
    pair.town.clock.move(days=6)
    assert not await made(2)
    pair.town.clock.move(days=3)
    await eventually(lambda: made(2))
    stream.close()
    assert [event for event in [one async for one in stream] if isinstance(event, BackupFinished)]
    status = await pair.alice.backups.status()
    assert status.last is not None
    assert status.next_at - status.last.at == 7 * 86_400_000
    assert len(objects_of(shelf, "manifest")) == 2


async def test_a_backup_that_began_by_itself_can_be_stopped_and_is_made_later(
    pair: Pair, shelf: Shelf
) -> None:
    await turn_on(pair.alice)
    shelf.seen = stuck = Stuck()
    stream = pair.alice.events()
    await pair.alice.backups.choose(frequency=Frequency.DAILY)
    pair.town.clock.move(days=0.1)

    async def begun() -> bool:
        pair.alice._place.backup_due.set()
        return stuck.asked.is_set()

    await eventually(begun)
    await pair.alice.backups.cancel()
    assert not (await pair.alice.backups.status()).running
    stream.close()
    ends = [event async for event in stream if isinstance(event, BackupFinished)]
    assert [(end.made, end.error) for end in ends] == [(None, "")]
    puts, shelf.seen = stuck.puts, shelf.memory
    for _ in range(20):
        pair.alice._place.backup_due.set()
        await asyncio.sleep(0)
    assert (await pair.alice.backups.status()).last is None
    assert stuck.puts == puts
    pair.town.clock.move(days=0.1)

    async def made() -> bool:
        pair.alice._place.backup_due.set()
        return (await pair.alice.backups.status()).last is not None

    await eventually(made)


async def test_of_two_that_begin_in_one_turn_one_is_refused_and_the_other_can_be_stopped(
    pair: Pair, shelf: Shelf
) -> None:
    await turn_on(pair.alice)
    shelf.seen = stuck = Stuck()
    one, two = (asyncio.create_task(pair.alice.backups.back_up()) for _ in range(2))
    await stuck.asked.wait()
    assert two.done()
    with pytest.raises(ClientError) as told:
        await two
    assert told.value.code is Code.BACKUP_RUNNING
    await pair.alice.backups.cancel()
    with pytest.raises(ClientError) as told:
        await one
    assert told.value.code is Code.CANCELLED


async def test_a_history_that_shrank_by_itself_raises_an_alarm_and_keeps_the_good_one(
    pair: Pair, shelf: Shelf
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.disconnect()
    for number in range(20):
        await pair.alice.send_text(pair.to_bob, f"{number}")
    await pair.alice.backups.back_up()

    async def lose(work: object) -> None:
        await work.tx.execute("DROP TRIGGER message_deleted")  # type: ignore[attr-defined]
        await work.tx.execute("DELETE FROM message WHERE row > 5")  # type: ignore[attr-defined]

    await pair.alice._place.transact(lose)
    await pair.alice.send_text(pair.to_bob, "what is left")
    made = await pair.alice.backups.back_up()
    assert "fewer" in made.alarm
    assert (await pair.alice.backups.status()).last.alarm == made.alarm  # type: ignore[union-attr]
    assert len(objects_of(shelf, "manifest")) == 2
    # The good one brings back beside what is here what it holds more.
    left = len(await texts(pair.alice, pair.to_bob))
    await pair.alice.close()
    done = await restore(pair.town, digits, "alice", generation=made.generation - 1)
    assert (done.generation, done.messages > left) == (1, True)
    again = await pair.town.open("alice", connect=False)
    said = await texts(again, pair.to_bob)
    assert {*map(str, range(20)), "what is left"} <= set(said)
    assert (await again.backups.rehearse()).differences == ()


async def test_no_generation_leaves_while_the_newest_is_doubted(pair: Pair, shelf: Shelf) -> None:
    """The largest stays in any case; what is missing from it as well may be in one before it."""
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    for number in range(KEPT_GENERATIONS + 2):
        await day(pair, number)
    before = {*objects_of(shelf, "manifest"), *objects_of(shelf, "segment")}

    async def lose(work: object) -> None:
        await work.tx.execute("DROP TRIGGER message_deleted")  # type: ignore[attr-defined]
        await work.tx.execute("DELETE FROM message WHERE row > 5")  # type: ignore[attr-defined]

    await pair.alice._place.transact(lose)
    await pair.alice.send_text(pair.to_bob, "what is left")
    assert "fewer" in (await pair.alice.backups.back_up()).alarm
    assert before <= {*objects_of(shelf, "manifest"), *objects_of(shelf, "segment")}


async def test_one_backup_under_a_clock_that_is_ahead_stops_nothing(pair: Pair, shelf: Shelf) -> None:
    """Neither the next backup, nor what leaves with time: generations, segments that hold what was deleted, garbage."""
    await turn_on(pair.alice)
    await pair.alice.backups.choose(frequency=Frequency.DAILY)
    await pair.alice.disconnect()
    secret = await pair.alice.send_text(pair.to_bob, "a secret")
    for number in range(20):
        await pair.alice.send_text(pair.to_bob, f"talk {number}")
    await pair.alice.backups.back_up()
    pair.town.clock.turn(days=1000)
    await pair.alice.send_text(pair.to_bob, "in a wrong year")
    await pair.alice.backups.back_up()
    wrong = max(objects_of(shelf, "manifest"))
    pair.town.clock.turn(days=-1000)
    await pair.alice.delete(secret.id, for_everyone=False)
    assert (await pair.alice.backups.status()).next_at <= pair.town.clock()
    stray = stray_of(prefix_of((await require(pair.alice._place)).backup_key), shelf)
    await day(pair, 0)
    ahead = (await pair.alice.backups.status()).next_at - pair.town.clock()
    assert ahead <= 86_400_000
    held = [each.text for each in await records(pair.alice, shelf) if isinstance(each, MessageRecord)]
    assert "a secret" not in held
    assert "talk 7" in held
    assert wrong not in shelf.memory.objects
    for number in range(1, 9):
        await day(pair, number)
    assert stray not in shelf.memory.objects
    assert len(objects_of(shelf, "manifest")) <= KEPT_GENERATIONS + 1
    assert (await pair.alice.backups.rehearse()).differences == ()


async def test_a_clock_that_was_ahead_when_backups_were_turned_on_keeps_the_first_from_nobody(
    pair: Pair, shelf: Shelf
) -> None:
    pair.town.clock.turn(days=1000)
    await turn_on(pair.alice)
    pair.town.clock.turn(days=-1000)
    await pair.alice.backups.choose(frequency=Frequency.MONTHLY)

    async def made() -> bool:
        pair.alice._place.backup_due.set()
        return (await pair.alice.backups.status()).last is not None

    await eventually(made)
