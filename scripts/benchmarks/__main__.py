"""Run the benchmarks and print the table: what was measured, ours, theirs, ratio, goal, met."""

import argparse
import importlib
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

from scripts.benchmarks.row import Row

ROOMS = ("ratchet", "relay", "terminal", "storage", "backup")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("rooms", nargs="*", metavar="|".join(ROOMS), help="which (all)")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and smaller sizes")
    parser.add_argument("--json", action="store_true", help="one object a line")
    given = parser.parse_args()
    if unknown := sorted(set(given.rooms) - set(ROOMS)):
        parser.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(ROOMS)}")
    missed = 0
    if not given.json:
        print(HEADING)
    for room, row in measured(given.rooms or ROOMS, quick=given.quick):
        missed += row.met is False
        print(json.dumps({"room": room, **asdict(row)}) if given.json else as_line(row), flush=True)
    if not given.json:
        print(f"\n{missed} goals missed" if missed else "\nno goal missed")
    return 0


def measured(rooms: "list[str] | tuple[str, ...]", *, quick: bool) -> Iterator[tuple[str, Row]]:
    for room in rooms:
        module = importlib.import_module(f"scripts.benchmarks.{room}")
        for row in module.rows(quick):
            yield room, row


WIDTHS = (44, 12, 12, 26, 8, 30)
HEADING = "  ".join(
    text.ljust(width)
    for text, width in zip(("measured", "ours", "theirs", "rival", "ratio", "goal"), WIDTHS, strict=True)
)


def as_line(row: Row) -> str:
    cells = (
        f"{row.name} [{row.unit}]",
        number(row.ours),
        number(row.theirs),
        row.rival,
        number(row.ratio),
        row.goal,
    )
    line = "  ".join(text.ljust(width) for text, width in zip(cells, WIDTHS, strict=True))
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    return f"{line}  {verdict}  {row.note}".rstrip()


def number(value: float | None) -> str:
    if value is None:
        return "not run"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
