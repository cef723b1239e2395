"""What happens in a client, as typed values: the core says them, every face listens.

Events carry what changed, after it is on disk. Must not know who listens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from letterlock.ids import AccountId, ConversationId, MessageId
    from letterlock_client.backup_models import BackupMade, BackupProgress, Restored
    from letterlock_client.models import Conversation, Message


class Link(StrEnum):
    """How the connection to the relay stands."""

    OFFLINE = "offline"
    CONNECTING = "connecting"
    ONLINE = "online"
    REFUSED = "refused"
    """The relay does not let this device in; `ConnectionChanged.reason` says why. Not retried."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened."""


@dataclass(frozen=True, slots=True)
class ConnectionChanged(Event):
    """The link to the relay came, went or waits; `retry_in` is seconds until the next attempt, or 0."""

    link: Link
    reason: str = ""
    retry_in: float = 0.0


@dataclass(frozen=True, slots=True)
class MessageAdded(Event):
    """A message was stored at the end of its chat: received, sent, or said by the program."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageChanged(Event):
    """A stored message is different now: delivered, read, edited, reacted to, deleted, downloaded."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageRemoved(Event):
    """A message is gone from this device: deleted for me, or its timer ran out."""

    conversation: ConversationId
    id: MessageId


@dataclass(frozen=True, slots=True)
class ConversationChanged(Event):
    """A line of the chat list is different: new, renamed, unread, verified, muted, timer, draft."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class RequestArrived(Event):
    """Somebody unknown wrote for the first time; the chat waits for accept or block."""

    conversation: Conversation


@dataclass(frozen=True, slots=True)
class KeyChanged(Event):
    """A contact's account got a new list key or device: shown, and blocking where it was verified."""

    account: AccountId
    conversation: ConversationId
    was_verified: bool


@dataclass(frozen=True, slots=True)
class Alarm(Event):
    """Somebody lies or something is broken, and a person should know. `code` is public, `text` a sentence."""

    code: str
    text: str
    conversation: ConversationId | None = None


@dataclass(frozen=True, slots=True)
class TypingChanged(Event):
    """The other side types, or stopped."""

    conversation: ConversationId
    typing: bool


@dataclass(frozen=True, slots=True)
class PresenceChanged(Event):
    """The other side is connected, or not any more, as far as it lets that be seen."""

    conversation: ConversationId
    online: bool


@dataclass(frozen=True, slots=True)
class TransferMoved(Event):
    """An attachment's bytes move: `done` of `total`."""

    conversation: ConversationId
    message: MessageId
    done: int
    total: int
    upload: bool


@dataclass(frozen=True, slots=True)
class SentAsIs(Event):
    """A picture goes with all that a camera wrote into it, because it could not be encoded anew; `reason` says why."""

    conversation: ConversationId
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class BackupMoved(Event):
    """A backup, or reading one, has come so far."""

    progress: BackupProgress


@dataclass(frozen=True, slots=True)
class BackupFinished(Event):
    """A backup ended: what it made, or a sentence about why it made nothing. An `error` of "" was cancelled."""

    made: BackupMade | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class BackupsSwitched(Event):
    """Backups were turned on or off here."""

    on: bool


@dataclass(frozen=True, slots=True)
class RestoreMoved(Event):
    """A restore that goes on beside chatting has come so far."""

    progress: BackupProgress


@dataclass(frozen=True, slots=True)
class RestoreFinished(Event):
    """It ended: what it brought back, or a sentence about why it waits. An `error` of "" was stopped."""

    restored: Restored | None
    error: str = ""
    damaged: bool = False
    """Whether it waits because some of the backup is damaged: the rest can come without that."""


@dataclass(frozen=True, slots=True)
class HistoryGrew(Event):
    """A restore brought messages in, anywhere in any chat: read again what is shown."""


@dataclass(frozen=True, slots=True)
class NewsArrived(Event):
    """A line was added to what `receive` prints: ask `Messenger.unprinted`."""


@dataclass(frozen=True, slots=True)
class EventsLost(Event):
    """This listener was too slow and events were dropped: reload everything that is shown."""
