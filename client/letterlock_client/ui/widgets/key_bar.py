"""The keys that matter, in one line below: the first ones, as many as there is whole room for.

Must not know what any key does.
"""

from textual import events
from textual.widget import Widget
from textual.widgets import Footer


class KeyBar(Footer):
    """A footer that leaves keys out where there is no room, and cuts none in two."""

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
