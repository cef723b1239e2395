"""A profile's history as its tables hold it, read with plain queries that share nothing with the export's.

What a backup forgets both sides of a comparison would forget, if both asked as the export does.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from letterlock.messaging.attachments import AttachmentChunks, plan
from letterlock.messaging.content import Attachment
from letterlock_client.config import Places
from letterlock_client.storage.database import Database, Reader

DAY_MS = 86_400_000

Rows: TypeAlias = list[dict[str, Any]]

CONTACT = (
    "account handle handle_entry root_key list_certificate device_list list_epoch list_version list_digest"
    " standing verified key_changed_at warning created known"
)
CHAT = "peer created timer_s timer_set_at muted draft listed"
MESSAGE = (
    "id author mine kind text width sent_at received_at delivery failure reply_to edited_at edits deleted"
    " view_once viewed timer_s expires_at unread"
)
FILE = "blob name media_type size width height duration_ms preview descriptor blob_expires"
"""Everything but rows, change numbers, when receipts came, and where the bytes lie: those are one terminal's own."""


@dataclass
class History:
    """All that a person would miss."""

    contacts: Rows
    chats: Rows
    messages: Rows
    """In their order; each with its chat, earlier texts, reactions, and file with its bytes."""
    settings: list[tuple[str, bytes]]

    def shall_come_back(self, now: int) -> "History":
        """Leave out the messages that may not outlive this terminal, or not by a day."""
        return History(
            self.contacts,
            self.chats,
            [each for each in self.messages if not is_fleeting(each, now)],
            self.settings,
        )

    def fields(self) -> dict[str, set[Any]]:
        """Say which values each field has here, somewhere."""
        found: dict[str, set[Any]] = {}
        for kind in ("contacts", "chats", "messages"):
            for row in getattr(self, kind):
                for name, value in row.items():
                    found.setdefault(f"{kind}.{name}", set()).add(value)
        return found


def is_fleeting(message: dict[str, Any], now: int) -> bool:
    return bool(
        message["view_once"]
        or 0 < message["expires_at"] <= now + DAY_MS
        or 0 < message["timer_s"] * 1000 < DAY_MS
    )


async def read_history(database: Database, places: Places) -> History:
    """Read everything, files too."""

    async def read(reader: Reader) -> History:
        return History(
            await _table(reader, CONTACT, "contact", "ORDER BY account"),
            await _table(reader, CHAT, "conversation", "ORDER BY peer"),
            [
                await _message(reader, *row)
                for row in await reader.all("SELECT row FROM message ORDER BY row")
            ],
            [
                (str(name), bytes(value))
                for name, value in await reader.all("SELECT name, value FROM fact ORDER BY name")
                if name == "settings"
            ],
        )

    found = await database.read(read)
    for message in found.messages:
        if message["file.path"]:
            path = places.attachments / message["file.path"]
            message["file.bytes"] = await asyncio.to_thread(_opened, path, message["file.descriptor"])
        del message["file.path"]
    return found


async def _table(reader: Reader, columns: str, table: str, rest: str, *parameters: object) -> Rows:
    names = columns.split()
    rows = await reader.all(f"SELECT {', '.join(names)} FROM {table} {rest}", *parameters)
    return [dict(zip(names, row, strict=True)) for row in rows]


async def _message(reader: Reader, row: int) -> dict[str, Any]:
    (found,) = await _table(reader, MESSAGE, "message", "WHERE row = ?", row)
    found["chat"] = await reader.value(
        "SELECT peer FROM conversation WHERE id = (SELECT conversation FROM message WHERE row = ?)", row
    )
    found["earlier"] = tuple(
        await reader.all("SELECT written_at, text FROM edit WHERE message = ? ORDER BY written_at", row)
    )
    found["reactions"] = tuple(
        await reader.all("SELECT author, emoji, at FROM reaction WHERE message = ? ORDER BY author", row)
    )
    found["unread of a newer version"] = await reader.value(
        "SELECT value FROM fact WHERE name = ?", f"unknown:{found['id'].hex()}"
    )
    files = await _table(reader, f"{FILE} path", "attachment", "WHERE message = ?", row)
    for name in (*FILE.split(), "path", "bytes"):
        found[f"file.{name}"] = files[0].get(name) if files else None
    return found


def _opened(path: Path, descriptor: bytes) -> bytes:
    """Open a sealed file that lies in a profile."""
    said = msgspec.msgpack.decode(descriptor, type=Attachment)
    cut = plan(said.size, said.chunk_bytes)
    chunks = AttachmentChunks(said.key, cut)
    raw = path.read_bytes()
    return b"".join(
        chunks.open(index, raw[cut.sealed_offset(index) :][: cut.sealed_bytes(index)])
        for index in range(cut.chunks)
    )


def seal_file(path: Path, key: bytes, content: bytes) -> None:
    """Put a file where a profile keeps it."""
    cut = plan(len(content))
    chunks = AttachmentChunks(key, cut)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"".join(
            chunks.seal(index, content[cut.content_offset(index) :][: cut.content_bytes(index)])
            for index in range(cut.chunks)
        )
    )
