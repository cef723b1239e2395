"""Login: one signature, for one connection, to one relay, by a device that is listed now."""

import msgspec
import pytest

from letterlock.devices.bundle import PrekeyKind
from letterlock.wire import frames, refusals
from letterlock_server.websocket.listening import Patience
from tests.server.conftest import Running, Start
from tests.server.people import Account, Talk, mail, nonce, registered


async def test_a_login_replayed_on_another_connection_is_refused(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.greeted(relay.url) as first, await Talk.greeted(relay.url) as second:
        request = bob.log_in(nonce(first), relay.name)
        await first.ask(request, frames.LoggedIn)
        assert (await second.refused(request)).code == refusals.BAD_LOGIN


async def test_a_nonce_serves_one_attempt(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.greeted(relay.url) as talk:
        good = bob.log_in(nonce(talk), relay.name)
        bad = msgspec.structs.replace(good, signature=bytes(64))
        assert (await talk.refused(bad)).code == refusals.BAD_LOGIN
        assert (await talk.refused(good)).code == refusals.BAD_LOGIN


async def test_a_login_forwarded_from_another_relay_is_refused(relay: Running, start: Start) -> None:
    bob = await registered(relay)
    async with (
        start() as honest,
        await Talk.greeted(honest.url) as victim,
        await Talk.greeted(relay.url) as evil,
    ):
        signed_for_evil = bob.log_in(nonce(victim), relay.name)
        assert (await victim.refused(signed_for_evil)).code == refusals.BAD_LOGIN
        relabelled = msgspec.structs.replace(signed_for_evil, relay=honest.name)
        assert (await evil.refused(relabelled)).code == refusals.BAD_LOGIN


async def test_a_signature_under_another_relays_name_is_refused(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.greeted(relay.url) as talk:
        request = bob.log_in(nonce(talk), relay.name, signed="other.example:1")
        assert (await talk.refused(request)).code == refusals.BAD_LOGIN


async def test_a_signature_over_another_certificate_is_refused(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.greeted(relay.url) as talk:
        request = bob.log_in(nonce(talk), relay.name, tls=b"c" * 32)
        assert (await talk.refused(request)).code == refusals.BAD_LOGIN


@pytest.mark.parametrize("kind", list(PrekeyKind))
async def test_a_signature_made_for_another_purpose_is_refused(relay: Running, kind: PrekeyKind) -> None:
    bob = await registered(relay)
    async with await Talk.greeted(relay.url) as talk:
        request = bob.log_in(nonce(talk), relay.name)
        other = bob.prekey(kind, 1)[-64:]
        assert (
            await talk.refused(msgspec.structs.replace(request, signature=other))
        ).code == refusals.BAD_LOGIN


async def test_an_unknown_account_and_a_wrong_key_are_refused_alike(relay: Running) -> None:
    stranger = Account("stranger")
    await registered(relay)
    async with await Talk.greeted(relay.url) as one, await Talk.greeted(relay.url) as two:
        unknown = await one.refused(stranger.log_in(nonce(one), relay.name))
        bob = await registered(relay, "bert")
        bob.identities[1] = stranger.identities[1]
        wrong = await two.refused(bob.log_in(nonce(two), relay.name))
        assert (unknown.code, unknown.message) == (wrong.code, wrong.message)


async def test_a_device_that_is_not_listed_cannot_log_in(relay: Running) -> None:
    bob = await registered(relay)
    bob.add(2)
    async with await Talk.greeted(relay.url) as talk:
        request = bob.log_in(nonce(talk), relay.name, device=2)
        assert (await talk.refused(request)).code == refusals.BAD_LOGIN


async def test_a_revoked_devices_open_socket_dies_at_once(relay: Running) -> None:
    bob = await registered(relay, devices=(1, 2))
    async with (
        await Talk.log_in(relay.url, bob) as first,
        await Talk.log_in(relay.url, bob, device=2) as second,
    ):
        await first.ask(frames.PutDeviceList(4, bob.certificate, bob.next_list(without=2)), frames.Done)
        assert await second.closed() == 4003
    bob.identities.setdefault(2, bob.identities[1])
    async with await Talk.greeted(relay.url) as talk:
        assert (await talk.refused(bob.log_in(nonce(talk), relay.name, device=2))).code == refusals.BAD_LOGIN


async def test_a_device_may_revoke_itself(relay: Running) -> None:
    bob = await registered(relay, devices=(1, 2))
    async with await Talk.log_in(relay.url, bob, device=2) as second:
        await second.send(frames.PutDeviceList(4, bob.certificate, bob.next_list(without=2)))
        assert await second.closed() == 4003


async def test_an_older_list_is_stale_and_a_fork_is_refused(relay: Running) -> None:
    bob = await registered(relay)
    first = bob.list
    async with await Talk.log_in(relay.url, bob) as talk:
        second = bob.next_list(also=2)
        await talk.ask(frames.PutDeviceList(4, bob.certificate, second), frames.Done)
        await talk.ask(frames.PutDeviceList(5, bob.certificate, second), frames.Done)
        assert (await talk.refused(frames.PutDeviceList(6, bob.certificate, first))).code == refusals.STALE
        bob.add(3)
        fork = bob.sign()
        assert (
            await talk.refused(frames.PutDeviceList(7, bob.certificate, fork))
        ).code == refusals.BAD_OBJECT


async def test_registration_is_idempotent_and_a_handle_has_one_account(relay: Running) -> None:
    bob, other = Account("bob"), Account("bob")
    async with await Talk.greeted(relay.url) as talk:
        await talk.ask(bob.register(2), frames.Done)
        await talk.ask(bob.register(3), frames.Done)
        assert (await talk.refused(other.register(4))).code == refusals.HANDLE_TAKEN
        found = await talk.ask(frames.FetchAccount(5, b"", "bob"), frames.AccountFound)
        assert (found.root_key, found.handle_entry) == (bob.root.public, bob.entry)


@pytest.mark.parametrize("field", ["root_key", "list_certificate", "device_list", "handle_entry"])
async def test_registration_refuses_objects_of_two_accounts(relay: Running, field: str) -> None:
    bob, eve = Account("bob"), Account("eve")
    mixed = msgspec.structs.replace(bob.register(2), **{field: getattr(eve.register(2), field)})
    async with await Talk.greeted(relay.url) as talk:
        assert (await talk.refused(mixed)).code == refusals.BAD_OBJECT


@pytest.mark.parametrize("days", [31, -31])
async def test_a_list_past_or_ahead_of_its_time_is_not_taken(relay: Running, days: int) -> None:
    bob = Account("bob")
    relay.clock.now += days * 24 * 3600 * 1000
    async with await Talk.greeted(relay.url) as talk:
        refused = await talk.refused(bob.register(2))
    assert refused.code == refusals.BAD_OBJECT
    assert "clock" in refused.message


async def test_a_closed_relay_takes_accounts_by_code_only(relay: Running) -> None:
    relay.relay.invite_code = "open sesame"
    bob = Account("bob")
    async with await Talk.greeted(relay.url) as talk:
        assert talk.welcome is not None
        assert talk.welcome.invite_needed
        assert (await talk.refused(bob.register(2, "guess"))).code == refusals.INVITE_NEEDED
        await talk.ask(bob.register(3, "open sesame"), frames.Done)


async def test_a_client_of_another_version_is_told(relay: Running) -> None:
    async with await Talk.open(relay.url) as talk:
        assert (await talk.refused(frames.Hello(1, 99, "future"))).code == refusals.VERSION


async def test_who_has_not_logged_in_can_do_next_to_nothing(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.open(relay.url) as talk:
        assert (await talk.refused(frames.FetchAccount(1, bob.id, ""))).code == refusals.ILLEGAL
    async with await Talk.greeted(relay.url) as talk:
        assert (await talk.refused(mail(bob))).code == refusals.ILLEGAL
        assert (await talk.refused(frames.Acknowledge(3, [b"e" * 16]))).code == refusals.ILLEGAL


async def test_requests_sent_behind_a_login_wait_for_it(relay: Running) -> None:
    bob = await registered(relay)
    async with await Talk.greeted(relay.url) as talk:
        await talk.send(bob.log_in(nonce(talk), relay.name))
        await talk.send(frames.CountPrekeys(7))
        assert isinstance(await talk.answer(2), frames.LoggedIn)
        assert isinstance(await talk.answer(7), frames.PrekeyCount)


async def test_presence_is_of_those_who_let_themselves_be_seen(relay: Running) -> None:
    alice, bob = await registered(relay, "alice"), await registered(relay, "bob")
    async with await Talk.log_in(relay.url, alice) as at_alice:
        assert not (await at_alice.ask(frames.AskPresence(3, bob.id), frames.PresenceIs)).online
        async with await Talk.log_in(relay.url, bob, visible=False):
            assert not (await at_alice.ask(frames.AskPresence(4, bob.id), frames.PresenceIs)).online
        async with await Talk.log_in(relay.url, bob):
            assert (await at_alice.ask(frames.AskPresence(5, bob.id), frames.PresenceIs)).online
        assert not (await at_alice.ask(frames.AskPresence(6, b"n" * 20), frames.PresenceIs)).online


async def test_who_does_not_log_in_in_time_is_cut_whatever_it_sends(start: Start) -> None:
    async with start(Patience(login=0.3)) as relay, await Talk.greeted(relay.url) as talk:
        await talk.send(frames.FetchAccount(2, b"", "nobody"))
        assert await talk.closed() == 1006


async def test_who_logged_in_in_time_stays(start: Start) -> None:
    async with start(Patience(login=0.3)) as relay:
        bob = await registered(relay)
        async with await Talk.log_in(relay.url, bob) as talk:
            box = relay.relay.known_box(1)
            assert box is not None
            assert box.peer is not None
            assert box.peer.connection.deadline is None
            await talk.ask(frames.CountPrekeys(3), frames.PrekeyCount)


def test_the_patience_of_the_product_is_ten_seconds() -> None:
    assert {name: getattr(Patience(), name) for name in ("login", "silence", "pong")} == {
        "login": 10.0,
        "silence": 20.0,
        "pong": 20.0,
    }
