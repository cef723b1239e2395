"""Brings a backup back: into a new profile on a new terminal, or beside the history of an existing one.

::

    begin ─> vault (free) ─> open (a password or the 64 digits) ─> preview ─> run ─> close

Killed at any point, the same steps go on where it stopped. Raises `ClientError`. Must not know Textual, printing,
or what a command line looks like.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Self

from letterlock.ids import ConversationId
from letterlock_client.backup_models import (
    BackupProgress,
    Restored,
    RestoreRequest,
    UnfinishedRestore,
    VaultView,
)
from letterlock_client.config import Home, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import finding, opening_backups, restoring_profiles, unfinished_restores
from letterlock_client.flows.backup.naming_chats import chats_named
from letterlock_client.flows.backup.opening_backups import Opened, Wanted
from letterlock_client.flows.opening import REAL, Outside
from letterlock_client.restore_preview import PreviewChat, RestorePreview


class Restoration:
    """One restore that was begun."""

    def __init__(self, wanted: Wanted) -> None:
        """Use `begin`."""
        self._wanted = wanted
        self._opened: Opened | None = None

    @classmethod
    async def begin(
        cls, home: Home, profile: str, request: RestoreRequest, *, outside: Outside = REAL
    ) -> Self:
        """Take what was asked for, check it, and touch nothing yet. Raises codes bad_input, insecure_relay."""
        return cls(await opening_backups.prepare(home, profile, request, outside))

    @staticmethod
    async def unfinished(
        home: Home, profile: str, unlock: Unlock, *, outside: Outside = REAL
    ) -> UnfinishedRestore | None:
        """What a restore that was cut short in this profile was asked for, or None.

        Raises codes no_profile, profile_in_use, wrong_passphrase, storage_damaged, ….
        """
        return await unfinished_restores.look(home.profile(profile), unlock, outside)

    @staticmethod
    def filled_in(request: RestoreRequest, found: UnfinishedRestore | None) -> RestoreRequest:
        """Put what was asked for then where nothing is said now; of another account's restore nothing is taken."""
        return unfinished_restores.filled_in(request, found)

    @property
    def digits(self) -> str:
        """The 64 digits where the recovery sheet has them: then nothing need be asked for. Else empty."""
        return self._wanted.sheet.digits if self._wanted.sheet else ""

    async def vault(self) -> VaultView:
        """How the realms stand, before a password is entered; costs no guess. Raises code no_vault."""
        return await opening_backups.view(self._wanted)

    async def open(self, secret: str, *, password: bool | None = None) -> RestorePreview:
        """Open the backup with a password or the 64 digits, and say what is in it; restores nothing yet.

        `password` says which of the two `secret` is; None leaves it to what it looks like.
        Raises codes wrong_recovery_key, nothing_found, backup_…, provider_…, and what the vault answers.
        """
        self._opened = await opening_backups.open_backup(self._wanted, secret, password=password)
        return finding.preview(self._opened.found, self._wanted.request.handle)

    async def what_is_whole(self) -> RestorePreview:
        """Say what is in it without what is damaged there, and take no more than that from now on.

        For a backup that was opened; spends no guess. Raises codes bad_input, backup_…, provider_….
        """
        if self._opened is None:
            raise ClientError(Code.BAD_INPUT, "open the backup first")
        self._wanted, self._opened = await opening_backups.find_what_is_whole(self._wanted, self._opened)
        return finding.preview(self._opened.found, self._wanted.request.handle)

    async def find_chat(self, who: str) -> PreviewChat:
        """Find one chat by title, handle or account id; one that the preview does not list is looked for in all of it.

        Of such a one nothing is counted. Raises codes bad_input, unknown_conversation, backup_…, provider_….
        """
        if self._opened is None:
            raise ClientError(Code.BAD_INPUT, "open the backup first")
        (chat,) = await chats_named(self._wanted.store, self._opened.found, (who,))
        listed = finding.preview(self._opened.found, self._wanted.request.handle).chats
        unlisted = PreviewChat(ConversationId(chat), who, 0, 0, 0)
        return next((each for each in listed if each.id == chat), unlisted)

    async def run(
        self,
        unlock: Unlock,
        chats: tuple[str, ...] = (),
        *,
        files_later: bool = False,
        early: bool = False,
        progress: Callable[[BackupProgress], None] = lambda _moved: None,
    ) -> Restored:
        """Restore: messages first, then the account, then files. With `early` end as soon as somebody can chat: with
        everyone, the newest messages and the account here; `Backups.go_on_restoring` brings the rest beside chatting.

        `unlock` opens the profile, or is how a new one shall be opened. `chats` are WHO of those to bring back,
        by title, handle or account id; none is all. With `files_later` files stay at the provider until they are
        wanted.
        Raises codes backup_other_account, offline, file_failed, ….
        """
        if self._opened is None:
            raise ClientError(Code.BAD_INPUT, "open the backup first")
        named = chats or self._wanted.request.chats
        wanted = await chats_named(self._wanted.store, self._opened.found, named)
        self._wanted = replace(self._wanted, early=early)
        if files_later:
            self._wanted = replace(self._wanted, request=replace(self._wanted.request, media_later=True))
        return await restoring_profiles.run(self._wanted, self._opened, unlock, wanted, progress)

    async def close(self) -> None:
        """Forget the secret. May be called twice."""
        self._opened = None
