"""Prekeys at the relay: only good ones are kept, none is handed out twice, nobody drains another's."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from letterlock.devices.bundle import PrekeyKind, open_bundle
from letterlock.devices.device_list import open_account
from letterlock.wire import frames, refusals
from letterlock_server.relay.state import PREKEY_RULE
from letterlock_server.stores.sqlite.store import SqliteStore
from tests.server.conftest import Clock, Running, running
from tests.server.people import KEM_PUBLIC, Account, Talk

LOW_ORDER = bytes(32)
NON_CANONICAL = (2**255 - 19 + 9).to_bytes(32, "little")
MODULUS_TOO_LARGE = b"\xff" * 1536 + bytes(32)


async def test_a_bundle_passes_the_clients_own_checks(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
        await at_bob.ask(bob.prekeys(1), frames.PrekeyCount)
        certificate = open_account(bob.root.public, bob.certificate, bob.list).devices.device(1)
        assert certificate is not None
        first = await at_alice.ask(frames.FetchBundle(3, bob.id, 1), frames.BundleFound)
        bundle = open_bundle(certificate, first.signed, first.one_time, first.kem)
        assert bundle.one_time is not None
        assert bundle.kem.kind is PrekeyKind.KEM_ONE_TIME
        second = await at_alice.ask(frames.FetchBundle(4, bob.id, 1), frames.BundleFound)
        bundle = open_bundle(certificate, second.signed, second.one_time, second.kem)
        assert bundle.one_time is None
        assert bundle.kem.kind is PrekeyKind.KEM_LAST_RESORT


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        (PrekeyKind.SIGNED, LOW_ORDER),
        (PrekeyKind.ONE_TIME, LOW_ORDER),
        (PrekeyKind.ONE_TIME, NON_CANONICAL),
        (PrekeyKind.KEM_ONE_TIME, MODULUS_TOO_LARGE),
        (PrekeyKind.KEM_LAST_RESORT, MODULUS_TOO_LARGE),
        (PrekeyKind.KEM_ONE_TIME, KEM_PUBLIC[:-1]),
    ],
    ids=["signed-low", "low", "non-canonical", "modulus", "last-resort-modulus", "short"],
)
async def test_a_key_that_must_not_be_used_is_refused(relay: Running, kind: PrekeyKind, key: bytes) -> None:
    bob = Account("bob")
    raw = bob.prekey(kind, 7, key=key)
    put = {
        PrekeyKind.SIGNED: frames.PutPrekeys(3, raw, b"", [], []),
        PrekeyKind.KEM_LAST_RESORT: frames.PutPrekeys(3, b"", raw, [], []),
        PrekeyKind.ONE_TIME: frames.PutPrekeys(3, b"", b"", [raw], []),
        PrekeyKind.KEM_ONE_TIME: frames.PutPrekeys(3, b"", b"", [], [raw]),
    }[kind]
    async with await Talk.join(relay.url, bob) as talk:
        assert (await talk.refused(put)).code == refusals.BAD_OBJECT
        assert (await talk.ask(frames.CountPrekeys(4), frames.PrekeyCount)).one_time == 0


async def test_one_bad_signature_refuses_the_whole_upload(relay: Running) -> None:
    bob = Account("bob")
    good = bob.prekeys(3)
    broken = good.one_time[1][:-1] + bytes([good.one_time[1][-1] ^ 1])
    bad = msgspec.structs.replace(good, one_time=[good.one_time[0], broken, good.one_time[2]])
    async with await Talk.join(relay.url, bob) as talk:
        assert (await talk.refused(bad)).code == refusals.BAD_OBJECT
        left = await talk.ask(frames.CountPrekeys(4), frames.PrekeyCount)
        assert (left.one_time, left.kem_one_time) == (0, 0)


async def test_an_old_lasting_prekey_is_refused(relay: Running) -> None:
    bob = Account("bob")
    async with await Talk.join(relay.url, bob) as talk:
        relay.clock.now += 46 * 24 * 3600 * 1000
        assert (await talk.refused(bob.prekeys(0))).code == refusals.BAD_OBJECT


async def test_nobody_drains_anothers_prekeys_and_the_owner_is_told(relay: Running) -> None:
    eve, bob = Account("eve"), Account("bob")
    async with await Talk.join(relay.url, eve) as at_eve, await Talk.join(relay.url, bob) as at_bob:
        await at_bob.push(frames.Notice)
        await at_bob.ask(bob.prekeys(15), frames.PrekeyCount)
        for number in range(6):
            await at_eve.ask(frames.FetchBundle(number, bob.id, 1), frames.BundleFound)
        refused = await at_eve.refused(frames.FetchBundle(10, bob.id, 1))
        assert refused.code == refusals.RATE
        assert 0 < refused.retry_ms <= 600_000
        assert (await at_bob.push(frames.Notice)).code == "prekeys_low"
        assert (await at_bob.ask(frames.CountPrekeys(4), frames.PrekeyCount)).one_time == 9


async def test_the_limit_outlives_a_restart_and_so_does_what_was_taken(tmp_path: Path, clock: Clock) -> None:
    eve, bob = Account("eve"), Account("bob")
    path = tmp_path / "relay.db"
    async with running(SqliteStore(path, now=clock, prekeys=PREKEY_RULE), clock) as relay:
        at_eve, at_bob = await Talk.join(relay.url, eve), await Talk.join(relay.url, bob)
        await at_bob.ask(bob.prekeys(10), frames.PrekeyCount)
        asked = [frames.FetchBundle(number, bob.id, 1) for number in range(6)]
        before = [(await at_eve.ask(one, frames.BundleFound)).one_time for one in asked]
        await at_eve.close()
        await at_bob.close()
    async with running(SqliteStore(path, now=clock, prekeys=PREKEY_RULE), clock) as relay:
        at_eve = await Talk.log_in(relay.url, eve)
        assert (await at_eve.refused(frames.FetchBundle(3, bob.id, 1))).code == refusals.RATE
        relay.clock.now += 600_000
        after = await at_eve.ask(frames.FetchBundle(4, bob.id, 1), frames.BundleFound)
        assert after.one_time not in before
        await at_eve.close()


async def test_many_who_ask_at_once_get_different_prekeys(relay: Running) -> None:
    bob = Account("bob")
    others = [Account(f"asker{number}") for number in range(20)]
    async with await Talk.join(relay.url, bob) as at_bob:
        await at_bob.ask(bob.prekeys(30), frames.PrekeyCount)
        talks = [await Talk.join(relay.url, one) for one in others]
        found = await asyncio.gather(
            *(talk.ask(frames.FetchBundle(3, bob.id, 1), frames.BundleFound) for talk in talks)
        )
        for talk in talks:
            await talk.close()
    assert len({one.one_time for one in found}) == len({one.kem for one in found}) == 20


async def test_a_device_without_prekeys_is_said_to_have_none(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob):
        assert (await at_alice.refused(frames.FetchBundle(3, bob.id, 1))).code == refusals.UNKNOWN_ACCOUNT
        assert (await at_alice.refused(frames.FetchBundle(4, bob.id, 2))).code == refusals.UNKNOWN_ACCOUNT


async def test_more_prekeys_than_a_device_may_leave_are_refused(relay: Running) -> None:
    bob = Account("bob")
    one = bob.prekeys(1)
    async with await Talk.join(relay.url, bob) as talk:
        for first in (1, 101):
            raws = [bob.prekey(PrekeyKind.ONE_TIME, first + number) for number in range(100)]
            await talk.ask(
                msgspec.structs.replace(one, id=first, one_time=raws, kem_one_time=[]), frames.PrekeyCount
            )
        raws = [bob.prekey(PrekeyKind.ONE_TIME, 201)]
        refused = await talk.refused(frames.PutPrekeys(202, b"", b"", raws, []))
        assert refused.code == refusals.TOO_LARGE
