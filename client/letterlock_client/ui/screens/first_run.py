"""The first start: a handle, a relay, a passphrase for this device; or a backup to restore.

Must not know how a profile is made.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Input

from letterlock.errors import MalformedError
from letterlock.ids import check_handle
from letterlock_client.backup_models import UnfinishedRestore
from letterlock_client.errors import ClientError
from letterlock_client.sanitize import line_of, name_of
from letterlock_client.ui.background import start
from letterlock_client.ui.doors import Doors, NoAccount, Registration, Start
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.screens.restore.flow import RestoreFlow
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.new_passphrase import NewPassphrase

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

NOT_KNOWN = (
    "What the restore was asked for is not known any more: fill in its form again. Nothing is lost by that."
)

UNFINISHED = (
    "This profile has no account yet: a restore or a registration was not finished. Go on with either; what is "
    "here already is kept."
)


class FirstRunScreen(Dialog["Messenger"]):
    """The form; the result is the messenger of the new profile."""

    heading = "Welcome to Letterlock"
    hint = "tab moves on · enter in the last field registers · ctrl+q leaves"
    opens = True

    @dataclass
    class Answered(TextualMessage):
        """The profile is there, or what went wrong."""

        messenger: "Messenger | None"
        problem: str = ""

    def __init__(self, doors: Doors, around: Surroundings, there: NoAccount | None = None) -> None:
        """Use `there` where a profile is there, whose account was never made or never came back."""
        super().__init__(classes="-opaque")
        self._there = there
        self._doors = doors
        self._around = around

    def parts(self) -> Iterable[Widget]:
        """The fields."""
        yield VerticalScroll(
            *self._unfinished(),
            words("Your handle, by which others find you", "dialog--label"),
            Input(
                self._doors.suggested_handle,
                placeholder="3 to 32 of a-z 0-9 . _ -",
                id="handle",
                compact=True,
                max_length=64,
            ),
            words("The relay that carries your sealed messages", "dialog--label"),
            Input(
                self._doors.suggested_relay,
                placeholder="wss://relay.example",
                id="relay",
                compact=True,
                max_length=500,
            ),
            words("Invite code, if the relay asks for one", "dialog--label"),
            Input(placeholder="none", id="invite", compact=True, max_length=200),
            words("A passphrase for what is kept on this device", "dialog--label"),
            NewPassphrase(),
            Button("Register", id="register", variant="primary", compact=True),
            problem_line(),
            words("You had Letterlock before?", "dialog--label"),
            Button(
                "Restore from a backup…", id="restore", compact=True, disabled=self._doors.restore is None
            ),
            can_focus=False,
        )

    def _unfinished(self) -> Iterable[Widget]:
        """What is there already, and the way on from there."""
        if self._there is None:
            return
        yield words(UNFINISHED, "dialog--text")
        if self._there.problem:
            yield words(f"{line_of(self._there.problem)} {NOT_KNOWN}", "dialog--text")
        elif self._there.restore is not None:
            handle = self._there.restore.request.handle
            whose = f"the restore of @{name_of(handle)}" if handle else "the restore"
            yield Button(Content(f"Go on with {whose}…"), id="go_on", variant="primary", compact=True)

    def on_mount(self) -> None:
        """Whoever comes back goes on."""
        self.query("#go_on, #handle").first().focus()

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value

    @on(Button.Pressed, "#restore, #go_on")
    def _restore_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        begun = self._there.restore if self._there is not None and event.button.id == "go_on" else None
        start(self, self._restore, begun, group="restore", exclusive=True)

    async def _restore(self, begun: UnfinishedRestore | None) -> None:
        locked = self._doors.start is Start.UNLOCK if self._there is not None else None
        # Whoever turns from this form to the other one has typed it already.
        typed = replace(
            self._doors,
            suggested_handle=self._value("handle").strip(),
            suggested_relay=self._value("relay").strip(),
        )
        flow = RestoreFlow(self.app, typed, self._around, locked=locked)
        messenger = await flow.run(begun)
        if messenger is not None:
            self.post_message(self.Answered(messenger))

    @on(Input.Submitted)
    @on(Button.Pressed, "#register")
    def _submit(self, event: TextualMessage) -> None:
        if isinstance(event, Input.Submitted) and event.input.id not in ("again",):
            self.focus_next()
            return
        if self.query_one("#register", Button).disabled:
            # It is under way: a second enter calls nothing off.
            return
        problem = self._problem()
        if problem:
            self.say(problem)
            return
        registration = Registration(
            handle=self._value("handle").strip(),
            relay=self._value("relay").strip(),
            passphrase=self.query_one(NewPassphrase).passphrase,
            invite=self._value("invite").strip(),
        )
        self.say("Making keys and registering…")
        self.query_one("#register", Button).disabled = True
        # What follows is meant for the client that opens then: no field here is changed by it.
        self.passes = True
        start(self, self._register, registration, exclusive=True)

    def _problem(self) -> str:
        try:
            check_handle(self._value("handle").strip())
        except MalformedError as error:
            return f"Handle: {error}"
        if not self._value("relay").strip().startswith(("ws://", "wss://")):
            return "Relay: an address that begins with wss:// (or ws:// on this machine)"
        return self.query_one(NewPassphrase).problem

    async def _register(self, registration: Registration) -> None:
        try:
            self.post_message(self.Answered(await self._doors.register(registration)))
        except ClientError as error:
            self.post_message(self.Answered(None, error.sentence))

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.stop()
        if event.messenger is not None:
            while self.app.screen is not self:
                self.app.pop_screen()
            self.dismiss(event.messenger)
            return
        self.query_one("#register", Button).disabled = False
        self.refuse(event.problem, keeps=False)

    def action_leave(self) -> None:
        """There is nothing behind this screen: stay."""
