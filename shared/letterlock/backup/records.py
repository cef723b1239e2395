"""What a backup holds, one record each: who the owner is, contacts, chats, messages, settings, and what was deleted.

Knows the fields, their limits and their one encoding. Must not know databases: no record holds a row number
or depends on how anything is stored. Spec: shared/spec/backup.md, "Records".

A record is a msgpack array: a tag, a version, then its fields in order. So a tuple of plain values that begins
with the tag, as a query yields it, is encoded by `pack_batch` without an object being made of it; that is why
truths are numbers and flags are bits. `read_batch` checks every type and limit.

A record has a stable key and a version. Of one key the higher version wins; a message's tombstone beats it
whatever the versions, any other tombstone unless the content is newer. The writer takes versions from one
counter that never goes back, and that goes on above the highest restored one.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum, IntFlag
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta

from letterlock.errors import MalformedError, MisuseError
from letterlock.ids import ACCOUNT_BYTES, RANDOM_ID_BYTES

MAX_NUMBER: Final = 2**53 - 1
"""The greatest version, time or count: what every language's numbers hold exactly."""
MAX_TEXT: Final = 64 * 1024
"""Characters of one text."""
MAX_SIGNED: Final = 64 * 1024
"""Bytes of one signed object, which travels as it was signed."""
MAX_BLOB: Final = 256 * 1024
"""Bytes of a setting, of a descriptor or of a message's details."""
MAX_EDITS: Final = 1000
MAX_REACTIONS: Final = 10_000
MAX_BATCH_BYTES: Final = 16 * 1024 * 1024
MAX_BATCH_RECORDS: Final = 65536

_Number = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
_Step = Annotated[int, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
_Version = Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
_Truth = Annotated[int, Meta(ge=0, le=1)]
_Account = Annotated[bytes, Meta(min_length=ACCOUNT_BYTES, max_length=ACCOUNT_BYTES)]
_Chat = Annotated[bytes, Meta(min_length=16, max_length=32)]
_Id = Annotated[bytes, Meta(min_length=RANDOM_ID_BYTES, max_length=RANDOM_ID_BYTES)]
_Digest = Annotated[bytes, Meta(max_length=32)]
_Text = Annotated[str, Meta(max_length=MAX_TEXT)]
_Name = Annotated[str, Meta(max_length=1024)]
_Word = Annotated[str, Meta(max_length=64)]
_Signed = Annotated[bytes, Meta(max_length=MAX_SIGNED)]
_Blob = Annotated[bytes, Meta(max_length=MAX_BLOB)]


class Tag(IntEnum):
    """The first element of every record."""

    IDENTITY = 1
    CONTACT = 2
    CONVERSATION = 3
    MESSAGE = 4
    SETTING = 5
    TOMBSTONE = 6
    RESERVED_GROUP_LOG = 7
    PLAIN_MESSAGES = 8


class MessageFlag(IntFlag):
    """What is true of a message, as bits of `MessageRecord.flags`."""

    MINE = 1
    DELETED = 2
    """For everyone: the place stays, the words are gone."""
    VIEW_ONCE = 4
    VIEWED = 8
    UNREAD = 16


class _Private(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A msgpack array of exactly its fields, which are nobody's business in a log or a traceback."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class IdentityRecord(_Private, tag=Tag.IDENTITY.value, frozen=True, gc=False):
    """Who the owner is. One in a backup.

    `root` is the account's root seed, sealed under the recovery secret; opaque here. Certificate, list and
    handle entry are the signed bytes as the device knew them: a restoring device never goes below them.
    """

    version: _Version
    account: _Account
    handle: _Name
    relay: _Name
    insecure: _Truth
    root_public: _Signed
    root: _Signed
    list_certificate: _Signed
    device_list: _Signed
    handle_entry: _Signed


class ContactRecord(_Private, tag=Tag.CONTACT.value, frozen=True, gc=False):
    """Another account, with what was verified about it."""

    version: _Version
    account: _Account
    handle: _Name
    handle_entry: _Signed
    root_key: _Signed
    list_certificate: _Signed
    device_list: _Signed
    list_epoch: _Number
    list_version: _Number
    list_digest: _Digest
    standing: _Word
    verified: _Number
    key_changed_at: _Number
    warning: _Text
    created: _Number
    known: _Number


class ConversationRecord(_Private, tag=Tag.CONVERSATION.value, frozen=True, gc=False):
    """A chat and its settings. For a chat of two, `id` is the other account's.

    `listed` says where it stands in the list: "pinned", "archived", or empty; `muted` is 0 for not, 1 for good,
    else until when.
    """

    version: _Version
    id: _Chat
    created: _Number
    timer_s: _Number
    timer_set_at: _Number
    muted: _Number
    draft: _Text
    listed: _Word


class EditRecord(_Private, frozen=True, gc=False):
    """An earlier text of a message, and when it was written."""

    written_at: _Number
    text: _Text


class ReactionRecord(_Private, frozen=True, gc=False):
    """An author's one reaction; an empty `emoji` was taken back, at that time."""

    author: _Account
    emoji: _Word
    at: _Number


class AttachmentRecord(_Private, frozen=True, gc=False):
    """The file of a message.

    `descriptor` is what the message said about it, keys included; opaque here. `digest` is the SHA-256 of the
    file, from which its media object follows; empty where it is not known.
    """

    blob: _Id
    name: _Name
    media_type: _Name
    size: _Number
    width: _Number
    height: _Number
    duration_ms: _Number
    preview: _Blob
    descriptor: _Blob
    blob_expires: _Number
    digest: _Digest


class MessageRecord(_Private, tag=Tag.MESSAGE.value, frozen=True, gc=False):
    """A message as it stands: the newest text, with what it once was.

    `position` is its place in the order in which messages came to the writing device. `details` is what some
    kinds of message have beyond the rest, opaque here and empty for most. None stands for no edits, reactions
    or file.
    """

    version: _Version
    id: _Id
    conversation: _Chat
    author: _Account
    flags: Annotated[int, Meta(ge=0, le=65535)]
    kind: _Word
    text: _Text
    sent_at: _Number
    received_at: _Number
    position: _Number
    delivery: _Word
    failure: _Text
    reply_to: _Id | None
    edited_at: _Number
    timer_s: _Number
    expires_at: _Number
    details: _Blob
    edits: Annotated[tuple[EditRecord, ...], Meta(max_length=MAX_EDITS)] | None
    reactions: Annotated[tuple[ReactionRecord, ...], Meta(max_length=MAX_REACTIONS)] | None
    attachment: AttachmentRecord | None


class SettingRecord(_Private, tag=Tag.SETTING.value, frozen=True, gc=False):
    """One of the owner's settings: a name and bytes that only the client understands."""

    version: _Version
    name: _Name
    value: _Blob


class TombstoneRecord(_Private, tag=Tag.TOMBSTONE.value, frozen=True, gc=False):
    """Something was deleted: a contact, a conversation or a message (`kind` is its tag), by its id."""

    version: _Version
    kind: Annotated[int, Meta(ge=2, le=4)]
    id: Annotated[bytes, Meta(min_length=16, max_length=32)]


class PlainMessages(_Private, tag=Tag.PLAIN_MESSAGES.value, frozen=True, gc=False):
    """Many messages that are nothing but text, column by column; `columns` turns them into messages and back.

    A number of each message stands at its place in a list. `versions` and `sent` count from the message before,
    `received` from `sent`, `positions` from `versions`. `chats` and `deliveries` point into the lists before
    them, `lengths` cut `texts` (UTF-8) into messages. An author is `owner` where the message is the owner's, and
    the chat's other account elsewhere.
    """

    owner: _Account
    ids: Annotated[bytes, Meta(max_length=RANDOM_ID_BYTES * MAX_BATCH_RECORDS)]
    versions: Annotated[list[_Step], Meta(max_length=MAX_BATCH_RECORDS)]
    chat_ids: Annotated[list[_Account], Meta(max_length=MAX_BATCH_RECORDS)]
    chats: Annotated[list[_Number], Meta(max_length=MAX_BATCH_RECORDS)]
    flags: Annotated[list[Annotated[int, Meta(ge=0, le=65535)]], Meta(max_length=MAX_BATCH_RECORDS)]
    delivery_words: Annotated[list[_Word], Meta(max_length=256)]
    deliveries: Annotated[list[_Number], Meta(max_length=MAX_BATCH_RECORDS)]
    texts: Annotated[bytes, Meta(max_length=MAX_BATCH_BYTES)]
    lengths: Annotated[list[_Number], Meta(max_length=MAX_BATCH_RECORDS)]
    sent: Annotated[list[_Step], Meta(max_length=MAX_BATCH_RECORDS)]
    received: Annotated[list[_Step], Meta(max_length=MAX_BATCH_RECORDS)]
    positions: Annotated[list[_Step], Meta(max_length=MAX_BATCH_RECORDS)]


Record: TypeAlias = (
    IdentityRecord | ContactRecord | ConversationRecord | MessageRecord | SettingRecord | TombstoneRecord
)
RecordKey: TypeAlias = tuple[int, bytes]
"""The tag of a record and its id: what two versions of one thing share, and its tombstone with them."""
Entry: TypeAlias = Record | PlainMessages
"""What a batch is made of."""
Row: TypeAlias = tuple[Any, ...]
"""(tag, version, and the fields of that record in order), as a query yields it."""

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[list[Entry]]] = msgspec.msgpack.Decoder(list[Entry])


def pack_batch(records: Sequence[Entry | Row]) -> bytes:
    """Return the bytes of some records, or of rows that stand for them: 1.3 us a message.

    Rows are not checked here: reading back what was written checks them. Raises MisuseError for too many,
    too large ones, and values that msgpack does not have.
    """
    if count(records) > MAX_BATCH_RECORDS:
        raise MisuseError("a batch has at most 65536 records")
    try:
        packed = _encoder.encode(records)
    except (TypeError, ValueError, OverflowError) as error:
        raise MisuseError("a record holds a value that it cannot hold") from error
    if len(packed) > MAX_BATCH_BYTES:
        raise MisuseError("a batch has at most 16 MiB")
    return packed


def read_batch(raw: bytes) -> list[Entry]:
    """Read what `pack_batch` made, strictly; `columns.check` does the rest for its columns. Raises MalformedError."""
    if len(raw) > MAX_BATCH_BYTES:
        raise MalformedError("a batch of records passes its size")
    try:
        records = _decoder.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedError(f"these are not records of a backup: {error}") from error
    if count(records) > MAX_BATCH_RECORDS:
        raise MalformedError("a batch holds too many records")
    return records


def count(entries: Sequence[Entry | Row]) -> int:
    """Say how many records these are: each message of a `PlainMessages` is one."""
    columns = [each for each in entries if isinstance(each, PlainMessages)]
    return len(entries) - len(columns) + sum(len(each.ids) // RANDOM_ID_BYTES for each in columns)


def key(record: Record) -> RecordKey:
    """Say which thing this record is about."""
    match record:
        case MessageRecord():
            return (Tag.MESSAGE, record.id)
        case TombstoneRecord():
            return (record.kind, record.id)
        case ContactRecord():
            return (Tag.CONTACT, record.account)
        case ConversationRecord():
            return (Tag.CONVERSATION, record.id)
        case SettingRecord():
            return (Tag.SETTING, record.name.encode())
        case IdentityRecord():
            return (Tag.IDENTITY, b"")


def beats(new: Record, old: Record) -> bool:
    """Say whether `new` replaces `old`, a record of the same key."""
    if isinstance(new, TombstoneRecord) is isinstance(old, TombstoneRecord):
        return new.version > old.version
    if isinstance(new, TombstoneRecord):
        return new.kind == Tag.MESSAGE or new.version >= old.version
    return not isinstance(new, MessageRecord) and new.version > old.version


def newest(records: Iterable[Record]) -> dict[RecordKey, Record]:
    """Return the winning record of each key, in the order in which the keys first came."""
    won: dict[RecordKey, Record] = {}
    for record in records:
        name = key(record)
        present = won.get(name)
        if present is None or beats(record, present):
            won[name] = record
    return won
