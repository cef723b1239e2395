"""However a visitor leaves the stage, no process and no folder stays behind."""

import asyncio
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

PATIENCE_S = 60


class Terminal:
    """`letterlock demo` in a terminal of its own."""

    def __init__(self, temporary: Path, *program: str) -> None:
        self.temporary = temporary
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *(program or ("-m", "letterlock_client.cli", "demo"))],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0) and None,
            env={**os.environ, "TMPDIR": str(temporary), "TERM": "xterm-256color"},
        )
        os.close(slave)
        os.set_blocking(self.master, False)
        self.said = b""

    def look(self) -> bytes:
        with suppress(OSError):
            while piece := os.read(self.master, 65_536):
                self.said += piece
        return self.said

    async def shows(self, text: bytes) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while text not in self.look():
                assert self.process.poll() is None, self.said[-2000:]
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            while self.process.poll() is None:
                self.look()
                await asyncio.sleep(0.05)
        return self.process.returncode

    async def nothing_stays(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.left_behind():
                await asyncio.sleep(0.05)

    def left_behind(self) -> list[str]:
        """Folders of the stage, and processes that were started with its temporary folder."""
        marks = []
        for environment in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if f"TMPDIR={self.temporary}".encode() in environment.read_bytes():
                    marks.append(environment.parent.name)
        return [*marks, *map(str, self.temporary.glob("letterlock-stage-*"))]

    def close(self) -> None:
        with suppress(OSError):
            os.close(self.master)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    yield opened
    opened.close()


async def test_ctrl_q_leaves_the_stage_with_status_0(terminal: Terminal) -> None:
    await terminal.shows(b"What the relay sees")
    await terminal.shows(b"Message")
    os.write(terminal.master, b"\x11")
    assert await terminal.ended() == 0
    await terminal.nothing_stays()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
async def test_a_signal_leaves_nothing_behind(terminal: Terminal, number: signal.Signals) -> None:
    await terminal.shows(b"What the relay sees")
    await terminal.shows(b"Message")
    terminal.process.send_signal(number)
    assert await terminal.ended() == (0 if number is not signal.SIGKILL else -signal.SIGKILL)
    await terminal.nothing_stays()


async def test_a_closed_terminal_leaves_nothing_behind(terminal: Terminal) -> None:
    await terminal.shows(b"What the relay sees")
    os.close(terminal.master)
    await terminal.ended()
    await terminal.nothing_stays()


async def test_leaving_while_the_stage_is_being_set_leaves_nothing_behind(terminal: Terminal) -> None:
    await terminal.shows(b"Setting the stage")
    terminal.process.send_signal(signal.SIGINT)
    await terminal.ended()
    await terminal.nothing_stays()


def test_without_a_terminal_one_sentence_says_what_to_do() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "letterlock_client.cli", "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 1
    assert "--headless" in done.stderr
    assert len(done.stderr.splitlines()) == 1


WITHOUT_RELAY = """
import sys
from letterlock_client.workshop import stage, watched_relay
watched_relay.relay_command = lambda port, store: ("/bin/sh", "-c", "echo the disk is on fire >&2; exit 3")
sys.exit(stage.run_stage())
"""


async def test_a_relay_that_does_not_start_is_one_sentence_and_status_1(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "-c", WITHOUT_RELAY)
    try:
        assert await terminal.ended() == 1
        said = terminal.look().decode()
        assert "The relay could not be started: the disk is on fire." in said
        assert "Traceback" not in said
        await terminal.nothing_stays()
    finally:
        terminal.close()
