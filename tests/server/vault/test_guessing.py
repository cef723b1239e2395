"""What a realm promises about guesses: spent before they are answered, never too many, refilled by a proof only."""

import asyncio
from typing import Any

import pytest

from letterlock.ids import AccountId
from letterlock.vault.fleet import Fleet
from letterlock.vault.ledger import Door, Event, open_entry, open_ledger
from letterlock.vault.threshold import Dealt
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock_server.stores.vault_interfaces import Decide, StoreError
from letterlock_server.stores.vault_memory import MemoryVaultStore
from letterlock_server.vault import guessing
from letterlock_server.vault.policy import Policy
from tests.server.vault.running import (
    KEY,
    WRONG,
    Asker,
    Running,
    Try,
    dealt_for,
    guess,
    person,
    register,
    running,
    settled,
)
from tests.shared.devices.people import ALICE
from tests.shared.vault.realms import PASSWORD, R


async def test_a_right_password_gets_the_share_and_all_guesses_back(realm: Running, dealt: Dealt) -> None:
    for _ in range(4):
        assert isinstance(await guess(realm, dealt), frames.GuessAnswer)
    async with await Asker.open(realm) as asker:
        assert (await asker.status(KEY)).left == 6
        tried = Try(dealt, PASSWORD, KEY)
        answer = await asker.ask(tried.frame, frames.GuessAnswer)
        assert answer.left == 5
        released = await asker.ask(tried.finish(answer), frames.Released)
        assert tried.secret(released).key_id() == R.key_id()
        assert (await asker.status(KEY)).left == 10
        assert (await asker.status()).left == 5


async def test_a_realm_spends_the_guess_before_it_answers(realm: Running, dealt: Dealt) -> None:
    """Whoever takes the answer and goes has used up a guess; so has whoever never reads it."""
    async with await Asker.open(realm) as asker:
        await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
    async with await Asker.open(realm) as asker:
        await asker.socket.send(b"\xc1")
    async with await Asker.open(realm) as asker:
        assert (await asker.status(KEY)).left == 9


async def test_nothing_is_answered_while_the_store_cannot_keep_the_guess(
    realm: Running, dealt: Dealt, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(account: AccountId, decide: Decide[Any]) -> Any:
        raise StoreError("the disk is full")

    async with await Asker.open(realm) as asker:
        with monkeypatch.context() as patch:
            patch.setattr(realm.vault.store.standings, "change", failing)
            await asker.refused(Try(dealt, PASSWORD, KEY).frame, refusals.NOT_NOW)
        assert (await asker.status(KEY)).left == 10
    assert realm.vault.counts.guesses == 0


async def test_fifty_guesses_at_once_get_ten_answers(realm: Running, dealt: Dealt) -> None:
    answers = await asyncio.gather(*(guess(realm, dealt) for _ in range(50)))
    evaluated = [one for one in answers if isinstance(one, frames.GuessAnswer)]
    assert len(evaluated) == 10
    assert sorted(one.left for one in evaluated) == list(range(10))
    await settled(realm)
    async with await Asker.open(realm) as asker:
        assert (await asker.status(KEY)).state == refusals.DESTROYED


async def test_guesses_at_both_doors_at_once_share_one_bound(realm: Running, dealt: Dealt) -> None:
    keys = [KEY, b""] * 20
    answers = await asyncio.gather(*(guess(realm, dealt, WRONG, key) for key in keys))
    assert sum(isinstance(one, frames.GuessAnswer) for one in answers) == 10


async def test_a_stranger_closes_one_door_and_destroys_nothing(realm: Running, dealt: Dealt) -> None:
    answers = [await guess(realm, dealt, WRONG, b"") for _ in range(6)]
    assert [one.left for one in answers if isinstance(one, frames.GuessAnswer)] == [4, 3, 2, 1, 0]
    closed = answers[-1]
    assert isinstance(closed, frames.Refused)
    assert (closed.code, closed.left, closed.retry) == (refusals.DOOR_CLOSED, 0, 0)
    async with await Asker.open(realm) as asker:
        assert (await asker.status()).state == refusals.DOOR_CLOSED
        owners = await asker.status(KEY)
        assert (owners.state, owners.left, owners.owner_door) == (refusals.READY, 5, True)
    assert isinstance(await guess(realm, dealt, PASSWORD), frames.Released)
    async with await Asker.open(realm) as asker:
        assert (await asker.status()).state == refusals.READY


async def test_the_last_guess_destroys_and_the_tombstone_says_when_and_why(
    realm: Running, dealt: Dealt
) -> None:
    for _ in range(10):
        await guess(realm, dealt)
    await settled(realm)
    refused = await guess(realm, dealt, PASSWORD)
    assert isinstance(refused, frames.Refused)
    assert refused.code == refusals.DESTROYED
    entry = open_entry(refused.tombstone, realm.vault.realm.secret.public)
    assert (entry.event, entry.about, entry.at) == (Event.DESTROYED, 1, realm.clock.wall)
    assert realm.vault.counts.destroyed == 1


async def test_the_last_guess_may_still_be_right(realm: Running, dealt: Dealt) -> None:
    for _ in range(9):
        await guess(realm, dealt)
    async with await Asker.open(realm) as asker:
        tried = Try(dealt, PASSWORD, KEY)
        answer = await asker.ask(tried.frame, frames.GuessAnswer)
        async with await Asker.open(realm) as other:
            # A moment decides: nobody else may guess, and nobody else's guess ends this one.
            assert (await other.status(KEY)).state == refusals.WAIT
            await other.refused(Try(dealt, WRONG, KEY).frame, refusals.WAIT)
        released = await asker.ask(tried.finish(answer), frames.Released)
        assert tried.secret(released).key_id() == R.key_id()
        assert (await asker.status(KEY)).left == 10


async def test_a_guess_that_ends_does_not_end_the_last_one_beside_it(realm: Running, dealt: Dealt) -> None:
    for _ in range(8):
        await guess(realm, dealt)
    await settled(realm)
    async with await Asker.open(realm) as asker:
        async with await Asker.open(realm) as other:
            await other.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
            tried = Try(dealt, PASSWORD, KEY)
            answer = await asker.ask(tried.frame, frames.GuessAnswer)
            assert answer.left == 0
        async with asyncio.timeout(10):
            while len(realm.vault.live) > 1 or realm.vault._tasks:
                await asyncio.sleep(0.005)
        await asker.ask(tried.finish(answer), frames.Released)


async def test_a_last_guess_that_is_never_proved_ends_with_its_time(realm: Running, dealt: Dealt) -> None:
    for _ in range(9):
        await guess(realm, dealt)
    async with await Asker.open(realm) as asker:
        tried = Try(dealt, PASSWORD, KEY)
        answer = await asker.ask(tried.frame, frames.GuessAnswer)
        realm.clock.pass_seconds(61)
        await guessing.end_overdue(realm.vault)
        await asker.refused(tried.finish(answer), refusals.WRONG_PROOF)
        assert (await asker.status(KEY)).state == refusals.DESTROYED


async def test_a_wrong_or_repeated_proof_refills_nothing(realm: Running, dealt: Dealt) -> None:
    async with await Asker.open(realm) as asker:
        await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
        await asker.refused(frames.FinishGuess(11, bytes(64)), refusals.WRONG_PROOF)
        await asker.refused(frames.FinishGuess(11, bytes(64)), refusals.ILLEGAL)
        tried = Try(dealt, PASSWORD, KEY)
        proof = tried.finish(await asker.ask(tried.frame, frames.GuessAnswer))
        await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
        await asker.refused(proof, refusals.WRONG_PROOF)
        assert (await asker.status(KEY)).left == 7


async def test_a_proof_on_another_connection_is_worth_nothing(realm: Running, dealt: Dealt) -> None:
    async with await Asker.open(realm) as asker, await Asker.open(realm) as other:
        tried = Try(dealt, PASSWORD, KEY)
        proof = tried.finish(await asker.ask(tried.frame, frames.GuessAnswer))
        await other.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
        await other.refused(proof, refusals.WRONG_PROOF)


async def test_a_guess_of_another_epoch_or_with_another_locator_spends_nothing(
    realm: Running, dealt: Dealt
) -> None:
    async with await Asker.open(realm) as asker:
        account = dealt.statement.account
        ke1 = Try(dealt).guess.login.ke1.pack()
        for epoch in (0, 2, 2**40):
            await asker.refused(frames.StartGuess(10, account, epoch, KEY, ke1), refusals.EPOCH)
        await asker.refused(frames.StartGuess(10, account, 1, b"k" * 32, ke1), refusals.BAD_OBJECT)
        assert (await asker.status(KEY)).left == 10


async def test_a_message_that_is_none_is_counted_and_not_answered(realm: Running, dealt: Dealt) -> None:
    """Bad elements, the identity in either place, wrong lengths, an answer reflected: aborted, and spent."""
    account = dealt.statement.account
    async with await Asker.open(realm) as asker:
        ke1 = Try(dealt).guess.login.ke1.pack()
        answer = await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
        identity = bytes(32)
        bad = (b"", ke1[:-1], b"\xff" * 96, identity + ke1[32:], ke1[:64] + identity, answer.answer)
        for count, raw in enumerate(bad, start=2):
            await asker.refused(frames.StartGuess(10, account, 1, KEY, raw), refusals.BAD_OBJECT)
            assert (await asker.status(KEY)).left == 10 - count


async def test_waiting_spends_nothing_and_only_the_realms_own_clock_ends_it() -> None:
    async with running(MemoryVaultStore(), policy=Policy()) as realm:
        dealt = dealt_for(Fleet((realm.member,), 1))
        await register([realm], dealt)
        for _ in range(4):
            await guess(realm, dealt)
        for wall in (10**15, 0):
            # Set far forward or back, the wall's clock neither shortens nor lengthens a wait.
            realm.clock.wall = wall
            refused = await guess(realm, dealt)
            assert isinstance(refused, frames.Refused)
            assert (refused.code, refused.retry, refused.left) == (refusals.WAIT, 60, 6)
        realm.clock.running += 59_999
        refused = await guess(realm, dealt)
        assert isinstance(refused, frames.Refused)
        assert refused.retry == 1
        realm.clock.running += 1
        assert isinstance(await guess(realm, dealt), frames.GuessAnswer)
        async with await Asker.open(realm) as asker:
            # The other door waits for itself.
            assert (await asker.status()).state == refusals.READY
            assert (await asker.status(KEY)).wait == 300


async def test_every_try_stands_in_the_ledger_with_its_door(realm: Running, dealt: Dealt) -> None:
    for _ in range(5):
        await guess(realm, dealt, WRONG, b"")
    await guess(realm, dealt, PASSWORD)
    async with await Asker.open(realm) as asker:
        raws = await asker.ledger(person())
    keys = realm.vault.realm.secret.public
    entries = open_ledger(raws, keys, realm.name, ALICE.account, first=1)
    assert [(one.event, one.door) for one in entries] == [
        (Event.REGISTERED, Door.NONE),
        *[(Event.GUESSED, Door.HANDLE)] * 5,
        (Event.DOOR_CLOSED, Door.HANDLE),
        (Event.GUESSED, Door.LOCATOR),
        (Event.RECOVERED, Door.LOCATOR),
    ]
