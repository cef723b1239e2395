"""What is measured in the terminal: the client over a made-up chat of any length, and a bare list of Textual's.

Run as a module with a count it draws the client in the terminal it has, for the first paint.
"""

import sys
from array import array
from collections.abc import Sequence

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from letterlock.ids import ConversationId, MessageId
from letterlock_client.models import Message, MessageKind, Timeline
from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Doors, Registration, Start
from scripts.benchmarks.terminal_minimal import MARK
from tests.client.ui.fake_messenger import MINUTE, FakeMessenger

TEXTS = [
    f"The quick brown fox number {number} jumps over the lazy dog" + ", and again" * (number % 11)
    for number in range(64)
]


def message(chat: ConversationId, number: int, at: int, text: str | None = None) -> Message:
    return Message(
        id=MessageId(number.to_bytes(16, "big")),
        conversation=chat,
        author=chat,  # type: ignore[arg-type]
        mine=False,
        kind=MessageKind.TEXT,
        text=TEXTS[number % len(TEXTS)] if text is None else text,
        sent_at=at,
        received_at=at,
    )


class LongMessenger(FakeMessenger):
    """One chat of `count` messages, made when they are asked for."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count
        self.chat = self.person("bob")
        lengths = bytes(min(255, len(text)) for text in TEXTS)
        self.timeline_kept = Timeline(
            memoryview(array("q", range(1, count + 1))), (lengths * (count // len(lengths) + 1))[:count]
        )

    async def timeline(self, conversation: ConversationId) -> Timeline:
        return self.timeline_kept

    async def page(self, conversation: ConversationId, rows: Sequence[int]) -> list[Message]:
        last = self.count
        return [
            message(
                conversation,
                row,
                self.clock.now - (last - row) * MINUTE,
                f"{MARK} the newest" if row == last else None,
            )
            for row in rows
        ]


class BareLog(ScrollView, can_focus=True):
    """The line API alone: fixed lines, one segment each."""

    DEFAULT_CSS = "BareLog { height: 1fr; }"

    def __init__(self, count: int) -> None:
        super().__init__()
        self.lines = count
        self._fresh: list[str] = []

    def on_mount(self) -> None:
        self.virtual_size = Size(80, self.lines)
        self.scroll_end(animate=False)

    def append(self, text: str) -> None:
        self._fresh.append(text)
        self.lines += 1
        self.virtual_size = Size(80, self.lines)
        self.scroll_end(animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        row = y + self.scroll_offset.y
        first = self.lines - len(self._fresh)
        text = self._fresh[row - first] if row >= first else TEXTS[row % len(TEXTS)]
        return Strip([Segment(text, self.rich_style)]).adjust_cell_length(self.size.width, self.rich_style)


class BareApp(App[None]):
    """The line API log in an application that does nothing else."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.log_view = BareLog(count)

    def compose(self) -> ComposeResult:
        yield self.log_view


def client(count: int) -> tuple[LetterlockApp, LongMessenger]:
    fake = LongMessenger(count)

    async def give(passphrase: str) -> FakeMessenger:
        return fake

    async def register(registration: Registration) -> FakeMessenger:
        return fake

    return LetterlockApp(Doors(Start.OPEN, give, register), clock=fake.clock), fake  # type: ignore[arg-type]


def main() -> None:
    app, fake = client(int(sys.argv[1]))

    async def open_chat() -> None:
        panes = [pane for screen in app.screen_stack for pane in screen.query("ClientPane")]
        if panes:
            await panes[0].open_chat(fake.chat)  # type: ignore[attr-defined]
        else:
            app.set_timer(0.005, open_chat)

    app.call_later(open_chat)
    app.run()


if __name__ == "__main__":
    main()
