"""Films and sounds are looked into where they can do no harm: what is found is small, and checked."""

import io
import math
from array import array
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from letterlock_client.models import MessageKind
from letterlock_client.pictures import asking, film_child
from letterlock_client.pictures.asking import Looked
from letterlock_client.ui.icons import ASCII, UNICODE
from letterlock_client.ui.widgets.message_rows import waveform
from tests.town import Pair, pair, town

__all__ = ["pair", "town"]


def film(kind: str = "mp4", codec: str = "mpeg4", seconds: int = 2) -> bytes:
    """A red film."""
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        stream: Any = container.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for _ in range(5 * seconds):
            frame = av.VideoFrame.from_image(Image.new("RGB", (160, 96), (220, 20, 40)))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def sound(kind: str = "wav", codec: str = "pcm_s16le", seconds: int = 2) -> bytes:
    """A tone, silent in its first half."""
    rate = 48_000
    out = io.BytesIO()
    with av.open(out, "w", format=kind) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        for begin in range(0, seconds * rate, 960):
            loud = 0 if begin < seconds * rate // 2 else 20_000
            samples = array("h", (int(loud * math.sin((begin + n) / 20)) for n in range(960)))
            frame: Any = av.AudioFrame(format="s16", layout="mono", samples=960)
            frame.planes[0].update(samples.tobytes())
            frame.sample_rate, frame.pts = rate, begin
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return out.getvalue()


def kept(folder: Path, name: str, raw: bytes) -> Path:
    path = folder / name
    path.write_bytes(raw)
    return path


async def test_a_film_tells_its_size_and_length_and_shows_a_small_picture(tmp_path: Path) -> None:
    for kind, codec in (("mp4", "mpeg4"), ("matroska", "mpeg4")):
        found = await asking.look(kept(tmp_path, f"a.{kind}", film(kind, codec)))
        assert found is not None
        assert (found.width, found.height) == (160, 96)
        assert 1_800 <= found.milliseconds <= 2_300
        picture = await asking.show(found.preview, 40, 28)
        assert picture is not None
        red, green, blue = picture.pixels[:3]
        assert red > 150 > 90 > max(green, blue)


async def test_a_sound_tells_its_length_and_how_loud_it_is_where(tmp_path: Path) -> None:
    for kind, codec in (("wav", "pcm_s16le"), ("ogg", "libopus"), ("flac", "flac")):
        found = await asking.look(kept(tmp_path, f"a.{kind}", sound(kind, codec)))
        assert found is not None, kind
        assert (found.width, found.height, len(found.preview)) == (0, 0, film_child.BARS)
        assert 1_900 <= found.milliseconds <= 2_100
        assert max(found.preview[: film_child.BARS // 2 - 2]) < 20
        assert min(found.preview[film_child.BARS // 2 + 2 : -2]) > 150


def hostile() -> list[bytes]:
    whole, tone = film(), sound()
    return [
        b"",
        b"RIFF",
        b"\x00\x00\x00\x18ftyp" + bytes(64),
        b"OggS" + bytes(100),
        b"ID3" + bytes(100),
        b"\x1aE\xdf\xa3" + b"\xff" * 100,
        b"#EXTM3U\nfile:///etc/hostname\n",
        b"ffconcat version 1.0\nfile /etc/hostname\n",
        b"<svg/>",
        whole[: len(whole) // 2],
        whole[:200] + bytes(len(whole) - 200),
        tone[:44],
    ]


async def test_what_is_broken_or_another_thing_is_nothing(tmp_path: Path) -> None:
    """Playlists, which name other files, among them."""
    for number, raw in enumerate(hostile()):
        found = await asking.look(kept(tmp_path, f"{number}.mp4", raw))
        assert found is None or not found.preview or len(found.preview) == film_child.BARS, number


async def test_neither_a_pipe_nor_a_file_that_is_too_large_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.mp4")
    assert await asking.look(tmp_path / "pipe.mp4") is None
    assert await asking.look(tmp_path / "missing.mp4") is None
    path = kept(tmp_path, "film.mp4", film())
    monkeypatch.setattr(asking, "MOST_FILM", 1_000)
    assert await asking.look(path) is None


@pytest.mark.parametrize(("size", "said"), [((70_000, 5), 0), ((5, 5), 1)])
async def test_what_the_process_says_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], said: int
) -> None:
    async def lie(*_: object, **__: object) -> bytes:
        return size[0].to_bytes(4) + size[1].to_bytes(4) + bytes(4) + said.to_bytes(4)

    monkeypatch.setattr(asking, "_ask", lie)
    assert await asking.look(kept(tmp_path, "a.mp4", b"film")) is None


async def test_a_film_and_a_sound_arrive_with_what_they_are(pair: Pair, tmp_path: Path) -> None:
    await pair.alice.send_file(pair.to_bob, kept(tmp_path, "red.mp4", film()))
    await pair.alice.send_file(pair.to_bob, kept(tmp_path, "tone.wav", sound()))
    await pair.alice.send_file(pair.to_bob, kept(tmp_path, "once.mp4", film()), view_once=True)
    await pair.settle()
    red, tone, once = await pair.bob.history(pair.to_alice, 3)
    assert (red.kind, tone.kind) == (MessageKind.VIDEO, MessageKind.AUDIO)
    assert red.attachment is not None
    assert tone.attachment is not None
    assert once.attachment is not None
    assert (red.attachment.width, red.attachment.height, red.attachment.duration_ms > 1_500) == (
        160,
        96,
        True,
    )
    assert await pair.bob.picture(red) is not None
    assert len(tone.attachment.preview) == film_child.BARS
    assert not once.attachment.preview


def test_a_waveform_fits_its_room_and_is_drawn_with_signs_alone() -> None:
    preview = bytes(range(0, 256, 4))
    for icons in (UNICODE, ASCII):
        drawn = waveform(preview, 64, icons.bars)
        assert (len(drawn), drawn[0], drawn[-1]) == (64, icons.bars[0], icons.bars[-2])
        assert len(waveform(preview, 10, icons.bars)) == 10
        assert set(waveform(b"\x1b\x07\xff" * 2000, 30, icons.bars)) <= set(icons.bars)
    assert isinstance(Looked(0, 0, 0, b""), Looked)
