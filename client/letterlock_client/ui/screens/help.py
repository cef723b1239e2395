"""All keys on one page, made from the table of commands.

Must not know the messenger.
"""

from collections.abc import Iterable, Mapping

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from letterlock_client.ui.commands import COMMANDS, Where, keys_of, slashes
from letterlock_client.ui.screens.dialog import Dialog

KEYS = 32
ALWAYS = (
    ("ctrl+p", "All commands, by name"),
    ("tab", "To the next part of the screen"),
    ("ctrl+q", "Leave"),
)


class HelpScreen(Dialog[None]):
    """The page."""

    heading = "Keys"
    hint = "arrows scroll · escape closes"

    def __init__(self, keymap: Mapping[str, str]) -> None:
        super().__init__(classes="-large")
        self._keymap = keymap

    def parts(self) -> Iterable[Widget]:
        """One table a place."""
        yield VerticalScroll(Static(self._page(), markup=False), can_focus=True)

    def _page(self) -> Content:
        lines: list[Content] = []
        for where in Where:
            lines.append(Content.styled(where.value, "bold"))
            rows = [
                (keys_of(spec, self._keymap), spec.help)
                for spec in COMMANDS
                if spec.where is where and keys_of(spec, self._keymap)
            ]
            if where is Where.CLIENT:
                rows += list(ALWAYS)
            lines += [
                Content.assemble(Content.styled(f"  {keys.ljust(KEYS)}", "$text-accent"), Content(text))
                for keys, text in rows
            ]
            lines.append(Content(""))
        lines.append(Content.styled("Typed in a message's place", "bold"))
        for word, spec in slashes().items():
            typed = f"/{word} {spec.argument}".strip()
            lines.append(
                Content.assemble(
                    Content.styled(f"  {typed.ljust(KEYS)}", "$text-accent"), Content(spec.title)
                )
            )
        return Content("\n").join(lines)
