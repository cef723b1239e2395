"""The keys that matter, on the last line: the first ones, as many as there is whole room for.

Textual makes every key of its footer anew at each change of focus: at the start, five times before the first message
is seen. Here they are made anew only when other keys work. Must not know what any key does.
"""

from typing import TYPE_CHECKING

from textual import events
from textual.widget import Widget
from textual.widgets import Footer

if TYPE_CHECKING:
    from textual.screen import Screen


class KeyBar(Footer):
    """A footer that leaves keys out where there is no room, and cuts none in two."""

    _shown: tuple[tuple[str, str, bool], ...] | None = None

    def bindings_changed(self, screen: "Screen[object]") -> None:
        """Other keys may work now; make them anew if those that are shown differ."""
        active = screen.active_bindings.values()
        shown = tuple(
            (each.binding.key, each.binding.description, each.enabled) for each in active if each.binding.show
        )
        if shown != self._shown and screen is self.screen and screen.app.app_focus:
            self._shown = shown
            super().bindings_changed(screen)

    async def recompose(self) -> None:
        """Other keys hold now."""
        await super().recompose()
        self._fit(self.size.width)

    def on_resize(self, event: events.Resize) -> None:
        """There is more room, or less."""
        self._fit(event.size.width)

    def _fit(self, columns: int) -> None:
        keys = list(self.query("FooterKey"))
        # The palette stands at the right, whatever else there is.
        palette = [key for key in keys if key.has_class("-command-palette")]
        room = columns - sum(map(self._cells, palette))
        for key in keys:
            if key not in palette:
                room -= self._cells(key)
                key.display = room >= 0

    def _cells(self, key: Widget) -> int:
        """Columns that a key takes, with its margin or the border beside it."""
        return key.get_content_width(self.size, self.app.size) + 1
