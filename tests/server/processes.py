"""A relay as a process of its own, for the tests that kill it."""

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

BEGIN = [sys.executable, "-m", "letterlock_server.cli", "relay"]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Process:
    def __init__(self, child: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.child = child
        self.url: str = ready["ready"]
        self.ready = ready

    async def line(self) -> dict[str, Any]:
        assert self.child.stdout is not None
        async with asyncio.timeout(10):
            parsed: dict[str, Any] = json.loads(await self.child.stdout.readline())
        return parsed

    async def stop(self, number: int = signal.SIGTERM) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(number)
        async with asyncio.timeout(10):
            return await self.child.wait()


@contextlib.asynccontextmanager
async def process(*options: str, prefix: tuple[str, ...] = ()) -> AsyncIterator[Process]:
    child = await asyncio.create_subprocess_exec(
        *prefix,
        *BEGIN,
        "--listen",
        "127.0.0.1:0",
        "--json",
        "--rate-factor",
        "1000",
        *(options if "--store" in options else ("--store", "memory", *options)),
        stdout=subprocess.PIPE,
        limit=2**20,
    )
    try:
        assert child.stdout is not None
        async with asyncio.timeout(20):
            ready = json.loads(await child.stdout.readline())
        yield Process(child, ready)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
        # Read to its end, so that the pipe's transport closes with the loop still there.
        if child.stdout is not None:
            await child.stdout.read()


def run(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*BEGIN, *options], capture_output=True, text=True, timeout=20, check=False)
