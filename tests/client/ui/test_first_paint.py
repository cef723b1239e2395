"""What is painted first is what was meant: no screen shows for a moment that another one is to replace."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Doors, Start
from letterlock_client.ui.panes.client_pane import WELCOME
from tests.client.ui.conftest import Open
from tests.client.ui.fake_backups import FLEET_FILE
from tests.client.ui.fake_messenger import FakeMessenger, lively
from tests.client.ui.test_backup_screens import press_button
from tests.client.ui.test_restore_screens import Restoring, give
from tests.stillness import count_threads, until_still

Painted = Callable[[], list[str]]
SECRET = "correct horse"


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that was painted, the newest last."""
    texts: list[str] = []
    display = LetterlockApp._display

    def paint(self: LetterlockApp, screen: object, renderable: object) -> None:
        display(self, screen, renderable)  # type: ignore[arg-type]
        texts.append("\n".join(strip.text for strip in self.screen._compositor.render_strips()))

    monkeypatch.setattr(LetterlockApp, "_display", paint)
    return texts


@pytest.mark.parametrize("start", [Start.OPEN, Start.UNLOCK])
async def test_a_narrow_client_is_narrow_from_its_first_paint_on(painted: list[str], start: Start) -> None:
    fake = lively()

    async def give_messenger(_: object) -> FakeMessenger:
        return fake

    count_threads()
    app = LetterlockApp(Doors(start, give_messenger, give_messenger), clock=fake.clock)  # type: ignore[arg-type]
    async with app.run_test(size=(60, 24)) as pilot:
        await unlock(pilot, start)
        await until_still(app)
        assert "see you there" in painted[-1] or "bob" in painted[-1]
        assert not [text for text in painted if WELCOME[:12] in text or "Welcome to Letterlock" in text]


async def unlock(pilot: Pilot[int], start: Start) -> None:
    await until_still(pilot.app)
    if start is Start.UNLOCK:
        pilot.app.screen.query_one(Input).value = "any"
        await pilot.press("enter")


async def test_nothing_of_the_first_screen_shows_between_the_steps_of_a_restore(
    client: Open, painted: list[str]
) -> None:
    way = Restoring()
    opening = asyncio.Event()
    doors = way.doors

    async def open_slowly(passphrase: str) -> FakeMessenger:
        await opening.wait()
        return await way._open(passphrase)

    async with client(way.fake, (100, 36), doors=replace(doors, open=open_slowly)) as running:
        press_button(running, "Restore from a backup")
        await running.settle()
        before = len(painted)
        for name, value in (("handle", "alice"), ("folder", "/tmp"), ("fleet", str(FLEET_FILE))):
            running.app.screen.query_one(f"#{name}", Input).value = value
        press_button(running, "Look for the backup")
        await running.settle()
        await give(running, SECRET)
        press_button(running, "Restore")
        await running.settle()
        running.app.screen.query_one("#bare").toggle()  # type: ignore[attr-defined]
        press_button(running, "Restore now")
        await running.settle()
        await running.press("enter")
        assert "One moment" in painted[-1]
        opening.set()
        await running.settle()
        assert "bob" in painted[-1]
        assert not [text for text in painted[before:] if "Welcome to Letterlock" in text]
