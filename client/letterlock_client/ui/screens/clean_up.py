"""Making room: which files lie here, and deleting our copies of those that are chosen.

What comes again from the backup or the relay is said; what may not is asked about once more. Messages stay.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Select, Static

from letterlock.ids import ConversationId
from letterlock_client.file_choice import FileChoice
from letterlock_client.models import Again, Cleared, KeptFile
from letterlock_client.sanitize import fit, line_of, width
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.backup_wording import many
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.wording import short_time, size, title_of

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

DAY: Final = 86_400_000
AGES: Final = (
    ("of any age", 0),
    ("older than a week", 7),
    ("older than a month", 30),
    ("older than a year", 365),
)
SIZES: Final = (("of any size", 0), ("from 1 MB on", 1_000_000), ("from 10 MB on", 10_000_000))
AGAIN: Final = {
    Again.BACKUP: "in backup",
    Again.RELAY: "at relay",
    Again.NOT_YET: "not backed up",
    Again.UNSURE: "nowhere else?",
}
SHOWN: Final = 200
"""How many files are listed, the largest; the sums count all."""
NAME: Final = 22


class CleanUpScreen(Dialog[None], Asking):
    """The screen."""

    asks = True

    heading = "Make room"
    hint = "tab moves on · page keys scroll · escape goes back"

    def __init__(self, messenger: "Messenger", around: Surroundings) -> None:
        super().__init__(classes="-large")
        self._messenger = messenger
        self._around = around
        self._files: list[KeptFile] = []
        self._titles: dict[ConversationId, str] = {}

    def parts(self) -> Iterable[Widget]:
        """What is chosen by, the files, and the button."""
        with Horizontal(classes="clean--choice"):
            yield Select([("of all chats", None)], allow_blank=False, id="chat", compact=True)
            yield Select(AGES, allow_blank=False, id="age", compact=True)
            yield Select(SIZES, allow_blank=False, id="size", compact=True)
        with VerticalScroll(can_focus=False):
            yield words("looking…", "clean--files")
        yield words("", "dialog--text clean--sum")
        yield problem_line()
        yield Button(
            "Delete these copies", variant="primary", compact=True, disabled=True, classes="dialog--go"
        )

    def on_mount(self) -> None:
        """Read what lies here."""
        self.ask(self._read, lambda _: self._show())

    async def _read(self) -> None:
        self._files = await self._messenger.kept_files()
        self._titles = {each.id: title_of(each) for each in await self._messenger.conversations()}

    def _show(self) -> None:
        holding = {each.conversation for each in self._files}
        chats = [(f"with {title}", who) for who, title in self._titles.items() if who in holding]
        with self.prevent(Select.Changed):
            self.query_one("#chat", Select).set_options([("of all chats", None), *chats])
        self._redraw()

    # What is chosen.

    def _choice(self) -> FileChoice:
        chat, age, least = (self.query_one(f"#{name}", Select).value for name in ("chat", "age", "size"))
        before = self._around.clock() - age * DAY if isinstance(age, int) and age else 0
        who = ConversationId(chat) if isinstance(chat, bytes) else None
        return FileChoice(who, before, least if isinstance(least, int) else 0, unsure=True)

    @on(Select.Changed)
    def _redraw(self) -> None:
        meant = self._choice().of(self._files)
        lines = [self._line(each) for each in meant[:SHOWN]]
        if len(meant) > SHOWN:
            lines.append(f"and {many(len(meant) - SHOWN, 'smaller file')}")
        self.query_one(".clean--files", Static).update(Content("\n".join(lines) or "No such files lie here."))
        total = sum(each.size for each in meant)
        self.query_one(".clean--sum", Static).update(
            Content(f"{many(len(meant), 'file')}, {size(total)}. Their messages stay." if meant else "")
        )
        self.query_one(".dialog--go", Button).disabled = not meant

    def _line(self, file: KeptFile) -> str:
        name = fit(line_of(file.name, 200), NAME)
        gap = " " * (NAME - width(name) + 2)
        chat = self._titles.get(file.conversation, "")
        when = short_time(file.at, self._around.clock())
        return f"{size(file.size):>7}  {name}{gap}{AGAIN[file.again]:<15}{when:<10}{chat}"

    # Deleting.

    @on(Button.Pressed, ".dialog--go")
    def _go(self, event: Button.Pressed) -> None:
        event.stop()
        choice = self._choice()
        doubtful = [each for each in choice.of(self._files) if not each.again.sure]
        if not doubtful:
            self._clear(choice)
            return

        def chosen(unsure: bool | None) -> None:
            if unsure is not None:
                self._clear(replace(choice, unsure=unsure))

        title = f"{many(len(doubtful), 'file')} may be nowhere else: no backup has them, the relay perhaps."
        choices = [Choice(False, "Keep those, delete the others"), Choice(True, "Delete those as well")]
        self.app.push_screen(ChooseScreen(title, choices), chosen)

    def _clear(self, choice: FileChoice) -> None:
        meant = [each.message for each in choice.of(self._files)]
        self.ask(lambda: self._messenger.clear_files(meant), self._cleared)

    def _cleared(self, done: Cleared) -> None:
        self.say(f"{many(done.files, 'copy', 'copies')} deleted, {size(done.bytes)} free.")
        self.ask(self._read, lambda _: self._show())
