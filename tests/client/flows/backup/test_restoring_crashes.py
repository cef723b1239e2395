"""Whoever dies in the middle of coming back comes back: on the same terminal, or on one more."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from letterlock_client.backup_models import BackupChoice, Freshness, Restored
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.events import RestoreFinished
from letterlock_client.flows.opening import Outside
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.transport import Dial, Transport
from letterlock_client.storage import keyring
from letterlock_client.storage.database import Database
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, fleet, restore, shelf, texts
from tests.town import WAIT_S, Pair, Town, eventually

__all__ = ["shelf"]

PASSWORD = "violet harbour 71 lanterns"


ALL: Final = frozenset({"commit", "key file", "realm", "relay"})
SEEN_BY_OTHERS: Final = frozenset({"realm", "relay"})


EVERY: Final = pytest.mark.parametrize(
    "every", [pytest.param(1, marks=pytest.mark.slow), 5], ids=["every step", "every fifth step"]
)


class DeadError(Exception):
    """The process is dead from here on."""


class Death:
    """Counts the steps that others or a disk can see; kills at one of them, and lets nothing happen after it."""

    def __init__(self, at: int, kinds: frozenset[str] = ALL) -> None:
        self.at, self.kinds, self.steps = at, kinds, 0
        self.came = asyncio.Event()

    def step(self, kind: str) -> None:
        if kind in self.kinds:
            self.steps += 1
        if self.steps >= self.at:
            self.came.set()
        if self.came.is_set():
            raise DeadError


class _Watched:
    """A connection: dead once something was done at the other end, before it is heard here."""

    def __init__(self, inner: Transport, kind: str, death: Death) -> None:
        self._inner, self._kind, self._death = inner, kind, death
        self.certificate_hash = inner.certificate_hash

    async def send(self, data: bytes) -> None:
        await self._inner.send(data)

    async def receive(self) -> bytes:
        data = await self._inner.receive()
        self._death.step(self._kind)
        return data

    async def close(self) -> None:
        await self._inner.close()


def dying(outside: Outside, death: Death) -> Outside:
    def watched(dial: Dial, kind: str) -> Dial:
        async def dialled(address: RelayAddress) -> Transport:
            return _Watched(await dial(address), kind, death)

        return dialled

    return replace(
        outside, dial=watched(outside.dial, "relay"), dial_realm=watched(outside.dial_realm, "realm")
    )


@contextmanager
def dying_disk(death: Death, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Dead right after a commit, or after a new key file."""
    write, keep = Database.write, keyring.write_private_file

    async def committing(self: Database, work: Callable[..., object]) -> object:
        done = await write(self, work)  # type: ignore[arg-type]
        death.step("commit")
        return done

    def keeping(path: Path, data: bytes) -> None:
        keep(path, data)
        death.step("key file")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", committing)
        patch.setattr(keyring, "write_private_file", keeping)
        yield


@dataclass
class Scene:
    """Alice, whose terminals die one after the other, and Bob."""

    pair: Pair
    shelf: Shelf
    fleet: Path
    digits: str
    early: bool = False
    """Whether restores end as soon as somebody can chat."""

    async def restore(self, profile: str, secret: str) -> Restored:
        return await restore(self.pair.town, secret, profile, fleet=self.fleet, early=self.early)

    async def die(self, death: Death, profile: str, secret: str, monkeypatch: pytest.MonkeyPatch) -> bool:
        """Restore on a new terminal, and die at this step; False where it was over before."""
        town = self.pair.town
        plain = town.outside
        with monkeypatch.context() as patch, dying_disk(death, monkeypatch):
            patch.setattr(town, "outside", lambda name: dying(plain(name), death))
            restoring = asyncio.create_task(self.restore(profile, secret))
            killed = asyncio.create_task(death.came.wait())
            await asyncio.wait({restoring, killed}, return_when=asyncio.FIRST_COMPLETED)
            restoring.cancel()
            killed.cancel()
            await asyncio.gather(restoring, killed, return_exceptions=True)
        return death.came.is_set()

    async def come_back(self, profile: str, secret: str) -> None:
        """Restore there; whoever does is heard by Bob, and is the one device that the realms know."""
        done = await self.restore(profile, secret)
        assert done.messages == 2
        here = await self.pair.town.open(profile)
        assert await texts(here, self.pair.to_bob) == ["hello", "hello yourself"]
        await here.send_text(self.pair.to_bob, f"from {profile}")

        async def heard() -> bool:
            return (await self.pair.texts(self.pair.bob))[-1] == f"from {profile}"

        await eventually(heard)
        assert await here.backups.history()
        await here.close()


@pytest.fixture
async def scene(shelf: Shelf, town: Town, tmp_path: Path) -> AsyncIterator[Scene]:
    async with fleet(shelf, tmp_path) as (_, file):
        pair = await town.befriend()
        choice = BackupChoice(PROVIDER, password=PASSWORD, recovery_key=True, fleet=file)
        made = await pair.alice.backups.turn_on(choice, NO_PASSPHRASE)
        assert (await pair.alice.backups.back_up()).freshness is Freshness.VERIFIED
        await pair.alice.close()
        yield Scene(pair, shelf, file, made.recovery_key)


@EVERY
@pytest.mark.parametrize("early", [False, True], ids=["whole", "early"])
async def test_a_restore_that_dies_at_any_step_goes_on_where_it_stopped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, every: int, early: bool
) -> None:
    scene.early = early
    for at in range(1, 400, every):
        if not await scene.die(Death(at), f"dies-at-{at}", PASSWORD, monkeypatch):
            break
        await scene.come_back(f"dies-at-{at}", PASSWORD)
    assert 20 < at < 399


@EVERY
async def test_a_terminal_that_was_lost_while_it_restored_is_replaced_by_another(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """What it had told the realms, or the relay, or both, stands in nobody's way."""
    for at in range(1, 400, every):
        if not await scene.die(Death(at, SEEN_BY_OTHERS), f"lost-at-{at}", PASSWORD, monkeypatch):
            break
        await scene.come_back(f"after-{at}", PASSWORD)
    assert 20 < at < 399


async def test_an_account_that_came_back_by_half_is_not_taken_for_whole(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dead with the new keys on disk: the relay learns of them at the next start, realms and backups do not."""
    assert await scene.die(Death(2, frozenset({"key file"})), "half", PASSWORD, monkeypatch)
    town = scene.pair.town
    half = await town.open("half")
    assert not (await half.backups.status()).on
    stream = half.events()
    half.backups.go_on_restoring()
    async with asyncio.timeout(WAIT_S):
        event = await anext(event async for event in stream if isinstance(event, RestoreFinished))
    assert event.restored is None
    assert "restore again" in event.error
    assert (await half.backups.status()).restoring
    await half.close()
    await scene.come_back("half", PASSWORD)
    whole = await town.open("half")
    status = await whole.backups.status()
    assert (status.on, status.restoring) == (True, False)


async def test_an_account_that_came_back_by_half_is_fetched_whoever_asks_otherwise_the_next_time(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another restore gives way to one with the digits, which no realm confirms, and files for later."""
    assert await scene.die(Death(2, frozenset({"key file"})), "half", PASSWORD, monkeypatch)
    town = scene.pair.town
    await (await town.open("half")).close()
    await restore(town, scene.digits, "half", fleet=scene.fleet, media_later=True)
    whole = await town.open("half")
    status = await whole.backups.status()
    assert (status.on, status.restoring) == (True, False)
