"""The index of words is made behind everything else: a backup that runs comes first."""

import asyncio

import pytest

from letterlock_client.flows import searching
from letterlock_client.storage import search
from tests.town import Pair


async def test_a_long_backlog_is_indexed_once_no_backup_runs(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "FIRST_LOOK_S", 0)
    monkeypatch.setattr(searching, "_WORTH_IT", 0)
    place = pair.alice._place
    behind = await place.database.read(search.behind)
    assert behind > 0
    async with place.backup_lock:
        indexing = asyncio.create_task(searching.prepare(place))
        for _ in range(20):
            await asyncio.sleep(0)
            assert await place.database.read(search.behind) == behind
    await indexing
    assert await place.database.read(search.behind) == 0
    assert not place.backup_lock.locked()
