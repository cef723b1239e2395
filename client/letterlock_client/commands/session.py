"""Opens the profile a command works on: which one, with which passphrase, connected or not.

Must not know what the command does with it.
"""

import asyncio
import getpass
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from letterlock.ids import ConversationId
from letterlock_client.config import DEFAULT_PROFILE, NO_PASSPHRASE, Home, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import ConnectionChanged, Link
from letterlock_client.output import FAILED, USAGE, Output, drop_output
from letterlock_client.storage.keyring import has_passphrase

if TYPE_CHECKING:
    from letterlock_client.messenger import EventStream, Messenger

CONNECT_S: Final = 10.0
"""How long a one-shot command waits for an answer before it calls itself offline."""
PATIENCE_S: Final = 2.0
MAX_PASSPHRASE: Final = 1024

Work = Callable[["Messenger", Namespace, Output], Awaitable[int]]


class UsageError(Exception):
    """The command cannot be meant as it was given; exit status 2."""


def run_command(work: Callable[[], Awaitable[int]], output: Output) -> int:
    """Run one command to its exit status; every error becomes one line on standard error."""

    async def whole() -> int:
        return await work()

    try:
        return asyncio.run(whole())
    except UsageError as error:
        output.error("bad_usage", str(error))
        return USAGE
    except ClientError as error:
        output.error(error.code.value, error.message, dict(error.facts))
        return FAILED
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        # Standard output may be closed, or a file on a full disk; what was not printed is printed next time.
        drop_output()
        output.error("file_failed", f"{error.filename or 'standard output'}: {error.strerror}")
        return FAILED


def run_with_messenger(work: Work, given: Namespace, output: Output) -> int:
    """Open the profile, do the work with it, close it. Returns the exit status."""

    async def whole() -> int:
        home = Home.find()
        name = profile_name(given)
        from letterlock_client.messenger import Messenger

        async with await Messenger.open(home, name, unlock_for(given, home, name)) as messenger:
            return await work(messenger, given, output)

    return run_command(whole, output)


def profile_name(given: Namespace) -> str:
    """Return the profile that a verb works on."""
    return str(given.profile or DEFAULT_PROFILE)


def unlock_for(given: Namespace, home: Home, profile: str) -> Unlock:
    """Find out how to open an existing profile: as told, or by asking. Raises UsageError, ClientError."""
    if not home.profile(profile).exists():
        raise no_profile(home, profile)
    if given.no_passphrase:
        return NO_PASSPHRASE
    if (told := told_passphrase(given)) is not None:
        return Unlock(told)
    if not has_passphrase(home.profile(profile)):
        return NO_PASSPHRASE
    return Unlock(ask(f"Passphrase of profile {profile}: "))


def new_unlock(given: Namespace) -> Unlock:
    """Find out how a new profile shall be opened: as told, or by asking twice. Raises UsageError."""
    if given.no_passphrase:
        return NO_PASSPHRASE
    if (told := told_passphrase(given)) is not None:
        return Unlock(told)
    first = ask("New passphrase for this terminal's database: ")
    if not first:
        raise UsageError("an empty passphrase protects nothing; --no-passphrase says so openly")
    if ask("The same again: ") != first:
        raise UsageError("the two passphrases differ; nothing was made")
    return Unlock(first)


def told_passphrase(given: Namespace) -> str | None:
    """Read the passphrase from the file that an option or the environment names. Raises UsageError."""
    name = given.passphrase_file or os.environ.get("LETTERLOCK_PASSPHRASE_FILE")
    if not name:
        return None
    try:
        with Path(name).open("rb") as file:
            raw = file.read(MAX_PASSPHRASE + 2)
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the passphrase file {name} cannot be read: {unreadable(error)}") from error
    if not text or len(raw) > MAX_PASSPHRASE:
        raise UsageError("the passphrase file must hold 1 to 1024 bytes of UTF-8")
    return text


def unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Say why a file that a person named cannot be read as text."""
    return error.strerror or "failed" if isinstance(error, OSError) else "it holds something else than text"


def ask(prompt: str, instead: str = "--passphrase-file or --no-passphrase") -> str:
    """Ask the person at the terminal. Raises UsageError where there is none."""
    if not can_ask():
        raise UsageError(f"no terminal to ask for this: give {instead}")
    try:
        with heeding_ctrl_c():
            return getpass.getpass(prompt)
    except EOFError:
        raise UsageError("no passphrase was given") from None
    except KeyboardInterrupt:
        # The prompt's line is not ended yet.
        sys.stderr.write("\n")
        raise


@contextmanager
def heeding_ctrl_c() -> Iterator[None]:
    """Let ctrl+c end what blocks the event loop: asyncio's own handler would only note it, and the prompt stay."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def can_ask() -> bool:
    """Whether a person is there to be asked."""
    return sys.stdin.isatty()


def no_profile(home: Home, profile: str) -> ClientError:
    """Say that there is no such profile, and which there are."""
    others = home.profiles()
    hint = (
        f"there are {', '.join(others)}: name one with --profile"
        if others
        else "make one: letterlock register"
    )
    return ClientError(Code.NO_PROFILE, f"there is no profile {profile}; {hint}", profile=profile)


async def online(messenger: "Messenger") -> bool:
    """Connect; say whether it worked in the time a one-shot command has. Raises what the relay refused with.

    A slow connection gets `CONNECT_S`; a relay that is plainly not there only `PATIENCE_S`, in which one
    that is just being started again comes back.
    """
    stream = messenger.events()
    messenger.connect()
    connecting = asyncio.create_task(messenger.connected(CONNECT_S))
    failing = asyncio.create_task(unreachable(stream))
    try:
        await asyncio.wait({connecting, failing}, return_when=asyncio.FIRST_COMPLETED)
        return connecting.done() and connecting.result()
    finally:
        stream.close()
        for task in (connecting, failing):
            task.cancel()
        await asyncio.gather(connecting, failing, return_exceptions=True)


async def unreachable(stream: "EventStream") -> None:
    """Return once attempts to connect have failed for `PATIENCE_S`; never before."""
    clock = asyncio.get_running_loop().time
    patient_until = clock() + PATIENCE_S
    async for event in stream:
        if isinstance(event, ConnectionChanged) and event.link is Link.OFFLINE and clock() >= patient_until:
            return
    # The stream ended, not the hope.
    await asyncio.Event().wait()


async def look_up(messenger: "Messenger", who: str) -> ConversationId:
    """Resolve WHO: here if that is possible, else at the relay, connecting first. Raises as `Messenger.find`."""
    messenger.connect()
    try:
        return await messenger.find(who)
    except ClientError as error:
        if error.code is not Code.OFFLINE or not await online(messenger):
            raise
    return await messenger.find(who)


async def reach(messenger: "Messenger") -> None:
    """Connect, or raise code offline."""
    if not await online(messenger):
        raise ClientError(Code.OFFLINE, "the relay cannot be reached; try again later")
