"""When backups begin by themselves: as often as was chosen, at once where one was missed, and again within the hour."""

import pytest

from letterlock_client.backup_models import Frequency
from letterlock_client.flows.backup import schedule
from letterlock_client.messenger import Messenger
from letterlock_client.providers.interface import Found, UnreachableError
from letterlock_client.providers.memory import MemoryProvider
from tests.client.flows.backup.backup_scene import Shelf, looked, pair, shelf, turn_on
from tests.town import Pair, eventually

__all__ = ["pair", "shelf"]

MINUTE_S, DAY_S = 60, 86_400


class Away(MemoryProvider):
    """A provider that is not there, and counts who asks."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def list(self, prefix: str) -> list[Found]:
        del prefix
        self.asked += 1
        raise UnreachableError("away")


async def generation(person: Messenger) -> int:
    last = (await person.backups.status()).last
    return last.generation if last is not None else 0


async def backed_up(pair: Pair, frequency: Frequency) -> None:
    """Let the first backup be made, ten minutes after it was asked for, and have something for the next one."""
    await turn_on(pair.alice)
    await pair.alice.backups.choose(frequency=frequency)
    pair.town.clock.move(seconds=9 * MINUTE_S)
    await looked(pair.alice)
    assert await generation(pair.alice) == 0
    pair.town.clock.move(seconds=2 * MINUTE_S)
    await looked(pair.alice)
    assert await generation(pair.alice) == 1
    await pair.alice.save_draft(pair.to_bob, "a draft")


@pytest.mark.parametrize(
    ("frequency", "days"), [(Frequency.DAILY, 1), (Frequency.WEEKLY, 7), (Frequency.MONTHLY, 30)]
)
async def test_a_backup_begins_when_its_time_has_come_and_not_before(
    pair: Pair, frequency: Frequency, days: int
) -> None:
    await backed_up(pair, frequency)
    pair.town.clock.move(seconds=days * DAY_S - MINUTE_S)
    await looked(pair.alice)
    assert await generation(pair.alice) == 1
    pair.town.clock.move(seconds=2 * MINUTE_S)
    await looked(pair.alice)
    assert await generation(pair.alice) == 2


async def test_none_begins_where_none_was_asked_for(pair: Pair) -> None:
    await turn_on(pair.alice)
    pair.town.clock.move(days=1000)
    await looked(pair.alice)
    assert await generation(pair.alice) == 0


@pytest.mark.parametrize("missed", [False, True])
async def test_one_that_was_missed_while_the_client_was_closed_is_made_when_it_opens(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, missed: bool
) -> None:
    await backed_up(pair, Frequency.WEEKLY)
    await pair.alice.close()
    monkeypatch.setattr(schedule, "FIRST_LOOK_S", 0)
    pair.town.clock.move(days=9 if missed else 6)
    again = await pair.town.open("alice")
    if missed:
        # Nobody has to do anything for it.
        await eventually(lambda: is_at(again, 2))
    else:
        await looked(again)
        assert await generation(again) == 1


async def is_at(person: Messenger, number: int) -> bool:
    return await generation(person) == number


async def test_one_that_failed_is_tried_again_within_the_hour_and_not_sooner(
    pair: Pair, shelf: Shelf
) -> None:
    await backed_up(pair, Frequency.DAILY)
    shelf.seen = away = Away()
    pair.town.clock.move(seconds=DAY_S + MINUTE_S)
    await looked(pair.alice)
    assert away.asked
    for minutes in (1, 30, 28):
        asked = away.asked
        pair.town.clock.move(seconds=minutes * MINUTE_S)
        await looked(pair.alice)
        assert away.asked == asked, "an hour has not passed"
    pair.town.clock.move(seconds=2 * MINUTE_S)
    await looked(pair.alice)
    assert away.asked > asked
    shelf.seen = shelf.memory
    pair.town.clock.move(seconds=61 * MINUTE_S)
    await looked(pair.alice)
    assert await generation(pair.alice) == 2
