"""STREAM: chunks in any order, and nothing missing, moved, repeated or added."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from letterlock.errors import MisuseError, OpenError
from letterlock.primitives.derivation import Label, hkdf
from letterlock.primitives.sealing import MAX_STREAM_CHUNKS, TAG_BYTES, Stream

KEY = b"k" * 32
SIZES = st.integers(1, 40)


def _split(stream: Stream, sealed: bytes) -> list[bytes]:
    size = stream.chunk_bytes + TAG_BYTES
    return [sealed[at : at + size] for at in range(0, len(sealed), size)]


@given(text=st.binary(max_size=300), size=SIZES, context=st.binary(max_size=20))
def test_an_object_opens_whole_in_order_and_at_any_chunk(text: bytes, size: int, context: bytes) -> None:
    stream = Stream(KEY, context=context, chunk_bytes=size)
    sealed = stream.seal_all(text)
    parts = _split(stream, sealed)
    assert stream.open_all(sealed) == b"".join(stream.open_each(parts)) == text
    assert len(parts) == stream.chunks(len(text))
    assert stream.sealed_size(len(text)) == len(sealed)
    assert stream.plain_size(len(sealed)) == len(text)
    last = len(parts) - 1
    for index in reversed(range(len(parts))):
        opened = stream.open_chunk(index, parts[index], final=index == last)
        assert opened == text[index * size : (index + 1) * size]
        assert stream.seal_chunk(index, opened, final=index == last) == parts[index]


@given(text=st.binary(max_size=200), size=SIZES, context=st.binary(max_size=20))
def test_a_stream_has_the_bytes_of_its_page(text: bytes, size: int, context: bytes) -> None:
    derived = hkdf(KEY, salt=b"", label=Label.STREAM, length=39, context=size.to_bytes(8, "big") + context)
    pieces = [text[at : at + size] for at in range(0, len(text), size)] or [b""]
    expected = b"".join(
        AESGCM(derived[:32]).encrypt(
            derived[32:] + index.to_bytes(4, "big") + bytes([index == len(pieces) - 1]), piece, None
        )
        for index, piece in enumerate(pieces)
    )
    assert Stream(KEY, context=context, chunk_bytes=size).seal_all(text) == expected


@given(text=st.binary(max_size=200), size=SIZES, data=st.data())
def test_an_object_cut_short_anywhere_is_refused(text: bytes, size: int, data: st.DataObject) -> None:
    stream = Stream(KEY, chunk_bytes=size)
    sealed = stream.seal_all(text)
    cut = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    with pytest.raises(OpenError):
        stream.open_all(cut)
    with pytest.raises(OpenError):
        list(stream.open_each(_split(stream, cut)))


@given(text=st.binary(max_size=200), size=SIZES, extra=st.binary(min_size=1, max_size=60))
def test_an_object_with_anything_added_is_refused(text: bytes, size: int, extra: bytes) -> None:
    stream = Stream(KEY, chunk_bytes=size)
    sealed = stream.seal_all(text)
    for longer in (sealed + extra, extra + sealed, sealed + _split(stream, sealed)[-1]):
        with pytest.raises(OpenError):
            stream.open_all(longer)
        with pytest.raises(OpenError):
            list(stream.open_each(_split(stream, longer)))


@given(text=st.binary(max_size=200), size=SIZES, data=st.data())
def test_an_object_with_one_bit_flipped_is_refused(text: bytes, size: int, data: st.DataObject) -> None:
    stream = Stream(KEY, chunk_bytes=size)
    sealed = bytearray(stream.seal_all(text))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(OpenError):
        stream.open_all(bytes(sealed))


@given(count=st.integers(2, 8), data=st.data())
def test_chunks_that_are_moved_repeated_or_left_out_are_refused(count: int, data: st.DataObject) -> None:
    stream = Stream(KEY, chunk_bytes=4)
    parts = _split(stream, stream.seal_all(bytes(range(4 * count))))
    one = data.draw(st.integers(0, count - 2))
    two = data.draw(st.integers(one + 1, count - 1))
    swapped = [*parts]
    swapped[one], swapped[two] = swapped[two], swapped[one]
    repeated = [*parts[: one + 1], *parts[one:]]
    missing = [*parts[:one], *parts[one + 1 :]]
    for wrong in (swapped, repeated, missing, parts[:-1], []):
        with pytest.raises(OpenError):
            list(stream.open_each(wrong))


def test_the_last_chunk_and_the_others_are_never_taken_for_each_other() -> None:
    stream = Stream(KEY, chunk_bytes=4)
    parts = _split(stream, stream.seal_all(b"12345678"))
    for index, final in ((0, True), (1, False)):
        with pytest.raises(OpenError):
            stream.open_chunk(index, parts[index], final=final)


def test_chunks_given_out_before_the_end_is_seen_are_true_ones() -> None:
    stream = Stream(KEY, chunk_bytes=4)
    opened = stream.open_each(_split(stream, stream.seal_all(b"123456789"))[:2])
    assert next(opened) == b"1234"
    with pytest.raises(OpenError):
        next(opened)


def test_an_empty_last_chunk_stands_only_for_an_empty_object() -> None:
    stream = Stream(KEY, chunk_bytes=4)
    empty = stream.seal_all(b"")
    assert len(empty) == TAG_BYTES
    assert stream.open_all(empty) == b""
    with pytest.raises(MisuseError):
        stream.seal_chunk(1, b"", final=True)
    # Even one that is rightly sealed by somebody who holds the key is refused.
    forged = stream._cipher.encrypt(stream._nonce(1, final=True), b"", None)
    whole = stream.seal_chunk(0, b"1234", final=False)
    with pytest.raises(OpenError):
        stream.open_chunk(1, forged, final=True)
    with pytest.raises(OpenError):
        stream.open_all(whole + forged)
    with pytest.raises(OpenError):
        list(stream.open_each([whole, forged]))


@pytest.mark.parametrize(
    ("index", "size", "final"),
    [(0, 3, False), (0, 5, False), (0, 5, True), (-1, 4, False), (MAX_STREAM_CHUNKS, 4, True)],
)
def test_chunks_of_an_illegal_size_or_place_are_refused(index: int, size: int, final: bool) -> None:
    stream = Stream(KEY, chunk_bytes=4)
    with pytest.raises(MisuseError):
        stream.seal_chunk(index, bytes(size), final=final)
    with pytest.raises(OpenError):
        stream.open_chunk(index, bytes(size + TAG_BYTES), final=final)


def test_the_last_of_all_possible_chunks_still_works_and_no_object_is_longer() -> None:
    stream = Stream(KEY, chunk_bytes=4)
    last = MAX_STREAM_CHUNKS - 1
    assert stream.open_chunk(last, stream.seal_chunk(last, b"1234", final=True), final=True) == b"1234"
    assert stream.chunks(4 * MAX_STREAM_CHUNKS) == MAX_STREAM_CHUNKS
    with pytest.raises(MisuseError):
        stream.chunks(4 * MAX_STREAM_CHUNKS + 1)
    with pytest.raises(OpenError):
        stream.plain_size((4 + TAG_BYTES) * (MAX_STREAM_CHUNKS + 1))
    with pytest.raises(MisuseError):
        stream.chunks(-1)


def test_key_context_and_chunk_size_are_all_bound() -> None:
    sealed = Stream(KEY, context=b"one", chunk_bytes=64).seal_all(b"text")
    for other in (
        Stream(b"x" * 32, context=b"one", chunk_bytes=64),
        Stream(KEY, context=b"two", chunk_bytes=64),
        Stream(KEY, chunk_bytes=64),
        Stream(KEY, context=b"one", chunk_bytes=65),
    ):
        with pytest.raises(OpenError):
            other.open_all(sealed)


@given(size=st.integers(-5, 2000), chunk=SIZES)
def test_only_lengths_that_an_object_can_have_are_believed(size: int, chunk: int) -> None:
    stream = Stream(KEY, chunk_bytes=chunk)
    possible = {stream.sealed_size(plain) for plain in range(2001)}
    if size in possible:
        assert stream.sealed_size(stream.plain_size(size)) == size
    else:
        with pytest.raises(OpenError):
            stream.plain_size(size)


def test_streams_refuse_wrong_keys_and_chunk_sizes() -> None:
    for key in (b"", b"k" * 16, b"k" * 33):
        with pytest.raises(MisuseError):
            Stream(key)
    for size in (0, -1, 1024 * 1024 + 1):
        with pytest.raises(MisuseError):
            Stream(KEY, chunk_bytes=size)
