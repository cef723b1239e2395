"""A new backup password, typed twice, judged against the guesses that the vault allows."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from textual import on
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from letterlock_client.sanitize import line_of
from letterlock_client.ui.background import start
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.surroundings import Surroundings

HOW = (
    "You will need it on a new device, when this one is lost. It is not the passphrase of this device. "
    "Nobody can reset it for you: write it down, or keep it in a password manager."
)


class Verdict(Protocol):
    """What a password is worth against the guesses that the vault allows."""

    @property
    def sentence(self) -> str:
        """The odds, for people."""

    @property
    def acceptable(self) -> bool:
        """Whether the vault takes it."""


class PasswordScreen(Dialog[str]):
    """The form; the result is the password."""

    hint = "enter goes on · escape goes back"

    @dataclass
    class Judged(TextualMessage):
        """What a password is worth."""

        password: str
        verdict: Verdict

    def __init__(self, judge: Callable[[str], Verdict], around: Surroundings, heading: str) -> None:
        super().__init__()
        self.heading = heading
        self._judge = judge
        self._icons = around.icons
        self._verdict: Verdict | None = None
        self._is_chosen = False
        """Whether it was entered before it was judged."""

    def parts(self) -> Iterable[Widget]:
        """Two fields and the verdict."""
        yield words(HOW, "dialog--text")
        yield words("Backup password", "dialog--label")
        yield Input(
            placeholder="8 characters or more", id="password", password=True, compact=True, max_length=1_024
        )
        yield Input(placeholder="once more", id="again", password=True, compact=True, max_length=1_024)
        yield words("", "password--verdict")
        yield problem_line()
        yield Button("Go on", variant="primary", compact=True, classes="dialog--go")

    @on(Input.Changed, "#password")
    def _typed(self, event: Input.Changed) -> None:
        self._verdict = None
        self._is_chosen = False
        self.say("")
        start(self, self._weigh, event.value, group="judging", exclusive=True)

    async def _weigh(self, password: str) -> None:
        # The word lists take a moment to load: in a thread, so that typing goes on.
        verdict = await asyncio.to_thread(self._judge, password)
        self.post_message(self.Judged(password, verdict))

    @on(Judged)
    def _judged(self, event: Judged) -> None:
        event.stop()
        if event.password != self.query_one("#password", Input).value:
            return
        self._verdict = event.verdict
        place = self.query_one(".password--verdict", Static)
        place.set_class(event.verdict.acceptable, "-good")
        sign = self._icons.verified if event.verdict.acceptable else self._icons.warning
        place.update(Content(f"{sign} {line_of(event.verdict.sentence)}" if event.password else ""))
        if self._is_chosen:
            self._chosen()

    @on(Input.Changed, "#again")
    def _typed_again(self) -> None:
        self._is_chosen = False
        self.say("")

    @on(Input.Submitted, "#password")
    def _next(self) -> None:
        self.query_one("#again", Input).focus()

    @on(Input.Submitted, "#again")
    @on(Button.Pressed)
    def _chosen(self) -> None:
        password = self.query_one("#password", Input).value
        self._is_chosen = self._verdict is None and bool(password)
        self.say("")
        if self._verdict is None:
            self.say("One moment: the password is being judged." if password else "Choose a password.")
        elif not self._verdict.acceptable:
            # What is to be typed anew is the first field, and the verdict says why.
            self.say("Choose a longer one.")
            self.query_one("#password", Input).focus()
        elif password != self.query_one("#again", Input).value:
            self.say("The two passwords are not the same.")
        else:
            self.dismiss(password)
