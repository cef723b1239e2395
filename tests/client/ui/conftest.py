"""A fixed time zone, a client in a headless terminal, and pictures of it to compare."""

import os
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Doors, Registration, Start, Tastes
from letterlock_client.ui.panes.chat_view import ChatView
from letterlock_client.ui.panes.client_pane import ClientPane
from tests.client.ui.fake_messenger import FakeMessenger
from tests.stillness import count_threads, know_when_idle, paint_when_still, press, until_still

SCREENS = Path(__file__).parents[2] / "screens"
UPDATE = "LETTERLOCK_UPDATE_SCREENS"


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    know_when_idle(monkeypatch)
    paint_when_still(monkeypatch)


PARSED: Final[dict[tuple[object, ...], list[RuleSet]]] = {}
"""Rules of style sheets, by their text and the colours of the theme: nearly the same for each client."""


@pytest.fixture(autouse=True)
def parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all clients of a worker share what Textual keeps for each of them: the parsed rules of a style sheet.

    What Textual keeps of each strip, in seven stores of a few entries, costs more to set up than to use: plain dicts.
    """
    parse = Stylesheet._parse_rules

    def parse_once(self: Stylesheet, *given: Any, **named: Any) -> list[RuleSet]:
        key = (frozenset(self._variables.items()), given, tuple(named.items()))
        if key not in PARSED:
            PARSED[key] = parse(self, *given, **named)
        return PARSED[key]

    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_once)
    monkeypatch.setattr("textual.strip.FIFOCache", lambda _: {})


@dataclass
class Running:
    """A client on a screen."""

    pilot: Pilot[int]
    app: LetterlockApp
    fake: FakeMessenger

    @property
    def pane(self) -> ClientPane:
        return self.app.query_one(ClientPane) if not self._behind else self._behind[0]

    @property
    def _behind(self) -> list[ClientPane]:
        return [pane for screen in self.app.screen_stack for pane in screen.query(ClientPane)]

    @property
    def view(self) -> ChatView:
        assert self.pane.view is not None
        return self.pane.view

    async def settle(self) -> None:
        await until_still(self.app)

    async def press(self, *keys: str) -> None:
        await press(self.app, *keys)

    async def type(self, text: str) -> None:
        await self.press(*({" ": "space", "\n": "ctrl+j"}.get(character, character) for character in text))

    def text(self) -> str:
        """All that stands on the screen."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(line.text for line in lines)


Open = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def client() -> Open:
    @asynccontextmanager
    async def open_client(
        fake: FakeMessenger,
        size: tuple[int, int] = (120, 36),
        *,
        start: Start = Start.OPEN,
        tastes: Tastes | None = None,
        doors: Doors | None = None,
    ) -> AsyncIterator[Running]:
        async def give(passphrase: str) -> FakeMessenger:
            return fake

        async def register(registration: Registration) -> FakeMessenger:
            return fake

        ways = doors or Doors(start, give, register)  # type: ignore[arg-type]
        count_threads()
        app = LetterlockApp(ways, tastes, clock=fake.clock)
        async with app.run_test(size=size, notifications=True) as pilot:
            running = Running(pilot, app, fake)
            await running.settle()
            yield running

    return open_client


@pytest.fixture
def picture(monkeypatch: pytest.MonkeyPatch) -> Callable[[LetterlockApp, str], None]:
    """Compare the screen with the picture of that name; with LETTERLOCK_UPDATE_SCREENS=1, draw it anew."""
    # A cursor that blinks would be in the picture or not, as the machine is slow or fast.
    monkeypatch.setattr(Input, "_toggle_cursor", lambda _: None)
    monkeypatch.setattr(TextArea, "_toggle_cursor_blink_visible", lambda _: None)

    def compare(app: LetterlockApp, name: str) -> None:
        now = normalised(app.export_screenshot(title="Letterlock", simplify=True))
        path = SCREENS / f"{name}.svg"
        if os.environ.get(UPDATE):
            path.write_text(now)
        assert path.exists(), f"no picture {name}: run with {UPDATE}=1"
        assert now == path.read_text(), f"the screen {name} changed: look at it, then run with {UPDATE}=1"

    return compare


def normalised(svg: str) -> str:
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+-", "terminal-", svg)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"
