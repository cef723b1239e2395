"""The intents that are one call of the messenger: sending, changing, drafts, typing, reading.

A part of a client pane. What cannot be sent is given back to the chat it was written in, and to no other.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.widgets import Static

from letterlock_client.ui import intents
from letterlock_client.ui.panes.errands import Errands
from letterlock_client.ui.panes.slash_verbs import SlashVerbs
from letterlock_client.ui.panes.writing_outside import write_outside

if TYPE_CHECKING:
    from letterlock.ids import ConversationId
    from letterlock_client.messenger import Messenger
    from letterlock_client.models import Conversation
    from letterlock_client.ui.panes.chat_view import ChatView
    from letterlock_client.ui.surroundings import Surroundings
    from letterlock_client.ui.widgets.chat_list import ChatList


class Calls(Errands):
    """One handler an intent."""

    messenger: Messenger
    around: Surroundings
    chats: dict[ConversationId, Conversation]
    view: ChatView | None
    chat_list: ChatList

    def __init__(self) -> None:
        super().__init__()
        self._typed = SlashVerbs(self)

    @abstractmethod
    def refresh_list(self) -> None:
        """Draw the list of chats again."""

    def order_chats(self, *, unread_first: bool, words: str) -> None:
        """List chats in another order, or only those whose names hold these words."""
        self.chat_list.order_chats(unread_first=unread_first, words=words)
        self.query_one(".client--title", Static).update(Content(f" {self.chat_list.title}"))

    @on(intents.Send)
    def _send(self, event: intents.Send) -> None:
        event.stop()
        call = self.messenger.send_text(event.conversation, event.text, reply_to=event.reply_to)
        self.errand(call, failed=lambda: self._give_back(event.conversation, event.text), in_order=True)

    def _give_back(self, conversation: ConversationId, text: str) -> None:
        if self.view is not None and self.view.id_of_chat == conversation:
            self.view.composer.give_back(text)
        else:
            chat = self.chats.get(conversation)
            draft = chat.draft if chat is not None else ""
            self.keep_draft(conversation, f"{text}\n{draft}" if draft.strip() else text)

    @on(intents.Slash)
    def _slash(self, event: intents.Slash) -> None:
        event.stop()
        self._typed.do(event)

    @on(intents.WriteOutside)
    def _write_outside(self, event: intents.WriteOutside) -> None:
        event.stop()
        self.errand(self._write_in_editor(event))

    async def _write_in_editor(self, event: intents.WriteOutside) -> None:
        written = await write_outside(self.app, event.text)
        if self.view is not None and self.view.id_of_chat == event.conversation:
            self.view.composer.written_outside(written)

    @on(intents.ChangeText)
    def _change_text(self, event: intents.ChangeText) -> None:
        event.stop()
        self.errand(self.messenger.edit(event.message, event.text), in_order=True)

    @on(intents.DraftChanged)
    def _draft_changed(self, event: intents.DraftChanged) -> None:
        event.stop()
        self.keep_draft(event.conversation, event.text)

    def keep_draft(self, conversation: ConversationId, text: str) -> None:
        """Keep what is written and not sent in this chat."""
        chat = self.chats.get(conversation)
        if chat is not None and chat.draft != text:
            self.chats[conversation] = replace(chat, draft=text)
            self.refresh_list()
            self.errand(self.messenger.save_draft(conversation, text), in_order=True)

    @on(intents.TypingNoticed)
    def _typing(self, event: intents.TypingNoticed) -> None:
        event.stop()
        self.errand(self.messenger.set_typing(event.conversation, event.typing))

    @on(intents.Seen)
    def _seen(self, event: intents.Seen) -> None:
        event.stop()
        self.errand(self.messenger.mark_read(event.conversation, event.message))
