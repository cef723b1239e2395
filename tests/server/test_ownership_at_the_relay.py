"""Every request against every stranger: nobody touches what is not theirs. Made from the handlers' table."""

import secrets
from collections.abc import Callable

import pytest

from letterlock.devices.bundle import PrekeyKind
from letterlock.ids import AccountId, BlobId
from letterlock.wire import frames, refusals
from letterlock_server.relay.dispatch import HANDLERS, Reach
from tests.server.conftest import Running
from tests.server.people import Account, Talk, mail

BLOB = b"b" * 16
Attack = Callable[[Account, Account, bytes], list[frames.Request]]


def forged_prekeys(victim: Account, eve: Account, _envelope: bytes) -> list[frames.Request]:
    theirs = victim.prekeys(1)
    own = eve.prekeys(1)
    return [
        frames.PutPrekeys(20, theirs.signed, b"", [], []),
        frames.PutPrekeys(21, b"", theirs.last_resort, [], []),
        frames.PutPrekeys(22, own.signed, own.last_resort, theirs.one_time, []),
        frames.PutPrekeys(23, own.signed, own.last_resort, [], theirs.kem_one_time),
        frames.PutPrekeys(24, eve.prekey(PrekeyKind.ONE_TIME, 1), b"", [], []),
    ]


def forged_logins(victim: Account, eve: Account, _envelope: bytes) -> list[frames.Request]:
    own = eve.log_in(bytes(32), "127.0.0.1:1")
    return [frames.LogIn(20, victim.id, 1, own.relay, own.nonce, own.signature, True)]


ATTACKS: dict[type[frames.Request], Attack] = {
    frames.Hello: lambda _v, _e, _m: [frames.Hello(20, 1, "again")],
    frames.Register: lambda v, e, _m: [
        frames.Register(20, v.root.public, v.certificate, e.list, v.entry, ""),
        frames.Register(21, e.root.public, e.certificate, e.list, v.entry, ""),
    ],
    frames.LogIn: forged_logins,
    frames.PutDeviceList: lambda v, _e, _m: [frames.PutDeviceList(20, v.certificate, v.next_list(also=9))],
    frames.PutPrekeys: forged_prekeys,
    frames.Acknowledge: lambda _v, _e, envelope: [frames.Acknowledge(20, [envelope])],
    frames.BeginUpload: lambda _v, _e, _m: [
        frames.BeginUpload(20, BLOB, 10),
        frames.BeginUpload(21, BLOB, 11),
    ],
    frames.PutChunk: lambda _v, _e, _m: [
        frames.PutChunk(20, BLOB, 5, b"x"),
        frames.PutChunk(21, BLOB, 0, b"x"),
    ],
    frames.FetchChunk: lambda _v, _e, _m: [frames.FetchChunk(20, BLOB, 0, 10)],
}
NOTHING_TO_STEAL = {
    # These read what is public, or add mail, or name nobody at all.
    frames.FetchAccount: Reach.DIRECTORY,
    frames.FetchBundle: Reach.DIRECTORY,
    frames.AskPresence: Reach.DIRECTORY,
    frames.Submit: Reach.MAIL,
    frames.CountPrekeys: Reach.OWN,
}


def test_every_request_is_in_one_of_the_two_tables() -> None:
    assert set(ATTACKS) | set(NOTHING_TO_STEAL) == set(HANDLERS)
    assert not set(ATTACKS) & set(NOTHING_TO_STEAL)
    assert {kind: HANDLERS[kind].reach for kind in NOTHING_TO_STEAL} == NOTHING_TO_STEAL


def test_every_client_frame_has_a_handler() -> None:
    assert set(HANDLERS) == set(frames.ClientFrame.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ATTACKS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("logged_in", [True, False], ids=["stranger", "nobody"])
async def test_what_belongs_to_somebody_else_is_refused_and_unharmed(
    relay: Running, kind: type[frames.Request], logged_in: bool
) -> None:
    victim, eve, friend = Account("victim"), Account("eve"), Account("friend")
    async with (
        await Talk.join(relay.url, victim) as at_victim,
        await Talk.join(relay.url, friend) as at_friend,
        await Talk.join(relay.url, eve) as joined,
        await Talk.greeted(relay.url) as outside,
    ):
        await at_victim.ask(victim.prekeys(2), frames.PrekeyCount)
        await at_victim.ask(frames.BeginUpload(5, BLOB, 10), frames.UploadAt)
        await at_victim.ask(frames.PutChunk(6, BLOB, 0, b"01234"), frames.UploadAt)
        await at_friend.ask(mail(victim, b"secret"), frames.Accepted)
        delivered = await at_victim.push(frames.Deliver)
        at_eve = joined if logged_in else outside
        before = victim.list
        for request in ATTACKS[kind](victim, eve, delivered.envelope):
            refused = await at_eve.refused(request)
            assert refused.code in {
                refusals.NOT_YOURS,
                refusals.BAD_OBJECT,
                refusals.BAD_LOGIN,
                refusals.ILLEGAL,
                refusals.HANDLE_TAKEN,
                refusals.NO_BLOB,
            }
        kept = await relay.relay.store.accounts.find(victim.id)
        assert kept is not None
        assert kept.device_list == before
        assert (await at_victim.ask(frames.CountPrekeys(7), frames.PrekeyCount)).one_time == 2
        assert (await at_victim.ask(frames.BeginUpload(8, BLOB, 10), frames.UploadAt)).offset == 5
        await at_victim.ask(frames.Acknowledge(9, [delivered.envelope]), frames.Done)


async def test_a_count_of_prekeys_is_ones_own(relay: Running) -> None:
    victim, eve = Account("victim"), Account("eve")
    async with await Talk.join(relay.url, victim) as at_victim, await Talk.join(relay.url, eve) as at_eve:
        await at_victim.ask(victim.prekeys(3), frames.PrekeyCount)
        assert (await at_eve.ask(frames.CountPrekeys(3), frames.PrekeyCount)).one_time == 0


async def test_names_are_kept_literally_or_refused(relay: Running) -> None:
    async with await Talk.greeted(relay.url) as talk:
        for number, name in enumerate(
            ("'; DROP TABLE accounts;--", "../../etc", "a\0b", "*", "a.>", "x\r\ny")
        ):
            found = await talk.refused(frames.FetchAccount(number, b"", name))
            assert found.code == refusals.UNKNOWN_ACCOUNT
        odd = Account("a.-_b")
        await talk.ask(odd.register(50), frames.Done)
        assert (await talk.ask(frames.FetchAccount(51, b"", "a.-_b"), frames.AccountFound)).handle_entry


async def test_an_attachment_is_read_by_who_knows_its_id(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    blob = secrets.token_bytes(16)
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        await at_alice.ask(frames.BeginUpload(3, blob, 6), frames.UploadAt)
        await at_alice.ask(frames.PutChunk(4, blob, 0, b"012"), frames.UploadAt)
        assert (await at_bob.refused(frames.FetchChunk(3, blob, 0, 6))).code == refusals.NO_BLOB
        done = await at_alice.ask(frames.PutChunk(5, blob, 3, b"345"), frames.UploadAt)
        assert done.offset == 6
        chunk = await at_bob.ask(frames.FetchChunk(4, blob, 2, 100), frames.Chunk)
        assert (chunk.total, chunk.data) == (6, b"2345")
        assert await relay.relay.store.blobs.read(BlobId(blob), 0, 6) == (6, b"012345")


async def test_a_foreign_account_cannot_be_looked_up_in_bulk(relay: Running) -> None:
    eve = Account("eve")
    async with await Talk.join(relay.url, eve) as talk:
        limiter = relay.relay.rates.lookup
        while not limiter.take(AccountId(eve.id), relay.clock.now):
            pass
        refused = await talk.refused(frames.FetchAccount(3, b"", "anybody"))
        assert refused.code == refusals.RATE
        relay.clock.now += refused.retry_ms
        assert (await talk.refused(frames.FetchAccount(4, b"", "anybody"))).code == refusals.UNKNOWN_ACCOUNT
