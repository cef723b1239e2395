"""A relay in the test's own loop, with a clock that moves only when told."""

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from letterlock_server.relay.gateway import Gateway
from letterlock_server.relay.state import PREKEY_RULE, Rates, Relay
from letterlock_server.stores.interfaces import Store
from letterlock_server.stores.memory import MemoryStore
from letterlock_server.stores.sqlite.store import SqliteStore
from letterlock_server.websocket.listening import Patience
from tests.server.people import NOW


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Running:
    def __init__(self, relay: Relay, gateway: Gateway, clock: Clock, url: str) -> None:
        self.relay = relay
        self.gateway = gateway
        self.clock = clock
        self.url = url
        self.name = url.partition("://")[2]


Start = Callable[..., "contextlib.AbstractAsyncContextManager[Running]"]


@contextlib.asynccontextmanager
async def running(store: Store, clock: Clock, patience: Patience | None = None) -> AsyncIterator[Running]:
    await store.open()
    relay = Relay(store, (), now=clock)
    relay.rates = Rates(1000.0)
    gateway = Gateway(relay, patience or Patience())
    host, port = await gateway.listen("127.0.0.1", 0, None)
    relay.names = (f"{host}:{port}",)
    try:
        yield Running(relay, gateway, clock, f"ws://{host}:{port}")
    finally:
        relay.closing = True
        gateway.stop_accepting()
        await relay.finish(2.0)
        await store.close()
        await gateway.close(2.0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Store:
    if request.param == "memory":
        return MemoryStore(prekeys=PREKEY_RULE, blob_bytes=10_000_000_000)
    return SqliteStore(tmp_path / "relay.db", now=clock, prekeys=PREKEY_RULE, blob_bytes=10_000_000_000)


@pytest.fixture
async def relay(store: Store, clock: Clock) -> AsyncIterator[Running]:
    async with running(store, clock) as one:
        yield one


@pytest.fixture
def start(clock: Clock) -> Start:
    """Start a relay on a memory store with a patience of the test's own."""

    def begin(patience: Patience | None = None) -> contextlib.AbstractAsyncContextManager[Running]:
        return running(MemoryStore(prekeys=PREKEY_RULE), clock, patience)

    return begin
