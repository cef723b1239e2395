"""One piece of work that takes a while: said first, unlocked where it must be, watched, and stopped if wanted.

The result is what the work gives back.
"""

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from textual import on
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Input, Static
from textual.worker import Worker

from letterlock_client.backup_models import BackupProgress
from letterlock_client.config import NO_PASSPHRASE, Unlock
from letterlock_client.errors import ClientError
from letterlock_client.sanitize import clean
from letterlock_client.ui.backup_wording import seconds
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.progress import ProgressLine

T = TypeVar("T")

ASKED = "The passphrase of this device"
BARE = (
    "This profile has no passphrase: anybody at this terminal can do this. A profile with a passphrase "
    "would ask for it here."
)
STOPS = "enter or escape stops it"
TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """What there is to do, and how it is put to the person."""

    heading: str
    text: str
    button: str
    doing: str
    """What goes on meanwhile, such as asking the vault."""
    call: Callable[[Unlock], Awaitable[T]]
    guarded: bool = True
    """Whether the local passphrase is asked first."""
    at_once: bool = False
    """Whether it begins by itself."""
    facts: tuple[str, ...] = field(default=())


class WorkScreen(Dialog[T]):
    """The screen."""

    asks = True

    hint = "enter goes on · escape goes back"

    @dataclass
    class Ended(TextualMessage):
        """The work is done, or failed with a sentence."""

        result: object = None
        problem: str = ""

    def __init__(self, work: Work[T], around: Surroundings, *, locked: bool) -> None:
        super().__init__()
        self.heading = work.heading
        self._work = work
        self._around = around
        self._locked = locked and work.guarded
        self._going: Worker[None] | None = None
        self._began = 0.0

    def parts(self) -> Iterable[Widget]:
        """What it is about, the passphrase, progress and answers."""
        # What a provider or a realm says may be in it.
        for text in (self._work.text, *self._work.facts):
            yield words(clean(text), "dialog--text")
        if self._locked:
            yield words(ASKED, "dialog--label")
            yield Input(placeholder="passphrase", password=True, compact=True, max_length=1_024)
        elif self._work.guarded:
            yield words(BARE, "dialog--later")
        yield ProgressLine(self._around.icons)
        yield words("", "work--doing")
        yield problem_line()
        with Horizontal(classes="dialog--answers"):
            yield Button(self._work.button, name="go", variant="primary", compact=True, classes="work--go")
            yield Button("Stop", name="stop", compact=True, classes="work--stop")

    def on_mount(self) -> None:
        """Begin, or wait for a word."""
        self._tick()
        self.set_interval(TICK_S, self._tick)
        if self._work.at_once:
            self._begin()
        elif not self._locked:
            self.query_one(Button).focus()

    def moved(self, progress: BackupProgress) -> None:
        """Show how far it is."""
        if self._going is not None:
            self.query_one(ProgressLine).show(progress)

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _pressed(self, event: Input.Submitted | Button.Pressed) -> None:
        event.stop()
        if isinstance(event, Button.Pressed) and event.button.name == "stop":
            self.action_leave()
        elif self._going is None:
            self._begin()

    def _begin(self) -> None:
        unlock = NO_PASSPHRASE
        if self._locked:
            field = self.query_one(Input)
            if not field.value:
                self.say("Enter the passphrase of this device first.")
                field.focus()
                return
            unlock = Unlock(field.value)
            field.clear()
        self.say("")
        self._began = time.monotonic()

        async def run() -> None:
            await self._run(unlock)

        self._going = self.run_worker(run, group="work", exclusive=True)
        self._redraw()
        self.query_one(".work--stop").focus()

    async def _run(self, unlock: Unlock) -> None:
        try:
            result = await self._work.call(unlock)
        except ClientError as error:
            self.post_message(self.Ended(problem=error.sentence))
        else:
            self.post_message(self.Ended(result))

    @on(Ended)
    def _ended(self, event: Ended) -> None:
        event.stop()
        self._going = None
        if not event.problem:
            self.dismiss(event.result)  # type: ignore[arg-type]
            return
        self._rest(event.problem)

    def _rest(self, why: str) -> None:
        """Say why it goes on no longer, ready to begin again."""
        self._redraw()
        self.say(why)
        (self.query_one(Input) if self._locked else self.query_one(Button)).focus()

    def _redraw(self) -> None:
        busy = self._going is not None
        self.set_class(busy, "-busy")
        self.tell_keys(STOPS if busy else "")
        for one in (*self.query(Input), *self.query(".dialog--answers Button")):
            one.disabled = busy and not one.has_class("work--stop")
        self._tick()

    def _tick(self) -> None:
        place = self.query_one(".work--doing", Static)
        place.display = self._going is not None
        if self._going is None:
            self.query_one(ProgressLine).show(None)
        else:
            spent = seconds(time.monotonic() - self._began)
            place.update(Content(f"{self._work.doing}, {spent}"))

    def action_leave(self) -> None:
        """Stop what goes on; else go back."""
        if self._going is None:
            self.dismiss(None)
            return
        self._going.cancel()
        self._going = None
        self._rest("Stopped.")
