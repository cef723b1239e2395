"""Keys as bytes through a pseudo-terminal, and every byte that comes back."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PATIENCE = 20.0


class Terminal:
    """A client in a terminal of 100 by 30."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "TZ": "UTC", "COLORTERM": "truecolor"}
        environment = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
        environment["PYTHONPATH"] = str(ROOT)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.client.ui.crashing_client", str(report)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = b""

    def read(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.master, 65536)
                except OSError:
                    return

    def until(self, wanted: bytes) -> None:
        end = time.monotonic() + PATIENCE
        while wanted not in self.seen:
            assert time.monotonic() < end, self.seen[-2000:]
            self.read(0.1)

    def write(self, data: bytes, rest: float = 0.4) -> None:
        os.write(self.master, data)
        self.read(rest)

    def leave(self) -> int:
        self.write(b"\x11")
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.1)
        return self.process.wait(1)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    running = Terminal(tmp_path / "sent")
    yield running
    if running.process.poll() is None:
        running.process.kill()
        running.process.wait()
    os.close(running.master)


def test_escape_return_makes_a_line_instead_of_sending_half_a_message(terminal: Terminal) -> None:
    terminal.until(b"connected")
    terminal.write(b"\r")
    terminal.until(b"2 new")
    terminal.write(b"first")
    terminal.write(b"\x1b\r")
    terminal.write(b"second")
    terminal.write(b"\n")
    terminal.write(b"third\r", 1.0)
    assert terminal.leave() == 0
    assert terminal.report.read_text() == repr(["first\nsecond\nthird"])


def test_a_crash_shows_where_and_never_what(terminal: Terminal) -> None:
    terminal.until(b"connected")
    terminal.write(b"\x02", 2.0)
    assert terminal.process.wait(PATIENCE) == 1
    terminal.read(0.3)
    shown = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", terminal.seen)
    assert b"Letterlock failed" in shown
    assert b"action_crash" in shown
    assert b"ValueError" in shown
    assert b"correct horse" not in terminal.seen
    assert b"battery" not in terminal.seen
