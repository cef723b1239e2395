"""An open database with one accepted contact and its chat."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock_client.storage.database import Database
from tests.client.storage.chat import KEY, Told, make_chat


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "messages.db"


@pytest.fixture
async def database(path: Path, told: Told) -> AsyncIterator[Database]:
    async with await Database.open(path, KEY, publish=told) as opened:
        await opened.write(make_chat)
        yield opened
