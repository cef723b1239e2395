"""The offers above a composer: a short list that keys of the composer move in and take from.

Must not know where the offers come from.
"""

from typing import ClassVar

from textual.content import Content
from textual.widgets import Static

from letterlock_client.sanitize import fit, line_of, width
from letterlock_client.ui.completion import Completion, Offer
from letterlock_client.ui.icons import Icons


class Offers(Static):
    """The list; hidden while there is nothing to offer."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"offers--chosen", "offers--words"}

    def __init__(self, icons: Icons) -> None:
        super().__init__(markup=False)
        self._icons = icons
        self._chosen = 0
        self.completion: Completion | None = None
        self.display = False

    def show(self, completion: Completion | None) -> None:
        """Offer these from now on, or nothing."""
        if completion == self.completion:
            return
        self.completion = completion
        self._chosen = 0
        self.display = completion is not None
        self._draw()

    def step(self, by: int) -> None:
        """Move to another one, round at the ends."""
        if self.completion is not None:
            self._chosen = (self._chosen + by) % len(self.completion.offers)
            self._draw()

    @property
    def chosen(self) -> Offer | None:
        """The one that a key would take."""
        return self.completion.offers[self._chosen] if self.completion is not None else None

    def _draw(self) -> None:
        if self.completion is None:
            return
        offers = self.completion.offers
        column = min(40, max(width(line_of(offer.text)) for offer in offers)) + 2
        lines = []
        for place, offer in enumerate(offers):
            here = place == self._chosen
            name = fit(line_of(offer.text), column - 2)
            sign = self._icons.cursor if here else " "
            style = self.get_visual_style("offers--chosen" if here else "offers--words")
            text = f" {sign} {name}{' ' * (column - width(name))}{line_of(offer.words, 80)}"
            lines.append(Content.styled(text, style))
        keys = "tab or enter takes it" if self.completion.command else "tab takes it"
        hint = f"   {keys} {self._icons.dot} arrows choose {self._icons.dot} escape closes"
        lines.append(Content.styled(hint, self.get_visual_style("offers--words")))
        self.update(Content("\n").join(lines))
