"""Where each message's file stands: its keys, its place here, and how far its bytes have moved.

Must not know how chunks are sealed: `descriptor` is opaque and holds the keys.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from letterlock.errors import MisuseError
from letterlock.ids import BlobId, MessageId
from letterlock_client import models
from letterlock_client.models import TransferState
from letterlock_client.storage.database import Reader, Transaction

SHOWN: Final = (
    "blob, attachment.name, media_type, size, state, attachment.width, height, duration_ms, preview"
)
"""The columns of `models.Attachment`, in its order, for queries that join the table."""
_STORED: Final = "descriptor, path, upload, moved, sealed_size, blob_expires"
_SELECT: Final = (
    f"SELECT message.id, {SHOWN}, {_STORED} FROM attachment JOIN message ON message.row = attachment.message"
)


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """One message's file, with what never leaves the core."""

    message: MessageId
    shown: models.Attachment
    descriptor: bytes = field(repr=False)
    """What the message says about it: key, digest, sizes."""
    path: str
    """Its sealed bytes, within the profile's folder of attachments; "" before a download began."""
    upload: bool
    """Whether its bytes have still to go to the relay; they are all here then."""
    offset: int = 0
    """Sealed bytes that have moved."""
    sealed_size: int = 0
    blob_expires: int = 0
    """When the relay drops the blob, or 0 where it is not known."""


async def add(tx: Transaction, attachment: StoredAttachment) -> None:
    """Attach a file to a stored message, or replace all that is kept of one. Raises MisuseError without one."""
    shown = attachment.shown
    values = (
        shown.blob,
        shown.name,
        shown.media_type,
        shown.size,
        shown.state,
        shown.width,
        shown.height,
        shown.duration_ms,
        shown.preview,
        attachment.descriptor,
        attachment.path,
        attachment.upload,
        attachment.offset,
        attachment.sealed_size,
        attachment.blob_expires,
    )
    added = await tx.execute(
        "INSERT OR REPLACE INTO attachment (message, blob, name, media_type, size, state, width, height,"
        " duration_ms, preview, descriptor, path, upload, moved, sealed_size, blob_expires)"
        " SELECT row, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM message WHERE id = ?",
        *values,
        attachment.message,
    )
    if not added:
        raise MisuseError("a file belongs to a stored message")


async def get(reader: Reader, message: MessageId) -> StoredAttachment | None:
    """A message's file, or None."""
    row = await reader.one(f"{_SELECT} WHERE message.id = ?", message)
    return _attachment(row) if row else None


async def at(reader: Reader, row: int) -> StoredAttachment | None:
    """The file of the message in a row, or None."""
    found = await reader.one(f"{_SELECT} WHERE attachment.message = ?", row)
    return _attachment(found) if found else None


async def moved(tx: Transaction, message: MessageId, state: TransferState, offset: int) -> None:
    """So much of it has moved, and it now stands so."""
    await tx.execute(
        "UPDATE attachment SET state = ?, moved = ? WHERE message = (SELECT row FROM message WHERE id = ?)",
        state,
        offset,
        message,
    )


async def begin(tx: Transaction, message: MessageId, path: str) -> None:
    """Its bytes move from now on, to or from this path; the path is known before a byte lies there."""
    await tx.execute(
        "UPDATE attachment SET state = ?, path = ? WHERE message = (SELECT row FROM message WHERE id = ?)",
        TransferState.MOVING,
        path,
        message,
    )


async def uploaded(tx: Transaction, message: MessageId, blob_expires: int) -> None:
    """All its bytes are at the relay; what is here is our copy."""
    await tx.execute(
        "UPDATE attachment SET state = ?, upload = 0, moved = sealed_size, blob_expires = ?"
        " WHERE message = (SELECT row FROM message WHERE id = ?)",
        TransferState.HERE,
        blob_expires,
        message,
    )


@dataclass(frozen=True, slots=True)
class AbsentFile:
    """A file that is not here: the row of its message, its id, and what it says about the file."""

    row: int
    message: bytes
    descriptor: bytes = field(repr=False)


async def absent(reader: Reader) -> list[AbsentFile]:
    """Files that are not here and do not move, of the newest message first."""
    return await _absent(reader, "ORDER BY attachment.message DESC")


async def absent_above(reader: Reader, row: int, most: int) -> list[AbsentFile]:
    """The same of messages above a row, so many, of the oldest first."""
    return await _absent(reader, "AND attachment.message > ? ORDER BY attachment.message LIMIT ?", row, most)


async def _absent(reader: Reader, which: str, *parameters: int) -> list[AbsentFile]:
    rows = await reader.all(
        "SELECT message.row, message.id, descriptor FROM attachment JOIN message ON message.row = attachment.message"
        f" WHERE upload = 0 AND state IN ('remote', 'paused', 'gone') AND descriptor <> x'' {which}",
        *parameters,
    )
    return [AbsentFile(*row) for row in rows]


async def only_in_backup(reader: Reader) -> tuple[int, int]:
    """How many files a complete backup holds that are not here, and their bytes."""
    row = await reader.one(
        "SELECT count(*), coalesce(sum(size), 0) FROM attachment JOIN backup_media USING (message)"
        " WHERE upload = 0 AND state IN ('remote', 'paused', 'gone') AND descriptor <> x''"
    )
    return (int(row[0]), int(row[1])) if row else (0, 0)


async def in_backup(reader: Reader, message: MessageId) -> bool:
    """Say whether a complete backup holds this message's file."""
    found = await reader.value(
        "SELECT 1 FROM backup_media WHERE message = (SELECT row FROM message WHERE id = ?)", message
    )
    return found is not None


async def here_from_backup(reader: Reader) -> int:
    """How many files are here and in a complete backup."""
    count: int = await reader.value(
        "SELECT count(*) FROM backup_media JOIN attachment USING (message) WHERE state = ?",
        TransferState.HERE,
    )
    return count


async def arrived(tx: Transaction, files: Sequence[tuple[AbsentFile, str, int]]) -> list[bool]:
    """Files that were not here lie at these paths, whole, in so many sealed bytes.

    Return for each whether it is noted: not where its message is gone, or says another file now.
    """
    return await tx.run(partial(_arrived, files=files))


def _arrived(connection: sqlite3.Connection, files: Sequence[tuple[AbsentFile, str, int]]) -> list[bool]:
    return [
        connection.execute(
            "UPDATE attachment SET state = ?, path = ?, moved = ?, sealed_size = ?"
            " WHERE message = ? AND descriptor = ?",
            (TransferState.HERE, path, size, size, file.row, file.descriptor),
        ).rowcount
        == 1
        for file, path, size in files
    ]


async def settle(tx: Transaction) -> None:
    """After a start nobody runs a download: those that were running are paused."""
    await tx.execute(
        "UPDATE attachment SET state = ? WHERE state = ? AND upload = 0",
        TransferState.PAUSED,
        TransferState.MOVING,
    )


async def unfinished_uploads(reader: Reader) -> list[StoredAttachment]:
    """Uploads that should move (REMOTE or MOVING, not PAUSED), the oldest message first."""
    rows = await reader.all(
        f"{_SELECT} WHERE upload = 1 AND state IN ('remote', 'moving') ORDER BY attachment.message"
    )
    return [_attachment(row) for row in rows]


async def forget(tx: Transaction, message: MessageId) -> str:
    """Forget the keys, the preview and the place of a file (view-once was viewed); return its path here, or ""."""
    path = await tx.value(
        "SELECT path FROM attachment WHERE message = (SELECT row FROM message WHERE id = ?)", message
    )
    await tx.execute(
        "UPDATE attachment SET descriptor = x'', preview = x'', path = '', state = 'gone', moved = 0"
        " WHERE message = (SELECT row FROM message WHERE id = ?)",
        message,
    )
    return str(path or "")


async def paths(reader: Reader) -> set[str]:
    """Every path that is in use, so that strays of a crash can be swept."""
    return {path for (path,) in await reader.all("SELECT path FROM attachment WHERE path <> ''")}


def shown(row: tuple[Any, ...]) -> models.Attachment:
    """Read the columns of `SHOWN`."""
    blob, name, media_type, size, state, *rest = row
    return models.Attachment(BlobId(blob), name, media_type, size, TransferState(state), *rest)


def _attachment(row: tuple[Any, ...]) -> StoredAttachment:
    message, *rest = row
    descriptor, path, upload, offset, sealed_size, blob_expires = rest[9:]
    return StoredAttachment(
        message=MessageId(message),
        shown=shown(tuple(rest[:9])),
        descriptor=descriptor,
        path=path,
        upload=bool(upload),
        offset=offset,
        sealed_size=sealed_size,
        blob_expires=blob_expires,
    )
