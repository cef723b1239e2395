"""The least application of Textual's there is, for the first paint; it imports nothing else."""

from textual.app import App, ComposeResult
from textual.widgets import Static

MARK = "READY"


class MinimalApp(App[None]):
    """One word."""

    def compose(self) -> ComposeResult:
        yield Static(MARK)


if __name__ == "__main__":
    MinimalApp().run()
