"""Where the backup is, whose it is, and what shall open it: all that somebody with a new device has to know."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from textual import on
from textual.message import Message as TextualMessage
from textual.widget import Widget
from textual.widgets import Button, Input, Select

from letterlock.errors import MalformedError
from letterlock.ids import check_handle
from letterlock_client.backup_models import RestoreRequest
from letterlock_client.errors import ClientError
from letterlock_client.file_paths import path_of
from letterlock_client.fleet_file import load_fleet
from letterlock_client.ui.screens.dialog import Dialog, Form, problem_line, words

HOW: Final = (
    "Your messages come back from the folder that holds your backup. The relay has none of them; it only "
    "learns that your account has a new device."
)

GOES_ON: Final = (
    "This is how the restore was begun. Asked for the same, it goes on where it stopped; only what opens the "
    "backup is asked for again."
)

NO_FLEET: Final = (
    "Fleet file: a password opens a backup together with its vault, and this file says who that is; name it, or "
    "take the 64-digit key"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was entered: the request, and whether the 64 digits open it rather than the password."""

    request: RestoreRequest
    by_key: bool = False
    begun: bool = False
    """Whether this is what a restore that was cut short was asked for."""


class WhereScreen(Dialog[Wanted]):
    """The form."""

    heading = "Restore from a backup"
    hint = "tab moves on · enter in the last field goes on · escape goes back"

    def __init__(self, before: Wanted, fleet: Path | None = None) -> None:
        """Use `fleet` for the file that is read where none is named."""
        super().__init__(classes="-opaque -large")
        self._before = before
        self._usual_fleet = fleet

    def parts(self) -> Iterable[Widget]:
        """The fields."""
        asked = self._before.request
        yield Form(
            words(GOES_ON if self._before.begun else HOW, "dialog--text"),
            words("Your handle", "where--label"),
            Input(asked.handle, placeholder="alice", id="handle", compact=True, max_length=64),
            words("The relay your account is at", "dialog--label"),
            Input(asked.relay, placeholder="wss://relay.example", id="relay", compact=True, max_length=500),
            words("The folder that holds the backup", "dialog--label"),
            Input(
                asked.provider.removeprefix("folder:"),
                placeholder="/media/disk/letterlock",
                id="folder",
                compact=True,
                max_length=1_000,
            ),
            words("It opens with", "dialog--label"),
            Select(
                [("my backup password", False), ("my 64-digit key", True)],
                allow_blank=False,
                value=self._before.by_key,
                id="by_key",
                compact=True,
            ),
            words(
                "The recovery sheet as a file, if you have it: fills in what is empty, allows more tries",
                "dialog--label",
            ),
            Input(str(asked.sheet or ""), placeholder="none", id="sheet", compact=True, max_length=1_000),
            words("The vault's fleet file, if you were given one", "dialog--label"),
            Input(
                str(asked.fleet or ""),
                placeholder="fleet.toml beside your settings, where there is one",
                id="fleet",
                compact=True,
                max_length=1_000,
            ),
        )
        yield problem_line()
        yield Button("Look for the backup", variant="primary", compact=True, classes="dialog--go")

    def on_mount(self) -> None:
        """Begin at the top: in a low terminal the first field takes its own label off the screen."""
        self.call_after_refresh(self.query_one(Form).scroll_home, animate=False)

    @on(Input.Changed, "#sheet")
    def _sheet_named(self, event: Input.Changed) -> None:
        relay, proposed = self.query_one("#relay", Input), self._before.request.relay
        # What was only proposed does not stand against what the sheet says, and stands again without one.
        if event.value and relay.value == proposed:
            relay.clear()
        elif not event.value and not relay.value:
            relay.value = proposed

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _submit(self, event: TextualMessage) -> None:
        if isinstance(event, Input.Submitted) and event.input.id != "fleet":
            self.focus_next()
            return
        if (problem := self._problem()) is not None:
            field, what = problem
            self.query_one(f"#{field}").focus()
            self.say(what)
            return
        before = self._before.request
        request = replace(
            before,
            handle=self._value("handle"),
            relay=self._value("relay"),
            # Said of one relay, and of no other.
            insecure=before.insecure and self._value("relay") == before.relay,
            provider=f"folder:{path_of(folder)}" if (folder := self._value("folder")) else "",
            sheet=_path(self._value("sheet")),
            fleet=_path(self._value("fleet")),
        )
        self.dismiss(Wanted(request, self.query_one(Select).value is True, self._before.begun))

    def _problem(self) -> tuple[str, str] | None:
        """Return the first field that is wrong, with what is, or None."""
        handle, relay, folder, on_sheet = map(self._value, ("handle", "relay", "folder", "sheet"))
        # What is left empty may stand on the sheet.
        try:
            check_handle(handle) if handle or not on_sheet else None
        except MalformedError as error:
            return "handle", f"Handle: {error}"
        if not relay.startswith(("ws://", "wss://")) and (relay or not on_sheet):
            return "relay", "Relay: an address that begins with wss:// (or ws:// on this machine)"
        if not folder and not on_sheet:
            return "folder", "Folder: name the folder that holds the backup"
        if folder and not path_of(folder).is_dir():
            return "folder", "Folder: there is no such folder on this device"
        if on_sheet and not path_of(on_sheet).is_file():
            return "sheet", "Recovery sheet: there is no such file"
        return ("fleet", problem) if (problem := self._problem_of_fleet()) else None

    def _problem_of_fleet(self) -> str:
        by_key = self.query_one(Select).value is True
        path = _path(self._value("fleet")) or (None if by_key else self._usual_fleet)
        if path is None:
            return "" if by_key else NO_FLEET
        if not path.is_file():
            return "Fleet file: there is no such file"
        try:
            load_fleet(path)
        except ClientError as error:
            return error.sentence
        return ""


def _path(text: str) -> Path | None:
    return path_of(text) if text else None
