"""Backups by themselves: made when they are due, purged of what was deleted, and never more than is needed."""

from letterlock.backup.manifest import open_manifest, prefix_of, segment_name
from letterlock.backup.records import MessageRecord, Record, TombstoneRecord
from letterlock.backup.segments import open_segment
from letterlock_client.backup_models import Frequency
from letterlock_client.events import BackupFinished
from letterlock_client.flows.backup.terms import require
from letterlock_client.messenger import Messenger
from tests.client.flows.backup.backup_scene import Shelf, pair, restore, shelf, texts, turn_on
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
