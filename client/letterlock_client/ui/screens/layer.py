"""A screen among others above each other: what changes on one of them shows at the margins of all that lie above it.

Textual paints anew the one that changed and the top one, and lets those between show what they have kept of it. Must
not know what stands on a screen.
"""

from typing import TypeVar

from rich.console import RenderableType
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import Screen

Result = TypeVar("Result")


class Layer(Screen[Result]):
    """The screen; one whose background is translucent shows the one below it, dimmed."""

    def render(self) -> RenderableType:
        """Return the background, which is the screen right below where it shines through."""
        below = self._below()
        if below is None or self.styles.background.a == 1:
            return super().render()
        # Textual takes the next of a list each time it asks: a screen that is painted without those above it, gets
        # another's.
        return BackgroundScreen(below, self.styles.background)

    def _below(self) -> Screen[object] | None:
        stack = self.app.screen_stack
        place = stack.index(self) if self in stack else 0
        return stack[place - 1] if place else None

    def _compositor_refresh(self) -> None:
        # Its own, of no promise: a Textual without it paints those between later, and nothing breaks.
        changed = tuple(getattr(self._compositor, "_dirty_regions", ()))
        super()._compositor_refresh()
        stack = self.app.screen_stack
        if changed and self in stack:
            for between in stack[stack.index(self) + 1 : -1]:
                between.refresh(*changed)
