"""The live stage: Alice, what the relay sees, and Bob, in one terminal. `letterlock demo`.

Composes it and ends it: whatever the reason for leaving, no process and no file stays behind.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.command import Provider

from letterlock_client.errors import ClientError
from letterlock_client.sanitize import line_of
from letterlock_client.ui.crash import say_crash
from letterlock_client.ui.notices import NoticesApp
from letterlock_client.ui.palette import Commands
from letterlock_client.ui.screens.verify import VerifyScreen
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.terminal import know_alt_enter
from letterlock_client.ui.themes import DEFAULT, STYLES
from letterlock_client.ui.typed_ahead import TypedAheadApp
from letterlock_client.ui.widgets.composer import Composer
from letterlock_client.workshop.cast import Cast, open_cast
from letterlock_client.workshop.stage_screen import StageScreen
from letterlock_client.workshop.watched_relay import RelayError

DONE: Final = 0
FAILED: Final = 1
LEAVE_S: Final = 10.0
"""How long leaving may take after the terminal is gone."""


class StageApp(NoticesApp[int], TypedAheadApp[int]):
    """The whole terminal."""

    TITLE = "Letterlock, live"
    CSS_PATH: ClassVar = [STYLES, "stage.tcss"]
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Commands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Leave", show=False, priority=True),
        Binding("ctrl+c", "interrupt", "Copy or leave", show=False, priority=True),
        Binding("f9", "play", "Do the next step", show=False, priority=True),
    ]

    def __init__(self, cast: Cast, surroundings: Surroundings | None = None) -> None:
        super().__init__()
        self._stage = StageScreen(cast, surroundings or Surroundings())

    def on_mount(self) -> None:
        """Show the stage."""
        self.theme = DEFAULT
        self.push_screen(self._stage)

    def action_play(self) -> None:
        """Do the next step in the visitor's place; before a safety number, say that it is the same, then close it."""
        if self.screen is self._stage:
            self._stage.play()
        elif isinstance(self.screen, VerifyScreen):
            self.screen.agree()
        else:
            self.notify("Close this first: escape.")

    def action_interrupt(self) -> None:
        """Copy what is selected; where nothing is, leave."""
        focused = self.screen.focused
        text = focused.selected_text if isinstance(focused, Composer) else ""
        text = text or self.screen.get_selected_text() or ""
        if text:
            self.copy_to_clipboard(text)
        else:
            self.exit(DONE)

    def _fatal_error(self) -> None:
        # Textual's own report prints local variables, and a local may be a message.
        say_crash(self)


def run_stage() -> int:
    """Show the stage until the visitor leaves; return the exit status: 0, or 1 where it could not be shown."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _complain("The stage needs a terminal. `letterlock demo --headless` tells the story as text.")
    know_alt_enter()
    print("Setting the stage: a relay, Alice and Bob ...", file=sys.stderr)  # noqa: T201
    try:
        return asyncio.run(_play())
    except (RelayError, ClientError) as error:
        return _complain(f"The stage could not be set. {error}")
    except OSError as error:
        return _complain(f"The stage could not be set: {error.strerror or error}.")
    except (KeyboardInterrupt, asyncio.CancelledError):
        return DONE


async def _play() -> int:
    with _leaving_on_signals() as leave:
        async with open_cast() as cast:
            app = StageApp(cast)
            leave.append(app.exit)
            await app.run_async()
            return app.return_code or DONE


@contextmanager
def _leaving_on_signals() -> Iterator[list[Callable[[], object]]]:
    """Leave in order when told to, or when the terminal is gone; the last of the list says how."""
    task = asyncio.current_task()
    assert task is not None
    how: list[Callable[[], object]] = [task.cancel]
    loop = asyncio.get_running_loop()

    # Without its terminal the interface may wait for ever; the guard cleans up after this process.
    deadline = threading.Timer(LEAVE_S, os._exit, (FAILED,))
    deadline.daemon = True

    def leave() -> None:
        if not deadline.is_alive():
            deadline.start()
        how[-1]()

    numbers = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, leave)
    try:
        yield how
    finally:
        deadline.cancel()
        for number in numbers:
            loop.remove_signal_handler(number)


def _complain(sentence: str) -> int:
    print(f"letterlock demo: {line_of(sentence)}", file=sys.stderr)  # noqa: T201
    return FAILED
