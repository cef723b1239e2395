"""Pictures are drawn in the terminal's own pixels where it says that it has them, and in half blocks elsewhere."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading
from pathlib import Path

import pytest
from textual.geometry import Size
from textual.widgets import Static

from letterlock_client.ui.graphics import MOST_HIGH, MOST_WIDE, Graphics, ask_terminal, may_draw
from letterlock_client.ui.screens.picture import room_for

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
INHERITED = ("TMUX", "STY", "TERM_PROGRAM", "COLUMNS", "LINES")
"""What the terminal around the suite says of itself: it is not the one under test."""
QUESTION = re.compile(rb"\x1b_G(?=[^\x1b]*a=q)(?:[^\x1b]*,)?i=(\d+)[^\x1b]*\x1b\\")


class Kitty:
    """The terminal's end: it answers as kitty does, or as one that draws nothing, and keeps what it is told."""

    def __init__(self, descriptor: int, *, draws: bool) -> None:
        self._descriptor, self._draws = descriptor, draws
        self.told = b""
        self._answered = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                part = os.read(self._descriptor, 65536)
            except OSError:
                return
            if not part:
                return
            self.told += part
            self._answer()

    def _answer(self) -> None:
        new, self._answered = self.told[self._answered :], len(self.told)
        if b"\x1b[c" in new:
            os.write(self._descriptor, b"\x1b[?62;c")
        if self._draws and (found := QUESTION.search(new)):
            os.write(self._descriptor, b"\x1b_Gi=%b;OK\x1b\\" % found[1])

    def ended(self) -> None:
        self._thread.join(PATIENCE_S)


async def shown(*, draws: bool, term: str = "xterm-kitty") -> bytes:
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 1000, 600))
    around = {name: value for name, value in os.environ.items() if name not in INHERITED}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.client.ui.sharp_terminal",
        cwd=ROOT, stdin=there, stdout=there, stderr=there, start_new_session=True, env=around | {"TERM": term},
    )  # fmt: skip
    os.close(there)
    terminal = Kitty(here, draws=draws)
    async with asyncio.timeout(PATIENCE_S):
        assert await process.wait() == 0, terminal.told[-3000:]
    await asyncio.to_thread(terminal.ended)
    os.close(here)
    return terminal.told


async def test_a_terminal_that_has_pixels_gets_them() -> None:
    told = await shown(draws=True)
    assert re.search(rb"\x1b_G[^\x1b]*f=(24|32|100)[^\x1b]*;[A-Za-z0-9+/=]{40,}\x1b", told), (
        "a picture was sent"
    )
    assert b"room 920 400" in told.replace(b"\r", b"")
    assert b"cells 30 5" in told.replace(b"\r", b""), "300 by 100 pixels, in cells of 10 by 20"


async def test_a_terminal_that_says_no_gets_half_blocks() -> None:
    told = await shown(draws=False)
    assert "▀".encode() in told
    assert b"room 92 40" in told.replace(b"\r", b"")


async def test_a_terminal_that_might_show_the_question_is_not_asked() -> None:
    told = await shown(draws=True, term="vt220")
    assert b"\x1b_G" not in told
    assert "▀".encode() in told


@pytest.mark.parametrize(
    ("around", "asked"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "foot-extra"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, True),
        ({"TERM": "xterm-256color", "XTERM_VERSION": "XTerm(379)"}, True),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({}, False),
    ],
)
def test_only_terminals_that_are_known_to_answer_are_asked(around: dict[str, str], asked: bool) -> None:
    assert may_draw(around) is asked
    # No test runs on a terminal of its own.
    assert ask_terminal(around) is None


def test_a_picture_has_the_room_of_its_cells_and_an_end() -> None:
    graphics = Graphics(10, 20, lambda _: Static())
    assert graphics.room(Size(108, 40)) == (1000, 600)
    assert graphics.room(Size(1000, 1000)) == (MOST_WIDE, MOST_HIGH)
    assert room_for(Size(108, 40), graphics) == (1000, 600)
    assert room_for(Size(108, 40)) == (100, 60)
