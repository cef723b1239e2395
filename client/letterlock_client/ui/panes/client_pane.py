"""A whole client: the list of chats, one chat, and the state of the connection. Turns intents into calls.

Takes its messenger as an argument and lays out by its own width, so that two of them can stand side by side.
Each intent is one call, run in the background; a failure is told and loses nothing. Must not know more of
the application than that it can push screens and notify.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.timer import Timer
from textual.widgets import Static

from letterlock.ids import ConversationId
from letterlock_client import events as happenings
from letterlock_client.errors import ClientError, whole_sentence
from letterlock_client.models import Conversation, Message, Standing
from letterlock_client.sanitize import file_name_of
from letterlock_client.ui import intents
from letterlock_client.ui.background import start
from letterlock_client.ui.commands import Where, bindings, keys_of, slashes
from letterlock_client.ui.panes.chat_view import ChatView
from letterlock_client.ui.panes.client_actions import ClientActions
from letterlock_client.ui.panes.typists import Typists
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.chat_list import ChatList
from letterlock_client.ui.widgets.message_log import MessageLog
from letterlock_client.ui.widgets.status_bar import StatusBar
from letterlock_client.ui.wording import preview, title_of

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

GROW_SECONDS: Final = 0.5
"""Between one look at what a restore brought in and the next."""
WIDE: Final = 100
"""From so many columns on, the list and a chat stand side by side, and X-ray beside a chat."""
ALL_THREE: Final = 140
"""From so many columns on, there is room for the list, a chat and X-ray."""

WELCOME: Final = "Choose a chat, or {} to write to somebody new."


class ClientPane(ClientActions):
    """One client on the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(Where.CLIENT)]

    @dataclass
    class ChatsRead(TextualMessage):
        """The list of chats was read."""

        chats: list[Conversation]
        requests: list[Conversation]

    @dataclass
    class ChatRead(TextualMessage):
        """A chat that was not in the list was read; open it."""

        chat: Conversation

    def __init__(self, messenger: "Messenger", surroundings: Surroundings | None = None) -> None:
        super().__init__()
        self.messenger = messenger
        self.around = surroundings or Surroundings()
        self.chats: dict[ConversationId, Conversation] = {}
        self.requests: list[Conversation] = []
        self.view: ChatView | None = None
        self._sought: intents.OpenMessage | None = None
        self._growing: Timer | None = None
        self.chat_list = ChatList(self.around.clock, self.around.icons)
        self.status = StatusBar(messenger.profile, self.around.clock, self.around.icons)
        self._typists = Typists(self, self._show_typing)

    def compose(self) -> ComposeResult:
        """The list, the chat, the line below."""
        welcome = WELCOME.format(keys_of(slashes()["new-chat"], self.around.keymap))
        with Horizontal(classes="client--body"):
            with Vertical(classes="client--side"):
                yield Static(" Chats", markup=False, classes="client--title")
                yield Static("", markup=False, classes="client--nothing")
                yield self.chat_list
            with Vertical(classes="client--chat"):
                yield Static(Content(welcome), markup=False, classes="client--welcome")
        yield self.status

    def on_mount(self) -> None:
        """Listen first, then read, so that nothing falls between."""
        # Its own size comes with the first paint, which must be right already where it has the whole terminal.
        self.lay_out(self.app.size.width)
        start(self, self._listen, group="events")
        self.read_chats()
        self.chat_list.focus()
        self.watch(self.app, "app_focus", self.look_again, init=False)
        self._is_opened()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side, or one at a time."""
        self.lay_out(event.size.width)

    def lay_out(self, width: int) -> None:
        """Lay out for so many columns and for what is open; where the keys go stays on the screen."""
        narrow = width < (WIDE if self.xray is None else ALL_THREE)
        if narrow and not self.is_narrow:
            self.set_class(self.view is not None and self.screen.focused is not self.chat_list, "-chat-open")
        self.set_class(narrow, "-narrow")
        self.set_class(width < WIDE, "-stacked")

    # Reading.

    async def _listen(self) -> None:
        async for event in self.messenger.events():
            self.post_message(intents.Happened(event))

    def read_chats(self) -> None:
        """Read the list of chats again."""
        start(self, self._read_chats, group="chats", exclusive=True)

    async def _read_chats(self) -> None:
        chats = await self.messenger.conversations()
        self.post_message(self.ChatsRead(chats, await self.messenger.requests()))

    @on(ChatsRead)
    def _show_chats(self, event: ChatsRead) -> None:
        event.stop()
        self.chats = {chat.id: chat for chat in event.chats}
        self.requests = event.requests
        self.refresh_list()
        if self.view is not None and (chat := self.chats.get(self.view.id_of_chat)):
            self.view.update_conversation(chat, self.chat_list.doubt_about(chat.id))

    def refresh_list(self) -> None:
        """Draw the list of chats again."""
        self.chat_list.show(self.chats.values(), len(self.requests))
        self.head_list()

    # What happens.

    @on(intents.Happened)
    def _happened(self, happened: intents.Happened) -> None:
        happened.stop()
        event = happened.event
        view = self.view
        match event:
            case happenings.ConnectionChanged():
                self.status.show(event)
            case happenings.MessageAdded(message=message):
                self._message_added(event)
            case happenings.MessageChanged(message=message):
                self.look_into(message)
                if view is not None and view.id_of_chat == message.conversation:
                    view.message_changed(message)
                chat = self.chats.get(message.conversation)
                if chat is not None and chat.last is not None and chat.last.id == message.id:
                    self.put_chat(replace(chat, last=message))
            case happenings.MessageRemoved(conversation=conversation, id=gone):
                if view is not None and view.id_of_chat == conversation:
                    view.message_removed(gone)
            case happenings.ConversationChanged(conversation=chat):
                self._chat_changed(chat)
            case happenings.RequestArrived():
                self.read_chats()
            case happenings.TypingChanged(conversation=conversation, typing=typing):
                self._typists.heard(conversation, typing)
            case happenings.PresenceChanged(conversation=conversation, online=online):
                if conversation in self.chats:
                    self.put_chat(replace(self.chats[conversation], online=online))
            case happenings.KeyChanged() | happenings.Alarm():
                self._warned(event)
            case happenings.TransferMoved(conversation=conversation):
                if view is not None and view.id_of_chat == conversation:
                    view.transfer_moved(event.message, event.done, event.total, upload=event.upload)
            case happenings.SentAsIs(name=name, reason=reason):
                self.tell(
                    f"{file_name_of(name)} goes as it is, with what the camera wrote into it. {reason}."
                )
            case happenings.EventsLost():
                self.read_chats()
                if view is not None:
                    view.read_timeline()
            case happenings.HistoryGrew() if self._growing is None:
                # However fast messages come in: what is shown is not read again all the time.
                self._growing = self.set_timer(GROW_SECONDS, self._grown)
            case _:
                pass

    def _grown(self) -> None:
        self._growing = None
        self.read_chats()
        if self.view is not None:
            self.view.read_timeline(same=True)

    def _message_added(self, event: happenings.MessageAdded) -> None:
        message = event.message
        if self.view is not None and self.view.id_of_chat == message.conversation:
            self.view.message_added(message)
        self.look_into(message)
        chat = self.chats.get(message.conversation)
        if chat is None:
            self.read_chats()
            return
        at = max(chat.last_at, message.received_at)
        self.put_chat(replace(chat, last=message, last_at=at, left_out=False, lost=False))
        now = self.around.clock()
        if not (message.mine or chat.mutes(now) or self.around.quiet.holds(now) or self.app.app_focus):
            self._call(chat, message)

    def _call(self, chat: Conversation, message: Message) -> None:
        """Call for attention, as far as the owner wants it; a text only where its owner wants that, too."""
        if self.around.bell.on:
            self.app.bell()
        if self.around.desktop.on:
            body = preview(message) if self.around.preview.on else "wrote to you"
            self.post_message(intents.CallOutside(title_of(chat), body))

    def _chat_changed(self, chat: Conversation) -> None:
        if chat.contact.standing is not Standing.ACCEPTED or any(one.id == chat.id for one in self.requests):
            self.read_chats()
            if self.view is not None and self.view.id_of_chat == chat.id:
                self.view.update_conversation(chat, "")
            return
        known = self.chats.get(chat.id, chat)  # What is stored does not know who is there.
        self.put_chat(replace(chat, online=known.online))

    def put_chat(self, chat: Conversation) -> None:
        """Show this state of a chat everywhere."""
        self.chats[chat.id] = chat
        self.refresh_list()
        if self.view is not None and self.view.id_of_chat == chat.id:
            self.view.update_conversation(chat, self.chat_list.doubt_about(chat.id))

    def _warned(self, event: happenings.KeyChanged | happenings.Alarm) -> None:
        if isinstance(event, happenings.Alarm):
            self.tell(whole_sentence(event.text), severe=True)
            if self.view is not None and self.view.id_of_chat == event.conversation:
                self.view.alarm(event.text)
        else:
            chat = self.chats.get(event.conversation)
            who = title_of(chat) if chat is not None else "Somebody"
            self.tell(f"{who}'s key changed. Compare the safety number.", severe=event.was_verified)
        self.read_chats()

    def _show_typing(self, conversation: ConversationId, typing: bool) -> None:
        if conversation in self.chats:
            self.put_chat(replace(self.chats[conversation], typing=typing))

    # Opening.

    @property
    def is_narrow(self) -> bool:
        """Whether the list and a chat are shown one at a time."""
        return self.has_class("-narrow")

    def attended(self) -> bool:
        """Whether somebody looks at the open chat: the terminal and this pane have the focus."""
        focused = self.screen.focused
        return (
            self.app.app_focus
            and self.app.screen is self.screen
            and focused is not None
            and self in focused.ancestors
            and (not self.is_narrow or self.has_class("-chat-open"))
        )

    def may_take_focus(self) -> bool:
        """Whether the keys go to this pane, or to nothing: another pane on the screen keeps them."""
        focused = self.screen.focused
        return focused is None or self in focused.ancestors

    @on(intents.OpenChat)
    async def _open_chat(self, event: intents.OpenChat) -> None:
        event.stop()
        await self.open_chat(event.conversation)

    @on(intents.OpenMessage)
    async def _open_at(self, event: intents.OpenMessage) -> None:
        event.stop()
        self._sought = event
        await self.open_chat(event.conversation)
        self._go_to_sought()

    def _go_to_sought(self) -> None:
        sought, view = self._sought, self.view
        if sought is not None and view is not None and view.id_of_chat == sought.conversation:
            self._sought = None
            view.go_to(sought.message)

    async def open_chat(self, conversation: ConversationId) -> None:
        """Open a chat and write in it."""
        if self.view is not None and self.view.id_of_chat == conversation:
            self.add_class("-chat-open")
            if self.may_take_focus():
                self.view.composer.focus()
            self._is_opened()
            return
        chat = self.chats.get(conversation)
        if chat is None:
            self.errand(self._read_chat(conversation), failed=self._is_opened)
        else:
            await self._show_chat(chat)

    def _is_opened(self) -> None:
        self.post_message(intents.IsOpen())

    async def _read_chat(self, conversation: ConversationId) -> None:
        self.post_message(self.ChatRead(await self.messenger.conversation(conversation)))

    @on(ChatRead)
    async def _show_read_chat(self, event: ChatRead) -> None:
        event.stop()
        if event.chat.contact.standing is Standing.ACCEPTED:
            self.put_chat(event.chat)
        await self._show_chat(event.chat)

    async def _show_chat(self, chat: Conversation) -> None:
        take_focus = self.may_take_focus()
        old = self.view
        if old is not None:
            await old.composer.settled()
            self.keep_draft(old.id_of_chat, old.composer.draft)
        view = ChatView(self.messenger, chat, self.around, self.attended)
        self.view = view
        place = self.query_one(".client--chat", Vertical)
        with self.app.batch_update():
            # Where both stand side by side it changes nothing, and all parts would take their styles anew.
            self.add_class("-chat-open", update=self.is_narrow)
            await place.remove_children()
            await place.mount(view)
        if not view.is_attached:
            # The application is leaving, and mounts nothing more.
            return
        self.chat_list.mark_open(chat.id)
        view.update_conversation(chat, self.chat_list.doubt_about(chat.id))
        if take_focus:
            view.composer.focus()
        self._is_opened()
        self.errand(self.messenger.watch_presence(chat.id))
        self._go_to_sought()

    @on(intents.LeaveChat)
    def _leave_chat(self, event: intents.LeaveChat) -> None:
        event.stop()
        self.action_back()

    # Intents of the widgets that open something.

    @on(intents.FindChat)
    def _find(self, event: intents.FindChat) -> None:
        event.stop()
        self.action_switch()

    @on(intents.OpenRequests)
    def _open_requests(self, event: intents.OpenRequests) -> None:
        event.stop()
        self.action_requests()

    @on(intents.BannerAnswered)
    def _banner(self, event: intents.BannerAnswered) -> None:
        event.stop()
        self.answer_banner(event.conversation, event.answer)

    @on(MessageLog.Pointed)
    def _pointed(self, event: MessageLog.Pointed) -> None:
        event.stop()
        self.look_into(event.message)

    @on(MessageLog.Asked)
    def _asked(self, event: MessageLog.Asked) -> None:
        event.stop()
        self.verbs.do(event.verb, event.message)

    async def leave(self) -> None:
        """The client is about to be closed: keep what is written and not sent."""
        if self.view is None:
            return
        await self.view.composer.settled()
        chat = self.chats.get(self.view.id_of_chat)
        draft = self.view.composer.draft
        if chat is not None and chat.draft != draft:
            with suppress(ClientError):
                await self.messenger.save_draft(chat.id, draft)

    def look_again(self) -> None:
        """Somebody may look again, after the terminal or this screen was away: what is shown is seen."""
        if self.view is not None:
            self.view.log_view.tell_seen()
