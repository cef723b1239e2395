"""What leads through each change of an encrypted backup, a screen after the other. Runs in a worker.

Each flow is a list of steps; leaving a step goes back one, leaving the first changes nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Final

from letterlock_client.backup_models import BackupChoice, BackupStatus, TurnedOff, TurnedOn
from letterlock_client.backup_shapes import ELSEWHERE, LEFT, still_keeping
from letterlock_client.config import Unlock
from letterlock_client.errors import PROVIDER_AWAY, ClientError, whole_sentence
from letterlock_client.sanitize import line_of
from letterlock_client.ui.backup_wording import (
    REMEMBERED,
    attempt_lines,
    many,
    number,
    provider_words,
)
from letterlock_client.ui.screens.backup.fleet import FleetScreen
from letterlock_client.ui.screens.backup.folder import FolderScreen
from letterlock_client.ui.screens.backup.password import PasswordScreen
from letterlock_client.ui.screens.backup.sheet import SheetScreen
from letterlock_client.ui.screens.backup.steps import Steps, realms_line
from letterlock_client.ui.screens.backup.work import Work
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.wording import size


class Slots(Enum):
    """What shall open the backup."""

    PASSWORD = "password"  # noqa: S105 - a choice, not a password
    KEY = "key"
    BOTH = "both"


SLOTS: Final = (
    Choice(
        Slots.PASSWORD,
        "A password\n  You remember it; the vault guards it against guessing.",
    ),
    Choice(
        Slots.KEY,
        "A 64-digit key\n  You keep it on paper; no vault takes part.",
    ),
    Choice(
        Slots.BOTH,
        "Both\n  The key is there for the day the password is forgotten.",
    ),
)

WHEN_THEY_ANSWER: Final = "Asked again while this client runs, or here."
GONE: Final = (
    "The vault deletes its shares as ever, and this device forgets the backup. Where the rest would be is shown "
    "then, to be deleted by you if it turns up."
)
NO_VAULT: Final = (
    "No vault takes part: nobody can tell a new device whether the backup it finds is your newest one, and "
    "nobody can help when the digits are lost."
)

SHOW_KEY: Final = "Show the 64-digit key"
HAVE_KEY: Final = "Have a 64-digit key too"
WITHOUT_VAULT: Final = "The password opens your backup as before; 64 digits do too, without the vault."
LOOK_AROUND: Final = "Whoever sees these digits can open your backup. Look around first."
NEW_SHEET: Final = "Keep a new recovery sheet: it has the locator, which strangers at the vault do not know."


@dataclass
class Draft:
    """What was chosen so far."""

    provider: str = ""
    slots: Slots = Slots.PASSWORD
    password: str | None = field(default=None, repr=False)
    fleet: Path | None = None


class BackupFlows(Steps):
    """The flows of one open profile."""

    # Turning on.

    async def turn_on(self, status: BackupStatus) -> None:
        """Choose what opens the backup, where it goes and who guards it; then show the recovery sheet."""
        draft = Draft(status.provider)
        steps: tuple[Callable[[Draft], Awaitable[bool]], ...] = (
            self._choose_slots,
            self._choose_folder,
            self._choose_password,
            self._trust_fleet,
        )
        place, step = 0, 1
        while True:
            while 0 <= place < len(steps):
                skipped = draft.slots is Slots.KEY and steps[place] in (
                    self._choose_password,
                    self._trust_fleet,
                )
                if not skipped:
                    step = 1 if await steps[place](draft) else -1
                place += step
            if place < 0:
                return
            done = await self._confirm(draft)
            if done is not None:
                break
            place, step = len(steps) - 1, -1
        await self.keep_sheet(done.sheet, done.recovery_key)
        choices = [Choice(True, "Back up now"), Choice(False, "Later: the first one is made by itself soon")]
        if await self.ask(ChooseScreen("Backups are on", choices, facts=_turned_on(done))):
            self.back_up()

    async def _choose_slots(self, draft: Draft) -> bool:
        heading = "Turn on: what shall open your backup on a new device?"
        chosen = await self.ask(ChooseScreen(heading, SLOTS, chosen=draft.slots))
        draft.slots = chosen or draft.slots
        return chosen is not None

    async def _choose_folder(self, draft: Draft) -> bool:
        chosen = await self.ask(FolderScreen(draft.provider))
        draft.provider = chosen or draft.provider
        return chosen is not None

    async def _choose_password(self, draft: Draft) -> bool:
        draft.password = await self.ask(
            PasswordScreen(self.backups.judge, self.around, "Choose a backup password")
        )
        return draft.password is not None

    async def _trust_fleet(self, draft: Draft) -> bool:
        draft.fleet = await self.ask(FleetScreen(self.backups.look_at, draft.fleet or self.around.fleet))
        return draft.fleet is not None

    async def _confirm(self, draft: Draft) -> TurnedOn | None:
        with_key = draft.slots is not Slots.PASSWORD
        password = draft.password if draft.slots is not Slots.KEY else None
        choice = BackupChoice(
            draft.provider, password, with_key, draft.fleet if password is not None else None
        )
        opens = {
            Slots.PASSWORD: "your backup password",
            Slots.KEY: "the 64-digit key, shown on the next screen",
            Slots.BOTH: "your backup password, or the 64-digit key on the next screen",
        }
        return await self.work(
            Work(
                "Turn on end-to-end encrypted backup",
                f"Opens with {opens[draft.slots]}. Goes to {provider_words(draft.provider)}.",
                "Turn on",
                "Making keys" if password is None else "Making keys and registering with the vault",
                lambda unlock: self.backups.turn_on(choice, unlock),
                facts=(NO_VAULT,) if password is None else (),
            )
        )

    # Changing.

    async def change_password(self, status: BackupStatus) -> None:
        """Wrap the same secret under another password, or a first one, and show that nothing was rewritten."""
        first = not status.has_password
        heading = "Choose a backup password" if first else "Choose the new backup password"
        password = await self.ask(PasswordScreen(self.backups.judge, self.around, heading))
        if password is None:
            return
        fleet: Path | None = None
        if first:
            fleet = await self.ask(FleetScreen(self.backups.look_at, self.around.fleet))
            if fleet is None:
                return
        done = await self.work(
            Work(
                "Set a backup password" if first else "Change the backup password",
                "The 64-digit key opens the backup as before; the password does too, with the vault."
                if first
                else "The old password stops working once enough realms have the new one.",
                "Set it" if first else "Change it",
                "Telling the vault",
                lambda unlock: self.backups.change_password(password, unlock, fleet),
            )
        )
        if done is None:
            return
        await self.tell(
            "The password is set" if first else "The password is changed",
            f"Key before: {line_of(done.key_id_before, 40)}\nKey after:  {line_of(done.key_id_after, 40)}\n"
            f"Objects rewritten: {done.objects_rewritten}",
            "The same key under another password: nothing in the folder had to be written again.",
            realms_line(done.realms, done.realms_total),
            *([NEW_SHEET] if first else []),
        )

    async def show_key(self, status: BackupStatus) -> None:
        """Show the 64 digits; where nobody keeps them so far, they open the backup from now on."""
        there = status.has_recovery_key or status.digits_unsure
        key = await self.work(
            Work(
                SHOW_KEY if there else HAVE_KEY,
                LOOK_AROUND if there else f"{WITHOUT_VAULT} {LOOK_AROUND}",
                "Show it",
                "Opening the key",
                self.backups.recovery_key,
            )
        )
        if key:
            await self.ask(SheetScreen("", key, "Your 64-digit key"))

    async def show_sheet(self, status: BackupStatus) -> None:
        """Show the recovery sheet, with the digits or without."""
        with_key: bool | None = False
        if status.has_recovery_key:
            choices = [Choice(False, "Without the 64 digits"), Choice(True, "With the 64 digits")]
            with_key = await self.ask(ChooseScreen("Recovery sheet", choices))
        if with_key is None:
            return
        wanted = with_key
        sheet = await self.work(
            Work(
                "Show the recovery sheet",
                "It says where your backup is and who guards it.",
                "Show it",
                "Writing the sheet",
                lambda unlock: self.backups.sheet(unlock, wanted),
            )
        )
        if sheet:
            await self.ask(SheetScreen(sheet, has_digits=wanted))

    async def turn_off(self) -> None:
        """Delete the backup and what the vault holds of it, and show the proof."""
        done = await self.work(
            Work(
                "Turn off and delete the backup",
                "What the folder holds is deleted, and the vault deletes its shares. The messages on this device "
                "stay. This cannot be taken back.",
                "Turn off and delete",
                "Deleting",
                self._turned_off,
            )
        )
        if isinstance(done, ClientError):
            done = await self.work(
                Work(
                    "The folder cannot be reached",
                    f"{done.sentence} If it comes back, go back and turn off then.",
                    "Turn off all the same",
                    "Deleting",
                    partial(self.backups.turn_off, leave=True),
                    facts=(GONE,),
                )
            )
        if done is None:
            return
        await self.tell(
            "Backups are off",
            f"{many(done.objects_deleted, 'object')} deleted from the folder.",
            *_proof(done),
            *(f"{LEFT} {provider_words(where)}" for where in done.left),
        )

    async def _turned_off(self, unlock: Unlock) -> TurnedOff | ClientError:
        try:
            return await self.backups.turn_off(unlock)
        except ClientError as error:
            if error.code not in PROVIDER_AWAY:
                raise
            return error

    async def ask_again(self) -> None:
        """Ask realms that were away when backups were turned off to delete what they keep."""
        done = await self.work(
            Work(
                "Ask again to delete",
                "Asking the realms that were away.",
                "Ask",
                "Asking the realms",
                self.backups.turn_off,
                guarded=False,
                at_once=True,
            )
        )
        if done is not None:
            heading = "Not deleted everywhere yet" if done.deletions_pending else "Deleted at the vault"
            await self.tell(heading, *_proof(done))

    # Looking.

    async def history(self) -> None:
        """Show what the vault wrote down: who tried, when, how it ended."""
        work = Work(
            "Tries and changes",
            "Reading what the realms wrote down.",
            "Read",
            "Asking the realms",
            lambda _: self.backups.history(),
            guarded=False,
            at_once=True,
        )
        attempts = await self.work(work)
        if attempts is None:
            return
        lines = attempt_lines(attempts, self.around.clock())
        what = "\n".join(lines) if lines else "Nothing is written down yet."
        await self.tell("Tries and changes", "Each line names the realms that saw it.", what)

    async def verify(self) -> None:
        """Read the whole backup and say what is wrong with it."""
        found = await self.work(
            Work(
                "Verify the backup",
                "Every object is read and checked. Nothing is written.",
                "Verify",
                "Reading",
                lambda _: self.backups.verify(),
                guarded=False,
                at_once=True,
            )
        )
        if found is None:
            return
        problems = "\n".join(line_of(whole_sentence(one)) for one in found.problems)
        await self.tell(
            "The backup is whole" if not found.problems else "Something is wrong with the backup",
            f"Backup {number(found.generation)}: {many(found.messages, 'message')} in "
            f"{many(found.conversations, 'chat')}, {many(found.media, 'file')}.\n"
            f"{many(found.objects, 'object')}, {size(found.bytes_read)} read.",
            f"Newest? {REMEMBERED[found.freshness].capitalize()}.",
            *([problems] if problems else []),
        )
        if problems:
            await self._mend()

    async def _mend(self) -> None:
        """Offer to write what is damaged again from here."""
        made = await self.work(
            Work(
                "Write it again",
                "What is damaged or missing there is written again from this device, and a backup is made of now.",
                "Write it again",
                "Reading all of it, and writing what is damaged",
                lambda _: self.backups.back_up(mend=True),
                guarded=False,
                facts=(ELSEWHERE,),
            )
        )
        if made is not None:
            them = "it" if made.damaged == 1 else "them"
            await self.tell(
                "The backup was mended",
                f"Damaged in the last backup: {many(made.damaged, 'object')}. Backup {number(made.generation)} is "
                f"complete without {them}. Verify to see whether all of it was here.",
            )

    async def rehearse(self) -> None:
        """Restore into a scratch database and say how it differs from what is here."""
        found = await self.work(
            Work(
                "Rehearse a restore",
                "The backup is restored into a scratch place, compared with this device, and thrown away.",
                "Rehearse",
                "Restoring into a scratch place",
                lambda _: self.backups.rehearse(),
                guarded=False,
                at_once=True,
            )
        )
        if found is None:
            return
        differences = "\n".join(line_of(one) for one in found.differences)
        await self.tell(
            "A restore would work" if not differences else "A restore would differ",
            f"Backup {number(found.generation)} brings back {many(found.messages, 'message')} in "
            f"{many(found.conversations, 'chat')} and {many(found.media, 'file')}.",
            differences or "All of it is as it is here.",
        )


def _turned_on(done: TurnedOn) -> list[str]:
    texts = [f"Key {line_of(done.key_id, 40)}. Nothing is backed up yet."]
    if done.realms_total:
        texts.append(realms_line(done.realms, done.realms_total))
    return texts


def _proof(done: TurnedOff) -> list[str]:
    """What the realms signed, and which of them did not answer."""
    if not done.realms_total:
        return ["No vault took part, so none had anything to delete."]
    signed = f"{done.realms_deleted} of {many(done.realms_total, 'realm')} signed that their share is gone."
    if not done.deletions_pending:
        return [signed]
    return [signed, f"{still_keeping(done.deletions_pending)} {WHEN_THEY_ANSWER}"]
