"""Real processes: a relay and people who type commands."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock_client.workshop.processes import Person, RelayProcess


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[RelayProcess]:
    folder = tmp_path / "relay"
    folder.mkdir()
    relay = RelayProcess(folder)
    await relay.start()
    try:
        yield relay
    finally:
        with contextlib.suppress(ProcessLookupError):
            await relay.kill()


@pytest.fixture
async def people(relay: RelayProcess, tmp_path: Path) -> tuple[Person, Person]:
    """Alice and Bob, registered, who have not met yet."""
    alice, bob = Person("alice", tmp_path / "homes"), Person("bob", tmp_path / "homes")
    for outcome in await asyncio.gather(
        *(each.run("register", each.name, "--relay", relay.url) for each in (alice, bob))
    ):
        assert outcome.status == 0, outcome
    return alice, bob


@pytest.fixture
async def friends(people: tuple[Person, Person]) -> tuple[Person, Person]:
    """Alice and Bob, who have written to each other."""
    alice, bob = people
    assert (await alice.run("send", "bob", "hello")).status == 0
    assert (await bob.run("receive", "--accept-requests")).status == 0
    assert (await bob.run("send", "alice", "hello yourself")).status == 0
    assert (await alice.run("receive")).status == 0
    assert (await bob.run("receive")).status == 0
    return alice, bob
