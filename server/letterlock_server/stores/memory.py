"""The reference store: everything in memory, nothing after the process ends.

What it answers it has, in the order of the calls; "on disk" means nothing here. Must not know frames.
"""

import asyncio
import secrets
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from letterlock.ids import AccountId, BlobId, EnvelopeId
from letterlock_server.limits import Bucket, Rule, full, refill, take
from letterlock_server.stores.interfaces import (
    MAX_UNFINISHED,
    MAX_UNFINISHED_BYTES,
    AccountRecord,
    BlobState,
    Copy,
    Done,
    DrainedError,
    FullError,
    HandleTakenError,
    Kept,
    ListedDevice,
    Listing,
    ListMovedError,
    NotUploadingError,
    Numbers,
    PrekeysLeft,
    PrekeyUpload,
    TakenBundle,
)

DAY_MS: Final = 24 * 60 * 60 * 1000
REPEATS_MS: Final = 7 * DAY_MS
KEPT_MS: Final = 30 * DAY_MS
DEFAULT_BLOB_BYTES: Final = 1024**3


class MemoryAccounts:
    """See `interfaces.Accounts`."""

    def __init__(self, store: "MemoryStore") -> None:
        self._store = store
        self._records: dict[AccountId, AccountRecord] = {}
        self._listings: dict[AccountId, Listing] = {}
        self._handles: dict[str, AccountId] = {}
        self._mailboxes = 0

    async def find(self, account: AccountId) -> AccountRecord | None:
        """See `interfaces.Accounts.find`."""
        return self._records.get(account)

    async def find_handle(self, handle: str) -> AccountRecord | None:
        """See `interfaces.Accounts.find_handle`."""
        account = self._handles.get(handle)
        return None if account is None else self._records[account]

    async def listing(self, account: AccountId) -> Listing | None:
        """See `interfaces.Accounts.listing`."""
        return self._listings.get(account)

    async def register(
        self, record: AccountRecord, numbers: Numbers, devices: Mapping[int, bytes]
    ) -> Listing:
        """See `interfaces.Accounts.register`."""
        known = self._records.get(record.account)
        if self._handles.get(record.handle, record.account) != record.account:
            raise HandleTakenError
        if known is not None:
            if known.handle != record.handle:
                raise HandleTakenError
            if known != record:
                raise ListMovedError
            return self._listings[record.account]
        self._handles[record.handle] = record.account
        return self._put(record, numbers, devices, {})

    async def replace_list(
        self, record: AccountRecord, before: Numbers, numbers: Numbers, devices: Mapping[int, bytes]
    ) -> Listing:
        """See `interfaces.Accounts.replace_list`."""
        known = self._listings.get(record.account)
        if known is None or known.numbers != before:
            raise ListMovedError
        for device, listed in known.devices.items():
            if device not in devices:
                self._store.drop(listed.mailbox)
        return self._put(record, numbers, devices, known.devices)

    def _put(
        self,
        record: AccountRecord,
        numbers: Numbers,
        devices: Mapping[int, bytes],
        known: Mapping[int, ListedDevice],
    ) -> Listing:
        listed = {}
        for device, key in devices.items():
            if device in known:
                listed[device] = known[device]
            else:
                self._mailboxes += 1
                listed[device] = ListedDevice(self._mailboxes, key)
        self._records[record.account] = record
        self._listings[record.account] = Listing(record.account, numbers, listed)
        return self._listings[record.account]


class _Keys:
    """One device's prekeys."""

    def __init__(self) -> None:
        self.signed = self.last_resort = b""
        self.kept: tuple[dict[int, bytes], dict[int, bytes]] = ({}, {})
        self.handed_out: tuple[set[int], set[int]] = (set(), set())

    def left(self) -> PrekeysLeft:
        return PrekeysLeft(len(self.kept[0]), len(self.kept[1]))

    def pop(self, kind: int) -> bytes:
        if not self.kept[kind]:
            return b""
        key_id = min(self.kept[kind])
        self.handed_out[kind].add(key_id)
        return self.kept[kind].pop(key_id)


class MemoryPrekeys:
    """See `interfaces.Prekeys`."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._devices: dict[int, _Keys] = {}
        self._budgets: dict[bytes, Bucket] = {}

    async def put(self, mailbox: int, upload: PrekeyUpload, most: int) -> PrekeysLeft:
        """See `interfaces.Prekeys.put`."""
        keys = self._devices.get(mailbox, _Keys())
        fresh = [
            {one.key_id: one.raw for one in several if one.key_id not in keys.handed_out[kind]}
            for kind, several in enumerate((upload.one_time, upload.kem_one_time))
        ]
        merged = (fresh[0] | keys.kept[0], fresh[1] | keys.kept[1])
        if max(map(len, merged)) > most:
            raise FullError
        keys.kept = merged
        keys.signed = upload.signed or keys.signed
        keys.last_resort = upload.last_resort or keys.last_resort
        self._devices[mailbox] = keys
        return keys.left()

    async def count(self, mailbox: int) -> PrekeysLeft:
        """See `interfaces.Prekeys.count`."""
        return self._devices.get(mailbox, _Keys()).left()

    async def take(self, mailbox: int, pair: bytes, now: int) -> TakenBundle | None:
        """See `interfaces.Prekeys.take`."""
        keys = self._devices.get(mailbox)
        if keys is None or not keys.signed or not keys.last_resort:
            return None
        bucket, retry = take(self._rule, self._budgets.get(pair, full(self._rule, now)), now)
        if retry:
            raise DrainedError(retry)
        self._budgets[pair] = bucket
        one_time, kem = keys.pop(0), keys.pop(1)
        return TakenBundle(keys.signed, one_time, kem or keys.last_resort, keys.left())

    def drop(self, mailbox: int) -> None:
        """Forget a device that is no longer listed."""
        self._devices.pop(mailbox, None)

    def expire(self, now: int) -> None:
        """Forget each pair whose budget is full again."""
        for pair, bucket in list(self._budgets.items()):
            if refill(self._rule, bucket, now)[0] >= self._rule.burst:
                del self._budgets[pair]


class MemoryMailboxes:
    """See `interfaces.Mailboxes`."""

    def __init__(self, prekeys: MemoryPrekeys) -> None:
        self._prekeys = prekeys
        self._boxes: dict[int, dict[int, Kept]] = {}
        self._seen: dict[tuple[int, EnvelopeId], tuple[int, int]] = {}
        self._next = 1

    def keep(self, copies: Sequence[Copy], done: Done) -> None:
        """See `interfaces.Mailboxes.keep`."""
        # Answered on a later turn, as a store that waits for a disk would.
        asyncio.get_running_loop().call_soon(done, [self._keep(one) for one in copies])

    def _keep(self, copy: Copy) -> int:
        if (copy.mailbox, copy.envelope) in self._seen:
            return 0
        sequence, self._next = self._next, self._next + 1
        self._seen[copy.mailbox, copy.envelope] = (sequence, copy.received_ms)
        box = self._boxes.setdefault(copy.mailbox, {})
        box[sequence] = Kept(sequence, copy.envelope, copy.received_ms, copy.body)
        return sequence

    def forget(self, mailbox: int, sequences: Sequence[int], done: Done) -> None:
        """See `interfaces.Mailboxes.forget`."""
        box = self._boxes.get(mailbox, {})
        for sequence in sequences:
            box.pop(sequence, None)
        asyncio.get_running_loop().call_soon(done, sequences)

    async def page(self, mailbox: int, after: int, limit: int) -> list[Kept]:
        """See `interfaces.Mailboxes.page`."""
        box = self._boxes.get(mailbox, {})
        order = list(box)
        start = bisect_right(order, after)
        return [box[sequence] for sequence in order[start : start + limit]]

    async def held(self, mailbox: int) -> int:
        """See `interfaces.Mailboxes.held`."""
        return len(self._boxes.get(mailbox, {}))

    async def expire(self, before_ms: int, now: int) -> Mapping[int, int]:
        """See `interfaces.Mailboxes.expire`."""
        lost: dict[int, int] = {}
        for mailbox, box in self._boxes.items():
            for sequence in [s for s, one in box.items() if one.received_ms < before_ms]:
                del box[sequence]
                lost[mailbox] = lost.get(mailbox, 0) + 1
        for (mailbox, envelope), (sequence, received) in list(self._seen.items()):
            oldest = next(iter(self._boxes.get(mailbox, {})), sequence + 1)
            if received < now - REPEATS_MS and sequence < oldest:
                del self._seen[mailbox, envelope]
        self._prekeys.expire(now)
        return lost

    def drop(self, mailbox: int) -> None:
        """Forget a device that is no longer listed."""
        self._boxes.pop(mailbox, None)


class _Upload:
    def __init__(self, size: int, expires_ms: int, uploader: bytes) -> None:
        self.size = size
        self.expires_ms = expires_ms
        self.uploader: bytes | None = uploader
        self.data = bytearray()

    def state(self) -> BlobState:
        return BlobState(len(self.data), self.expires_ms)


class MemoryBlobs:
    """See `interfaces.Blobs`."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._blobs: dict[BlobId, _Upload] = {}

    async def begin(self, blob: BlobId, uploader: bytes, size: int, now: int) -> BlobState:
        """See `interfaces.Blobs.begin`."""
        known = self._blobs.get(blob)
        if known is None:
            unfinished = [one.size for one in self._blobs.values() if one.uploader == uploader]
            if sum(one.size for one in self._blobs.values()) + size > self._most:
                raise FullError
            if len(unfinished) >= MAX_UNFINISHED or sum(unfinished) + size > MAX_UNFINISHED_BYTES:
                raise FullError
            known = self._blobs[blob] = _Upload(size, now + KEPT_MS, uploader)
        elif known.size != size or known.uploader != uploader:
            raise NotUploadingError
        return known.state()

    async def append(self, blob: BlobId, uploader: bytes, offset: int, data: bytes) -> BlobState:
        """See `interfaces.Blobs.append`."""
        known = self._blobs.get(blob)
        if known is None or known.uploader != uploader or len(known.data) != offset:
            raise NotUploadingError
        if offset + len(data) > known.size:
            raise NotUploadingError
        known.data += data
        if len(known.data) == known.size:
            known.uploader = None
        return known.state()

    async def read(self, blob: BlobId, offset: int, length: int) -> tuple[int, bytes] | None:
        """See `interfaces.Blobs.read`."""
        known = self._blobs.get(blob)
        if known is None or len(known.data) != known.size:
            return None
        return known.size, bytes(known.data[offset : offset + length])

    async def expire(self, now: int) -> int:
        """See `interfaces.Blobs.expire`."""
        gone = [blob for blob, one in self._blobs.items() if one.expires_ms <= now]
        for blob in gone:
            del self._blobs[blob]
        return len(gone)


class MemoryStore:
    """See `interfaces.Store`."""

    def __init__(self, *, prekeys: Rule, blob_bytes: int = DEFAULT_BLOB_BYTES) -> None:
        self.secret = secrets.token_bytes(32)
        self._prekeys = MemoryPrekeys(prekeys)
        self._mail = MemoryMailboxes(self._prekeys)
        self.prekeys = self._prekeys
        self.mail = self._mail
        self.accounts = MemoryAccounts(self)
        self.blobs = MemoryBlobs(blob_bytes)

    def drop(self, mailbox: int) -> None:
        """Forget a device that is no longer listed."""
        self._prekeys.drop(mailbox)
        self._mail.drop(mailbox)

    async def open(self) -> None:
        """See `interfaces.Store.open`."""

    async def close(self) -> None:
        """See `interfaces.Store.close`."""

    def healthy(self) -> bool:
        """See `interfaces.Store.healthy`."""
        return True

    def flushes(self) -> int:
        """See `interfaces.Store.flushes`."""
        return 0
