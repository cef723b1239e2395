"""Screens above each other: what happens far below is seen at the margins of those above, at once."""

from collections.abc import Awaitable, Callable

import pytest
from textual.screen import Screen

from letterlock_client.events import ConnectionChanged, Link
from letterlock_client.ui.screens.layer import Layer
from letterlock_client.ui.themes import CONTRAST_LIGHT
from tests.client.ui.conftest import Open, Running, normalised
from tests.client.ui.fake_messenger import chat_id, lively
from tests.stillness import know_when_idle

SIZE = (160, 40)


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paint every frame: what a screen has kept of itself depends on when it was painted."""
    know_when_idle(monkeypatch)


async def arrive(running: Running) -> None:
    running.fake.receive(chat_id("carol"), "under all of it")


async def go_offline(running: Running) -> None:
    running.fake.tell(ConnectionChanged(Link.OFFLINE))


async def turn_white(running: Running) -> None:
    running.app.theme = CONTRAST_LIGHT


async def grow(running: Running) -> None:
    await resize(running, 150, 44)


async def shrink(running: Running) -> None:
    await resize(running, 120, 30)


async def resize(running: Running, width: int, height: int) -> None:
    await running.pilot.resize_terminal(width, height)
    # Textual looks for a new size by a clock, once it no longer changes.
    running.app._check_resize()


def seen(running: Running) -> str:
    return normalised(running.app.export_screenshot(simplify=True))


@pytest.mark.parametrize("change", [arrive, go_offline, turn_white, grow, shrink])
@pytest.mark.parametrize("doors", ["f3", "f3 tab enter", "f3 tab enter enter"])
async def test_what_happens_below_dialogs_is_painted(
    client: Open, change: Callable[[Running], Awaitable[None]], doors: str
) -> None:
    async with client(lively(), SIZE) as running:
        await running.press(*doors.split())
        before = seen(running)
        await change(running)
        await running.settle()
        after = seen(running)
        assert after != before
        for screen in running.app.screen_stack:
            screen.refresh()
            await running.settle()
        assert after == seen(running)


async def test_a_textual_that_keeps_what_changed_elsewhere_still_paints(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[Screen[object]] = []
    async with client(lively(), SIZE) as running:
        await running.press("f3")
        below = running.app.screen_stack[-2]
        assert isinstance(below, Layer)
        with monkeypatch.context() as other:
            other.setattr(Screen, "_compositor_refresh", lambda screen: painted.append(screen))
            other.setattr(below, "_compositor", object())
            below._compositor_refresh()
    assert painted == [below]
