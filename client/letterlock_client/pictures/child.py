"""The process that decodes one picture and ends: no files, no children, little memory, a few seconds.

Reads the picture from standard input and writes the answer to standard output; any failure is an exit status
and no answer. Opens PNG, JPEG, GIF and WebP, and nothing else. Must not import anything of this program.
"""

import io
import resource
import struct
import sys
from typing import Any, Final

from PIL import GifImagePlugin, Image, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP")
PLUGINS: Final = (PngImagePlugin, JpegImagePlugin, GifImagePlugin, WebPImagePlugin)
MOST_BYTES: Final = 32 * 1024 * 1024
MOST_PIXELS: Final = 40_000_000
MOST_FRAMES: Final = 300
PREVIEW_PIXELS: Final = 96
PREVIEW_BYTES: Final = 8 * 1024
_MEMORY: Final = 1024 * 1024 * 1024
_SECONDS: Final = 10


def main() -> None:
    """Do what the one argument says: `show` or `clean`."""
    limit()
    raw = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise SystemExit(2)
    answer = show(raw, int(sys.argv[2]), int(sys.argv[3])) if sys.argv[1] == "show" else clean(raw)
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()


def limit() -> None:
    """Give away what decoding does not need; everything it does need is imported first."""
    rehearse()
    limits = (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    )
    for kind, most in limits:
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def rehearse() -> None:
    """Use each format once: Pillow imports some of its parts only then, and later it cannot."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in FORMATS:
        raw = io.BytesIO()
        tiny = Image.new("RGB", (2, 2))
        tiny.save(
            raw, kind, exif=exif, append_images=[tiny.copy()] if kind == "GIF" else [], save_all=kind == "GIF"
        )
        clean(raw.getvalue())


def opened(raw: bytes) -> Image.Image:
    """Return a picture whose size is bearable; its pixels are not decoded yet."""
    picture = Image.open(io.BytesIO(raw), formats=FORMATS)
    if picture.width * picture.height > MOST_PIXELS:
        raise SystemExit(3)
    return picture


def show(raw: bytes, width: int, height: int) -> bytes:
    """Return the picture at most this large: width and height in two bytes each, then red, green, blue."""
    picture = opened(raw)
    picture.draft("RGB", (width * 2, height * 2))
    small = ImageOps.exif_transpose(picture).convert("RGBA")
    small.thumbnail((width, height))
    ground = Image.new("RGBA", small.size, (32, 32, 32, 255))
    ground.alpha_composite(small)
    return struct.pack(">HH", *ground.size) + ground.convert("RGB").tobytes()


def clean(raw: bytes) -> bytes:
    """Encode anew, without what a camera wrote into it: width, height, length of the preview; preview; picture."""
    picture = opened(raw)
    kind, frames = str(picture.format), getattr(picture, "n_frames", 1)
    if frames > MOST_FRAMES or (frames > 1 and kind != "GIF"):
        raise SystemExit(4)
    whole = io.BytesIO()
    if frames > 1:
        still = picture.convert("RGB")
        times: dict[str, Any] = {
            key: picture.info[key] for key in ("duration", "loop") if key in picture.info
        }
        picture.info = {}
        picture.save(whole, "GIF", save_all=True, comment=b"", **times)
    else:
        still = ImageOps.exif_transpose(picture)
        still.info = {key: value for key, value in still.info.items() if key == "transparency"}
        if kind == "JPEG" and still.mode not in ("L", "RGB"):
            still = still.convert("RGB")
        if kind in ("JPEG", "WEBP"):
            still.save(whole, kind, quality=90)
        else:
            still.save(whole, kind)
    preview = preview_of(still)
    return struct.pack(">III", *still.size, len(preview)) + preview + whole.getvalue()


def preview_of(picture: Image.Image) -> bytes:
    """Return a small JPEG of the picture, or nothing where that is not small enough."""
    small = picture.convert("RGB")
    small.thumbnail((PREVIEW_PIXELS, PREVIEW_PIXELS))
    for quality in (75, 50, 25):
        out = io.BytesIO()
        small.save(out, "JPEG", quality=quality)
        if out.tell() <= PREVIEW_BYTES:
            return out.getvalue()
    return b""


if __name__ == "__main__":
    main()
