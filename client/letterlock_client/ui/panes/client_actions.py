"""What the commands of a client do: each action pushes a screen or makes one call of the messenger.

The half of a client pane that a person starts; the other half is what the messenger and the widgets tell.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final

from textual import on

from letterlock_client.errors import ClientError
from letterlock_client.models import Conversation, Listed, Message, Standing
from letterlock_client.ui import intents
from letterlock_client.ui.panes.backup_actions import BackupActions
from letterlock_client.ui.panes.calls import Calls
from letterlock_client.ui.panes.xray import XrayPane
from letterlock_client.ui.screens.chat_info import ChatInfoScreen
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.screens.help import HelpScreen
from letterlock_client.ui.screens.invite import InviteScreen
from letterlock_client.ui.screens.new_chat import NewChatScreen
from letterlock_client.ui.screens.requests import RequestsScreen
from letterlock_client.ui.screens.search import SearchScreen
from letterlock_client.ui.screens.switch import SwitchScreen
from letterlock_client.ui.screens.verify import VerifyScreen
from letterlock_client.ui.widgets.chat_header import ChatHeader
from letterlock_client.ui.wording import TIMERS, span, title_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from letterlock.ids import ConversationId


QUIET_LENGTHS: Final = (3_600, 28_800, 604_800)
FOR_GOOD: Final = 0


class ClientActions(Calls, BackupActions):
    """Actions of `commands.COMMANDS` with `Where.CLIENT`."""

    xray: XrayPane | None = None

    @abstractmethod
    def read_chats(self) -> None:
        """Read the list of chats again."""

    @abstractmethod
    def lay_out(self, width: int) -> None:
        """Lay out for so many columns and for what is open."""

    @property
    def _chat(self) -> Conversation | None:
        return self.view.conversation if self.view is not None else None

    def _open(self, conversation: ConversationId | None) -> None:
        if conversation is not None:
            self.post_message(intents.OpenChat(conversation))

    # Chats.

    def action_switch(self) -> None:
        """Find a chat by name."""
        screen = SwitchScreen(self.chat_list.chats, self.around)
        screen.opens = True
        self.app.push_screen(screen, self._open)

    def action_search(self) -> None:
        """Find messages in every chat."""

        def found(message: Message | None) -> None:
            if message is not None:
                self.post_message(intents.OpenMessage(message.conversation, message.id))

        self.app.push_screen(SearchScreen(self.messenger, self.around), found)

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

    def action_order(self) -> None:
        """List unread chats first, or all by their last message."""
        self.order_chats(unread_first=not self.chat_list.unread_first, words=self.chat_list.filter)

    def action_filter(self) -> None:
        """List all chats again."""
        self.order_chats(unread_first=self.chat_list.unread_first, words="")

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

    @on(ChatHeader.Clicked)
    def action_chat_info(self) -> None:
        """Show the open chat's facts, actions and files."""
        chat = self._chat
        if chat is None:
            self.tell("Open a chat first.")
            return

        def chosen(answer: str | Message | None) -> None:
            doing = {
                "verify": self.action_verify,
                "timer": self.action_timer,
                "mute": self.action_mute,
                "pin": self.action_pin,
                "archive": self.action_archive,
                "export": self.action_export,
                "xray": self.action_xray,
                "block": self.action_block,
            }
            if isinstance(answer, Message):
                self.post_message(intents.OpenMessage(answer.conversation, answer.id))
            elif answer in doing:
                doing[answer]()

        self.app.push_screen(ChatInfoScreen(self.messenger, chat, self.around), chosen)

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

    def action_message(self, verb: str) -> None:
        """Do something with a message of the open chat."""
        self.verbs.begin(verb)

    def action_editor(self) -> None:
        """Write what stands in the composer in an own editor."""
        if self.view is None:
            self.tell("Open a chat first.")
        else:
            self.view.composer.action_editor()

    def action_attach(self) -> None:
        """Begin the command that sends a file."""
        self._begin("/attach ")

    def action_paste(self) -> None:
        """Send the clipboard's picture to the open chat."""
        if self._chat is None:
            self.tell("Open a chat first.")
        else:
            self.errand(self.send_clipboard(self._chat.id, ""), in_order=True)

    def action_voice(self) -> None:
        """Record a voice note, and send it to the open chat."""
        chat = self._chat
        if chat is None:
            self.tell("Open a chat first.")
            return
        try:
            devices = self.around.sound()
        except ClientError as error:
            self.tell(error.sentence)
            return

        def recorded(sound: bytes | None) -> None:
            if sound:
                self.errand(self.messenger.send_voice(chat.id, sound), in_order=True)

        from letterlock_client.ui.screens.record import RecordScreen

        self.app.push_screen(RecordScreen(devices, self.around.icons), recorded)

    def action_view_once(self) -> None:
        """Begin the command that sends a file to be opened once."""
        self._begin("/view-once ")

    def action_once(self) -> None:
        """Begin the command that sends a text to be read once."""
        self._begin("/once ")

    def action_date(self) -> None:
        """Begin the command that goes to a day."""
        self._begin("/date ")

    def _begin(self, text: str) -> None:
        if self.view is None:
            self.tell("Open a chat first.")
        elif not self.view.composer.begin(text):
            self.tell(f"Send or clear what is written first; or type {text.strip()} in an empty line.")

    def action_export(self) -> None:
        """Begin the command that writes the open chat to a file."""
        self._begin("/export ")

    def action_mute(self) -> None:
        """Let the open chat be quiet for a time or for good, or not."""
        chat = self._chat
        if chat is None:
            self.tell("Open a chat first.")
        elif chat.mutes(self.around.clock()):
            self.errand(self.messenger.set_muted(chat.id, False))
        else:
            self._choose_length(
                f"Mute {title_of(chat)}",
                "until I take it back",
                lambda seconds: self.errand(self.messenger.set_muted(chat.id, True, seconds)),
            )

    def action_quiet(self) -> None:
        """Let nothing notify anybody for a while, or end that."""
        if self.around.quiet.holds(self.around.clock()):
            self.be_quiet(None)
        else:
            self._choose_length("Do not disturb", "until the program ends", self.be_quiet)

    def _choose_length(self, title: str, for_good: str, then: Callable[[int], object]) -> None:
        def chosen(seconds: int | None) -> None:
            if seconds is not None:
                then(seconds)

        choices = [Choice(seconds, f"for {span(seconds)}") for seconds in QUIET_LENGTHS]
        self.app.push_screen(ChooseScreen(title, [*choices, Choice(FOR_GOOD, for_good)]), chosen)

    def action_read(self) -> None:
        """Let what was seen of the open chat count as read."""
        if self._chat is None:
            self.tell("Open a chat first.")
        else:
            self.errand(self._read(self._chat.id))

    async def _read(self, conversation: ConversationId) -> None:
        if not await self.messenger.read_now(conversation):
            self.tell("Nothing waits to count as read.")

    def action_pin(self) -> None:
        """Keep the open chat on top of the list, or not."""
        self._list_as(Listed.PINNED)

    def action_archive(self) -> None:
        """Put the open chat out of sight, or take it back."""
        self._list_as(Listed.ARCHIVED)

    def _list_as(self, wanted: Listed) -> None:
        if self._chat is None:
            self.tell("Open a chat first.")
            return
        listed = Listed.USUAL if self._chat.listed is wanted else wanted
        self.errand(self.messenger.set_listed(self._chat.id, listed))
        if listed is Listed.ARCHIVED:
            self.tell("Archived: /archived lists it; a new message brings it back.")

    def action_archived(self) -> None:
        """List the archived chats, or the others again."""
        self.chat_list.show_archive(not self.chat_list.archive)
        self.order_chats(unread_first=self.chat_list.unread_first, words="")

    def action_share(self) -> None:
        """Choose somebody, and send their contact to the open chat."""
        chat = self._chat
        if chat is None:
            self.tell("Open a chat first.")
            return

        def chosen(who: ConversationId | None) -> None:
            if who is not None:
                self.errand(self.share(who, chat.id), in_order=True)

        others = [one for one in self.chat_list.chats if one.id != chat.id]
        self.app.push_screen(SwitchScreen(others, self.around), chosen)

    def action_block(self) -> None:
        """Block the person of the open chat, or take that back."""
        chat = self._chat
        if chat is None:
            self.tell("Open a chat first.")
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

    def action_xray(self) -> None:
        """Show the layers of messages beside the chat, or no more."""
        if self.xray is not None:
            self.xray.remove()
            self.xray = None
            self.lay_out(self.size.width)
            return
        self.xray = XrayPane(self.messenger, self.around.icons)
        self.query_one(".client--body").mount(self.xray)
        self.lay_out(self.size.width)
        log = self.view.log_view if self.view is not None else None
        if log is not None and (message := log.message_at_cursor() or log.window.newest(bool)) is not None:
            self.look_into(message)

    @on(XrayPane.Left)
    def _write_again(self, event: XrayPane.Left) -> None:
        event.stop()
        if self.view is not None:
            self.view.composer.focus()

    def look_into(self, message: Message) -> None:
        """Show this message's layers, where X-ray is on and it belongs to the open chat."""
        chat = self.view.conversation if self.view is not None else None
        if self.xray is not None and chat is not None and chat.id == message.conversation:
            self.xray.follow(message, chat)

    def action_theme(self) -> None:
        """Choose the colours."""
        self.action_settings("appearance")

    async def action_quit(self) -> None:
        """Close the program."""
        await self.app.run_action("quit")

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
