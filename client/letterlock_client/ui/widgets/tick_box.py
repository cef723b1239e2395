"""A box that is ticked or empty, and looks so without colours.

Textual's own shows the same mark in both states and tells them apart by colour alone, draws the frame in the colour of
the mark's ground, and cuts a label that is longer than its line.
"""

from textual.content import Content
from textual.css.styles import RulesMap
from textual.geometry import Size
from textual.widgets import Checkbox


class TickBox(Checkbox):
    """A check box with an empty inside when it is off, in the colour of its label."""

    @property
    def _button(self) -> Content:
        return Content.styled("[x]" if self.value else "[ ]", self.get_visual_style("toggle--button"))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the label takes."""
        return self.render().get_height(RulesMap(), width)
