"""Recording a voice note: how long it is and how loud it is now; enter sends it, escape throws it away.

Must not know what becomes of the sound.
"""

import asyncio
from collections.abc import Iterable
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from letterlock_client.errors import ClientError
from letterlock_client.sound.devices import MOST_SECONDS, Recording, SoundDevices
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.wording import duration

LOOK_SECONDS: Final = 0.1
CELLS: Final = 40


class RecordScreen(Dialog[bytes], Asking):
    """The screen; the result is what was recorded."""

    asks = True

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "send", "Send", show=False)]

    heading = "Voice note"
    hint = "enter sends it · escape throws it away"

    def __init__(self, devices: SoundDevices, icons: Icons) -> None:
        super().__init__()
        self._devices = devices
        self._icons = icons
        self._recording: Recording | None = None

    def parts(self) -> Iterable[Widget]:
        """How long, how loud."""
        yield words("opening the microphone…", "record--state")
        yield problem_line()

    def on_mount(self) -> None:
        """Begin."""
        self.ask(self._open, self._begun, self._failed)

    async def _open(self) -> Recording:
        return await asyncio.to_thread(self._devices.record)

    def _begun(self, recording: Recording) -> None:
        if not self.is_attached:
            recording.stop()
            return
        self._recording = recording
        self.set_interval(LOOK_SECONDS, self._look)
        self._look()

    def _failed(self, error: ClientError) -> None:
        self.query_one(".record--state", Static).display = False
        self.say(error.sentence)

    def _look(self) -> None:
        if self._recording is None:
            return
        length, level = self._recording.seconds, self._recording.level
        done = min(CELLS, round(level * CELLS))
        bar = self._icons.progress_done * done + self._icons.progress_left * (CELLS - done)
        text = f"{duration(round(length * 1000))}  {bar}"
        if length >= MOST_SECONDS:
            text = f"{duration(MOST_SECONDS * 1000)}  that is as long as a voice note can be"
        self.query_one(".record--state", Static).update(Content(text))

    def action_send(self) -> None:
        """End it, and give it to whoever asked."""
        if self._recording is not None:
            self.dismiss(self._recording.stop())

    def on_unmount(self) -> None:
        """Whatever the reason for leaving: the microphone is closed."""
        if self._recording is not None:
            self._recording.stop()
