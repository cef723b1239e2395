"""What leads through a restore, a screen after the other, from where the backup is to the open client.

Runs in a worker. Leaving a step goes back one; until the last one nothing is written on this device.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from letterlock_client.backup_models import BackupProgress, Restored, RestoreRequest
from letterlock_client.backup_shapes import wrong_files
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import DAMAGE, ClientError
from letterlock_client.ui.backup_wording import FRESHNESS, many, number, restored_words
from letterlock_client.ui.screens.backup.notice import NoticeScreen
from letterlock_client.ui.screens.backup.work import Work, WorkScreen
from letterlock_client.ui.screens.restore.curtain import CurtainScreen
from letterlock_client.ui.screens.restore.damaged import ELSEWHERE, NOTHING, looking
from letterlock_client.ui.screens.restore.key import RestoreKeyScreen
from letterlock_client.ui.screens.restore.passphrase import NewPassphraseScreen, OldPassphraseScreen
from letterlock_client.ui.screens.restore.password import RestorePasswordScreen
from letterlock_client.ui.screens.restore.preview import Chosen, PreviewScreen
from letterlock_client.ui.screens.restore.where import Wanted, WhereScreen

if TYPE_CHECKING:
    from textual.app import App
    from textual.screen import Screen

    from letterlock_client.backup_models import (
        UnfinishedRestore,
    )
    from letterlock_client.config import Unlock
    from letterlock_client.messenger import Messenger
    from letterlock_client.restoration import Restoration
    from letterlock_client.restore_preview import RestorePreview
    from letterlock_client.ui.doors import Doors
    from letterlock_client.ui.surroundings import Surroundings

T = TypeVar("T")

SO_FAR: Final = (
    "You can chat; the older ones come in meanwhile. This device now speaks for your account; the lost one is out, and "
    "your contacts see no change of key."
)


class RestoreFlow:
    """One restore: into a new profile, or into one that waits for the rest of its restore."""

    def __init__(
        self,
        app: App[Any],
        doors: Doors,
        around: Surroundings,
        *,
        open_now: Messenger | None = None,
        locked: bool | None = None,
    ) -> None:
        """Use `locked` for a profile that is there and not open: whether it has a passphrase."""
        self._app = app
        self._doors = doors
        self._around = around
        self._open_now = open_now
        self._locked = open_now.profile.has_passphrase if open_now is not None else locked
        self.closed = False
        """Whether the profile that was open had to be closed."""
        self._work: WorkScreen[Restored | ClientError] | None = None

    async def _ask(self, screen: Screen[T]) -> T | None:
        return await self._app.push_screen_wait(screen)

    async def _tell(self, heading: str, *texts: str, button: str = "Close") -> None:
        screen = NoticeScreen(heading, *texts, button=button)
        screen.add_class("-opaque")
        await self._ask(screen)

    async def run(self, begun: UnfinishedRestore | None = None) -> Messenger | None:
        """Return the open client, or None where somebody went back. `begun` was cut short: it fills in the form.

        The open client is returned with a curtain before the screens that led here, which whoever shows it takes off.
        """
        curtain = CurtainScreen()
        await self._app.push_screen(curtain)
        messenger = None
        try:
            messenger = await self._begin(begun)
        finally:
            # A program that is left has no screens any more.
            if messenger is None and self._app.screen_stack[-1:] == [curtain]:
                self._app.pop_screen()
        return messenger

    async def _begin(self, begun: UnfinishedRestore | None) -> Messenger | None:
        wanted = self._proposed(begun)
        while True:
            answer = await self._ask(WhereScreen(wanted, self._around.fleet))
            if answer is None:
                return None
            wanted = answer
            try:
                messenger = await self._restore(wanted)
            except ClientError as error:
                await self._tell("This did not work", error.sentence)
                continue
            if messenger is not None:
                return messenger

    def _proposed(self, begun: UnfinishedRestore | None) -> Wanted:
        """What the form shows at first; the preview asks before an older backup is restored."""
        me = self._open_now.profile if self._open_now is not None else None
        handle = me.handle if me is not None else self._doors.suggested_handle
        relay = me.relay if me is not None else self._doors.suggested_relay
        if begun is None:
            return Wanted(RestoreRequest(handle, relay, "", accept_stale=True))
        asked = begun.request
        request = replace(asked, handle=asked.handle or handle, relay=asked.relay or relay, accept_stale=True)
        return Wanted(request, begun.by_key, begun=True)

    async def _restore(self, wanted: Wanted) -> Messenger | None:
        if self._doors.restore is None:
            return None
        restoration = await self._doors.restore(wanted.request)
        try:
            unlock = await self._steps(wanted, restoration)
        finally:
            await restoration.close()
        return await self._doors.open(unlock.passphrase or "") if unlock is not None else None

    async def _steps(self, wanted: Wanted, restoration: Restoration) -> Unlock | None:
        """Open, preview, choose, lock, write; return how the new profile is locked."""
        preview = await self._open(wanted, restoration)
        given: Unlock | None = None
        before = Chosen(wanted.request.chats, wanted.request.media_later)
        while preview is not None:
            if preview.nothing_whole:
                await self._tell("Nothing can be brought back", NOTHING, ELSEWHERE, button="Look elsewhere")
                return None
            chosen = await self._ask(PreviewScreen(preview, self._around, restoration.find_chat, before))
            if chosen is None:
                return None
            before = chosen
            unlock = given or await self._lock()
            if unlock is None:
                continue
            if self._open_now is not None:
                # A profile is open in one place at a time.
                await self._open_now.close()
                self.closed = True
            done = await self._write(restoration, unlock, chosen)
            if isinstance(done, ClientError):
                if preview.lost:
                    # What is whole of it was looked for already, and is not enough.
                    raise done
                # The profile may be there by now, and opens with what was given for it.
                given = unlock
                preview = await self._rest(restoration, done) or preview
                continue
            if done is not None and done.complete:
                await self._tell("Your chats are back", _summary(done))
            elif done is not None:
                self._app.notify(SO_FAR, title="Your newest messages are back", markup=False, timeout=20)
            if done is not None:
                return unlock
        return None

    async def _lock(self) -> Unlock | None:
        if self._locked is None:
            return await self._ask(NewPassphraseScreen())
        if not self._locked:
            return NO_PASSPHRASE
        return await self._ask(OldPassphraseScreen())

    async def _open(self, wanted: Wanted, restoration: Restoration) -> RestorePreview | None:
        if wanted.by_key:
            return await self._ask(
                RestoreKeyScreen(restoration, self._around, sheet=wanted.request.sheet is not None)
            )
        return await self._ask(RestorePasswordScreen(restoration, self._around))

    async def _write(
        self, restoration: Restoration, unlock: Unlock, chosen: Chosen
    ) -> Restored | ClientError | None:
        """Restore; where something there is damaged return what is said of it."""

        async def run(_: Unlock) -> Restored | ClientError:
            try:
                return await restoration.run(
                    unlock, chosen.chats, files_later=chosen.files_later, early=True, progress=self._moved
                )
            except ClientError as error:
                if error.code not in DAMAGE:
                    raise
                return error

        work = Work(
            "Restoring",
            "The newest chats come first. What is here already stays when this is stopped; it can go on later.",
            "Go on",
            "Bringing your chats back",
            run,
            guarded=False,
            at_once=True,
        )
        self._work = WorkScreen(work, self._around, locked=False)
        self._work.add_class("-opaque")
        try:
            return await self._ask(self._work)
        finally:
            self._work = None

    async def _rest(self, restoration: Restoration, damage: ClientError) -> RestorePreview | None:
        """Offer what is whole of a damaged backup; None where somebody would rather have all of it."""
        screen = WorkScreen(looking(damage.sentence, restoration.what_is_whole), self._around, locked=False)
        screen.add_class("-opaque")
        return await self._ask(screen)

    def _moved(self, progress: BackupProgress) -> None:
        if self._work is not None:
            self._work.call_later(partial(self._work.moved, progress))


def _summary(done: Restored) -> str:
    lost = f"\n\nDamaged, and left out: {many(done.lost, 'change')} at most." if done.lost else ""
    wrong = f"\n\n{wrong_files(done)}" if done.media_wrong else ""
    return (
        f"{restored_words(done)}, from backup {number(done.generation)} ({FRESHNESS[done.freshness]}).\n\nThis "
        f"device now speaks for your account; the lost one is out. Your contacts see no change of key.{lost}{wrong}"
    )
