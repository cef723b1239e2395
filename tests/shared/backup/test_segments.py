"""What a segment promises: it reads back whole or names what is wrong with it, and merging keeps the newest."""

import hashlib
import random
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.backup import records, segments
from letterlock.backup.records import ContactRecord, MessageRecord, Record, Tag, TombstoneRecord, newest
from letterlock.backup.segments import (
    CHUNK_BYTES,
    SegmentRef,
    SegmentWriter,
    merge,
    open_segment,
    open_tail,
    tail_range,
)
from letterlock.errors import (
    BackupError,
    DamagedChunkError,
    ManifestMismatchError,
    MisuseError,
    TruncatedError,
)
from letterlock.primitives.compression import compress
from tests.shared.backup.record_strategies import any_record
from tests.shared.backup.test_records import ID, contact, message, message_row, tombstone

SEGMENT, SECRET = bytes(16), bytes(range(32))
MEDIA = (bytes([7]) * 32, bytes([5]) * 32)


def sealed(
    *batches: Sequence[Record], secret: bytes = SECRET, media: tuple[bytes, ...] = ()
) -> tuple[bytes, SegmentRef]:
    writer = SegmentWriter(SEGMENT, secret)
    parts = [writer.take(batch) for batch in batches]
    last, ref = writer.finish(low=0, high=9, at=1, media=media)
    return b"".join([*parts, last]), ref


def opened(data: bytes, ref: SegmentRef) -> list[Record]:
    return [record for batch in open_segment(ref, "segment/x", data) for record in batch]


@given(
    st.lists(st.lists(any_record(), max_size=3), max_size=3), st.lists(st.binary(min_size=32, max_size=32))
)
def test_records_index_and_media_read_back(batches: list[list[Record]], media: list[bytes]) -> None:
    data, ref = sealed(*batches, media=tuple(media))
    assert len(data) == ref.size
    assert opened(data, ref) == [record for batch in batches for record in batch]
    start, length = tail_range(ref)
    tail = open_tail(ref, "x", data[start : start + length])
    assert set(tail.media) == set(media)
    for batch in batches:
        for record in batch:
            if isinstance(record, MessageRecord | ContactRecord):
                assert tail.holds([records.key(record)[1]])


def test_a_reference_reads_back_and_rows_make_the_same_segment_as_records() -> None:
    data, ref = sealed([message(), contact(3)], media=MEDIA)
    rows = [message_row(), (2, *msgspec.structs.astuple(contact(3)))]
    again, same = sealed(rows, media=MEDIA)  # type: ignore[arg-type]
    assert (again, same) == (data, ref)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(ref), type=SegmentRef) == ref
    assert repr(ref) == "<SegmentRef>"


@pytest.mark.parametrize(("size", "more"), [(50, 9), (20_000, 300), (1_000_000, 9000)])
def test_segments_of_nearly_the_same_size_are_of_the_same_size(size: int, more: int) -> None:
    """Who keeps the objects is not to learn how much was written: small ones are alike, larger ones rounded up."""
    noise = random.Random(size).randbytes(size + more)
    parts = [noise[at : at + 100_000] for at in range(0, len(noise), 100_000)]
    few = [noise[at : min(at + 100_000, size)] for at in range(0, size, 100_000)]
    (first, one), (second, other) = (
        sealed([records.SettingRecord(1, "a", part) for part in cut], media=media)
        for cut, media in ((few, MEDIA[:1]), (parts, MEDIA))
    )
    assert one.packed + one.tail_bytes < other.packed + other.tail_bytes
    assert len(first) == len(second) == one.size == other.size


def test_a_segment_of_many_chunks_reads_back_and_its_tail_opens_alone() -> None:
    batches = [
        [records.SettingRecord(n * 256 + m + 1, "a", _noise(n * 256 + m)) for m in range(256)]
        for n in range(5)
    ]
    data, ref = sealed(*batches, [message()], media=MEDIA)
    assert ref.padded > 4 * CHUNK_BYTES
    assert len(opened(data, ref)) == 5 * 256 + 1
    start, length = tail_range(ref)
    assert start > 3 * CHUNK_BYTES
    tail = open_tail(ref, "x", data[start : start + length])
    assert tail.holds([ID])
    assert not tail.holds([b"else" * 4])
    assert tail.media == tuple(sorted(MEDIA))
    spoilt = bytearray(data)
    spoilt[2 * (CHUNK_BYTES + 16) + 5] ^= 1
    with pytest.raises(DamagedChunkError) as found:
        opened(bytes(spoilt), ref)
    assert (found.value.index, found.value.name) == (2, "segment/x")
    assert "Part 3 of segment/x" in str(found.value)
    with pytest.raises(TruncatedError):
        open_tail(ref, "x", data[start : start + length - 1])


def _noise(seed: int) -> bytes:
    return b"".join(hashlib.sha512(seed.to_bytes(4) + bytes([part])).digest() for part in range(16))


def test_every_flip_truncation_and_extension_of_a_segment_is_named() -> None:
    data, ref = sealed([message(), contact(3)], media=MEDIA)
    for at in range(len(data)):
        spoilt = data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :]
        with pytest.raises(DamagedChunkError):
            opened(spoilt, ref)
    for size in range(0, len(data), 7):
        with pytest.raises(TruncatedError):
            opened(data[:size], ref)
    with pytest.raises(ManifestMismatchError):
        opened(data + b"\0", ref)


def test_another_segment_in_its_place_is_refused() -> None:
    _, ref = sealed([message()])
    other, _ = sealed([message(text="other")], secret=bytes(32))
    with pytest.raises(BackupError):
        opened(other, ref)


@pytest.mark.parametrize(
    "change",
    [{"raw": 5}, {"raw": 10**6}, {"packed": 20}, {"records": 1}, {"records": 9}, {"digest": bytes(32)},
     {"id": bytes([1]) * 16}, {"key": bytes(32)}, {"packed": 4097}],
    ids=str,
)  # fmt: skip
def test_a_manifest_that_says_another_thing_than_the_object_is_refused(change: dict[str, int]) -> None:
    data, ref = sealed([message(), contact(3)])
    with pytest.raises(BackupError):
        opened(data, msgspec.structs.replace(ref, **change))


def forged(raw: bytes, *, records_: int, packed: bytes | None = None, size: int | None = None) -> BackupError:
    """Open a segment whose inside the holder of the key made wrong; return what is said of it."""
    packed = compress(raw) if packed is None else packed
    ref = SegmentRef(
        SEGMENT, SECRET, b"", len(packed), len(raw) if size is None else size, records_, 0, 0, 0, 1, 1
    )
    plain = packed + bytes(ref.padded - len(packed))
    data = segments._stream(SEGMENT, SECRET).seal_all(plain)
    ref = msgspec.structs.replace(ref, digest=hashlib.sha256(data).digest())
    with pytest.raises(ManifestMismatchError) as found:
        opened(data, ref)
    return found.value


def test_what_the_holder_of_the_key_made_wrong_is_refused_too() -> None:
    batch = records.pack_batch([message()])
    framed = len(batch).to_bytes(4) + batch
    assert "cut off" in str(forged(framed[:-1], records_=1))
    assert "cut off" in str(forged(framed + b"\0\0", records_=1))
    assert "another number" in str(forged(framed * 3, records_=2))
    assert "size" in str(forged(b"\xff" * 40, records_=1))
    assert "records" in str(forged(b"\0\0\0\1\xc0", records_=1))
    assert "zstd" in str(forged(framed, records_=1, packed=framed))


def test_a_bomb_in_a_segment_stops_at_the_size_that_the_manifest_names() -> None:
    assert "more than it should" in str(forged(bytes(1 << 26), records_=1, size=5000))


def test_a_writer_has_limits() -> None:
    with pytest.raises(MisuseError):
        SegmentWriter(bytes(15), SECRET)
    writer = SegmentWriter(SEGMENT, SECRET)
    big = [(5, 1, "a", bytes(15 << 20))]
    for _ in range(4):
        writer.take(big)
    with pytest.raises(MisuseError):
        writer.take(big)


@settings(max_examples=60)
@given(st.data())
def test_merging_gives_what_reading_everything_gives(data: st.DataObject) -> None:
    ids = [bytes([n]) * 16 for n in range(4)]
    version = 0
    history: list[list[Record]] = []
    gone: set[bytes] = set()
    for _ in range(data.draw(st.integers(1, 4))):
        segment: list[Record] = []
        for name in data.draw(st.lists(st.sampled_from(ids), unique=True)):
            version += 1
            if name in gone:
                continue
            if data.draw(st.booleans()):
                gone.add(name)
                segment.append(tombstone(version, Tag.MESSAGE, name))
            else:
                segment.append(message(version, id=name))
        history.append(segment)
    left = [each for batch in merge([[one] for one in reversed(history)], frozenset()) for each in batch]
    assert newest(left) == newest(each for one in history for each in one)
    assert len(left) == len(newest(left))


def test_merging_leaves_nothing_of_what_was_deleted_but_its_tombstone() -> None:
    other = message(4, id=bytes([9]) * 16)
    left = list(merge([[[message(3), other]], [[message(2)]]], frozenset([ID])))
    assert left == [[other]]
    buried = list(merge([[[tombstone(5)], [message(3), other]]], frozenset([ID])))
    assert buried == [[tombstone(5)], [other]]
    assert isinstance(buried[0][0], TombstoneRecord)


def attached(version: int, name: bytes, digest: bytes) -> MessageRecord:
    file = (ID, "a.png", "image/png", 5, 1, 1, 0, b"", b"", 9, digest)
    return message(version, id=name, attachment=file)


def test_rewriting_keeps_the_newest_its_range_and_the_media_of_what_is_left() -> None:
    names = [bytes([n]) * 16 for n in range(4)]
    digests = [bytes([n]) * 32 for n in range(4)]

    def media_of(digest: bytes) -> bytes:
        return digest[::-1][:31] + b"m"

    def made(low: int, batch: list[Record], media: list[bytes]) -> tuple[SegmentRef, str, bytes]:
        writer = SegmentWriter(low.to_bytes(16), low.to_bytes(32))
        body = writer.take(batch)
        last, ref = writer.finish(low=low, high=low + 9, at=low, media=media)
        return ref, f"segment {low}", body + last

    late = bytes([9]) * 32
    older = made(
        0, [attached(n + 1, names[n], digests[n]) for n in range(3)], [*map(media_of, digests[:3]), late]
    )
    newer = made(
        9, [tombstone(10, Tag.MESSAGE, names[0]), attached(11, names[3], digests[3])], [media_of(digests[3])]
    )
    writer = SegmentWriter(bytes([7]) * 16, SECRET)
    data, ref = segments.rewrite([newer, older], writer, dead=frozenset([names[1]]), media_of=media_of)
    assert (ref.low, ref.high, ref.at, ref.records) == (0, 18, 0, 3)
    left = newest(record for batch in open_segment(ref, "x", data) for record in batch)
    assert set(left) == {(4, names[0]), (4, names[2]), (4, names[3])}
    start, length = tail_range(ref)
    assert set(open_tail(ref, "x", data[start : start + length]).media) == {
        media_of(digests[2]), media_of(digests[3]), late,
    }  # fmt: skip
    with pytest.raises(MisuseError):
        segments.rewrite([], SegmentWriter(SEGMENT, SECRET), media_of=media_of)


def test_rewriting_does_not_hide_damage() -> None:
    data, ref = sealed([message()])
    with pytest.raises(DamagedChunkError):
        segments.rewrite([(ref, "x", data[:-1] + b"\0")], SegmentWriter(SEGMENT, SECRET), media_of=bytes)
