"""A question with a few answers, chosen by arrow keys and enter.

Must not know the messenger.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList

from letterlock_client.ui.screens.dialog import Dialog, words

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Choice(Generic[Answer]):
    """One answer and its words, sanitised."""

    answer: Answer
    words: str


class ChooseScreen(Dialog[Answer]):
    """The question."""

    asks = True

    hint = "enter chooses · escape leaves everything as it is"

    def __init__(
        self,
        heading: str,
        choices: Sequence[Choice[Answer]],
        *,
        chosen: Answer | None = None,
        facts: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.heading = heading
        self._facts = facts
        self._choices = choices
        self._chosen = chosen

    def parts(self) -> Iterable[Widget]:
        """What there is to know, and the answers."""
        for fact in self._facts:
            yield words(fact, "dialog--text")
        options = OptionList(*(Content(choice.words) for choice in self._choices), markup=False, compact=True)
        answers = [choice.answer for choice in self._choices]
        options.highlighted = answers.index(self._chosen) if self._chosen in answers else 0
        yield options

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the answer."""
        self.dismiss(self._choices[event.option_index].answer)
