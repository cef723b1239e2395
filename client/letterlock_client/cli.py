"""The `letterlock` command: reads the arguments, hands over to one verb, turns errors into exit statuses.

Must not know what the verbs do. Imports little, because `--help` must answer at once.
"""

import gc
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Final

from letterlock_client.commands.arguments import parse, server_words
from letterlock_client.output import DONE, FAILED, INTERRUPTED, Output, drop_output, print_line

ROOMS = {
    "register": "account", "invite": "account",
    "send": "mail", "react": "mail", "edit": "mail", "reply": "mail", "delete": "mail", "timer": "mail",
    "download": "files", "view": "files", "files": "files", "storage": "files",
    "receive": "reading", "history": "reading", "search": "finding", "export": "finding",
    "accept": "people", "block": "people", "unblock": "people", "contacts": "people", "verify": "people",
    "backup": "backup",
    "doctor": "doctor", "demo": "showing", "open": "opening",
}  # fmt: skip
"""Which module of `commands` holds a verb."""

_GC_THRESHOLD: Final = 20_000
"""Objects made until cycles are looked for: loading a verb makes more than Python's 700, and drawing a screen too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    ready_streams()
    if (server := server_words(words)) is not None:
        run_server(server)
    gc.set_threshold(_GC_THRESHOLD)
    given = parse(words)
    output = Output(as_json=given.json)
    if given.version:
        return print_version(output)
    verb = given.verb or "open"
    room = importlib.import_module(f"letterlock_client.commands.{ROOMS[verb]}")
    try:
        return int(room.run(verb, given, output))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the results has read enough.
        drop_output()
        return FAILED


def ready_streams() -> None:
    """Make standard output bear every character, and keep numbers 0 to 2 from becoming a database.

    A closed output becomes one that cannot be written to: what nobody can read must not count as printed.
    """
    while (number := os.open(os.devnull, os.O_RDONLY)) <= 2:
        pass
    os.close(number)
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.dup(1), "w")
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (open as long as the program)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def run_server(words: Sequence[str]) -> None:
    """Become the server's program, with the same process id, so that signals reach it."""
    os.execv(sys.executable, [sys.executable, "-m", "letterlock_server.cli", *words])


def print_version(output: Output) -> int:
    """Print the version of this program."""
    from importlib.metadata import version

    if output.as_json:
        output.result({"version": version("letterlock")}, "")
    else:
        print_line(f"letterlock {version('letterlock')}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
