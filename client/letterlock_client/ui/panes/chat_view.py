"""One chat: header, banner, messages, composer. Made for one chat and never turned to another.

Reads pages of the timeline for its log; everything that changes something is an intent for the pane above.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from letterlock.ids import MessageId
from letterlock_client.models import Conversation, Message, Standing
from letterlock_client.sanitize import line_of
from letterlock_client.ui import intents
from letterlock_client.ui.panes.log_reading import LogReading
from letterlock_client.ui.panes.suiting import suits
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.banner import Banner
from letterlock_client.ui.widgets.chat_header import ChatHeader
from letterlock_client.ui.widgets.composer import Composer
from letterlock_client.ui.widgets.message_log import MessageLog
from letterlock_client.ui.wording import preview, title_of

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


class ChatView(LogReading):
    """One chat on the screen."""

    def __init__(
        self,
        messenger: "Messenger",
        conversation: Conversation,
        surroundings: Surroundings,
        attended: Callable[[], bool],
    ) -> None:
        log = MessageLog(
            conversation.id, title_of(conversation), surroundings.clock, attended, surroundings.icons
        )
        super().__init__(messenger, log)
        self.conversation = conversation
        self._doubt = ""
        self._alarm = ""
        self._around = surroundings
        self.header = ChatHeader(surroundings.icons, surroundings.clock)
        self.banner = Banner()
        self.log_view.names = frozenset((messenger.profile.handle, conversation.contact.handle)) - {""}
        self.context = Static(markup=False, classes="chat--context")
        self.composer = Composer(conversation.id, conversation.draft, surroundings.keymap, surroundings.icons)
        self.composer.names = self.log_view.names
        self._transfer = ""
        self._context_text = ""

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self.header
        yield self.banner
        yield self.log_view
        yield self.context
        yield self.composer.offers
        yield self.composer

    def on_mount(self) -> None:
        """Begin to read."""
        self.composer.move_cursor(self.composer.document.end)
        self.update_conversation(self.conversation, "")
        self.read_timeline()

    # What happens.

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

    def transfer_moved(self, message: MessageId, done: int, total: int, *, upload: bool) -> None:
        """Bytes of an attachment move."""
        self.log_view.moved(message, done, total)
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
        if event.answer in ("acknowledge", "accept", "unblock") and self.banner.has_focus_within:
            # The button goes away; what is typed behind it is written to that person.
            self.composer.focus()
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
        below = self._below
        if below:
            parts.append(f"{icons.down} {below} new below")
        if self._transfer:
            parts.append(self._transfer)
        if self.conversation.typing and not parts:
            parts.append(f"{title_of(self.conversation)} is typing{icons.ellipsis}")
        text = f" {f' {icons.dot} '.join(parts)}" if parts else ""
        if text == self._context_text:
            return
        self._context_text = text
        self.context.update(Content(text), layout=False)
        self.context.set_class(bool(composer.editing or composer.reply_to or below), "-strong")

    @property
    def _below(self) -> int:
        """How many new messages stand below; none of a request, which are not shown before it is accepted."""
        requested = self.conversation.contact.standing is Standing.REQUESTED
        return 0 if requested else self.log_view.below

    @on(MessageLog.BelowChanged)
    def _below_changed(self, event: MessageLog.BelowChanged) -> None:
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
        message = self.log_view.window.newest(partial(suits, "edit"))
        if message is not None:
            self.begin_edit(message)

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
        if event.widget is self.context and self._below:
            self.log_view.action_end()
