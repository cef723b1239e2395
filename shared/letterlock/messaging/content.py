"""What people say to each other: one tagged union of every kind of content.

Knows each kind, its limits and its one encoding (msgpack). Must not know who reads it, how it is sealed, or
how it is shown: names and texts in here are as the author wrote them, hostile until a face has cleaned them.
Spec: shared/spec/content.md.

A value that exists is a legal one: every class checks its limits when it is made, by our own code as by the
decoder, and raises MalformedError. No class shows its fields in `repr`: they are somebody's words and keys.
"""

from enum import IntEnum
from typing import Any, Final

import msgspec

from letterlock.errors import MalformedError
from letterlock.ids import ACCOUNT_BYTES, RANDOM_ID_BYTES, AccountId, BlobId, EnvelopeId, MessageId
from letterlock.messaging.attachments import CHUNK_BYTES, DIGEST_BYTES, KEY_BYTES, plan
from letterlock.messaging.content_limits import (
    MAX_ABOUT_BYTES,
    MAX_COUNT,
    MAX_EMOJI_BYTES,
    MAX_MENTIONS,
    MAX_NAME_BYTES,
    MAX_PIXELS,
    MAX_PREVIEW_BYTES,
    MAX_RECEIPTS,
    MAX_TEXT_BYTES,
    MAX_TIMER_S,
    check_bytes,
    check_media_type,
    check_number,
    check_text,
    check_utf8,
)

UNREADABLE: Final = (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)
"""What msgspec raises for hostile bytes: wrong shapes, nesting without end, texts that are not UTF-8."""


class Tag(IntEnum):
    """The first element of every content. The reserved ones are read as Unknown until they are built."""

    TEXT = 1
    ATTACHMENT = 2
    REACTION = 3
    EDIT = 4
    DELETE = 5
    RECEIPT = 6
    TYPING = 7
    TIMER_CHANGE = 8
    PROFILE_UPDATE = 9
    SESSION_RESET = 10
    RETRY = 11
    RESERVED_SENDER_KEY_DISTRIBUTION = 12
    RESERVED_MEMBERSHIP_UPDATE = 13
    RESERVED_DEVICE_SYNC = 14
    RESERVED_CALL_SIGNAL = 15


class AttachmentKind(IntEnum):
    """How an attachment wants to be shown."""

    IMAGE = 1
    AUDIO = 2
    VOICE = 3
    VIDEO = 4
    FILE = 5


class ReceiptKind(IntEnum):
    """How far a message has come; each includes the ones before it."""

    DELIVERED = 1
    """On the disk of the recipient's device."""
    READ = 2
    """On the recipient's screen."""
    VIEWED = 3
    """Opened: a view-once item, or a voice note played."""


class Private(msgspec.Struct, frozen=True, gc=False):
    """A value whose fields are nobody's business in a log or a traceback."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        # Tracebacks drawn by Rich ask this before `repr`, and msgspec's own would list every field.
        return []


class Array(Private, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A value that is encoded as a msgpack array of exactly its fields."""


class Mention(Array, frozen=True, gc=False):
    """`length` code points of the body from `start` on name this account."""

    start: int
    length: int
    account: AccountId

    def __post_init__(self) -> None:
        check_number(self.start, MAX_TEXT_BYTES)
        check_number(self.length, MAX_TEXT_BYTES, least=1)
        check_bytes(self.account, ACCOUNT_BYTES)


class Text(Array, tag=Tag.TEXT.value, frozen=True, gc=False):
    """A text message, or an answer to one."""

    body: str
    reply_to: MessageId | None = None
    mentions: tuple[Mention, ...] = ()

    def __post_init__(self) -> None:
        check_text(self.body)
        if self.reply_to is not None:
            check_bytes(self.reply_to, RANDOM_ID_BYTES)
        _check_mentions(self.mentions, self.body)


class Attachment(Array, tag=Tag.ATTACHMENT.value, frozen=True, kw_only=True, gc=False):
    """A file that lies sealed at the relay, with all that is needed to fetch, open and check it.

    `key`, `digest` (SHA-256 of the whole file), `size`, `sealed_size` and `chunk_bytes` are those of
    `attachments`. `name` is literal: pass it through `safe_file_name` before it meets a file system.
    `preview` is a thumbnail, or for sound a waveform of one byte a bar; empty for none.
    """

    kind: AttachmentKind
    blob: BlobId
    key: bytes
    digest: bytes
    size: int
    sealed_size: int
    chunk_bytes: int = CHUNK_BYTES
    name: str = ""
    media_type: str = "application/octet-stream"
    caption: str = ""
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    preview: bytes = b""
    view_once: bool = False
    reply_to: MessageId | None = None

    def __post_init__(self) -> None:
        check_bytes(self.blob, RANDOM_ID_BYTES)
        check_bytes(self.key, KEY_BYTES)
        check_bytes(self.digest, DIGEST_BYTES)
        if plan(self.size, self.chunk_bytes).sealed_size != self.sealed_size:
            raise MalformedError("an attachment's sizes contradict each other")
        check_utf8(self.name, MAX_NAME_BYTES)
        check_media_type(self.media_type)
        check_text(self.caption)
        check_number(self.width, MAX_PIXELS)
        check_number(self.height, MAX_PIXELS)
        check_number(self.duration_ms, MAX_COUNT)
        if len(self.preview) > MAX_PREVIEW_BYTES:
            raise MalformedError("a preview has at most 8 KiB")
        if self.reply_to is not None:
            check_bytes(self.reply_to, RANDOM_ID_BYTES)


class Reaction(Array, tag=Tag.REACTION.value, frozen=True, gc=False):
    """The author's one reaction to a message; an empty `emoji` withdraws it."""

    target: MessageId
    emoji: str

    def __post_init__(self) -> None:
        check_bytes(self.target, RANDOM_ID_BYTES)
        check_utf8(self.emoji, MAX_EMOJI_BYTES)


class Edit(Array, tag=Tag.EDIT.value, frozen=True, gc=False):
    """The author's message `target` now reads `body` (for an attachment: its caption)."""

    target: MessageId
    body: str
    mentions: tuple[Mention, ...] = ()

    def __post_init__(self) -> None:
        check_bytes(self.target, RANDOM_ID_BYTES)
        check_text(self.body)
        _check_mentions(self.mentions, self.body)


class Delete(Array, tag=Tag.DELETE.value, frozen=True, gc=False):
    """The author asks everyone to delete the author's message `target`. A request, not a guarantee."""

    target: MessageId

    def __post_init__(self) -> None:
        check_bytes(self.target, RANDOM_ID_BYTES)


class Receipt(Array, tag=Tag.RECEIPT.value, frozen=True, gc=False):
    """These messages of yours have come this far. 1 to 200 of them."""

    kind: ReceiptKind
    messages: tuple[MessageId, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.messages) <= MAX_RECEIPTS:
            raise MalformedError("a receipt names 1 to 200 messages")
        for message in self.messages:
            check_bytes(message, RANDOM_ID_BYTES)


class Typing(Array, tag=Tag.TYPING.value, frozen=True, gc=False):
    """The author has begun (or stopped) typing. Sent ephemeral: kept for nobody."""

    active: bool


class TimerChange(Array, tag=Tag.TIMER_CHANGE.value, frozen=True, gc=False):
    """From now on messages of this chat disappear `seconds` after they were read; 0 turns that off."""

    seconds: int

    def __post_init__(self) -> None:
        check_number(self.seconds, MAX_TIMER_S)


class ProfileUpdate(Array, tag=Tag.PROFILE_UPDATE.value, frozen=True, gc=False):
    """How the author wishes to be called; never a proof of who it is."""

    name: str
    about: str = ""

    def __post_init__(self) -> None:
        check_utf8(self.name, MAX_NAME_BYTES)
        check_utf8(self.about, MAX_ABOUT_BYTES)


class SessionReset(Array, tag=Tag.SESSION_RESET.value, frozen=True, gc=False):
    """This session is new because the author lost the state of the old one."""


class Retry(Array, tag=Tag.RETRY.value, frozen=True, gc=False):
    """I could not open this envelope of yours; send its message again, under its own id.

    It names the envelope because the message's id lies inside what could not be opened. The relay could
    exchange envelope ids; all that brings about is a resend, to the same device, of what was sent to it.
    """

    envelope: EnvelopeId

    def __post_init__(self) -> None:
        check_bytes(self.envelope, RANDOM_ID_BYTES)


class Unknown(Private, frozen=True, gc=False):
    """Content made by a newer version: kept as its exact bytes, and shown as such."""

    raw: bytes

    def __post_init__(self) -> None:
        _tag_and_length(self.raw)

    @property
    def tag(self) -> int:
        """The number of its kind."""
        return _tag_and_length(self.raw)[0]


Known = (
    Text
    | Attachment
    | Reaction
    | Edit
    | Delete
    | Receipt
    | Typing
    | TimerChange
    | ProfileUpdate
    | SessionReset
    | Retry
)
"""What this version understands."""

Content = Known | Unknown
"""What a payload carries."""


def pack_content(content: Content) -> bytes:
    """Return the content's one encoding."""
    return content.raw if isinstance(content, Unknown) else _encoder.encode(content)


def open_content(raw: bytes) -> Content:
    """Read content; a kind we do not know, or know only a shorter form of, is Unknown.

    A field that this version has never heard of may say "do not keep this": better not to show the rest.
    Raises MalformedError.
    """
    tag, length = _tag_and_length(raw)
    fields = _FIELDS.get(tag)
    if fields is None or length > fields:
        return Unknown(raw)
    try:
        return _contents.decode(raw)
    except UNREADABLE as error:
        raise MalformedError("this is not content") from error


class _Head(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The first element of an array, whatever follows it."""

    tag: int


_encoder: Final = msgspec.msgpack.Encoder()
_heads: Final = msgspec.msgpack.Decoder(_Head)
_contents: Final[msgspec.msgpack.Decoder[Known]] = msgspec.msgpack.Decoder(Known)
_FIELDS: Final = {int(kind.__struct_config__.tag): 1 + len(kind.__struct_fields__) for kind in Known.__args__}


def _tag_and_length(raw: bytes) -> tuple[int, int]:
    try:
        tag = _heads.decode(raw).tag
    except UNREADABLE as error:
        raise MalformedError("this is not content") from error
    if raw[0] < 0xDC:
        return tag, raw[0] & 0x0F
    return tag, int.from_bytes(raw[1 : 3 if raw[0] == 0xDC else 5], "big")


def _check_mentions(mentions: tuple[Mention, ...], body: str) -> None:
    """Mentions stand in order, apart from each other, inside the body."""
    if len(mentions) > MAX_MENTIONS:
        raise MalformedError("a text has at most 64 mentions")
    at = 0
    for mention in mentions:
        if mention.start < at:
            raise MalformedError("mentions overlap")
        at = mention.start + mention.length
    if at > len(body):
        raise MalformedError("a mention lies outside the text")
