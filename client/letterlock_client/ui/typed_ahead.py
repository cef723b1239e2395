"""What is typed before a dialog can be seen: it answers nothing, and no letter of it is lost.

Keys that arrive between a dialog's coming and its first paint wait for that paint. A dialog that is typed into then
gets them, but for an enter that comes before anything else: nobody answers a field that nobody has seen. For a dialog
that asks they were never meant: they go to the field that was written in before, or nowhere. What follows such a key
without a pause was on its way, too. Keys behind an enter wait until the enter has done what it does, until the next
field has the focus, the next dialog can be seen, the chat or the client is open; then only a field gets letters, and a
command that no letter stands for is done.
Behind any other key that is no letter for a field they wait until it came up and did what is bound to it, for letters
take no such way: a backspace would take away what was typed behind it. Time is that of the keys themselves: nothing
sleeps, and whoever waits for the paint waits for nothing else. Must not know what the dialogs ask.
"""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from textual import events, on
from textual.app import App
from textual.await_complete import AwaitComplete
from textual.binding import NoBinding
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input, TextArea

from letterlock_client.ui import intents
from letterlock_client.ui.screens.dialog import NEVER, Dialog

PAUSE_S: Final = 0.15
"""Shorter than anybody needs to see something new and answer it."""

LEAVES: Final = "ctrl+q"
HARMLESS: Final = ("escape", LEAVES, "ctrl+c")
"""Keys that say yes to nothing."""
MOVES: Final = ("tab", "shift+tab")

Result = TypeVar("Result")
Typed = events.Key | events.Paste


@dataclass(frozen=True, slots=True, eq=False)
class Pressed:
    """Where a key was pressed that is not done."""

    screen: Screen[Any]
    place: Widget
    enters: bool
    """Whether it was an enter in a dialog, which may lead on."""

    @property
    def is_there(self) -> bool:
        """Whether the place is: what took it away is what the key did."""
        return self.screen in self.screen.app.screen_stack and self.place.is_attached


@dataclass
class Followed(Message):
    """Goes the way of a key, right behind it: to where it was pressed, and up to the application."""

    pressed: Pressed
    first: bool
    """Whether it follows the key; else what the key set off."""


class TypedAheadApp(App[Result]):
    """An application whose dialogs are seen before they are answered."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[tuple[Typed, bool]] = []
        """What was typed, and whether behind an enter that was not done."""
        self._pressed: Pressed | None = None
        self._coming = 0
        """How many screens are asked for that are not there yet."""
        self._answers: set[asyncio.Future[Any]] = set()
        """Those of the screens that somebody waits for; done ones were not taken yet."""
        self._is_opening = False
        """Whether a dialog has left with something that opens."""
        self._typed_into: Dialog[object] | None = None
        self._never_meant_at = float("-inf")
        """When the last key came that could not have been meant for a dialog."""

    @property
    def _dialog(self) -> Dialog[object] | None:
        top = self.screen_stack[-1] if self.screen_stack else None
        return top if isinstance(top, Dialog) else None

    async def on_event(self, event: events.Event) -> None:
        """Let keys wait for the dialog they came with; everything else goes its way."""
        leaves = isinstance(event, events.Key) and event.key == LEAVES
        if leaves or not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._calls_off(event):
            self._waiting.clear()
            self._is_opening = False
            await self._deal_with(event)
        elif (behind := self._is_between()) or self._waiting or self._is_unseen() or self._is_moving():
            self._waiting.append((event, behind))
        else:
            await self._deal_with(event)

    def _is_unseen(self) -> bool:
        return self._dialog is not None and self._dialog.seen_at == NEVER

    def _calls_off(self, typed: Typed) -> bool:
        """Whether it goes before all that waits for an answer: nobody wants that any more."""
        waits = self._is_opening or (self._dialog is not None and self._dialog.passes)
        return waits and isinstance(typed, events.Key) and typed.key == "escape"

    def _is_between(self) -> bool:
        """Whether something was entered that will show what is to be typed into next."""
        return (
            self._coming > 0
            or any(answer.done() for answer in self._answers)
            or self._is_opening
            or (self._dialog is not None and self._dialog.passes)
            or (self._pressed is not None and self._pressed.enters and self._pressed.is_there)
        )

    def _is_moving(self) -> bool:
        """Whether a key is on its way on the screen that has the keys. On another, nobody waits for it."""
        return self._pressed is not None and self._pressed.is_there and self._pressed.screen is self.screen

    def pop_screen(self) -> AwaitComplete:
        """Take the screen on top away; what it leads to is still to come."""
        dialog = self._dialog
        if dialog is not None and dialog.leads:
            dialog.leads, self._is_opening = False, True
        return super().pop_screen()

    @on(intents.IsOpen)
    async def _is_open(self) -> None:
        self._is_opening = False
        await self._deal_with_waiting()

    @on(Dialog.Refused)
    async def _refused(self, event: Dialog.Refused) -> None:
        event.dialog.passes = False
        if not event.keeps:
            self._waiting.clear()
        await self._deal_with_waiting()

    async def push_screen_wait(self, screen: Any, *, mode: str | None = None) -> Any:
        """Show a screen; return what it was left with, which no key overtakes on its way to who asks the next one."""
        self._coming += 1
        try:
            await self._flush_next_callbacks()
            answer = self.push_screen(screen, wait_for_dismiss=True, mode=mode)
        finally:
            self._coming -= 1
        self._answers.add(answer)
        try:
            # Whoever waits may be stopped; the screen is not.
            return await asyncio.shield(answer)
        finally:
            self._answers.discard(answer)
            self._look_after_waiting()

    def post_display_hook(self) -> None:
        """See a dialog for the first time."""
        super().post_display_hook()
        dialog = self._dialog
        if dialog is not None and dialog.seen_at == NEVER and dialog.is_laid_out:
            dialog.seen_at = Message().time  # By the clock of keys.
        self._look_after_waiting()

    def _look_after_waiting(self) -> None:
        if self._waiting:
            self.call_later(self._deal_with_waiting)

    async def _deal_with_waiting(self) -> None:
        while self._waiting and not (self._is_unseen() or self._is_between() or self._is_moving()):
            typed, behind = self._waiting[0]
            await self._deal_with(typed, behind=behind)
            del self._waiting[0]

    async def _deal_with(self, typed: Typed, *, behind: bool = False) -> None:
        """Give a key to whom it was meant for. What was painted since it came had not been seen by who pressed it."""
        dialog, key = self._dialog, typed.key if isinstance(typed, events.Key) else ""
        early = dialog is not None and typed.time <= dialog.seen_at
        hasty = early or typed.time - self._never_meant_at < PAUSE_S
        if dialog is not None and dialog.asks and hasty and key not in HARMLESS:
            await self._take_back(typed)
            return
        if early:
            if key == "enter" and self._typed_into is not dialog:
                return
            self._typed_into = dialog
        elif behind and not (isinstance(self.focused, Input | TextArea) or _means_the_same_anywhere(key)):
            return
        screen, place = self.screen, self.focused or self.screen
        is_letter = isinstance(typed, events.Paste) or typed.is_printable
        await super().on_event(typed)
        if dialog is not None and key == "enter":
            # Whatever waits by now was typed behind it.
            self._waiting = [(each, True) for each, _ in self._waiting]
            self._follow(Pressed(dialog, place, enters=True), first=True)
        elif not (is_letter and isinstance(place, Input | TextArea)):
            self._follow(Pressed(screen, place, enters=False), first=True)

    def _follow(self, pressed: Pressed, *, first: bool) -> None:
        self._pressed = pressed if pressed.place.post_message(Followed(pressed, first)) else None

    @on(Followed)
    async def _followed(self, event: Followed) -> None:
        """The key came up before it and has run what is bound to it; what that posted goes the same way once more."""
        if event.pressed is not self._pressed:
            return
        if event.first and event.pressed.is_there:
            self._follow(event.pressed, first=False)
        else:
            self._pressed = None
        await self._deal_with_waiting()

    async def _take_back(self, typed: Typed) -> None:
        """Give what was typed to the field that was written in before the dialog came, if there was one."""
        self._never_meant_at = typed.time
        field = self._written_in()
        if field is None:
            return
        if not isinstance(typed, events.Key):
            field._forward_event(typed)  # noqa: SLF001
            return
        with suppress(NoBinding):
            for binding in field._bindings.get_bindings_for_key(typed.key):  # noqa: SLF001
                # Behind the letters that went before it, in the field's own queue.
                field.call_later(self.run_action, binding.action, field)
                return
        if typed.is_printable or typed.key == "enter":
            field._forward_event(typed)  # noqa: SLF001

    def _written_in(self) -> Widget | None:
        behind = self.screen_stack[-2].focused if len(self.screen_stack) > 1 else None
        return behind if isinstance(behind, Input | TextArea) else None


def _means_the_same_anywhere(key: str) -> bool:
    """Whether a key is no letter, and no answer to what has the focus."""
    with_another = key.startswith(("ctrl+", "alt+")) or re.fullmatch(r"f\d+", key) is not None
    return with_another or key in (*HARMLESS, *MOVES)
