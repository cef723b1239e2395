"""The index of words follows the messages, and forgets what is deleted."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.ids import MessageId
from letterlock_client.models import MessageKind, Standing
from letterlock_client.storage import contacts, conversations, messages, search
from letterlock_client.storage.database import Database, Transaction
from tests.client.storage.chat import BOB, CHAT, KEY, contact, make_chat, message


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "messages.db", KEY) as opened:
        await opened.write(make_chat)
        yield opened


async def add(database: Database, *texts: str, first: int = 1, **fields: object) -> None:
    async def work(tx: Transaction) -> None:
        for number, text in enumerate(texts, first):
            assert await messages.add(tx, message(number, text=text, **fields))

    await database.write(work)


async def found(database: Database, text: str, limit: int = 50) -> list[str]:
    while await database.write(search.catch_up):
        pass
    words = search.words_of(text)
    return [one.text for one in await database.read(lambda reader: search.find(reader, words, None, limit))]


async def test_words_are_found_from_their_beginning_whatever_their_case_and_accents(
    database: Database,
) -> None:
    await add(database, "Café at noon", "the CAFETERIA is closed", "nothing", "decaf")
    assert await found(database, "caf") == ["the CAFETERIA is closed", "Café at noon"]
    assert await found(database, "noon CAFÉ") == ["Café at noon"]
    assert await found(database, "cafe\N{COMBINING ACUTE ACCENT} noon") == ["Café at noon"]
    assert await found(database, "caf", limit=1) == ["the CAFETERIA is closed"]


async def test_an_edited_message_is_found_by_its_new_words_only(database: Database) -> None:
    await add(database, "meet on monday")
    assert await found(database, "monday") == ["meet on monday"]
    await database.write(lambda tx: messages.edit(tx, MessageId((1).to_bytes(16)), "meet on friday", 9_999))
    assert await found(database, "monday") == []
    assert await found(database, "friday") == ["meet on friday"]


@pytest.mark.parametrize("indexed_before", [True, False])
@pytest.mark.parametrize("forget", [messages.blank, messages.remove])
async def test_what_is_deleted_leaves_the_index_and_the_disk(
    database: Database, indexed_before: bool, forget: object
) -> None:
    await add(database, "the password is xyzzyplugh", "stays")
    if indexed_before:
        assert await found(database, "xyzzyplugh")
    await database.write(lambda tx: forget(tx, MessageId((1).to_bytes(16))))  # type: ignore[operator]
    assert await found(database, "xyzzyplugh") == []
    assert await found(database, "stays") == ["stays"]
    stored = await database.read(lambda reader: reader.all("SELECT block FROM message_search_data"))
    assert not any(b"xyzzy" in block for (block,) in stored)


async def test_view_once_messages_notes_and_requests_are_never_found(database: Database) -> None:
    await add(database, "secret one", view_once=True)
    await add(database, "secret two", first=2, kind=MessageKind.NOTE)
    assert await found(database, "secret") == []
    await add(database, "secret three", first=3)
    assert await found(database, "secret") == ["secret three"]
    await database.write(lambda tx: contacts.save(tx, contact(BOB, standing=Standing.REQUESTED)))
    assert await found(database, "secret") == []


async def test_deleting_a_chat_empties_its_part_of_the_index(database: Database) -> None:
    await add(database, "alpha", "beta", view_once=False)
    assert await found(database, "alpha")
    await database.write(lambda tx: tx.execute("DELETE FROM conversation WHERE peer = ?", CHAT))
    await database.write(lambda tx: conversations.ensure(tx, CHAT, now=2))
    await add(database, "alphabet", first=9)
    assert await found(database, "alpha") == ["alphabet"]


@given(st.text(max_size=60))
def test_nothing_of_the_query_language_can_be_typed(text: str) -> None:
    words = search.words_of(text)
    assert len(words) <= search.MAX_WORDS
    assert all(word and all(one.isalnum() for one in word) for word in words)


async def test_any_typed_text_is_a_legal_query(database: Database) -> None:
    await add(database, "plain words")
    for text in (
        '"',
        'a" OR b',
        "NEAR(a b)",
        "col:x",
        "-x",
        "x*",
        "^x",
        "AND",
        "()",
        "\x00 a",
        "日本 語",
        "a'b",
    ):
        await found(database, text)
    assert await found(database, 'plain" AND') == []
    assert await found(database, "WORDS.plain") == ["plain words"]
