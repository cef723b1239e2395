"""The client's database with a million messages: opening, timeline, pages, chat list, storing one."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from letterlock.ids import AccountId, ConversationId, MessageId
from letterlock_client.models import Delivery, Message, MessageKind, Standing
from letterlock_client.storage import contacts, conversations, kept_files, messages
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.database import Database, Reader, Transaction
from scripts.benchmarks.row import Row

KEY = bytes(range(32))
PEER = ConversationId(bytes(20))
TEXT = "The quick brown fox jumps over the lazy dog, and then it rests for a while."


def rows(quick: bool) -> Iterator[Row]:
    """Measure a chat of a million messages (`quick`: of a hundred thousand)."""
    count = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "messages.db"
        asyncio.run(fill(path, count))
        ours = asyncio.run(measure(path, count))
        theirs = plain(Path(folder) / "plain.db", count)
    for name, seconds in ours.items():
        rival = theirs.get(name)
        yield Row(
            name=f"{name}, {count:,} messages",
            unit="ms",
            ours=seconds * 1000,
            theirs=None if rival is None else rival * 1000,
            rival="" if rival is None else "sqlite3, rows, unencrypted",
            ratio=None if rival is None else seconds / rival,
            goal="< 500 ms" if name == "timeline, cold" else "",
            met=seconds < 0.5 if name == "timeline, cold" else None,
        )


async def fill(path: Path, count: int) -> None:
    """Make the chat, and its messages in large transactions through the schema's own triggers."""
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        for start in range(0, count, 50_000):
            rows = [row(number) for number in range(start, min(count, start + 50_000))]

            async def work(tx: Transaction, rows: list[tuple[Any, ...]] = rows) -> None:
                await tx.many(
                    "INSERT INTO message (id, conversation, author, mine, kind, text, width, sent_at, received_at,"
                    " delivery, failure, deleted, view_once, viewed, timer_s, expires_at, unread)"
                    " VALUES (?, 1, ?, ?, 'text', ?, ?, ?, ?, ?, '', 0, 0, 0, 0, 0, 0)",
                    rows,
                )

            await database.write(work)


async def attach_files(tx: Transaction, count: int) -> None:
    """Make every tenth message a picture whose file lies here, with a small one."""
    await tx.execute("UPDATE message SET kind = 'image' WHERE row % 10 = 0")
    await tx.many(
        "INSERT INTO attachment (message, blob, name, media_type, size, state, width, height, duration_ms, preview,"
        " descriptor, path, upload, moved, sealed_size, blob_expires)"
        " VALUES (?, ?, 'a.jpg', 'image/jpeg', 2000000, 'here', 96, 96, 0, ?, ?, 'a/sealed', 0, 2000100, 2000100, 0)",
        [(row, bytes(16), bytes(1500), bytes(200)) for row in range(10, count + 1, 10)],
    )


async def make_chat(tx: Transaction) -> None:
    """One accepted contact and its chat."""
    key = bytes(32)
    contact = StoredContact(AccountId(PEER), "bob", b"", key, b"", b"", 1, 1, key, Standing.ACCEPTED)
    await contacts.save(tx, contact)
    await conversations.ensure(tx, PEER, 0)


def row(number: int) -> tuple[Any, ...]:
    """The values of one message, each with another width."""
    text = TEXT[: 8 + number % 60]
    mine = number % 2
    delivery = "read" if mine else "none"
    return (number.to_bytes(16), PEER, mine, text, len(text), number * 1000, number * 1000, delivery)


async def measure(path: Path, count: int) -> dict[str, float]:
    """Seconds for each thing that a person waits for."""
    started = time.perf_counter()
    async with await Database.open(path, KEY) as database:
        opened = time.perf_counter() - started
        middle = range(count // 2, count // 2 + 256)
        numbers = iter(range(count, count + 10_000))
        found = {
            "open": opened,
            "timeline, cold": await best(database, lambda r: messages.timeline(r, PEER), tries=1),
            "timeline": await best(database, lambda r: messages.timeline(r, PEER)),
            "page of 256": await best(database, lambda r: messages.page(r, PEER, middle)),
            "last 50": await best(database, lambda r: messages.last(r, PEER, 50)),
            "chat list": await best(database, lambda r: conversations.every(r, Standing.ACCEPTED)),
            "store one": min([await store(database, next(numbers)) for _ in range(200)]),
        }
        await database.write(lambda tx: attach_files(tx, count))
        return found | {"files by kind and chat": await best(database, kept_files.sums)}


async def best(database: Database, work: Callable[[Reader], Awaitable[Any]], tries: int = 3) -> float:
    """Seconds for the fastest of some reads."""
    seconds = []
    for _ in range(tries):
        started = time.perf_counter()
        await database.read(work)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


async def store(database: Database, number: int) -> float:
    """Seconds for one message in a transaction of its own, on disk."""
    message = Message(
        MessageId(number.to_bytes(16)),
        PEER,
        AccountId(PEER),
        False,
        MessageKind.TEXT,
        TEXT,
        0,
        0,
        Delivery.NONE,
    )
    started = time.perf_counter()
    await database.write(lambda tx: messages.add(tx, message, unread=True))
    return time.perf_counter() - started


def plain(path: Path, count: int) -> dict[str, float]:
    """The same rows in an unencrypted database, read and written without a thread between."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE message (row INTEGER PRIMARY KEY, conversation, id UNIQUE, text, width)")
    connection.execute("CREATE INDEX timeline ON message (conversation, row, width)")
    insert = "INSERT INTO message (conversation, id, text, width) VALUES (1, ?, ?, ?)"
    connection.execute("BEGIN")
    values = (row(number) for number in range(count))
    connection.executemany(insert, ((each[0], each[3], each[4]) for each in values))
    connection.execute("COMMIT")
    started = time.perf_counter()
    connection.execute("SELECT row, width FROM message WHERE conversation = 1 ORDER BY row").fetchall()
    results = {"timeline": time.perf_counter() - started}
    single = []
    for number in range(count, count + 200):
        started = time.perf_counter()
        connection.execute(insert, (number.to_bytes(16), TEXT, len(TEXT)))
        single.append(time.perf_counter() - started)
    connection.close()
    return results | {"store one": min(single)}
