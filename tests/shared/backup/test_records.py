"""What records promise: rows are records, every record reads back, limits hold, the newest wins."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.backup import records
from letterlock.backup.records import (
    ContactRecord,
    MessageRecord,
    Record,
    Tag,
    TombstoneRecord,
    beats,
    key,
    newest,
    pack_batch,
    read_batch,
)
from letterlock.errors import MalformedError, MisuseError
from tests.shared.backup.record_strategies import ALL_RECORDS, any_record, record_of

A, B = bytes(20), bytes([1]) * 20
ID = bytes(range(16))


def message_row(version: int = 7, **changed: Any) -> tuple[Any, ...]:
    row: dict[str, Any] = {
        "id": ID, "conversation": B, "author": A, "flags": 1, "kind": "text", "text": "hello",
        "sent_at": 1, "received_at": 2, "position": 3, "delivery": "read", "failure": "", "reply_to": None,
        "edited_at": 0, "timer_s": 0, "expires_at": 0, "details": b"",
        "edits": None, "reactions": None, "attachment": None,
    }  # fmt: skip
    row.update(changed)
    return (Tag.MESSAGE.value, version, *row.values())


def message(version: int = 7, **changed: Any) -> MessageRecord:
    found = read_batch(pack_batch([message_row(version, **changed)]))[0]
    assert isinstance(found, MessageRecord)
    return found


def tombstone(version: int, kind: Tag = Tag.MESSAGE, name: bytes = ID) -> TombstoneRecord:
    return TombstoneRecord(version, kind.value, name)


def test_a_row_of_a_query_is_a_record_without_an_object_being_made() -> None:
    nested = message_row(
        edits=[[5, "helo"]],
        reactions=[(B, "+", 6)],
        attachment=(ID, "a.png", "image/png", 5, 1, 1, 0, b"p", b"secret", 9, bytes(32)),
    )
    raw = pack_batch([nested, (6, 8, 4, ID)])
    found = read_batch(raw)
    assert pack_batch(found) == raw
    assert isinstance(found[0], MessageRecord)
    assert found[0].attachment is not None
    assert found[0].attachment.name == "a.png"
    assert found[0].edits == (records.EditRecord(5, "helo"),)
    assert found[1] == tombstone(8)


@given(st.lists(any_record(), max_size=4))
def test_every_record_reads_back_and_has_one_encoding(some: list[Record]) -> None:
    raw = pack_batch(some)
    assert read_batch(raw) == some
    assert pack_batch([_plain(msgspec.msgpack.decode(msgspec.msgpack.encode(each))) for each in some]) == raw


def _plain(value: Any) -> Any:
    return tuple(_plain(each) for each in value) if isinstance(value, list) else value


@settings(max_examples=30)
@given(any_record(), st.binary(min_size=1, max_size=3))
def test_every_truncation_and_extension_of_a_batch_is_refused(record: Record, more: bytes) -> None:
    raw = pack_batch([record])
    for size in range(len(raw)):
        with pytest.raises(MalformedError):
            read_batch(raw[:size])
    with pytest.raises(MalformedError):
        read_batch(raw + more)


@pytest.mark.parametrize("cls", ALL_RECORDS, ids=lambda cls: cls.__name__)
def test_a_record_with_a_field_too_many_or_too_few_is_refused(cls: type[Record]) -> None:
    whole = msgspec.msgpack.decode(pack_batch([_one(cls)]))[0]
    for wrong in (whole[:-1], [*whole, 0], [99, *whole[1:]], [whole[0], 0, *whole[2:]]):
        with pytest.raises(MalformedError):
            read_batch(msgspec.msgpack.encode([wrong]))


def _one(cls: type[Record]) -> Record:
    least: dict[type[Record], Record] = {
        records.IdentityRecord: records.IdentityRecord(1, A, "a", "", 0, b"", b"", b"", b"", b""),
        ContactRecord: contact(1),
        records.ConversationRecord: records.ConversationRecord(1, A, 0, 0, 0, 0, "", ""),
        MessageRecord: message(),
        records.SettingRecord: records.SettingRecord(1, "a", b""),
        TombstoneRecord: tombstone(1),
    }
    return least[cls]


def contact(version: int) -> ContactRecord:
    return ContactRecord(version, A, "a", b"", b"", b"", b"", 0, 0, b"", "", 0, 0, "", 0, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": bytes(15)},
        {"author": bytes(21)},
        {"text": "x" * (records.MAX_TEXT + 1)},
        {"sent_at": -1},
        {"sent_at": 2**53},
        {"flags": True},
        {"reply_to": b""},
        {"edits": [[0, ""]] * (records.MAX_EDITS + 1)},
        {"reactions": [[A, "x" * 65, 0]]},
        {"details": bytes(records.MAX_BLOB + 1)},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_every_limit_of_a_message_is_kept(wrong: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        read_batch(pack_batch([message_row(**wrong)]))


def test_a_batch_is_bounded_both_ways() -> None:
    with pytest.raises(MisuseError):
        pack_batch([(6, 1, 4, ID)] * (records.MAX_BATCH_RECORDS + 1))
    with pytest.raises(MalformedError):
        read_batch(msgspec.msgpack.encode([(6, 1, 4, ID)] * (records.MAX_BATCH_RECORDS + 1)))
    with pytest.raises(MisuseError):
        pack_batch([(5, 1, "a", bytes(records.MAX_BATCH_BYTES))])
    with pytest.raises(MalformedError):
        read_batch(bytes(records.MAX_BATCH_BYTES + 1))
    with pytest.raises(MisuseError):
        pack_batch([(5, 1, "a", object())])


def test_deep_nesting_is_refused_and_not_followed() -> None:
    with pytest.raises(MalformedError):
        read_batch(b"\x91" * 100_000 + b"\x90")


def test_the_higher_version_wins_whatever_the_order() -> None:
    old, new = message(7), message(8, text="edited")
    assert newest([old, new]) == newest([new, old]) == {(4, ID): new}
    assert beats(new, old)
    assert not beats(old, new)
    assert not beats(old, old)


def test_a_deleted_message_never_comes_back() -> None:
    assert newest([message(9), tombstone(8)])[(4, ID)] == tombstone(8)
    assert newest([tombstone(8), message(9)])[(4, ID)] == tombstone(8)


def test_a_contact_that_was_made_again_is_there_and_one_deleted_later_is_not() -> None:
    gone = tombstone(5, Tag.CONTACT, A)
    assert newest([contact(4), gone, contact(6)])[(2, A)] == contact(6)
    assert newest([contact(5), gone])[(2, A)] == gone
    assert newest([gone, contact(5)])[(2, A)] == gone


@given(st.lists(record_of(MessageRecord), min_size=1, max_size=5), st.randoms())
def test_who_wins_does_not_depend_on_the_order(some: list[MessageRecord], dice: Any) -> None:
    same = [msgspec.structs.replace(each, id=ID, version=place + 1) for place, each in enumerate(some)]
    shuffled = list(same)
    dice.shuffle(shuffled)
    assert newest(shuffled) == {(Tag.MESSAGE, ID): same[-1]}


@pytest.mark.parametrize("cls", ALL_RECORDS, ids=lambda cls: cls.__name__)
def test_every_kind_of_record_has_a_key_and_prints_nothing(cls: type[Record]) -> None:
    record = _one(cls)
    tag = key(record)[0]
    assert tag == (Tag.MESSAGE if cls is TombstoneRecord else cls.__struct_config__.tag)
    assert repr(record) == f"<{cls.__name__}>"
