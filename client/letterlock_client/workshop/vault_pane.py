"""Behind the scenes of a backup: what its provider has, what each realm of the vault has, and what happened.

Shows a `Sight`. Must not know how one comes to be.
"""

from typing import Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from letterlock_client.backup_models import RealmState
from letterlock_client.sanitize import fit, line_of
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.wording import size
from letterlock_client.workshop.keepers import SeenObject, SeenRealm, Sight

_SHOWN: Final = 8
"""How many of the provider's objects are named."""
_STATES: Final = {
    RealmState.UNREACHABLE: "dead",
    RealmState.DESTROYED: "destroyed: a tombstone says so",
    RealmState.NEVER_REGISTERED: "knows nothing of Bob",
}
_THRESHOLD: Final = 2
GONE: Final = "The vault gives no key back any more"
STILL: Final = "No password opens the backup now. The 64 digits still do: they need no vault."
ALONE: Final = "One alone has a share that says nothing, and counts guesses."


class VaultPane(VerticalScroll):
    """What happened last, the provider, the realms below it, then what happened before, the newest first."""

    def __init__(self, icons: Icons) -> None:
        super().__init__(id="vault", classes="party")
        self._icons = icons
        self._text = Static(markup=False, classes="vault--text")
        self._sight = Sight()

    def compose(self) -> ComposeResult:
        """One text."""
        yield self._text

    def on_resize(self) -> None:
        """Fit the lines."""
        self.show(self._sight)

    def show(self, sight: Sight) -> None:
        """Show what can be seen now."""
        self._sight = sight
        room = max(20, self.scrollable_content_region.width - 2)
        notes = [Content(f"{self._icons.dot} {line_of(note, 400)}") for note in reversed(sight.notes)]
        # What the last act came to stands on top: in a low terminal the rest reaches below the frame.
        lines = [_heading("What happened last"), notes[0], Content("")] if notes else []
        lines += [*self._provider(sight, room), Content(""), *self._vault(sight, room)]
        lines += [Content(""), _heading("Before that"), *notes[1:]] if notes[1:] else []
        self._text.update(Content("\n").join(lines))

    def _provider(self, sight: Sight, room: int) -> list[Content]:
        total = size(sum(each.size for each in sight.objects))
        lines = [_heading(f"The provider has {len(sight.objects)} sealed objects, {total}")]
        for each in sight.objects[-_SHOWN:]:
            lines += [
                _object(each, room),
                Content.styled(f"  {fit(_grouped(each.head), room - 2)}", "$text-primary"),
            ]
        lines.append(Content.styled("It cannot tell whose they are, nor what is in them.", "$text-success"))
        return lines

    def _vault(self, sight: Sight, room: int) -> list[Content]:
        gone = _gives_nothing(sight)
        lines = [_heading(GONE if gone else "The vault: two of three give a key back")]
        if not sight.realms:
            return [*lines, Content.styled("No realm runs yet.", "dim")]
        for realm in sight.realms:
            sign = self._icons.failed if realm.state in _STATES else self._icons.online
            lines.append(
                Content.styled(f"{sign} {realm.name}, {size(realm.disk)} on its disk", _style(realm))
            )
            lines.append(Content.styled(f"  {_standing(realm, enough=not gone)}", _style(realm)))
        lines.append(Content.styled(STILL if gone else ALONE, "$text-success"))
        return lines


def _gives_nothing(sight: Sight) -> bool:
    """Whether guesses destroyed what two realms must have."""
    left = sum(realm.state not in (RealmState.DESTROYED, RealmState.UNREACHABLE) for realm in sight.realms)
    return left < _THRESHOLD and any(realm.state is RealmState.DESTROYED for realm in sight.realms)


def _standing(realm: SeenRealm, *, enough: bool) -> str:
    if realm.state in _STATES:
        because = ": two of three are enough" if enough and realm.state is RealmState.UNREACHABLE else ""
        return f"{_STATES[realm.state]}{because}"
    return f"guesses left: {realm.with_sheet} by sheet, {realm.with_handle} by handle"


def _style(realm: SeenRealm) -> str:
    return "$text-error" if realm.state in _STATES else ""


def _heading(text: str) -> Content:
    return Content.styled(text, "bold")


def _object(each: SeenObject, room: int) -> Content:
    amount = f"{each.size:,} B"
    return Content(f"{fit(each.name, room - len(amount) - 2)}  {amount}")


def _grouped(head: str) -> str:
    return " ".join(head[at : at + 4] for at in range(0, len(head), 4)) + "…"
