"""Settings › Chats › Chat backup › End-to-end encrypted backup: what opens the backup, and every change to that."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from letterlock_client.backup_models import BackupStatus
from letterlock_client.backup_shapes import DIGITS_UNSURE, OPENED_BY_NOTHING, UNASKED, still_keeping
from letterlock_client.events import BackupMoved
from letterlock_client.sanitize import line_of
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.background import start
from letterlock_client.ui.backup_wording import PARTIES, ROTATIONS, many, why_not
from letterlock_client.ui.screens.backup.flows import HAVE_KEY, SHOW_KEY, BackupFlows
from letterlock_client.ui.screens.backup.leaks import leaks_screen
from letterlock_client.ui.screens.backup.rotating import RotationFlow
from letterlock_client.ui.screens.backup.work import WorkScreen
from letterlock_client.ui.screens.dialog import Dialog, keep_in_view, problem_line, words
from letterlock_client.ui.screens.settings.page import facts
from letterlock_client.ui.surroundings import Surroundings

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

Verb = tuple[str, str]

OFF_TEXT: Final = (
    "Encrypt your chats on this device, with a key that only you can use, and keep them where you like."
)


class EncryptedBackupScreen(Dialog[None], Asking):
    """The screen."""

    asks = True

    heading = "End-to-end encrypted backup"
    hint = "enter chooses · escape goes back"

    def __init__(self, messenger: "Messenger", around: Surroundings, back_up: Callable[[], None]) -> None:
        super().__init__(classes="-large")
        self._back_up = back_up
        self._messenger = messenger
        self._backups = messenger.backups
        self._around = around
        self._status: BackupStatus | None = None
        self._verbs: list[Verb] = []

    def parts(self) -> Iterable[Widget]:
        """How it stands, and what can be done."""
        with VerticalScroll(can_focus=False):
            yield words("one moment…", "dialog--text encrypted--facts")
            yield OptionList(markup=False, compact=True, id="verbs")
            yield words(PARTIES, "dialog--later")
        yield problem_line()

    def on_mount(self) -> None:
        """Listen for progress, and read."""
        start(self, self._listen, group="events")

    def on_screen_resume(self) -> None:
        """Read again: something may have been changed on the screen above."""
        self.ask(self._backups.status, self._show)

    async def _listen(self) -> None:
        stream = self._messenger.events()
        try:
            async for event in stream:
                if isinstance(event, BackupMoved) and isinstance(self.app.screen, WorkScreen):
                    self.app.screen.call_later(self.app.screen.moved, event.progress)
        finally:
            stream.close()

    # How it stands.

    def _show(self, status: BackupStatus) -> None:
        self._status = status
        missing = why_not(status.feature) if not status.on else ""
        place = self.query_one(".encrypted--facts", Static)
        place.update(Content(missing) if missing else self._facts(status))
        self._verbs = self._offered(status) if not missing else [("leaks", "Who could still learn what")]
        options = self.query_one("#verbs", OptionList)
        before = options.highlighted or 0
        options.clear_options()
        options.add_options(Option(Content(text)) for _, text in self._verbs)
        options.highlighted = min(before, len(self._verbs) - 1)
        options.focus()

    def _facts(self, status: BackupStatus) -> Content:
        keeping = [f"{self._around.icons.warning} {line_of(still_keeping(status.deletions_pending))}"]
        if not status.on:
            return Content("\n\n".join([OFF_TEXT, *(keeping if status.deletions_pending else [])]))
        opens = [
            text
            for has, text in ((status.has_password, "password"), (status.has_recovery_key, "64-digit key"))
            if has
        ]
        rows = [
            ("State", f"{self._around.icons.verified} on"),
            ("Opens with", " or ".join(opens) or f"{self._around.icons.warning} {OPENED_BY_NOTHING}"),
            ("Key", line_of(status.key_id, 40)),
        ]
        if status.realms:
            rows.append(("Vault", f"{status.threshold} of {many(status.realms, 'realm')} must answer"))
            rows.append(("Fingerprint", line_of(status.fleet_hash, 80)))
        if status.vault_unasked:
            rows.append(("Password", f"{self._around.icons.warning} {UNASKED}"))
        if status.digits_unsure:
            rows.append(("64 digits", f"{self._around.icons.warning} {DIGITS_UNSURE}"))
        if status.repairs_pending:
            waiting = (
                f"{many(status.repairs_pending, 'realm')} of the vault not told yet; tried again by itself"
            )
            rows.append(("Repair", f"{self._around.icons.warning} {waiting}"))
        if status.deletions_pending:
            rows.append(("Before", keeping[0]))
        if status.rotation:
            rows.append(("Rotation", f"{self._around.icons.warning} {ROTATIONS[status.rotation]}"))
        return facts(rows)

    def _offered(self, status: BackupStatus) -> list[Verb]:
        if not status.on:
            again = [("ask_again", "Ask again to delete at the vault")] if status.deletions_pending else []
            return [("turn_on", "Turn on…"), *again, ("leaks", "Who could still learn what")]
        password, key = status.has_password, status.has_recovery_key or status.digits_unsure
        verbs = [
            ("change_password", "Change the password…" if password else "Set a password too…"),
            ("show_key", f"{SHOW_KEY if key else HAVE_KEY}…"),
        ]
        verbs.append(("show_sheet", "Recovery sheet…"))
        verbs.append(("rotate", "Rotate the key: write all of it again…"))
        if status.has_password:
            verbs.append(("history", "Tries and changes at the vault"))
        return [
            *verbs,
            ("verify", "Verify: read all of it, write nothing"),
            ("rehearse", "Rehearse a restore"),
            ("leaks", "Who could still learn what"),
            ("turn_off", "Turn off and delete…"),
        ]

    # What can be done.

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Bring what is pointed at on a low screen, where the list is longer than what scrolls around it."""
        event.stop()
        keep_in_view(self.query_one(VerticalScroll), event.option_list, event.option_index)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Do what was chosen."""
        event.stop()
        verb = self._verbs[event.option_index][0]
        if verb == "leaks":
            self.app.push_screen(leaks_screen())
        elif self._status is not None:
            start(self, self._flow(verb, self._status), group="flow", exclusive=True)

    def _first_backup(self) -> None:
        """Back up, where the screen below or the status bar shows how far it is."""
        self._back_up()
        self.dismiss(None)

    def _flow(self, verb: str, status: BackupStatus) -> Callable[[], Awaitable[None]]:
        locked = self._messenger.profile.has_passphrase
        own = (self.app, self._backups, self._around, self._first_backup)
        flows = BackupFlows(*own, locked=locked)
        rotating = RotationFlow(*own, locked=locked)
        with_status = {
            "turn_on": flows.turn_on,
            "change_password": flows.change_password,
            "show_key": flows.show_key,
            "show_sheet": flows.show_sheet,
            "rotate": rotating.rotate,
        }
        if verb in with_status:
            return lambda: with_status[verb](status)
        plain: dict[str, Callable[[], Awaitable[None]]] = {
            "history": flows.history,
            "verify": flows.verify,
            "rehearse": flows.rehearse,
            "turn_off": flows.turn_off,
            "ask_again": flows.ask_again,
        }
        return plain[verb]
