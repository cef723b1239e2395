"""A recording as a file: Opus in Ogg, its length and the bars of its waveform.

Blocks for as long as encoding takes, so it runs in a thread. Must not know devices or messages.
"""

import io
from array import array
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final

from letterlock_client.errors import ClientError, Code
from letterlock_client.sound.devices import BYTES_A_SECOND, NEEDS_EXTRA, RATE

BARS: Final = 64
LEAST_SECONDS: Final = 0.3
"""Less is a key that was pressed by mistake."""
_BIT_RATE: Final = 24_000
_FRAME: Final = 320


@dataclass(frozen=True, slots=True)
class VoiceNote:
    """A recording, encoded."""

    data: bytes = field(repr=False)
    milliseconds: int
    bars: bytes = field(repr=False)


def encode(sound: bytes) -> VoiceNote:
    """Encode a recording. Raises code bad_input where it is too short, or nothing here can encode it."""
    if len(sound) < LEAST_SECONDS * BYTES_A_SECOND:
        raise ClientError(Code.BAD_INPUT, "this is too short for a voice note")
    if find_spec("av") is None:
        raise ClientError(Code.BAD_INPUT, NEEDS_EXTRA)
    return VoiceNote(_opus(sound), len(sound) * 1000 // BYTES_A_SECOND, bars(sound))


def _opus(sound: bytes) -> bytes:
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="ogg") as container:
        stream: Any = container.add_stream("libopus", rate=RATE, layout="mono")
        stream.bit_rate = _BIT_RATE
        step = 2 * _FRAME
        for begin in range(0, len(sound), step):
            frame: Any = av.AudioFrame(format="s16", layout="mono", samples=_FRAME)
            frame.planes[0].update(sound[begin : begin + step].ljust(step, b"\0"))
            frame.sample_rate, frame.pts = RATE, begin // 2
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def bars(sound: bytes) -> bytes:
    """Return how loud it is along its length: `BARS` bytes, the loudest 255."""
    samples = array("h", sound)
    peaks = []
    for place in range(BARS):
        piece = samples[place * len(samples) // BARS : (place + 1) * len(samples) // BARS]
        peaks.append(max(max(piece, default=0), -min(piece, default=0)))
    loudest = max(peaks)
    return bytes(peak * 255 // loudest for peak in peaks) if loudest else bytes(BARS)
