"""What must not be seen: no text or key on disk or in a log, no secret in a repr, no file for others."""

import dataclasses
import logging
import os
import stat
from pathlib import Path

import pytest

from letterlock.ids import BlobId, DeviceId, EnvelopeId, MessageId
from letterlock_client.config import NO_PASSPHRASE, Home, Unlock
from letterlock_client.models import Attachment, Message, TransferState
from letterlock_client.storage import (
    attachments,
    conversations,
    identity,
    keyring,
    messages,
    prekeys,
    sessions,
)
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.database import Database, Transaction
from letterlock_client.storage.identity import OwnIdentity, SealingKey
from letterlock_client.storage.keyring import KeyFile, Lock
from letterlock_client.storage.outbox import Original, Outgoing
from letterlock_client.storage.prekeys import StoredPrekey
from tests.client.storage.chat import BOB, CHAT, KEY, make_chat, message

CANARY = "canary-4711-sings"
SECRET = CANARY.encode()
OWN = OwnIdentity(
    account=BOB,
    handle="alice",
    relay="wss://relay",
    insecure=False,
    device=DeviceId(1),
    root_public=b"p" * 32,
    list_certificate=b"c",
    device_list=b"l",
    handle_entry=b"h",
    list_seed=SECRET,
    identity_seed=SECRET,
    agreement_private=SECRET,
    sealing_private=SECRET,
    invite=CANARY,
)
PICTURE = Attachment(BlobId(bytes(16)), "a.png", "image/png", 1, TransferState.REMOTE, preview=SECRET)
HOLDERS = [
    OWN,
    SealingKey(SECRET, 1),
    StoredPrekey(1, 1, SECRET, 1),
    PICTURE,
    StoredAttachment(MessageId(bytes(16)), PICTURE, SECRET, "", upload=False),
    Outgoing(EnvelopeId(bytes(16)), BOB, 1, 1, ((DeviceId(1), SECRET),), "text", 1),
    Original(MessageId(bytes(16)), BOB, SECRET, "text", 1),
    Unlock(CANARY),
    Lock(None, SECRET),
    KeyFile(Lock(None, SECRET), b"", b""),
    message(1, text=CANARY),
]


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda each: type(each).__name__)
def test_no_repr_shows_a_secret(holder: object) -> None:
    assert dataclasses.is_dataclass(holder)
    for shown in (repr(holder), str(holder), f"{holder!r}", repr([holder])):
        assert CANARY not in shown
        assert SECRET.hex() not in shown


async def fill(tx: Transaction) -> None:
    await make_chat(tx)
    await identity.save(tx, OWN, 1)
    await sessions.save(tx, BOB, DeviceId(1), SECRET, 1)
    await prekeys.add(tx, [StoredPrekey(1, 1, SECRET, 1)])
    await conversations.set_draft(tx, CHAT, CANARY)
    await messages.add(tx, message(1, text=CANARY * 100))
    await attachments.add(tx, StoredAttachment(message(1).id, PICTURE, SECRET, CANARY, upload=True))


async def test_nothing_readable_stands_in_database_or_journal(path: Path) -> None:
    async with await Database.open(path, KEY) as database:
        await database.write(fill)
        await database.write(lambda tx: messages.edit(tx, message(1).id, CANARY + "!", 10**6))
        files = list(path.parent.iterdir())
        assert path.with_name(path.name + "-wal") in files
        check(files)
    check(list(path.parent.iterdir()))


def check(files: list[Path]) -> None:
    for file in files:
        raw = file.read_bytes()
        assert SECRET not in raw
        assert KEY not in raw
        assert b"SQLite format" not in raw
        assert b"CREATE TABLE" not in raw


async def test_only_the_owner_may_read_what_is_stored(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        places = Home.at(tmp_path / "home").profile("alice")
        places.make()
        key = await keyring.create(places, NO_PASSPHRASE, root_seed=bytes(32), random=os.urandom)
        async with await Database.open(places.database, key) as database:
            await database.write(fill)
            names = {each.name for each in places.folder.iterdir()}
            assert {"messages.db", "messages.db-wal", "keys", "attachments"} <= names
            for each in places.folder.rglob("*"):
                assert stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600), each
            for folder in (places.folder, places.folder.parent, places.logs):
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    finally:
        os.umask(old)


async def test_no_log_at_any_level_holds_text_or_keys(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with await Database.open(path, KEY) as database:
        await database.write(fill)
        await database.read(lambda reader: messages.get(reader, message(1).id))
    assert CANARY not in caplog.text
    assert KEY.hex() not in caplog.text


async def test_nothing_is_written_to_the_terminal_by_a_wrong_key(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with await Database.open(path, KEY):
        pass
    with pytest.raises(Exception, match="damaged"):
        await Database.open(path, bytes(32))
    assert capfd.readouterr() == ("", "")


async def test_what_was_deleted_is_overwritten_in_the_pages_too(database: Database) -> None:
    await database.write(fill)
    assert await database.read(lambda reader: reader.value("PRAGMA secure_delete")) in (0, 1)
    assert await database.write(lambda tx: tx.value("PRAGMA secure_delete")) == 1


def test_messages_have_no_key_of_an_attachment() -> None:
    assert {field.name for field in dataclasses.fields(Message)}.isdisjoint({"descriptor", "path", "key"})
