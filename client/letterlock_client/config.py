"""Where a client keeps its things.

`Home` names every folder and file; a profile is one folder of data, 0700, with files 0600, which one
program at a time may have open. Must not know the database's schema, sockets or faces.
"""

import asyncio
import errno
import fcntl
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from letterlock_client.errors import ClientError, Code

DEFAULT_PROFILE: Final = "default"
LOCK_WAIT_S: Final = 5.0
"""How long a program waits for a profile that another one has open."""
_LOCK_STEP_S: Final = 0.05

_PROFILE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_DOWNLOADS = re.compile(r'^XDG_DOWNLOAD_DIR="([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Unlock:
    """How a profile's database key is opened: by a passphrase, or (None) by the key file's 0600 alone."""

    passphrase: str | None = field(repr=False)


NO_PASSPHRASE: Final = Unlock(None)


def check_profile(name: str) -> str:
    """Return `name` if it can name a profile: 1 to 32 of a-z 0-9 _ -, so it has no effect as a path.

    Raises code bad_input.
    """
    if not _PROFILE.fullmatch(name):
        raise ClientError(
            Code.BAD_INPUT,
            "a profile name has 1 to 32 characters of a-z 0-9 _ - and begins with a letter or a digit",
        )
    return name


@dataclass(frozen=True, slots=True)
class Places:
    """The files and folders of one profile. Nothing is made by looking at it."""

    name: str
    folder: Path
    logs: Path
    fleet: Path | None = None
    """The fleet file that is used where no other is named; it need not be there."""

    @property
    def database(self) -> Path:
        """The SQLCipher database."""
        return self.folder / "messages.db"

    @property
    def key_file(self) -> Path:
        """The sealed database key and root key."""
        return self.folder / "keys"

    @property
    def lock_file(self) -> Path:
        """Locked by whoever has the profile open."""
        return self.folder / "lock"

    @property
    def wrong_passwords(self) -> Path:
        """What is known of backup passwords that were wrong; there is none where no profile was made."""
        return self.logs / "wrong-passwords"

    @property
    def attachments(self) -> Path:
        """Attachments as sealed files, one folder a message; nothing plain ever lies here."""
        return self.folder / "attachments"

    def make(self) -> None:
        """Make the folders, 0700. Raises code file_failed."""
        for folder in (self.folder, self.attachments, self.logs):
            make_private_folder(folder)

    def forget(self) -> None:
        """Take away a profile that never had an account. The caller holds its lock, and nobody its database."""
        # Without its key a database is noise: the key goes first, and the lock stays for whoever waits for it.
        for name in ("keys", "messages.db", "messages.db-wal", "messages.db-shm"):
            (self.folder / name).unlink(missing_ok=True)

    def exists(self) -> bool:
        """Say whether a profile was made here."""
        return self.key_file.exists()


@dataclass(frozen=True, slots=True)
class Home:
    """The three folders of this program, as the XDG standard cuts them."""

    config: Path
    data: Path
    state: Path

    @classmethod
    def at(cls, folder: Path) -> Self:
        """Put all three under one folder."""
        return cls(folder / "config", folder / "data", folder / "state")

    @classmethod
    def find(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read LETTERLOCK_HOME, else the XDG variables, else their defaults."""
        if chosen := environment.get("LETTERLOCK_HOME"):
            return cls.at(Path(os.path.expanduser(chosen)).absolute())

        def xdg(variable: str, default: str) -> Path:
            # The standard says that a relative path there is to be ignored.
            value = Path(environment.get(variable, ""))
            return (value if value.is_absolute() else Path.home() / default) / "letterlock"

        return cls(
            xdg("XDG_CONFIG_HOME", ".config"),
            xdg("XDG_DATA_HOME", ".local/share"),
            xdg("XDG_STATE_HOME", ".local/state"),
        )

    def profile(self, name: str) -> Places:
        """Name a profile's files. Raises code bad_input."""
        check_profile(name)
        return Places(name, self.data / "profiles" / name, self.state / name, self.config / "fleet.toml")

    def profiles(self) -> list[str]:
        """The names of all profiles that were made here, sorted."""
        try:
            names = [entry.name for entry in (self.data / "profiles").iterdir()]
        except FileNotFoundError:
            return []
        return sorted(name for name in names if _PROFILE.fullmatch(name) and self.profile(name).exists())

    def default_profile(self) -> str:
        """The profile that was used last, else the only one, else "default"."""
        try:
            last = (self.state / "last-profile").read_text().strip()
        except (OSError, UnicodeDecodeError):
            last = ""
        names = self.profiles()
        if last in names:
            return last
        return names[0] if len(names) == 1 else DEFAULT_PROFILE

    def remember_profile(self, name: str) -> None:
        """Make `name` the one that `default_profile` returns. Raises codes bad_input, file_failed."""
        check_profile(name)
        make_private_folder(self.state)
        write_private_file(self.state / "last-profile", name.encode())

    @property
    def config_file(self) -> Path:
        """The TOML file that the owner may edit."""
        return self.config / "config.toml"


def downloads_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where this person keeps what was fetched: as the desktop says, else ~/Downloads, else the home folder."""
    home = Path.home()
    chosen = environment.get("XDG_CONFIG_HOME", "")
    settings = (Path(chosen) if chosen.startswith("/") else home / ".config") / "user-dirs.dirs"
    try:
        named = _DOWNLOADS.search(settings.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        named = None
    wanted = [home / "Downloads"]
    if named is not None:
        wanted.insert(0, Path(named[1].replace("$HOME", str(home), 1)))
    return next((folder for folder in wanted if folder.is_absolute() and folder.is_dir()), home)


def make_private_folder(folder: Path) -> None:
    """Make a folder that nobody else may look into, and what is missing above it. Raises code file_failed."""
    try:
        # `parents=True` would make the folders above with everybody's rights.
        for each in (*reversed(folder.parents), folder):
            if not each.is_dir():
                each.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise file_failed(folder, error) from error


def write_private_file(path: Path, content: bytes) -> None:
    """Replace a file, 0600, so that a crash leaves the old one or the new one whole.

    Raises codes file_failed, storage_full.
    """
    # Named after the process, because two profiles of one home may be written at the same moment.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        # A leftover of a crash may have been made with other rights.
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise file_failed(path, error) from error


def sync_folder(folder: Path) -> None:
    """Make a rename or a new file in this folder survive a power cut. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def file_failed(path: Path, error: OSError) -> ClientError:
    """Turn what the system said about a file into a public error."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return ClientError(Code.STORAGE_FULL, "the disk is full", file=str(path))
    return ClientError(Code.FILE_FAILED, f"{path}: {error.strerror or 'failed'}", file=str(path))


class ProfileLock:
    """Holds a profile for this process. An async context manager; the system frees it if the process dies."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._descriptor: int | None = None

    async def acquire(self, wait: float = LOCK_WAIT_S) -> None:
        """Take the lock, waiting at most `wait` seconds. The folder must exist.

        Raises codes profile_in_use, file_failed.
        """
        path = self._places.lock_file
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise file_failed(path, error) from error
        try:
            await self._lock(descriptor, wait)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    async def _lock(self, descriptor: int, wait: float) -> None:
        deadline = asyncio.get_running_loop().time() + wait
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if asyncio.get_running_loop().time() >= deadline:
                    name = self._places.name
                    raise ClientError(
                        Code.PROFILE_IN_USE, f"profile {name} is open in another program", profile=name
                    ) from None
            except OSError as error:
                raise file_failed(self._places.lock_file, error) from error
            await asyncio.sleep(_LOCK_STEP_S)

    def release(self) -> None:
        """Let the profile go. May be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
