"""A QR code in half blocks, always black on white, so that a camera reads it under every theme.

Must not know what the code holds.
"""

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

BORDER = 2
"""Light modules around the code. The standard asks for four; cameras manage with two, small terminals cannot."""

_BLACK = "#000000"
_WHITE = "#ffffff"


class QrCode(Widget):
    """The code, two modules a cell."""

    def __init__(self, data: bytes | str) -> None:
        super().__init__()
        # Imported on use: the first screen should not wait for what few ever open.
        import segno

        code = segno.make(data, error="l" if len(data) > 120 else "m", micro=False, boost_error=False)
        self._modules = [list(map(bool, line)) for line in code.matrix_iter(border=BORDER)]
        if len(self._modules) % 2:
            self._modules.append([False] * len(self._modules[0]))
        self.styles.width = len(self._modules[0])
        self.styles.height = len(self._modules) // 2

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As many columns as modules."""
        return len(self._modules[0])

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Half as many rows."""
        return len(self._modules) // 2

    def render_line(self, y: int) -> Strip:
        """Draw two rows of modules."""
        upper, lower = self._modules[2 * y], self._modules[2 * y + 1]
        style = Style(color=_BLACK, bgcolor=_WHITE)
        signs = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
        text = "".join(signs[pair] for pair in zip(upper, lower, strict=True))
        return Strip([Segment(text, style)], len(text))
