"""Choosing an emoji for a message.

Must not know the messenger.
"""

from collections.abc import Iterable
from typing import Final

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList

from letterlock_client.sanitize import emoji_of
from letterlock_client.ui.screens.dialog import Dialog

OFFERED: Final = (
    ("👍", "thumbs up"),
    ("❤", "heart"),
    ("😂", "laughing"),
    ("😮", "surprised"),
    ("😢", "sad"),
    ("🙏", "thank you"),
    ("🎉", "party"),
    ("👀", "looking"),
)


class ReactScreen(Dialog[str]):
    """A few emoji with their names, and a field for others. Choosing the present one takes it back."""

    heading = "React"
    hint = "enter chooses, the chosen one again takes it back · escape closes"

    def __init__(self, mine: str) -> None:
        super().__init__()
        self._mine = mine

    def parts(self) -> Iterable[Widget]:
        """The list and the field."""
        yield OptionList(
            *(
                Content(f"{emoji} {name}{' (yours)' if emoji == self._mine else ''}")
                for emoji, name in OFFERED
            ),
            markup=False,
            compact=True,
        )
        yield Input(placeholder="or another one", compact=True, max_length=16)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the emoji."""
        self.dismiss(OFFERED[event.option_index][0])

    @on(Input.Submitted)
    def _other(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(emoji_of(event.value))
