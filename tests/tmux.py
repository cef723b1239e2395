"""A client in a real terminal: tmux draws what it prints, keys go in as bytes.

Nothing here sleeps and hopes: what is to stand on the screen is waited for, with a deadline.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

PATIENCE_S = 30.0
LOOK_S = 0.05

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Tmux:
    """A tmux server of its own, without anybody's settings."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def ask(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", os.devnull, *words]
        # These two would tell a program another size than that of its terminal.
        around = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        done = subprocess.run(command, env=around, capture_output=True, text=True, timeout=PATIENCE_S)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def end(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)


class Seat:
    """One person before one terminal."""

    def __init__(self, tmux: Tmux, name: str, size: tuple[int, int] = (110, 40)) -> None:
        self.name = name
        self._tmux = tmux
        self._size = size

    def open(self, home: Path, profile: str, **environment: str) -> None:
        """Start the client of a profile."""
        set_as = [f"-e{key}={value}" for key, value in self._surroundings(home, environment).items()]
        width, height = (str(side) for side in self._size)
        command = [sys.executable, "-m", "letterlock_client.cli", "--profile", profile]
        self._tmux.ask(
            "new-session", "-d", "-s", self.name, "-x", width, "-y", height, *set_as, *command
        )  # fmt: skip

    def _surroundings(self, home: Path, more: Mapping[str, str]) -> dict[str, str]:
        return {"LETTERLOCK_HOME": str(home), "TZ": "UTC", **more}

    def screen(self) -> str:
        return self._tmux.ask("capture-pane", "-p", "-t", self.name)

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed that was not on disk."""
        os.kill(int(self._tmux.ask("display-message", "-p", "-t", self.name, "#{pane_pid}")), signal.SIGKILL)
        end = time.monotonic() + PATIENCE_S
        while self.name in self._tmux.ask("list-sessions", "-F", "#{session_name}").split():
            assert time.monotonic() < end, f"{self.name}'s terminal stays"
            time.sleep(LOOK_S)

    def sees(self, *wanted: str) -> None:
        """Wait until all of it stands on the screen."""
        end = time.monotonic() + PATIENCE_S
        while missing := [each for each in wanted if each not in (screen := self.screen())]:
            assert time.monotonic() < end, f"{self.name} does not see {missing}:\n{screen}"
            time.sleep(LOOK_S)

    def finds(self, pattern: re.Pattern[str], count: int) -> list[str]:
        """Wait until so many of them stand on the screen, and return them."""
        end = time.monotonic() + PATIENCE_S
        while len(found := pattern.findall(screen := self.screen())) != count:
            assert time.monotonic() < end, (
                f"{self.name} does not find {count} of {pattern.pattern}:\n{screen}"
            )
            time.sleep(LOOK_S)
        return found

    def sees_no_more(self, unwanted: str) -> None:
        """Wait until it does not stand on the screen."""
        end = time.monotonic() + PATIENCE_S
        while unwanted in (screen := self.screen()):
            assert time.monotonic() < end, f"{self.name} still sees {unwanted!r}:\n{screen}"
            time.sleep(LOOK_S)

    def presses(self, *keys: str) -> None:
        self._tmux.ask("send-keys", "-t", self.name, *keys)

    def types(self, text: str, shown: str | None = None) -> None:
        """Type a text, and wait until it, or what it is shown as, stands on the screen."""
        self._tmux.ask("send-keys", "-t", self.name, "-l", "--", text)
        self.sees(text if shown is None else shown)

    def moves_on(self) -> None:
        """Press tab, and wait until the cursor stands in another line."""
        before = self._cursor()
        self.presses("Tab")
        end = time.monotonic() + PATIENCE_S
        while self._cursor() == before:
            assert time.monotonic() < end, f"{self.name}'s cursor stays:\n{self.screen()}"
            time.sleep(LOOK_S)

    def _cursor(self) -> str:
        return self._tmux.ask("display-message", "-p", "-t", self.name, "#{cursor_y}")
