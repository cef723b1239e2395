"""The log of messages: what is on the screen stays where it is, and length costs nothing."""

import random
import time
from array import array
from collections.abc import Sequence

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.selection import Selection

from letterlock.ids import AccountId, ConversationId, MessageId
from letterlock_client.models import Message, MessageKind, Timeline
from letterlock_client.ui import intents
from letterlock_client.ui.themes import STYLES
from letterlock_client.ui.widgets.message_log import MessageLog
from letterlock_client.ui.widgets.rows import LINE_STEP
from tests.client.ui.fake_messenger import MINUTE, START, FakeClock
from tests.stillness import until_still

CHAT = ConversationId(b"bob".ljust(20, b"\0"))
WORDS = [
    "lorem",
    "ipsum",
    "你好",
    "dolor",
    "😀",
    "sit",
    "amet",
    "naïve",
    "consectetur",
    "https://example.org",
    "adipiscing\nelit",
    "sed",
]


def made(number: int, text: str | None = None) -> Message:
    dice = random.Random(number)
    words = text if text is not None else " ".join(dice.choices(WORDS, k=dice.randint(1, 60)))
    at = START - 90 * 86_400_000 + number * 7 * MINUTE
    mine = number % 3 == 0
    return Message(
        id=MessageId(number.to_bytes(16, "big")),
        conversation=CHAT,
        author=AccountId(b"me".ljust(20, b"\1") if mine else CHAT),
        mine=mine,
        kind=MessageKind.TEXT,
        text=words,
        sent_at=at,
        received_at=at,
    )


def timeline_of(messages: Sequence[Message]) -> Timeline:
    widths = bytes(min(255, len(message.text)) for message in messages)
    return Timeline(memoryview(array("q", range(1, len(messages) + 1))), widths)


class LogApp(App[None]):
    CSS_PATH = STYLES

    def __init__(self, messages: Sequence[Message]) -> None:
        super().__init__()
        self.messages = messages
        self.log_view = MessageLog(CHAT, "bob", FakeClock(), lambda: True)
        self.asked: list[Sequence[int]] = []
        self.seen: list[MessageId] = []
        self.jump: MessageId | None = None

    def compose(self) -> ComposeResult:
        yield self.log_view

    def on_mount(self) -> None:
        self.log_view.show(timeline_of(self.messages), self.messages[-256:])
        self.log_view.focus()
        if self.jump is not None:
            assert self.log_view.size.width == 0
            assert self.log_view.jump_to(self.jump)

    def on_pages_wanted(self, event: intents.PagesWanted) -> None:
        self.asked.append(event.rows)
        self.log_view.loaded(event.rows, [self.messages[row - 1] for row in event.rows])

    def on_seen(self, event: intents.Seen) -> None:
        self.seen.append(event.message)


def lines(app: LogApp) -> list[str]:
    log = app.log_view
    return [log.render_line(y).text[2:] for y in range(log.size.height)]


async def test_one_step_moves_every_row_by_exactly_one() -> None:
    app = LogApp([made(number) for number in range(1, 1200)])
    async with app.run_test(size=(72, 20)) as pilot:
        await pilot.pause()
        dice = random.Random(1)
        for step in [-1] * 90 + [1] * 20 + [dice.choice((-1, 1)) for _ in range(40)]:
            before, y = lines(app), app.log_view.scroll_offset.y
            app.log_view.scroll_relative(y=step, animate=False, immediate=True)
            await pilot.pause()
            after = lines(app)
            if step < 0 and y > 0:
                assert after[1:] == before[:-1]
            elif step > 0 and not app.log_view.follow:
                assert after[:-1] == before[1:]


async def test_a_jump_before_the_log_has_a_width_comes_true_once_it_has() -> None:
    app = LogApp([made(number) for number in range(1, 1200)])
    app.jump = app.messages[-200].id
    async with app.run_test(size=(72, 20)) as pilot:
        await pilot.pause()
        assert app.log_view.cursor == 1199 - 200
        assert 1199 - 200 in app.log_view.visible_items()


async def test_loading_pages_moves_nothing_that_is_on_the_screen() -> None:
    app = LogApp([made(number) for number in range(1, 3000)])
    async with app.run_test(size=(60, 24)) as pilot:
        await pilot.pause()
        app.log_view.scroll_to(y=app.log_view.max_scroll_y // 2, animate=False, immediate=True)
        for _ in range(4):
            await pilot.pause()
        assert all(app.log_view.window.message(item) for item in app.log_view.visible_items())
        shown = lines(app)
        app.log_view._settle()
        await pilot.pause()
        assert lines(app) == shown


@pytest.mark.parametrize("width", [40, 66, 100])
async def test_a_resize_keeps_what_is_at_the_top(width: int) -> None:
    app = LogApp([made(number) for number in range(1, 1500)])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.log_view.scroll_to(y=app.log_view.max_scroll_y // 3, animate=False, immediate=True)
        for _ in range(4):
            await pilot.pause()
        top = app.log_view.index.at(app.log_view.scroll_offset.y)[0]
        await pilot.resize_terminal(width, 24)
        for _ in range(4):
            await pilot.pause()
        assert app.log_view.index.at(app.log_view.scroll_offset.y)[0] == top


async def test_at_the_end_it_stays_at_the_end_through_resizes_and_messages() -> None:
    app = LogApp([made(number) for number in range(1, 500)])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        for size in ((60, 20), (110, 30), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert app.log_view.follow
            assert app.log_view.scroll_offset.y == app.log_view.max_scroll_y
        app.log_view.added(made(9_000, "the newest"))
        await pilot.pause()
        assert any("the newest" in line for line in lines(app)[-2:])


async def test_heights_are_exact_wherever_it_has_been() -> None:
    app = LogApp([made(number) for number in range(1, 600)])
    async with app.run_test(size=(50, 20)) as pilot:
        for _ in range(40):
            await pilot.press("pageup")
        log = app.log_view
        for item in log.visible_items():
            rows = log.rows_of(item)
            assert rows is not None
            assert len(rows) == log.index[item]
        for item in range(0, log.count, 37):
            assert log.index.at(log.index.top(item)) == (item, 0)


async def test_only_pages_near_the_screen_are_read() -> None:
    app = LogApp([made(number) for number in range(1, 20_000)])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        app.asked.clear()
        await pilot.press("home")
        await pilot.pause()
        assert sum(map(len, app.asked)) <= 512
        assert any(row == 1 for rows in app.asked for row in rows)
        assert app.log_view.cursor == 0


@pytest.mark.parametrize(
    "text", ["x" * 1_000_000, "\n" * 100_000, "e" + "\u0301" * 1_000_000, "ab " * 300_000]
)
async def test_a_huge_message_costs_less_than_200_ms(text: str) -> None:
    app = LogApp([made(number) for number in range(1, 50)])
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        started = time.process_time()
        app.log_view.added(made(9_000, text))
        lines(app)
        assert time.process_time() - started < 0.2
        await pilot.pause()
        assert any("enter shows all" in line for line in lines(app))
        assert all(height <= 60 for height in (app.log_view.index[app.log_view.count - 1],))


async def test_a_message_seen_is_told_once_and_in_order() -> None:
    app = LogApp([made(number) for number in range(1, 300)])
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("pageup", "pageup", "pagedown")
        await pilot.pause()
        theirs = [message.id for message in app.messages if not message.mine]
        assert app.seen == [theirs[-1]]


async def test_a_selection_copies_messages_as_they_were_written() -> None:
    long = "a sentence that is long enough to be wrapped in a narrow terminal, twice"
    app = LogApp([made(1, "first"), made(2, long), made(3, "third")])
    async with app.run_test(size=(40, 24)) as pilot:
        await pilot.pause()
        log = app.log_view
        whole = Selection(Offset(0, 0), Offset(100, 2 * LINE_STEP + 20))
        copied = log.get_selection(whole)
        assert copied is not None
        assert copied[0] == f"first\n{long}\nthird"
        row = next(line for line, row in enumerate(log.rows_of(0) or []) if row.body.cell_length)
        part = log.get_selection(Selection(Offset(1, row), Offset(3, row)))
        assert part is not None
        assert part[0] == "ir"


async def test_the_mouse_selects_only_text() -> None:
    app = LogApp([made(1, "first message"), made(2, "second message")])
    async with app.run_test(size=(60, 24)) as pilot:
        await pilot.pause()
        y = next(y for y, line in enumerate(lines(app)) if "first" in line)
        x = app.log_view.render_line(y).text.index("first")
        await pilot.mouse_down(app.log_view, offset=(x, y))
        await pilot.hover(app.log_view, offset=(x + 4, y))
        await pilot.mouse_up(app.log_view, offset=(x + 4, y))
        await pilot.pause()
        assert app.screen.get_selected_text() == "first"


async def test_removing_above_the_screen_moves_nothing() -> None:
    app = LogApp([made(number) for number in range(1, 250)])
    async with app.run_test(size=(70, 20)) as pilot:
        await pilot.pause()
        await pilot.press("pageup", "pageup")
        await pilot.pause()
        shown = lines(app)
        app.log_view.removed(app.messages[100].id)
        await pilot.pause()
        # A message's separators may change with the one before it, far above the screen.
        assert lines(app) == shown


async def test_without_colours_everything_is_still_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = LogApp([made(number) for number in range(1, 20)])
    async with app.run_test(size=(70, 20)) as pilot:
        await pilot.pause()
        mine = [line for line in lines(app) if "▐" in line]
        theirs = [line for line in lines(app) if "▌" in line]
        assert mine
        assert theirs


async def test_the_scroll_bar_tells_where_the_reader_is() -> None:
    app = LogApp([made(number) for number in range(1, 300)])
    async with app.run_test(size=(70, 20)) as pilot:
        await until_still(app)
        log = app.log_view
        assert log.max_scroll_y > 0
        assert log.vertical_scrollbar.position == log.max_scroll_y
        await pilot.press("pageup", "pageup")
        await until_still(app)
        assert log.vertical_scrollbar.position == log.scroll_offset.y < log.max_scroll_y
