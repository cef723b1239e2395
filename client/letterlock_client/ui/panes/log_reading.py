"""Feeding one chat's log: its timeline, the pages near the screen, quoted messages, and ways to a message.

The lower half of a chat's view. Must not know what is written, or what stands around the log.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from textual import on
from textual.containers import Vertical
from textual.message import Message as TextualMessage

from letterlock.ids import ConversationId, MessageId
from letterlock_client.errors import ClientError
from letterlock_client.models import Conversation, Message, Picture, Timeline
from letterlock_client.ui import intents
from letterlock_client.ui.background import start
from letterlock_client.ui.widgets.message_log import MessageLog
from letterlock_client.ui.widgets.timeline_window import PAGE
from letterlock_client.ui.wording import local_day

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

READ_AGAIN_SECONDS: Final = 0.3


class LogReading(Vertical):
    """A log and what it is fed with."""

    conversation: Conversation

    @dataclass
    class TimelineRead(TextualMessage):
        """The timeline and its last page were read."""

        timeline: Timeline
        tail: Sequence[Message]

    @dataclass
    class PagesRead(TextualMessage):
        """Rows of the timeline were read; rows that are gone have no message."""

        rows: Sequence[int]
        messages: Sequence[Message | None]

    @dataclass
    class QuoteRead(TextualMessage):
        """A quoted message was read, or is not here."""

        id: MessageId
        message: Message | None

    @dataclass
    class PictureRead(TextualMessage):
        """A message's small picture was decoded."""

        id: MessageId
        picture: Picture

    @dataclass
    class Found(TextualMessage):
        """The search for a quoted message is over."""

        id: MessageId
        found: bool

    def __init__(self, messenger: "Messenger", log: MessageLog) -> None:
        super().__init__()
        self._messenger = messenger
        self.log_view = log
        self._pending: list[Callable[[], None]] | None = []
        self._shown_once = False
        self._same = True
        """Whether what was read is as it was, however often the timeline is read again."""

    @property
    def id_of_chat(self) -> ConversationId:
        """Which chat this is."""
        return self.log_view.conversation

    def happened(self, apply: Callable[[], None]) -> None:
        """Do this now, or once the timeline has been read."""
        if self._pending is None:
            apply()
        else:
            self._pending.append(apply)

    def read_timeline(self, *, same: bool = False) -> None:
        """Read the timeline again; what happens meanwhile is applied afterwards.

        `same` says that no message which was read is different: others came between them.
        """
        self._same = same and self._same
        if self._pending is None:
            self._pending = []
        start(self, self._read_timeline, group="timeline", exclusive=True)

    async def _read_timeline(self) -> None:
        if self._shown_once:
            await asyncio.sleep(READ_AGAIN_SECONDS)
        timeline = await self._messenger.timeline(self.id_of_chat)
        rows = list(timeline.rows[-PAGE:])
        tail = await self._messenger.page(self.id_of_chat, rows) if rows else []
        self.post_message(self.TimelineRead(timeline, tail))

    @on(TimelineRead)
    def _show_timeline(self, event: TimelineRead) -> None:
        event.stop()
        if self._shown_once:
            self.log_view.reread(event.timeline, event.tail, same=self._same)
        else:
            self._shown_once = True
            first, unread = self.conversation.first_unread, self.conversation.unread
            self.log_view.show(event.timeline, event.tail, first_unread=first, unread=unread)
        self._same = True
        pending, self._pending = self._pending or [], None
        for apply in pending:
            apply()

    @on(intents.TimelineStale)
    def _read_again(self, event: intents.TimelineStale) -> None:
        event.stop()
        self.read_timeline()

    @on(intents.PagesWanted)
    def _read_pages(self, event: intents.PagesWanted) -> None:
        event.stop()
        start(self, self._pages, event.rows, group="pages")

    async def _pages(self, rows: Sequence[int]) -> None:
        self.post_message(self.PagesRead(rows, await self._read_rows(rows)))

    async def _read_rows(self, rows: Sequence[int]) -> Sequence[Message | None]:
        messages = await self._messenger.page(self.id_of_chat, rows)
        if len(messages) == len(rows):
            return messages
        # Rows that are gone are left out, which hides whose messages these are.
        found: list[Message | None] = []
        for row in rows:
            found.extend((await self._messenger.page(self.id_of_chat, [row])) or [None])
        return found

    @on(PagesRead)
    def _show_pages(self, event: PagesRead) -> None:
        event.stop()
        there = [(row, message) for row, message in zip(event.rows, event.messages, strict=True) if message]
        self.log_view.loaded([row for row, _ in there], [message for _, message in there])
        for row, message in zip(event.rows, event.messages, strict=True):
            if message is None:
                self.log_view.row_gone(row)

    @on(intents.PictureWanted)
    def _read_picture(self, event: intents.PictureWanted) -> None:
        event.stop()
        start(self, self._picture, event.message, group="pictures")

    async def _picture(self, message: Message) -> None:
        picture = await self._messenger.picture(message)
        if picture is not None:
            self.post_message(self.PictureRead(message.id, picture))

    @on(PictureRead)
    def _show_picture(self, event: PictureRead) -> None:
        event.stop()
        self.log_view.pictured(event.id, event.picture)

    @on(intents.QuoteWanted)
    def _read_quote(self, event: intents.QuoteWanted) -> None:
        event.stop()
        start(self, self._quote, event.message, group="quotes")

    async def _quote(self, message: MessageId) -> None:
        found = None
        with suppress(ClientError):
            found = await self._messenger.message(message)
        here = found is not None and found.conversation == self.id_of_chat
        self.post_message(self.QuoteRead(message, found if here else None))

    @on(QuoteRead)
    def _show_quote(self, event: QuoteRead) -> None:
        event.stop()
        self.log_view.quoted(event.id, event.message)

    def go_to(self, message: MessageId) -> None:
        """Show this message, once the timeline is here."""

        def jump() -> None:
            self.post_message(intents.JumpTo(self.id_of_chat, message))

        self.happened(jump)

    @on(intents.JumpTo)
    def _jump(self, event: intents.JumpTo) -> None:
        event.stop()
        if not self.log_view.jump_to(event.message):
            start(self, self._search, event.message, group="jump", exclusive=True)

    async def _search(self, message: MessageId) -> None:
        row = await self._messenger.row_of(message)
        page = self.log_view.window.page_of(row) if row is not None else []
        if page:
            self.post_message(self.PagesRead(page, await self._read_rows(page)))
        self.post_message(self.Found(message, found=bool(page)))

    @on(Found)
    def _go(self, event: Found) -> None:
        event.stop()
        if not (event.found and self.log_view.jump_to(event.id)):
            self.app.notify("That message is not here any more.", markup=False)

    async def go_to_day(self, day: date) -> None:
        """Go to the first message of a day, or of the next day that has one. Raises nothing where there is none."""
        window = self.log_view.window
        low, high = 0, len(window)
        while low < high:
            middle = (low + high) // 2
            message = window.message(middle)
            if message is None:
                (message,) = await self._read_rows([window.row(middle)])
            if message is not None and local_day(message.sent_at) < day:
                low = middle + 1
            else:
                high = middle
        if low < len(window):
            self.log_view.focus()
            self.log_view.move_to(low)
        else:
            self.app.notify("There is nothing since that day.", markup=False)
