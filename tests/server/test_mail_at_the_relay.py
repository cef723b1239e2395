"""Mail: kept before it is announced, announced before it is answered, deleted when acknowledged."""

import asyncio
import secrets
from collections.abc import Sequence

import pytest

from letterlock.wire import frames, refusals
from letterlock_server.relay import delivering, state
from letterlock_server.relay.handlers import mailbox
from letterlock_server.stores.interfaces import Copy, Done
from tests.server.conftest import Running
from tests.server.people import Account, Talk, mail


async def test_an_envelope_reaches_every_device_of_the_account(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob", devices=(1, 2))
    async with (
        await Talk.join(relay.url, alice) as at_alice,
        await Talk.join(relay.url, bob) as first,
        await Talk.log_in(relay.url, bob, device=2) as second,
    ):
        await at_alice.ask(mail(bob, b"body"), frames.Accepted)
        for talk in (first, second):
            delivered = await talk.push(frames.Deliver)
            assert (delivered.body, delivered.received_ms) == (b"body", relay.clock.now)


async def test_what_is_not_acknowledged_comes_again_and_what_is_does_not(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice:
        async with await Talk.join(relay.url, bob) as talk:
            for body in (b"one", b"two"):
                await at_alice.ask(mail(bob, body), frames.Accepted)
            one, two = await talk.push(frames.Deliver), await talk.push(frames.Deliver)
            await talk.ask(frames.Acknowledge(5, [one.envelope]), frames.Done)
        async with await Talk.log_in(relay.url, bob) as talk:
            assert (await talk.push(frames.Deliver)).envelope == two.envelope
            await talk.push(frames.Drained)
            assert not any(isinstance(push, frames.Deliver) for push in talk.pushes)


async def test_a_resend_is_kept_once_even_after_it_was_read_and_acknowledged(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    again = mail(bob, b"once")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        await at_alice.ask(again, frames.Accepted)
        await at_alice.ask(again, frames.Accepted)
        delivered = await at_bob.push(frames.Deliver)
        await at_bob.ask(frames.Acknowledge(5, [delivered.envelope]), frames.Done)
        await at_alice.ask(again, frames.Accepted)
        await at_alice.ask(mail(bob, b"next"), frames.Accepted)
        assert (await at_bob.push(frames.Deliver)).body == b"next"
        assert relay.relay.counts.repeats == 2


async def test_a_long_mailbox_is_delivered_in_order_within_credit(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice:
        await (await Talk.join(relay.url, bob)).close()
        for number in range(700):
            await at_alice.send(mail(bob, b"%d" % number, request=number))
        for number in range(700):
            assert isinstance(await at_alice.answer(number), frames.Accepted)
        async with await Talk.greeted(relay.url) as talk:
            assert talk.welcome is not None
            logged_in = await talk.ask(bob.log_in(talk.welcome.nonce, relay.name), frames.LoggedIn)
            assert (logged_in.waiting, logged_in.credit) == (700, frames.CREDIT)
            seen: list[int] = []
            while len(seen) < 700:
                batch = [await talk.push(frames.Deliver) for _ in range(min(frames.CREDIT, 700 - len(seen)))]
                seen += [int(one.body) for one in batch]
                assert relay.relay.counts.delivered == len(seen)
                await talk.ask(frames.Acknowledge(5, [one.envelope for one in batch]), frames.Done)
            assert seen == list(range(700))
            await talk.push(frames.Drained)


async def test_drained_comes_once_and_at_once_where_nothing_waits(relay: Running) -> None:
    bob = Account("bob")
    async with await Talk.join(relay.url, bob) as talk:
        await talk.push(frames.Drained)


async def test_what_arrives_while_a_backlog_is_read_is_neither_lost_nor_doubled(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice:
        await (await Talk.join(relay.url, bob)).close()
        for number in range(600):
            await at_alice.send(mail(bob, b"%d" % number, request=number))
            if number == 300:
                talk = await Talk.log_in(relay.url, bob)
        seen = []
        while len(seen) < 600:
            one = await talk.push(frames.Deliver)
            seen.append(int(one.body))
            await talk.send(frames.Acknowledge(5, [one.envelope]))
        assert seen == list(range(600))
        await talk.close()


async def test_what_a_page_brought_before_the_news_of_its_commit_is_not_delivered_again(
    relay: Running,
) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice:
        await (await Talk.join(relay.url, bob)).close()
        mail_store = relay.relay.store.mail
        keep, late = mail_store.keep, []

        def keep_and_tell_later(copies: Sequence[Copy], done: Done) -> None:
            keep(copies, lambda sequences: late.append(lambda: done(sequences)))

        mail_store.keep = keep_and_tell_later  # type: ignore[method-assign]
        await at_alice.send(mail(bob, b"first"))
        while not late:
            await asyncio.sleep(0)
        async with await Talk.log_in(relay.url, bob) as at_bob:
            assert (await at_bob.push(frames.Deliver)).body == b"first"
            mail_store.keep = keep  # type: ignore[method-assign]
            late.pop()()
            assert isinstance(await at_alice.answer(9), frames.Accepted)
            await at_alice.ask(mail(bob, b"second"), frames.Accepted)
            assert (await at_bob.push(frames.Deliver)).body == b"second"


async def test_an_acknowledgement_of_what_was_not_delivered_here_deletes_nothing(relay: Running) -> None:
    alice, bob, eve = Account("alice"), Account("bob"), Account("eve")
    envelope = secrets.token_bytes(16)
    async with (
        await Talk.join(relay.url, alice) as at_alice,
        await Talk.join(relay.url, bob) as at_bob,
        await Talk.join(relay.url, eve) as at_eve,
    ):
        await at_alice.ask(mail(bob, envelope=envelope), frames.Accepted)
        delivered = await at_bob.push(frames.Deliver)
        assert (await at_eve.refused(frames.Acknowledge(5, [envelope]))).code == refusals.NOT_YOURS
        half = frames.Acknowledge(5, [delivered.envelope, secrets.token_bytes(16)])
        assert (await at_bob.refused(half)).code == refusals.NOT_YOURS
        await at_bob.close()
        async with await Talk.log_in(relay.url, bob) as again:
            assert (await again.push(frames.Deliver)).envelope == envelope


async def test_a_stale_list_is_answered_with_the_newer_one_and_nothing_is_kept(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        stale = mail(bob)
        await at_bob.ask(frames.PutDeviceList(4, bob.certificate, bob.next_list(also=2)), frames.Done)
        answer = await at_alice.ask(stale, frames.StaleList)
        assert (answer.list_certificate, answer.device_list) == (bob.certificate, bob.list)
        await at_alice.ask(mail(bob), frames.Accepted)
        assert (await at_bob.push(frames.Deliver)).envelope != stale.envelope


async def test_a_list_the_relay_has_never_seen_is_refused(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob):
        bob.version += 1
        assert (await at_alice.refused(mail(bob))).code == refusals.BAD_OBJECT


@pytest.mark.parametrize("devices", [[1], [1, 2, 3], [1, 1], [2, 3]])
async def test_an_envelope_is_for_exactly_the_listed_devices(relay: Running, devices: list[int]) -> None:
    alice, bob = Account("alice"), Account("bob", devices=(1, 2))
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob):
        sealed = [frames.Sealed(device, b"x") for device in devices]
        request = frames.Submit(9, secrets.token_bytes(16), bob.id, 1, 1, sealed, ephemeral=False)
        assert (await at_alice.refused(request)).code == refusals.BAD_OBJECT


async def test_a_device_writes_to_its_siblings_without_itself(relay: Running) -> None:
    bob = Account("bob", devices=(1, 2))
    async with (
        await Talk.join(relay.url, bob) as first,
        await Talk.log_in(relay.url, bob, device=2) as second,
    ):
        sealed = [frames.Sealed(2, b"sync")]
        await first.ask(
            frames.Submit(9, secrets.token_bytes(16), bob.id, 1, 1, sealed, ephemeral=False), frames.Accepted
        )
        assert (await second.push(frames.Deliver)).body == b"sync"


async def test_an_ephemeral_envelope_is_for_those_who_are_there(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice:
        await (await Talk.join(relay.url, bob)).close()
        await at_alice.ask(mail(bob, b"nobody there", ephemeral=True), frames.Accepted)
        async with await Talk.log_in(relay.url, bob) as at_bob:
            await at_bob.push(frames.Drained)
            await at_alice.ask(mail(bob, b"typing", ephemeral=True), frames.Accepted)
            delivered = await at_bob.push(frames.Deliver)
            assert delivered.body == b"typing"
            await at_bob.ask(frames.Acknowledge(5, [delivered.envelope]), frames.Done)
        async with await Talk.log_in(relay.url, bob) as at_bob:
            await at_bob.push(frames.Drained)
            assert not any(isinstance(push, frames.Deliver) for push in at_bob.pushes)


async def test_an_ephemeral_copy_cannot_stand_in_for_a_kept_one(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    kept = mail(bob, b"kept")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        await at_bob.push(frames.Drained)
        await at_alice.ask(kept, frames.Accepted)
        await at_alice.ask(mail(bob, b"gone", envelope=kept.envelope, ephemeral=True), frames.Accepted)
        delivered = await at_bob.push(frames.Deliver)
        await at_bob.ask(frames.Acknowledge(5, [delivered.envelope]), frames.Done)
        held = relay.relay.known_box(1), relay.relay.known_box(2)
        assert [box.held for box in held if box is not None] == [0, 0]


async def test_a_full_mailbox_is_said_to_the_sender_and_harms_no_other(
    relay: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "MAX_HELD", 3)
    alice, bob, carol = Account("alice"), Account("bob"), Account("carol")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, carol) as at_carol:
        await (await Talk.join(relay.url, bob)).close()
        for _ in range(3):
            await at_alice.ask(mail(bob), frames.Accepted)
        assert (await at_alice.refused(mail(bob))).code == refusals.MAILBOX_FULL
        await at_alice.ask(mail(carol, b"fine"), frames.Accepted)
        assert (await at_carol.push(frames.Deliver)).body == b"fine"
        async with await Talk.log_in(relay.url, bob) as at_bob:
            delivered = await at_bob.push(frames.Deliver)
            await at_bob.ask(frames.Acknowledge(5, [delivered.envelope]), frames.Done)
            await at_alice.ask(mail(bob), frames.Accepted)


async def test_the_older_of_two_connections_is_fenced(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as older:
        await at_alice.ask(mail(bob), frames.Accepted)
        delivered = await older.push(frames.Deliver)
        async with await Talk.log_in(relay.url, bob) as newer:
            assert (await older.push(frames.Notice)).code in ("prekeys_low", "replaced")
            assert await older.closed() == 4001
            assert (await newer.push(frames.Deliver)).envelope == delivered.envelope


async def test_an_acknowledgement_on_the_way_when_the_connection_is_fenced_deletes_nothing(
    relay: Running,
) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as older:
        await at_alice.ask(mail(bob), frames.Accepted)
        delivered = await older.push(frames.Deliver)
        box = relay.relay.known_box(2)
        assert box is not None
        assert box.peer is not None
        box.peer.fenced = True
        await older.send(frames.Acknowledge(5, [delivered.envelope]))
        async with await Talk.log_in(relay.url, bob) as newer:
            assert (await newer.push(frames.Deliver)).envelope == delivered.envelope


async def test_submits_of_one_connection_keep_their_order_while_the_store_is_asked(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        relay.relay._listings.clear()
        for number in range(50):
            await at_alice.send(mail(bob, b"%d" % number, request=number))
        bodies = [int((await at_bob.push(frames.Deliver)).body) for _ in range(50)]
        assert bodies == list(range(50))


async def test_a_store_that_fails_is_said_and_nothing_is_counted_as_held(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob):
        await at_alice.ask(mail(bob), frames.Accepted)
        keep = relay.relay.store.mail.keep
        relay.relay.store.mail.keep = lambda _copies, done: done(None)  # type: ignore[method-assign]
        refused = await at_alice.refused(mail(bob))
        assert refused.code == refusals.NOT_NOW
        assert refused.retry_ms > 0
        relay.relay.store.mail.keep = keep  # type: ignore[method-assign]
        box = relay.relay.known_box(2)
        assert box is not None
        assert box.held == 1


async def test_a_receiver_that_does_not_read_is_cut_and_its_mail_stays(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice:
        talk = await Talk.join(relay.url, bob)
        transport = talk.socket.transport
        transport.pause_reading()
        body = b"x" * 60_000
        for number in range(200):
            await at_alice.ask(mail(bob, body, request=number), frames.Accepted)
        box = relay.relay.known_box(2)
        assert box is not None
        assert box.peer is not None
        connection = box.peer.connection
        assert connection.stuck_since
        assert connection._transport is not None
        assert connection._transport.get_write_buffer_size() < 1024 * 1024
        relay.gateway.sweep_one(connection, connection.stuck_since + 21.0)
        await asyncio.sleep(0)
        assert box.peer is None or not box.peer.connection.is_open
        transport.abort()
        async with await Talk.log_in(relay.url, bob) as again:
            for _ in range(200):
                one = await again.push(frames.Deliver)
                await again.send(frames.Acknowledge(5, [one.envelope]))


async def test_mail_expires_after_thirty_days_and_an_hour_and_the_reader_is_told(relay: Running) -> None:
    from letterlock_server.relay.expiry import CLOCK_MARGIN_MS, MAIL_MS, expire_once

    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        await at_alice.ask(mail(bob), frames.Accepted)
        await at_bob.push(frames.Deliver)
        relay.clock.now += MAIL_MS + CLOCK_MARGIN_MS
        await expire_once(relay.relay)
        assert await relay.relay.store.mail.held(2) == 1
        relay.clock.now += 24 * 3600 * 1000
        await expire_once(relay.relay)
        assert await relay.relay.store.mail.held(2) == 0
        while (await at_bob.push(frames.Notice)).code != "mail_expired":
            pass


async def test_one_id_for_a_passing_and_a_kept_copy_is_one_delivery(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        await at_bob.push(frames.Drained)
        envelope = secrets.token_bytes(16)
        await at_alice.ask(mail(bob, b"passing", envelope=envelope, ephemeral=True), frames.Accepted)
        await at_alice.ask(mail(bob, b"kept", envelope=envelope), frames.Accepted)
        await at_alice.ask(mail(bob, b"honest"), frames.Accepted)
        first = await at_bob.push(frames.Deliver)
        await at_bob.ask(frames.Acknowledge(5, [first.envelope]), frames.Done)
        rest = [await at_bob.push(frames.Deliver)]
        while rest[-1].body != b"honest":
            rest.append(await at_bob.push(frames.Deliver))
        await at_bob.ask(frames.Acknowledge(6, [one.envelope for one in rest]), frames.Done)
    async with await Talk.log_in(relay.url, bob) as at_bob:
        await at_bob.push(frames.Drained)
        assert not any(isinstance(push, frames.Deliver) for push in at_bob.pushes)


async def test_who_logs_in_while_the_disk_is_busy_is_rung_for_although_memory_let_the_mailbox_go(
    relay: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, dave = Account("alice"), Account("bob"), Account("dave")
    keep = relay.relay.store.mail.keep
    busy: list[tuple[Sequence[Copy], Done]] = []
    async with await Talk.join(relay.url, alice) as at_alice:
        await (await Talk.join(relay.url, bob)).close()
        monkeypatch.setattr(state, "_CACHED", 1)
        monkeypatch.setattr(relay.relay.store.mail, "keep", lambda copies, done: busy.append((copies, done)))
        await at_alice.send(mail(bob, b"for bob", request=10))
        async with asyncio.timeout(5):
            while not busy:
                await asyncio.sleep(0.01)
        ((copies, done),) = busy
        async with await Talk.join(relay.url, dave):
            assert relay.relay.known_box(copies[0].mailbox) is None
        async with await Talk.log_in(relay.url, bob) as at_bob:
            await at_bob.push(frames.Drained)
            keep(copies, done)
            assert (await at_bob.push(frames.Deliver)).body == b"for bob"


async def test_when_every_wake_up_is_lost_a_poll_still_delivers(
    relay: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "ring", lambda *_: None)
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        await at_bob.push(frames.Drained)
        for body in (b"one", b"two"):
            await at_alice.ask(mail(bob, body), frames.Accepted)
        for connection in list(relay.gateway._connections):
            relay.gateway.sweep_one(connection, asyncio.get_running_loop().time())
        got = [await at_bob.push(frames.Deliver) for _ in range(2)]
        assert [one.body for one in got] == [b"one", b"two"]
        await at_bob.ask(frames.Acknowledge(5, [one.envelope for one in got]), frames.Done)
