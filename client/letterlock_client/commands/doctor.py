"""doctor: looks for what is wrong with this profile, its relay and this terminal, and says what to do.

Each check is a line; the exit status is 1 where one failed. Reads only.
"""

import locale
import os
import platform
import shutil
import stat
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from letterlock_client.commands.session import online, profile_name, run_command, unlock_for
from letterlock_client.config import Home
from letterlock_client.config_file import load_config
from letterlock_client.errors import ClientError
from letterlock_client.messenger import Messenger
from letterlock_client.output import DONE, FAILED, Output
from letterlock_client.pictures import asking

PARTS = ("letterlock", "websockets", "PyNaCl", "cryptography", "aiosqlite", "sqlcipher3", "textual")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: whether all is well, and what was found or what to do."""

    name: str
    ok: bool
    detail: str


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run all checks; return the exit status."""
    del verb
    return run_command(lambda: examine(given, output), output)


async def examine(given: Namespace, output: Output) -> int:
    """Print every finding."""
    home, name = Home.find(), profile_name(given)
    findings = [*terminal(), *folders(home, name), configuration(home)]
    findings += await profile(home, name, given)
    for each in findings:
        output.result(
            {"check": each.name, "ok": each.ok, "detail": each.detail},
            f"{'ok  ' if each.ok else 'FAIL'} {each.name}: {each.detail}",
        )
    return DONE if all(each.ok for each in findings) else FAILED


def terminal() -> Iterator[Finding]:
    """Look at the program and at the terminal."""
    parts = ", ".join(f"{part} {version(part)}" for part in PARTS)
    yield Finding("program", True, f"Python {platform.python_version()}, {parts}")
    pictures = "shown, and sent without what a camera wrote into them"
    missing = "not shown, and sent as they are: pip install 'letterlock[images]' changes that"
    yield Finding("pictures", True, pictures if asking.available() else missing)
    encoding = locale.getpreferredencoding(False)
    utf8 = encoding.lower().replace("-", "") == "utf8"
    yield Finding(
        "encoding", utf8, encoding if utf8 else f"{encoding}: set LANG to a UTF-8 locale, as in C.UTF-8"
    )
    if sys.stdout.isatty():
        columns, rows = shutil.get_terminal_size()
        wide = columns >= 60 and rows >= 20
        detail = f"{columns}x{rows}, TERM={os.environ.get('TERM', '')}"
        yield Finding("terminal", wide, detail if wide else f"{detail}: the client wants 60x20 or more")


def folders(home: Home, name: str) -> Iterator[Finding]:
    """Look at who may read the profile's files."""
    places = home.profile(name)
    if not places.exists():
        return
    for path in (places.folder, places.key_file, places.database):
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0
        private = not mode & 0o077
        mend = f"{mode:04o}: others can read it; chmod go= {path}"
        yield Finding(f"rights of {path.name}", private, f"{mode:04o}" if private else mend)


def configuration(home: Home) -> Finding:
    """Look at config.toml."""
    try:
        load_config(home)
    except ClientError as error:
        return Finding("configuration", False, error.message)
    return Finding("configuration", True, str(home.config_file) if home.config_file.exists() else "defaults")


async def profile(home: Home, name: str, given: Namespace) -> list[Finding]:
    """Open the profile and log in at its relay."""
    if not home.profile(name).exists():
        others = ", ".join(home.profiles()) or "none"
        return [Finding("profile", False, f"there is no profile {name} (profiles here: {others})")]
    try:
        async with await Messenger.open(home, name, unlock_for(given, home, name)) as messenger:
            own = messenger.profile
            lock = (
                "passphrase" if own.has_passphrase else "no passphrase: whoever reads the key file reads all"
            )
            return [
                Finding("profile", True, f"{own.handle}, device {own.device}, {lock}"),
                await relay(messenger),
            ]
    except ClientError as error:
        return [Finding("profile", False, error.message)]


async def relay(messenger: Messenger) -> Finding:
    """Log in at the relay."""
    try:
        reached = await online(messenger)
    except ClientError as error:
        return Finding("relay", False, f"{messenger.profile.relay}: {error.message}")
    if not reached:
        return Finding(
            "relay", False, f"{messenger.profile.relay} cannot be reached: is it running, is the net up?"
        )
    return Finding("relay", True, f"{messenger.profile.relay}: logged in")
