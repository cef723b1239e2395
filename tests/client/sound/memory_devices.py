"""A microphone and a loudspeaker in memory."""

import math
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from letterlock_client.sound.devices import BYTES_A_SECOND, RATE


def tone(seconds: float, loud: int = 20_000) -> bytes:
    return array("h", (int(loud * math.sin(n / 7)) for n in range(int(seconds * RATE)))).tobytes()


@dataclass
class Recorded:
    """What somebody said into it so far."""

    sound: bytes = b""
    level: float = 0.5
    stopped: int = 0

    @property
    def seconds(self) -> float:
        return len(self.sound) / BYTES_A_SECOND

    def stop(self) -> bytes:
        self.stopped += 1
        return self.sound


@dataclass
class Played:
    """What is heard."""

    sound: bytes
    ended: Callable[[], None]
    stopped: int = 0

    def stop(self) -> None:
        self.stopped += 1


@dataclass
class MemoryDevices:
    """See `devices.SoundDevices`."""

    said: bytes = field(default_factory=lambda: tone(1.0))
    recordings: list[Recorded] = field(default_factory=list)
    plays: list[Played] = field(default_factory=list)

    def record(self) -> Recorded:
        self.recordings.append(Recorded(self.said))
        return self.recordings[-1]

    def play(self, sound: bytes, ended: Callable[[], None]) -> Played:
        self.plays.append(Played(sound, ended))
        return self.plays[-1]
