"""One line of progress: a bar, how much is done, and how long it still takes.

Must not know what goes on.
"""

from textual.content import Content
from textual.widgets import Static

from letterlock_client.backup_models import BackupProgress
from letterlock_client.ui.backup_wording import bar, part_done, progress_line
from letterlock_client.ui.icons import Icons


class ProgressLine(Static):
    """The bar and, below it, phase, counts, rate and time left; hidden while nothing goes on."""

    def __init__(self, icons: Icons) -> None:
        super().__init__(markup=False, classes="progress")
        self._icons = icons
        self._progress: BackupProgress | None = None
        self.display = False

    def show(self, progress: BackupProgress | None) -> None:
        """Show this much from now on; None hides the line."""
        self._progress = progress
        self.display = progress is not None
        self._redraw()

    def on_resize(self) -> None:
        """Draw the bar as wide as there is room."""
        self._redraw()

    def _redraw(self) -> None:
        if self._progress is None:
            return
        part = part_done(self._progress)
        percent = f"{round(part * 100):>3} %" if part is not None else "  …"
        cells = max(8, min(60, self.size.width - 8))
        self.update(
            Content.assemble(
                Content.styled(bar(part, cells, self._icons), "$text-accent"),
                Content(f" {percent}\n{progress_line(self._progress, self._icons)}"),
            )
        )
