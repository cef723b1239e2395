"""What came in columns stands in the database as it would if each message had come by itself."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.backup.columns import compact
from letterlock.backup.records import MessageFlag, MessageRecord, PlainMessages, Record
from letterlock_client.storage import backup_import, plain_import
from letterlock_client.storage.backup_import import Order
from letterlock_client.storage.database import Database, Row, Transaction
from letterlock_client.storage.plain_import import ReadyColumns
from tests.client.storage.chat import BOB, CHAT, KEY, ME, make_chat

NOW = 10**12
MINE = MessageFlag.MINE.value
ALL_FLAGS = sum(flag.value for flag in MessageFlag)


class Untouched(Exception):
    """Nothing of this is to stay."""


def record(number: int, flags: int, text: str) -> MessageRecord:
    return MessageRecord(
        number, number.to_bytes(16), CHAT, ME if flags & MINE else BOB, flags, "text", text,
        number + 1, number + 2, number + 3, "read", "", None, 0, 0, 0, b"", None, None, None,
    )  # fmt: skip


async def rows(database: Database, records: Sequence[Record | ReadyColumns]) -> list[Row]:
    """What the table holds once these are in; then nothing of it stays."""
    found: list[Row] = []

    async def work(tx: Transaction) -> None:
        await backup_import.take(tx, records, NOW, order=Order.OLDEST_FIRST)
        found.extend(await tx.all("SELECT * FROM message ORDER BY row"))
        raise Untouched

    with pytest.raises(Untouched):
        await database.write(work)
    return found


def in_columns(records: Sequence[MessageRecord]) -> list[ReadyColumns]:
    entries = compact(records)
    assert all(isinstance(each, PlainMessages) for each in entries)
    return [ReadyColumns(each) for each in entries if isinstance(each, PlainMessages)]


texts = st.one_of(st.text(st.characters(max_codepoint=127), max_size=300), st.text(max_size=300))
messages = st.lists(st.tuples(st.integers(0, ALL_FLAGS), texts), min_size=4, max_size=40)


@pytest.mark.parametrize("times", [1, plain_import._AT_ONCE // 2])
def test_columns_make_the_rows_that_records_make(tmp_path: Path, times: int) -> None:
    with asyncio.Runner() as runner:
        database = runner.run(Database.open(tmp_path / "messages.db", KEY))
        runner.run(database.write(make_chat))

        @settings(max_examples=4 if times > 1 else 100, deadline=None)
        @given(messages)
        def compare(each: list[tuple[int, str]]) -> None:
            records = [record(number, *one) for number, one in enumerate(each * times, 1)]
            columns = in_columns(records)
            assert runner.run(rows(database, columns)) == runner.run(rows(database, records))

        try:
            compare()
        finally:
            runner.run(database.close())
