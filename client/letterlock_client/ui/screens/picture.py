"""One picture, as large as the terminal allows, in its own pixels or in half blocks; nothing of it is kept.

Must not know the messenger.
"""

from collections.abc import Iterable

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from letterlock_client.models import Picture
from letterlock_client.ui.graphics import Graphics
from letterlock_client.ui.screens.dialog import Dialog
from letterlock_client.ui.widgets.half_blocks import half_blocks


class PictureView(Widget):
    """The picture, one row of text for two of its rows."""

    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self._picture = picture
        self._rows: list[Strip] = []

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as the picture."""
        return self._picture.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Half as high as the picture."""
        return -(-self._picture.height // 2)

    def render_line(self, y: int) -> Strip:
        """One row."""
        if not self._rows:
            self._rows = half_blocks(self._picture, self._picture.width, self.rich_style)
        width = self.size.width
        if y >= len(self._rows):
            return Strip([Segment(" " * width, self.rich_style)])
        return self._rows[y].adjust_cell_length(width, self.rich_style)


class PictureScreen(Dialog[None]):
    """The screen."""

    def __init__(self, picture: Picture, heading: str, graphics: Graphics | None = None) -> None:
        super().__init__(classes="-fit")
        self.heading = heading
        self._picture = picture
        self._graphics = graphics

    def parts(self) -> Iterable[Widget]:
        """The picture."""
        graphics = self._graphics
        yield PictureView(self._picture) if graphics is None else graphics.widget(self._picture)


def room_for(screen: Size, graphics: Graphics | None = None) -> tuple[int, int]:
    """Return how many pixels of a picture this screen has room for, beside the dialog's frame and words."""
    if graphics is not None:
        return graphics.room(screen)
    return max(8, min(240, screen.width - 8)), max(8, min(240, 2 * (screen.height - 10)))
