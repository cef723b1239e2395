"""Real processes: a relay and people who type commands.

What all tests begin with (registering, meeting) is done once, by real processes, and kept as folders; each test gets
copies of them, with a relay of its own.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.storage import keyring
from letterlock_client.storage.database import Database
from letterlock_client.workshop import processes
from letterlock_client.workshop.processes import Person, RealmProcess, RelayProcess, run_command
from tests.end_to_end.warm_commands import run_command as run_warm_command
from tests.end_to_end.warm_commands import warm_up

NAMES = ("alice", "bob")


async def register(relay: RelayProcess, homes: Path) -> tuple[Person, Person]:
    """Register Alice and Bob, who have not met."""
    alice, bob = (Person(name, homes) for name in NAMES)
    for outcome in await asyncio.gather(
        *(each.run("register", each.name, "--relay", relay.url) for each in (alice, bob))
    ):
        assert outcome.status == 0, outcome
    return alice, bob


async def meet(alice: Person, bob: Person) -> None:
    """Let them write to each other."""
    assert (await alice.run("send", "bob", "hello")).status == 0
    assert (await bob.run("receive", "--accept-requests")).status == 0
    assert (await bob.run("send", "alice", "hello yourself")).status == 0
    assert (await alice.run("receive")).status == 0
    assert (await bob.run("receive")).status == 0


async def live_through(pasts: Path) -> None:
    """Keep a relay and two homes as they are when people have registered, and when they have met."""
    now = pasts / "now"
    (now / "relay").mkdir(parents=True)
    relay = RelayProcess(now / "relay")
    await relay.start()
    try:
        alice, bob = await register(relay, now / "homes")
        await relay.stop()
        shutil.copytree(now, pasts / "people")
        await relay.start()
        await meet(alice, bob)
    finally:
        await relay.stop()
    now.rename(pasts / "friends")


async def tell_where_the_relay_is(person: Person, url: str) -> None:
    """Write the relay's present address into a profile, which was made with another one."""
    places = Home.at(person.folder).profile(person.name)
    key = await keyring.open_database_key(places, NO_PASSPHRASE)
    async with await Database.open(places.database, key, publish=lambda _: None) as database:
        await database.write(lambda tx: tx.execute("UPDATE identity SET relay = ?", url))


@pytest.fixture(scope="session")
def warm() -> None:
    warm_up()


@pytest.fixture(autouse=True)
def commands_begin_warm(monkeypatch: pytest.MonkeyPatch, warm: None) -> None:
    monkeypatch.setattr(processes, "run_command", run_warm_command)


@pytest.fixture(scope="session")
def pasts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by the first worker that wants it; the others wait for that one, and take what it made."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        folder = tmp_path_factory.mktemp("pasts")
        asyncio.run(live_through(folder))
        return folder
    folder = tmp_path_factory.getbasetemp().parent / f"pasts-{run}"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "friends").exists():
            asyncio.run(live_through(folder))
    return folder


@pytest.fixture
async def relay(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RelayProcess]:
    """A relay: that of the people whom the test asks for, or one that nobody knows yet."""
    folder = tmp_path / "relay"
    past = next((name for name in ("friends", "people") if name in request.fixturenames), None)
    if past is None:
        folder.mkdir()
    else:
        shutil.copytree(request.getfixturevalue("pasts") / past / "relay", folder)
    relay = RelayProcess(folder)
    await relay.start()
    try:
        yield relay
    finally:
        with contextlib.suppress(ProcessLookupError):
            await relay.kill()


async def brought_back(past: Path, homes: Path, relay: RelayProcess) -> tuple[Person, Person]:
    shutil.copytree(past / "homes", homes)
    alice, bob = (Person(name, homes) for name in NAMES)
    for each in (alice, bob):
        await tell_where_the_relay_is(each, relay.url)
    return alice, bob


@pytest.fixture
async def people(relay: RelayProcess, pasts: Path, tmp_path: Path) -> tuple[Person, Person]:
    """Alice and Bob, registered, who have not met yet."""
    return await brought_back(pasts / "people", tmp_path / "homes", relay)


@pytest.fixture
async def friends(relay: RelayProcess, pasts: Path, tmp_path: Path) -> tuple[Person, Person]:
    """Alice and Bob, who have written to each other."""
    return await brought_back(pasts / "friends", tmp_path / "homes", relay)


@contextlib.asynccontextmanager
async def vault_of_three(folder: Path) -> AsyncIterator[tuple[list[RealmProcess], Path]]:
    """Three realms, two of which give a key back, and their fleet file."""
    realms = [RealmProcess(name, folder / name, 10) for name in ("realm-1", "realm-2", "realm-3")]
    for realm in realms:
        realm.folder.mkdir()
    await asyncio.gather(*(realm.start() for realm in realms))
    try:
        fleet = folder / "fleet.toml"
        named = [word for realm in realms for word in ("--realm", realm.url)]
        made = await run_command(
            "vault", "fleet", *named, "--threshold", "2", "-o", str(fleet), "--json", home=folder
        )
        assert made.status == 0, made
        yield realms, fleet
    finally:
        await asyncio.gather(*(realm.stop() for realm in realms))
