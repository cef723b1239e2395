"""When a client in a headless terminal has done all that a key asked for: known, not hoped for.

Textual's pilot sleeps until the process seems idle, 20 ms at a time and twice a key. Here the loop itself is asked:
nothing ready to run, no thread at work, nothing that moves or is left to paint.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final
from weakref import WeakKeyDictionary

import pytest
from rich.console import RenderableType
from textual._compositor import Compositor
from textual.app import App
from textual.geometry import Region
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
    await until_arranged(app)
    while paint(app):
        await until_arranged(app)


async def until_arranged(app: App[Any]) -> None:
    """Wait until nothing is left to run and to move, and everything has its place."""
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


UNPAINTED: Final[WeakKeyDictionary[Compositor, set[Region]]] = WeakKeyDictionary()
"""What of a screen changed since it was painted."""

render_update = Compositor.render_update


def paint(app: App[Any]) -> bool:
    """Paint what changed on the top screen, where painting was put off; tell whether there was anything."""
    compositor = app.screen._compositor
    changed = UNPAINTED.pop(compositor, None)
    if not changed:
        return False
    compositor._dirty_regions.update(changed)
    render_update(compositor, screen_stack=app._background_screens)
    return True


def paint_when_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paint what a person sees once all is done, and none of the frames on the way.

    A headless terminal throws every frame away, and drawing them is a third of what a test of a screen takes.
    """

    def put_off(self: Compositor, full: bool = False, *given: Any, **named: Any) -> RenderableType | None:
        if full:
            return render_update(self, full, *given, **named)
        UNPAINTED.setdefault(self, set()).update(self._dirty_regions)
        self._dirty_regions.clear()
        return None

    monkeypatch.setattr(Compositor, "render_update", put_off)


def know_when_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Textual's pilot wait exactly as long as there is something to wait for."""
    monkeypatch.setattr("textual.app.wait_for_idle", until_idle)
    monkeypatch.setattr("textual.pilot.wait_for_idle", until_idle)
    # A button that was pressed shines for a moment by the clock, and is deaf as long.
    monkeypatch.setattr(Button, "_start_active_affect", lambda _: None)
