"""What the relay asks of a store, as protocols of at most five methods, and the values that pass between.

Every implementation passes the same tests; `memory` is the reference. Each promise names durability (what
an answer means), order (what comes before what) and repetition (what doing it again does). Must not know
frames, connections or SQL.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from letterlock.ids import AccountId, BlobId, EnvelopeId


class StoreError(Exception):
    """Nothing of this was kept (disk full, failing, or closing); asking again later may do."""


class HandleTakenError(Exception):
    """Another account has this handle, or this account has another one."""


class ListMovedError(Exception):
    """The account's list is not the one this change was made from."""


class DrainedError(Exception):
    """This pair has used up its prekeys for now; `retry_ms` says for how long."""

    def __init__(self, retry_ms: int) -> None:
        super().__init__(retry_ms)
        self.retry_ms = retry_ms


class NotUploadingError(Exception):
    """No such upload of this uploader, or it does not stand where the uploader thinks (`at`)."""


class FullError(Exception):
    """More than the store is meant to keep."""


class AccountRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An account as it was signed: what the directory hands out, byte for byte."""

    account: AccountId
    handle: str
    handle_entry: bytes
    root_key: bytes
    list_certificate: bytes
    device_list: bytes


class Numbers(msgspec.Struct, frozen=True, gc=False, order=True):
    """Which list: a higher epoch, else a higher version, is newer."""

    epoch: int
    version: int


class ListedDevice(msgspec.Struct, frozen=True, gc=False):
    """A listed device: its mailbox's number in this store, and the key it logs in with (32 bytes)."""

    mailbox: int
    identity_key: bytes


class Listing(msgspec.Struct, frozen=True, gc=False):
    """The little that mail needs of an account, for each Submit: its list's numbers and its devices."""

    account: AccountId
    numbers: Numbers
    devices: Mapping[int, ListedDevice]


class Copy(msgspec.Struct, frozen=True, gc=False):
    """One device's copy of an envelope, to be kept."""

    mailbox: int
    envelope: EnvelopeId
    received_ms: int
    body: bytes


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A kept copy. `sequence` grows within a mailbox and is never used again."""

    sequence: int
    envelope: EnvelopeId
    received_ms: int
    body: bytes


class OneTime(msgspec.Struct, frozen=True, gc=False):
    """A prekey to be handed out once: its id and its signed bytes."""

    key_id: int
    raw: bytes


class PrekeyUpload(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """New prekeys of one device; an empty `signed` or `last_resort` keeps the present one."""

    signed: bytes
    last_resort: bytes
    one_time: Sequence[OneTime]
    kem_one_time: Sequence[OneTime]


class PrekeysLeft(msgspec.Struct, frozen=True, gc=False):
    """How many one-time prekeys are left."""

    one_time: int
    kem_one_time: int


class TakenBundle(msgspec.Struct, frozen=True, gc=False):
    """A bundle taken for one requester: `one_time` may be empty, `kem` may be the last resort."""

    signed: bytes
    one_time: bytes
    kem: bytes
    left: PrekeysLeft


MAX_UNFINISHED_BYTES: Final = 8 * 1024**3
MAX_UNFINISHED: Final = 16
"""What one uploader may have begun and not finished."""


class BlobState(msgspec.Struct, frozen=True, gc=False):
    """How much of an upload is on disk, and until when the whole is kept."""

    offset: int
    expires_ms: int


Done = Callable[[Sequence[int] | None], None]
"""Called once, in the event loop: with a number for each thing asked, or None where nothing was kept."""


class Accounts(Protocol):
    """The directory: accounts, their handles and device lists. An answer to a change means safe on disk."""

    async def find(self, account: AccountId) -> AccountRecord | None:
        """Return the account as it was signed, or None. Sees every change answered before."""

    async def find_handle(self, handle: str) -> AccountRecord | None:
        """Return the account that has this handle, or None."""

    async def listing(self, account: AccountId) -> Listing | None:
        """Return what mail needs of the account, or None."""

    async def register(
        self, record: AccountRecord, numbers: Numbers, devices: Mapping[int, bytes]
    ) -> Listing:
        """Keep a new account. `devices` maps device ids to identity keys.

        The same record again is success. Raises HandleTakenError, ListMovedError (the account is here
        with another list), StoreError.
        """

    async def replace_list(
        self, record: AccountRecord, before: Numbers, numbers: Numbers, devices: Mapping[int, bytes]
    ) -> Listing:
        """Put `record`'s certificate, list and handle entry in place of those numbered `before`, in one step.

        Mail and prekeys of devices that are no longer listed go with the same step. Raises
        ListMovedError where the kept list is not `before`, StoreError.
        """


class Prekeys(Protocol):
    """Public prekeys by mailbox. An answer means safe on disk."""

    async def put(self, mailbox: int, upload: PrekeyUpload, most: int) -> PrekeysLeft:
        """Keep these. One that was ever handed out, or is kept, is passed over: repeating is harmless.

        Raises FullError where more than `most` of a kind would be kept, StoreError.
        """

    async def count(self, mailbox: int) -> PrekeysLeft:
        """Return how many one-time prekeys are left."""

    async def take(self, mailbox: int, pair: bytes, now: int) -> TakenBundle | None:
        """Take a bundle for the requester behind `pair` (16 bytes); None where the device left none.

        What is taken is gone before this answers, and no crash brings it back. Raises DrainedError
        past the pair's limit, which is as durable, and StoreError.
        """


class Mailboxes(Protocol):
    """Sealed envelopes by mailbox, and nothing that says who sent them."""

    def keep(self, copies: Sequence[Copy], done: Done) -> None:
        """Keep these copies, all or none; `done` gets their sequences once they are safe on disk.

        Copies are numbered in the order of the calls. A copy that is kept or was kept (within the
        memory for repeats, at least 7 days and as long as it lies here) gets 0 and is not kept again.
        """

    def forget(self, mailbox: int, sequences: Sequence[int], done: Done) -> None:
        """Delete these of this mailbox; those that are not there count as deleted."""

    async def page(self, mailbox: int, after: int, limit: int) -> list[Kept]:
        """Return the first `limit` copies with a sequence above `after`, in order.

        Sees every copy whose `done` was called before. Raises StoreError.
        """

    async def held(self, mailbox: int) -> int:
        """Return how many copies the mailbox holds. Raises StoreError."""

    async def expire(self, before_ms: int, now: int) -> Mapping[int, int]:
        """Delete what was received before `before_ms`; return how many for each mailbox that lost any.

        Also lets go of the memory for repeats that is no longer needed. Raises StoreError.
        """


class Blobs(Protocol):
    """Attachments: sealed bytes by random id. A finished one names nobody."""

    async def begin(self, blob: BlobId, uploader: bytes, size: int, now: int) -> BlobState:
        """Begin or go on with an upload of `size` bytes by `uploader` (16 bytes, a keyed hash).

        Raises NotUploadingError where the id is taken by another upload, FullError where the store or
        the uploader's share of unfinished uploads is full, StoreError.
        """

    async def append(self, blob: BlobId, uploader: bytes, offset: int, data: bytes) -> BlobState:
        """Add bytes at `offset`, which must be where the upload stands; answers once they are on disk.

        With the last byte the uploader is forgotten. Raises NotUploadingError, StoreError.
        """

    async def read(self, blob: BlobId, offset: int, length: int) -> tuple[int, bytes] | None:
        """Return the whole's size and up to `length` bytes; None where there is no finished blob."""

    async def expire(self, now: int) -> int:
        """Delete blobs and unfinished uploads whose time is over; return how many."""


class Store(Protocol):
    """Everything a relay keeps. One process owns a store from `open` to `close`."""

    @property
    def accounts(self) -> Accounts:
        """The directory."""

    @property
    def prekeys(self) -> Prekeys:
        """Public prekeys."""

    @property
    def mail(self) -> Mailboxes:
        """Sealed envelopes."""

    @property
    def blobs(self) -> Blobs:
        """Attachments."""

    @property
    def secret(self) -> bytes:
        """32 bytes, made with the store: keys the hashes it keeps in place of names."""

    async def open(self) -> None:
        """Make ready, or raise StoreError with a sentence for the operator."""

    async def close(self) -> None:
        """Finish what was asked, answer it, let go of every file and thread."""

    def healthy(self) -> bool:
        """Say whether what is kept now would be safe: False from a failed flush until it is verified."""

    def flushes(self) -> int:
        """Return how often the store has waited for the disk so far."""
