"""A box that is ticked or empty, and looks so without colours.

Textual's own shows the same mark in both states and tells them apart by colour alone.
"""

from textual.widgets import Checkbox


class TickBox(Checkbox):
    """A check box with an empty inside when it is off."""

    BUTTON_LEFT = "["
    BUTTON_RIGHT = "]"

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802 (Textual's name)
        """The mark: there, or not."""
        return "x" if self.value else " "
