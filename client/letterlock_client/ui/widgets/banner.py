"""A line across a chat that must be seen: a changed key, a warning, a request, a block.

Says its matter in words first; colour only underlines it. Must not know the messenger.
"""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import Button, Static


class Banner(Vertical):
    """The line, with at most two answers; hidden while there is nothing to say."""

    class Answered(TextualMessage):
        """A button of the banner: `answer` is its name."""

        def __init__(self, answer: str) -> None:
            super().__init__()
            self.answer = answer

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, tuple[tuple[str, str], ...]] = ("", ())
        self.display = False

    def compose(self) -> ComposeResult:
        """A text and two buttons."""
        yield Static(markup=False, classes="banner--text")
        with Horizontal(classes="banner--answers"):
            yield Button("", classes="banner--answer", compact=True)
            yield Button("", classes="banner--answer", compact=True)

    def say(self, text: str, *answers: tuple[str, str], severe: bool = False) -> None:
        """Show a sanitised text with answers (name, words); an empty text hides the banner."""
        if (text, answers) == self._shown:
            return
        self._shown = (text, answers)
        self.set_class(severe, "-severe")
        self.display = bool(text)
        self.query_one(Static).update(Content(text))
        for place, button in enumerate(self.query(Button)):
            button.display = place < len(answers)
            if button.display:
                button.label = Content(answers[place][1])

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Pass the answer on."""
        event.stop()
        place = list(self.query(Button)).index(event.button)
        self.post_message(self.Answered(self._shown[1][place][0]))
