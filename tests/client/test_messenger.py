"""The messenger as a whole: it opens, closes, listens, and leaves nothing behind."""

import asyncio
import threading

import pytest

from letterlock_client.config import NO_PASSPHRASE, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import ConnectionChanged, Event, EventsLost, Link, NewsArrived
from letterlock_client.flows.announcing import BACKLOG, Announcer, EventStream
from letterlock_client.messenger import Messenger
from tests.simulator import RELAY_URL
from tests.town import WAIT_S, Town, town

__all__ = ["town"]


async def test_closing_leaves_no_task_and_no_thread(town: Town) -> None:
    tasks, threads = asyncio.all_tasks(), threading.active_count()
    alice = await town.register("alice")
    await alice.close()
    await alice.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks
    # The loop's own executor may have started a thread; the database has left none.
    assert not [one for one in threading.enumerate() if "aiosqlite" in one.name.lower()]
    assert threading.active_count() <= threads + 4


async def test_a_profile_is_open_once(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("letterlock_client.config.ProfileLock.acquire.__defaults__", (0.1,))
    alice = await town.register("alice")
    with pytest.raises(ClientError) as caught:
        await town.open("alice")
    assert caught.value.code is Code.PROFILE_IN_USE
    await alice.close()
    await town.open("alice")


async def test_what_is_not_there_cannot_be_opened(town: Town) -> None:
    with pytest.raises(ClientError) as caught:
        await town.open("nobody")
    assert caught.value.code is Code.NO_PROFILE


async def test_a_wrong_passphrase_opens_nothing(town: Town) -> None:
    alice = await Messenger.register(
        town.home,
        "alice",
        handle="alice",
        relay=RELAY_URL,
        unlock=Unlock("correct horse"),
        outside=town.outside("alice"),
    )
    assert alice.profile.has_passphrase
    await alice.close()
    for wrong in (Unlock("battery staple"), NO_PASSPHRASE):
        with pytest.raises(ClientError) as caught:
            await Messenger.open(town.home, "alice", wrong, outside=town.outside("alice"))
        assert caught.value.code is Code.WRONG_PASSPHRASE
    async with await Messenger.open(
        town.home, "alice", Unlock("correct horse"), outside=town.outside("alice")
    ) as opened:
        assert opened.profile == alice.profile


async def test_waits_say_when_they_gave_up(town: Town) -> None:
    alice, _bob = await town.register("alice"), await town.register("bob")
    assert await alice.drained(WAIT_S)
    to_bob = await alice.find("bob")
    await alice.disconnect()
    town.relay.reachable = False
    alice.connect()
    assert not await alice.connected(0.05)
    assert not await alice.drained(0.05)
    await alice.send_text(to_bob, "waits")
    assert not await alice.flushed(0.05)


async def test_a_bug_in_a_task_is_not_hidden(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_arguments: object) -> None:
        raise ZeroDivisionError

    alice = await town.register("alice")
    await alice.disconnect()
    monkeypatch.setattr("letterlock_client.flows.devices.upkeep", broken)
    alice.connect()
    with pytest.raises(ZeroDivisionError):
        await alice.flushed(WAIT_S) and await alice._running.wait(asyncio.Event().wait(), WAIT_S)
    with pytest.raises(ZeroDivisionError):
        await alice.close()


async def test_a_listener_that_sleeps_is_told_what_it_lost() -> None:
    hub = Announcer()
    slow, fast = hub.listen(), EventStream(hub, 3)
    for _ in range(BACKLOG + 5):
        hub.say([NewsArrived()])
    got: list[Event] = []
    hub.close()
    async for event in slow:
        got.append(event)
    assert isinstance(got[0], EventsLost)
    assert len(got) == 1 + 5
    fast.close()


async def test_a_stream_ends_with_the_messenger(town: Town) -> None:
    alice = await town.register("alice")
    events = alice.events()
    await alice.close()
    async for _event in events:
        pass
    late = alice.events()
    late.close()
    async for _event in late:
        pass


async def test_a_closed_stream_hears_nothing_more() -> None:
    hub = Announcer()
    stream = hub.listen()
    stream.close()
    stream.close()
    hub.say([NewsArrived()])
    assert [event async for event in stream] == []


async def test_a_listener_that_comes_late_hears_how_the_connection_stands() -> None:
    hub = Announcer()
    hub.say([ConnectionChanged(Link.CONNECTING), ConnectionChanged(Link.ONLINE), NewsArrived()])
    stream = hub.listen()
    stream.close()
    assert [event async for event in stream] == [ConnectionChanged(Link.ONLINE)]
