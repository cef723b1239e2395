"""Backups in a client pane: opening their screens, starting one that goes on while people chat, the status bar.

A backup belongs to the pane, not to the screen that started it: closing the screen stops nothing. Screens are loaded
when they are wanted: nobody waits for them to see the chats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual import on
from textual.message import Message as TextualMessage

from letterlock_client import events as happenings
from letterlock_client.errors import ClientError, Code
from letterlock_client.ui import intents
from letterlock_client.ui.background import start
from letterlock_client.ui.panes.errands import Errands

if TYPE_CHECKING:
    from textual.timer import Timer

    from letterlock_client.backup_models import BackupStatus
    from letterlock_client.messenger import Messenger
    from letterlock_client.ui.surroundings import Surroundings
    from letterlock_client.ui.widgets.status_bar import StatusBar

QUIET_SECONDS: Final = 3.0
"""How long after the last move the status bar says again how the backup stands."""


class BackupActions(Errands):
    """The part of a client pane that knows backups."""

    messenger: Messenger
    around: Surroundings
    status: StatusBar
    _asked_for_backup = False
    _restoring = False
    """Whether the status bar says how far a restore is."""
    _quiet: Timer | None = None

    class StatusRead(TextualMessage):
        """How backups stand."""

        def __init__(self, status: BackupStatus) -> None:
            super().__init__()
            self.status = status

    def on_mount(self) -> None:
        """Say how the last backup stands, once the chats are there, and now and then how long ago it was."""
        self.call_after_refresh(self._look_after_backups)
        self.set_interval(60.0, self._read_backup)

    def _look_after_backups(self) -> None:
        self.messenger.backups.go_on_restoring()
        self._read_backup()

    def action_settings(self, page: str = "") -> None:
        """Change the settings, from one page on."""
        from letterlock_client.ui.screens.settings.screen import SettingsScreen

        doors = {"chats": self.action_backup, "backup": self.action_backup, "encrypted": self._open_encrypted}
        self.app.push_screen(SettingsScreen(self.messenger, self.around, doors, begin_at=page))

    def action_backup(self) -> None:
        """See how the backup stands, and change that."""
        from letterlock_client.ui.screens.backup.landing import ChatBackupScreen

        screen = ChatBackupScreen(
            self.messenger, self.around, self.action_back_up, put_out=self.status.put_out
        )
        self.app.push_screen(screen, self._left_backups)

    def _open_encrypted(self) -> None:
        from letterlock_client.ui.screens.backup.encrypted import EncryptedBackupScreen

        screen = EncryptedBackupScreen(self.messenger, self.around, self.action_back_up)
        self.app.push_screen(screen, self._left_backups)

    def _left_backups(self, _: None) -> None:
        # Restored from there again, or another folder chosen, no event tells of it.
        self._read_backup()

    def action_back_up(self) -> None:
        """Back up now."""
        self._asked_for_backup = True
        self.errand(self._back_up())

    async def _back_up(self) -> None:
        try:
            await self.messenger.backups.back_up()
        except ClientError as error:
            # Whoever called it off knows. The backup's own screen says itself how one ends that it saw running.
            if error.code is Code.CANCELLED or (
                error.code is not Code.BACKUP_RUNNING and self._has_its_screen()
            ):
                return
            raise

    def _has_its_screen(self) -> bool:
        from letterlock_client.ui.screens.backup.landing import ChatBackupScreen

        return isinstance(self.app.screen, ChatBackupScreen)

    # What is told.

    @on(intents.Happened)
    def _backup_happened(self, happened: intents.Happened) -> None:
        event = happened.event
        if isinstance(event, happenings.BackupMoved):
            from letterlock_client.ui.backup_wording import working_words

            self.status.show_backup(working_words(event.progress))
            self._read_backup_later()
        elif isinstance(event, happenings.BackupFinished):
            self._finished(event)
        elif isinstance(event, happenings.BackupsSwitched):
            self._read_backup()
        elif isinstance(event, happenings.RestoreMoved):
            self._restoring = True
            from letterlock_client.ui.backup_wording import restoring_words

            self.status.show_backup(restoring_words(event.progress))
        elif isinstance(event, happenings.RestoreFinished):
            self._restored(event)

    def _restored(self, event: happenings.RestoreFinished) -> None:
        self._restoring = False
        if event.restored is not None:
            from letterlock_client.ui.backup_wording import restored_sentence

            self.tell(restored_sentence(event.restored))
        elif event.error:
            why = event.error.removesuffix(".")
            then = "offers what is whole" if event.damaged else "goes on with it"
            self.tell(f"The rest of your chats waits: {why}. Chat backup (f3) {then}.", severe=True)
        self._read_backup()

    def _finished(self, event: happenings.BackupFinished) -> None:
        # The failure of a backup that somebody started is told by the errand.
        told = self._has_its_screen()
        if event.error and not self._asked_for_backup and not told:
            self.tell(f"Backup: {event.error.removesuffix('.')}.", severe=True)
        elif event.made is not None and event.made.alarm and not told:
            self.tell(event.made.alarm, severe=True)
        self._asked_for_backup = False
        self._read_backup()

    def _read_backup_later(self) -> None:
        # Reading and rotating a backup move too, and have no end of their own to be told.
        if self._quiet is not None:
            self._quiet.stop()
        self._quiet = self.set_timer(QUIET_SECONDS, self._read_backup)

    def _read_backup(self) -> None:
        start(self, self._read_status, group="backup", exclusive=True)

    async def _read_status(self) -> None:
        try:
            self.post_message(self.StatusRead(await self.messenger.backups.status()))
        except ClientError:
            # The bar says nothing rather than something old; the backup's own screen tells why.
            return

    @on(StatusRead)
    def _show_backup(self, event: StatusRead) -> None:
        event.stop()
        if event.status.running:
            # The last thing it does may take longer than that, and tell nothing.
            self._read_backup_later()
        elif not self._restoring:
            from letterlock_client.ui.backup_wording import status_words

            self.status.show_backup(status_words(event.status, self.around.clock()))
