"""The alarm about missing messages: for every real loss, never for what people delete or timers end."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from letterlock_client.backup_models import BackupMade
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.flows.backup import counting, shrinking
from letterlock_client.flows.backup.terms import require
from letterlock_client.storage import backup_counts, backup_state, conversations, messages
from tests.client.flows.backup.backup_scene import pair, shelf, turn_on
from tests.client.storage.chat import message
from tests.town import Pair

__all__ = ["pair", "shelf"]

DAY_S = 86_400
HISTORIES = ["small", "large"]
"""What is counted every time, and what only once a week."""


@pytest.fixture(params=HISTORIES)
def history(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "large":
        # All of it is one chat, and that too large for its turn.
        monkeypatch.setattr(counting, "COUNTED_ROWS", 0)
        monkeypatch.setattr(counting, "IN_TURN_ROWS", 1)
    return str(request.param)


async def say(pair: Pair, numbers: Sequence[int], **fields: object) -> None:
    """Messages of Bob, with these fields."""

    async def work(work: object) -> None:
        for number in numbers:
            said = message(number, conversation=pair.to_bob, author=pair.to_bob, **fields)
            await messages.add(work.tx, said)  # type: ignore[attr-defined]

    await pair.alice._place.transact(work)


async def delete(pair: Pair, numbers: Sequence[int]) -> None:
    for number in numbers:
        await pair.alice.delete(message(number).id, for_everyone=False)


async def lose(pair: Pair, which: str) -> None:
    """Rows go, and nobody deleted them."""

    async def work(work: object) -> None:
        found = await work.tx.all("SELECT sql FROM sqlite_schema WHERE name = 'message_deleted'")  # type: ignore[attr-defined]
        await work.tx.execute("DROP TRIGGER message_deleted")  # type: ignore[attr-defined]
        await work.tx.execute(f"DELETE FROM message WHERE {which}")  # type: ignore[attr-defined]
        await work.tx.execute(found[0][0])  # type: ignore[attr-defined]

    await pair.alice._place.transact(work)


async def later(pair: Pair, days: float) -> BackupMade:
    """Let time pass, with what it ends, say something, and back up. What is told is what there is."""
    place = pair.alice._place
    pair.town.clock.turn(days=days)
    now = pair.town.clock()
    await place.transact(lambda work: messages.expired(work.tx, now))
    await pair.alice.save_draft(pair.to_bob, f"a draft of {now}")
    return await pair.alice.backups.back_up()


async def here(pair: Pair) -> int:
    """How many messages a backup of now would hold, by counting all."""
    now = pair.town.clock()
    found = await pair.alice._place.database.read(lambda reader: backup_counts.totals(reader, now, ()))
    return sum(each.messages for each in found)


async def departed(pair: Pair) -> int:
    return int(
        await pair.alice._place.database.read(
            lambda reader: reader.value("SELECT count(*) FROM backup_departed")
        )
    )


async def test_what_is_deleted_and_what_ends_raises_no_alarm_and_is_taken_off_at_once(
    pair: Pair, history: str
) -> None:
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    now = pair.town.clock()
    await say(pair, range(10))
    await say(pair, range(10, 15), timer_s=4 * DAY_S, expires_at=now + 4 * DAY_S * 1000)
    await say(pair, range(15, 18), timer_s=2 * DAY_S)
    await say(pair, range(20, 40), timer_s=3600, expires_at=now + 3_600_000)
    await say(pair, range(40, 43), view_once=True)
    first = await pair.alice.backups.back_up()
    assert first.messages == 20
    await delete(pair, [0, 1, 10, 20, 40])
    # Came and went between two backups: neither held it.
    await say(pair, [50, 51])
    await delete(pair, [50])
    for number in (15, 16):
        await pair.alice._place.transact(
            lambda work, number=number: messages.start_timer(work.tx, message(number).id, work.now)
        )
    left = []
    for days in (0.5, 1, 1, 1, 1, 4, 1):
        made = await later(pair, days)
        assert (made.alarm, made.messages) == ("", await here(pair))
        assert await departed(pair) == 0
        left.append(made.messages)
    # One came; three were deleted; of those that end, two in two days and four in four, a day before that.
    assert left == [18, 16, 16, 12, 12, 12, 12]


async def test_a_chat_that_is_deleted_and_begun_anew_raises_no_alarm(pair: Pair, history: str) -> None:
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    await say(pair, range(10))
    assert (await pair.alice.backups.back_up()).messages == 12
    await pair.alice._place.transact(lambda work: conversations.delete(work.tx, pair.to_bob))
    await pair.alice._place.transact(lambda work: conversations.ensure(work.tx, pair.to_bob, work.now))
    await say(pair, range(20, 23))
    for days in (1, 8):
        made = await later(pair, days)
        assert (made.alarm, made.messages) == ("", 3)


async def test_a_clock_that_was_ahead_for_one_backup_makes_no_ending_message_a_loss(
    pair: Pair, history: str
) -> None:
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    await say(pair, range(10), timer_s=3 * DAY_S)
    await later(pair, 0)
    await later(pair, 100)
    for number in range(5):
        await pair.alice._place.transact(
            lambda work, number=number: messages.start_timer(work.tx, message(number).id, work.now)
        )
    assert (await later(pair, -99)).messages == 12
    for days in (1, 1, 1, 8):
        made = await later(pair, days)
        assert (made.alarm, made.messages) == ("", await here(pair))


@pytest.mark.parametrize("came", [0, 1, 30])
async def test_messages_that_nobody_deleted_are_missed_by_the_next_backup_or_within_the_week(
    pair: Pair, history: str, came: int
) -> None:
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    await say(pair, range(20))
    await pair.alice.backups.back_up()
    await delete(pair, [0, 2, 4])
    await lose(pair, "row % 2 = 0")
    await say(pair, range(50, 50 + came))
    made = await later(pair, 1)
    if history == "large":
        assert (made.alarm, made.messages) == ("", 19 + came)
        made = await later(pair, 6)
    assert "missing" in made.alarm
    assert made.messages == await here(pair)
    assert (await later(pair, 1)).alarm == ""


async def test_a_loss_is_seen_though_nothing_is_new(pair: Pair) -> None:
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    await say(pair, range(20), timer_s=5 * DAY_S, expires_at=pair.town.clock() + 5 * DAY_S * 1000)
    await say(pair, range(20, 24))
    first = await pair.alice.backups.back_up()
    # What will end soon is no loss, and no reason for a backup.
    pair.town.clock.move(days=4.5)
    again = await pair.alice.backups.back_up()
    assert (again.generation, again.alarm) == (first.generation, "")
    await lose(pair, f"id = x'{message(21).id.hex()}'")
    made = await pair.alice.backups.back_up()
    assert made.generation == first.generation + 1
    assert "21 messages fewer than the last one, and only 20 were deleted" in made.alarm


@pytest.mark.parametrize("ended", [False, True])
async def test_messages_that_no_backup_could_hold_hide_no_loss(pair: Pair, ended: bool) -> None:
    """Not while they are here, nor once they are gone."""
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    await say(pair, range(10))
    await say(pair, range(20, 60), timer_s=3600, expires_at=pair.town.clock() + 3_600_000)
    assert (await pair.alice.backups.back_up()).messages == 12
    await lose(pair, "expires_at = 0")
    made = await later(pair, 0.5 if ended else 0)
    assert "12 messages fewer than the last one, and only 0" in made.alarm


async def test_short_lived_messages_hide_no_loss_of_a_restored_history_either(pair: Pair) -> None:
    """Whose count says no more than a number."""
    await turn_on(pair.alice)
    await pair.alice.disconnect()
    await say(pair, range(10))
    await pair.alice.backups.back_up()
    await forget_mark(pair)
    await say(pair, range(20, 60), timer_s=3600, expires_at=pair.town.clock() + 3_600_000)
    await lose(pair, "expires_at = 0")
    assert "12 messages fewer" in (await later(pair, 0)).alarm


async def test_what_an_earlier_release_counted_of_a_large_history_is_no_measure(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It did not take off what was deleted."""

    async def nothing(*_: object) -> dict[int, tuple[int, int]]:
        return {}

    await turn_on(pair.alice)
    await pair.alice.disconnect()
    await say(pair, range(10))
    with monkeypatch.context() as earlier:
        earlier.setattr(counting, "COUNTED_ROWS", 0)
        earlier.setattr(counting, "IN_TURN_ROWS", 0)
        earlier.setattr(backup_counts, "left", nothing)
        await later(pair, 0)
        await delete(pair, [0, 1, 2])
        assert (await later(pair, 1)).messages == 12
    await forget_mark(pair)
    monkeypatch.setattr(shrinking, "_EARLIER_ROWS", 0)
    made = await later(pair, 1)
    assert (made.alarm, made.messages) == ("", 9)


async def forget_mark(pair: Pair) -> None:
    """Have the last backup counted as an earlier release did."""
    state = await require(pair.alice._place)
    totals = counting.load(state.last)
    assert totals is not None
    last = counting.save(counting.changed(totals, change=0, departed=0, judged_at=0))
    await pair.alice._place.transact(lambda work: backup_state.save(work.tx, replace(state, last=last)))


async def test_who_has_no_backups_keeps_nothing_of_what_departed(pair: Pair) -> None:
    await say(pair, range(4))
    await delete(pair, [0])
    assert await departed(pair) == 0
    await turn_on(pair.alice)
    await delete(pair, [1])
    assert await departed(pair) == 1
    await pair.alice.backups.turn_off(NO_PASSPHRASE)
    assert await departed(pair) == 0
