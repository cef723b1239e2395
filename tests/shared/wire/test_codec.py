"""What the codec promises: every frame reads back, has one encoding, and all else is refused at once."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect as shapes

from letterlock.errors import FrameError, MisuseError
from letterlock.wire import frames
from letterlock.wire.codec import decode_client, decode_relay, encode
from tests.shared.wire.frame_strategies import ALL_FRAMES, CLIENT_FRAMES, RELAY_FRAMES, any_of, fields_of

Decode = Callable[[bytes], frames.Frame]
BOTH: tuple[Decode, Decode] = (decode_client, decode_relay)
msgpack = msgspec.msgpack.encode


def decoder_of(cls: type[frames.Frame]) -> Decode:
    return decode_client if cls in CLIENT_FRAMES else decode_relay


def plainest(cls: type[frames.Frame]) -> list[Any]:
    """The smallest legal frame of a class, as the plain array that goes over the wire."""
    return [cls.__struct_config__.tag, *(_least(field.type) for field in fields_of(cls))]


def _least(kind: Any) -> Any:
    if isinstance(kind, shapes.IntType):
        return kind.ge
    if isinstance(kind, shapes.BoolType):
        return False
    if isinstance(kind, shapes.BytesType):
        return bytes(kind.min_length or 0)
    if isinstance(kind, shapes.StrType):
        return ""
    if isinstance(kind, shapes.ListType):
        return [_least(kind.item_type)] * (kind.min_length or 0)
    if isinstance(kind, shapes.DictType):
        return {}
    return [_least(field.type) for field in kind.fields]


@pytest.mark.parametrize("cls", ALL_FRAMES, ids=lambda cls: cls.__name__)
def test_every_frame_reads_back_in_its_plainest_form(cls: type[frames.Frame]) -> None:
    frame = decoder_of(cls)(msgpack(plainest(cls)))
    assert type(frame) is cls
    assert encode(frame) == msgpack(plainest(cls))


@settings(max_examples=300)
@given(any_of(CLIENT_FRAMES))
def test_every_frame_of_a_client_reads_back(frame: frames.ClientFrame) -> None:
    assert decode_client(encode(frame)) == frame


@settings(max_examples=300)
@given(any_of(RELAY_FRAMES))
def test_every_frame_of_a_relay_reads_back(frame: frames.RelayFrame) -> None:
    assert decode_relay(encode(frame)) == frame


@given(any_of(CLIENT_FRAMES), st.binary(min_size=1, max_size=4))
def test_every_truncation_and_extension_is_refused(frame: frames.ClientFrame, more: bytes) -> None:
    data = encode(frame)
    for size in range(len(data)):
        with pytest.raises(FrameError):
            decode_client(data[:size])
    with pytest.raises(FrameError):
        decode_client(data + more)


@given(any_of(CLIENT_FRAMES))
def test_a_client_frame_is_no_relay_frame(frame: frames.ClientFrame) -> None:
    with pytest.raises(FrameError):
        decode_relay(encode(frame))


@given(any_of(RELAY_FRAMES))
def test_a_relay_frame_is_no_client_frame(frame: frames.RelayFrame) -> None:
    with pytest.raises(FrameError):
        decode_client(encode(frame))


@settings(max_examples=300)
@given(st.one_of(any_of(CLIENT_FRAMES), any_of(RELAY_FRAMES)), st.data())
def test_whatever_decodes_is_the_one_encoding_of_its_frame(frame: frames.Frame, data: st.DataObject) -> None:
    raw = bytearray(encode(frame))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    for decode in BOTH:
        try:
            altered = decode(bytes(raw))
        except FrameError:
            continue
        assert encode(altered) == raw


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_random_bytes_never_raise_anything_else(raw: bytes) -> None:
    for decode in BOTH:
        try:
            frame = decode(raw)
        except FrameError:
            continue
        assert encode(frame) == raw


def _past_limits() -> list[tuple[str, type[frames.Frame], int, Any]]:
    """For every field of every frame: values just outside its limits, and of every other type."""
    cases: list[tuple[str, type[frames.Frame], int, Any]] = []
    for cls in ALL_FRAMES:
        for index, field in enumerate(fields_of(cls), start=1):
            for what, value in _bad_values(field.type):
                cases.append((f"{cls.__name__}.{field.name}-{what}", cls, index, value))
    return cases


def _bad_values(kind: Any) -> list[tuple[str, Any]]:
    others: list[tuple[str, Any]] = [
        (f"type-{type(value).__name__}", value) for good, value in _EXAMPLES if not isinstance(kind, good)
    ]
    others.append(("nan", float("nan")))
    if isinstance(kind, shapes.IntType):
        assert kind.ge is not None
        assert kind.le is not None
        return [*others, ("below", kind.ge - 1), ("above", kind.le + 1), ("integral float", float(kind.ge))]
    if isinstance(kind, shapes.BytesType | shapes.StrType):
        filler: Any = b"x" if isinstance(kind, shapes.BytesType) else "x"
        assert kind.max_length is not None
        sizes = [kind.max_length + 1, *([kind.min_length - 1] if kind.min_length else [])]
        return [*others, *((f"length-{size}", filler * size) for size in sizes)]
    if isinstance(kind, shapes.ListType):
        assert kind.max_length is not None
        least = _least(kind.item_type)
        sizes = [kind.max_length + 1, *([kind.min_length - 1] if kind.min_length else [])]
        return [*others, *((f"length-{size}", [least] * size) for size in sizes)]
    if isinstance(kind, shapes.DictType):
        assert kind.max_length is not None
        too_many = {str(n): 1 for n in range(kind.max_length + 1)}
        return [*others, ("too many", too_many), ("bad key", {1: 1}), ("bad value", {"a": "b"})]
    return others


_EXAMPLES: tuple[tuple[Any, Any], ...] = (
    (shapes.IntType, 1),
    (shapes.BoolType, True),
    (shapes.BytesType, b"x" * 20),
    (shapes.StrType, "x" * 20),
    (shapes.ListType, [None]),
    (shapes.DictType, {"a": None}),
    (shapes.NoneType, None),
    (shapes.FloatType, 1.5),
    (shapes.ExtType, msgspec.msgpack.Ext(1, b"x")),
)


@pytest.mark.parametrize(("cls", "index", "value"), [pytest.param(*c[1:], id=c[0]) for c in _past_limits()])
def test_no_field_takes_a_value_past_its_limit_or_of_another_type(
    cls: type[frames.Frame], index: int, value: Any
) -> None:
    plain = plainest(cls)
    plain[index] = value
    with pytest.raises(FrameError):
        decoder_of(cls)(msgpack(plain))


def test_every_value_in_every_field_has_a_limit() -> None:
    unlimited: list[str] = []

    def look(where: str, kind: Any) -> None:
        if isinstance(kind, shapes.IntType) and (kind.ge is None or kind.le is None):
            unlimited.append(where)
        if hasattr(kind, "max_length") and kind.max_length is None:
            unlimited.append(where)
        for part in ("item_type", "key_type", "value_type"):
            if hasattr(kind, part):
                look(f"{where}.{part}", getattr(kind, part))
        for field in getattr(kind, "fields", ()):
            look(f"{where}.{field.name}", field.type)

    for cls in ALL_FRAMES:
        look(cls.__name__, shapes.type_info(cls))
    assert unlimited == []


@pytest.mark.parametrize("cls", ALL_FRAMES, ids=lambda cls: cls.__name__)
def test_a_frame_with_a_field_more_or_less_is_refused(cls: type[frames.Frame]) -> None:
    plain = plainest(cls)
    for altered in ([*plain, 0], [*plain, None], plain[:-1]):
        with pytest.raises(FrameError):
            decoder_of(cls)(msgpack(altered))


NONCE = b"\xc4\x20" + bytes(32)
LONGER_SPELLINGS = {
    "a longer number": b"\x94\x01\xcd\x00\x00\x01\xa1c",
    "a signed number": b"\x94\x01\xd3\x00\x00\x00\x00\x00\x00\x00\x05\x01\xa1c",
    "a longer array": b"\xdd\x00\x00\x00\x04\x01\x00\x01\xa1c",
    "a longer text": b"\x94\x01\x00\x01\xd9\x01c",
    "longer bytes": b"\x94\x06\x00\xc5\x00\x00\xa0",
}
TWICE = b"\x99\x02\x00\xa1r" + NONCE + b"\x01\x82\xa1a\x01\xa1a\x02\x05\xc2\x80"


@pytest.mark.parametrize("raw", LONGER_SPELLINGS.values(), ids=LONGER_SPELLINGS)
def test_a_longer_spelling_of_a_frame_is_refused(raw: bytes) -> None:
    assert msgspec.msgpack.decode(raw)
    with pytest.raises(FrameError, match="shortest"):
        decode_client(raw)


def test_a_key_that_stands_twice_is_refused() -> None:
    once = TWICE.replace(b"\x82\xa1a\x01\xa1a\x02", b"\x81\xa1a\x02")
    assert isinstance(decode_relay(once), frames.Welcome)
    with pytest.raises(FrameError, match="shortest"):
        decode_relay(TWICE)


BOMBS = {
    "nothing": b"",
    "past the size of a frame": bytes(frames.MAX_FRAME + 1),
    "ten times the size of a frame": b"\x91" * (10 * frames.MAX_FRAME),
    "arrays in arrays": b"\x91" * frames.MAX_FRAME,
    "maps in maps": b"\x81" * frames.MAX_FRAME,
    "arrays in a field": b"\x94\x01" + b"\x91" * (frames.MAX_FRAME - 2),
    "maps in a field": b"\x94\x01\x00" + b"\x81\x01" * 100_000,
    "an array of four thousand million": b"\xdd\xff\xff\xff\xff",
    "a map of four thousand million": b"\xdf\xff\xff\xff\xff",
    "a list of four thousand million": b"\x93\x13\x00\xdd\xff\xff\xff\xff" + bytes(200_000),
    "bytes of four thousand million": b"\x93\x13\x00\x91\xc6\xff\xff\xff\xff",
    "a text of four thousand million": b"\x94\x01\x00\x01\xdb\xff\xff\xff\xff",
    "a hundred thousand empty ids": b"\x93\x13\x00\xdd\x00\x01\x86\xa0" + b"\xc4\x00" * 100_000,
    "a hundred thousand fields": b"\xdd\x00\x01\x86\xa0\x01\x00\x01\xa1c" + b"\xc0" * 99_996,
    "ten thousand features": b"\x98\x02\x00\xa1r"
    + NONCE
    + b"\x01"
    + msgpack({str(n): 1 for n in range(10_000)}),
    "a number that is not one": msgpack([1, 0, float("nan"), "c"]),
    "infinity": msgpack([1, 0, float("inf"), "c"]),
    "half a surrogate pair": b"\x94\x01\x00\x01\xa3\xed\xa0\x80",
    "not UTF-8": b"\x94\x01\x00\x01\xa1\xff",
    "an overlong NUL": b"\x94\x01\x00\x01\xa2\xc0\x80",
    "an extension": b"\xc7\x00\x01",
    "a timestamp": b"\xd6\xff\x00\x00\x00\x00",
    "the byte that is never used": b"\xc1",
    "an unknown tag": msgpack([99, 0]),
    "a negative tag": msgpack([-1, 0]),
    "a tag of text": msgpack(["Hello", 0]),
    "no tag": msgpack([]),
    "a map for an array": msgpack({"type": 1, "id": 0, "version": 1, "client": "c"}),
    "two frames": msgpack([1, 0, 1, "c"]) * 2,
}


@pytest.mark.parametrize("raw", BOMBS.values(), ids=BOMBS)
def test_a_hostile_frame_is_refused_in_ten_milliseconds(raw: bytes) -> None:
    for decode in BOTH:
        best = 1.0
        for _ in range(3):
            began = time.perf_counter()
            with pytest.raises(FrameError):
                decode(raw)
            best = min(best, time.perf_counter() - began)
        assert best < 0.010


def test_the_largest_frames_that_are_needed_fit() -> None:
    envelope = frames.Sealed(1, bytes(frames.MAX_ENVELOPE))
    submit = frames.Submit(2**32 - 1, bytes(16), bytes(20), 2**53, 2**53, [envelope], False)
    chunk = frames.PutChunk(2**32 - 1, bytes(16), frames.MAX_BLOB, bytes(frames.MAX_CHUNK))
    acknowledge = frames.Acknowledge(2**32 - 1, [bytes(16)] * frames.CREDIT)
    for frame in (submit, chunk, acknowledge):
        assert decode_client(encode(frame)) == frame


def test_a_frame_that_passes_the_limit_is_not_sent() -> None:
    sealed = [frames.Sealed(n + 1, bytes(frames.MAX_ENVELOPE)) for n in range(16)]
    with pytest.raises(MisuseError):
        encode(frames.Submit(1, bytes(16), bytes(20), 1, 1, sealed, False))


def test_half_a_surrogate_pair_is_not_sent() -> None:
    with pytest.raises(MisuseError):
        encode(frames.Hello(1, 1, "\ud800"))
