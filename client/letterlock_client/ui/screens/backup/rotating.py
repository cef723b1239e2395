"""What leads through a rotation of the backup's key: what it means, the password, how far it is, and the new sheet."""

from typing import Final

from letterlock_client.backup_models import BackupStatus, Rotated
from letterlock_client.sanitize import line_of
from letterlock_client.ui.backup_wording import many
from letterlock_client.ui.screens.backup.password import PasswordScreen
from letterlock_client.ui.screens.backup.steps import Steps, realms_line
from letterlock_client.ui.screens.backup.work import Work
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.wording import size

COPIED: Final = (
    "What somebody has copied with the old key stays open to them: a copy of the backup, and your account's root "
    "key in it."
)
UNSURE_DIGITS: Final = "64 digits that are written down anywhere open nothing afterwards."
OLD_DIGITS: Final = (
    "The 64 digits that you keep now open nothing afterwards. The new ones are shown at the end."
)


NOT_KNOWN_HERE: Final = (
    "No password is known here. One that another terminal has set opens nothing afterwards: set it again."
)


class RotationFlow(Steps):
    """The flow."""

    async def rotate(self, status: BackupStatus) -> None:
        """Write all of the backup again under a new key; then show the new sheet and what became of the old."""
        if not await self._confirm(status):
            return
        password = None
        if status.has_password:
            heading = "Your backup password: the present one, or another"
            password = await self.ask(PasswordScreen(self.backups.judge, self.around, heading))
            if password is None:
                return
        work = Work(
            "Rotate the key",
            "Stopped or cut short anywhere, the old key opens your backup or the new one does.",
            "Rotate",
            "Writing the backup again",
            lambda unlock: self.backups.rotate(password, unlock),
        )
        done = await self.work(work)
        if done is None:
            return
        await self.keep_sheet(done.sheet, done.recovery_key)
        await self.tell("The key is rotated", *_told(done))

    async def _confirm(self, status: BackupStatus) -> bool:
        """Say what it does and how much it writes; nothing is chosen by a mere enter."""
        written = f", about {size(status.last.bytes_total)}," if status.last else ""
        what = (
            f"All of the backup{written} is written again under a new key and read back. Then what the old key opens "
            "is deleted."
        )
        facts = [
            what,
            *([OLD_DIGITS] if status.has_recovery_key else []),
            *([UNSURE_DIGITS] if status.digits_unsure else []),
            *([] if status.has_password else [NOT_KNOWN_HERE]),
            COPIED,
        ]
        choices = [Choice(False, "Keep the key as it is"), Choice(True, "Rotate it")]
        return await self.ask(ChooseScreen("Rotate the key?", choices, facts=facts)) is True


def _told(done: Rotated) -> list[str]:
    texts = [
        f"Key before: {line_of(done.key_id_before, 40)}\nKey after:  {line_of(done.key_id_after, 40)}",
        f"Written again: {many(done.objects_written, 'object')}, {size(done.bytes_written)}.",
    ]
    if done.realms_total:
        texts.append(realms_line(done.realms, done.realms_total))
    if done.media_lost:
        lost = many(done.media_lost, "file")
        texts.append(f"{lost} could not be brought along: whole neither here nor in the old backup.")
    if done.old_left:
        texts.append(
            "What the old key opens is there still: the next backup that meets enough realms deletes it."
        )
    else:
        texts.append(f"The old key opens nothing any more: {many(done.objects_deleted, 'object')} deleted.")
    return texts
