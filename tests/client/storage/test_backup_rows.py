"""What leaves the database for a backup, and what comes back: the same history, and nothing that had to go."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from letterlock.backup.columns import MAX_TEXT_BYTES, compact, expand
from letterlock.backup.records import (
    ContactRecord,
    ConversationRecord,
    MessageRecord,
    PlainMessages,
    Record,
    TombstoneRecord,
    pack_batch,
    read_batch,
)
from letterlock.ids import AccountId, BlobId, ConversationId, MessageId
from letterlock_client.models import (
    Attachment,
    Delivery,
    Listed,
    MessageKind,
    Settings,
    Standing,
    TransferState,
)
from letterlock_client.storage import (
    attachments,
    backup_import,
    backup_rows,
    contacts,
    conversations,
    inspections,
    message_import,
    messages,
    search,
    settings,
)
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.backup_import import Order
from letterlock_client.storage.database import Database, Transaction
from letterlock_client.storage.plain_import import ReadyColumns
from tests.client.storage.chat import BOB, CHAT, KEY, ME, contact, make_chat, message

NOW = 1_764_000_000_000
DAY = 86_400_000
CAROL = AccountId(b"c" * 20)
PICTURE = Attachment(BlobId(b"p" * 16), "a.png", "image/png", 10, TransferState.HERE, 3, 4, 0, b"preview")


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "other.db", KEY) as database:
        yield database


async def read_all(database: Database, above: int = 0, most: int = 3) -> list[Record]:
    """Every record above a change number, through the bytes of a segment."""
    found: list[Record] = []
    limit = await database.read(backup_rows.top)
    while True:
        batch = await database.read(
            partial(backup_rows.changed, above=above, limit=limit, now=NOW, owner=ME, most=most)
        )
        plain = [batch.plain.record()] if batch.plain.count else []
        found += expand(read_batch(pack_batch([*batch.rest, *batch.messages, *plain])))
        above = batch.upto
        if batch.last:
            return found


async def put(database: Database, records: list[Record], now: int = NOW) -> backup_import.Imported:
    return await database.write(lambda tx: backup_import.take(tx, records, now))


async def shown(database: Database) -> object:
    """All that a person sees of one chat."""
    return (
        await database.read(contacts.every),
        await database.read(lambda reader: messages.last(reader, CHAT, 1000)),
        await database.read(settings.load),
        await database.read(lambda reader: conversations.timer(reader, CHAT)),
        await database.read(lambda reader: conversations.get(reader, CHAT)),
    )


async def fill(tx: Transaction) -> None:
    await make_chat(tx)
    await conversations.set_timer(tx, CHAT, 604_800, 7)
    await conversations.set_listed(tx, CHAT, Listed.PINNED)
    for number in range(1, 8):
        await messages.add(tx, message(number, mine=number % 2 == 0), unread=number == 7)
    for number in (2, 4, 6):
        await messages.set_delivery(tx, message(number).id, Delivery.ACCEPTED)
    await messages.edit(tx, message(2).id, "second, mended", 10**6)
    await messages.react(tx, message(2).id, BOB, "👍", 5)
    await messages.react(tx, message(2).id, ME, "", 6)
    await attachments.add(
        tx, StoredAttachment(message(3).id, PICTURE, b"descriptor", "somewhere", upload=False)
    )
    await messages.blank(tx, message(4).id)
    await messages.remove(tx, message(5).id)
    await settings.save(tx, Settings(typing=False))


@pytest.mark.parametrize("changed", [[1, 2, 3], [1, 40]], ids=["close together", "far apart"])
async def test_what_belongs_to_a_message_leaves_with_it_and_no_other(
    database: Database, changed: list[int]
) -> None:
    async def add(tx: Transaction) -> None:
        await make_chat(tx)
        for number in range(1, 41):
            await messages.add(tx, message(number))
            await messages.react(tx, message(number).id, BOB, str(number), 5)

    async def change(tx: Transaction) -> None:
        for number in changed:
            await messages.edit(tx, message(number).id, "mended", 10**6)

    await database.write(add)
    above = await database.read(backup_rows.top)
    await database.write(change)
    found = [each for each in await read_all(database, above, most=50) if isinstance(each, MessageRecord)]
    assert [each.id for each in found] == [message(number).id for number in changed]
    assert [[one.emoji for one in each.reactions or ()] for each in found] == [
        [str(each)] for each in changed
    ]
    assert [len(each.edits or ()) for each in found] == [1] * len(changed)


async def test_a_history_comes_back_as_it_was(database: Database, other: Database) -> None:
    await database.write(fill)
    done = await put(other, await read_all(database))
    assert done.messages == 6
    before, after = await shown(database), await shown(other)
    # Its bytes are not here yet; all else is.
    here = await database.read(lambda reader: attachments.get(reader, message(3).id))
    there = await other.read(lambda reader: attachments.get(reader, message(3).id))
    assert here is not None
    assert there is not None
    assert (there.descriptor, there.path, there.shown.state) == (b"descriptor", "", TransferState.REMOTE)
    assert repr(after).replace("'remote'", "'here'").replace("REMOTE", "HERE") == repr(before)
    assert await other.read(lambda reader: inspections.earlier_texts(reader, message(2).id)) == ["message 2"]


async def test_a_relay_that_promises_to_keep_a_file_for_ever_stops_no_backup(database: Database) -> None:
    """The wire takes one number more than a record holds."""
    await database.write(fill)
    await database.write(lambda tx: attachments.uploaded(tx, message(3).id, 2**53))
    (kept,) = [
        each for each in await read_all(database) if isinstance(each, MessageRecord) and each.attachment
    ]
    assert kept.attachment is not None
    assert kept.attachment.blob_expires == 2**53 - 1


@pytest.mark.parametrize("descriptor", [b"descriptor", b"another file"])
async def test_a_file_that_is_here_is_not_taken_for_another_that_a_backup_names(
    database: Database, descriptor: bytes
) -> None:
    await database.write(fill)
    (kept,) = [
        each for each in await read_all(database) if isinstance(each, MessageRecord) and each.attachment
    ]
    assert kept.attachment is not None
    file = msgspec.structs.replace(kept.attachment, descriptor=descriptor)
    newer = msgspec.structs.replace(kept, version=10**6, attachment=file)
    assert (await put(database, [newer])).changed == 1
    there = await database.read(lambda reader: attachments.get(reader, message(3).id))
    assert there is not None
    same = descriptor == b"descriptor"
    assert there.descriptor == descriptor
    assert there.shown.state is (TransferState.HERE if same else TransferState.REMOTE)


async def test_importing_again_changes_nothing(database: Database, other: Database) -> None:
    await database.write(fill)
    records = await read_all(database)
    await put(other, records)
    before, top = await shown(other), await other.read(backup_rows.top)
    again = await put(other, records)
    assert (again.messages, again.changed) == (0, 0)
    assert await shown(other) == before
    back = await put(database, records)
    assert (back.messages, back.changed) == (0, 0)
    assert await other.read(backup_rows.top) >= top


async def test_the_order_in_which_segments_come_makes_no_difference(
    database: Database, other: Database
) -> None:
    await database.write(fill)
    old = await read_all(database)
    await database.write(lambda tx: messages.edit(tx, message(1).id, "first, mended", 10**6))
    await database.write(lambda tx: messages.remove(tx, message(6).id))
    mark = max(each.version for each in old)
    await put(other, [each for each in old if not isinstance(each, MessageRecord)])
    await put(other, await read_all(database, above=mark))
    await put(other, old)
    texts = [one.text for one in await other.read(lambda reader: messages.last(reader, CHAT, 9))]
    assert texts == ["first, mended", "second, mended", "message 3", "", "message 7"]


async def test_restored_rows_are_not_taken_for_changes(database: Database, other: Database) -> None:
    await database.write(fill)
    records = await read_all(database)
    await put(other, records)
    mark = max(each.version for each in records)
    assert [each for each in await read_all(other, above=mark) if not isinstance(each, TombstoneRecord)] == []
    await other.write(lambda tx: messages.add(tx, message(99)))
    (new,) = await read_all(other, above=mark)
    assert new.version > mark


async def test_only_what_changed_since_is_read_again(database: Database) -> None:
    await database.write(fill)
    mark = await database.read(backup_rows.top)
    assert await read_all(database, above=mark) == []
    await database.write(lambda tx: messages.react(tx, message(1).id, BOB, "!", 9))
    (changed,) = await read_all(database, above=mark)
    assert isinstance(changed, MessageRecord)
    assert changed.id == message(1).id


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, True),
        ({"view_once": True}, False),
        ({"timer_s": 3600}, False),
        ({"timer_s": 604_800}, True),
        ({"timer_s": 604_800, "expires_at": NOW + DAY - 1}, False),
        ({"timer_s": 604_800, "expires_at": NOW + DAY + 1}, True),
        ({"timer_s": 604_800, "expires_at": NOW - 1}, False),
    ],
)
async def test_what_shall_not_outlive_a_day_never_enters_a_backup(
    database: Database, fields: dict[str, object], kept: bool
) -> None:
    await database.write(make_chat)
    await database.write(lambda tx: messages.add(tx, message(1, text="for your eyes", **fields)))
    found = [each for each in await read_all(database) if isinstance(each, MessageRecord)]
    assert bool(found) is kept


async def test_a_timer_that_ran_out_since_is_not_restored(database: Database, other: Database) -> None:
    await database.write(make_chat)
    ends = NOW + 2 * DAY
    await database.write(lambda tx: messages.add(tx, message(1, timer_s=604_800, expires_at=ends)))
    records = await read_all(database)
    for now in (ends, ends - 1):
        await put(other, records, now=now)
        assert await other.read(lambda reader: messages.last(reader, CHAT, 9)) == []
    await other.write(lambda tx: tx.execute("DELETE FROM tombstone"))
    await put(other, records, now=ends - 1)
    assert len(await other.read(lambda reader: messages.last(reader, CHAT, 9))) == 1


async def test_a_deleted_message_stays_deleted_beside_an_older_backup(database: Database) -> None:
    await database.write(fill)
    records = await read_all(database)
    await database.write(lambda tx: messages.remove(tx, message(1).id))
    await put(database, records)
    ids = [one.id for one in await database.read(lambda reader: messages.last(reader, CHAT, 9))]
    assert message(1).id not in ids


async def test_a_newer_local_edit_beats_the_backup(database: Database) -> None:
    await database.write(fill)
    records = await read_all(database)
    await database.write(lambda tx: messages.edit(tx, message(1).id, "newer", 10**7))
    await put(database, records)
    now = await database.read(lambda reader: messages.get(reader, message(1).id))
    assert now is not None
    assert now.text == "newer"


async def test_a_contacts_newer_device_list_is_never_replaced(database: Database, other: Database) -> None:
    await database.write(fill)
    records = await read_all(database)
    newer = contact()
    newer = type(newer)(**{name: getattr(newer, name) for name in newer.__slots__} | {"list_version": 9})

    async def prepare(tx: Transaction) -> None:
        await make_chat(tx)
        await contacts.save(tx, newer)
        await tx.execute("UPDATE contact SET change_seq = 1")

    await other.write(prepare)
    await put(other, records)
    kept = await other.read(lambda reader: contacts.get(reader, BOB))
    assert kept is not None
    assert kept.list_version == 9


async def test_a_message_that_waited_in_the_lost_outbox_can_be_sent_again(
    database: Database, other: Database
) -> None:
    await database.write(make_chat)
    await database.write(lambda tx: messages.add(tx, message(2, mine=True)))
    await put(other, await read_all(database))
    restored = await other.read(lambda reader: messages.get(reader, message(2).id))
    assert restored is not None
    assert (restored.delivery, restored.failure) == (Delivery.FAILED, message_import.NOT_SENT)


async def test_a_place_that_is_taken_is_left_to_whoever_has_it(database: Database, other: Database) -> None:
    await database.write(fill)
    await other.write(make_chat)
    await other.write(lambda tx: messages.add(tx, message(500, text="was here first")))
    await put(other, await read_all(database))
    texts = [one.text for one in await other.read(lambda reader: messages.last(reader, CHAT, 99))]
    assert texts[0] == "was here first"
    assert len(texts) == 7


async def test_requests_come_back_as_requests(database: Database, other: Database) -> None:
    async def stranger(tx: Transaction) -> None:
        await contacts.save(tx, contact(CAROL, "carol", Standing.REQUESTED))
        await conversations.ensure(tx, ConversationId(CAROL), now=1)
        await messages.add(
            tx,
            message(1, author=CAROL, conversation=ConversationId(CAROL), kind=MessageKind.TEXT),
        )

    await database.write(stranger)
    await put(other, await read_all(database))
    assert len(await other.read(lambda reader: conversations.every(reader, Standing.REQUESTED))) == 1
    assert (await other.read(lambda reader: messages.timeline(reader, ConversationId(CAROL)))).widths == b""


async def test_only_the_wanted_chats_come_back(database: Database, other: Database) -> None:
    await database.write(fill)

    async def second(tx: Transaction) -> None:
        await contacts.save(tx, contact(CAROL, "carol"))
        await conversations.ensure(tx, ConversationId(CAROL), now=1)
        await messages.add(tx, message(50, author=CAROL, conversation=ConversationId(CAROL)))

    await database.write(second)
    records = await read_all(database)
    await other.write(lambda tx: backup_import.take(tx, records, NOW, [CAROL]))
    assert await other.read(lambda reader: messages.count(reader, CHAT)) == 0
    assert await other.read(lambda reader: messages.count(reader, ConversationId(CAROL))) == 1


async def test_words_of_a_newer_release_stop_nobody_and_go_out_again_as_they_came(
    database: Database, other: Database
) -> None:
    await database.write(fill)
    newer: list[Record] = []
    for each in await read_all(database):
        if isinstance(each, MessageRecord) and each.id in (message(1).id, message(6).id):
            each = msgspec.structs.replace(each, delivery="in orbit", kind="hologram")
        elif isinstance(each, MessageRecord) and each.id == message(7).id:
            each = msgspec.structs.replace(each, delivery="in orbit")
        elif isinstance(each, ContactRecord):
            each = msgspec.structs.replace(each, standing="cousin")
        elif isinstance(each, ConversationRecord):
            each = msgspec.structs.replace(each, listed="framed")
        newer.append(each)
    await put(other, newer)
    shown = {each.id: each for each in await other.read(lambda reader: messages.last(reader, CHAT, 9))}
    assert [(each.kind, each.delivery) for each in (shown[message(number).id] for number in (1, 6, 7))] == [
        (MessageKind.UNKNOWN, Delivery.NONE),
        (MessageKind.UNKNOWN, Delivery.NONE),
        (MessageKind.TEXT, Delivery.NONE),
    ]
    (bob,) = await other.read(contacts.every)
    assert bob.standing is Standing.REQUESTED
    chat = await other.read(lambda reader: conversations.get(reader, CHAT))
    assert chat is not None
    assert chat.listed is Listed.USUAL
    again = {each.id: each for each in await read_all(other) if isinstance(each, MessageRecord)}
    assert (again[message(6).id].kind, again[message(6).id].delivery) == ("hologram", "in orbit")
    assert (again[message(7).id].kind, again[message(7).id].delivery) == ("text", "in orbit")


async def test_a_message_of_an_unknown_kind_keeps_what_a_newer_version_will_read(
    database: Database, other: Database
) -> None:
    async def unknown(tx: Transaction) -> None:
        await make_chat(tx)
        await messages.add(tx, message(1, kind=MessageKind.UNKNOWN))
        await settings.set_fact(tx, f"unknown:{MessageId((1).to_bytes(16)).hex()}", b"raw")

    await database.write(unknown)
    await put(other, await read_all(database))
    name = f"unknown:{MessageId((1).to_bytes(16)).hex()}"
    assert await other.read(lambda reader: settings.fact(reader, name)) == b"raw"


async def test_a_message_that_comes_back_behind_the_searchs_mark_is_found_and_can_be_deleted(
    database: Database,
) -> None:
    await database.write(make_chat)
    for number in (1, 2, 3):
        await database.write(partial(messages.add, message=message(number, text=f"lantern {number}")))
    records = await read_all(database)
    while await database.write(search.catch_up):
        pass

    async def lose(tx: Transaction) -> None:
        await messages.remove(tx, message(2).id)
        await tx.execute("DELETE FROM tombstone")

    await database.write(lose)
    assert (await put(database, records)).messages == 1
    found = await database.read(lambda reader: reader.all(FOUND, "lantern"))
    assert [row for (row,) in found] == [1, 2, 3]
    await database.write(lambda tx: messages.remove(tx, message(2).id))
    found = await database.read(lambda reader: reader.all(FOUND, "lantern"))
    assert [row for (row,) in found] == [1, 3]
    await database.write(lambda tx: tx.execute(CHECK))


FOUND = "SELECT rowid FROM message_search WHERE message_search MATCH ? ORDER BY rowid"
CHECK = "INSERT INTO message_search (message_search, rank) VALUES ('integrity-check', 1)"


ODD = "an ad\0d, \N{SNOWMAN}\n,,"


async def test_what_is_nothing_but_text_leaves_in_columns_and_the_rest_as_rows(database: Database) -> None:
    async def add(tx: Transaction) -> None:
        await make_chat(tx)
        for number, text in enumerate(("plain", ODD, "x" * MAX_TEXT_BYTES, "x" * (MAX_TEXT_BYTES + 1)), 1):
            await messages.add(tx, message(number, text=text, mine=number == 2), unread=number == 1)
        await messages.add(tx, message(5, received_at=2**53))
        await messages.add(tx, message(6, reply_to=message(1).id))
        await messages.add(tx, message(7, view_once=True))
        await messages.add(tx, message(8))
        await messages.react(tx, message(8).id, ME, "+", 6)

    await database.write(add)
    top = await database.read(backup_rows.top)
    batch = await database.read(partial(backup_rows.changed, above=0, limit=top, now=NOW, owner=ME))
    assert [row[2] for row in batch.messages] == [message(number).id for number in (4, 5, 6, 8)]
    assert (batch.count, batch.plain.count) == (7, 3)
    (*found,) = expand([batch.plain.record()])
    texts = [each.text for each in found if isinstance(each, MessageRecord)]
    assert texts == ["plain", ODD, "x" * MAX_TEXT_BYTES]
    assert [each.flags & 17 for each in found if isinstance(each, MessageRecord)] == [16, 1, 0]


def plain_columns(first: int, delivery: str = "none", mine: int = 0) -> ReadyColumns:
    """Four messages, at the places 1 to 4, whose ids begin with `first`."""
    records = [
        MessageRecord(
            each, bytes([first, each]) * 8, CHAT, ME if mine else BOB, mine, "text", f"{first} {each}",
            each, each, each, delivery, "", None, 0, 0, 0, b"", None, None, None,
        )
        for each in range(1, 5)
    ]  # fmt: skip
    (entry,) = compact(records)
    assert isinstance(entry, PlainMessages)
    return ReadyColumns(entry)


async def test_columns_that_want_places_which_are_taken_lose_nothing(other: Database) -> None:
    async def add(tx: Transaction) -> None:
        await make_chat(tx)
        for first in (1, 2, 1):
            await backup_import.take(tx, [plain_columns(first)], NOW, order=Order.NEWEST_FIRST)

    await other.write(add)
    found = await other.read(lambda reader: messages.last(reader, CHAT, 100))
    assert sorted(each.text for each in found) == [f"{a} {b}" for a in (1, 2) for b in range(1, 5)]


async def test_what_waited_in_columns_is_failed_and_can_be_sent_again(other: Database) -> None:
    async def add(tx: Transaction) -> None:
        await make_chat(tx)
        await backup_import.take(tx, [plain_columns(1, "waiting", mine=1)], NOW, order=Order.NEWEST_FIRST)

    await other.write(add)
    found = await other.read(lambda reader: messages.last(reader, CHAT, 100))
    assert {each.delivery for each in found} == {Delivery.FAILED}
    assert all(each.failure for each in found)
