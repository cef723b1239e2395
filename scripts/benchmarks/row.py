"""One line of the benchmark table: ours, theirs, and their ratio."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured. `ratio` is ours over theirs in the sense that the goal names; None: not run."""

    name: str
    unit: str
    ours: float | None
    theirs: float | None
    rival: str
    ratio: float | None
    goal: str
    met: bool | None
    note: str = ""
