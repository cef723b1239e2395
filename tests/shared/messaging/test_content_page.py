"""What `shared/spec/content.md` promises: its numbers and its bytes are the ones the code computes."""

from pathlib import Path

import pytest

from letterlock.devices.device_list import ListView
from letterlock.encoding import pack
from letterlock.ids import MessageId
from letterlock.messaging import attachments, content_limits, payload, safety_number, sealed_sender
from letterlock.messaging.content import Reaction, Tag, Text, Typing, pack_content
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.padding import unpad

PAGE = (Path(__file__).parents[3] / "shared" / "spec" / "content.md").read_text()
K = bytes(range(32))
R = K[::-1]
MESSAGE = MessageId(K[:16])
VIEW = ListView(1, 2, K)
CHUNK = attachments.AttachmentChunks(K, attachments.plan(3)).seal(0, b"abc")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", pack_content(Text("hi", MESSAGE))),
        ("reaction", pack_content(Reaction(MESSAGE, "\U0001f44d"))),
        ("typing", pack_content(Typing(active=True))),
        (
            "payload",
            unpad(payload.encode(payload.Payload(MESSAGE, 1_000, 60, VIEW, VIEW, Typing(active=True)))),
        ),
        ("info", pack(Label.SEALED_SENDER, 1, K[:20], 7)),
        ("code", safety_number.qr_payload((K, K[:20]), (R, K[12:]))),
        ("chunk begins", CHUNK[:16]),
        ("chunk", sha256(CHUNK)),
    ],
)
def test_the_worked_bytes_are_the_ones_we_compute(name: str, value: bytes) -> None:
    assert value.hex() in PAGE, (name, value.hex())


def test_the_worked_digits_and_sizes_are_the_ones_we_compute() -> None:
    assert safety_number.fingerprint_digits(K, K[:20]) in PAGE
    for size in (70_000, 10_000_000):
        planned = attachments.plan(size)
        chunks = f"{planned.chunks} chunk{'' if planned.chunks == 1 else 's'}"
        line = f"padded {planned.padded_size}, {chunks}, sealed {planned.sealed_size}"
        assert any(f"{size} bytes" in each and line in each for each in PAGE.splitlines()), line
    assert f"{len(CHUNK)} bytes" in PAGE


@pytest.mark.parametrize("tag", list(Tag), ids=lambda tag: tag.name)
def test_every_tag_stands_in_the_table(tag: Tag) -> None:
    name = "".join(word.capitalize() for word in tag.name.removeprefix("RESERVED_").split("_"))
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| {int(tag)} |"))
    assert name in row
    assert ("reserved" in row) == tag.name.startswith("RESERVED_")


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("text, caption", content_limits.MAX_TEXT_BYTES),
        ("mentions", content_limits.MAX_MENTIONS),
        ("messages in one receipt", content_limits.MAX_RECEIPTS),
        ("emoji", content_limits.MAX_EMOJI_BYTES),
        ("file name", content_limits.MAX_NAME_BYTES),
        ("about", content_limits.MAX_ABOUT_BYTES),
        ("media type", content_limits.MAX_MEDIA_TYPE_BYTES),
        ("preview", content_limits.MAX_PREVIEW_BYTES),
        ("width", content_limits.MAX_PIXELS),
        ("timer", content_limits.MAX_TIMER_S),
        ("any other number", content_limits.MAX_COUNT),
        ("handle entry", content_limits.MAX_HANDLE_ENTRY_BYTES),
        ("padded payload", content_limits.MAX_PADDED_BYTES),
    ],
)
def test_every_limit_is_the_one_in_the_table(what: str, limit: int) -> None:
    assert any(line.startswith(f"| {what}") and str(limit) in line for line in PAGE.splitlines())


def test_the_sizes_of_envelopes_and_attachments_are_the_ones_described() -> None:
    sizes = [sealed_sender.envelope_size(832 + inside) for inside in (0, 256, 512, 1_024, 2_048)]
    assert ", ".join(map(str, sizes)) in PAGE
    for number in (
        sealed_sender.ENVELOPE_BASE,
        sealed_sender.MAX_ENVELOPE_BYTES,
        sealed_sender.MAX_CHAIN_BYTES,
        attachments.CHUNK_BYTES,
        attachments.SEALED_CHUNK_BYTES,
        attachments.MAX_ATTACHMENT_BYTES,
        attachments.MIN_CHUNK_BYTES,
        safety_number.ITERATIONS,
    ):
        assert str(number) in PAGE
