"""A profile that a release wrote is read for ever: the first, and the one that made pages larger."""

import shutil
from pathlib import Path

import pytest

from letterlock.backup.columns import expand
from letterlock.backup.records import MessageRecord, pack_batch, read_batch
from letterlock.ids import DeviceId
from letterlock_client.config import NO_PASSPHRASE, Home, Places
from letterlock_client.models import Delivery, Reaction
from letterlock_client.storage import (
    backup_rows,
    backup_state,
    conversations,
    identity,
    keyring,
    messages,
    outbox,
    prekeys,
    sessions,
)
from letterlock_client.storage.database import Database, Reader
from tests.client.storage.chat import BOB, CHAT, KEY, message
from tests.client.storage.recording import PICTURE, ROOT_SEED
from tests.client.storage.test_confidential import OWN

RECORDED = Path(__file__).parents[2] / "recorded"
PAGE_BYTES = {"profile": 4096, "profile-2": 8192}
"""Each recorded profile, and how it is sealed."""


@pytest.fixture(params=PAGE_BYTES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def places(tmp_path: Path, name: str) -> Places:
    places = Home.at(tmp_path).profile("recorded")
    places.make()
    shutil.copy(RECORDED / name / "keys", places.key_file)
    shutil.copy(RECORDED / name / "messages.db", places.database)
    return places


async def test_a_recorded_profile_opens_and_goes_on(places: Places) -> None:
    assert await keyring.open_root_seed(places, NO_PASSPHRASE) == ROOT_SEED
    key = await keyring.open_database_key(places, NO_PASSPHRASE)
    async with await Database.open(places.database, key) as database:
        await database.read(check)
        assert await database.write(lambda tx: messages.add(tx, message(3)))
        assert await database.write(lambda tx: prekeys.next_id(tx, 1)) == 2
        own = message(2).id
        assert await database.write(lambda tx: messages.set_delivery(tx, own, Delivery.DELIVERED, at=9))
        told = await database.read(lambda reader: messages.get(reader, own))
        assert told is not None
        assert (told.delivered_at, told.read_at) == (9, 0)


async def test_what_a_release_sealed_stays_as_it_is(places: Places, name: str) -> None:
    key = await keyring.open_database_key(places, NO_PASSPHRASE)
    for _ in range(2):
        async with await Database.open(places.database, key) as database:
            assert int(await database.write(lambda tx: tx.value("PRAGMA page_size"))) == PAGE_BYTES[name]
            assert (
                int(await database.read(lambda reader: reader.value("PRAGMA page_size"))) == PAGE_BYTES[name]
            )


async def test_a_new_profile_has_the_larger_pages(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "messages.db", KEY) as database:
        assert int(await database.read(lambda reader: reader.value("PRAGMA page_size"))) == 8192


async def check(reader: Reader) -> None:
    assert await identity.load(reader) == OWN
    assert await sessions.load(reader, BOB, DeviceId(1)) == b"session"
    first, second = await messages.last(reader, CHAT, 10)
    assert (first.text, first.attachment) == ("first", PICTURE)
    assert (second.text, second.edits, second.reactions) == ("second, mended", 1, (Reaction(BOB, "+"),))
    assert (second.delivered_at, second.read_at) == (0, 0)
    (waiting,) = await outbox.waiting(reader)
    assert (waiting.sealed, waiting.message) == (((DeviceId(1), b"sealed"),), second.id)
    chat = await conversations.get(reader, CHAT)
    assert chat is not None
    assert (chat.unread, chat.first_unread) == (1, first.id)


async def test_a_recorded_profile_can_be_backed_up_whole(places: Places) -> None:
    key = await keyring.open_database_key(places, NO_PASSPHRASE)
    async with await Database.open(places.database, key) as database:
        top = await database.read(backup_rows.top)
        batch = await database.read(
            lambda reader: backup_rows.changed(reader, 0, top, now=0, owner=OWN.account)
        )
        plain = [batch.plain.record()] if batch.plain.count else []
        records = expand(read_batch(pack_batch([*batch.rest, *batch.messages, *plain])))
        texts = {each.text for each in records if isinstance(each, MessageRecord)}
        assert texts == {"first", "second, mended"}
        assert await database.write(lambda tx: messages.add(tx, message(3)))
        # The counting goes on where that release left it.
        assert await database.read(backup_rows.top) == top + 1
        assert await database.read(backup_state.load) is None
