"""Where a message is written. Belongs to one chat for its whole life, so that no draft reaches another person.

Must not know the messenger.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from textual import events
from textual.timer import Timer
from textual.widgets import TextArea

from letterlock.ids import ConversationId, MessageId
from letterlock_client.models import Message
from letterlock_client.ui import intents
from letterlock_client.ui.commands import Where, actions

DRAFT_SECONDS: Final = 0.6
"""How long typing rests before a draft is kept."""

TYPING_SECONDS: Final = 4.0
"""How long after the last key the person still counts as typing."""


SETTLE_SECONDS: Final = 1.0
"""How long `settled` waits for a queue that does not move."""


class Composer(TextArea):
    """The text being written, and whether it answers or changes a message."""

    def __init__(
        self, conversation: ConversationId, draft: str = "", keymap: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(
            draft,
            soft_wrap=True,
            show_line_numbers=False,
            compact=True,
            highlight_cursor_line=False,
            placeholder="Message…",
            tab_behavior="focus",
        )
        self.conversation = conversation
        self._verbs = actions(Where.COMPOSER, keymap or {})
        self.reply_to: MessageId | None = None
        self.editing: MessageId | None = None
        self._kept = draft
        self._shelved = ""
        self._draft_timer: Timer | None = None
        self._typing_timer: Timer | None = None
        self._typing = False
        self._typing_told = 0.0

    @property
    def draft(self) -> str:
        """What should be kept for later: never the text of a message being edited."""
        return self._shelved if self.editing is not None else self.text

    # Answering and editing.

    def begin_reply(self, message: Message) -> None:
        """What is written next answers this message."""
        self.stop_editing()
        self.reply_to = message.id
        self.focus()

    def begin_edit(self, message: Message) -> None:
        """Change this message's text; what stood here comes back afterwards."""
        if self.editing is None:
            self._shelved = self.text
        self.reply_to = None
        self.editing = message.id
        self._write(message.text)
        self.focus()

    def stop_editing(self) -> None:
        """Answer and change nothing; bring back what stood here before."""
        self.reply_to = None
        if self.editing is not None:
            self.editing = None
            self._write(self._shelved)
            self._shelved = ""

    def give_back(self, text: str) -> None:
        """A text could not be sent: put it back, before what was written since."""
        now = self.text
        self._write(f"{text}\n{now}" if now.strip() and now != text else text)

    def _write(self, text: str) -> None:
        self.load_text(text)
        self.move_cursor(self.document.end)

    # Keys.

    async def _on_key(self, event: events.Key) -> None:
        # Not bindings: the application runs those before the letters that still wait here, and an enter
        # at the end of fast typing would send half a message.
        verb = self._verbs.get(event.key)
        if verb is None:
            return
        event.stop()
        event.prevent_default()
        getattr(self, f"action_{verb}")()

    async def settled(self) -> None:
        """Wait until every key that was pressed here has arrived."""
        arrived = asyncio.Event()
        if self.call_later(arrived.set):
            with suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), SETTLE_SECONDS)

    def action_send(self) -> None:
        """Send, or save the change."""
        text = self.text.strip("\n")
        if not text.strip():
            return
        if self.editing is not None:
            self.post_message(intents.ChangeText(self.conversation, self.editing, text))
            self.stop_editing()
        else:
            self.post_message(intents.Send(self.conversation, text, self.reply_to))
            self.reply_to = None
            self._write("")
        self._stop_typing()
        self.keep_draft()
        self.post_message(intents.ReplyCancelled(self.conversation))

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_up(self) -> None:
        """Edit the last message from an empty composer, else move up."""
        if self.text or self.editing is not None:
            self.action_cursor_up()
        else:
            self.post_message(intents.EditLast(self.conversation))

    def action_page_up(self) -> None:
        """Scroll the messages."""
        self.post_message(intents.ScrollLog(self.conversation, -1))

    def action_page_down(self) -> None:
        """Scroll the messages."""
        self.post_message(intents.ScrollLog(self.conversation, 1))

    def action_leave(self) -> None:
        """Stop answering or editing; else go to the messages."""
        if self.editing is not None or self.reply_to is not None:
            self.stop_editing()
            self.post_message(intents.ReplyCancelled(self.conversation))
        else:
            self.post_message(intents.FocusLog(self.conversation))

    # Drafts and typing.

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Keep the draft soon, and say that somebody types."""
        event.stop()
        if self._draft_timer is None:
            self._draft_timer = self.set_timer(DRAFT_SECONDS, self.keep_draft)
        else:
            self._draft_timer.reset()
        if self.text and self.has_focus and self.editing is None and self.text != self._kept:
            self._start_typing()

    def keep_draft(self) -> None:
        """Say what stands here now, if it is not known yet."""
        if self._draft_timer is not None:
            self._draft_timer.stop()
            self._draft_timer = None
        if self.draft != self._kept:
            self._kept = self.draft
            self.post_message(intents.DraftChanged(self.conversation, self._kept))

    def _start_typing(self) -> None:
        if self._typing_timer is None:
            self._typing_timer = self.set_timer(TYPING_SECONDS, self._stop_typing)
        else:
            self._typing_timer.reset()
        # Told again now and then: the other side takes a long silence for the end.
        if not self._typing or time.monotonic() - self._typing_told >= TYPING_SECONDS:
            self._typing, self._typing_told = True, time.monotonic()
            self.post_message(intents.TypingNoticed(self.conversation, typing=True))

    def _stop_typing(self) -> None:
        if self._typing_timer is not None:
            self._typing_timer.stop()
            self._typing_timer = None
        if self._typing:
            self._typing = False
            self.post_message(intents.TypingNoticed(self.conversation, typing=False))

    def on_blur(self, event: events.Blur) -> None:
        """Nobody types here now."""
        self._stop_typing()
        self.keep_draft()
