"""What every pane and screen of the interface is given besides its messenger: time, signs, keys.

Must not know the application: panes work wherever they are mounted.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from letterlock_client.ui.icons import UNICODE, Icons
from letterlock_client.ui.wording import Clock


def system_clock() -> int:
    """Return the present time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The same for all panes and screens of one client."""

    clock: Clock = system_clock
    icons: Icons = UNICODE
    keymap: Mapping[str, str] = field(default_factory=dict)
