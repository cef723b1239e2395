"""The microphone and the loudspeaker, as whoever records and plays sees them.

Sound is 16-bit mono at `RATE` samples a second, little-endian, as plain bytes. Must not know files or messages.
"""

from collections.abc import Callable
from typing import Final, Protocol

RATE: Final = 16_000
BYTES_A_SECOND: Final = 2 * RATE
NEEDS_EXTRA: Final = "recording and playing need an extra: pip install 'letterlock[voice]'"
MOST_SECONDS: Final = 600
"""How long a voice note may be; what is said after that is not recorded."""


class Recording(Protocol):
    """A recording under way."""

    @property
    def seconds(self) -> float:
        """How much was recorded."""

    @property
    def level(self) -> float:
        """How loud it was just now, 0 to 1."""

    def stop(self) -> bytes:
        """End it; return what was recorded. May be called twice."""


class Playing(Protocol):
    """A sound that is being played."""

    def stop(self) -> None:
        """End it before its end. May be called twice."""


class SoundDevices(Protocol):
    """Both. Every method may raise `ClientError` with a sentence that says what to do."""

    def record(self) -> Recording:
        """Begin to record. Blocks until the microphone is open."""

    def play(self, sound: bytes, ended: Callable[[], None]) -> Playing:
        """Begin to play; `ended` is called, from any thread, once all was heard or it was stopped."""


OpenDevices = Callable[[], SoundDevices]
"""Find them. Raises ClientError where there is nothing to record or play with."""
