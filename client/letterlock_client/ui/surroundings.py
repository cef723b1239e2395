"""What every pane and screen of the interface is given besides its messenger: time, signs, keys, switches.

Must not know the application: panes work wherever they are mounted.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from letterlock_client.sound.devices import OpenDevices
from letterlock_client.sound.portaudio import open_devices
from letterlock_client.storage_use import StorageUse
from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.icons import ASCII, UNICODE, Icons, signs
from letterlock_client.ui.wording import Clock

if TYPE_CHECKING:
    from letterlock_client.ui.graphics import Graphics


def system_clock() -> int:
    """Return the present time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Switch:
    """A yes or no of the owner that holds for the whole program, and how to keep it for the next start."""

    on: bool = True
    keep: Callable[[bool], None] | None = None

    def turn(self, on: bool) -> None:
        """Set it from now on, and keep it. Raises `ClientError` where it cannot be kept."""
        self.on = on
        if self.keep is not None:
            self.keep(on)


@dataclass(slots=True)
class Quiet:
    """Whether nothing notifies anybody for a while: until a time in milliseconds, or 0 for not."""

    until: int = 0

    def holds(self, now: int) -> bool:
        """Whether it is quiet now."""
        return now < self.until


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The same for all panes and screens of one client."""

    clock: Clock = system_clock
    icons: Icons = field(default_factory=signs)
    keymap: Mapping[str, str] = field(default_factory=dict)
    bell: Switch = field(default_factory=Switch)
    desktop: Switch = field(default_factory=Switch)
    """Whether the terminal is asked for a notification, where it can."""
    preview: Switch = field(default_factory=lambda: Switch(on=False))
    """Whether that shows the text."""
    ascii_icons: Switch = field(default_factory=lambda: Switch(on=False))
    """Whether `icons` are those of plain ASCII."""
    still: Switch = field(default_factory=lambda: Switch(on=False))
    """Whether nothing is animated."""
    sound: OpenDevices = open_devices
    """Finds the microphone and the loudspeaker; raises `ClientError` where there are none."""
    graphics: "Graphics | None" = None
    """How the terminal draws pixels; None is half blocks."""
    quiet: Quiet = field(default_factory=Quiet)
    """Do not disturb, until the program ends at the latest."""
    measure: Callable[[], Awaitable[StorageUse]] | None = None
    """Says what the profile takes on this disk; None where that is not known."""
    fleet: Path | None = None
    """The fleet file that is proposed where a vault is chosen."""


def draw_in_ascii(around: Surroundings, on: bool) -> None:
    """Draw in plain ASCII from now on, or with all signs. Raises `ClientError` where it cannot be kept."""
    around.icons.become(ASCII if on else UNICODE)
    around.ascii_icons.turn(on)


def surroundings_of(tastes: Tastes, clock: Clock) -> Surroundings:
    """Return the surroundings that somebody with these tastes wants."""
    return Surroundings(
        clock,
        signs(ascii_only=tastes.ascii_icons),
        tastes.keymap,
        _call(tastes, "bell", tastes.bell),
        _call(tastes, "desktop", tastes.desktop),
        _call(tastes, "preview", tastes.preview),
        Switch(tastes.ascii_icons, tastes.save_ascii_icons),
        sound=tastes.sound,
        graphics=tastes.graphics,
        still=Switch(tastes.reduced_motion, tastes.save_reduced_motion),
        measure=tastes.measure,
        fleet=tastes.fleet,
    )


def _call(tastes: Tastes, name: str, on: bool) -> Switch:
    save = tastes.save_call
    return Switch(on, partial(save, name) if save is not None else None)
