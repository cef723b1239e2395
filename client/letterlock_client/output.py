"""What a command prints: sentences for people, or one JSON object a line.

The scripting contract in one place: results on standard output and nothing else there, errors on
standard error, exit statuses. Must not know what the commands do.
"""

import json
import os
import sys
from typing import Final

from letterlock_client.sanitize import clean, line_of

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
KEPT: Final = 75
"""Kept for later: it is in the outbox and goes with the next connection."""


class Output:
    """Prints results and errors in the form that was asked for."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self._half_line = False

    def result(self, fields: dict[str, object], text: str) -> None:
        """Print one result: the object with --json, else the text (many lines allowed)."""
        self._wipe()
        print_line(json.dumps(fields) if self.as_json else clean(text))

    def progress(self, fields: dict[str, object], text: str) -> None:
        """Print how far a long command has come: an object of type "progress", or a line on standard error."""
        if self.as_json:
            print_line(json.dumps({"type": "progress", **fields}))
        elif sys.stderr.isatty():
            self._wipe()
            self._half_line = True
            sys.stderr.write(line_of(text))
            sys.stderr.flush()

    def beforehand(self, fields: dict[str, object], text: str) -> None:
        """Print what a person is to know before something is asked: the object with --json, else on standard error."""
        self._wipe()
        if self.as_json:
            print_line(json.dumps(fields))
        else:
            sys.stderr.write(f"{clean(text)}\n")
            sys.stderr.flush()

    def error(self, code: str, message: str, facts: dict[str, object] | None = None) -> None:
        """Print why a command failed, on standard error."""
        self._wipe()
        if self.as_json:
            sys.stderr.write(json.dumps({"error": code, "message": message, **(facts or {})}) + "\n")
        else:
            sys.stderr.write(f"letterlock: {clean(message)}\n")
        sys.stderr.flush()

    def _wipe(self) -> None:
        """Take the progress off the terminal, so that what comes next has the line to itself."""
        if self._half_line:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._half_line = False


def print_line(text: str) -> None:
    """Write a line to standard output at once, so that a pipe sees it when it happens."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def drop_output() -> None:
    """Let what could not be printed go, so that the interpreter does not complain about it at its exit."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, sys.stdout.fileno())
    os.close(descriptor)
