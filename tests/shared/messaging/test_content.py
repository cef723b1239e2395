"""What people say: one encoding for each kind, limits kept, nothing hostile read, nothing newer dropped."""

import io
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.pretty import pretty_repr

from letterlock.errors import MalformedError
from letterlock.ids import AccountId, BlobId, EnvelopeId, MessageId
from letterlock.messaging.attachments import MAX_ATTACHMENT_BYTES, plan
from letterlock.messaging.content import (
    Attachment,
    AttachmentKind,
    Content,
    Edit,
    Mention,
    ProfileUpdate,
    Reaction,
    Receipt,
    ReceiptKind,
    Retry,
    Tag,
    Text,
    TimerChange,
    Unknown,
    open_content,
    pack_content,
)
from tests.shared.messaging.content_strategies import contents, known_contents

ID = MessageId(b"m" * 16)
ACCOUNT = AccountId(b"a" * 20)
msgpack = msgspec.msgpack.encode


def attachment(**changes: Any) -> Attachment:
    fields: dict[str, Any] = {
        "kind": AttachmentKind.FILE,
        "blob": BlobId(b"b" * 16),
        "key": b"k" * 32,
        "digest": b"d" * 32,
        "size": 70_000,
        "sealed_size": plan(70_000).sealed_size,
    }
    return Attachment(**(fields | changes))


@given(contents)
def test_every_kind_of_content_reads_back(content: Content) -> None:
    assert open_content(pack_content(content)) == content


@given(known_contents, st.data())
def test_cut_content_is_refused(content: Content, data: st.DataObject) -> None:
    raw = pack_content(content)
    with pytest.raises(MalformedError):
        open_content(raw[: data.draw(st.integers(0, len(raw) - 1))])
    with pytest.raises(MalformedError):
        open_content(raw + b"\0")


@given(st.binary(max_size=200))
def test_random_bytes_are_content_or_malformed_and_nothing_else(raw: bytes) -> None:
    try:
        content = open_content(raw)
    except MalformedError:
        return
    assert isinstance(content, Unknown) or msgspec.msgpack.decode(raw)[0] in set(Tag)


@pytest.mark.parametrize("tag", [12, 13, 14, 15, 16, 127, 70_000, -1])
def test_a_kind_from_a_newer_version_is_kept_whole(tag: int) -> None:
    raw = msgpack([tag, "anything", {"at": [1, 2]}, b"\xff"])
    content = open_content(raw)
    assert content == Unknown(raw)
    assert isinstance(content, Unknown)
    assert content.tag == tag
    assert pack_content(content) == raw


@given(known_contents)
def test_a_known_kind_with_fields_from_a_newer_version_is_kept_and_not_half_understood(
    content: Content,
) -> None:
    raw = msgpack([*msgspec.msgpack.decode(pack_content(content)), "burn after reading"])
    assert open_content(raw) == Unknown(raw)


def test_the_reserved_kinds_are_the_ones_after_the_built_ones() -> None:
    for tag in Tag:
        raw = msgpack([int(tag)])
        if tag.name.startswith("RESERVED"):
            assert open_content(raw) == Unknown(raw)
        elif tag is not Tag.SESSION_RESET:
            with pytest.raises(MalformedError):
                open_content(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xc0",
        b"\x01",
        b"\x80",
        b"\x90",
        b"\x91\xc0",
        b"\x91\xc3",
        b"\x91\xcb\x3f\xf0\0\0\0\0\0\0",
        b"\xdd\xff\xff\xff\xff\x01",
        b"\xdc\xff\xff\x01",
        b"\x92\x63" + b"\x91" * 48_000 + b"\xc0",
        b"\x92\x01" + b"\x91" * 48_000 + b"\xc0",
        b"\x92\x63\xc6\xff\xff\xff\xff",
        msgpack([1, b"not a text", None, []]),
        b"\x94\x01\xa3\xed\xa0\x80\xc0\x90",
        msgpack([6, 9, [b"m" * 16]]),
        msgpack([7, 1]),
        msgpack([8, 1.0]),
        msgpack([8, -1]),
        msgpack([8, True]),
        msgpack([3, b"m" * 15, "x"]),
        msgpack([3, b"m" * 17, "x"]),
        msgpack([5, "m" * 16]),
    ],
    ids=range(23),
)
def test_hostile_content_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        open_content(raw)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Text("x" * 16_385),
        lambda: Text("é" * 8_193),
        lambda: Text("half \ud83d"),
        lambda: Text("x", MessageId(b"short")),
        lambda: Text("abc", None, (Mention(0, 2, ACCOUNT), Mention(1, 1, ACCOUNT))),
        lambda: Text("abc", None, (Mention(2, 1, ACCOUNT), Mention(0, 1, ACCOUNT))),
        lambda: Text("abc", None, (Mention(2, 2, ACCOUNT),)),
        lambda: Text("x" * 65, None, tuple(Mention(i, 1, ACCOUNT) for i in range(65))),
        lambda: Mention(0, 0, ACCOUNT),
        lambda: Mention(-1, 1, ACCOUNT),
        lambda: Mention(0, 1, AccountId(b"a" * 19)),
        lambda: Edit(ID, "x" * 16_385),
        lambda: Reaction(ID, "x" * 65),
        lambda: Receipt(ReceiptKind.READ, ()),
        lambda: Receipt(ReceiptKind.READ, (ID,) * 201),
        lambda: Receipt(ReceiptKind.READ, (MessageId(b""),)),
        lambda: TimerChange(366 * 86_400 + 1),
        lambda: ProfileUpdate("x" * 256),
        lambda: ProfileUpdate("x", "y" * 513),
        lambda: Retry(EnvelopeId(b"e" * 15)),
        lambda: attachment(key=b"k" * 31),
        lambda: attachment(digest=b"d" * 33),
        lambda: attachment(blob=b"b" * 15),
        lambda: attachment(size=70_001, sealed_size=plan(70_000).sealed_size - 1),
        lambda: attachment(size=-1),
        lambda: attachment(size=MAX_ATTACHMENT_BYTES + 1),
        lambda: attachment(chunk_bytes=0),
        lambda: attachment(chunk_bytes=1),
        lambda: attachment(name="x" * 256),
        lambda: attachment(name="\udcff.txt"),
        lambda: attachment(caption="x" * 16_385),
        lambda: attachment(width=-1),
        lambda: attachment(height=2**20 + 1),
        lambda: attachment(duration_ms=2**53),
        lambda: attachment(preview=b"p" * 8_193),
        lambda: attachment(reply_to=b"r"),
        lambda: Unknown(b"\x80"),
    ],
    ids=range(37),
)
def test_no_value_past_its_limit_can_exist(make: Any) -> None:
    with pytest.raises(MalformedError):
        make()


def test_values_at_their_limits_are_legal() -> None:
    assert Text("x" * 16_384)
    assert Text("é" * 8_192)
    assert Reaction(ID, "\U0001f469\U0001f3fd‍❤️‍\U0001f48b‍\U0001f468\U0001f3ff")
    assert Reaction(ID, "")
    assert attachment(name="x" * 255, preview=b"p" * 8_192, caption="x" * 16_384)
    assert TimerChange(0)


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "image/svg+xml", "application/vnd.ms-excel", "audio/x-wav", "a/b"],
)
def test_a_media_type_is_two_restricted_names(media_type: str) -> None:
    assert attachment(media_type=media_type).media_type == media_type


@pytest.mark.parametrize(
    "media_type",
    [
        "", "text", "/", "text/", "/plain", "text/plain\n", "text/plain; charset=x", "te xt/plain",
        "text/plain/more", "../etc", "text/\x1b[2J", "\u202etext/plain", "t" * 120 + "/" + "p" * 8,
    ],
)  # fmt: skip
def test_what_is_no_media_type_is_refused(media_type: str) -> None:
    with pytest.raises(MalformedError):
        attachment(media_type=media_type)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a\0b", "CON", "\u202egpj.exe", "", "'; --"]
)
def test_hostile_file_names_travel_literally(name: str) -> None:
    content = open_content(pack_content(attachment(name=name)))
    assert isinstance(content, Attachment)
    assert content.name == name


@given(contents)
def test_no_words_and_no_keys_are_printed(content: Content) -> None:
    console = Console(file=io.StringIO())
    assert repr(content) == f"<{type(content).__name__}>"
    assert pretty_repr(content) == f"{type(content).__name__}()"
    assert console.render_str(str(content)).plain == f"<{type(content).__name__}>"
