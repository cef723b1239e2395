"""A synthetic history, the same for everyone: in a real profile, in a plain SQLite file, as lines of JSON, and files.

Texts are sentences of a fixed vocabulary with a fixed seed, so they compress as chats do.
"""

import asyncio
import hashlib
import json
import os
import random
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from letterlock.ids import AccountId, BlobId, ConversationId
from letterlock.messaging.attachments import AttachmentChunks, plan
from letterlock.messaging.content import Attachment, AttachmentKind
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.flows import onboarding
from letterlock_client.flows.announcing import Announcer
from letterlock_client.flows.onboarding import Application
from letterlock_client.flows.workplace import Workplace, load_own
from letterlock_client.models import Standing
from letterlock_client.storage import contacts, conversations, identity, keyring, search
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.database import Database, Transaction
from scripts.benchmarks.backup_subject import PROFILE

FORMS = ("sqlite", "lines", "files")
CHATS = 40
FILE_BYTES = 1_000_000
STEP = 50_000
_INSERT = (
    "INSERT INTO message (id, conversation, author, mine, kind, text, width, sent_at, received_at, delivery, failure,"
    " deleted, view_once, viewed, timer_s, expires_at, unread)"
    " VALUES (?, (SELECT id FROM conversation WHERE peer = ?), ?, ?, 'text', ?, ?, ?, ?, ?, '', 0, 0, 0, 0, 0, 0)"
)


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    number: int
    id: bytes
    peer: bytes
    mine: bool
    text: str
    at: int


def peer(number: int) -> ConversationId:
    """The account behind a chat."""
    return ConversationId(hashlib.sha256(b"peer %d" % number).digest()[:20])


def said(numbers: range) -> Iterator[Said]:
    """Messages, the same for the same numbers, of chats that are the busier the lower their number."""
    words = _vocabulary()
    dice = random.Random(numbers.start)
    start = 1_700_000_000_000
    for number in numbers:
        text = " ".join(dice.choices(words, k=dice.randint(3, 16)))
        chat = min(dice.randrange(CHATS), dice.randrange(CHATS))
        at = start + number * 30_011
        yield Said(number, dice.randbytes(16), peer(chat), dice.random() < 0.5, text, at)


def _vocabulary() -> list[str]:
    dice = random.Random(7)
    letters = "eeeeaaaiiooutttnnnsssrrrhhlldcmfpgwybvk"
    some = ["".join(dice.choices(letters, k=dice.randint(2, 9))) for _ in range(4000)]
    # A few words make up most of what people say.
    return [word for place, word in enumerate(some) for _ in range(1 + 400 // (place + 1))]


def file_bytes(number: int) -> bytes:
    """A file that does not compress, as pictures do not."""
    return random.Random(number).randbytes(FILE_BYTES - number % 1000)


class Histories:
    """One history in every form, in one folder; each can grow."""

    def __init__(self, folder: Path) -> None:
        self.home = Home.at(folder / "profile")
        self.sqlite, self.lines, self.files = (folder / name for name in FORMS)

    def begin(self) -> None:
        """Make them, empty."""
        for place in (self.sqlite, self.lines, self.files):
            place.mkdir(parents=True)
        with sqlite3.connect(self.sqlite / "messages.db") as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(
                "CREATE TABLE message (row INTEGER PRIMARY KEY, id UNIQUE, peer, mine, text, at)"
            )
            connection.execute("CREATE INDEX timeline ON message (peer, row)")
        asyncio.run(make_profile(self.home))

    def grow(self, messages: range, files: range) -> None:
        """Add the messages and files of these numbers."""
        asyncio.run(self._grow_profile(messages, files))
        with (
            (self.lines / "messages.jsonl").open("a") as lines,
            sqlite3.connect(self.sqlite / "messages.db") as connection,
        ):
            for each in said(messages):
                fields = (each.id.hex(), each.peer.hex(), each.mine, each.text, each.at)
                lines.write(
                    json.dumps(dict(zip(("id", "chat", "mine", "text", "at"), fields, strict=True))) + "\n"
                )
                connection.execute(
                    "INSERT INTO message (id, peer, mine, text, at) VALUES (?, ?, ?, ?, ?)",
                    (each.id, each.peer, *fields[2:]),
                )
        with sqlite3.connect(self.sqlite / "messages.db") as connection:
            connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")
        for number in files:
            (self.files / f"{number}.bin").write_bytes(file_bytes(number))

    async def _grow_profile(self, messages: range, files: range) -> None:
        places = self.home.profile(PROFILE)
        key = await keyring.open_database_key(places, NO_PASSPHRASE)
        async with await Database.open(places.database, key) as database:
            owner = await database.read(lambda reader: reader.value("SELECT account FROM identity"))
            sent = 0
            for first in range(messages.start, messages.stop, STEP):
                some = list(said(range(first, min(first + STEP, messages.stop))))
                rows = [_row(each, owner) for each in some]
                await database.write(lambda tx, rows=rows: tx.many(_INSERT, rows))  # type: ignore[misc]
                # People send files all along.
                share = len(files) * (some[-1].number + 1 - messages.start) // len(messages)
                for number in files[sent:share]:
                    await database.write(
                        lambda tx, number=number, at=some[-1].at: _attach(tx, places.attachments, number, at)  # type: ignore[misc]
                    )
                sent = share
            while await database.write(search.catch_up):
                pass


@asynccontextmanager
async def open_place(home: Home) -> AsyncIterator[Workplace]:
    """Open the profile without any of its tasks."""
    places = home.profile(PROFILE)
    key = await keyring.open_database_key(places, NO_PASSPHRASE)
    async with await Database.open(places.database, key) as database:
        place = Workplace(database, places, Announcer(), lambda: time.time_ns() // 1_000_000, os.urandom)
        if await database.read(identity.load) is not None:
            place.own = await database.read(load_own)
        yield place


async def make_empty_profile(home: Home) -> None:
    """Make a profile in which nobody has lived, as a restore does."""
    places = home.profile(PROFILE)
    places.make()
    await keyring.create(places, NO_PASSPHRASE, root_seed=os.urandom(32), random=os.urandom)


async def make_profile(home: Home) -> None:
    """Make a profile with contacts and chats that no relay has heard of."""
    places = home.profile(PROFILE)
    places.make()
    root = os.urandom(32)
    key = await keyring.create(places, NO_PASSPHRASE, root_seed=root, random=os.urandom)
    async with await Database.open(places.database, key) as database:
        place = Workplace(database, places, Announcer(), lambda: time.time_ns() // 1_000_000, os.urandom)
        await onboarding.begin(place, root, Application("bench", "wss://relay.invalid", False, ""))

        async def work(tx: Transaction) -> None:
            await tx.execute("UPDATE identity SET registered = 1")
            for number in range(CHATS):
                account = AccountId(peer(number))
                await contacts.save(
                    tx,
                    StoredContact(
                        account, f"peer{number}", b"", bytes(32), b"", b"", 1, 1, bytes(32), Standing.ACCEPTED
                    ),
                )
                await conversations.ensure(tx, ConversationId(account), 0)

        await database.write(work)


def _row(each: Said, owner: bytes) -> tuple[Any, ...]:
    delivery, author = ("read", owner) if each.mine else ("none", each.peer)
    return (each.id, each.peer, author, each.mine, each.text, len(each.text), each.at, each.at, delivery)


async def _attach(tx: Transaction, folder: Path, number: int, at: int) -> None:
    """Put a file into the profile as a picture that came: sealed, and with all that the database says of it."""
    body = file_bytes(number)
    message = os.urandom(16)
    cut = plan(len(body))
    content = Attachment(
        kind=AttachmentKind.IMAGE,
        blob=BlobId(os.urandom(16)),
        key=os.urandom(32),
        digest=hashlib.sha256(body).digest(),
        size=len(body),
        sealed_size=cut.sealed_size,
        name=f"{number}.png",
        media_type="image/png",
    )
    path = Path(message.hex()) / "sealed"
    (folder / path).parent.mkdir(parents=True)
    chunks = AttachmentChunks(content.key, cut)
    spans = [(cut.content_offset(i), cut.content_bytes(i)) for i in range(cut.chunks)]
    (folder / path).write_bytes(
        b"".join(chunks.seal(i, body[at : at + size]) for i, (at, size) in enumerate(spans))
    )
    await tx.execute(_INSERT, message, peer(0), peer(0), False, "", 0, at, at, "none")
    await tx.execute(
        "INSERT INTO attachment (message, blob, name, media_type, size, state, width, height, duration_ms, preview,"
        " descriptor, path, upload, moved, sealed_size, blob_expires)"
        " SELECT row, ?, ?, 'image/png', ?, 'here', 640, 480, 0, x'', ?, ?, 0, ?, ?, 0 FROM message WHERE id = ?",
        content.blob,
        content.name,
        content.size,
        msgspec.msgpack.encode(content),
        str(path),
        cut.sealed_size,
        cut.sealed_size,
        message,
    )


def main() -> None:
    """Grow the histories of a folder by messages and files, from one number to another; make them where none are."""
    histories = Histories(Path(sys.argv[1]))
    first, end, first_file, end_file = map(int, sys.argv[2:])
    if not histories.files.exists():
        histories.begin()
    histories.grow(range(first, end), range(first_file, end_file))


if __name__ == "__main__":
    main()
