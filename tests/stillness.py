"""When a client in a headless terminal has done all that a key asked for: known, not hoped for.

Textual's pilot sleeps until the process seems idle, 20 ms at a time and twice a key. Here the loop itself is asked:
nothing ready to run, no thread at work, nothing that moves or is left to paint.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from textual.app import App
from textual.widgets import Button

PATIENCE_S = 30.0
ROUNDS = 4
"""Painting may give widgets work, and their work something to paint: no screen here goes round more often."""


class CountedThreads(ThreadPoolExecutor):
    """The threads of a loop, and what they have not done yet."""

    def __init__(self) -> None:
        super().__init__(4)
        self.undone: set[Future[Any]] = set()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        self.undone.add(future)
        future.add_done_callback(self.undone.discard)
        return future


def count_threads() -> None:
    """Let the running loop use threads that can be asked whether they are at work."""
    asyncio.get_running_loop().set_default_executor(CountedThreads())


async def until_idle(_least: float = 0.0, _most: float = 0.0) -> None:
    """Wait until the loop has nothing to run and its threads have nothing to do; the stand-in for Textual's wait."""
    loop: Any = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE_S):
        quiet = 0
        while quiet < 3:
            await asyncio.sleep(0)
            threads = loop._default_executor
            if isinstance(threads, CountedThreads) and threads.undone:
                await asyncio.sleep(0.001)
                quiet = 0
            else:
                quiet = 0 if loop._ready else quiet + 1


async def until_still(app: App[Any]) -> None:
    """Wait until nothing is left to run, to move and to paint."""
    for _ in range(ROUNDS):
        await until_idle()
        await app.animator.wait_until_complete()
        # Each screen paints by a clock of its own; it stands while one behind a dialog has nothing to paint.
        for screen in app.screen_stack:
            if screen is app.screen or screen._update_timer._active.is_set():
                screen._on_timer_update()
    await until_idle()


async def press(app: App[Any], *keys: str) -> None:
    """Press keys as a person does, who sees what each did before the next."""
    for key in keys:
        await app._press_keys([key])
        app.screen._on_timer_update()
    await until_still(app)


def know_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Textual's pilot wait exactly as long as there is something to wait for."""
    monkeypatch.setattr("textual.app.wait_for_idle", until_idle)
    monkeypatch.setattr("textual.pilot.wait_for_idle", until_idle)
    # A button that was pressed shines for a moment by the clock, and is deaf as long.
    monkeypatch.setattr(Button, "_start_active_affect", lambda _: None)
