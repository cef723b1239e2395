"""The process that looks into one film or sound and ends: how long, how large, one small picture or a waveform.

Reads the file from standard input and writes the answer to standard output; any failure is an exit status and no
answer. Opens the containers named here by how they begin, and nothing else. Must not import anything of this program
but its sibling, whose limits it shares.
"""

import io
import struct
import sys
from array import array
from collections.abc import Callable
from typing import Any, Final

import av

from letterlock_client.pictures import child

MOST_BYTES: Final = 64 * 1024 * 1024
BARS: Final = 64
"""Bars of a waveform, a byte each."""
HEARD_RATE: Final = 16_000
MOST_HEARD: Final = 600 * 2 * HEARD_RATE
_RATE: Final = 8_000
_MOST_SECONDS: Final = 4 * 3600
_MOST_PIXELS: Final = 40_000_000
_STARTS: Final[tuple[tuple[str, Callable[[bytes], bool]], ...]] = (
    ("mp4", lambda raw: raw[4:8] == b"ftyp"),
    ("matroska", lambda raw: raw.startswith(b"\x1aE\xdf\xa3")),
    ("ogg", lambda raw: raw.startswith(b"OggS")),
    ("flac", lambda raw: raw.startswith(b"fLaC")),
    ("wav", lambda raw: raw.startswith(b"RIFF") and raw[8:12] == b"WAVE"),
    ("mp3", lambda raw: raw.startswith(b"ID3") or (raw[:1] == b"\xff" and raw[1:2] >= b"\xe0")),
)


def main() -> None:
    """Look into what comes, or with the argument `hear` decode its sound."""
    rehearse()
    child.limit()
    raw = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise SystemExit(2)
    sys.stdout.buffer.write(hear(raw) if sys.argv[1:] == ["hear"] else look(raw))
    sys.stdout.buffer.flush()


def rehearse() -> None:
    """Open something: what is imported only then cannot be imported later."""
    with av.open(io.BytesIO(), "w", format="wav") as sound:
        sound.add_stream("pcm_s16le", rate=_RATE)
    av.AudioResampler(format="s16", layout="mono", rate=_RATE)


def kind_of(raw: bytes) -> str:
    """Return the container by how it begins; any other ends the process."""
    kind = next((name for name, begins in _STARTS if begins(raw)), "")
    if not kind:
        raise SystemExit(3)
    return kind


def look(raw: bytes) -> bytes:
    """Return width, height, milliseconds, length of the preview; the preview: a small JPEG, or the bars of a sound."""
    with av.open(io.BytesIO(raw), "r", format=kind_of(raw)) as container:
        length = max(0, (container.duration or 0) // 1000)
        if container.streams.video:
            width, height, preview = _frame(container)
        else:
            width, height, preview = 0, 0, _bars(container, length)
    return struct.pack(">IIII", width, height, min(length, 2**32 - 1), len(preview)) + preview


def hear(raw: bytes) -> bytes:
    """Return the sound as 16-bit mono samples at `HEARD_RATE`, at most ten minutes of it."""
    sound = bytearray()
    with av.open(io.BytesIO(raw), "r", format=kind_of(raw)) as container:
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1
        resampler = av.AudioResampler(format="s16", layout="mono", rate=HEARD_RATE)
        for frame in container.decode(stream):
            for part in resampler.resample(frame):
                sound += bytes(part.planes[0])[: 2 * part.samples]
            if len(sound) >= MOST_HEARD:
                break
    return bytes(sound[:MOST_HEARD])


def _frame(container: Any) -> tuple[int, int, bytes]:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1
    if stream.codec_context.width * stream.codec_context.height > _MOST_PIXELS:
        raise SystemExit(4)
    frame = next(container.decode(stream))
    return frame.width, frame.height, child.preview_of(frame.to_image())


def _bars(container: Any, length: int) -> bytes:
    stream = container.streams.audio[0]
    stream.codec_context.thread_count = 1
    resampler = av.AudioResampler(format="s16", layout="mono", rate=_RATE)
    if not 0 < length <= _MOST_SECONDS * 1000:
        return b""
    each = max(1, length * _RATE // 1000 // BARS)
    peaks = [0] * BARS
    at = 0
    for frame in container.decode(stream):
        for part in resampler.resample(frame):
            samples = array("h", bytes(part.planes[0])[: part.samples * 2])
            for begin in range(0, len(samples), each):
                piece = samples[begin : begin + each]
                place = min(BARS - 1, (at + begin) // each)
                peaks[place] = max(peaks[place], max(piece), -min(piece))
            at += len(samples)
    loudest = max(peaks)
    return bytes(peak * 255 // loudest for peak in peaks) if loudest else bytes(BARS)


if __name__ == "__main__":
    main()
