"""The people who wrote first: accept, block or delete each."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from letterlock.ids import ConversationId
from letterlock_client.errors import ClientError
from letterlock_client.models import MOST_IN_REQUEST, Conversation
from letterlock_client.sanitize import doubt_about
from letterlock_client.shapes import absent_words
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.wording import account_lines, short_time, title_of

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

HOW = "They get no receipts until you accept, and blocking is silent."


class RequestsScreen(Dialog[ConversationId]):
    """The list; the result is the chat that was accepted."""

    asks = True
    opens = True

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "accept", "Accept", show=False),
        Binding("b", "block", "Block", show=False),
        Binding("d", "delete", "Delete", show=False),
    ]

    heading = "Requests"
    hint = "enter or a accepts · b blocks · d deletes · escape closes"

    @dataclass
    class Read(TextualMessage):
        """The requests, and the names already known."""

        requests: list[Conversation]
        known: list[str]

    @dataclass
    class Answered(TextualMessage):
        """An answer was given, or failed."""

        accepted: ConversationId | None = None
        problem: str = ""

    def __init__(self, messenger: "Messenger", surroundings: Surroundings) -> None:
        super().__init__()
        self._messenger = messenger
        self._around = surroundings
        self._requests: list[Conversation] = []

    def parts(self) -> Iterable[Widget]:
        """What it means, and the list."""
        yield words(HOW, "dialog--text")
        yield OptionList(markup=False)
        yield problem_line()

    def on_mount(self) -> None:
        """Read them."""
        start(self, self._read, exclusive=True)

    async def _read(self) -> None:
        requests = await self._messenger.requests()
        known = [chat.title or chat.contact.handle for chat in await self._messenger.conversations()]
        self.post_message(self.Read(requests, known))

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        self._requests = event.requests
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(self._option(chat, event.known) for chat in event.requests)
        options.highlighted = 0 if event.requests else None
        options.focus()
        if not event.requests:
            self.say("Nobody waits for an answer.")

    def _option(self, chat: Conversation, known: list[str]) -> Option:
        doubt = doubt_about(chat.title or chat.contact.handle, known)
        mark = f"  {self._around.icons.warning} {doubt}" if doubt else ""
        holds = absent_words(chat) or self._holds(chat)
        account = " ".join(account_lines(chat.contact.account))
        return Option(Content(f"{title_of(chat)}{mark}\n  {holds}\n  {account}"))

    def _holds(self, chat: Conversation) -> str:
        many = f"{chat.unread} messages" if chat.unread > 1 else "1 message"
        if chat.unread >= MOST_IN_REQUEST:
            many = f"{many}, no more are kept"
        return f"{many}, {short_time(chat.last_at, self._around.clock())}"

    @property
    def _chosen(self) -> Conversation | None:
        place = self.query_one(OptionList).highlighted
        return self._requests[place] if place is not None and place < len(self._requests) else None

    def on_option_list_option_selected(self) -> None:
        """Enter accepts."""
        self.action_accept()

    def action_accept(self) -> None:
        """Accept the one chosen."""
        if (chat := self._chosen) is not None and not self.passes:
            # What follows is written to that person.
            self.passes = True
            self._answer(self._messenger.accept(chat.id), chat.id)

    def action_block(self) -> None:
        """Block the one chosen, after asking."""
        self._ask(
            "Block {}? Nothing they send will arrive, and they are not told.", "Block", self._messenger.block
        )

    def action_delete(self) -> None:
        """Forget the one chosen, after asking."""
        what = "Delete what {} wrote, unread? They are not told, and may ask again."
        self._ask(what, "Delete", self._messenger.delete_request)

    def _ask(self, what: str, yes: str, call: Callable[[ConversationId], Awaitable[None]]) -> None:
        chat = self._chosen
        if chat is None or self.passes:
            return

        def chosen(really: bool | None) -> None:
            if really:
                self._answer(call(chat.id))

        choices = [Choice(True, yes), Choice(False, "Decide later")]
        self.app.push_screen(ChooseScreen(what.format(title_of(chat)), choices), chosen)

    def _answer(self, call: Awaitable[None], accepted: ConversationId | None = None) -> None:
        start(self, self._run, call, accepted)

    async def _run(self, call: Awaitable[None], accepted: ConversationId | None) -> None:
        try:
            await call
        except ClientError as error:
            self.post_message(self.Answered(problem=error.sentence))
        else:
            self.post_message(self.Answered(accepted))

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.stop()
        if event.problem:
            self.refuse(event.problem, keeps=False)
        elif event.accepted is not None:
            self.dismiss(event.accepted)
        else:
            start(self, self._read, exclusive=True)
