"""What the program that starts the interface lends it: ways to open or make a profile, and its tastes.

Composition happens in the command line; the interface only calls what it is given. Must not know where
profiles lie, how they are locked, or which links a messenger uses.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from letterlock_client.errors import ClientError
from letterlock_client.sound.devices import OpenDevices
from letterlock_client.sound.portaudio import open_devices
from letterlock_client.storage_use import StorageUse

if TYPE_CHECKING:
    from letterlock_client.backup_models import RestoreRequest, UnfinishedRestore
    from letterlock_client.messenger import Messenger
    from letterlock_client.restoration import Restoration
    from letterlock_client.ui.graphics import Graphics


class Start(Enum):
    """Which screen comes first."""

    OPEN = "open"
    """The profile needs no passphrase: open it at once."""
    UNLOCK = "unlock"
    """The profile asks for its passphrase."""
    REGISTER = "register"
    """There is no profile yet."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What the first-run screen collected."""

    handle: str
    relay: str
    passphrase: str | None = field(repr=False)
    """None is the owner's explicit choice to have none."""
    invite: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways in. Both calls raise `ClientError`; the interface shows it and asks again.

    The messenger they return is open; the interface calls `connect` and, at the end, `close`.
    """

    start: Start
    open: Callable[[str], Awaitable["Messenger"]]
    """Open the profile with this passphrase; empty where there is none."""
    register: Callable[[Registration], Awaitable["Messenger"]]
    suggested_relay: str = ""
    suggested_handle: str = ""
    restore: "Callable[[RestoreRequest], Awaitable[Restoration]] | None" = None
    """Begin to restore into this profile, new or not; `open` opens it afterwards."""
    unfinished: "Callable[[str], Awaitable[UnfinishedRestore | None]] | None" = None
    """What a restore that was cut short in this profile was asked for; takes the passphrase as `open` does."""

    async def look_back(self, passphrase: str) -> "NoAccount":
        """Ask `unfinished` about a profile that has no account, and take no for an answer."""
        try:
            return NoAccount(await self.unfinished(passphrase) if self.unfinished is not None else None)
        except ClientError as error:
            return NoAccount(None, error.sentence)


@dataclass(frozen=True, slots=True)
class NoAccount:
    """A profile is there, whose account was never made or never came back."""

    restore: "UnfinishedRestore | None" = None
    """The restore that was cut short in it, where one was."""
    problem: str = ""
    """Why nobody knows."""


@dataclass(frozen=True, slots=True)
class Tastes:
    """How its owner wants the interface. The defaults suit a terminal that can do everything."""

    theme: str = ""
    """A name from `themes.OFFERED`; empty is the default theme."""
    ascii_icons: bool = False
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Binding ids of `commands.COMMANDS` and the keys to use instead."""
    bell: bool = True
    """Whether the terminal's bell rings for a message while another window has the focus."""
    desktop: bool = True
    """Whether the terminal is asked for a notification then, where it can."""
    preview: bool = False
    """Whether that shows the text, or only whose message it is."""
    save_theme: Callable[[str], None] | None = None
    """Called when another theme is chosen, to keep it for the next start."""
    save_ascii_icons: Callable[[bool], None] | None = None
    save_call: Callable[[str, bool], None] | None = None
    """Keeps `bell`, `desktop` or `preview`, by that name."""
    reduced_motion: bool = False
    """Whether nothing is animated."""
    save_reduced_motion: Callable[[bool], None] | None = None
    sound: OpenDevices = open_devices
    """Finds the microphone and the loudspeaker."""
    graphics: "Graphics | None" = None
    """How the terminal draws pixels, if it does."""
    measure: Callable[[], Awaitable[StorageUse]] | None = None
    """Says what the open profile takes on this disk."""
    fleet: Path | None = None
    """The fleet file that is proposed where a vault is chosen."""
