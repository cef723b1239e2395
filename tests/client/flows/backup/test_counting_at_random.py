"""Whatever people delete and timers end, a count that goes on is right, and what is lost is missing."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from letterlock.ids import AccountId, ConversationId, MessageId
from letterlock_client.backup_models import Frequency
from letterlock_client.flows.backup import counting
from letterlock_client.flows.backup.counting import Counted, Totals
from letterlock_client.storage import (
    backup_counts,
    backup_rows,
    backup_state,
    contacts,
    conversations,
    messages,
)
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Database, Transaction
from tests.client.storage.chat import KEY, contact, message

DAY_MS: Final = 86_400_000
CHATS: Final = [AccountId(bytes([number]) * 20) for number in range(1, 6)]
TIMERS_S: Final = [0, 0, 0, 3600, 86_400, 2 * 86_400, 5 * 86_400]
STEPS: Final = 150
LIMITS: Final = [(0, 0), (0, 5), (0, 10**6), (10**6, 0)]
"""How many messages are counted every time, and how many in turn."""
ON: Final = BackupState(
    key_check=bytes(32),
    backup_key=bytes(32),
    sealed_root=b"",
    provider="folder:/memory",
    frequency=Frequency.OFF,
    include_media=True,
    include_videos=True,
    has_recovery_key=True,
    turned_on=0,
    writer=bytes(16),
)


class History:
    """Five chats in which anything happens, and the time."""

    def __init__(self, database: Database, chance: random.Random) -> None:
        self._database, self._chance = database, chance
        self._said: list[MessageId] = []
        self.now = 10**12
        self.before: Totals | None = None

    async def begin(self) -> None:
        async def work(tx: Transaction) -> None:
            await backup_state.save(tx, ON)
            for number, chat in enumerate(CHATS):
                await contacts.save(tx, contact(chat, f"number{number}"))
                await conversations.ensure(tx, ConversationId(chat), 1)

        await self._database.write(work)

    async def happen(self) -> None:
        """One thing more."""
        await self._database.write(
            self._chance.choice([self._say, self._say, self._delete, self._read, self._end, self._begin_anew])
        )
        self.now += self._chance.choice([0, 0, 1000, DAY_MS // 3, DAY_MS])

    async def _say(self, tx: Transaction) -> None:
        for _ in range(self._chance.randint(1, 6)):
            chat, timer = self._chance.choice(CHATS), self._chance.choice(TIMERS_S)
            said = message(
                len(self._said) + 1,
                conversation=ConversationId(chat),
                author=chat,
                timer_s=timer,
                expires_at=self.now + timer * 1000 if timer and self._chance.random() < 0.4 else 0,
                view_once=self._chance.random() < 0.1,
            )
            await messages.add(tx, said)
            self._said.append(said.id)

    def _some(self) -> list[MessageId]:
        return self._chance.sample(self._said, min(len(self._said), self._chance.randint(1, 5)))

    async def _delete(self, tx: Transaction) -> None:
        for each in self._some():
            await messages.remove(tx, each)

    async def _read(self, tx: Transaction) -> None:
        for each in self._some():
            await messages.start_timer(tx, each, self.now)

    async def _end(self, tx: Transaction) -> None:
        await messages.expired(tx, self.now)

    async def _begin_anew(self, tx: Transaction) -> None:
        chat = ConversationId(self._chance.choice(CHATS))
        if self._chance.random() < 0.3:
            await conversations.delete(tx, chat)
            await conversations.ensure(tx, chat, 1)

    async def lose(self) -> int:
        """Some of what a backup holds goes, and nobody deleted it; return how much."""

        async def work(tx: Transaction) -> int:
            ((sql,),) = await tx.all("SELECT sql FROM sqlite_schema WHERE name = 'message_deleted'")
            await tx.execute("DROP TRIGGER message_deleted")
            kept = backup_rows.KEPT.replace(":dying", str(self.now + DAY_MS)).replace(":least", str(DAY_MS))
            lost = await tx.execute(f"DELETE FROM message WHERE row % 3 = 0 AND {kept}")
            await tx.execute(sql)
            return lost

        return await self._database.write(work)

    async def count(self) -> Counted:
        """Count, going on from the last time, as a backup does."""
        counted = await self._database.read(partial(counting.count, now=self.now, before=self.before))
        self.before = counted.totals
        if self._chance.random() < 0.7:
            # A crash may keep it from being forgotten.
            place = counted.totals.departed
            await self._database.write(lambda tx: backup_counts.forget_departed(tx, place))
        return counted

    async def here(self) -> int:
        """How many messages a backup of now holds, by counting all."""
        found = await self._database.read(partial(backup_counts.totals, now=self.now, sent=()))
        return sum(each.messages for each in found)


@asynccontextmanager
async def history(folder: Path, seed: int) -> AsyncIterator[History]:
    async with await Database.open(folder / "a.db", KEY) as database:
        found = History(database, random.Random(seed))
        await found.begin()
        yield found


@pytest.fixture(params=LIMITS)
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "COUNTED_ROWS", request.param[0])
    monkeypatch.setattr(counting, "IN_TURN_ROWS", request.param[1])


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("seed", range(4))
async def test_a_count_that_goes_on_is_as_right_as_one_of_all(tmp_path: Path, seed: int) -> None:
    async with history(tmp_path, seed) as told:
        for step in range(STEPS):
            await told.happen()
            if step % 4 == 0:
                counted = await told.count()
                assert (counted.missing, counted.totals.messages) == (0, await told.here())


@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("seed", range(4))
async def test_no_clock_makes_what_was_deleted_or_ended_a_loss(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with history(tmp_path, seed) as told:
        for step in range(STEPS):
            await told.happen()
            if step % 4 == 0:
                told.now += chance.choice([0, 0, -1, -DAY_MS, -30 * DAY_MS, 100 * DAY_MS])
                counted = await told.count()
                assert counted.missing == 0
                assert counted.totals.messages <= await told.here()


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_lost_is_missing_whatever_else_happens(tmp_path: Path, seed: int) -> None:
    losses = 0
    async with history(tmp_path, seed) as told:
        for step in range(STEPS):
            await told.happen()
            if step % 10 == 0:
                await told.count()
                lost = await told.lose()
                for _ in range(3):
                    await told.happen()
                assert (await told.count()).missing == lost
                losses += lost > 0
    assert losses > 5
