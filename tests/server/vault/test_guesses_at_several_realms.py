"""The bound on guesses holds for a whole fleet: at once, at every realm, while realms die and come back."""

import asyncio
import contextlib
import secrets
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from letterlock.vault.fleet import Fleet
from letterlock.vault.record import door_key
from letterlock.vault.threshold import Dealt, Recovery
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore
from tests.server.vault.running import WRONG, Asker, Running, dealt_for, register, running
from tests.shared.devices.people import ALICE
from tests.shared.vault.realms import LOCATOR

NAMES = ("realm-1", "realm-2", "realm-3")
NEVER = 10**9
MOST = 15
"""Guesses that 2 of 3 realms give between two refills: 10 * 3 / 2, as the page says."""


class Mortal(SqliteVaultStore):
    """A store on disk whose process dies at its n-th commit from now: before it, or after it and before the answer.

    Nothing is kept or said from then on, so what the realm still holds in memory is worth nothing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.left = NEVER
        self.after = False

    def _commit(self, *arguments: Any) -> None:
        self.left -= 1
        if self.left > 0 or (self.left == 0 and self.after):
            super()._commit(*arguments)
        if self.left <= 0:
            raise sqlite3.OperationalError("disk I/O error")

    @property
    def died(self) -> bool:
        return self.left <= 0


@contextlib.asynccontextmanager
async def fleet_on(folder: Path) -> Any:
    """The three realms as their disks have them, and their stores."""
    stores = {name: Mortal(folder / f"{name}.db") for name in NAMES}
    async with contextlib.AsyncExitStack() as stack:
        realms = {
            name: await stack.enter_async_context(
                running(stores[name], name=name, seed=bytes(31) + bytes([number]))
            )
            for number, name in enumerate(NAMES, 1)
        }
        yield realms, stores


class Guess:
    """A password that is tried; what one realm evaluated of it is kept until another has, whatever dies meanwhile."""

    def __init__(self, dealt: Dealt, number: int) -> None:
        self._recovery = Recovery(dealt.statement, WRONG + bytes([number]), secrets.token_bytes)
        self._number = number
        self.halves: set[str] = set()

    async def go_on(self, realms: dict[str, Running]) -> None:
        """Ask one realm after the other, until two have answered."""
        for place in range(3):
            realm = realms[NAMES[(self._number + place) % 3]]
            if len(self.halves) < 2 and realm.name not in self.halves and await self._ask(realm):
                self.halves.add(realm.name)

    async def _ask(self, realm: Running) -> bool:
        key = door_key(LOCATOR, realm.name, ALICE.account) if self._number % 4 else b""
        begun = self._recovery.start(realm.name, secrets.token_bytes)
        statement = self._recovery.statement
        async with await Asker.open(realm) as asker:
            answer = await asker.tell(
                frames.StartGuess(10, statement.account, statement.epoch, key, begun.login.ke1.pack())
            )
        if not isinstance(answer, frames.GuessAnswer):
            return False
        self._recovery.check(begun, answer.answer)
        return True


@pytest.mark.parametrize("first", [1, 2])
async def test_guesses_at_once_at_realms_that_die_are_never_too_many_and_never_none(
    tmp_path: Path, first: int
) -> None:
    async with fleet_on(tmp_path) as (realms, _):
        dealt = dealt_for(Fleet(tuple(each.member for each in realms.values()), 2))
        await register(list(realms.values()), dealt)
    guesses = [Guess(dealt, number) for number in range(40)]
    lost: Counter[str] = Counter()
    for life in range(3):
        async with fleet_on(tmp_path) as (realms, stores):
            for number, store in enumerate(stores.values()):
                # Each dies at another guess; one lives through this, and dies in the next life.
                if number != life:
                    store.left, store.after = first + (number + life) % 3, (number + life) % 2 == 1
            await asyncio.gather(*(each.go_on(realms) for each in guesses[:9]))
            for name, store in stores.items():
                if store.died:
                    # What a process held in memory goes with it.
                    realms[name].vault.live.clear()
                    lost[name] += store.after
    async with fleet_on(tmp_path) as (realms, _):
        await asyncio.gather(*(each.go_on(realms) for each in guesses))
        for realm in realms.values():
            async with await Asker.open(realm) as asker:
                key = door_key(LOCATOR, realm.name, ALICE.account)
                assert (await asker.status(key)).state == refusals.DESTROYED
    assert sum(lost.values()) > 0
    answers = Counter(name for each in guesses for name in each.halves)
    for name in NAMES:
        # A death between spending a guess and its answer loses that one, and no other.
        assert 10 - lost[name] <= answers[name] <= 10
    whole = sum(len(each.halves) == 2 for each in guesses)
    assert MOST // 3 <= whole <= MOST
