"""The READMEs show every picture that is drawn, and no other; none of them needs anything from elsewhere."""

import re
from pathlib import Path

from scripts.drawing.screens import SCREENS

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "client" / "pictures"
MOST_BYTES = 100_000


def test_every_picture_is_drawn_and_shown() -> None:
    drawn = {f"{screen.name}.svg" for screen in SCREENS} | {"stage.svg"}
    shown = {
        (readme.parent / link).resolve()
        for readme in (ROOT / "README.md", ROOT / "client" / "README.md")
        for link in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme.read_text(encoding="utf-8"))
    }
    assert {path.name for path in PICTURES.iterdir()} == drawn
    assert shown == {PICTURES / name for name in drawn}


def test_pictures_are_small_and_ask_nobody_for_anything() -> None:
    for path in PICTURES.iterdir():
        text = path.read_text(encoding="utf-8")
        assert len(text.encode()) <= MOST_BYTES, path.name
        addresses = set(re.findall(r"[a-z]+://[^\s\"'<)]+", text)) - {"http://www.w3.org/2000/svg"}
        # What stands on the screen itself, and leads nowhere.
        assert {
            each for each in addresses if not re.match(r"wss?://[a-z0-9.]+|https://example", each)
        } == set()
        assert set(re.findall(r"url\((.)", text)) <= {"#"}
        assert "<script" not in text
