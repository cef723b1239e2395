"""What columns promise: they say exactly what records would, in fewer bytes, and never more than records may."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.backup.columns import MAX_TEXT_BYTES, compact, expand
from letterlock.backup.records import (
    MAX_NUMBER,
    MessageFlag,
    MessageRecord,
    PlainMessages,
    Record,
    TombstoneRecord,
    count,
    pack_batch,
    read_batch,
)
from letterlock.backup.segments import SegmentWriter, open_segment, open_tail, tail_range
from letterlock.errors import MalformedError, ManifestMismatchError
from tests.shared.backup.record_strategies import any_record

ME = bytes(20)
_numbers = st.integers(0, MAX_NUMBER)


@st.composite
def plain(draw: st.DrawFn) -> MessageRecord:
    """A message of nothing but text, of one of three chats."""
    mine = draw(st.booleans())
    chat = bytes([draw(st.integers(1, 3))]) * 20
    flags = draw(st.sampled_from([0, MessageFlag.UNREAD.value, MessageFlag.VIEWED.value])) | mine
    return MessageRecord(
        draw(st.integers(1, MAX_NUMBER)), draw(st.binary(min_size=16, max_size=16)), chat, ME if mine else chat,
        flags, "text", draw(st.text(max_size=20)), draw(_numbers), draw(_numbers), draw(_numbers),
        draw(st.sampled_from(["none", "sent", "read"])), "", None, 0, 0, 0, b"", None, None, None,
    )  # fmt: skip


def some_plain(number: int = 6, **changed: Any) -> list[Record]:
    return [
        MessageRecord(
            1 + each, bytes([each]) * 16, bytes([1]) * 20, bytes([1]) * 20, 0, "text", f"text {each}", each, each, each,
            "none", "", None, 0, 0, 0, b"", None, None, None,
        )
        for each in range(number)
    ]  # fmt: skip


def columns(**changed: Any) -> PlainMessages:
    (found,) = compact(some_plain())
    assert isinstance(found, PlainMessages)
    return msgspec.structs.replace(found, **changed)


@settings(max_examples=60)
@given(st.lists(st.one_of(plain(), any_record()), max_size=12))
def test_columns_hold_exactly_the_records_that_went_in(some: list[Record]) -> None:
    packed = pack_batch(compact(some))
    found = read_batch(packed)
    assert count(found) == len(some)
    assert sorted(expand(found), key=repr_of) == sorted(some, key=repr_of)


def repr_of(record: Record) -> bytes:
    return pack_batch([record])


def test_a_message_with_anything_but_text_is_a_record_of_its_own() -> None:
    (first, *rest) = some_plain()
    changes: list[dict[str, Any]] = [
        {"kind": "image"}, {"failure": "no"}, {"reply_to": bytes(16)}, {"edited_at": 1}, {"timer_s": 1},
        {"expires_at": 1}, {"details": b"x"}, {"edits": ()}, {"reactions": ()}, {"author": bytes([9]) * 20},
        {"conversation": bytes(16)}, {"text": "x" * (MAX_TEXT_BYTES + 1)}, {"text": "\N{SNOWMAN}" * MAX_TEXT_BYTES},
    ]  # fmt: skip
    for change in changes:
        other = msgspec.structs.replace(first, **change)
        entries = compact([other, *rest])
        assert entries[0] == other
        assert [*expand(read_batch(pack_batch(entries)))] == [other, *rest]


@pytest.mark.parametrize(
    "wrong",
    [
        {"ids": bytes(16 * 5)},
        {"ids": bytes(16 * 6 + 1)},
        {"flags": [0] * 5},
        {"chats": [0] * 5 + [1]},
        {"deliveries": [0] * 5 + [1]},
        {"lengths": [6] * 5 + [7]},
        {"lengths": [6] * 5},
        {"texts": b"\xff" * 36},
        {"texts": "text \N{SNOWMAN}".encode() * 4 + b"xxxx", "lengths": [6] * 6},
        {"versions": [0] * 6},
        {"versions": [MAX_NUMBER, 1, 0, 0, 0, 0]},
        {"sent": [-1, 0, 0, 0, 0, 0]},
        {"received": [-1] * 6},
        {"positions": [-2] * 6},
        {"positions": [MAX_NUMBER] * 6},
    ],
    ids=str,
)
def test_columns_that_no_records_could_be_are_refused(wrong: dict[str, Any]) -> None:
    entries = read_batch(pack_batch([columns(**wrong)]))
    with pytest.raises(MalformedError):
        list(expand(entries))


def test_a_text_too_long_for_columns_is_refused_even_where_it_fits() -> None:
    long = columns(texts=b"x" * (MAX_TEXT_BYTES + 6), lengths=[MAX_TEXT_BYTES + 1, 1, 1, 1, 1, 1])
    with pytest.raises(MalformedError):
        list(expand([long]))


def test_columns_with_fields_too_many_or_of_other_kinds_are_refused() -> None:
    whole = msgspec.msgpack.decode(msgspec.msgpack.encode(columns()))
    for wrong in ([*whole, 1], whole[:-1], [whole[0], b"short", *whole[2:]], [*whole[:-1], [0.5] * 6]):
        with pytest.raises(MalformedError):
            read_batch(msgspec.msgpack.encode([wrong]))


def test_a_segment_counts_and_indexes_each_message_in_columns() -> None:
    writer = SegmentWriter(bytes(16), bytes(32))
    body = writer.take([*compact(some_plain()), TombstoneRecord(9, 4, bytes(16))])
    last, ref = writer.finish(low=0, high=9, at=1)
    data = body + last
    assert (ref.records, ref.indexed) == (7, 6)
    start, length = tail_range(ref)
    tail = open_tail(ref, "x", data[start : start + length])
    assert all(tail.holds([bytes([each]) * 16]) for each in range(6))
    assert [each for batch in open_segment(ref, "x", data) for each in batch][:6] == some_plain()


def test_a_segment_with_columns_that_lie_is_no_segment() -> None:
    writer = SegmentWriter(bytes(16), bytes(32))
    body = writer.take([columns(chats=[7] * 6)])
    last, ref = writer.finish(low=0, high=9, at=1)
    with pytest.raises(ManifestMismatchError):
        list(open_segment(ref, "x", body + last))
