"""The stage in a headless terminal, with extras for a cast; pictures as the interface's tests take them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from textual.pilot import Pilot

from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.workshop.stage import StageApp
from letterlock_client.workshop.stage_screen import StageScreen
from tests.client.ui.conftest import exact, parsed_once, picture, utc
from tests.client.workshop.extras import Extras
from tests.stillness import count_threads, press, until_still

__all__ = ["exact", "parsed_once", "picture", "utc"]


@dataclass
class Shown:
    """A stage on a screen."""

    pilot: Pilot[int]
    app: StageApp
    extras: Extras

    @property
    def stage(self) -> StageScreen:
        screen = self.app.screen_stack[1]
        assert isinstance(screen, StageScreen)
        return screen

    async def settle(self) -> None:
        await until_still(self.app)

    async def press(self, *keys: str) -> None:
        await press(self.app, *keys)

    async def type(self, text: str) -> None:
        await self.press(*({" ": "space"}.get(character, character) for character in text))

    def text(self) -> str:
        return "\n".join(line.text for line in self.app.screen._compositor.render_strips())


Show = Callable[..., AbstractAsyncContextManager[Shown]]


@pytest.fixture
def show() -> Show:
    @asynccontextmanager
    async def open_stage(extras: Extras, size: tuple[int, int] = (160, 45)) -> AsyncIterator[Shown]:
        count_threads()
        app = StageApp(extras.cast, Surroundings(extras.clock))
        async with app.run_test(size=size, notifications=True) as pilot:
            shown = Shown(pilot, app, extras)
            await shown.settle()
            yield shown

    return open_stage
