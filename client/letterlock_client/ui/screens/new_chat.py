"""Finding somebody to write to, by handle, account id or invite link."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Input

from letterlock.ids import ConversationId
from letterlock_client.errors import ClientError
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

HOW = "An invite link carries the person's key. With a handle, the relay says whose it is: verify later."


class NewChatScreen(Dialog[ConversationId]):
    """A field; the result is the chat with that person."""

    heading = "Write to somebody new"
    hint = "enter looks them up · escape closes"
    opens = True

    @dataclass
    class Answered(TextualMessage):
        """The look-up is over."""

        conversation: ConversationId | None
        problem: str = ""

    def __init__(self, messenger: "Messenger") -> None:
        super().__init__()
        self._messenger = messenger

    def parts(self) -> Iterable[Widget]:
        """The field and what went wrong."""
        yield words(HOW, "dialog--text")
        yield Input(placeholder="handle, or letterlock:add?…", compact=True, max_length=2_000)
        yield problem_line()

    @on(Input.Submitted)
    def _look_up(self, event: Input.Submitted) -> None:
        who = event.value.strip()
        if who:
            # What follows is written to that person: it is no part of the name, and no relay is asked for it.
            self.passes = True
            self.say("Looking…")
            start(self, self._find, who, exclusive=True)

    async def _find(self, who: str) -> None:
        try:
            found = await self._messenger.find(who)
        except ClientError as error:
            self.post_message(self.Answered(None, error.sentence))
        else:
            self.post_message(self.Answered(found))

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.stop()
        if event.conversation is not None:
            self.dismiss(event.conversation)
        else:
            self.refuse(event.problem, keeps=False)
