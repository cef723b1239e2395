"""Where the load generator runs: on uvloop, on the last core, away from the server."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from scripts.benchmarks.load.process import on_core

T = TypeVar("T")


def under_load(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`, which starts a server and puts load on it."""
    with on_core(-1), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
