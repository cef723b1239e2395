"""The vault that would hold the shares: its fleet file, its fingerprint and realms, and what all that is worth."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from letterlock.vault.fleet import Fleet, shown_hash
from letterlock_client.backup_models import VaultView
from letterlock_client.errors import ClientError
from letterlock_client.file_paths import path_of
from letterlock_client.fleet_file import load_fleet
from letterlock_client.sanitize import line_of, name_of
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.backup_wording import PARTIES, false_realms, many, why_not_this_vault
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.screens.settings.page import facts

ASK = (
    "A vault is a few computers, called realms, run by people who need not trust each other. Its fleet file says "
    "who they are; you have it from whoever runs your vault, never from the relay."
)
HOW = (
    "Your password never leaves this device. {n} each keep one share of what it opens; {t} of them must answer, "
    "and each allows only a few tries before it destroys its share."
)
ASKING = "Asking the realms whether they are who this file says…"
COMPARE = "Compare the fingerprint with the one that your vault's operators published."


class FleetScreen(Dialog[Path], Asking):
    """The screen; the result is the fleet file that is trusted, whose realms answer."""

    heading = "The vault that guards your password"
    hint = "enter goes on · page keys scroll · escape goes back"

    def __init__(self, look_at: Callable[[Path], Awaitable[VaultView]], fleet: Path | None = None) -> None:
        """Use `fleet` for the file that is suggested; `look_at` asks the realms of one that is trusted."""
        super().__init__()
        self._look_at = look_at
        self._suggested = fleet
        self._meant: Path | None = None
        """The file that the field names."""
        self._read: Path | None = None
        """The same, once it was read and found right."""

    def parts(self) -> Iterable[Widget]:
        """Its file, who it is, what it is worth, and a word to go on."""
        with VerticalScroll(can_focus=False, classes="dialog--scroll"):
            yield words(ASK, "dialog--text fleet--how")
            yield words("", "dialog--text fleet--facts")
            yield words(PARTIES, "fleet--parties")
        yield words("Fleet file", "dialog--label")
        suggested = str(self._suggested or "")
        yield Input(suggested, placeholder="~/fleet.toml", id="fleet", compact=True, max_length=1_000)
        yield problem_line()
        yield Button("Trust this vault", variant="primary", compact=True, disabled=True, classes="dialog--go")

    def on_mount(self) -> None:
        """Read the file that is suggested."""
        self._say_who(ASK, Content(""))
        if self._suggested is not None:
            self._look(self._suggested)

    @on(Input.Submitted)
    def _named(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self._look(path_of(event.value))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        path = path_of(event.value)
        if path == self._meant:
            return
        self._meant = path
        self.say("")
        if self._read is not None:
            self._read = None
            self.query_one(Button).disabled = True
            self._say_who(ASK, Content(""))
        if event.value.strip():
            # Whoever goes on by tab or mouse need not enter it first.
            self._look(path, entered=False)

    def _look(self, path: Path, *, entered: bool = True) -> None:
        """Read a file; one that is not there is no fault before its name was `entered`."""
        self._meant = path

        def show(fleet: Fleet | None) -> None:
            if fleet is not None and self._meant == path:
                self._show(path, fleet)
                if entered:
                    self.query_one(Button).focus()

        def refused(error: ClientError) -> None:
            if self._meant == path:
                self.say(error.sentence)

        def read() -> Fleet | None:
            return load_fleet(path) if entered or path.is_file() else None

        self.ask(lambda: asyncio.to_thread(read), show, refused)

    def _show(self, path: Path, fleet: Fleet) -> None:
        self.say("")
        self._read = path
        realms = many(len(fleet.realms), "realm")
        how = HOW.format(n=realms[:1].upper() + realms[1:], t=fleet.threshold)
        rows = [("Fingerprint", shown_hash(fleet.hash)), ("Needed", f"{fleet.threshold} of {realms}")]
        rows += [(name_of(realm.name, 14), line_of(realm.url, 60)) for realm in fleet.realms]
        self._say_who(how, Content.assemble(facts(rows, wide=16), f"\n\n{COMPARE}"))
        self.query_one(Button).disabled = False

    def _say_who(self, how: str, who: Content) -> None:
        self.query_one(".fleet--how", Static).update(Content(how))
        place = self.query_one(".fleet--facts", Static)
        place.update(who)
        place.display = bool(who)

    @on(Button.Pressed)
    def _trust(self) -> None:
        path = self._read
        if path is None or self.passes:
            return
        # Nobody is asked before the fingerprint was compared. What is typed meanwhile is for the screen that follows.
        self.passes = True
        self.say(ASKING)

        def answered(vault: VaultView) -> None:
            if why := why_not_this_vault(vault):
                self.refuse(why, keeps=False)
                if false_realms(vault):
                    # Another file is needed; one whose realms are away is tried again.
                    self.query_one(Input).focus()
            else:
                self.dismiss(path)

        def failed(error: ClientError) -> None:
            self.refuse(error.sentence, keeps=False)

        self.ask(lambda: self._look_at(path), answered, failed)
