"""The themes on offer, and where the styles stand.

All are Textual's own, those of them that pass a test of contrast. Must not know widgets.
"""

from pathlib import Path
from typing import Final

STYLES: Final = Path(__file__).with_name("letterlock.tcss")
"""The style sheet of all panes and screens, for whichever application mounts them."""

DEFAULT: Final = "textual-dark"

OFFERED: Final = (
    "textual-dark",
    "textual-light",
    "nord",
    "gruvbox",
    "catppuccin-mocha",
    "catppuccin-latte",
    "dracula",
    "tokyo-night",
    "monokai",
    "flexoki",
    "rose-pine",
    "rose-pine-dawn",
)
