"""Settings › Chats › Chat backup: how the last backup stands, backing up now, how often, what and where."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Select, Static

from letterlock_client.backup_models import BackupStatus, Frequency
from letterlock_client.backup_shapes import STOPPED, STOPPED_FIRST, UNREADABLE
from letterlock_client.errors import ClientError, whole_sentence
from letterlock_client.events import (
    BackupFinished,
    BackupMoved,
    ConnectionChanged,
    Event,
    RestoreFinished,
    RestoreMoved,
)
from letterlock_client.sanitize import line_of
from letterlock_client.ui import intents
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.background import start
from letterlock_client.ui.backup_wording import (
    FREQUENCIES,
    FRESHNESS,
    PARTIES,
    ago,
    due,
    holdings,
    many,
    number,
    provider_words,
    restored_sentence,
    when,
    why_not,
)
from letterlock_client.ui.screens.backup.encrypted import EncryptedBackupScreen
from letterlock_client.ui.screens.backup.folder import FolderScreen
from letterlock_client.ui.screens.backup.moving import beginning, carrying
from letterlock_client.ui.screens.backup.work import WorkScreen
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.screens.restore.damaged import leaving_out, looking
from letterlock_client.ui.screens.settings.page import facts
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.progress import ProgressLine
from letterlock_client.ui.widgets.tick_box import TickBox
from letterlock_client.ui.wording import put_out

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

OFF: Final = (
    "Backups are off. Turned on, your chats are encrypted on this device and kept in a folder of your choice; "
    "a new device can bring them back with your backup password, or with a key of 64 digits."
)
INCLUDED: Final = (
    "In it: chats, contacts and who of them you verified, settings, and files as chosen above. Not in it: "
    "view-once messages, and messages that disappear within a day."
)
UNFINISHED: Final = (
    "A restore on this device is not finished; until it is, no backup is made. It goes on by itself while you chat; "
    "only a backup that is damaged or gone needs you, to restore again from another place."
)
MOVED: Final = "Backups go to {} from now on."
NEVER: Final = "none: this device was put out"
_HEARD: Final = (BackupMoved, BackupFinished, RestoreMoved, RestoreFinished, ConnectionChanged)
VERIFY: Final = "Verify, below End-to-end encrypted backup, offers that."


class ChatBackupScreen(Dialog[None], Asking):
    """The screen. A backup goes on when it is closed: `back_up` starts it elsewhere."""

    asks = True

    heading = "Chat backup"
    hint = "tab moves on · page keys scroll · escape closes"

    class Heard(TextualMessage):
        """Something happened to a backup."""

        def __init__(self, event: Event) -> None:
            super().__init__()
            self.event = event

    def __init__(
        self,
        messenger: "Messenger",
        around: Surroundings,
        back_up: Callable[[], None],
        *,
        put_out: bool = False,
    ) -> None:
        """Use `put_out` for whether the relay has put this device out by now."""
        super().__init__(classes="-large")
        self._messenger = messenger
        self._backups = messenger.backups
        self._around = around
        self._back_up = back_up
        self._put_out = put_out
        self._status: BackupStatus | None = None

    def parts(self) -> Iterable[Widget]:
        """How it stands; what can be done; what is chosen."""
        with VerticalScroll(can_focus=False):
            yield words("one moment…", "dialog--text landing--facts")
            with Horizontal(classes="landing--now"):
                yield Button(
                    "Back up now", name="now", id="now", variant="primary", compact=True, classes="-when-on"
                )
                yield Button("Go on restoring", name="go_on", compact=True, classes="landing--resume")
                yield Button("Stop restoring for now", name="pause", compact=True, classes="landing--pause")
                yield Button("Look for what is whole…", name="whole", compact=True, classes="landing--whole")
                yield Button("Restore again…", name="again", compact=True, classes="landing--resume")
                yield Button("Stop this backup", name="cancel", compact=True, classes="landing--cancel")
            yield ProgressLine(self._around.icons)
            yield problem_line()
            with Horizontal(classes="landing--row -when-on"):
                yield words("By itself", "landing--label")
                choices = [(text, each) for each, text in FREQUENCIES.items()]
                yield Select(choices, allow_blank=False, id="frequency", compact=True)
            yield TickBox(
                Content("Photos, voice notes and files"), id="media", compact=True, classes="-when-on"
            )
            yield TickBox(Content("Videos as well"), id="videos", compact=True, classes="-when-on")
            with Horizontal(classes="dialog--answers"):
                yield Button("Change the folder…", name="folder", compact=True, classes="-when-on")
                yield Button("End-to-end encrypted backup…", name="encrypted", id="encrypted", compact=True)
            yield words(INCLUDED, "dialog--later -when-on")
            yield words(PARTIES, "dialog--later")

    def on_mount(self) -> None:
        """Listen."""
        start(self, self._listen, group="events")

    def on_screen_resume(self) -> None:
        """Read again."""
        self._read()

    def _read(self) -> None:
        self.ask(self._backups.status, self._show)

    async def _listen(self) -> None:
        stream = self._messenger.events()
        try:
            async for event in stream:
                if isinstance(event, _HEARD):
                    self.post_message(self.Heard(event))
        finally:
            stream.close()

    @on(Heard)
    def _heard(self, heard: Heard) -> None:
        heard.stop()
        event = heard.event
        if isinstance(event, BackupMoved):
            self._show_running(True)
            self.query_one(ProgressLine).show(event.progress)
        elif isinstance(event, RestoreMoved):
            self.set_class(True, "-restoring-now")
            self.query_one(ProgressLine).show(event.progress)
        elif isinstance(event, RestoreFinished):
            self._restored(event)
        elif isinstance(event, ConnectionChanged):
            self._put_out = put_out(event)
            self._read()
        elif isinstance(event, BackupFinished):
            self._show_running(False)
            if event.error:
                self.say(whole_sentence(event.error))
            elif event.made is not None:
                held = many(event.made.messages, "message")
                self.say(event.made.alarm or f"Backed up: backup {number(event.made.generation)}, {held}.")
            else:
                first = self._status is not None and self._status.last is None
                self.say(STOPPED_FIRST if first else STOPPED)
            self._read()

    def _restored(self, event: RestoreFinished) -> None:
        if event.restored is not None:
            self.say(restored_sentence(event.restored))
        else:
            stopped = "Stopped; it goes on at the next start, or when you say so."
            self.say(whole_sentence(line_of(event.error)) or stopped)
        self.query_one(ProgressLine).show(None)
        self._read()

    # How it stands.

    def _show(self, status: BackupStatus) -> None:
        changed = self._status is None or self._status.on != status.on
        self._status = status
        self.set_class(status.on, "-on")
        self.set_class(status.restoring, "-restoring")
        self.set_class(status.restoring_now, "-restoring-now")
        self.set_class(bool(status.restore_damage), "-damaged")
        self.query_one(".landing--facts", Static).update(self._facts(status))
        with self.prevent(Select.Changed, TickBox.Changed):
            self.query_one("#frequency", Select).value = status.frequency
            self.query_one("#media", TickBox).value = status.include_media
            videos = self.query_one("#videos", TickBox)
            videos.value = status.include_media and status.include_videos
            videos.disabled = not status.include_media
        self._show_running(status.running)
        encrypted = self.query_one("#encrypted", Button)
        can_begin = not status.on and status.feature.available
        encrypted.label = "Turn on…" if can_begin else "End-to-end encrypted backup…"
        encrypted.variant = "primary" if can_begin else "default"
        if changed:
            (self.query_one("#now") if status.on and not status.running else encrypted).focus()

    def _show_running(self, running: bool) -> None:
        self.set_class(running, "-running")
        self.tell_keys(f"{self.hint}, the backup goes on" if running else "")
        blocked = self._status is not None and self._status.restoring
        self.query_one("#now", Button).disabled = running or blocked
        if not running and not self.has_class("-restoring-now"):
            self.query_one(ProgressLine).show(None)

    def _facts(self, status: BackupStatus) -> Content:
        if not status.on:
            unfinished = line_of(status.restore_damage, 400) or UNFINISHED
            return Content(unfinished if status.restoring else why_not(status.feature) or OFF)
        now, icons, last = self._around.clock(), self._around.icons, status.last
        rows = [("Last backup", "none yet")]
        if last is not None:
            rows = [
                ("Last backup", f"{ago(last.at, now)}, {when(last.at, now)}"),
                ("Newest", FRESHNESS[last.freshness]),
                ("Holds", holdings(last)),
                ("Kept", many(status.generations, "generation")),
            ]
        following = NEVER if self._put_out else due(status.next_at, now)
        rows += [("Folder", provider_words(status.provider)), ("Next", following)]
        warnings = [last.alarm] if last is not None and last.alarm else []
        if status.unreadable:
            numbers = ", ".join(map(number, status.unreadable))
            warnings.append(
                f"{many(len(status.unreadable), 'older backup')} damaged: {numbers}. {UNREADABLE} {VERIFY}"
            )
        if status.repairs_pending:
            warnings.append(
                f"{many(status.repairs_pending, 'realm')} of the vault not told of your last change yet."
            )
        if status.restoring:
            warnings.append(status.restore_damage or UNFINISHED)
        lines = [facts(rows), *(Content(f"{icons.warning} {line_of(each)}") for each in warnings)]
        return Content("\n").join(lines)

    # What can be done.

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        name = event.button.name
        if name == "now":
            self.say("")
            self._show_running(True)
            self._back_up()
        elif name == "cancel":
            self.ask(self._backups.cancel, lambda _: self._read())
        elif name == "go_on":
            self.say("")
            self._backups.go_on_restoring()
            self._read()
        elif name == "pause":
            self.ask(self._backups.stop_restoring, lambda _: self._read())
        elif name == "whole" and self._status is not None:
            start(self, self._without_damage, self._status.restore_damage, group="damage", exclusive=True)
        elif name == "again":
            self.app.post_message(intents.GoOnRestoring())
        elif name == "folder" and self._status is not None:
            self.app.push_screen(FolderScreen(self._status.provider), self._folder_chosen)
        elif name == "encrypted":
            self.app.push_screen(EncryptedBackupScreen(self._messenger, self._around, self._back_up))

    async def _without_damage(self, damage: str) -> None:
        """Say what is damaged, and go on without it if somebody wants that."""
        backups = self._backups
        found = await self.app.push_screen_wait(
            WorkScreen(looking(damage, backups.what_is_whole), self._around, locked=False)
        )
        if found is not None:
            leaving = leaving_out(found, backups.leave_out_damaged)
            # Where older backups hold all of it, nothing is left out, and there is nothing to ask.
            if not found.lost:
                leaving = replace(leaving, at_once=True)
            await self.app.push_screen_wait(WorkScreen(leaving, self._around, locked=False))

    def _folder_chosen(self, provider: str | None) -> None:
        if provider is not None and self._status is not None and provider != self._status.provider:
            start(self, self._move, provider, group="moving", exclusive=True)

    async def _move(self, provider: str) -> None:
        """Carry the backup over to another folder, or have it begin anew there."""
        backups, around = self._backups, self._around
        try:
            left = await backups.left_behind()
        except ClientError as error:
            self.call_later(self.say, error.sentence)
            return
        moved = await self.app.push_screen_wait(
            WorkScreen(carrying(provider, left, lambda: backups.move(provider)), around, locked=False)
        )
        if moved is None:
            moved = await self.app.push_screen_wait(
                WorkScreen(
                    beginning(provider, left, lambda: backups.move(provider, anew=True)), around, locked=False
                )
            )
        if moved is not None:
            self.call_later(self.say, MOVED.format(provider_words(moved.provider)))

    @on(Select.Changed, "#frequency")
    def _frequency(self, event: Select.Changed) -> None:
        event.stop()
        frequency = event.value
        # A select tells its first value as well, and may do so after another was put in.
        if not isinstance(frequency, Frequency) or frequency != event.select.value or self._status is None:
            return
        if frequency is not self._status.frequency:
            self.ask(lambda: self._backups.choose(frequency=frequency), self._show)

    @on(TickBox.Changed)
    def _included(self, event: TickBox.Changed) -> None:
        event.stop()
        if self._status is None:
            return
        if event.checkbox.id == "media":
            self.ask(lambda: self._backups.choose(include_media=event.value), self._show)
        else:
            self.ask(lambda: self._backups.choose(include_videos=event.value), self._show)
