"""How many guesses a realm answers, how long each waits, and how fast owners add to its store: arithmetic only.

::

    by handle  (anybody)             at most half of the guesses, and never the last one: closes, destroys nothing
    by locator (the owner's door)    the rest

Both doors draw on one number of guesses and wait apart. A right proof refills both. Times are milliseconds of
the realm's own clock, which only runs while the realm does, so no clock that is set can shorten a wait or
refill anything.

What an owner adds (registrations, anchors, recoveries: each a row or an entry that stays) is paced account by
account. One number tells it all, `until`, at which everything that was added is forgotten: so it is kept with
the account, and neither a restart nor a flood of other accounts gives or takes anything. Must not know stores,
records or who guesses.
"""

import math
from enum import Enum
from typing import Final

import msgspec

from letterlock_server.limits import Rule
from letterlock_server.stores.vault_interfaces import Door

MAX_GUESSES: Final = 1000
MAX_BACK_OFF_S: Final = 366 * 86_400
ADDITIONS: Final = Rule(60, 600_000)
"""60 at once, and one more every ten minutes: backups of a whole day's hours, each by hand."""
_BEYOND: Final = 2
_MS: Final = 1000


class Entrance(Enum):
    """Which door a guess comes through."""

    HANDLE = "handle"
    LOCATOR = "locator"


class Doors(msgspec.Struct, frozen=True, gc=False):
    """What was spent at both doors since the last refill."""

    by_handle: Door = Door()
    by_locator: Door = Door()

    def at(self, entrance: Entrance) -> Door:
        """Return one of them."""
        return self.by_handle if entrance is Entrance.HANDLE else self.by_locator

    def spent(self) -> int:
        """Return the guesses spent at both."""
        return self.by_handle.spent + self.by_locator.spent


class View(msgspec.Struct, frozen=True, gc=False):
    """What a guess would meet at one door: how many are left there, and how long the next one waits."""

    left: int
    wait_ms: int


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """`guesses` between refills; `back_off` holds the seconds before the second, third, ... at one door.

    Where more guesses follow than there are times, the last time holds for them. `additions` are what one owner
    may add to the store.
    """

    guesses: int = 10
    back_off: tuple[int, ...] = (0, 0, 0, 60, 300, 3600, 86_400, 86_400, 86_400)
    additions: Rule = ADDITIONS

    @property
    def by_handle(self) -> int:
        """How many of the guesses are to be had without the locator."""
        return self.guesses // 2

    def view(self, doors: Doors, entrance: Entrance, now: int) -> View:
        """Say what a guess would meet."""
        left = max(0, self.guesses - doors.spent())
        if entrance is Entrance.HANDLE:
            # The last guess of all destroys, and is the owner's.
            left = max(0, min(self.by_handle - doors.by_handle.spent, left - 1))
        return View(left, self._wait(doors.at(entrance), now))

    def spend(self, doors: Doors, entrance: Entrance, now: int) -> Doors:
        """Count one guess; callers have looked whether it may be."""
        counted = Door(doors.at(entrance).spent + 1, now)
        if entrance is Entrance.HANDLE:
            return Doors(counted, doors.by_locator)
        return Doors(doors.by_handle, counted)

    def used_up(self, doors: Doors) -> bool:
        """Say whether no guess is left at all."""
        return doors.spent() >= self.guesses

    def add(self, until: int, now: int) -> int:
        """Return `until` after one more addition; callers have looked whether it may be."""
        return round(now + self._owed(until, now) + self.additions.interval_ms)

    def adding_waits(self, until: int, now: int) -> int:
        """Return after how many ms an owner may add one more: 0 for now."""
        return self._over(until, now, self.additions.burst)

    def recovering_waits(self, until: int, now: int) -> int:
        """Return after how many ms one more recovery may be added: 0 for now.

        Recoveries go on for twice as long: so a device that adds without end keeps nobody from recovering.
        """
        return self._over(until, now, self.additions.burst * _BEYOND)

    def _over(self, until: int, now: int, burst: float) -> int:
        over = self._owed(until, now) - (burst - 1) * self.additions.interval_ms
        return max(0, math.ceil(over))

    def _owed(self, until: int, now: int) -> float:
        # Nobody owes more than can be owed: after a crash took some of the clock, or with a wider policy before.
        return min(max(0, until - now), self.additions.burst * _BEYOND * self.additions.interval_ms)

    def _wait(self, door: Door, now: int) -> int:
        if not door.spent or not self.back_off:
            return 0
        wait = self.back_off[min(door.spent, len(self.back_off)) - 1] * _MS
        # A clock that was kept before a guess and lost by a crash may stand behind it: wait no more than once.
        return max(0, wait - max(0, now - door.at))
