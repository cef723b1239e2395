"""What is typed before a dialog can be seen: it answers nothing, and no letter of it is lost.

Keys that arrive between a dialog's coming and its first paint wait for that paint. A dialog that is typed into then
gets them, but for an enter that comes before anything else: nobody answers a field that nobody has seen. For a dialog
that asks they were never meant: they go to the field that was written in before, or nowhere. What follows such a key
without a pause was on its way, too. Time is that of the keys themselves: nothing sleeps, and whoever waits for the
paint waits for nothing else. Must not know what the dialogs ask.
"""

from contextlib import suppress
from typing import Final, TypeVar

from textual import events
from textual.app import App
from textual.binding import NoBinding
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, TextArea

from letterlock_client.ui.screens.dialog import NEVER, Dialog

PAUSE_S: Final = 0.15
"""Shorter than anybody needs to see something new and answer it."""

HARMLESS: Final = ("escape", "ctrl+q", "ctrl+c")
"""Keys that say yes to nothing."""

Result = TypeVar("Result")


class TypedAheadApp(App[Result]):
    """An application whose dialogs are seen before they are answered."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[events.Key] = []
        self._typed_into: Dialog[object] | None = None
        self._never_meant_at = float("-inf")
        """When the last key came that could not have been meant for a dialog."""

    @property
    def _dialog(self) -> Dialog[object] | None:
        top = self.screen_stack[-1] if self.screen_stack else None
        return top if isinstance(top, Dialog) else None

    async def on_event(self, event: events.Event) -> None:
        """Let keys wait for the dialog they came with; everything else goes its way."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._waiting or self._is_unseen():
            self._waiting.append(event)
        else:
            await self._deal_with(event)

    def _is_unseen(self) -> bool:
        return self._dialog is not None and self._dialog.seen_at == NEVER

    def post_display_hook(self) -> None:
        """See a dialog for the first time."""
        super().post_display_hook()
        dialog = self._dialog
        if dialog is not None and dialog.seen_at == NEVER and dialog.is_laid_out:
            dialog.seen_at = Message().time  # By the clock of keys.
        if self._waiting:
            self.call_next(self._deal_with_waiting)

    async def _deal_with_waiting(self) -> None:
        while self._waiting and not self._is_unseen():
            await self._deal_with(self._waiting[0])
            del self._waiting[0]

    async def _deal_with(self, key: events.Key) -> None:
        """Give a key to whom it was meant for. What was painted since it came had not been seen by who pressed it."""
        dialog = self._dialog
        early = dialog is not None and key.time <= dialog.seen_at
        if dialog is not None and dialog.asks and key.key not in HARMLESS:
            if early or key.time - self._never_meant_at < PAUSE_S:
                await self._take_back(key)
                return
        elif early and key.key == "enter" and self._typed_into is not dialog:
            return
        elif early:
            self._typed_into = dialog
        await super().on_event(key)

    async def _take_back(self, key: events.Key) -> None:
        """Give a key to the field that was written in before the dialog came, if there was one."""
        self._never_meant_at = key.time
        field = self._written_in()
        if field is None:
            return
        with suppress(NoBinding):
            for binding in field._bindings.get_bindings_for_key(key.key):  # noqa: SLF001
                # Behind the letters that went before it, in the field's own queue.
                field.call_later(self.run_action, binding.action, field)
                return
        if key.is_printable or key.key == "enter":
            field._forward_event(key)  # noqa: SLF001

    def _written_in(self) -> Widget | None:
        behind = self.screen_stack[-2].focused if len(self.screen_stack) > 1 else None
        return behind if isinstance(behind, Input | TextArea) else None
