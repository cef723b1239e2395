"""How far a long work on a backup is: counted, timed, and told now and then. Must not know what the work is."""

from collections.abc import Callable
from typing import Final

from letterlock_client.backup_models import BackupPhase, BackupProgress

TELL_EVERY_MS: Final = 100

Tell = Callable[[BackupProgress], None]


class Meter:
    """Counts one work's phases, and tells how far each is at most ten times a second."""

    def __init__(self, clock: Callable[[], int], tell: Tell) -> None:
        self._clock = clock
        self._tell = tell
        self._ahead: dict[BackupPhase, tuple[int, int]] = {}
        self._begin(BackupPhase.FINDING, 0, 0)

    def _begin(self, phase: BackupPhase, total: int, bytes_total: int) -> None:
        self._phase, self._total, self._bytes_total = phase, total, bytes_total
        self._done, self._bytes = self._ahead.pop(phase, (0, 0))
        self._told_at = 0
        self._began = self._clock()

    def phase(self, phase: BackupPhase, total: int = 0, bytes_total: int = 0) -> None:
        """Begin a phase; totals are 0 where they are not known."""
        self._begin(phase, total, bytes_total)
        self._say()

    def ahead(self, phase: BackupPhase) -> tuple[int, int]:
        """How much of a phase that has not begun is done, and how many bytes of it."""
        return self._ahead.get(phase, (0, 0))

    def moved(self, done: int = 0, size: int = 0, phase: BackupPhase | None = None) -> None:
        """So much more is done: of this phase, which may be one that is told only later."""
        if phase is not None and phase is not self._phase:
            before = self._ahead.get(phase, (0, 0))
            self._ahead[phase] = (before[0] + done, before[1] + size)
            return
        self._done += done
        self._bytes += size
        # Also where the clock went back meanwhile.
        if not 0 <= self._clock() - self._told_at < TELL_EVERY_MS:
            self._say()

    def _say(self) -> None:
        self._told_at = self._clock()
        passed = max(self._told_at - self._began, 1) / 1000
        rate = self._bytes / passed
        left = 0.0
        if self._total and self._done:
            left = max(self._total - self._done, 0) * passed / self._done
        self._tell(
            BackupProgress(
                self._phase, self._done, self._total, self._bytes, self._bytes_total, rate, round(left, 1)
            )
        )
