"""What is shown when the interface fails: where it happened, never what the variables held.

An exception's own text may quote a message, so only its type is told. Must not know the application's parts.
"""

import sys
import traceback
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from textual.app import App


def crash_report(error: BaseException | None) -> str:
    """Return where an error came from: files, lines and functions, and the type at its root."""
    lines = ["Letterlock failed. What you wrote and received is on disk. Where it happened:"]
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            lines.append(f"  {frame.filename}:{frame.lineno} in {frame.name}")
        lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
        error = error.__cause__ or error.__context__
    return "\n".join(lines)


def say_crash(app: "App[int]") -> None:
    """Leave the application and print the report, in place of Textual's own with its local variables."""
    app.panic(Text(crash_report(sys.exc_info()[1] or app._exception)))  # noqa: SLF001
