"""Words about backups and what lies here: how they stand, making one, checking one.

What needs a password or the digits is asked by the `letterlock backup` commands: a line that is typed here stands on
the screen.
"""

from collections.abc import Mapping
from typing import Final

from letterlock_client.backup_models import BackupProgress
from letterlock_client.backup_shapes import (
    STOPPED,
    STOPPED_FIRST,
    made_line,
    progress_line,
    rehearsed_line,
    restored_line,
    status_line,
    verified_line,
)
from letterlock_client.errors import ClientError, Code, whole_sentence
from letterlock_client.events import BackupFinished, RestoreFinished
from letterlock_client.file_sums import by_chat, by_kind, total_line
from letterlock_client.plain.speaking import Action, Verbs, say
from letterlock_client.sanitize import line_of
from letterlock_client.shapes import who
from letterlock_client.vault_shapes import NOTHING_NOTED, attempt_line

LONG = ("now", "verify", "rehearse")
"""What goes on while people chat."""
MOST_CHATS: Final = 5
"""So many chats are told of, those whose files take most."""
ELSEWHERE = ("on", "password", "key", "sheet", "rotate", "off", "restore")


class BackupVerbs(Verbs):
    """The words."""

    _phase = ""

    @property
    def words(self) -> Mapping[str, tuple[Action, str]]:
        """See `Verbs`."""
        return {
            "backup": (
                self.backup,
                "[now, verify, rehearse, history, stop]: how the backup stands, or do that",
            ),
            "storage": (self.storage, "what the files of your messages take here, by kind and by chat"),
        }

    async def backup(self, rest: str) -> None:
        """Say how the backup stands, make one, check it, or show what the vault noted."""
        backups = self.messenger.backups
        if rest in ELSEWHERE:
            raise ClientError(
                Code.BAD_INPUT,
                f"this asks for secrets: leave with /quit, then type letterlock backup {rest}",
            )
        if rest == "now":
            await self._back_up()
        elif rest == "verify":
            say(verified_line(await backups.verify()))
        elif rest == "rehearse":
            say(rehearsed_line(await backups.rehearse()))
        elif rest == "history":
            attempts = await backups.history()
            for attempt in attempts:
                say(attempt_line(attempt))
            if not attempts:
                say(NOTHING_NOTED)
        elif rest == "stop":
            if not (await backups.status()).running:
                say("Nothing runs that could be stopped.")
            await backups.cancel()
        elif rest:
            raise ClientError(
                Code.BAD_INPUT, "type /backup, or now, verify, rehearse, history or stop behind it"
            )
        else:
            say(status_line(await backups.status()))

    async def _back_up(self) -> None:
        """Make a backup; how it ends is said where it is heard of, as that of one that begins by itself is."""
        try:
            await self.messenger.backups.back_up()
        except ClientError as error:
            if error.code is Code.BACKUP_RUNNING:
                raise

    async def tell_finished(self, event: BackupFinished) -> None:
        """Say how a backup ended, whoever began it."""
        self._phase = ""
        if event.made is not None:
            say(made_line(event.made))
        elif event.error:
            say(whole_sentence(line_of(event.error)))
        else:
            first = (await self.messenger.backups.status()).last is None
            say(STOPPED_FIRST if first else STOPPED)

    def tell_progress(self, progress: BackupProgress, *, before: str = "") -> None:
        """Say each phase once, as it begins: a line for every step would drown the chat."""
        if progress.phase.value != self._phase:
            self._phase = progress.phase.value
            say(f"{before}{progress_line(progress)}")

    def tell_restored(self, event: RestoreFinished) -> None:
        """Say how a restore beside the chat ended."""
        if event.restored is not None:
            say(restored_line(event.restored))
        elif event.error:
            why = event.error.removesuffix(".")
            then = "letterlock backup restore --accept-damaged takes what is whole"
            say(
                f"The rest of your chats waits: {why}. {then if event.damaged else 'It goes on at the next start'}."
            )

    async def storage(self, rest: str) -> None:
        """Say what lies here; making room is the command `letterlock files`."""
        del rest
        sums = await self.messenger.file_sums()
        chats = by_chat(sums)
        for kind, total in by_kind(sums):
            say(total_line(kind.value, total))
        for chat, total in chats[:MOST_CHATS]:
            say(total_line(who((await self.messenger.conversation(chat)).contact), total))
        if len(chats) > MOST_CHATS:
            say(f"And {len(chats) - MOST_CHATS} chats more, with less: letterlock storage lists them.")
        files, taken = sum(each.files for each in sums), sum(each.bytes for each in sums)
        say(f"{files:,} files, {taken:,} bytes. letterlock files --clear makes room.")
