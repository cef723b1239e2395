"""Real processes for the workshop: a relay that can be killed and started again, and commands run as people run them.

Everything lives under one temporary folder and dies with it. Must not know what the story is.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

START_S: Final = 20.0
COMMAND_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and what it printed."""

    status: int
    lines: list[dict[str, Any]]
    error: dict[str, Any]

    @property
    def last(self) -> dict[str, Any]:
        """The last line: the result."""
        return self.lines[-1] if self.lines else {}


class Person:
    """Somebody with a profile under the workshop's folder, who acts through the `letterlock` command."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder

    async def run(self, *words: str) -> Outcome:
        """Run one command as this person, with --json."""
        options = ("--profile", self.name, "--no-passphrase", "--json")
        return await run_command(*options, *words, home=self.folder)


async def run_command(*words: str, home: Path) -> Outcome:
    """Run the `letterlock` command, its profiles under `home`, and wait for its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "letterlock_client.cli", *words,
        env={**os.environ, "LETTERLOCK_HOME": str(home)},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(COMMAND_S):
            printed, complained = await process.communicate()
    except TimeoutError:
        process.kill()
        printed, complained = await process.communicate()
    lines = [json.loads(line) for line in printed.decode().splitlines()]
    return Outcome(process.returncode or 0, lines, read_error(complained.decode(errors="replace")))


def read_error(text: str) -> dict[str, Any]:
    """Return the last line of standard error as an object; what is no JSON is kept as a message."""
    last = (text.strip().splitlines() or [""])[-1]
    try:
        error = json.loads(last)
    except ValueError:
        return {"message": text} if text else {}
    return error if isinstance(error, dict) else {"message": last}


class ServerProcess(ABC):
    """A server on a port that it keeps over kills; what it prints goes to one file, its log to another."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        self.store = folder / f"{name}.db"
        self.log = folder / f"{name}.log"
        self.seen = folder / f"{name}.seen"
        self._process: asyncio.subprocess.Process | None = None
        self._files: list[IO[bytes]] = []

    @abstractmethod
    def command(self) -> Sequence[str]:
        """The command line, with --json."""

    async def start(self, *options: str) -> None:
        """Start it, and wait until it says that it is ready. Raises RuntimeError."""
        self._files = [self.seen.open("ab"), self.log.open("ab")]
        before = self.seen.stat().st_size
        self._process = await asyncio.create_subprocess_exec(
            *self.command(), *options,
            stdin=asyncio.subprocess.DEVNULL, stdout=self._files[0], stderr=self._files[1],
        )  # fmt: skip
        async with asyncio.timeout(START_S):
            while b'"ready"' not in self.seen.read_bytes()[before:]:
                if self._process.returncode is not None:
                    said = self.log.read_text(errors="replace")[-500:]
                    raise RuntimeError(f"{self.store.stem} did not start: {said}")
                await asyncio.sleep(0.02)

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process is not None else None

    async def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed that was not on disk."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM: a clean end. Returns its exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        status = await process.wait()
        for file in self._files:
            file.close()
        return status

    def disk(self) -> bytes:
        """Every byte the server left behind: database, write-ahead log, log, blobs."""
        places = [each for each in sorted(self.folder.rglob("*")) if each.is_file() and each != self.seen]
        return b"".join(each.read_bytes() for each in places)


class RelayProcess(ServerProcess):
    """A relay with its own store, which tells what it sees."""

    def __init__(self, folder: Path) -> None:
        super().__init__("relay", folder)

    def command(self) -> Sequence[str]:
        """A relay that is watched."""
        return (*relay_command(self.port, self.store), "--watch")

    def frames(self) -> list[dict[str, Any]]:
        """What the relay saw, as its --watch told it."""
        lines = self.seen.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]


class RealmProcess(ServerProcess):
    """One realm of a vault, with its own store and key, and no waiting between guesses."""

    def __init__(self, name: str, folder: Path, guesses: int) -> None:
        super().__init__(name, folder)
        self.name = name
        self._guesses = guesses

    def command(self) -> Sequence[str]:
        """A realm on this machine."""
        return (
            sys.executable, "-m", "letterlock_client.cli",
            "vault", "--listen", f"127.0.0.1:{self.port}", "--store", f"sqlite:{self.store}", "--name", self.name,
            "--guesses", str(self._guesses), "--back-off", "0", "--json",
        )  # fmt: skip


def relay_command(port: int, store: Path) -> Sequence[str]:
    """The command line of a relay on this machine, with --json."""
    return (
        sys.executable, "-m", "letterlock_client.cli",
        "relay", "--listen", f"127.0.0.1:{port}", "--store", f"sqlite:{store}", "--json",
    )  # fmt: skip


def free_port() -> int:
    """A port on this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
