"""The store's reading connection: its own, so that nobody's transaction is ever seen half done.

Must not know what is read.
"""

import sqlite3
from typing import Any

import aiosqlite

from letterlock_server.stores.interfaces import StoreError


class Reader:
    """Runs one SELECT at a time, in order, on a thread of its own."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: aiosqlite.Connection | None = None

    async def open(self) -> None:
        """Open the file for reading. Raises StoreError."""
        try:
            self._connection = await aiosqlite.connect(self._path, isolation_level=None)
            await self._connection.execute("PRAGMA query_only = ON")
        except sqlite3.Error as error:
            await self.close()
            raise StoreError(f"the store {self._path} cannot be read: {error}") from error

    async def close(self) -> None:
        """Let go of the file and the thread; a connection left open would keep the process alive."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()

    async def rows(self, sql: str, *parameters: object) -> list[Any]:
        """Return all rows of a SELECT. Raises StoreError."""
        if self._connection is None:
            raise StoreError("the store is closed")
        try:
            return list(await self._connection.execute_fetchall(sql, parameters))
        except sqlite3.Error as error:
            raise StoreError("the store cannot be read now") from error
