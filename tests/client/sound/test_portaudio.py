"""PortAudio's streams, driven as it drives them; and what is said where there is no PortAudio."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.sound import portaudio
from letterlock_client.sound.devices import RATE
from letterlock_client.sound.portaudio import PortAudio, open_devices
from tests.client.sound.memory_devices import tone


class Library:
    """The part of the library that is used; its streams run when a test says so."""

    class PortAudioError(Exception):
        pass

    class CallbackStop(Exception):
        pass

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.streams: list[Stream] = []

    def _make(self, **how: Any) -> "Stream":
        if self.broken:
            raise self.PortAudioError("no default input device")
        assert (how["samplerate"], how["channels"], how["dtype"]) == (RATE, 1, "int16")
        self.streams.append(Stream(how["callback"], how.get("finished_callback")))
        return self.streams[-1]

    RawInputStream = RawOutputStream = _make


class Stream:
    def __init__(self, callback: Callable[..., None], ended: Callable[[], None] | None) -> None:
        self.callback, self.ended, self.calls = callback, ended, []  # type: ignore[var-annotated]

    def start(self) -> None:
        self.calls.append("start")

    def abort(self) -> None:
        self.calls.append("abort")

    def close(self) -> None:
        self.calls.append("close")


def test_what_the_microphone_hears_is_kept_in_order_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library()
    recording = PortAudio(library).record()
    said = tone(0.1)
    for begin in range(0, len(said), 640):
        library.streams[0].callback(said[begin : begin + 640], 320, None, None)
    assert recording.seconds == pytest.approx(0.1)
    assert 0.5 < recording.level < 0.7
    monkeypatch.setattr(portaudio, "_MOST_BYTES", len(said) + 10)
    library.streams[0].callback(bytes(640), 320, None, None)
    assert recording.level == 0
    assert recording.stop() == said + bytes(10)
    assert recording.stop() == said + bytes(10)
    assert library.streams[0].calls == ["start", "abort", "close"]


def test_all_of_a_sound_is_given_and_then_it_is_over() -> None:
    library, over = Library(), []
    playing = PortAudio(library).play(b"abcdefg", lambda: over.append(True))
    stream = library.streams[0]
    out = bytearray(4)
    stream.callback(out, 2, None, None)
    assert bytes(out) == b"abcd"
    with pytest.raises(Library.CallbackStop):
        stream.callback(out, 2, None, None)
    assert bytes(out) == b"efg\0"
    assert stream.ended is not None
    stream.ended()
    assert over == [True]
    playing.stop()
    playing.stop()
    assert stream.calls == ["start", "abort", "close"]


def test_a_machine_without_devices_says_so() -> None:
    with pytest.raises(ClientError) as told:
        PortAudio(Library(broken=True)).record()
    assert (told.value.code, "no default input device" in told.value.message) == (Code.FAILED, True)


class _Finder:
    """Finds the module and fails to load it, as it does where PortAudio itself is missing."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")


def test_what_is_missing_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ClientError) as told:
        open_devices()
    assert "letterlock[voice]" in told.value.message
    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr(sys, "meta_path", [_Finder, *sys.meta_path])
    with pytest.raises(ClientError) as told:
        open_devices()
    assert "libportaudio2" in told.value.message
    monkeypatch.setitem(sys.modules, "sounddevice", ModuleType("sounddevice"))
    assert isinstance(open_devices(), PortAudio)
