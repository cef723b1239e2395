"""What every face shows of a backup before it is restored. Plain values; times are ms since 1970, sizes bytes."""

from dataclasses import dataclass

from letterlock.ids import AccountId, ConversationId
from letterlock_client.backup_models import Freshness


@dataclass(frozen=True, slots=True)
class PreviewChat:
    """One conversation of a backup, before it is restored."""

    id: ConversationId
    title: str
    messages: int
    media: int
    last_at: int


@dataclass(frozen=True, slots=True)
class RestorePreview:
    """What a restore would bring back."""

    account: AccountId
    handle: str
    generation: int
    at: int
    bytes_total: int
    messages: int
    media: int
    media_bytes: int
    chats: tuple[PreviewChat, ...]
    """The newest of them."""
    freshness: Freshness
    conversations: int
    """How many chats there are, those that are not listed included."""
    lost: int = 0
    """How many records at most are missing, because they are damaged there."""
    nothing_whole: bool = False
    """Whether that is all of them: nothing can be brought back from here."""
