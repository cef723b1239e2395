"""Choosing an emoji for a message: a grid, made smaller by typing a part of a name.

Must not know the messenger.
"""

from collections.abc import Iterable
from typing import Final

from textual import on
from textual.content import Content
from textual.events import Key
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input

from letterlock_client.emoji import search
from letterlock_client.sanitize import emoji_of, line_of
from letterlock_client.ui.screens.dialog import Dialog

COLUMNS: Final = 8
ROWS: Final = 4
_STEPS: Final = {"left": -1, "right": 1, "up": -COLUMNS, "down": COLUMNS}


class EmojiGrid(Widget):
    """The emoji on offer; brackets stand around the one that enter takes."""

    chosen: reactive[int] = reactive(0)

    def __init__(self, mine: str) -> None:
        super().__init__()
        self._mine = mine
        self._offered = search("", COLUMNS * ROWS)

    def offer(self, words: str) -> None:
        """Show those whose name fits."""
        self._offered = search(words, COLUMNS * ROWS)
        self.chosen = 0
        self.refresh()

    def step(self, by: int) -> None:
        """Move to another one."""
        if 0 <= self.chosen + by < len(self._offered):
            self.chosen += by

    def emoji(self) -> str:
        """The chosen one, or an empty text where none fits."""
        return self._offered[self.chosen][0] if self._offered else ""

    def render(self) -> Content:
        """The grid, and the name of the chosen one below it."""
        cells = []
        for place, (emoji, _) in enumerate(self._offered):
            here = place == self.chosen
            cells.append(Content.styled(f"[{emoji}]" if here else f" {emoji} ", "bold" if here else ""))
            if place % COLUMNS == COLUMNS - 1:
                cells.append(Content("\n"))
        if not self._offered:
            return Content("No emoji has such a name.")
        emoji, name = self._offered[self.chosen]
        yours = " (yours: enter takes it back)" if emoji == self._mine else ""
        below = "" if len(self._offered) % COLUMNS == 0 else "\n"
        return Content.assemble(*cells, f"{below}\n:{name}:{yours}")

    def on_click(self, event: object) -> None:
        """Clicks go to the field: the grid is moved in by arrow keys."""
        self.screen.query_one(Input).focus()


class ReactScreen(Dialog[str]):
    """The grid and the field. Choosing the present one takes it back."""

    heading = "React"
    hint = "type a name, or paste an emoji · arrows move · enter chooses · escape closes"

    def __init__(self, mine: str) -> None:
        super().__init__()
        self._mine = mine

    def parts(self) -> Iterable[Widget]:
        """What is yours now, the field, the grid."""
        now = f" (now {emoji_of(self._mine)})" if self._mine else ""
        yield Input(placeholder=f"part of a name, such as :heart{now}", compact=True, max_length=32)
        yield EmojiGrid(self._mine)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Offer what fits."""
        self.query_one(EmojiGrid).offer(event.value)

    def on_key(self, event: Key) -> None:
        """Arrow keys move in the grid while the field is written in."""
        step = _STEPS.get(event.key)
        if step is not None and not (event.key in ("left", "right") and self.query_one(Input).value):
            event.stop()
            event.prevent_default()
            self.query_one(EmojiGrid).step(step)

    @on(Input.Submitted)
    def _choose(self, event: Input.Submitted) -> None:
        typed = line_of(event.value).strip()
        emoji = self.query_one(EmojiGrid).emoji()
        if typed and not typed.isascii():
            self.dismiss(emoji_of(typed))
        elif emoji:
            self.dismiss(emoji)
