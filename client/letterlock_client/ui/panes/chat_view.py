"""One chat: header, banner, messages, composer. Made for one chat and never turned to another.

Reads pages of the timeline for its log; everything that changes something is an intent for the pane above.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import Static

from letterlock.ids import ConversationId, MessageId
from letterlock_client.errors import ClientError
from letterlock_client.models import Conversation, Message, MessageKind, Standing, Timeline
from letterlock_client.sanitize import line_of
from letterlock_client.ui import intents
from letterlock_client.ui.background import start
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.banner import Banner
from letterlock_client.ui.widgets.chat_header import ChatHeader
from letterlock_client.ui.widgets.composer import Composer
from letterlock_client.ui.widgets.message_log import MessageLog
from letterlock_client.ui.widgets.timeline_window import PAGE
from letterlock_client.ui.wording import preview, title_of

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

READ_AGAIN_SECONDS: Final = 0.3


class ChatView(Vertical):
    """One chat on the screen."""

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
    class Found(TextualMessage):
        """The search for a quoted message is over."""

        id: MessageId
        found: bool

    def __init__(
        self,
        messenger: "Messenger",
        conversation: Conversation,
        surroundings: Surroundings,
        attended: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._messenger = messenger
        self.conversation = conversation
        self._doubt = ""
        self._alarm = ""
        self._around = surroundings
        self._pending: list[Callable[[], None]] | None = []
        self._shown_once = False
        self.header = ChatHeader(surroundings.icons)
        self.banner = Banner()
        self.log_view = MessageLog(
            conversation.id, title_of(conversation), surroundings.clock, attended, surroundings.icons
        )
        self.log_view.names = frozenset((messenger.profile.handle, conversation.contact.handle)) - {""}
        self.context = Static(markup=False, classes="chat--context")
        self.composer = Composer(conversation.id, conversation.draft, surroundings.keymap)
        self._transfer = ""
        self._context_text = ""

    @property
    def id_of_chat(self) -> ConversationId:
        """Which chat this is."""
        return self.conversation.id

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self.header
        yield self.banner
        yield self.log_view
        yield self.context
        yield self.composer

    def on_mount(self) -> None:
        """Begin to read."""
        self.composer.move_cursor(self.composer.document.end)
        self.update_conversation(self.conversation, "")
        self.read_timeline()

    # Reading.

    def read_timeline(self) -> None:
        """Read the timeline again; what happens meanwhile is applied afterwards."""
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
            self.log_view.reread(event.timeline, event.tail)
        else:
            self._shown_once = True
            first, unread = self.conversation.first_unread, self.conversation.unread
            self.log_view.show(event.timeline, event.tail, first_unread=first, unread=unread)
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

    # What happens.

    def happened(self, apply: Callable[[], None]) -> None:
        """Do this now, or once the timeline has been read."""
        if self._pending is None:
            apply()
        else:
            self._pending.append(apply)

    def message_added(self, message: Message) -> None:
        """A message came."""
        self.happened(lambda: self.log_view.added(message))
        self._transfer = ""
        self.show_context()

    def message_changed(self, message: Message) -> None:
        """A message is different."""
        self.happened(lambda: self.log_view.changed(message))

    def message_removed(self, message: MessageId) -> None:
        """A message is gone."""
        self.happened(lambda: self.log_view.removed(message))

    def transfer_moved(self, done: int, total: int, *, upload: bool) -> None:
        """Bytes of an attachment move."""
        share = 100 * done // total if total else 100
        self._transfer = "" if done >= total else f"{'sending' if upload else 'fetching'} a file, {share} %"
        self.show_context()

    def update_conversation(self, conversation: Conversation, doubt: str) -> None:
        """The chat's line is different now."""
        was, now = self.conversation.contact.standing, conversation.contact.standing
        self.conversation, self._doubt = conversation, doubt
        if was is Standing.REQUESTED and now is not was:
            self.read_timeline()
        self.header.show(conversation, doubt)
        self.log_view.retitle(title_of(conversation))
        self._show_banner()
        self.show_context()

    def alarm(self, text: str) -> None:
        """Something is wrong with this chat, and it must be seen."""
        self._alarm = line_of(text)
        self._show_banner()

    def _show_banner(self) -> None:
        contact = self.conversation.contact
        name = title_of(self.conversation)
        if contact.standing is Standing.BLOCKED:
            self.banner.say(
                f"{name} is blocked: nothing arrives and nothing is sent.", ("unblock", "Unblock")
            )
        elif contact.standing is Standing.REQUESTED:
            answers = (("accept", "Accept"), ("requests", "Decide"))
            self.banner.say(
                f"{name} wrote first. Accept to read it; until then nothing is told to them.", *answers
            )
        elif contact.warning or self._alarm:
            text = line_of(contact.warning) or self._alarm
            answers = (("verify", "Verify"), ("acknowledge", "I have seen this"))
            self.banner.say(text, *answers, severe=True)
        elif contact.key_changed_at and not contact.verified:
            text = f"{name}'s key changed. Compare the safety number before you trust this chat."
            self.banner.say(text, ("verify", "Verify"), ("acknowledge", "I have seen this"), severe=True)
        else:
            self.banner.say("")

    @on(Banner.Answered)
    def _answer(self, event: Banner.Answered) -> None:
        event.stop()
        if event.answer == "acknowledge":
            self._alarm = ""
        self.post_message(intents.BannerAnswered(self.id_of_chat, event.answer))

    # The line above the composer.

    def show_context(self) -> None:
        """Say what the composer is about to do, or what goes on."""
        icons = self._around.icons
        composer = self.composer
        parts = []
        if composer.editing is not None:
            parts.append("Editing your message (escape stops)")
        elif composer.reply_to is not None:
            quoted = self.log_view.window.find(composer.reply_to)
            text = preview(quoted) if quoted is not None else "a message"
            parts.append(f"Replying (escape stops): {text[:60]}")
        if self.log_view.below:
            parts.append(f"{icons.down} {self.log_view.below} new below")
        if self._transfer:
            parts.append(self._transfer)
        if self.conversation.typing and not parts:
            parts.append(f"{title_of(self.conversation)} is typing{icons.ellipsis}")
        text = f" {f' {icons.dot} '.join(parts)}" if parts else ""
        if text == self._context_text:
            return
        self._context_text = text
        self.context.update(Content(text), layout=False)
        self.context.set_class(bool(composer.editing or composer.reply_to or self.log_view.below), "-strong")

    @on(MessageLog.BelowChanged)
    def _below(self, event: MessageLog.BelowChanged) -> None:
        event.stop()
        self.show_context()

    @on(intents.ReplyCancelled)
    def _cancelled(self, event: intents.ReplyCancelled) -> None:
        event.stop()
        self.show_context()

    def begin_reply(self, message: Message) -> None:
        """Answer a message."""
        self.composer.begin_reply(message)
        self.show_context()

    def begin_edit(self, message: Message) -> None:
        """Change a message."""
        self.composer.begin_edit(message)
        self.show_context()

    @on(intents.EditLast)
    def _edit_last(self, event: intents.EditLast) -> None:
        event.stop()
        window = self.log_view.window
        for position in range(len(window) - 1, max(-1, len(window) - PAGE), -1):
            message = window.message(position)
            if message is not None and can_edit(message):
                self.begin_edit(message)
                return

    # Focus and scrolling.

    @on(intents.FocusLog)
    def _to_log(self, event: intents.FocusLog) -> None:
        event.stop()
        self.log_view.focus()

    @on(intents.FocusComposer)
    def _to_composer(self, event: intents.FocusComposer) -> None:
        event.stop()
        self.composer.focus()

    @on(intents.ScrollLog)
    def _scroll(self, event: intents.ScrollLog) -> None:
        event.stop()
        self.log_view.action_page(event.pages)

    def on_click(self, event: events.Click) -> None:
        """The line about new messages leads to them."""
        if event.widget is self.context and self.log_view.below:
            self.log_view.action_end()


def can_edit(message: Message) -> bool:
    """Whether its text can be changed: own, with text, not deleted, not a note."""
    plain = message.kind is not MessageKind.NOTE and message.kind is not MessageKind.UNKNOWN
    return message.mine and plain and bool(message.text) and not message.deleted
