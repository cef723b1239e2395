"""A real relay as a child: killed, started again, and never left behind."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from letterlock_client.workshop.watch_lines import Dropped, Unreadable
from letterlock_client.workshop.watched_relay import (
    MAX_NEWS,
    Ended,
    Guard,
    News,
    RelayError,
    Started,
    WatchedRelay,
)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.02)


async def first_news(relay: WatchedRelay) -> list[News]:
    async for batch in relay.news():
        return list(batch)
    return []


async def test_a_killed_relay_comes_back_on_its_port_and_its_store() -> None:
    async with Guard() as guard:
        async with WatchedRelay(guard) as relay:
            url, store = relay.url, guard.folder / "relay.db"
            assert relay.running
            await relay.kill()
            assert not relay.running
            before = store.read_bytes()
            with pytest.raises(ConnectionRefusedError), socket.create_connection(address(url)):
                pass
            await relay.start()
            assert relay.url == url
            assert relay.running
            assert len(store.read_bytes()) >= len(before)
            with socket.create_connection(address(url)):
                pass
            told = await first_news(relay)
        assert [type(each) for each in told] == [Started, Ended, Started]
        assert [each.again for each in told if isinstance(each, Started)] == [False, True]
        assert [each.killed for each in told if isinstance(each, Ended)] == [True]
    assert not guard.folder.exists()


async def test_a_relay_that_ends_by_itself_is_told_and_can_be_started_again() -> None:
    async with Guard() as guard, WatchedRelay(guard) as relay:
        assert relay._process is not None
        os.kill(relay._process.pid, signal.SIGKILL)
        await until(lambda: not relay.running)
        await relay.start()
        told = await first_news(relay)
        assert [each.killed for each in told if isinstance(each, Ended)] == [False]
        assert relay.running


async def test_a_relay_that_cannot_start_says_why_in_a_sentence() -> None:
    async with Guard() as guard:
        relay = WatchedRelay(guard)
        (guard.folder / "relay.db").mkdir()
        with pytest.raises(RelayError, match=r"^The relay could not be started: .+\.$") as failure:
            await relay.start()
        assert "Traceback" not in str(failure.value)
        assert "\n" not in str(failure.value)
        assert not relay.running


async def test_a_port_taken_meanwhile_is_said_and_tried_again() -> None:
    async with Guard() as guard, WatchedRelay(guard) as relay:
        await relay.kill()
        with (
            socket.create_server(address(relay.url)),
            pytest.raises(RelayError, match="could not be started"),
        ):
            await relay.start()
        await relay.start()
        assert relay.running


async def test_whoever_does_not_read_the_news_holds_up_nothing_and_is_told_what_is_missing() -> None:
    async with Guard() as guard, WatchedRelay(guard) as relay:
        for _ in range(MAX_NEWS + 100):
            relay._add(Unreadable())
        told = await first_news(relay)
        assert told[0] == Dropped(101)
        assert len(told) == MAX_NEWS + 1


ORPHAN = """
import asyncio, signal
# A suite that runs in the background ignores these, and its children would with it.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from letterlock_client.workshop.watched_relay import Guard, WatchedRelay
async def main():
    async with Guard() as guard, WatchedRelay(guard) as relay:
        print(relay._process.pid, guard.folder, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_no_signal_to_the_stage_leaves_a_relay_or_a_folder_behind(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHAN, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    pid, folder = (await process.stdout.readline()).decode().split()
    assert alive(int(pid))
    process.send_signal(number)
    await process.wait()
    await until(lambda: not alive(int(pid)) and not Path(folder).exists())


def address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("ws://").partition(":")
    return host, int(port)


async def test_once_the_stage_is_gone_so_is_every_server_that_was_watched() -> None:
    servers = [await asyncio.create_subprocess_exec("sleep", "600") for _ in range(3)]
    async with Guard() as guard:
        for name, server in zip(("relay", "north", "east"), servers, strict=True):
            guard.watch(name, server.pid)
        guard.watch("north", None)
        assert guard._process is not None
        assert guard._process.stdin is not None
        guard._process.stdin.close()
        await guard._process.wait()
        assert not guard.folder.exists()
    assert [await servers[0].wait(), await servers[2].wait()] == [-signal.SIGKILL] * 2
    assert servers[1].returncode is None
    servers[1].kill()
    await servers[1].wait()
