"""The keys that matter, in one line below: as many as there is room for, the first ones and the last.

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
        # The palette stands at the right, whatever else there is; the last key is the one for help.
        always = [key for key in keys if key.has_class("-command-palette")]
        others = [key for key in keys if key not in always]
        room = columns - sum(map(self._cells, [*always, *others[-1:]]))
        for key in others[:-1]:
            room -= self._cells(key)
            key.display = room >= 0

    def _cells(self, key: Widget) -> int:
        """Columns that a key takes, with its margin or the border beside it."""
        return key.get_content_width(self.size, self.app.size) + 1
