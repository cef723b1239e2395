"""Nothing is lost, doubled or reordered, wherever a process or a connection dies."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from letterlock.wire import frames
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import opening, outgoing
from letterlock_client.flows.workplace import Work
from letterlock_client.messenger import Messenger
from letterlock_client.models import Delivery
from letterlock_client.storage import outbox
from letterlock_client.storage.database import Transaction
from tests.simulator import RELAY_URL, Once
from tests.town import WAIT_S, Pair, Town, eventually


class CrashError(Exception):
    """The process dies here."""


class Failpoint:
    """Lets the n-th writing statement of a database crash, once."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.hit = False

    def pass_by(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.hit = True
            raise CrashError


@contextmanager
def crash_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Failpoint]:
    point = Failpoint(number)
    with monkeypatch.context() as patch:
        for name in ("execute", "insert", "many"):
            real = getattr(Transaction, name)

            async def crashing(self: Transaction, *arguments: object, _real: object = real) -> object:
                point.pass_by()
                return await _real(self, *arguments)  # type: ignore[operator]

            patch.setattr(Transaction, name, crashing)
        yield point


async def test_a_crash_at_any_statement_of_sending_says_nothing_and_spoils_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.bob.disconnect()
    await pair.alice.disconnect()
    said: list[str] = []
    for number in range(1, 40):
        text = f"text {number}"
        with crash_at(number, monkeypatch) as point, suppress(CrashError):
            await pair.alice.send_text(pair.to_bob, text)
            said.append(text)
        if not point.hit:
            break
    assert len(said) == 1, "the last one met no failpoint"
    said.append("after all that")
    await pair.alice.send_text(pair.to_bob, "after all that")
    pair.alice.connect()
    pair.bob.connect()
    await pair.settle()
    assert (await pair.texts(pair.bob))[2:] == said


async def test_a_crash_at_any_statement_of_receiving_shows_each_message_once_and_in_order(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    for number in range(1, 60):
        await pair.bob.disconnect()
        for part in "ab":
            said.append(f"{number}{part}")
            await pair.alice.send_text(pair.to_bob, said[-1])
        pair.alice.connect()
        assert await pair.alice.flushed(WAIT_S)
        # Only Bob's database is to meet the failpoint, and hers has work of its own after a flush.
        await pair.alice.close()
        with crash_at(number, monkeypatch) as point:
            pair.bob.connect()
            with suppress(CrashError):
                await pair.bob.drained(WAIT_S)
        if not point.hit:
            break
        with suppress(CrashError):
            await pair.bob.close()
        pair.alice, pair.bob = await pair.town.open("alice"), await pair.town.open("bob")
        # What the crash left undone is not to be met again: each round has its two messages only.
        assert await pair.bob.drained(WAIT_S)
        assert await pair.bob.flushed(WAIT_S)
    assert 5 < number < 59
    pair.alice = await pair.town.open("alice")
    pair.alice.connect()
    await pair.settle()
    assert (await pair.texts(pair.bob))[2:] == said


@pytest.mark.parametrize("kind", [frames.Submit, frames.Acknowledge, frames.LogIn, frames.Hello])
@pytest.mark.parametrize("before", [True, False])
async def test_a_connection_that_breaks_anywhere_loses_and_doubles_nothing(
    pair: Pair, kind: type[frames.Frame], before: bool
) -> None:
    relay = pair.town.relay
    texts = [f"{number}" for number in range(12)]
    for skip, text in enumerate(texts):
        once = Once(kind, skip % 3)
        relay.break_before, relay.break_after = (
            (once, relay.break_after) if before else (relay.break_before, once)
        )
        if kind in (frames.LogIn, frames.Hello) and skip % 4 == 0:
            relay.sever_all()
        await pair.alice.send_text(pair.to_bob, text)
    await pair.settle()
    assert (await pair.texts(pair.bob))[2:] == texts


async def test_what_is_sent_again_is_the_same_bytes(pair: Pair) -> None:
    relay = pair.town.relay
    relay.break_after = Once(frames.Submit)
    await pair.alice.send_text(pair.to_bob, "answered into the void")
    await pair.settle()
    repeated = [bodies for bodies in relay.submitted.values() if len(bodies) > 1]
    assert len(repeated) == 1
    assert len(set(repeated[0])) == 1
    assert (await pair.texts(pair.bob))[-1] == "answered into the void"


async def test_what_waits_in_the_outbox_survives_a_restart(pair: Pair) -> None:
    await pair.alice.disconnect()
    sent = await pair.alice.send_text(pair.to_bob, "from before the restart")
    await pair.alice.close()
    pair.alice = await pair.town.open("alice", connect=False)
    assert (await pair.alice.message(sent.id)).delivery is Delivery.WAITING
    pair.alice.connect()
    await pair.settle()
    assert (await pair.texts(pair.bob))[-1] == "from before the restart"


@pytest.mark.parametrize("kind", [frames.Hello, frames.Register, frames.LogIn, frames.PutPrekeys])
@pytest.mark.parametrize("before", [True, False])
async def test_a_registration_cut_short_anywhere_goes_on(
    town: Town, kind: type[frames.Frame], before: bool
) -> None:
    if before:
        town.relay.break_before = Once(kind)
    else:
        town.relay.break_after = Once(kind)
    alice, bob = await town.register("alice"), await town.register("bob")
    await bob.send_text(await bob.find("alice"), "found you")
    assert await bob.flushed(WAIT_S)

    async def asked() -> bool:
        return bool(await alice.requests())

    await eventually(asked)


@pytest.mark.parametrize("refusals", [[], [(frames.Register, "handle_taken", 0)]])
async def test_a_registration_nobody_heard_of_leaves_no_profile(
    town: Town, monkeypatch: pytest.MonkeyPatch, refusals: list[tuple[type[frames.Frame], str, int]]
) -> None:
    monkeypatch.setattr(opening, "REGISTER_S", 0.2)
    town.relay.refuse_next.extend(refusals or [(frames.Hello, "not_now", 50)] * 500)
    with pytest.raises(ClientError) as caught:
        await town.register("alice")
    assert caught.value.code in (Code.HANDLE_TAKEN, Code.OFFLINE)
    with pytest.raises(ClientError) as gone:
        await town.open("alice", connect=False)
    assert gone.value.code is Code.NO_PROFILE
    town.relay.refuse_next.clear()
    monkeypatch.setattr(opening, "REGISTER_S", 10)
    assert (await town.register("alice")).profile.handle == "alice"


async def test_a_registration_without_an_answer_is_taken_up_with_the_same_keys(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "REGISTER_S", 0.2)
    town.relay.break_after = lambda frame: isinstance(frame, frames.Register)
    with pytest.raises(ClientError) as caught:
        await town.register("alice")
    assert caught.value.code is Code.OFFLINE
    unfinished = await town.open("alice", connect=False)
    account = unfinished.profile.account
    await unfinished.close()
    town.relay.break_after = lambda _frame: False
    monkeypatch.setattr(opening, "REGISTER_S", 10)
    alice = await town.register("alice")
    assert alice.profile.account == account
    await alice.close()
    with pytest.raises(ClientError) as again:
        await town.register("alice")
    assert again.value.code is Code.PROFILE_EXISTS


async def test_a_crash_at_any_statement_of_registering_can_be_repeated(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[Code] = []
    for number in range(1, 60, 2):
        with crash_at(number, monkeypatch), suppress(CrashError):
            try:
                await (await town.register("alice")).close()
                break
            except ClientError as error:
                # It was registered before the crash: the profile only has to be opened.
                ends.append(error.code)
                break
    assert number > 5
    assert ends in ([], [Code.PROFILE_EXISTS])
    alice = await town.open("alice")
    bob = await town.register("bob")
    await bob.send_text(await bob.find("alice"), "hello")

    async def asked() -> bool:
        return bool(await alice.requests())

    await eventually(asked)


async def test_a_taken_handle_is_told_and_another_can_be_tried(town: Town) -> None:
    await town.register("alice")
    outside = town.outside("second")
    with pytest.raises(ClientError) as caught:
        await Messenger.register(
            town.home, "second", handle="alice", relay=RELAY_URL, unlock=NO_PASSPHRASE, outside=outside
        )
    assert caught.value.code is Code.HANDLE_TAKEN
    second = await Messenger.register(
        town.home, "second", handle="alicia", relay=RELAY_URL, unlock=NO_PASSPHRASE, outside=outside
    )
    assert second.profile.handle == "alicia"
    await second.close()


async def test_two_who_write_first_at_once_understand_each_other(town: Town) -> None:
    alice, bob = await town.register("alice"), await town.register("bob")
    pair = Pair(town, alice, bob, await alice.find("bob"), await bob.find("alice"))
    await alice.disconnect()
    await bob.disconnect()
    await alice.send_text(pair.to_bob, "a0")
    await bob.send_text(pair.to_alice, "b0")
    alice.connect()
    bob.connect()
    await pair.settle()
    for number in range(1, 6):
        await alice.send_text(pair.to_bob, f"a{number}")
        await bob.send_text(pair.to_alice, f"b{number}")
        await pair.settle()
    for person in (alice, bob):
        assert sorted(await pair.texts(person)) == sorted(f"{who}{n}" for who in "ab" for n in range(6))


async def test_a_newer_device_list_seals_again_under_the_same_name_and_in_order(pair: Pair) -> None:
    await pair.alice.disconnect()
    sent = [await pair.alice.send_text(pair.to_bob, f"{number}") for number in range(20)]
    await pair.bob.disconnect()
    pair.town.clock.move(days=8)
    pair.bob.connect()
    assert await pair.bob.connected(WAIT_S)

    async def renewed() -> bool:
        return any(isinstance(one, frames.PutDeviceList) for one in pair.town.relay.seen)

    await eventually(renewed)
    pair.alice.connect()
    await pair.settle()
    got = (await pair.bob.history(pair.to_alice, 100))[2:]
    assert [one.id for one in got] == [one.id for one in sent]
    assert {(await pair.alice.message(one.id)).delivery for one in sent} == {Delivery.DELIVERED}


async def test_a_full_mailbox_fails_the_message_and_it_can_be_sent_again(pair: Pair) -> None:
    pair.town.relay.refuse_next.append((frames.Submit, "mailbox_full", 0))
    sent = await pair.alice.send_text(pair.to_bob, "no room")
    assert await pair.alice.flushed(WAIT_S)
    failed = await pair.alice.message(sent.id)
    assert (failed.delivery, failed.failure) == (Delivery.FAILED, "their mailbox is full")
    await pair.alice.resend(sent.id)
    await pair.settle()
    assert (await pair.alice.message(sent.id)).delivery is Delivery.DELIVERED
    assert (await pair.texts(pair.bob))[-1] == "no room"


async def test_a_relay_that_says_later_is_asked_later(pair: Pair) -> None:
    pair.town.relay.refuse_next.extend([(frames.Submit, "rate", 20)] * 3)
    for number in range(5):
        await pair.alice.send_text(pair.to_bob, f"{number}")
    pair.town.clock.move(seconds=2)
    await pair.settle()
    assert sorted((await pair.texts(pair.bob))[2:]) == [f"{number}" for number in range(5)]


async def test_an_empty_outbox_is_told_though_who_emptied_it_was_cancelled(pair: Pair) -> None:
    place = pair.alice._place
    await pair.alice.disconnect()
    sent = await pair.alice.send_text(pair.to_bob, "never mind")
    waiting = asyncio.create_task(outgoing.all_sent(place))
    await place.database.read(outbox.count)
    await asyncio.sleep(0)
    assert not waiting.done()
    begun = asyncio.Event()

    async def forget(work: Work) -> None:
        await outbox.delete_message(work.tx, sent.id)
        begun.set()

    emptying = asyncio.create_task(place.transact(forget))
    await begun.wait()
    emptying.cancel()
    await asyncio.gather(emptying, return_exceptions=True)
    async with asyncio.timeout(WAIT_S):
        await waiting
