"""Any history put in the newest first while its owner writes and deletes: as if it had all been there."""

import asyncio
import tempfile
from functools import partial
from pathlib import Path
from typing import TypeAlias

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letterlock.backup.columns import last_position
from letterlock.backup.records import Entry, MessageRecord, PlainMessages
from letterlock_client.storage import (
    backup_import,
    backup_rows,
    burials,
    late_changes,
    message_triggers,
    messages,
    search,
)
from letterlock_client.storage.backup_import import Order
from letterlock_client.storage.database import Database, Reader, Transaction
from tests.client.storage.chat import CHAT, make_chat, message, two_databases
from tests.client.storage.test_filling_an_empty_history import (
    HISTORIES,
    NOW,
    NUMBERS,
    Segment,
    as_read,
    change,
    name,
    written,
)

MEANWHILE: TypeAlias = list[tuple[str, list[int]]]
ABOUT = st.lists(NUMBERS, min_size=1, max_size=4)
WHILES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["remove", "blank", "edit", "react"]), ABOUT),
        st.tuples(st.just("write"), st.just([])),
        st.tuples(st.just("index"), st.just([])),
        st.tuples(st.just("forget chat"), st.just([])),
        # What was brought in last comes once more, as after a crash between two steps of a segment.
        st.tuples(st.just("again"), st.just([])),
        st.tuples(st.just("next"), st.just([])),
        st.tuples(st.just("next"), st.just([])),
        st.tuples(st.just("next"), st.just([])),
    ),
    max_size=24,
)


async def bring_everyone(tx: Transaction, segments: list[Segment], watermark: int) -> None:
    """People and what was deleted, and room for the messages, as a restore that somebody chats beside begins."""
    everything = [each for batches in segments for batch in batches for each in batch]
    others = [each for each in everything if not isinstance(each, MessageRecord | PlainMessages)]
    last = [each.position for each in everything if isinstance(each, MessageRecord)]
    last += [last_position(each) for each in everything if isinstance(each, PlainMessages)]
    await backup_import.take(tx, others, NOW)
    await backup_import.settle(tx)
    await backup_import.keep_room(tx, max(last, default=0))
    await tx.execute("UPDATE change SET seq = max(seq, ?)", watermark)


async def bring(tx: Transaction, batch: list[Entry]) -> None:
    """One step of such a restore."""
    triggers = await tx.run(message_triggers.drop_idle)
    wanted, _ = await burials.leave_out(tx, as_read(batch), await late_changes.gone(tx))
    await backup_import.take(tx, wanted, NOW, order=Order.NEWEST_FIRST)
    await tx.run(partial(message_triggers.make, statements=triggers))
    await backup_import.settle(tx)


async def shown(reader: Reader) -> list[tuple[object, ...]]:
    """What somebody sees of the chat, in order."""
    return [
        (each.id, each.text, each.deleted, each.edits, each.reactions)
        for each in await messages.last(reader, CHAT, 99)
    ]


class Both:
    """The terminal that was never lost, and the one that is restored; what is done is done on both."""

    def __init__(self, first: Database, second: Database) -> None:
        self.first, self.second = first, second
        self.written = 100

    async def do(self, what: str, numbers: list[int]) -> None:
        both = (self.first, self.second)
        match what:
            case "write":
                self.written += 1
                for one in both:
                    await one.write(make_chat)
                    await one.write(partial(messages.add, message=message(self.written)))
            case "index":
                while await self.second.write(search.catch_up):
                    pass
            case "forget chat":
                await self.second.write(partial(late_changes.note_gone, conversation=CHAT))
                for one in both:
                    await one.write(partial(change, what=what, numbers=[]))
            case _:
                for number in numbers:
                    if await self.second.read(partial(messages.get, message=name(number))) is not None:
                        for one in both:
                            await one.write(partial(change, what=what, numbers=[number]))


async def restored_while(both: Both, segments: list[Segment], meanwhile: MEANWHILE) -> None:
    watermark = await both.first.read(backup_rows.top)
    await both.second.write(partial(bring_everyone, segments=segments, watermark=watermark))
    coming = [batch for batches in reversed(segments) for batch in batches]
    last: list[Entry] | None = None
    for what, numbers in [*meanwhile, *[("next", [])] * len(coming)]:
        if what == "next" and coming:
            last = coming.pop(0)
        if what in ("next", "again"):
            if last is not None:
                await both.second.write(partial(bring, batch=last))
        else:
            await both.do(what, numbers)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HISTORIES, st.integers(2, 9), WHILES)
def test_whatever_is_done_meanwhile_the_history_is_as_if_it_had_been_there(
    history: list[list[tuple[str, list[int]]]], most: int, meanwhile: MEANWHILE
) -> None:
    async def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with two_databases(Path(folder)) as (first, second):
                segments = await written(first, history, most)
                both = Both(first, second)
                await restored_while(both, segments, meanwhile)
                assert await second.read(shown) == await first.read(shown)
                await both.do("index", [])
                # Raises where the index of words is not that of the messages.
                await second.write(
                    lambda tx: tx.execute(
                        "INSERT INTO message_search (message_search, rank) VALUES ('integrity-check', 1)"
                    )
                )

    asyncio.run(whole())
