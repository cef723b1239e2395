"""The microphone and the loudspeaker of this machine, through PortAudio (the extra `voice`).

Its callbacks run in a thread of PortAudio's. Must not know who listens.
"""

import threading
from array import array
from collections.abc import Callable
from typing import Any

from letterlock_client.errors import ClientError, Code
from letterlock_client.sound.devices import (
    BYTES_A_SECOND,
    MOST_SECONDS,
    NEEDS_EXTRA,
    RATE,
    Playing,
    Recording,
)

_MOST_BYTES = MOST_SECONDS * BYTES_A_SECOND


def open_devices() -> "PortAudio":
    """Load PortAudio. Raises code bad_input with what to install."""
    try:
        import sounddevice
    except ImportError as error:
        raise ClientError(Code.BAD_INPUT, NEEDS_EXTRA) from error
    except OSError as error:
        raise ClientError(
            Code.BAD_INPUT,
            "recording and playing need PortAudio: on Debian or Ubuntu, sudo apt-get install libportaudio2",
        ) from error
    return PortAudio(sounddevice)


class PortAudio:
    """See `devices.SoundDevices`."""

    def __init__(self, library: Any) -> None:
        self._library = library

    def record(self) -> Recording:
        """See `devices.SoundDevices`."""
        recording = _Recording()
        self._start(recording, self._library.RawInputStream, recording.take)
        return recording

    def play(self, sound: bytes, ended: Callable[[], None]) -> Playing:
        """See `devices.SoundDevices`."""
        playing = _Playing(sound, self._library.CallbackStop)
        self._start(playing, self._library.RawOutputStream, playing.give, finished_callback=ended)
        return playing

    def _start(
        self, one: "_Stream", make: Callable[..., Any], callback: Callable[..., None], **more: Any
    ) -> None:
        try:
            one.stream = make(samplerate=RATE, channels=1, dtype="int16", callback=callback, **more)
            one.stream.start()
        except self._library.PortAudioError as error:
            raise ClientError(Code.FAILED, f"no sound device can be opened: {error}") from error


class _Stream:
    stream: Any = None

    def close(self) -> None:
        """Stop and let go of the device."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.abort()
            stream.close()


class _Recording(_Stream):
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sound = bytearray()
        self.level = 0.0

    def take(self, data: Any, _frames: int, _time: object, _status: object) -> None:
        """Keep what the microphone heard."""
        part = bytes(data)
        with self._lock:
            self._sound += part[: max(0, _MOST_BYTES - len(self._sound))]
        samples = array("h", part)
        self.level = max(max(samples, default=0), -min(samples, default=0)) / 32_768

    @property
    def seconds(self) -> float:
        """See `devices.Recording`."""
        return len(self._sound) / BYTES_A_SECOND

    def stop(self) -> bytes:
        """See `devices.Recording`."""
        self.close()
        with self._lock:
            return bytes(self._sound)


class _Playing(_Stream):
    def __init__(self, sound: bytes, over: type[Exception]) -> None:
        self._sound, self._at, self._over = sound, 0, over

    def give(self, out: Any, _frames: int, _time: object, _status: object) -> None:
        """Give the loudspeaker what comes next."""
        part = self._sound[self._at : self._at + len(out)]
        self._at += len(out)
        out[:] = part.ljust(len(out), b"\0")
        if self._at >= len(self._sound):
            raise self._over

    def stop(self) -> None:
        """See `devices.Playing`."""
        self.close()
