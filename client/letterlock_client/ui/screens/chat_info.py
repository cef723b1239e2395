"""One chat's facts, what can be done with it, and the files that were shared in it.

Must not know how any of it is done: it returns what was chosen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from letterlock_client.errors import ClientError
from letterlock_client.models import Conversation, Listed, Message, Standing
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.wording import account_lines, attachment_line, short_time, span, title_of

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


class ChatInfoScreen(Dialog[str | Message]):
    """Returns the name of an action (verify, timer, mute, pin, archive, export, xray, block) or a message to go to."""

    hint = "enter chooses · escape closes"

    @dataclass
    class Read(TextualMessage):
        """The shared files, or why they cannot be shown."""

        files: Sequence[Message]
        problem: str = ""

    def __init__(self, messenger: "Messenger", chat: Conversation, surroundings: Surroundings) -> None:
        super().__init__()
        self.heading = title_of(chat)
        self._messenger = messenger
        self._chat = chat
        self._clock = surroundings.clock
        self._answers: list[str | Message] = [name for name, _ in actions(chat, surroundings.clock())]

    def parts(self) -> Iterable[Widget]:
        """The facts, the actions; the files follow."""
        contact = self._chat.contact
        yield words(Content("\n").join(Content(line) for line in facts(self._chat)), "info--table")
        yield words(Content.styled(account_lines(contact.account)[0], "dim"))
        yield problem_line()
        yield OptionList(
            *(Content(text) for _, text in actions(self._chat, self._clock())), markup=False, compact=True
        )

    def on_mount(self) -> None:
        """Ask for the files."""
        self.query_one(OptionList).focus()
        start(self, self._read)

    async def _read(self) -> None:
        try:
            self.post_message(self.Read(await self._messenger.shared_files(self._chat.id)))
        except ClientError as error:
            self.post_message(self.Read((), error.sentence))

    @on(Read)
    def _show(self, event: Read) -> None:
        event.stop()
        self.say(event.problem)
        options = self.query_one(OptionList)
        count = len(event.files)
        heading = f"{count} shared file{'s' if count != 1 else ''}" if count else "No shared files"
        options.add_option(Option(Content(f"── {heading} ──"), disabled=True))
        self._answers.append("")
        for message in event.files:
            if message.attachment is not None:
                when = short_time(message.sent_at, self._clock())
                options.add_option(
                    Option(Content(f"{when}  {attachment_line(message.attachment, message.kind)}"))
                )
                self._answers.append(message)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return what was chosen."""
        self.dismiss(self._answers[event.option_index])


def facts(chat: Conversation) -> list[str]:
    """Say what is known about who this is."""
    contact = chat.contact
    verified = (
        "Verified: you compared the safety number."
        if contact.verified
        else "Not verified: compare the number."
    )
    standing = {Standing.BLOCKED: "Blocked.", Standing.REQUESTED: "Wrote first and waits for an answer."}
    handle = f"Handle: {contact.handle}" if contact.handle else "No handle is known."
    return [handle, verified, *filter(None, [standing.get(contact.standing, "")])]


def actions(chat: Conversation, now: int) -> list[tuple[str, str]]:
    """Return what can be done with a chat, each with its words."""
    blocked = chat.contact.standing is Standing.BLOCKED
    return [
        ("verify", "Compare the safety number"),
        ("timer", f"Disappearing messages: {span(chat.timer_s)}"),
        ("mute", "Let it notify again" if chat.mutes(now) else "Mute…"),
        ("pin", "Unpin" if chat.listed is Listed.PINNED else "Pin on top of the list"),
        ("archive", "Take out of the archive" if chat.listed is Listed.ARCHIVED else "Archive"),
        ("export", "Export to a file"),
        ("xray", "X-ray: the layers of its messages, and who saw what"),
        ("block", "Unblock" if blocked else "Block"),
    ]
