"""The verbs of chat backup: all that any interface may ask of the backups of an open profile.

`Messenger.backups` gives it. Verbs that need more than an open terminal take the local passphrase again. Every
verb raises `ClientError`. Must not know Textual, printing, or what a command line looks like.

A verb imports what it needs: a backup that a timer starts loads neither restores nor the vault's cryptography.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from letterlock_client.backup_models import (
    Attempt,
    BackupChoice,
    BackupMade,
    BackupStatus,
    Frequency,
    PasswordChanged,
    Rehearsed,
    Rotated,
    TurnedOff,
    TurnedOn,
    UnfinishedRestore,
    VaultView,
    Verified,
)
from letterlock_client.config import Unlock
from letterlock_client.errors import DAMAGE, ClientError, Code
from letterlock_client.events import BackupsSwitched
from letterlock_client.flows.workplace import Workplace
from letterlock_client.left_behind import LeftBehind
from letterlock_client.restore_preview import RestorePreview

if TYPE_CHECKING:
    from letterlock_client.flows.backup.finding import FoundBackup
    from letterlock_client.flows.running import Running
    from letterlock_client.flows.vault.judging import Judgement

T = TypeVar("T")


class Backups:
    """The backups of one open profile."""

    def __init__(self, place: Workplace, running: "Running") -> None:
        """Use `Messenger.backups`."""
        self._place = place
        self._tasks = running
        self._whole: FoundBackup | None = None
        """What is whole of the backup whose restore waits, where that was looked for."""

    async def status(self) -> BackupStatus:
        """How backups stand, as the landing page shows it."""
        from letterlock_client.flows.backup import choices

        stopped = self._tasks.restore_stopped
        return replace(
            await choices.status(self._place),
            restoring_now=self._tasks.restores,
            restore_damage=stopped.sentence if stopped is not None and stopped.code in DAMAGE else "",
        )

    async def turn_on(self, choice: BackupChoice, unlock: Unlock) -> TurnedOn:
        """Make the recovery secret and keep it as was chosen; backs nothing up yet.

        Raises codes backup_on, backup_running, wrong_passphrase, bad_input, provider_…, and what the vault says.
        """
        from letterlock_client.flows.backup import choices

        # Two at once would make two secrets, and keep the one here and the other there.
        made = await self._one(lambda: choices.turn_on(self._place, choice, unlock))
        self._place.announcer.say([BackupsSwitched(on=True)])
        return made

    async def back_up(self, *, mend: bool = False) -> BackupMade:
        """Back up what changed. Progress comes as `BackupMoved`, the end as `BackupFinished`.

        With `mend` all that lies there is read, and what is damaged is written again from here.
        Raises codes backup_off, device_revoked, backup_running, restore_unfinished, provider_…, backup_….
        """
        from letterlock_client.flows.backup import backing_up

        return await self._one(lambda: backing_up.back_up(self._place, mend=mend))

    async def cancel(self) -> None:
        """Stop the backup, check or rehearsal that runs here, whoever began it; what was complete before stays so."""
        from letterlock_client.flows.backup import long_work

        await long_work.cancel(self._place)

    async def verify(self) -> Verified:
        """Read the whole backup and write nothing."""
        from letterlock_client.flows.backup.checking import verify

        return await self._one(lambda: verify(self._place))

    async def rehearse(self) -> Rehearsed:
        """Restore into a scratch database and compare it with what is here."""
        from letterlock_client.flows.backup.checking import rehearse

        return await self._one(lambda: rehearse(self._place))

    async def change_password(
        self, password: str, unlock: Unlock, fleet: Path | None = None
    ) -> PasswordChanged:
        """Keep the same recovery secret under another password; no object is written again.

        `fleet` names the vault's file where there was no password; else the usual one is read.
        """
        from letterlock_client.flows.backup import asking_the_vault

        return await asking_the_vault.change_password(self._place, password, unlock, fleet)

    async def rotate(self, password: str | None, unlock: Unlock) -> Rotated:
        """Take another recovery secret, write the whole backup again under it, and delete what the old one opens.

        `password` is what the vault shall ask for from now on, the present one or another: wanted where backups
        have a password. Cut short anywhere, the old secret opens the backup or the new one does; asked again, it
        goes on. Raises codes backup_off, backup_running, bad_input, wrong_passphrase, backup_…, provider_…, and
        what the vault answers.
        """
        from letterlock_client.flows.backup.rotating import rotate

        return await self._one(lambda: rotate(self._place, password, unlock))

    async def recovery_key(self, unlock: Unlock) -> str:
        """The 64 hex digits. Raises codes backup_off, wrong_passphrase."""
        from letterlock_client.flows.backup import choices

        return await choices.recovery_key(self._place, unlock)

    async def sheet(self, unlock: Unlock, with_key: bool) -> str:
        """The recovery sheet as text, with or without the 64 digits."""
        from letterlock_client.flows.backup import choices

        return await choices.sheet(self._place, unlock, with_key=with_key)

    async def turn_off(self, unlock: Unlock, *, leave: bool = False) -> TurnedOff:
        """Delete the backup at the provider and the record at the vault, and forget the recovery secret.

        With `leave` a provider that deletes nothing is no reason to stop: what is left, and where, is told. Raises
        codes backup_off, backup_running, wrong_passphrase, restore_unfinished, provider_…, and what the vault answers.
        """
        from letterlock_client.flows.backup import turning_off

        done = await self._one(lambda: turning_off.turn_off(self._place, unlock, leave=leave))
        self._place.announcer.say([BackupsSwitched(on=False)])
        return done

    async def history(self) -> list[Attempt]:
        """What the realms have noted about this account, the oldest first."""
        from letterlock_client.flows.backup import asking_the_vault

        return await asking_the_vault.history(self._place)

    async def choose(
        self,
        *,
        frequency: Frequency | None = None,
        include_media: bool | None = None,
        include_videos: bool | None = None,
    ) -> BackupStatus:
        """Change how often and what is backed up; None leaves it."""
        from letterlock_client.flows.backup import choices

        chosen = choices.Chosen(frequency, include_media, include_videos)
        return await choices.choose(self._place, chosen)

    async def left_behind(self) -> LeftBehind:
        """What only the backup has, and another place would not get if it began anew."""
        from letterlock_client.flows.backup import moving

        return await moving.left_behind(self._place)

    async def move(self, provider: str, *, anew: bool = False) -> BackupStatus:
        """Carry the backup over to another place, and use that from now on; what lies where it was stays there.

        Where that cannot be read, or with `anew`, backups begin there with all that is here; of files and chats that
        would be left behind the first says so instead. A restore that is not complete goes on from there; with `anew`
        it ends with what is here, where what it reads from is gone. Raises codes backup_off, backup_running,
        restore_unfinished, device_revoked, bad_input, backup_…, provider_….
        """
        from letterlock_client.flows.backup import moving

        ran = self._tasks.restores
        if anew:
            # What it has in hand would come in behind its end.
            await self._tasks.stop_restoring()
        try:
            await self._one(lambda: moving.move(self._place, provider, begin_anew=anew))
        except (ClientError, asyncio.CancelledError) as error:
            # Refused or called off, nothing has changed; only what is closed does not go on.
            if ran and getattr(error, "code", None) is not Code.CLOSED:
                self._tasks.go_on_restoring()
            raise
        if ran or self._tasks.restore_stopped is not None:
            # What runs reads from where the backup was.
            await self._tasks.stop_restoring()
            self._tasks.go_on_restoring()
        return await self.status()

    async def vault(self) -> VaultView:
        """How the realms stand; costs no guess."""
        from letterlock_client.flows.backup import asking_the_vault

        return await asking_the_vault.view(self._place)

    async def look_at(self, fleet: Path) -> VaultView:
        """How the realms of a fleet file stand, before it is trusted; costs no guess, keeps nothing.

        Raises codes file_failed, bad_config. What fails at a realm is its state.
        """
        from letterlock_client.flows.backup import asking_the_vault

        return await asking_the_vault.look_at(self._place, fleet)

    def judge(self, password: str) -> "Judgement":
        """What a password is worth against the guesses that the vault allows."""
        from letterlock_client.flows.vault.judging import judge

        return judge(password, (self._place.own.identity.handle,))

    # A restore that was begun.

    async def unfinished(self) -> UnfinishedRestore | None:
        """What the restore that is not complete was asked for, or None. Raises code storage_damaged."""
        from letterlock_client.flows.backup import unfinished_restores

        return await self._place.database.read(unfinished_restores.read)

    def go_on_restoring(self) -> None:
        """Bring in what a restore has left, beside chatting; nothing where none is under way.

        How far it is comes as `RestoreMoved`, messages that came as `HistoryGrew`, the end as `RestoreFinished`.
        Needs no secret. What is closed or stopped before goes on when this is called again.
        """
        self._tasks.go_on_restoring()

    async def stop_restoring(self) -> None:
        """Leave the rest of a restore for later; what has come stays."""
        await self._tasks.stop_restoring()

    async def what_is_whole(self) -> RestorePreview:
        """Say what is in the backup whose restore waits here, without what is damaged of it; changes nothing.

        Its `lost` says how much would be missing. Needs no secret. Raises codes bad_input, restore_unfinished,
        backup_…, provider_….
        """
        from letterlock_client.flows.backup import finding, salvaging_later

        await self._tasks.stop_restoring()
        self._whole = await salvaging_later.look(self._place)
        return finding.preview(self._whole, self._place.own.identity.handle)

    async def leave_out_damaged(self) -> None:
        """Go on with the restore, without what was not whole when `what_is_whole` looked. Raises code bad_input."""
        from letterlock_client.flows.backup import salvaging_later

        if self._whole is None:
            raise ClientError(Code.BAD_INPUT, "look for what is whole first")
        await self._tasks.stop_restoring()
        await salvaging_later.accept(self._place, self._whole)
        self._whole = None
        self._tasks.go_on_restoring()

    async def _one(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run the one long work of this profile as a task that `cancel` can end."""
        from letterlock_client.flows.backup import long_work

        return await long_work.run(self._place, work)
