"""What every face of the client shows about backups: choices, states, counts, answers. Plain values, no behaviour.

Times are milliseconds since 1970, sizes bytes. Secrets in here are never printed. Must not know providers, vaults,
storage or Textual.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from letterlock.ids import MessageId
from letterlock_client.errors import PROVIDER_AWAY


class Frequency(StrEnum):
    """How often a running client backs up by itself."""

    OFF = "off"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


class Freshness(StrEnum):
    """What is known about a backup being the newest one."""

    VERIFIED = "verified"
    """Enough realms confirm it."""
    UNANCHORED = "unanchored"
    """The backup is whole, but too few realms have heard of it."""
    UNCHECKED = "unchecked"
    """No realm was asked: the 64 digits alone open it."""
    STALE = "stale"
    """Realms know of a newer one."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """How many realms know of a generation, and what that is worth."""

    confirmed: int
    freshness: Freshness


class BackupPhase(StrEnum):
    """What a backup or restore is doing."""

    VAULT = "vault"
    FINDING = "finding"
    PEOPLE = "people"
    MESSAGES = "messages"
    MEDIA = "media"
    MANIFEST = "manifest"
    CHECKING = "checking"
    ANCHORING = "anchoring"
    ACCOUNT = "account"


class RealmState(StrEnum):
    """What one realm of the vault answers; each is a sentence of its own on screen."""

    READY = "ready"
    NEVER_REGISTERED = "never_registered"
    DESTROYED = "destroyed"
    DOOR_CLOSED = "door_closed"
    WAIT = "wait"
    UNREACHABLE = "unreachable"
    LIED = "lied"
    WRONG_KEY = "wrong_key"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class RealmView:
    """One realm as the last answer showed it."""

    name: str
    url: str
    state: RealmState
    attempts_left: int
    wait_seconds: int
    at: int = 0
    """When its record was destroyed, where it was; else 0."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VaultView:
    """The vault before a password is entered: what it costs to be wrong."""

    fleet_hash: str
    """The beginning of the fleet's hash in hex, in groups of four, as the recovery sheet shows it."""
    threshold: int
    realms: tuple[RealmView, ...]
    attempts_left: int
    """Guesses left at the door that would be used, over the whole fleet."""
    wait_seconds: int
    with_locator: bool
    """Whether the guess goes through the owner's door."""
    epoch: int = 0
    """Of the newest registration that any realm shows; 0 for none."""


@dataclass(frozen=True, slots=True)
class FeatureView:
    """Whether end-to-end encrypted backup is on for this account, and why not."""

    available: bool
    reason: str
    """Empty, "gradual" or "needs_version"."""


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The newest complete backup of this device."""

    at: int
    generation: int
    messages: int
    media: int
    bytes_total: int
    freshness: Freshness
    alarm: str = ""
    """A sentence, where totals shrank or a read-back failed."""
    lost: int = 0
    """How many changes at most were damaged and left out when it was restored here: messages and files count them."""


@dataclass(frozen=True, slots=True)
class BackupStatus:
    """All that the landing screen shows."""

    on: bool
    feature: FeatureView
    key_id: str = ""
    has_password: bool = False
    vault_unasked: bool = False
    """Whether a restored backup says that there is a password, and no realm has been asked yet."""
    has_recovery_key: bool = False
    digits_unsure: bool = False
    """Whether 64 digits that open it may have been taken on another device, before a restore; nobody knows here."""
    provider: str = ""
    frequency: Frequency = Frequency.OFF
    include_media: bool = True
    include_videos: bool = True
    last: LastBackup | None = None
    generations: int = 0
    unreadable: tuple[int, ...] = ()
    """The numbers of older backups that are damaged so that they do not open; nothing is cleared away for them."""
    next_at: int = 0
    running: bool = False
    restoring: bool = False
    """Whether a restore is not complete."""
    restoring_now: bool = False
    """Whether it goes on just now, beside chatting."""
    restore_damage: str = ""
    """The sentence that says what is damaged, where that keeps it from going on; the rest can come without it."""
    repairs_pending: int = 0
    """Realms that still wait for the owner's last registration."""
    deletions_pending: tuple[str, ...] = ()
    """Realms that keep a record of backups that were turned off: they were away."""
    rotation: str = ""
    """How far a rotation of the key is that runs or was cut short: writing, committing or leaving; else empty."""
    fleet_hash: str = ""
    realms: int = 0
    threshold: int = 0


@dataclass(frozen=True, slots=True)
class BackupChoice:
    """What somebody asks for who turns backups on. At least one of password and recovery key."""

    provider: str
    """`folder:DIR`."""
    password: str | None = field(default=None, repr=False)
    recovery_key: bool = False
    fleet: Path | None = None
    """The fleet file; None takes the configured one."""


@dataclass(frozen=True, slots=True)
class TurnedOn:
    """What turning on gives: shown once, kept by the owner."""

    key_id: str
    recovery_key: str = field(repr=False)
    """64 hex digits, or empty where it was not asked for."""
    sheet: str = field(repr=False)
    """The recovery sheet as text."""
    realms: int
    """How many realms hold the registration."""
    realms_total: int


@dataclass(frozen=True, slots=True)
class BackupMade:
    """What one backup did."""

    generation: int
    messages: int
    media: int
    segments_written: int
    media_written: int
    bytes_written: int
    bytes_total: int
    freshness: Freshness
    realms_confirmed: int
    alarm: str = ""
    damaged: int = 0
    """How many objects of the last one were damaged, and were written again where they are here."""


@dataclass(frozen=True, slots=True)
class BackupProgress:
    """How far a backup or restore is. `total` is 0 where it is not known."""

    phase: BackupPhase
    done: int
    total: int
    bytes_done: int
    bytes_total: int
    rate: float
    """Bytes a second."""
    seconds_left: float
    """0 where it is not known."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What reading a whole backup found."""

    generation: int
    messages: int
    conversations: int
    media: int
    objects: int
    bytes_read: int
    freshness: Freshness
    problems: tuple[str, ...]
    """One sentence for each thing that is wrong; empty is good."""


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How a scratch restore compares with what is here."""

    generation: int
    messages: int
    conversations: int
    media: int
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """The proof that a new password rewrote nothing."""

    key_id_before: str
    key_id_after: str
    objects_rewritten: int
    realms: int
    realms_total: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation of the recovery secret came to: shown once, kept by the owner."""

    key_id_before: str
    key_id_after: str
    recovery_key: str = field(repr=False)
    """The new 64 hex digits, or empty where they are not in use."""
    sheet: str = field(repr=False)
    """The new recovery sheet as text."""
    generation: int
    objects_written: int
    bytes_written: int
    media_lost: int
    """Files that were whole neither here nor at the provider, and could not be brought along."""
    objects_deleted: int
    """What lay under the old secret."""
    old_left: bool
    """Whether that lies there still: it is deleted with the next backup that finds provider and realms."""
    realms: int
    """How many realms hold the new registration."""
    realms_total: int


@dataclass(frozen=True, slots=True)
class TurnedOff:
    """What turning off removed, and the realms' proof."""

    objects_deleted: int
    realms_deleted: int
    realms_total: int
    deletions_pending: tuple[str, ...] = ()
    """Realms that keep their record: they are asked again, while the client runs and when this is asked for."""
    left: tuple[str, ...] = ()
    """Where something of the backup may lie that could not be deleted: provider and folder in it. It is forgotten."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One entry of a realm's ledger."""

    realm: str
    at: int
    kind: str
    """registered, guess_failed, recovered, anchored, door_closed, destroyed, deleted."""
    door: str
    """handle, locator or empty."""
    sequence: int


@dataclass(frozen=True, slots=True)
class RestoreRequest:
    """Where a backup is and what opens it: a password with a vault, or the 64 digits."""

    handle: str
    relay: str
    provider: str
    insecure: bool = False
    password: str | None = field(default=None, repr=False)
    recovery_key: str | None = field(default=None, repr=False)
    fleet: Path | None = None
    locator: str = field(default="", repr=False)
    sheet: Path | None = None
    chats: tuple[str, ...] = ()
    """WHO of each conversation to bring back; empty is all."""
    accept_stale: bool = False
    generation: int = 0
    """The newest number that will do, where an older backup is wanted; 0 is any."""
    accept_damaged: bool = False
    """Whether what is whole will do, where some of it is not; then an older backup does too."""
    media_later: bool = False
    """Whether files are fetched when they are wanted, and not now."""


@dataclass(frozen=True, slots=True)
class UnfinishedRestore:
    """A restore that was cut short: what it was asked for, without what opens it."""

    request: RestoreRequest
    by_key: bool
    """Whether the 64 digits opened it, and not a password."""
    started: int


@dataclass(frozen=True, slots=True)
class WrongFile:
    """A file of a backup that did not come back, and the error code that says why."""

    message: MessageId
    name: str
    error: str

    @property
    def unread(self) -> bool:
        """Whether it may be whole there: it could not be read."""
        return self.error in {code.value for code in PROVIDER_AWAY}


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore brought back."""

    messages: int
    conversations: int
    media: int
    generation: int
    freshness: Freshness
    epoch: int
    """The list key epoch that this device speaks in now."""
    complete: bool = True
    """Whether that is all; else the rest comes beside chatting."""
    lost: int = 0
    """How many records at most did not come, because they are damaged there."""
    media_wrong: int = 0
    """Files of the backup that are damaged or missing at the provider, or could not be read there."""
    media_unread: int = 0
    """How many of those could not be read, though other objects could."""
    wrong: tuple[WrongFile, ...] = ()
    """Those, the first hundred of them."""
