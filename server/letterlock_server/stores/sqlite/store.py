"""The relay's store in one SQLite file and a folder beside it.

Answers to changes mean a finished flush (`synchronous = FULL`); see `writer`. Must not know frames.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from letterlock.ids import AccountId
from letterlock_server.limits import Rule
from letterlock_server.stores.interfaces import (
    AccountRecord,
    Copy,
    Done,
    Kept,
    Listing,
    Numbers,
    PrekeysLeft,
    PrekeyUpload,
    StoreError,
    TakenBundle,
)
from letterlock_server.stores.sqlite import directory, mail
from letterlock_server.stores.sqlite.blobs import SqliteBlobs
from letterlock_server.stores.sqlite.locking import lock
from letterlock_server.stores.sqlite.reader import Reader
from letterlock_server.stores.sqlite.writer import Writer

DEFAULT_BLOB_BYTES: Final = 256 * 1024**3


class SqliteAccounts:
    """See `interfaces.Accounts`."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    async def find(self, account: AccountId) -> AccountRecord | None:
        """See `interfaces.Accounts.find`."""
        rows = await self._reader.rows(directory.RECORD + "account = ?", account)
        return directory.record(rows[0]) if rows else None

    async def find_handle(self, handle: str) -> AccountRecord | None:
        """See `interfaces.Accounts.find_handle`."""
        rows = await self._reader.rows(directory.RECORD + "handle = ?", handle)
        return directory.record(rows[0]) if rows else None

    async def listing(self, account: AccountId) -> Listing | None:
        """See `interfaces.Accounts.listing`."""
        return directory.listing(account, await self._reader.rows(directory.LISTING, account))

    async def register(
        self, record: AccountRecord, numbers: Numbers, devices: Mapping[int, bytes]
    ) -> Listing:
        """See `interfaces.Accounts.register`."""
        return await self._writer.transact(
            partial(directory.register, new=record, numbers=numbers, devices=devices)
        )

    async def replace_list(
        self, record: AccountRecord, before: Numbers, numbers: Numbers, devices: Mapping[int, bytes]
    ) -> Listing:
        """See `interfaces.Accounts.replace_list`."""
        return await self._writer.transact(
            partial(directory.replace_list, new=record, before=before, numbers=numbers, devices=devices)
        )


class SqlitePrekeys:
    """See `interfaces.Prekeys`."""

    def __init__(self, writer: Writer, reader: Reader, rule: Rule) -> None:
        self._writer = writer
        self._reader = reader
        self._rule = rule

    async def put(self, mailbox: int, upload: PrekeyUpload, most: int) -> PrekeysLeft:
        """See `interfaces.Prekeys.put`."""
        return await self._writer.transact(
            partial(directory.put_prekeys, mailbox=mailbox, upload=upload, most=most)
        )

    async def count(self, mailbox: int) -> PrekeysLeft:
        """See `interfaces.Prekeys.count`."""
        return directory.left(await self._reader.rows(directory.LEFT, mailbox))

    async def take(self, mailbox: int, pair: bytes, now: int) -> TakenBundle | None:
        """See `interfaces.Prekeys.take`."""
        return await self._writer.transact(
            partial(directory.take_prekeys, mailbox=mailbox, pair=pair, rule=self._rule, now=now)
        )


class SqliteMailboxes:
    """See `interfaces.Mailboxes`."""

    def __init__(self, writer: Writer, reader: Reader, rule: Rule) -> None:
        self._writer = writer
        self._reader = reader
        self._rule = rule
        self._swept = 0

    def keep(self, copies: Sequence[Copy], done: Done) -> None:
        """See `interfaces.Mailboxes.keep`."""
        self._writer.keep(copies, done)

    def forget(self, mailbox: int, sequences: Sequence[int], done: Done) -> None:
        """See `interfaces.Mailboxes.forget`."""
        self._writer.forget(mailbox, sequences, done)

    async def page(self, mailbox: int, after: int, limit: int) -> list[Kept]:
        """See `interfaces.Mailboxes.page`."""
        return [Kept(*row) for row in await self._reader.rows(mail.PAGE, mailbox, after, limit)]

    async def held(self, mailbox: int) -> int:
        """See `interfaces.Mailboxes.held`."""
        return int((await self._reader.rows(mail.HELD, mailbox))[0][0])

    async def expire(self, before_ms: int, now: int) -> Mapping[int, int]:
        """See `interfaces.Mailboxes.expire`."""
        lost = await self._writer.transact(partial(mail.expire, before_ms=before_ms))
        self._swept = await self._writer.transact(partial(mail.forget_repeats, after=self._swept, now=now))
        await self._writer.transact(partial(directory.forget_budgets, rule=self._rule, now=now))
        return lost


class SqliteStore:
    """See `interfaces.Store`. The file is this process's own while the store is open."""

    def __init__(
        self, path: Path, *, now: Callable[[], int], prekeys: Rule, blob_bytes: int = DEFAULT_BLOB_BYTES
    ) -> None:
        self._path = path
        self._lock: int | None = None
        self._writer = Writer(str(path), now)
        self._reader = Reader(str(path))
        self.accounts = SqliteAccounts(self._writer, self._reader)
        self.prekeys = SqlitePrekeys(self._writer, self._reader, prekeys)
        self.mail = SqliteMailboxes(self._writer, self._reader, prekeys)
        folder = path.with_name(path.name + ".blobs")
        self.blobs = SqliteBlobs(folder, self._writer, self._reader, blob_bytes)
        self.secret = b""

    async def open(self) -> None:
        """See `interfaces.Store.open`."""
        self._lock = lock(self._path, "relay")
        try:
            await self._writer.open()
            await self._reader.open()
            await self.blobs.open()
        except StoreError:
            await self.close()
            raise
        self.secret = self._writer.secret

    async def close(self) -> None:
        """See `interfaces.Store.close`."""
        self.blobs.close()
        await self._reader.close()
        await self._writer.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def healthy(self) -> bool:
        """See `interfaces.Store.healthy`."""
        return self._writer.healthy()

    def flushes(self) -> int:
        """See `interfaces.Store.flushes`."""
        return self._writer.flushes
