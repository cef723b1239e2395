"""What every face of the client shows: people, chats, messages. Plain values, no behaviour.

Names and texts in here are as the peer sent them: hostile until `sanitize` has seen them.
Times are milliseconds since 1970. Must not know storage, sockets or Textual.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from letterlock.ids import AccountId, BlobId, ConversationId, MessageId


class Delivery(StrEnum):
    """How far an own message has come; each state includes the ones before it, FAILED excepted."""

    WAITING = "waiting"
    """In the outbox, on disk here."""
    ACCEPTED = "accepted"
    """On the relay's disk."""
    DELIVERED = "delivered"
    """On the disk of the other device."""
    READ = "read"
    """On the other person's screen."""
    FAILED = "failed"
    """Given up, with a reason; can be sent again."""
    NONE = "none"
    """Not an own message."""


class Standing(StrEnum):
    """What stands between us and a contact."""

    REQUESTED = "requested"
    """They wrote first and wait for an answer."""
    ACCEPTED = "accepted"
    BLOCKED = "blocked"


class MessageKind(StrEnum):
    """What a message is, to whoever draws it."""

    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VOICE = "voice"
    VIDEO = "video"
    FILE = "file"
    NOTE = "note"
    """Said by the program: timer changed, key changed, a message could not be opened."""
    UNKNOWN = "unknown"
    """Made by a newer version; kept, and shown as such."""


class TransferState(StrEnum):
    """Where an attachment's bytes are."""

    REMOTE = "remote"
    MOVING = "moving"
    PAUSED = "paused"
    HERE = "here"
    GONE = "gone"
    """The relay no longer has it."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One other account."""

    account: AccountId
    handle: str
    """Empty where no signed handle entry is known; then the account id is shown."""
    standing: Standing
    verified: bool
    key_changed_at: int
    """0, or when the account's list key was last replaced by the owner."""
    warning: str
    """Empty, or a sentence that must be seen before anything is sent (a forked list, an expired list)."""


TEXT_NAME: Final = "message.txt"
TEXT_TYPE: Final = "text/plain"
"""What a text is called that goes as a file."""
MOST_READ: Final = 1024 * 1024
"""How long a text may be, in bytes, to be read here; a longer file is saved."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with a message. Its key never leaves the core."""

    blob: BlobId
    name: str
    media_type: str
    size: int
    state: TransferState
    width: int = 0
    height: int = 0
    duration_ms: int = 0
    preview: bytes = field(default=b"", repr=False)

    @property
    def is_message_text(self) -> bool:
        """Whether it is a text that went as a file, and is short enough to be read here."""
        return (self.name, self.media_type) == (TEXT_NAME, TEXT_TYPE) and self.size <= MOST_READ


class Again(StrEnum):
    """Where a file would come from again, if our copy were deleted."""

    BACKUP = "backup"
    RELAY = "relay"
    NOT_YET = "not-yet"
    """From the relay while that has it; the next backup is to hold it, and none does yet."""
    UNSURE = "unsure"
    """No backup holds it, and the relay may have dropped it."""

    @property
    def sure(self) -> bool:
        """Whether nobody need be asked before our copy goes."""
        return self in (Again.BACKUP, Again.RELAY)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A message's file whose bytes lie here."""

    message: MessageId
    conversation: ConversationId
    name: str
    media_type: str
    size: int
    """Bytes that it takes on this disk."""
    at: int
    """When its message was sent, in milliseconds."""
    again: Again


@dataclass(frozen=True, slots=True)
class FileSum:
    """What the files of one kind of message in one chat take here, together."""

    conversation: ConversationId
    kind: MessageKind
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Cleared:
    """What a clean-up came to."""

    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A small picture, decoded: red, green, blue for each pixel, row by row."""

    width: int
    height: int
    pixels: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reaction:
    """One account's reaction to a message."""

    author: AccountId
    emoji: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it stands now: edits and reactions applied."""

    id: MessageId
    conversation: ConversationId
    author: AccountId
    mine: bool
    kind: MessageKind
    text: str = field(repr=False)
    sent_at: int
    received_at: int
    delivery: Delivery = Delivery.NONE
    reply_to: MessageId | None = None
    attachment: Attachment | None = None
    reactions: tuple[Reaction, ...] = ()
    edits: int = 0
    deleted: bool = False
    view_once: bool = False
    viewed: bool = False
    timer_s: int = 0
    expires_at: int = 0
    failure: str = ""
    delivered_at: int = 0
    """When the first receipt that says so came here, by our clock; 0 is not known."""
    read_at: int = 0
    """The same."""


class Listed(StrEnum):
    """Where a chat stands in the list."""

    USUAL = ""
    PINNED = "pinned"
    """On top."""
    ARCHIVED = "archived"
    """Out of sight, until somebody writes in it; where it is muted, until we do."""


MOST_IN_REQUEST: Final = 256
"""How many messages a stranger may leave before being accepted: nobody fills this disk unasked."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One chat, as the chat list shows it."""

    id: ConversationId
    contact: Contact
    title: str
    last: Message | None
    last_at: int
    unread: int
    first_unread: MessageId | None
    draft: str
    timer_s: int
    muted: bool
    listed: Listed = Listed.USUAL
    online: bool = False
    typing: bool = False
    muted_until: int = 0
    """When it notifies again, in milliseconds; 0 is not by itself."""
    left_out: bool = False
    """Whether nothing of it is here because a restore left it out; its messages are in the backup."""
    lost: bool = False
    """Whether nothing of it is here because none of its messages came back from a damaged backup."""

    def mutes(self, now: int) -> bool:
        """Whether nothing of this chat notifies anybody now."""
        return self.muted and not 0 < self.muted_until <= now


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of a chat's messages, oldest first, as little as a scroll bar needs.

    `rows[i]` names the i-th message for `Messenger.page`; `widths[i]` is the cell width of its text,
    at most 255, from which a height can be guessed before the text is read.
    """

    rows: "memoryview[int]"
    widths: bytes


@dataclass(frozen=True, slots=True)
class SafetyNumber:
    """What two people compare to know that nobody stands between them."""

    digits: str
    """60 digits."""
    qr: bytes
    """What the QR code holds."""
    verified: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """Who this client is."""

    account: AccountId
    handle: str
    device: int
    relay: str
    has_passphrase: bool


class Prefetch(StrEnum):
    """Which files are fetched by themselves as they come; the others when they are wanted."""

    NOTHING = "nothing"
    PICTURES = "pictures"
    EVERYTHING = "everything"


class ReadWhen(StrEnum):
    """When a message that was on the screen counts as read, and its receipt goes."""

    SEEN = "seen"
    ANSWERED = "answered"
    """When something is said in its chat."""
    ASKED = "asked"
    """Only when its reader says so."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the owner chose for this profile."""

    read_receipts: bool = True
    typing: bool = True
    presence: bool = True
    """Whether others may see that this device is connected."""
    default_timer_s: int = 0
    """The disappearing timer that a new chat starts with; 0 is off."""
    read_when: ReadWhen = ReadWhen.SEEN
    prefetch: Prefetch = Prefetch.NOTHING
    prefetch_bytes: int = 5_000_000
    """Larger files are fetched only when they are wanted."""


class NewsKind(StrEnum):
    """What a line of `receive` tells; the values are public, scripts read them."""

    MESSAGE = "message"
    REQUEST = "request"
    """A stranger wrote; carries no text."""
    RECEIPT = "receipt"
    REACTION = "reaction"
    EDIT = "edit"
    DELETE = "delete"
    TIMER = "timer"
    KEY_CHANGE = "key-change"
    ALARM = "alarm"
    FAILED = "failed"
    """An own message was given up; `detail` says why."""


@dataclass(frozen=True, slots=True)
class News:
    """Something that came in and was stored, and that `receive` prints once."""

    sequence: int
    """Rises; `Messenger.mark_printed` takes it."""
    kind: NewsKind
    conversation: ConversationId | None
    message: MessageId | None
    detail: str
    """The receipt's state, the emoji, the alarm's code, the timer's seconds, the reason; else empty."""
    at: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """How one message travelled: sizes in bytes at each layer and where the ratchet stood.

    Sizes are 0 where they are not known (a message that was never sealed here).
    """

    message: MessageId
    mine: bool
    text_bytes: int
    padded_bytes: int
    """The encoded payload, padded to its bucket."""
    sealed_bytes: int
    """The ratchet message."""
    envelope_bytes: int
    """With the sealed sender: what the relay sees."""
    devices: int
    """For how many devices it was sealed."""
    ratchet_step: int
    chain_index: int
    first_contact: bool
    last_resort: bool
    """The first message had to use the reusable post-quantum prekey."""
    sealed_start: bytes = b""
    """The first bytes of the ratchet message; empty where they were not kept."""
    envelope_start: bytes = b""
    """The first bytes of the envelope, as the relay has it."""


START_BYTES = 24
"""How much of a message's sealed forms is kept to be shown."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    path: Path
    messages: int
    media: int
    left_out: int
    """Disappearing and view-once messages, which no export holds."""
    head: str
    """What a checkable record is known by: the end of its hash chain in hex; else empty."""
    whole: bool = True
    """Whether no restore was under way: else what had not come back by then is not in it."""
