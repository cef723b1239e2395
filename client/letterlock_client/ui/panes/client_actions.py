"""What the commands of a client do: each action pushes a screen or makes one call of the messenger.

The half of a client pane that a person starts; the other half is what the messenger and the widgets tell.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Vertical

from letterlock_client.config import downloads_folder
from letterlock_client.models import Conversation, Delivery, Message, Standing, TransferState
from letterlock_client.sanitize import body_of
from letterlock_client.ui import intents
from letterlock_client.ui.panes.chat_view import can_edit
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.screens.help import HelpScreen
from letterlock_client.ui.screens.invite import InviteScreen
from letterlock_client.ui.screens.message_info import MessageInfoScreen
from letterlock_client.ui.screens.new_chat import NewChatScreen
from letterlock_client.ui.screens.react import ReactScreen
from letterlock_client.ui.screens.reader import ReaderScreen
from letterlock_client.ui.screens.requests import RequestsScreen
from letterlock_client.ui.screens.settings import SettingsScreen
from letterlock_client.ui.screens.switch import SwitchScreen
from letterlock_client.ui.screens.verify import VerifyScreen
from letterlock_client.ui.wording import TIMERS, span, title_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from letterlock.ids import ConversationId, MessageId
    from letterlock_client.messenger import Messenger
    from letterlock_client.ui.panes.chat_view import ChatView
    from letterlock_client.ui.surroundings import Surroundings
    from letterlock_client.ui.widgets.chat_list import ChatList


class ClientActions(Vertical):
    """Actions of `commands.COMMANDS` with `Where.CLIENT`, and the verbs on a message."""

    messenger: Messenger
    around: Surroundings
    chats: dict[ConversationId, Conversation]
    view: ChatView | None
    chat_list: ChatList

    @abstractmethod
    def errand(
        self, call: Awaitable[object], *, failed: Callable[[], None] | None = None, in_order: bool = False
    ) -> None:
        """Run one call in the background."""

    @abstractmethod
    def tell(self, text: str, *, severe: bool = False) -> None:
        """Show a short notice."""

    @abstractmethod
    def read_chats(self) -> None:
        """Read the list of chats again."""

    @property
    def _chat(self) -> Conversation | None:
        return self.view.conversation if self.view is not None else None

    def _open(self, conversation: ConversationId | None) -> None:
        if conversation is not None:
            self.post_message(intents.OpenChat(conversation))

    # Chats.

    def action_switch(self) -> None:
        """Find a chat by name."""
        self.app.push_screen(SwitchScreen(self.chat_list.chats, self.around), self._open)

    def action_new_chat(self) -> None:
        """Write to somebody new."""
        self.app.push_screen(NewChatScreen(self.messenger), self._open)

    def action_previous_chat(self) -> None:
        """Open the chat above."""
        self._step(-1)

    def action_next_chat(self) -> None:
        """Open the chat below."""
        self._step(1)

    def _step(self, step: int) -> None:
        chats = [chat.id for chat in self.chat_list.chats]
        if not chats:
            return
        here = chats.index(self._chat.id) if self._chat is not None and self._chat.id in chats else -1
        there = here + step if here >= 0 else 0
        if 0 <= there < len(chats):
            self._open(chats[there])

    def action_next_unread(self) -> None:
        """Open the next chat with unread messages."""
        chats = self.chat_list.chats
        here = next((place for place, chat in enumerate(chats) if chat == self._chat), -1)
        for chat in [*chats[here + 1 :], *chats[: here + 1]]:
            if chat.unread and (self._chat is None or chat.id != self._chat.id):
                self._open(chat.id)
                return
        self.tell("Nothing unread.")

    def action_back(self) -> None:
        """Go to the list of chats."""
        self.remove_class("-chat-open")
        self.chat_list.focus()

    def action_requests(self) -> None:
        """See who wrote first."""

        def done(conversation: ConversationId | None) -> None:
            self.read_chats()
            self._open(conversation)

        self.app.push_screen(RequestsScreen(self.messenger, self.around), done)

    def action_verify(self) -> None:
        """Compare the safety number of the open chat."""
        if self._chat is None:
            self.tell("Open a chat first.")
        else:
            screen = VerifyScreen(self.messenger, self._chat, self.around)
            self.app.push_screen(screen, lambda _: self.read_chats())

    def action_invite(self) -> None:
        """Show the own invite link."""
        self.app.push_screen(InviteScreen(self.messenger))

    def action_timer(self) -> None:
        """Choose how long messages of the open chat stay."""
        chat = self._chat
        if chat is None:
            self.tell("Open a chat first.")
            return

        def chosen(seconds: int | None) -> None:
            if seconds is not None and seconds != chat.timer_s:
                self.errand(self.messenger.set_timer(chat.id, seconds))

        choices = [Choice(seconds, span(seconds)) for seconds in TIMERS]
        title = f"Messages with {title_of(chat)} disappear, once read, after"
        self.app.push_screen(ChooseScreen(title, choices, chosen=chat.timer_s), chosen)

    def action_mute(self) -> None:
        """Let the open chat be quiet, or not."""
        if self._chat is not None:
            self.errand(self.messenger.set_muted(self._chat.id, not self._chat.muted))

    def action_block(self) -> None:
        """Block the person of the open chat, or take that back."""
        chat = self._chat
        if chat is None:
            return
        if chat.contact.standing is Standing.BLOCKED:
            self.errand(self.messenger.unblock(chat.id))
            return

        def chosen(block: bool | None) -> None:
            if block:
                self.errand(self._block(chat.id))

        choices = [Choice(True, "Block"), Choice(False, "Keep")]
        title = f"Block {title_of(chat)}? Nothing they send will arrive, and they are not told."
        self.app.push_screen(ChooseScreen(title, choices), chosen)

    async def _block(self, conversation: ConversationId) -> None:
        await self.messenger.block(conversation)
        self.read_chats()

    def action_settings(self) -> None:
        """Change the settings."""
        self.app.push_screen(SettingsScreen(self.messenger))

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(HelpScreen(self.around.keymap))

    def answer_banner(self, conversation: ConversationId, answer: str) -> None:
        """A button of the banner was pressed."""
        if answer == "verify":
            self.action_verify()
        elif answer == "requests":
            self.action_requests()
        elif answer == "acknowledge":
            self.errand(self._then_read(self.messenger.acknowledge_warning(conversation)))
        elif answer == "unblock":
            self.errand(self._then_read(self.messenger.unblock(conversation)))
        elif answer == "accept":
            self.errand(self._then_read(self.messenger.accept(conversation)))

    async def _then_read(self, call: Awaitable[object]) -> None:
        await call
        self.read_chats()

    # One message.

    def do_with_message(self, verb: str, message: Message) -> None:
        """Do what a key on a message means."""
        verbs: dict[str, Callable[[Message], None]] = {
            "reply": self._reply,
            "edit": self._edit,
            "delete": self._delete,
            "react": self._react,
            "copy": self._copy,
            "open": self._open_message,
            "info": self._info,
            "jump": self._jump,
        }
        verbs[verb](message)

    def _reply(self, message: Message) -> None:
        if self.view is not None and not message.deleted:
            self.view.begin_reply(message)

    def _edit(self, message: Message) -> None:
        if self.view is not None and can_edit(message):
            self.view.begin_edit(message)
        else:
            self.tell("Only your own texts can be changed.")

    def _delete(self, message: Message) -> None:
        def chosen(for_everyone: bool | None) -> None:
            if for_everyone is not None:
                self.errand(self.messenger.delete(message.id, for_everyone=for_everyone))

        choices = [Choice(False, "Delete here")]
        if message.mine and not message.deleted:
            choices.append(Choice(True, "Delete on both sides"))
        self.app.push_screen(ChooseScreen("Delete this message?", choices), chosen)

    def _react(self, message: Message) -> None:
        mine = next(
            (one.emoji for one in message.reactions if one.author == self.messenger.profile.account), ""
        )

        def chosen(emoji: str | None) -> None:
            if emoji is not None:
                self.errand(self.messenger.react(message.id, "" if emoji == mine else emoji))

        self.app.push_screen(ReactScreen(mine), chosen)

    def _copy(self, message: Message) -> None:
        if message.text and not message.deleted:
            self.app.copy_to_clipboard(message.text)
            self.tell("Copied.")

    def _open_message(self, message: Message) -> None:
        if message.delivery is Delivery.FAILED:
            self.errand(self.messenger.resend(message.id))
        elif message.view_once and not message.mine and not message.viewed:
            self.errand(self._view_once(message.id))
        elif message.attachment is not None and message.attachment.state is TransferState.MOVING:
            self.errand(self.messenger.pause(message.id))
        elif message.attachment is not None and message.attachment.state is not TransferState.GONE:
            self.errand(self._download(message.id))
        elif body_of(message.text).hidden_lines:
            self.app.push_screen(ReaderScreen(message.text, "The whole message"))

    async def _view_once(self, message: MessageId) -> None:
        found = await self.messenger.view_once(message, downloads_folder())
        if isinstance(found, Message):
            self.app.call_later(partial(self.app.push_screen, ReaderScreen(found.text, "View once")))
        else:
            self._told_path(found)

    async def _download(self, message: MessageId) -> None:
        self._told_path(await self.messenger.save(message, downloads_folder()))

    def _told_path(self, path: Path) -> None:
        self.app.call_later(partial(self.tell, f"Saved as {path}"))

    def _info(self, message: Message) -> None:
        self.app.push_screen(MessageInfoScreen(self.messenger, message))

    def _jump(self, message: Message) -> None:
        if message.reply_to is not None and self.view is not None:
            self.view.post_message(intents.JumpTo(message.conversation, message.reply_to))
