"""What a realm promises when an owner's device asks without end: its store grows at a pace, for that account alone."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock.vault.fleet import Fleet
from letterlock.vault.ledger import Event, open_ledger
from letterlock.vault.threshold import Dealt
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock_server.limits import Rule
from letterlock_server.stores.vault_interfaces import VaultStore
from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore
from letterlock_server.vault.policy import Policy
from tests.server.vault.running import KEY, Asker, Running, dealt_for, guess, person, register, running
from tests.shared.devices.people import ALICE, BOB
from tests.shared.vault.realms import PASSWORD

SLOW = Policy(guesses=10, back_off=(), additions=Rule(4, 60_000))


def digest(generation: int) -> bytes:
    return hashlib.sha256(b"manifest %d" % generation).digest()


@pytest.fixture
async def paced(vault_store: VaultStore) -> AsyncIterator[Running]:
    """A realm that takes four additions at once, and one more each minute."""
    async with running(vault_store, policy=SLOW) as realm:
        yield realm


@pytest.fixture
async def made(paced: Running) -> Dealt:
    """Registration 1 of Alice: the first of the four."""
    dealt = dealt_for(Fleet((paced.member,), 1))
    await register([paced], dealt)
    return dealt


async def anchored(asker: Asker, *generations: int) -> None:
    for number in generations:
        await asker.ask(await asker.anchoring(person(), 1, number, digest(number)), frames.Receipt)


async def test_an_account_that_adds_too_fast_is_told_how_long_to_wait(paced: Running, made: Dealt) -> None:
    async with await Asker.open(paced) as asker:
        await anchored(asker, 1, 2, 3)
        frame = await asker.anchoring(person(), 1, 4, digest(4))
        refused = await asker.refused(frame, refusals.RATE)
        assert (refused.retry, "wait 60 seconds" in refused.message) == (60, True)
        # Registrations draw on the same number, and nothing of either was kept.
        second = dealt_for(Fleet((paced.member,), 1), epoch=2)
        await asker.refused(await asker.registering(person(), second), refusals.RATE)
        assert (await asker.status()).prepared == 0
        raws = await asker.ledger(person())
        entries = open_ledger(raws, paced.vault.realm.secret.public, paced.name, ALICE.account, first=1)
        assert [one.event for one in entries] == [Event.REGISTERED] + [Event.ANCHORED] * 3
        paced.clock.pass_seconds(60)
        await anchored(asker, 4)


async def test_what_was_done_before_is_answered_again_for_nothing(paced: Running, made: Dealt) -> None:
    async with await Asker.open(paced) as asker:
        await anchored(asker, 1, 2, *([2] * 20), 3)


async def test_strangers_cannot_use_an_owners_pace_up(paced: Running, made: Dealt) -> None:
    """Nothing counts that the owner's listed devices have not signed for this realm and this moment."""
    mallory = person(who=BOB)
    async with await Asker.open(paced) as asker:
        captured = await asker.anchoring(person(), 1, 1, digest(1))
        await asker.ask(captured, frames.Receipt)
        for number in range(20):
            # Another account's device, a device that is in no list, a replayed request, a forged one, a guess.
            await asker.refused(
                await asker.anchoring(mallory, 1, number + 2, digest(9)), refusals.UNKNOWN_ACCOUNT
            )
            await asker.refused(
                await asker.anchoring(person(1, 2, 1, 2), 1, number + 2, digest(9)), refusals.REVOKED
            )
            await asker.ask(frames.AskNonce(2), frames.NonceIs)
            await asker.refused(captured, refusals.STALE)
            await asker.ask(frames.AskNonce(2), frames.NonceIs)
            forged = captured.request[:-1] + bytes([captured.request[-1] ^ 1])
            await asker.refused(frames.PutAnchor(7, forged), refusals.BAD_OBJECT)
        for _ in range(5):
            await guess(paced, made, b"a stranger's", b"")
        await anchored(asker, 2, 3)


async def test_one_accounts_pace_holds_nobody_else(paced: Running, made: Dealt) -> None:
    async with await Asker.open(paced) as asker:
        await anchored(asker, 1, 2, 3)
        bob = person(who=BOB)
        other = dealt_for(Fleet((paced.member,), 1), who=bob)
        await asker.commit(other, [await asker.prepare(bob, other)])


async def test_deleting_and_recovering_go_on_when_nothing_may_be_added(paced: Running, made: Dealt) -> None:
    async with await Asker.open(paced) as asker:
        await anchored(asker, 1, 2, 3)
        assert (await asker.status(KEY)).state == refusals.READY
        assert isinstance(await guess(paced, made, PASSWORD), frames.Released)
        await asker.ask(await asker.deleting(person(), 1), frames.Receipt)


async def test_right_guesses_without_end_wait_too_and_spend_nothing(paced: Running, made: Dealt) -> None:
    for _ in range(7):
        assert isinstance(await guess(paced, made, PASSWORD), frames.Released)
    refused = await guess(paced, made, PASSWORD)
    assert isinstance(refused, frames.Refused)
    assert (refused.code, refused.retry, refused.left) == (refusals.WAIT, 60, 10)
    async with await Asker.open(paced) as asker:
        assert (await asker.status(KEY)).wait == 60
    paced.clock.pass_seconds(60)
    assert isinstance(await guess(paced, made, PASSWORD), frames.Released)


async def test_a_restart_forgets_no_pace(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    async with running(SqliteVaultStore(path), policy=SLOW) as realm:
        await register([realm], dealt_for(Fleet((realm.member,), 1)))
        async with await Asker.open(realm) as asker:
            await anchored(asker, 1, 2, 3)
    async with running(SqliteVaultStore(path), policy=SLOW) as realm, await Asker.open(realm) as asker:
        await asker.refused(await asker.anchoring(person(), 1, 4, digest(4)), refusals.RATE)
