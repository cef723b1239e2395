"""Older messages come in while somebody reads: what is on the screen, the cursor and the end stay where they are."""

from array import array
from collections.abc import Sequence

from textual.app import App, ComposeResult

from letterlock_client.models import Message, Timeline
from letterlock_client.ui import intents
from letterlock_client.ui.themes import STYLES
from letterlock_client.ui.widgets.message_log import MessageLog
from tests.client.ui.fake_messenger import FakeClock
from tests.client.ui.test_message_log import CHAT, made

ROOM = 5_000
"""The rows of what is here begin so far up: there is room for all that comes."""


class GrowingApp(App[None]):
    """A chat whose rows are spread: a message's row is its number."""

    CSS_PATH = STYLES

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__()
        self.there = {number: made(number) for number in numbers}
        self.log_view = MessageLog(CHAT, "bob", FakeClock(), lambda: True)
        self.asked: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.log_view

    def on_mount(self) -> None:
        timeline, tail = self.read()
        self.log_view.show(timeline, tail)
        self.log_view.focus()

    def read(self) -> tuple[Timeline, list[Message]]:
        rows = sorted(self.there)
        widths = bytes(min(255, len(self.there[row].text)) for row in rows)
        return Timeline(memoryview(array("q", rows)), widths), [self.there[row] for row in rows[-256:]]

    def grow(self, numbers: Sequence[int], *, same: bool = True) -> None:
        self.there |= {number: made(number) for number in numbers}
        timeline, tail = self.read()
        self.log_view.reread(timeline, tail, same=same)

    def on_pages_wanted(self, event: intents.PagesWanted) -> None:
        self.asked += event.rows
        self.log_view.loaded(event.rows, [self.there[row] for row in event.rows])


def shown(app: GrowingApp) -> list[str]:
    return [app.log_view.render_line(y).text for y in range(app.log_view.size.height)]


async def test_what_is_read_stays_on_the_screen_whatever_comes_before_it() -> None:
    app = GrowingApp(range(ROOM, ROOM + 1500))
    async with app.run_test(size=(70, 24)) as pilot:
        await pilot.pause()
        app.log_view.scroll_to(y=app.log_view.max_scroll_y // 2, animate=False, immediate=True)
        for _ in range(4):
            await pilot.pause()
        before = shown(app)
        for numbers in (range(4_000, 4_500), range(1, 1_000), range(1_000, 4_000, 3)):
            app.grow(numbers)
            # Not even for a moment: nothing that was loaded is read again.
            assert shown(app) == before
            for _ in range(4):
                await pilot.pause()
            assert shown(app) == before
        assert app.log_view.count == 1500 + 500 + 999 + 1000


async def test_after_lost_events_everything_is_read_again_and_the_reader_stays() -> None:
    app = GrowingApp(range(ROOM, ROOM + 1500))
    async with app.run_test(size=(70, 24)) as pilot:
        await pilot.pause()
        app.log_view.scroll_to(y=app.log_view.max_scroll_y // 2, animate=False, immediate=True)
        for _ in range(4):
            await pilot.pause()
        top = app.log_view.index.at(app.log_view.scroll_offset.y)[0]
        row = app.log_view.window.row(top)
        app.asked.clear()
        app.grow(range(1, 1_000), same=False)
        for _ in range(4):
            await pilot.pause()
        assert row in app.asked
        top = app.log_view.index.at(app.log_view.scroll_offset.y)[0]
        assert app.log_view.window.row(top) == row


async def test_the_cursor_stays_on_its_message_and_the_end_at_the_end() -> None:
    app = GrowingApp(range(ROOM, ROOM + 300))
    async with app.run_test(size=(70, 24)) as pilot:
        await pilot.pause()
        before = shown(app)
        app.grow(range(1, 700))
        await pilot.pause()
        assert app.log_view.follow
        assert shown(app) == before
        await pilot.press("up", "up", "up")
        chosen = app.log_view.message_at_cursor()
        assert chosen is not None
        app.grow(range(700, 1_400))
        await pilot.pause()
        assert app.log_view.message_at_cursor() == chosen


async def test_what_came_at_the_end_meanwhile_is_found_again_at_its_place() -> None:
    app = GrowingApp(range(ROOM, ROOM + 300))
    async with app.run_test(size=(70, 24)) as pilot:
        await pilot.pause()
        new = made(ROOM + 300, "just came")
        app.log_view.added(new)
        await pilot.press("up")
        assert app.log_view.message_at_cursor() == new
        app.there[ROOM + 300] = new
        app.grow(range(1, 500))
        await pilot.pause()
        assert app.log_view.message_at_cursor() == new
        assert app.log_view.count == 300 + 1 + 499
