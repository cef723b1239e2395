"""What a realm asks of a store, as protocols of at most five methods, and the values that pass between.

A change is a pure function from what is kept of one account to what is to be kept, run inside the store's
transaction: so no two changes of an account ever cross, and none is half done. Every implementation passes the
same tests; `vault_memory` is the reference. Must not know frames, policy, SQL, or what a record holds.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from letterlock.ids import AccountId
from letterlock_server.stores.interfaces import StoreError

__all__ = ["Change", "Decide", "Door", "Record", "Standing", "Standings", "StoreError", "VaultStore"]

T = TypeVar("T")

KEY_SLOT_BYTES: Final = 64
"""The length of a record's wrapped key, as every store keeps it."""


class Door(msgspec.Struct, frozen=True, gc=False):
    """Guesses spent at one door since the last refill, and when the last was: on the realm's own clock, in ms."""

    spent: int = 0
    at: int = 0


class Record(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A registration. `box` opens with the key that `key` wraps, and with nothing else once that is gone.

    `door_hash` is what the key of the owner's door hashes to; `receipts` are those it was committed with.
    """

    epoch: int
    statement: bytes
    door_hash: bytes
    receipts: tuple[bytes, ...]
    box: bytes
    key: bytes

    def __repr__(self) -> str:
        return f"<Record of epoch {self.epoch}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Standing(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All that a realm keeps of one account, but for the older entries of its ledger.

    Everything but `record` and `prepared` outlives deletion and destruction. `tombstone` is the ledger entry
    that says why there is no record, `anchor` the owner's newest signed anchor, `head` the hash of the last of
    `entries` ledger entries. `paced_until` is when, on the realm's own clock in ms, what the owner added will
    have been forgotten.
    """

    account: AccountId
    root_key: bytes
    list_certificate: bytes
    device_list: bytes
    list_epoch: int
    list_version: int
    highest_epoch: int = 0
    record: Record | None = None
    prepared: Record | None = None
    by_handle: Door = Door()
    by_locator: Door = Door()
    tombstone: bytes = b""
    generation: int = 0
    anchor: bytes = b""
    entries: int = 0
    head: bytes = bytes(32)
    paced_until: int = 0


class Change(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """What is to be kept from now on, the ledger entries that say so, in order, and what to answer."""

    standing: Standing
    entries: tuple[bytes, ...]
    answer: T


Decide = Callable[[Standing | None], Change[T]]
"""Decides one change. May run on another thread; what it raises undoes nothing, because nothing was done."""


class Standings(Protocol):
    """Accounts, and the ledger of each."""

    async def find(self, account: AccountId) -> Standing | None:
        """Return what is kept of the account. Sees every change that was answered before. Raises StoreError."""

    async def change(self, account: AccountId, decide: Decide[T]) -> T:
        """Apply one change and return its answer once it is safe on disk.

        Changes are applied one at a time, each to what the one before left. A record's key that the new
        standing no longer has is gone from every file before this answers. Raises what `decide` raises,
        and StoreError, after which the change may or may not have been kept: nothing may be built on it.
        A caller that is cancelled does not undo the change.
        """

    async def ledger(self, account: AccountId, after: int, limit: int) -> Sequence[bytes]:
        """Return up to `limit` entries behind number `after`, in order. Raises StoreError."""

    async def spent(self, guesses: int) -> Sequence[AccountId]:
        """Return the accounts whose record has had `guesses` or more spent on it, over both doors."""

    async def count(self) -> int:
        """Return how many accounts something is kept of. Raises StoreError."""


class VaultStore(Protocol):
    """Everything a realm keeps. One process owns a store from `open` to `close`."""

    @property
    def standings(self) -> Standings:
        """Accounts, and the ledger of each."""

    async def open(self) -> int:
        """Make ready; finish what a crash cut short; return the realm's clock as it was kept, in ms.

        Raises StoreError with a sentence for the operator.
        """

    async def close(self) -> None:
        """Finish what was asked, let go of every file and thread."""

    async def keep_clock(self, ms: int) -> None:
        """Keep how long this realm has run, over all its starts; it never goes back. Raises StoreError."""

    def healthy(self) -> bool:
        """Say whether what is kept now would be safe."""
