"""One realm that is a fleet by itself, on every store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock.vault.fleet import Fleet
from letterlock.vault.threshold import Dealt
from letterlock_server.stores.vault_interfaces import VaultStore
from letterlock_server.stores.vault_memory import MemoryVaultStore
from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore
from tests.server.vault.running import Running, dealt_for, register, running


@pytest.fixture(params=["memory", "sqlite"])
def vault_store(request: pytest.FixtureRequest, tmp_path: Path) -> VaultStore:
    return MemoryVaultStore() if request.param == "memory" else SqliteVaultStore(tmp_path / "vault.db")


@pytest.fixture
async def realm() -> AsyncIterator[Running]:
    async with running(MemoryVaultStore()) as one:
        yield one


@pytest.fixture
def alone(realm: Running) -> Fleet:
    """A fleet of this realm alone."""
    return Fleet((realm.member,), 1)


@pytest.fixture
async def dealt(realm: Running, alone: Fleet) -> Dealt:
    """Registration 1 of Alice, committed."""
    made = dealt_for(alone)
    await register([realm], made)
    return made
