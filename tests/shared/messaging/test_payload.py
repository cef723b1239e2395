"""A payload has one encoding of few lengths, and what is not exactly that is refused."""

import os
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.devices.device_list import ListView
from letterlock.errors import MalformedError
from letterlock.ids import BlobId, MessageId
from letterlock.messaging.attachments import plan
from letterlock.messaging.content import (
    Attachment,
    AttachmentKind,
    Content,
    Edit,
    Receipt,
    ReceiptKind,
    Text,
    Typing,
    Unknown,
)
from letterlock.messaging.payload import Payload, decode, encode
from letterlock.primitives.padding import pad, padded_size, unpad
from tests.shared.messaging.content_strategies import payloads

VIEW = ListView(1, 1, bytes(32))


def payload(content: Content, handle_entry: bytes = b"") -> Payload:
    return Payload(
        message=MessageId(os.urandom(16)),
        sent_at=1_790_000_000_000,
        timer_s=604_800,
        own_view=VIEW,
        peer_view=VIEW,
        content=content,
        handle_entry=handle_entry,
    )


@given(payloads)
def test_every_payload_reads_back(one: Payload) -> None:
    assert decode(encode(one)) == one


@given(payloads)
def test_a_payload_is_as_long_as_a_size_class(one: Payload) -> None:
    padded = encode(one)
    assert len(padded) == padded_size(len(unpad(padded)))


@settings(max_examples=20)
@given(payloads, st.data())
def test_every_flip_gives_another_legal_payload_or_malformed(one: Payload, data: st.DataObject) -> None:
    padded = bytearray(encode(one))
    padded[data.draw(st.integers(0, len(padded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        other = decode(bytes(padded))
    except MalformedError:
        return
    assert encode(other) == padded


def test_every_truncation_and_extension_is_refused() -> None:
    padded = encode(payload(Text("hello"), b"entry"))
    for size in range(len(padded)):
        with pytest.raises(MalformedError):
            decode(padded[:size])
    for tail in (b"\0", b"\x80", bytes(256), padded):
        with pytest.raises(MalformedError):
            decode(padded + tail)


@given(st.binary(max_size=400))
def test_random_bytes_are_never_more_than_malformed(raw: bytes) -> None:
    for bytes_read in (raw, pad(raw)):
        with pytest.raises(MalformedError):
            decode(bytes_read)


def test_a_second_encoding_of_the_same_payload_is_refused() -> None:
    raw = unpad(encode(payload(Text("hello"))))
    assert raw[:2] == b"\x98\x01"
    for other in (
        b"\x98\xcc\x01" + raw[2:],
        b"\xdc\x00\x08" + raw[1:],
        raw.replace(b"\xa5hello", b"\xd9\x05hello"),
    ):
        with pytest.raises(MalformedError):
            decode(pad(other))


def test_a_payload_of_another_version_is_refused() -> None:
    raw = unpad(encode(payload(Text("hello"))))
    with pytest.raises(MalformedError):
        decode(pad(raw[:1] + b"\x02" + raw[2:]))


@pytest.mark.parametrize(
    "bomb", [b"\x91" * 48_000, b"\xdd\xff\xff\xff\xff" * 9_000, b"\x81" * 48_000, b"\xc6" * 48_000]
)
def test_bombs_are_refused_at_once(bomb: bytes) -> None:
    raw = unpad(encode(payload(Unknown(b"\x92\x63\xc0"))))
    hostile = pad(raw[:-1] + bomb)
    started = time.perf_counter()
    with pytest.raises(MalformedError):
        decode(hostile)
    assert time.perf_counter() - started < 0.1


def test_the_largest_content_of_every_kind_fits() -> None:
    planned = plan(2_000_000_000)
    largest = Attachment(
        kind=AttachmentKind.VIDEO,
        blob=BlobId(bytes(16)),
        key=bytes(32),
        digest=bytes(32),
        size=planned.size,
        sealed_size=planned.sealed_size,
        name="n" * 255,
        media_type="m/" + "m" * 125,
        caption="c" * 16_384,
        preview=bytes(8_192),
        reply_to=MessageId(bytes(16)),
    )
    receipt = Receipt(ReceiptKind.READ, (MessageId(bytes(16)),) * 200)
    for content in (largest, receipt, Text("t" * 16_384), Edit(MessageId(bytes(16)), "t" * 16_384)):
        assert decode(encode(payload(content, bytes(1_024)))).content == content


def test_more_than_an_envelope_holds_is_refused() -> None:
    with pytest.raises(MalformedError):
        encode(payload(Unknown(b"\x92\x63\xc5\xff\xff" + bytes(65_535))))
    small = Unknown(b"\x92\x63\xc0")
    raw = unpad(encode(payload(small)))
    for size, legal in ((40_000, True), (60_000, False)):
        larger = pad(raw[: -len(small.raw)] + b"\x92\x63\xc5" + size.to_bytes(2) + bytes(size))
        if legal:
            assert isinstance(decode(larger).content, Unknown)
        else:
            with pytest.raises(MalformedError):
                decode(larger)


def test_receipts_typing_and_short_texts_have_one_length() -> None:
    receipts = [Receipt(ReceiptKind.READ, (MessageId(os.urandom(16)),) * count) for count in (1, 6)]
    texts = [Text(""), Text("see you there"), Text("x" * 120)]
    old = ListView(300, 70_000, bytes(32))
    for content in (*receipts, *texts, Typing(active=True), Typing(active=False)):
        one = msgspec.structs.replace(payload(content), own_view=old, peer_view=old)
        assert len(encode(one)) == 256


def test_payloads_print_nothing() -> None:
    assert repr(payload(Text("attack at dawn"))) == "<Payload>"


@pytest.mark.parametrize(
    "change",
    [
        {"message": b"m" * 15},
        {"sent_at": -1},
        {"sent_at": 2**53},
        {"timer_s": -1},
        {"timer_s": 2**40},
        {"own_view": ListView(-1, 1, bytes(32))},
        {"peer_view": ListView(1, 2**53, bytes(32))},
        {"peer_view": ListView(1, 1, bytes(31))},
        {"handle_entry": bytes(1_025)},
    ],
    ids=str,
)
def test_no_payload_past_its_limits_can_exist(change: dict[str, object]) -> None:
    fields = {"message": b"m" * 16, "sent_at": 1, "timer_s": 0, "own_view": VIEW, "peer_view": VIEW}
    with pytest.raises(MalformedError):
        Payload(**(fields | {"content": Text("x")} | change))  # type: ignore[arg-type]
