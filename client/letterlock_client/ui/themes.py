"""The themes on offer, and where the styles stand.

Two are for those who need the strongest contrast; the others are Textual's own, those that pass a test of contrast.
Must not know widgets.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from textual.theme import Theme

STYLES: Final = Path(__file__).with_name("letterlock.tcss")
"""The style sheet of all panes and screens, for whichever application mounts them."""

DEFAULT: Final = "textual-dark"

CONTRAST_DARK: Final = "contrast-dark"
CONTRAST_LIGHT: Final = "contrast-light"

OFFERED: Final = (
    "textual-dark",
    "textual-light",
    CONTRAST_DARK,
    CONTRAST_LIGHT,
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


def own_themes() -> Iterable["Theme"]:
    """Return the themes that Textual does not have: black and white, and few colours, each far from both grounds."""
    from textual.theme import Theme

    texts = ("primary", "secondary", "accent", "warning", "error", "success")
    for name, dark, ground, ink, panel, soft, colours in (
        (
            CONTRAST_DARK, True, "#000000", "#ffffff", "#444444", "#d8d8d8",
            ("#7fc4ff", "#c9b8ff", "#ffd75f", "#ffb454", "#ff9c9c", "#8ce99a"),
        ),
        (
            CONTRAST_LIGHT, False, "#ffffff", "#000000", "#c4c4c4", "#333333",
            ("#003f8a", "#4a1d8f", "#6b3a00", "#6e3300", "#8c0014", "#00501e"),
        ),
    ):  # fmt: skip
        shades = dict(zip(texts, colours, strict=True))
        variables = {f"text-{each}": colour for each, colour in shades.items()}
        field = "#202020" if dark else "#ececec"
        variables |= {"surface-lighten-1": field, "surface-lighten-2": field}
        variables |= {"text": ink, "text-muted": soft, "text-disabled": soft, "border": ink}
        yield Theme(
            name=name,
            dark=dark,
            foreground=ink,
            background=ground,
            surface=ground,
            panel=panel,
            variables=variables,
            text_alpha=1.0,
            **shades,  # type: ignore[arg-type]
        )
