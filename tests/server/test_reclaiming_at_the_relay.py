"""A lost terminal is put out by the root key alone: at once, for good, and by nobody else."""

import msgspec

from letterlock.wire import frames, refusals
from letterlock_server.limits import Limiter, Rule
from tests.server.conftest import Running
from tests.server.people import Account, Talk, mail, nonce, registered


async def test_the_lost_device_is_out_at_once_and_the_new_one_is_in(relay: Running) -> None:
    bob, alice = await registered(relay), await registered(relay, "alice")
    lost = bob.identities[1]
    async with await Talk.log_in(relay.url, bob) as running, await Talk.log_in(relay.url, alice) as at_alice:
        await at_alice.ask(mail(bob, b"to the lost one"), frames.Accepted)
        stale = mail(bob, b"names the old list")
        async with await Talk.greeted(relay.url) as talk:
            await talk.ask(bob.reclaim(2), frames.Done)
        assert await running.closed() == 4003
        assert isinstance(await at_alice.ask(stale, frames.StaleList), frames.StaleList)
    bob.identities[1] = lost
    async with await Talk.greeted(relay.url) as talk:
        refused = await talk.refused(bob.log_in(nonce(talk), relay.name, device=1))
        assert refused.code == refusals.BAD_LOGIN
    async with await Talk.greeted(relay.url) as new:
        logged_in = await new.ask(bob.log_in(nonce(new), relay.name, device=2), frames.LoggedIn)
        assert (logged_in.waiting, logged_in.list_epoch) == (0, 2)


async def test_the_same_again_is_done_and_an_older_one_is_stale(relay: Running) -> None:
    bob = await registered(relay)
    first = bob.reclaim(2)
    second = bob.reclaim(3)
    async with await Talk.greeted(relay.url) as talk:
        await talk.ask(first, frames.Done)
        await talk.ask(second, frames.Done)
        await talk.ask(second, frames.Done)
        assert (await talk.refused(first)).code == refusals.STALE


async def test_a_stranger_and_another_handle_are_refused(relay: Running) -> None:
    bob, eve = await registered(relay), Account("eve")
    async with await Talk.greeted(relay.url) as talk:
        theirs = eve.reclaim(3)
        forged = msgspec.structs.replace(theirs, root_key=bob.root.public)
        assert (await talk.refused(forged)).code == refusals.BAD_OBJECT
        assert (await talk.refused(bob.reclaim(2, handle="robert"))).code == refusals.BAD_OBJECT
        found = await talk.ask(frames.FetchAccount(10, b"", "bob"), frames.AccountFound)
        assert found.root_key == bob.root.public


async def test_a_reused_device_id_is_a_fork_and_refused(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.greeted(relay.url) as talk:
        assert (await talk.refused(bob.reclaim(1))).code == refusals.BAD_OBJECT


async def test_a_logged_in_device_cannot_begin_an_epoch_without_its_handle(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.log_in(relay.url, bob) as talk:
        new = bob.reclaim(2)
        put = frames.PutDeviceList(9, new.list_certificate, new.device_list)
        assert (await talk.refused(put)).code == refusals.BAD_OBJECT


async def test_the_directory_hands_out_the_new_epochs_handle_entry(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.greeted(relay.url) as talk:
        new = bob.reclaim(2)
        await talk.ask(new, frames.Done)
        found = await talk.ask(frames.FetchAccount(10, b"", "bob"), frames.AccountFound)
        assert (found.handle_entry, found.device_list) == (new.handle_entry, new.device_list)


async def test_newcomers_behind_the_same_address_do_not_keep_an_owner_out(relay: Running) -> None:
    """And one who is here already cannot keep newcomers out."""
    bob = await registered(relay)
    relay.relay.rates.register = Limiter(Rule(1, 3_600_000))
    relay.relay.rates.reclaim = Limiter(Rule(2, 3_600_000))
    async with await Talk.greeted(relay.url) as talk:
        await talk.ask(Account("carol").register(), frames.Done)
        assert (await talk.refused(Account("dave").register())).code == refusals.RATE
        await talk.ask(bob.reclaim(2), frames.Done)
        await talk.ask(bob.reclaim(3), frames.Done)
        assert (await talk.refused(bob.reclaim(4))).code == refusals.RATE
