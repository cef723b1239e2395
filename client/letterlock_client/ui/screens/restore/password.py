"""The backup password on a new device: what a wrong one costs is shown before it can be entered.

Reading that costs no try; while the vault asks to wait, nothing is sent and nothing spent.
"""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from textual import on
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from letterlock_client.backup_models import (
    VaultView,
)
from letterlock_client.errors import ClientError
from letterlock_client.restore_preview import RestorePreview
from letterlock_client.ui.asking import Asking
from letterlock_client.ui.backup_wording import realm_line, tries_line
from letterlock_client.ui.screens.dialog import Dialog, problem_line, words
from letterlock_client.ui.surroundings import Surroundings

if TYPE_CHECKING:
    from letterlock_client.restoration import Restoration

HOW: Final = (
    "The realms check it together, and none of them sees it. A wrong one costs a try; after the last try the "
    "vault destroys its shares."
)

UNDER_WAY: Final = "escape goes back without the answer; the try may be spent"
ASKING: Final = "Asking the realms; this costs nothing…"


class RestorePasswordScreen(Dialog[RestorePreview], Asking):
    """The field; the result is what the backup holds."""

    heading = "Your backup password"
    hint = "enter tries it · escape goes back"

    def __init__(self, restoration: "Restoration", around: Surroundings) -> None:
        super().__init__(classes="-opaque -large")
        self._restoration = restoration
        self._around = around
        self._vault: VaultView | None = None
        self._read_at = 0.0
        self._is_told = False
        self._too_early = False
        self._trying = False

    def parts(self) -> Iterable[Widget]:
        """What the realms say, what is left, and the field."""
        with VerticalScroll(can_focus=False, classes="dialog--scroll"):
            yield words(HOW, "dialog--text")
            yield words(ASKING, "restore--realms")
        yield words("", "restore--tries")
        # Whoever types while the realms are asked loses no key; only sending waits.
        yield Input(placeholder="backup password", password=True, compact=True, max_length=1_024)
        yield problem_line()
        with Horizontal(classes="dialog--answers"):
            yield Button("Try it", variant="primary", compact=True, disabled=True, classes="restore--go")
            yield Button("Ask the realms again", name="again", compact=True, classes="restore--again")

    def on_mount(self) -> None:
        """Ask how many tries are left."""
        self.query_one(Input).focus()
        self.set_interval(1.0, self._tick)
        self._look()

    def _look(self) -> None:
        self._is_told = False
        self.query_one(".restore--realms", Static).update(Content(ASKING))
        self.ask(self._restoration.vault, self._show, self._unasked)

    def _unasked(self, error: ClientError) -> None:
        # Nobody is being asked any more.
        self.query_one(".restore--realms", Static).update("")
        self._say(error)

    def _show(self, vault: VaultView) -> None:
        self._vault, self._read_at, self._is_told = vault, time.monotonic(), True
        tried = self.query_one(Input).disabled
        self._tick()
        if tried:
            self.query_one(Input).focus()

    def _tick(self) -> None:
        if self._vault is None:
            return
        waited, now = time.monotonic() - self._read_at, self._around.clock()
        if self._is_told:
            lines = "\n".join(realm_line(realm, now, waited) for realm in self._vault.realms)
            self.query_one(".restore--realms", Static).update(Content(lines))
        if self._too_early and self._open_now:
            self._too_early = False
            self.say("")
        place = self.query_one(".restore--tries", Static)
        place.update(Content(tries_line(self._vault, waited)))
        place.set_class(not self._open_now, "-closed")
        self.query_one(".restore--go", Button).disabled = self._trying or not self._open_now
        self.query_one(Input).disabled = self._trying or not self._vault.attempts_left

    @property
    def _open_now(self) -> bool:
        """Whether a try would be answered, as far as the realms have said."""
        if self._vault is None:
            return False
        waited = time.monotonic() - self._read_at
        return self._vault.attempts_left > 0 and self._vault.wait_seconds <= waited

    @on(Input.Submitted)
    @on(Button.Pressed, ".restore--go")
    def _try(self) -> None:
        field = self.query_one(Input)
        password = field.value
        if self._trying or not password:
            return
        if not self._open_now:
            self._too_early = True
            self.say("Not yet: nothing was sent, and nothing spent.")
            return
        self._trying = True
        self.tell_keys(UNDER_WAY)
        field.clear()
        self._tick()
        self.say("The realms are checking it…")
        self.ask(lambda: self._restoration.open(password, password=True), self.dismiss, self._refused)

    def _refused(self, error: ClientError) -> None:
        self._trying = False
        self.tell_keys()
        self._say(error)
        self._look()

    def _say(self, error: ClientError) -> None:
        self.say(error.sentence)

    @on(Button.Pressed, ".restore--again")
    def _again(self, event: Button.Pressed) -> None:
        event.stop()
        self.say("")
        self._look()
