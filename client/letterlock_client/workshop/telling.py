"""How a story is told: acts, statements that are checked when they are made, and things that are only shown.

Must not know what the story is.
"""

import hashlib

from letterlock_client.output import Output
from letterlock_client.workshop.processes import Outcome


class Telling:
    """One telling: prints each statement with whether it holds, and counts."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.failures = 0
        self.statements = 0

    def act(self, title: str) -> None:
        """Begin an act."""
        self._output.result({"type": "act", "title": title}, f"\n== {title}")

    def check(self, statement: str, holds: bool, detail: object = "") -> None:
        """Make a statement, and say whether it holds."""
        self.statements += 1
        self.failures += not holds
        mark = "ok  " if holds else "FAIL"
        more = f"\n       {detail}" if detail and not holds else ""
        self._output.result(
            {"type": "statement", "text": statement, "holds": holds}, f"  {mark} {statement}{more}"
        )

    def show(self, text: str) -> None:
        """Show something that needs no check."""
        self._output.result({"type": "shown", "text": text}, f"       {text}")

    def end(self) -> bool:
        """Say how many statements hold; return whether all do."""
        kept = f"All {self.statements} statements were checked and hold."
        broken = f"{self.failures} of {self.statements} statements do NOT hold."
        self._output.result(
            {"type": "end", "statements": self.statements, "failures": self.failures},
            f"\n{broken if self.failures else kept}",
        )
        return not self.failures


def texts(outcome: Outcome) -> list[str]:
    """The texts of the messages that a `receive` printed."""
    return [str(line["text"]) for line in outcome.lines if line["type"] == "message"]


def digest(content: bytes) -> str:
    """Name some bytes."""
    return hashlib.sha256(content).hexdigest()
