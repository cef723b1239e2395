"""Writes a screen as a picture: the same screen gives the same bytes."""

import re
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot

PICTURES = Path(__file__).parents[2] / "client" / "pictures"


async def settle(pilot: Pilot[Any]) -> None:
    """Let everything that was asked for be drawn."""
    for _ in range(12):
        await pilot.pause()


def save(app: App[Any], name: str) -> None:
    """Write the screen, without addresses of fonts and without numbers that differ from run to run."""
    svg = app.export_screenshot(title="Letterlock", simplify=True)
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+-", "t-", svg)
    svg = svg.replace("Fira Code,", "Fira Code, DejaVu Sans Mono, Menlo,")
    path = PICTURES / f"{name}.svg"
    path.write_text("\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n")
    print(f"{path.relative_to(PICTURES.parents[1])}: {path.stat().st_size:,} bytes")
