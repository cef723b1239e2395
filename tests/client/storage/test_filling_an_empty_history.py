"""Any history that went out in segments, put into an empty database the newest first: the living history, no more."""

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from letterlock.backup.columns import Columns, compact, expand
from letterlock.backup.records import (
    Entry,
    MessageRecord,
    PlainMessages,
    Record,
    pack_batch,
    read_batch,
)
from letterlock.ids import BlobId, MessageId
from letterlock_client.models import Attachment, Delivery, TransferState
from letterlock_client.storage import (
    attachments,
    backup_import,
    backup_rows,
    conversations,
    message_indexes,
    messages,
    search,
)
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.backup_import import Order
from letterlock_client.storage.database import Database, Reader, Transaction
from letterlock_client.storage.plain_import import ReadyColumns
from tests.client.storage.chat import BOB, CHAT, ME, make_chat, message, two_databases

NOW = 1_764_000_000_000
Segment: TypeAlias = list[list[Entry]]

NUMBERS = st.integers(1, 12)
STEPS = st.one_of(
    # Often enough that segments hold columns, which begin at four plain messages.
    st.tuples(st.just("say"), st.lists(NUMBERS, min_size=4, max_size=12)),
    st.tuples(st.just("remove"), st.lists(NUMBERS, min_size=1, max_size=3)),
    st.tuples(st.just("blank"), st.lists(NUMBERS, max_size=2)),
    st.tuples(st.just("edit"), st.lists(NUMBERS, max_size=2)),
    st.tuples(st.just("react"), st.lists(NUMBERS, max_size=2)),
    st.tuples(st.just("forget chat"), st.just([])),
)
# What came to pass between each two backups.
HISTORIES = st.lists(st.lists(STEPS, min_size=1, max_size=4), min_size=1, max_size=4)


def name(number: int) -> MessageId:
    """Unlike the ids of `message`, one that a picture tells from others by its first bytes."""
    return MessageId(bytes([number]) * 16)


async def change(tx: Transaction, what: str, numbers: list[int]) -> None:
    if what == "forget chat":
        await conversations.delete(tx, CHAT)
    for number in numbers:
        match what:
            case "say":
                await make_chat(tx)
                said = message(number, id=name(number), mine=number % 3 == 0, delivery=Delivery.NONE)
                await messages.add(tx, said, unread=number > 9)
            case "remove":
                await messages.remove(tx, name(number))
            case "blank":
                await messages.blank(tx, name(number))
            case "edit":
                await messages.edit(tx, name(number), f"mended {number}", NOW)
            case "react":
                await messages.react(tx, name(number), BOB, "!", NOW)


async def segment(database: Database, above: int, most: int) -> tuple[int, Segment]:
    """Everything above a change number, as the batches of one segment; and the number it goes up to."""
    limit, batches, last = await database.read(backup_rows.top), list[list[Entry]](), False
    while not last:
        batch = await database.read(
            partial(backup_rows.changed, above=above, limit=limit, now=NOW, owner=ME, most=most)
        )
        plain = [batch.plain.record()] if batch.plain.count else []
        batches.append(read_batch(pack_batch([*batch.rest, *batch.messages, *plain])))
        above, last = batch.upto, batch.last
    return limit, batches


def as_merged(batches: Segment) -> Segment:
    """The same records as merging segments would write them."""
    return [compact(list(expand(batch))) for batch in batches]


def as_read(batch: list[Entry]) -> list[Record | Columns]:
    return [ReadyColumns(each) if isinstance(each, PlainMessages) else each for each in batch]


async def take(
    tx: Transaction, batches: Segment, *, now: int = NOW, order: Order = Order.NEWEST_FIRST
) -> None:
    for batch in batches:
        await backup_import.take(tx, as_read(batch), now, order=order)


async def written(database: Database, history: list[list[tuple[str, list[int]]]], most: int) -> list[Segment]:
    """Write this history, and what a backup after each of its parts would send."""
    await database.write(make_chat)
    segments: list[Segment] = []
    above = 0
    for steps in history:
        for what, numbers in steps:
            await database.write(partial(change, what=what, numbers=numbers))
        above, batches = await segment(database, above, most)
        segments.append(batches)
    return segments


async def fill(database: Database, segments: list[Segment], *, oldest: int) -> None:
    """Put segments into an empty database as a restore does.

    So many come as where nobody is, the oldest first; then somebody comes, and the rest comes the newest first.
    """
    await database.write(lambda tx: tx.run(message_indexes.drop))
    for batches in segments[:oldest]:
        await database.write(partial(take, batches=batches, order=Order.OLDEST_FIRST))
    await database.write(lambda tx: tx.run(message_indexes.make))
    order = Order.FILLED if oldest else Order.NEWEST_FIRST
    for batches in reversed(segments[oldest:]):
        await database.write(partial(take, batches=batches, order=order))
    await settle(database)


async def settle(database: Database) -> None:
    await database.write(lambda tx: tx.run(message_indexes.make))
    await database.write(backup_import.settle)


async def last_deletion(reader: Reader) -> int:
    return int(await reader.value("SELECT coalesce(max(change_seq), 0) FROM tombstone"))


async def picture(database: Database) -> dict[str, bytes]:
    top = await database.read(backup_rows.top)
    return await database.read(
        lambda reader: reader.run(partial(backup_rows.picture, watermark=top, now=NOW))
    )


CHAT_MADE_AGAIN: Final = [
    [("say", [1, 1, 1, 2])],
    [("forget chat", []), ("say", [1, 1, 1, 1])],
    [("forget chat", [])],
    [("say", [1, 1, 1, 1])],
]
"""A chat that is deleted after messages of it were, and lives again: its deletion is older than its new life."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HISTORIES, st.integers(2, 9), st.booleans(), st.integers(0, 5))
@example(CHAT_MADE_AGAIN, 2, False, 3)
@example(CHAT_MADE_AGAIN, 2, False, 5)
def test_any_history_fills_an_empty_one_as_it_is(
    history: list[list[tuple[str, list[int]]]], most: int, merged: bool, oldest: int
) -> None:
    async def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with two_databases(Path(folder)) as (first, second):
                segments = await written(first, history, most)
                segments = [as_merged(batches) for batches in segments] if merged else segments
                await fill(second, segments, oldest=oldest)
                assert await picture(second) == await picture(first)
                # Of what was deleted before no backup is to hear again.
                assert await second.read(last_deletion) <= await first.read(backup_rows.top)

    asyncio.run(whole())


@pytest.mark.parametrize("oldest", [0, 1, 2])
async def test_deleted_messages_stay_deleted_whatever_came_with_them(tmp_path: Path, oldest: int) -> None:
    async with two_databases(tmp_path) as (first, second):
        await first.write(partial(change, what="say", numbers=list(range(1, 10))))
        await first.write(partial(change, what="edit", numbers=[8]))
        above, old = await segment(first, 0, 100)
        await first.write(partial(change, what="remove", numbers=[2, 8]))
        _, new = await segment(first, above, 100)
        assert any(isinstance(each, PlainMessages) for each in old[0])
        await fill(second, [old, new], oldest=oldest)
        kept = await second.read(lambda reader: messages.last(reader, CHAT, 99))
        assert [each.text for each in kept] == [f"message {number}" for number in (1, 3, 4, 5, 6, 7, 9)]
        assert await second.read(last_deletion) == await first.read(last_deletion)


@pytest.mark.parametrize("order", Order)
async def test_no_older_version_stands_in_for_one_whose_time_is_over(tmp_path: Path, order: Order) -> None:
    ends = NOW + 604_800_000
    async with two_databases(tmp_path) as (first, second):
        await first.write(make_chat)
        await first.write(lambda tx: messages.add(tx, message(1, timer_s=604_800), unread=True))
        above, old = await segment(first, 0, 100)
        # The timer begins to run when the message is read.
        await first.write(lambda tx: messages.start_timer(tx, message(1).id, NOW))
        _, new = await segment(first, above, 100)
        if order is Order.OLDEST_FIRST:
            await second.write(lambda tx: tx.run(message_indexes.drop))
        for batches in [new, old] if order is Order.NEWEST_FIRST else [old, new]:
            await second.write(partial(take, batches=batches, now=ends, order=order))
        await settle(second)
        assert await second.read(lambda reader: messages.last(reader, CHAT, 99)) == []


@pytest.mark.parametrize("order", Order)
async def test_a_message_that_a_backup_has_from_before_its_last_day_is_left_out_of_a_restore(
    tmp_path: Path, order: Order
) -> None:
    day = 86_400
    async with two_databases(tmp_path) as (first, second):
        await first.write(make_chat)
        await first.write(lambda tx: messages.add(tx, message(1, timer_s=day), unread=True))
        above, old = await segment(first, 0, 100)
        await first.write(lambda tx: messages.start_timer(tx, message(1).id, NOW))
        _, new = await segment(first, above, 100)
        if order is Order.OLDEST_FIRST:
            await second.write(lambda tx: tx.run(message_indexes.drop))
        for batches in [new, old] if order is Order.NEWEST_FIRST else [old, new]:
            await second.write(partial(take, batches=batches, order=order))
        await settle(second)
        assert await second.read(lambda reader: messages.last(reader, CHAT, 99)) == []
        # Where it lives, its own backup does not end it.
        await first.write(partial(take, batches=new, order=Order.ANY))
        assert len(await first.read(lambda reader: messages.last(reader, CHAT, 99))) == 1


async def someone_writes_meanwhile(database: Database) -> None:
    """Room is kept for what is still to come; the index of words is ahead of it."""
    await database.write(make_chat)
    await database.write(partial(backup_import.keep_room, last=50))
    await database.write(partial(messages.add, message=message(60)))
    while await database.write(search.catch_up):
        pass


async def all_are_found(database: Database, count: int) -> None:
    """The index holds the words of every message, each once."""
    while await database.write(search.catch_up):
        pass
    assert len(await database.read(lambda reader: search.find(reader, ["message"], None, 99))) == count
    # Raises where the index is not that of the messages.
    await database.write(
        lambda tx: tx.execute(
            "INSERT INTO message_search (message_search, rank) VALUES ('integrity-check', 1)"
        )
    )


@pytest.mark.parametrize("wrong", [1, 5])
async def test_two_messages_with_one_place_lose_no_reaction_and_no_word_of_those_that_came_with_them(
    tmp_path: Path, wrong: int
) -> None:
    async with two_databases(tmp_path) as (first, second):
        await first.write(partial(change, what="say", numbers=list(range(1, 10))))
        await first.write(partial(change, what="react", numbers=[1, 2, 3]))
        _, batches = await segment(first, 0, 100)
        # Columns go in straight, and whatever else comes one by one.
        plain, single = [], []
        for each in batches[0]:
            if isinstance(each, MessageRecord) and each.position == 3:
                each = msgspec.structs.replace(each, position=2)
            if isinstance(each, PlainMessages):
                places = [*each.positions]
                places[wrong] -= 1
                each = msgspec.structs.replace(each, positions=places)
            (plain if isinstance(each, PlainMessages) else single).append(each)
        assert plain
        await someone_writes_meanwhile(second)
        await second.write(partial(take, batches=[single, plain]))
        await all_are_found(second, 10)
        kept = await second.read(lambda reader: messages.last(reader, CHAT, 99))
        assert sorted(each.text for each in kept if each.reactions) == [f"message {n}" for n in (1, 2, 3)]
        # One of two with one place has it.
        texts = [each.text for each in kept]
        assert texts[:2] == ["message 1", "message 2"]
        assert texts.index("message 60") == 7


@pytest.mark.parametrize("same", [True, False])
async def test_a_file_that_came_back_stays_while_the_newer_version_of_its_message_comes(
    tmp_path: Path, same: bool
) -> None:
    shown = Attachment(BlobId(b"p" * 16), "a.png", "image/png", 10, TransferState.HERE, 3, 4, 0, b"preview")
    async with two_databases(tmp_path) as (first, second):
        await first.write(partial(change, what="say", numbers=[1, 2, 3, 4, 5]))
        sent = StoredAttachment(name(3), shown, b"file", "there", upload=False)
        await first.write(lambda tx: attachments.add(tx, sent))
        above, old = await segment(first, 0, 100)
        await first.write(partial(change, what="react", numbers=[3]))
        if not same:
            await first.write(lambda tx: tx.execute("UPDATE attachment SET descriptor = ?", b"another file"))
        _, new = await segment(first, above, 100)
        await second.write(lambda tx: tx.run(message_indexes.drop))
        await second.write(partial(take, batches=old, order=Order.OLDEST_FIRST))
        (absent,) = await second.read(attachments.absent)
        assert await second.write(lambda tx: attachments.arrived(tx, [(absent, "here", 10)])) == [True]
        await second.write(partial(take, batches=new, order=Order.OLDEST_FIRST))
        await settle(second)
        assert await picture(second) == await picture(first)
        found = await second.read(attachments.absent)
        assert [each.descriptor for each in found] == ([] if same else [b"another file"])


async def test_what_was_cut_short_and_comes_twice_is_indexed_once(tmp_path: Path) -> None:
    async with two_databases(tmp_path) as (first, second):
        await first.write(partial(change, what="say", numbers=list(range(1, 10))))
        await first.write(partial(change, what="react", numbers=[1, 2, 3]))
        _, batches = await segment(first, 0, 100)
        await someone_writes_meanwhile(second)
        await second.write(partial(take, batches=batches))
        before = await picture(second)
        await second.write(partial(take, batches=batches))
        assert await picture(second) == before
        await all_are_found(second, 10)
        for each in await second.read(lambda reader: messages.last(reader, CHAT, 99)):
            await second.write(partial(messages.remove, message=each.id))
        await all_are_found(second, 0)
