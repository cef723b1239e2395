"""The Textual application: wiring only. Opens the profile and puts the first screen up.

Must not know messages, chats or keys of any kind; screens and panes get the messenger as an argument.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.message import Message as TextualMessage

from letterlock_client.errors import ClientError, Code
from letterlock_client.sanitize import line_of
from letterlock_client.ui import intents
from letterlock_client.ui.background import start
from letterlock_client.ui.commands import clashes
from letterlock_client.ui.crash import say_crash
from letterlock_client.ui.doors import Doors, NoAccount, Start, Tastes
from letterlock_client.ui.notices import NoticesApp
from letterlock_client.ui.notifying import sequence, way_of
from letterlock_client.ui.palette import Commands
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.unlock import UnlockScreen
from letterlock_client.ui.surroundings import surroundings_of, system_clock
from letterlock_client.ui.terminal import know_alt_enter
from letterlock_client.ui.themes import DEFAULT, OFFERED, STYLES, own_themes
from letterlock_client.ui.typed_ahead import TypedAheadApp
from letterlock_client.ui.wording import Clock

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger


class LetterlockApp(NoticesApp[int], TypedAheadApp[int]):
    """One client on the whole terminal."""

    TITLE = "Letterlock"
    CSS_PATH = STYLES
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Commands}
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "quit", "Leave", show=False, priority=True, id="chat.quit")
    ]

    class Opened(TextualMessage):
        """A profile without a passphrase was opened, or has no account, or could not be opened."""

        def __init__(self, opened: "Messenger | NoAccount | None", problem: str = "") -> None:
            super().__init__()
            self.opened = opened
            self.problem = problem

    def __init__(self, doors: Doors, tastes: Tastes | None = None, *, clock: Clock = system_clock) -> None:
        super().__init__()
        self._doors = doors
        self._tastes = tastes or Tastes()
        self._surroundings = surroundings_of(self._tastes, clock)
        self._messenger: Messenger | None = None
        self._way = way_of(os.environ)

    def on_mount(self) -> None:
        """Choose the first screen."""
        for theme in own_themes():
            self.register_theme(theme)
        self.theme = self._tastes.theme if self._tastes.theme in OFFERED else DEFAULT
        self.animation_level = "none" if self._surroundings.still.on else self.animation_level
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep_theme(theme.name))
        if self._tastes.keymap:
            self.set_keymap(self._tastes.keymap)
        for clash in clashes(self._tastes.keymap):
            self.notify(f"Keymap: {clash}.", severity="warning", markup=False)
        if self._doors.start is Start.UNLOCK:
            self.push_screen(UnlockScreen(self._doors), self._unlocked)
        elif self._doors.start is Start.REGISTER:
            from letterlock_client.ui.screens.first_run import FirstRunScreen

            self.push_screen(FirstRunScreen(self._doors, self._surroundings), self._enter)
        else:
            start(self, self._open, exclusive=True)

    async def _open(self) -> None:
        try:
            self.post_message(self.Opened(await self._doors.open("")))
        except ClientError as error:
            no_account = error.code is Code.NO_PROFILE
            opened = await self._doors.look_back("") if no_account else None
            self.post_message(self.Opened(opened, error.sentence))

    @on(Opened)
    def _opened(self, event: Opened) -> None:
        if event.opened is None:
            self.exit(1, return_code=1, message=line_of(event.problem))
        else:
            self._unlocked(event.opened)

    def _unlocked(self, opened: "Messenger | NoAccount | None") -> None:
        if isinstance(opened, NoAccount):
            from letterlock_client.ui.screens.first_run import FirstRunScreen

            self.push_screen(FirstRunScreen(self._doors, self._surroundings, opened), self._enter)
        else:
            self._enter(opened)

    @on(intents.GoOnRestoring)
    def _restore(self) -> None:
        start(self, self._go_on_restoring, group="restoring", exclusive=True)

    async def _go_on_restoring(self) -> None:
        from letterlock_client.ui.screens.restore.flow import RestoreFlow

        begun = None
        if self._messenger is not None:
            with suppress(ClientError):
                # What cannot be read is typed again.
                begun = await self._messenger.backups.unfinished()
        flow = RestoreFlow(self, self._doors, self._surroundings, open_now=self._messenger)
        if (messenger := await flow.run(begun)) is not None:
            self.post_message(self.Opened(messenger))
        elif flow.closed:
            self.exit(0, message="The restore goes on from where it stopped: start the program again.")

    def _enter(self, messenger: "Messenger | None") -> None:
        if messenger is None:
            self.exit(0)
            return
        while len(self.screen_stack) > 1:
            self.pop_screen()
        self._messenger = messenger
        messenger.connect()
        self.push_screen(MainScreen(messenger, self._surroundings))

    @on(intents.CallOutside)
    def _call_outside(self, event: intents.CallOutside) -> None:
        if self._driver is not None and (written := sequence(self._way, event.title, event.body)):
            self._driver.write(written)

    def _keep_theme(self, name: str) -> None:
        if self._tastes.save_theme is not None and name in OFFERED:
            self._tastes.save_theme(name)

    async def action_quit(self) -> None:
        """Leave, keeping what is written and not sent."""
        for screen in self.screen_stack:
            if isinstance(screen, MainScreen):
                await screen.pane.leave()
        self.exit(0)

    async def on_unmount(self) -> None:
        """Close the profile, whatever the reason for leaving."""
        if self._messenger is not None:
            await self._messenger.close()

    def _fatal_error(self) -> None:
        # Textual's own report prints local variables, and a local may be a passphrase or a message.
        say_crash(self)


def run(doors: Doors, tastes: Tastes | None = None) -> int:
    """Show the interface until the person leaves; return the exit code (0, or 1 after a crash)."""
    know_alt_enter()
    app = LetterlockApp(doors, tastes)
    app.run()
    return app.return_code or 0
