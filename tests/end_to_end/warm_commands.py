"""Commands in processes of their own, forked from one that has loaded what commands load.

Loading is four fifths of what a command takes. What a process promises holds here too: memory, files, arguments,
output and status of its own, and an end. That each verb loads what it needs by itself is shown by the processes that
begin from nothing: each kind of command of the demo, an installed letterlock, and those tests here that hand over
their streams.
"""

import asyncio
import json
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import letterlock_client
from letterlock_client.workshop.processes import COMMAND_S, Outcome, read_error

ROOMS = ("commands", "flows", "links", "providers", "storage")
"""The packages that commands are made of."""

FORKS = multiprocessing.get_context("forkserver")


def warm_up() -> None:
    """Say what the process that others are forked from loads; it starts with the first command."""
    (client,) = map(Path, letterlock_client.__path__)
    names = [
        f"letterlock_client.{'.'.join(path.relative_to(client).with_suffix('').parts)}"
        for room in ROOMS
        for path in sorted((client / room).rglob("*.py"))
        if path.stem != "__init__"
    ]
    FORKS.set_forkserver_preload([*names, "letterlock_client.backups", "letterlock_client.restoration"])


async def run_command(*words: str, home: Path) -> Outcome:
    """Run the `letterlock` command, its profiles under `home`, and wait for its end."""
    environment = {**os.environ, "LETTERLOCK_HOME": str(home)}
    with TemporaryDirectory() as folder:
        printed, complained = Path(folder) / "printed", Path(folder) / "complained"
        process = FORKS.Process(target=act, args=(words, environment, printed, complained))
        process.start()
        await end_of(process)
        status = process.exitcode
        assert status is not None
        process.close()
        lines = [json.loads(line) for line in printed.read_text().splitlines()]
        return Outcome(status, lines, read_error(complained.read_text(errors="replace")))


async def end_of(process: multiprocessing.context.ForkServerProcess) -> None:
    """Wait until a process has ended, and end it where that takes too long."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(process.sentinel, ended.set)
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), COMMAND_S)
    finally:
        loop.remove_reader(process.sentinel)
        if not ended.is_set():
            process.kill()
        process.join()


def act(words: Sequence[str], environment: Mapping[str, str], printed: Path, complained: Path) -> None:
    """Be the command: runs in the new process."""
    os.environ.clear()
    os.environ.update(environment)
    for number, path in enumerate((Path(os.devnull), printed, complained)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    from letterlock_client.cli import main

    sys.exit(main(words))
