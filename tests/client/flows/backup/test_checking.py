"""Reading a whole backup: what is counted, and in how much memory."""

import os
import tracemalloc
from collections.abc import Iterator

from letterlock.backup.columns import compact
from letterlock.backup.records import MessageRecord, Record, Tag, TombstoneRecord
from letterlock.backup.segments import SegmentRef, SegmentWriter
from letterlock_client.flows.backup import checking

CHAT = b"c" * 20
MESSAGES, AT_ONCE = 40_000, 4_000


def message(
    number: int, *, id_: bytes = b"", chat: bytes = CHAT, reply_to: bytes | None = None
) -> MessageRecord:
    return MessageRecord(
        number, id_ or number.to_bytes(16), chat, chat, 0, "text", f"a message like any other, number {number}",
        1_700_000_000_000 + number, 1_700_000_000_500 + number, number, "read", "", reply_to, 0, 0, 0, b"",
        None, None, None,
    )  # fmt: skip


def segment(batches: Iterator[list[Record]]) -> tuple[SegmentRef, bytes]:
    writer = SegmentWriter(os.urandom(16), os.urandom(32))
    parts = [writer.take(compact(batch)) for batch in batches]
    last, ref = writer.finish(low=0, high=MESSAGES, at=0)
    return ref, b"".join([*parts, last])


def test_a_long_history_is_read_in_little_memory() -> None:
    starts = range(1, MESSAGES + 1, AT_ONCE)
    ref, body = segment([message(number) for number in range(at, at + AT_ONCE)] for at in starts)
    seen = checking._Seen()
    tracemalloc.start()
    checking._collect(ref, "a segment", body, seen)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(seen.chats) == MESSAGES
    assert kept / MESSAGES < 250


def test_what_was_deleted_or_stands_in_several_segments_counts_once() -> None:
    one, two, three = (bytes([number]) * 16 for number in (1, 2, 3))
    moved = message(9, id_=two, chat=b"d" * 20, reply_to=one)
    seen = checking._Seen()
    # The newest first; a deletion may be older than what it deletes.
    for records in (
        [moved],
        [TombstoneRecord(5, Tag.MESSAGE, three)],
        [message(at + 1, id_=id_) for at, id_ in enumerate((one, two, three))],
    ):
        ref, body = segment(iter([list[Record](records)]))
        checking._collect(ref, "a segment", body, seen)
    seen.settle()
    assert seen.chats == {one: CHAT, two: b"d" * 20}
