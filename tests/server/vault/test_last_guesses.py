"""The last guess of all, when it is right: nothing but a wrong proof, or none, destroys a record."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from letterlock.ids import AccountId, account_text
from letterlock.vault.fleet import Fleet
from letterlock.vault.threshold import Dealt
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock_server.limits import Limiter, Rule
from letterlock_server.stores.vault_interfaces import Decide, StoreError, T
from letterlock_server.stores.vault_memory import MemoryStandings, MemoryVaultStore
from letterlock_server.vault import guessing
from tests.server.vault.running import (
    KEY,
    WRONG,
    Asker,
    Running,
    Try,
    dealt_for,
    guess,
    register,
    running,
    settled,
)
from tests.shared.vault.realms import PASSWORD, R


class Full(MemoryStandings):
    """A disk that is full for as long as a test says."""

    full = False

    async def change(self, account: AccountId, decide: Decide[T]) -> T:
        if self.full:
            raise StoreError("database or disk is full")
        return await super().change(account, decide)


@pytest.fixture
def disk() -> Full:
    return Full()


@pytest.fixture
async def realm(disk: Full) -> AsyncIterator[Running]:
    store = MemoryVaultStore()
    store.standings = disk
    async with running(store) as one:
        yield one


@pytest.fixture
async def dealt(realm: Running) -> Dealt:
    """Registration 1 of Alice, with one guess left."""
    made = dealt_for(Fleet((realm.member,), 1))
    await register([realm], made)
    for _ in range(9):
        await guess(realm, made, WRONG)
    await settled(realm)
    return made


async def test_a_disk_that_is_full_when_the_last_guess_was_right_destroys_nothing(
    realm: Running, dealt: Dealt, disk: Full
) -> None:
    tried = Try(dealt, PASSWORD, KEY)
    async with await Asker.open(realm) as asker:
        proof = tried.finish(await asker.ask(tried.frame, frames.GuessAnswer))
        disk.full = True
        await asker.refused(proof, refusals.NOT_NOW)
    await settled_but(realm, 1)
    realm.clock.pass_seconds(6)
    await guessing.end_overdue(realm.vault)
    disk.full = False
    realm.clock.pass_seconds(6)
    await guessing.end_overdue(realm.vault)
    async with await Asker.open(realm) as asker:
        status = await asker.status(KEY)
        assert (status.state, status.left) == (refusals.READY, 10)
    assert isinstance(await guess(realm, dealt, PASSWORD), frames.Released)


async def settled_but(realm: Running, live: int) -> None:
    """Wait until nothing is being done, and so many guesses are not over."""
    while realm.vault._tasks:
        await next(iter(realm.vault._tasks))
    assert len(realm.vault.live) == live


async def test_a_disk_that_is_full_when_the_last_guess_was_wrong_destroys_later(
    realm: Running, dealt: Dealt, disk: Full
) -> None:
    async with await Asker.open(realm) as asker:
        await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
        disk.full = True
        await asker.refused(frames.FinishGuess(11, bytes(64)), refusals.WRONG_PROOF)
    disk.full = False
    realm.clock.pass_seconds(6)
    await guessing.end_overdue(realm.vault)
    async with await Asker.open(realm) as asker:
        assert (await asker.status(KEY)).state == refusals.DESTROYED


async def test_strangers_of_the_same_address_use_up_no_rate_that_a_proof_needs(
    realm: Running, dealt: Dealt
) -> None:
    """Behind one proxy or network many share a rate: a guess that was counted is proved all the same."""
    tried = Try(dealt, PASSWORD, KEY)
    async with await Asker.open(realm) as asker, await Asker.open(realm) as stranger:
        proof = tried.finish(await asker.ask(tried.frame, frames.GuessAnswer))
        realm.vault.rates.request = Limiter(Rule(1, 3_600_000))
        await stranger.status()
        await stranger.refused(frames.AskStatus(6, dealt.statement.account, b""), refusals.RATE)
        assert tried.secret(await asker.ask(proof, frames.Released)).key_id() == R.key_id()


async def test_what_is_not_legal_counts_as_a_request_as_well(realm: Running, dealt: Dealt) -> None:
    async with await Asker.open(realm) as asker:
        realm.vault.rates.request = Limiter(Rule(2, 3_600_000))
        for _ in range(2):
            await asker.refused(frames.FinishGuess(11, bytes(64)), refusals.ILLEGAL)
        await asker.refused(frames.FinishGuess(11, bytes(64)), refusals.RATE)


async def test_a_store_that_fails_is_in_the_log_once_a_minute_and_says_nothing_of_accounts(
    realm: Running, dealt: Dealt, disk: Full
) -> None:
    disk.full = True
    with capture_logs() as log:
        for seconds in (0, 30, 31):
            realm.clock.pass_seconds(seconds)
            answer = await guess(realm, dealt, WRONG)
            assert isinstance(answer, frames.Refused)
            assert answer.code == refusals.NOT_NOW
    said = [one for one in log if one["log_level"] == "error"]
    assert [one["problem"] for one in said] == ["database or disk is full"] * 2
    assert all(account_text(dealt.statement.account) not in str(one) for one in log)
    disk.full = False
