"""Hostile pictures are decoded in a process that can do nothing, and no picture tells where it was taken."""

import asyncio
import io
import struct
import sys
import zlib
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from letterlock_client.pictures import asking, child

PLACE = b"47.3769 N, 8.5417 E"


def png(width: int = 60, height: int = 30, **keep: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (200, 30, 60)).save(out, "PNG", **keep)
    return out.getvalue()


def jpeg_of_a_camera() -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0110] = "Model 7"
    exif[0x0112] = 6
    exif[0x9286] = PLACE.decode()
    Image.new("RGB", (60, 30), (10, 200, 60)).save(out, "JPEG", exif=exif, comment=PLACE)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG whose few bytes say 60 000 by 60 000 pixels."""

    def part(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", head)
        + part(b"IDAT", zlib.compress(bytes(9)))
        + part(b"IEND", b"")
    )


async def test_a_picture_becomes_pixels_and_not_more_than_asked_for() -> None:
    found = await asking.show(png(), 40, 28)
    assert found is not None
    assert (found.width, found.height) == (40, 20)
    assert found.pixels[:3] == bytes([200, 30, 60])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"RIFF",
        b"\x89PNG\r\n\x1a\n",
        b"%!PS-Adobe",
        b"<svg/>",
        png()[:50],
        bomb(),
        b"GIF89a" + bytes(900),
    ],
    ids=["empty", "riff", "start", "postscript", "svg", "cut", "bomb", "gif"],
)
async def test_what_is_no_picture_is_none_and_harms_nobody(raw: bytes, tmp_path: Path) -> None:
    assert await asking.show(raw, 40, 28) is None
    (tmp_path / "x.png").write_bytes(raw)
    assert await asking.clean(tmp_path / "x.png") is None


async def test_a_cleaned_picture_has_forgotten_its_camera(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg_of_a_camera())
    cleaned = await asking.clean(tmp_path / "a.jpg")
    assert cleaned is not None
    for part in (cleaned.data, cleaned.preview):
        assert PLACE not in part
        assert b"Model 7" not in part
        assert b"Exif" not in part
    picture = Image.open(io.BytesIO(cleaned.data))
    # It was turned by its Exif, which is gone: so it is turned now.
    assert (picture.format, picture.size, cleaned.width, cleaned.height) == ("JPEG", (30, 60), 30, 60)
    assert 0 < len(cleaned.preview) <= 8192


async def test_texts_in_a_png_and_in_a_moving_gif_are_gone(tmp_path: Path) -> None:
    words = PngImagePlugin.PngInfo()
    words.add_text("Location", PLACE.decode())
    (tmp_path / "a.png").write_bytes(png(pnginfo=words))
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "green", "blue")]
    frames[0].save(tmp_path / "b.gif", save_all=True, append_images=frames[1:], comment=PLACE, duration=80)
    for name in ("a.png", "b.gif"):
        cleaned = await asking.clean(tmp_path / name)
        assert cleaned is not None
        assert PLACE not in cleaned.data
    assert Image.open(io.BytesIO(cleaned.data)).n_frames == 3  # type: ignore[attr-defined]


async def test_the_process_has_no_files_no_children_and_little_memory() -> None:
    program = (
        "import letterlock_client.pictures.child as child, os\n"
        "child.limit()\n"
        "for harm in (lambda: open('/etc/passwd'), lambda: os.fork() if os.getuid() else open('/x', 'w'),\n"
        "             lambda: bytearray(2 * 1024 ** 3)):\n"
        "    try:\n"
        "        harm()\n"
        "    except (OSError, MemoryError):\n"
        "        print('refused')\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", program, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await process.communicate()
    assert answer.split() == [b"refused"] * 3


async def test_a_process_that_lies_or_hangs_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lie(raw: bytes, most: int, *arguments: str) -> bytes:
        return struct.pack(">HH", 40, 28) + b"short"

    monkeypatch.setattr(asking, "_ask", lie)
    assert await asking.show(png(), 40, 28) is None


async def test_without_pillow_nothing_is_decoded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(asking, "available", lambda: False)
    (tmp_path / "a.png").write_bytes(png())
    assert await asking.show(png(), 40, 28) is None
    assert await asking.clean(tmp_path / "a.png") is None


def test_a_preview_that_cannot_be_small_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PREVIEW_BYTES", 10)
    assert child.preview_of(Image.new("RGB", (500, 500))) == b""
