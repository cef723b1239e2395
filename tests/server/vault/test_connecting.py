"""What a connection to a realm promises: who it is, an answer to everything, in order, and no failure for any frame."""

import asyncio
import secrets
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from letterlock.vault.fleet import Fleet
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.codec import decode_from_realm, encode
from letterlock.wire.frames import Request
from letterlock_server.stores.vault_memory import MemoryVaultStore
from letterlock_server.vault.state import Rates
from letterlock_server.websocket.listening import Patience
from tests.server.vault.running import (
    KEY,
    Asker,
    Running,
    Try,
    dealt_for,
    person,
    register,
    running,
)
from tests.shared.devices.people import ALICE, BOB, Person
from tests.shared.vault.realms import PASSWORD
from tests.shared.wire.frame_strategies import any_of
from tests.shared.wire.test_vault_frames import TO_REALM


async def test_a_realm_says_who_it_is_and_speaks_to_no_one_before(realm: Running) -> None:
    async with await Asker.open(realm) as asker:
        await asker.refused(frames.Greet(1, 1, "again", bytes(32)), refusals.ILLEGAL)
        await asker.refused(frames.FinishGuess(2, bytes(64)), refusals.ILLEGAL)
        assert (await asker.status()).state == refusals.NEVER_REGISTERED


async def test_new_accounts_are_limited_and_known_ones_are_not(realm: Running) -> None:
    realm.vault.rates = Rates(0.02)
    realm.vault.rates.request = Rates(1000.0).request
    async with await Asker.open(realm) as asker:
        people = [person(who=Person(f"person {number}")) for number in range(4)]
        answers = []
        for one in people:
            account = one.account
            frame = frames.PutDeviceList(3, account.root_key, account.certificate.raw, account.devices.raw)
            answers.append(await asker.tell(frame))
        assert [type(one) for one in answers] == [frames.Done, frames.Done, frames.Refused, frames.Refused]
        await asker.introduce(people[0])


async def test_a_realm_that_is_full_takes_no_new_account_and_serves_those_it_has(realm: Running) -> None:
    realm.vault.most_accounts = 1
    async with await Asker.open(realm) as asker:
        await asker.introduce(person())
        theirs = person(who=BOB).account
        frame = frames.PutDeviceList(3, theirs.root_key, theirs.certificate.raw, theirs.devices.raw)
        await asker.refused(frame, refusals.NOT_NOW)
        await asker.introduce(person(2, 1, 1, 2))


@pytest.mark.parametrize("changed", [{"seed": secrets.token_bytes(32)}, {"name": "another-name"}])
async def test_a_realm_with_another_key_file_or_name_costs_nobody_a_guess(changed: dict[str, Any]) -> None:
    """What it cannot open it cannot answer, and it says so before anything is spent."""
    store = MemoryVaultStore()
    async with running(store) as realm:
        made = dealt_for(Fleet((realm.member,), 1))
        await register([realm], made)
    async with running(store, **changed) as other, await Asker.open(other) as asker:
        await asker.refused(Try(made, PASSWORD, KEY).frame, refusals.INTERNAL)
        assert (await asker.status(KEY)).left == 10


async def test_requests_that_come_at_once_are_answered_in_order(realm: Running) -> None:
    async with await Asker.open(realm) as asker:
        for number in range(100):
            await asker.socket.send(encode(frames.AskStatus(number, ALICE.account, b"")))
        for number in range(100):
            answer = decode_from_realm(await asker.socket.recv(decode=False))
            assert isinstance(answer, frames.StatusIs)
            assert answer.id == number


async def test_what_is_no_frame_is_said_so_and_the_connection_closed(realm: Running) -> None:
    async with await Asker.open(realm) as asker:
        await asker.socket.send(b"\xc1")
        refused = decode_from_realm(await asker.socket.recv(decode=False))
        assert isinstance(refused, frames.Refused)
        assert (refused.id, refused.code) == (0, refusals.ILLEGAL)
        async with asyncio.timeout(10):
            await asker.socket.wait_closed()


async def test_a_frame_that_no_request_can_be_is_cut_before_it_is_gathered(realm: Running) -> None:
    async with await Asker.open(realm) as asker:
        await asker.socket.send(bytes(frames.MAX_REQUEST + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await asker.socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


async def test_who_asks_nothing_any_more_makes_room_and_who_asks_now_and_then_stays() -> None:
    """Idle connections that answer every ping would otherwise take all the places of an address."""
    async with running(MemoryVaultStore(), patience=Patience(sweep=0.02)) as realm:
        realm.gateway.quiet_s = 0.5
        async with await Asker.open(realm) as quiet, await Asker.open(realm) as asking:
            async with asyncio.timeout(10):
                while quiet.socket.close_code is None:
                    await asking.status()
            assert quiet.socket.close_code == 1000
            assert (await asking.status()).state == refusals.NEVER_REGISTERED


async def test_who_does_not_greet_in_time_is_cut_and_who_did_is_not() -> None:
    async with (
        running(MemoryVaultStore(), patience=Patience(login=0.3)) as realm,
        await Asker.open(realm) as asker,
    ):
        silent = await connect(realm.url, subprotocols=[Subprotocol(frames.SUBPROTOCOL)], proxy=None)
        async with asyncio.timeout(10):
            await silent.wait_closed()
        assert (await asker.status()).state == refusals.NEVER_REGISTERED


@settings(max_examples=40, deadline=None)
@given(st.lists(any_of(TO_REALM), max_size=8))
def test_no_frame_whatever_is_in_it_makes_a_realm_fail(asked: list[Request]) -> None:
    async def ask_all() -> None:
        async with running(MemoryVaultStore()) as realm, await Asker.open(realm) as asker:
            for frame in asked:
                answer = await asker.tell(frame)
                assert not isinstance(answer, frames.Refused) or answer.code != refusals.INTERNAL
            assert realm.vault.counts.internal_errors == 0

    asyncio.run(ask_all())
