"""The intents that are one call of the messenger: sending, changing, drafts, typing, reading.

A part of a client pane. What cannot be sent is given back to the chat it was written in, and to no other.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import Static

from letterlock_client.errors import ClientError, Code
from letterlock_client.ui import intents
from letterlock_client.ui.commands import keys_of, slashes
from letterlock_client.ui.panes.errands import Errands
from letterlock_client.ui.panes.message_verbs import MessageVerbs
from letterlock_client.ui.panes.slash_verbs import SlashVerbs
from letterlock_client.ui.panes.writing_outside import write_outside
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.widgets.chat_list import NO_CHATS, ChatList

if TYPE_CHECKING:
    from letterlock.ids import ConversationId
    from letterlock_client.messenger import Messenger
    from letterlock_client.models import Conversation
    from letterlock_client.ui.panes.chat_view import ChatView
    from letterlock_client.ui.surroundings import Surroundings
    from letterlock_client.ui.widgets.status_bar import StatusBar


class Calls(Errands):
    """One handler an intent."""

    messenger: Messenger
    around: Surroundings
    chats: dict[ConversationId, Conversation]
    requests: list[Conversation]
    view: ChatView | None
    chat_list: ChatList
    status: StatusBar

    def __init__(self) -> None:
        super().__init__()
        self._typed = SlashVerbs(self)
        self.verbs = MessageVerbs(self)
        self._headed = ("", "")

    @abstractmethod
    def refresh_list(self) -> None:
        """Draw the list of chats again."""

    def order_chats(self, *, unread_first: bool, words: str) -> None:
        """List chats in another order, or only those whose names hold these words."""
        self.chat_list.order_chats(unread_first=unread_first, words=words)
        self.head_list()

    def head_list(self) -> None:
        """Say above the list what is listed and, where that is nothing, why and how to begin; below, what is hidden."""
        self._tell_elsewhere()
        why = self.chat_list.nothing
        if (self.chat_list.title, why) == self._headed:
            return
        self._headed = (self.chat_list.title, why)
        self.query_one(".client--title", Static).update(Content(f" {self.chat_list.title}"))
        if why == NO_CHATS:
            begin, show = (keys_of(slashes()[word], self.around.keymap) for word in ("new-chat", "invite"))
            why = f"{why} {begin} writes to somebody; {show} shows your own link, for others to write to you."
        place = self.query_one(".client--nothing", Static)
        place.update(Content(why))
        place.display = bool(why)

    @on(ChatList.Turned)
    def _turned(self, event: ChatList.Turned) -> None:
        event.stop()
        self._tell_elsewhere()

    def _tell_elsewhere(self) -> None:
        unread, requests = (
            keys_of(slashes()[word], self.around.keymap) for word in ("next-unread", "requests")
        )
        others = sum(one.id != self.chat_list.open_chat for one in self.requests)
        self.status.show_elsewhere(self.chat_list.behind(others, unread, requests))

    @dataclass
    class TooLong(TextualMessage):
        """A text is too large for a message."""

        said: intents.Send

    @on(intents.Send)
    def _send(self, event: intents.Send) -> None:
        event.stop()
        failed = partial(self._give_back, event.conversation, event.text)
        self.errand(self._send_text(event), failed=failed, in_order=True)

    async def _send_text(self, said: intents.Send) -> None:
        try:
            await self.messenger.send_text(said.conversation, said.text, reply_to=said.reply_to)
        except ClientError as error:
            if error.code is not Code.TOO_LARGE:
                raise
            self.post_message(self.TooLong(said))

    @on(TooLong)
    def _ask_about_length(self, event: TooLong) -> None:
        event.stop()
        said = event.said
        give_back = partial(self._give_back, said.conversation, said.text)

        def chosen(as_file: bool | None) -> None:
            if as_file:
                call = self.messenger.send_long_text(said.conversation, said.text, reply_to=said.reply_to)
                self.errand(call, failed=give_back, in_order=True)
            else:
                give_back()

        choices = [Choice(True, "Send it as a file, message.txt"), Choice(False, "Go on writing")]
        self.app.push_screen(ChooseScreen("This text is too long for a message.", choices), chosen)

    def _give_back(self, conversation: ConversationId, text: str) -> None:
        if self.view is not None and self.view.id_of_chat == conversation:
            self.view.composer.give_back(text)
        else:
            chat = self.chats.get(conversation)
            draft = chat.draft if chat is not None else ""
            self.keep_draft(conversation, f"{text}\n{draft}" if draft.strip() else text)

    def be_quiet(self, seconds: int | None) -> None:
        """Let nothing notify anybody for so long, or (0) until the program ends; None ends it."""
        until = self.around.clock() + seconds * 1000 if seconds else 2**53
        self.around.quiet.until = until if seconds is not None else 0
        self.tell("Nothing notifies you now." if seconds is not None else "You are notified again.")

    @on(intents.Slash)
    def _slash(self, event: intents.Slash) -> None:
        event.stop()
        self._typed.do(event)

    async def share(self, who: ConversationId, conversation: ConversationId) -> None:
        """Send somebody's contact to a chat."""
        await self.messenger.send_text(conversation, await self.messenger.card(who))

    async def send_clipboard(self, conversation: ConversationId, caption: str) -> None:
        """Send the picture in the system's clipboard."""
        from letterlock_client import clipboard

        async with clipboard.picture() as path:
            await self.messenger.send_file(conversation, path, caption=caption)

    @on(intents.Do)
    def _do(self, event: intents.Do) -> None:
        event.stop()
        self.call_later(self.run_action, event.action)

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
        self.errand(self.messenger.saw(event.conversation, event.message))
