"""A sealed file comes back whole or not at all; any chunk opens alone; its size tells a class only."""

import hashlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.encoding import pack
from letterlock.errors import MalformedError, MisuseError, OpenError
from letterlock.messaging.attachments import (
    CHUNK_BYTES,
    MAX_ATTACHMENT_BYTES,
    MIN_CHUNK_BYTES,
    SEALED_CHUNK_BYTES,
    AttachmentChunks,
    AttachmentPlan,
    plan,
)
from letterlock.primitives.derivation import running_sha256
from letterlock.primitives.padding import padme
from letterlock.primitives.sealing import Stream
from letterlock.wire.frames import MAX_BLOB, MAX_CHUNK

KEY = bytes(range(32))
few = settings(max_examples=30, deadline=None)


def content_of(data: bytes, planned: AttachmentPlan, index: int) -> bytes:
    at = planned.content_offset(index)
    return data[at : at + planned.content_bytes(index)]


def seal_all(key: bytes, planned: AttachmentPlan, data: bytes) -> list[bytes]:
    return [
        AttachmentChunks(key, planned).seal(i, content_of(data, planned, i)) for i in range(planned.chunks)
    ]


@few
@given(st.binary(max_size=40_000), st.integers(MIN_CHUNK_BYTES, 10_000))
def test_a_file_comes_back_whole(data: bytes, chunk_bytes: int) -> None:
    planned = plan(len(data), chunk_bytes)
    sealed = seal_all(KEY, planned, data)
    assert sum(map(len, sealed)) == planned.sealed_size
    digest = running_sha256()
    opened = []
    for index, chunk in enumerate(sealed):
        opened.append(AttachmentChunks(KEY, planned).open(index, chunk))
        digest.update(opened[-1])
    assert b"".join(opened) == data
    assert digest.digest() == hashlib.sha256(data).digest()


@given(st.integers(0, MAX_ATTACHMENT_BYTES), st.integers(MIN_CHUNK_BYTES, CHUNK_BYTES))
def test_the_chunks_of_a_plan_cover_the_file_and_the_upload_without_gaps(size: int, chunk_bytes: int) -> None:
    planned = plan(size, chunk_bytes)
    last = planned.chunks - 1
    middle = planned.chunks // 2
    for index in {0, middle, last}:
        if index:
            before = index - 1
            assert planned.sealed_offset(before) + planned.sealed_bytes(before) == planned.sealed_offset(
                index
            )
            assert planned.content_offset(before) + planned.content_bytes(before) == planned.content_offset(
                index
            )
        assert planned.next_chunk(planned.sealed_offset(index)) == index
        assert planned.next_chunk(planned.sealed_offset(index) + planned.sealed_bytes(index) - 1) == index
    assert planned.sealed_offset(last) + planned.sealed_bytes(last) == planned.sealed_size
    assert planned.content_offset(last) + planned.content_bytes(last) == size
    assert planned.next_chunk(planned.sealed_size) == planned.chunks


def test_a_full_sealed_chunk_is_one_wire_chunk() -> None:
    assert SEALED_CHUNK_BYTES == MAX_CHUNK
    assert plan(10 * CHUNK_BYTES).sealed_bytes(0) == MAX_CHUNK


def test_the_largest_file_fits_a_blob_and_a_larger_one_is_refused() -> None:
    for chunk_bytes in (MIN_CHUNK_BYTES, CHUNK_BYTES):
        assert plan(MAX_ATTACHMENT_BYTES, chunk_bytes).sealed_size <= MAX_BLOB
    assert padme(MAX_ATTACHMENT_BYTES) == MAX_ATTACHMENT_BYTES
    assert padme(MAX_ATTACHMENT_BYTES + 1) == MAX_BLOB
    with pytest.raises(MalformedError):
        plan(MAX_ATTACHMENT_BYTES + 1)
    for size, chunk_bytes in (
        (-1, CHUNK_BYTES),
        (1, CHUNK_BYTES + 1),
        (1, MIN_CHUNK_BYTES - 1),
        (1, 0),
        (1, -1),
    ):
        with pytest.raises(MalformedError):
            plan(size, chunk_bytes)


def test_sizes_tell_a_class_only() -> None:
    assert len({plan(size).sealed_size for size in range(4_097)}) == 1
    sizes = {plan(size).sealed_size for size in range(0, 5_000_000, 997)}
    assert len(sizes) < 256
    for size in (4_097, 70_000, 1_000_001, 50_000_000):
        assert plan(size).sealed_size < size * 1.12 + 4_096


@few
@given(st.integers(0, 2), st.data())
def test_every_flip_cut_and_extension_of_a_chunk_is_refused(index: int, data: st.DataObject) -> None:
    file = os.urandom(11_000)
    planned = plan(len(file), MIN_CHUNK_BYTES)
    sealed = seal_all(KEY, planned, file)[index]
    at = data.draw(st.integers(0, len(sealed) - 1))
    flipped = sealed[:at] + bytes([sealed[at] ^ data.draw(st.integers(1, 255))]) + sealed[at + 1 :]
    for hostile in (flipped, sealed[:at], sealed + b"\0", b""):
        with pytest.raises(OpenError):
            AttachmentChunks(KEY, planned).open(index, hostile)


def test_every_byte_of_a_small_chunk_counts() -> None:
    planned = plan(100)
    sealed = AttachmentChunks(KEY, planned).seal(0, b"x" * 100)
    for at in range(len(sealed)):
        with pytest.raises(OpenError):
            AttachmentChunks(KEY, planned).open(0, sealed[:at] + bytes([sealed[at] ^ 128]) + sealed[at + 1 :])


def test_no_chunk_passes_for_another_of_the_same_file() -> None:
    data = b"\0" * 20_000
    planned = plan(len(data), MIN_CHUNK_BYTES)
    sealed = seal_all(KEY, planned, data)
    assert planned.chunks == 5
    assert len(set(sealed)) == planned.chunks
    for right in range(planned.chunks):
        for wrong in set(range(planned.chunks)) - {right}:
            with pytest.raises(OpenError):
                AttachmentChunks(KEY, planned).open(right, sealed[wrong])


def test_a_file_cut_or_extended_by_whole_chunks_does_not_open_under_another_plan() -> None:
    data = os.urandom(5 * MIN_CHUNK_BYTES)
    whole = plan(len(data), MIN_CHUNK_BYTES)
    sealed = seal_all(KEY, whole, data)
    for size in (4 * MIN_CHUNK_BYTES, len(data) - 1, len(data) + 1, 6 * MIN_CHUNK_BYTES):
        with pytest.raises(OpenError):
            AttachmentChunks(KEY, plan(size, MIN_CHUNK_BYTES)).open(0, sealed[0])
    with pytest.raises(OpenError):
        AttachmentChunks(KEY, plan(len(data), MIN_CHUNK_BYTES + 1)).open(0, sealed[0])


def test_a_chunk_sealed_for_another_chunk_size_does_not_open_even_where_its_length_fits() -> None:
    sealed = AttachmentChunks(KEY, plan(100)).seal(0, b"x" * 100)
    smaller = plan(100, MIN_CHUNK_BYTES)
    assert smaller.sealed_bytes(0) == len(sealed)
    with pytest.raises(OpenError):
        AttachmentChunks(KEY, smaller).open(0, sealed)


def test_a_chunk_of_another_file_does_not_open() -> None:
    planned = plan(100)
    with pytest.raises(OpenError):
        AttachmentChunks(bytes(32), planned).open(0, AttachmentChunks(KEY, planned).seal(0, b"x" * 100))


@few
@given(st.integers(0, 20_000), st.integers(MIN_CHUNK_BYTES, 6_000))
def test_an_attachment_is_the_stream_of_its_padded_file(size: int, chunk_bytes: int) -> None:
    planned = plan(size, chunk_bytes)
    data = os.urandom(size)
    stream = Stream(KEY, context=pack(size), chunk_bytes=chunk_bytes)
    assert b"".join(seal_all(KEY, planned, data)) == stream.seal_all(data.ljust(planned.padded_size, b"\0"))


def test_the_last_chunk_cannot_pass_for_one_in_the_middle_nor_the_other_way() -> None:
    data = os.urandom(2 * MIN_CHUNK_BYTES)
    planned = plan(len(data), MIN_CHUNK_BYTES)
    assert planned.chunks == 2
    stream = Stream(KEY, context=pack(len(data)), chunk_bytes=MIN_CHUNK_BYTES)
    for index in range(2):
        content = content_of(data, planned, index)
        for final in (True, False):
            sealed = stream.seal_chunk(index, content, final=final)
            if final == (index == 1):
                assert AttachmentChunks(KEY, planned).open(index, sealed) == content
            else:
                with pytest.raises(OpenError):
                    AttachmentChunks(KEY, planned).open(index, sealed)


def test_equal_files_have_nothing_in_common_once_sealed() -> None:
    planned = plan(4_096)
    first, second = (AttachmentChunks(os.urandom(32), planned).seal(0, bytes(4_096)) for _ in range(2))
    assert sum(x == y for x, y in zip(first, second, strict=True)) < 100


class LongerThanItSays(AttachmentPlan, frozen=True):
    """The plan of somebody who hides bytes behind the end of the file."""

    def content_bytes(self, index: int) -> int:
        return self.size + 6


def test_bytes_hidden_behind_the_end_of_the_file_are_refused() -> None:
    honest = plan(10)
    hiding = LongerThanItSays(10, honest.chunk_bytes, honest.padded_size, honest.chunks, honest.sealed_size)
    assert (
        AttachmentChunks(KEY, honest).open(0, AttachmentChunks(KEY, hiding).seal(0, b"x" * 10 + bytes(6)))
        == b"x" * 10
    )
    with pytest.raises(OpenError):
        AttachmentChunks(KEY, honest).open(0, AttachmentChunks(KEY, hiding).seal(0, b"x" * 10 + b"hidden"))


def test_our_own_mistakes_are_told() -> None:
    planned = plan(100)
    for call in (
        lambda: AttachmentChunks(KEY, planned).seal(0, b"x" * 99),
        lambda: AttachmentChunks(KEY, planned).seal(0, b"x" * 101),
        lambda: AttachmentChunks(KEY, planned).seal(1, b""),
        lambda: AttachmentChunks(KEY, planned).seal(-1, b""),
        lambda: AttachmentChunks(KEY[:31], planned).seal(0, b"x" * 100),
        lambda: AttachmentChunks(KEY, planned).open(1, b""),
        lambda: AttachmentChunks(b"", planned).open(0, bytes(planned.sealed_bytes(0))),
    ):
        with pytest.raises(MisuseError):
            call()
