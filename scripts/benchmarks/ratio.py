"""Rows whose goal is a ratio of ours over theirs."""

from scripts.benchmarks.row import Row


def ratio_row(
    names: tuple[str, str, str],
    values: tuple[float, float | None],
    *,
    least: float | None = None,
    most: float | None = None,
    note: str = "",
) -> Row:
    """Ours over theirs, which is to be at least, or at most, so much. `names` are name, unit and rival.

    Theirs is None where it was not run.
    """
    ours, theirs = values
    ratio = ours / theirs if theirs else None
    goal, met = "", None
    if least is not None:
        goal, met = f">= {least:g}", None if ratio is None else ratio >= least
    elif most is not None:
        goal, met = f"<= {most:g}", None if ratio is None else ratio <= most
    name, unit, rival = names
    return Row(name, unit, ours, theirs, rival, ratio, goal, met, note)
