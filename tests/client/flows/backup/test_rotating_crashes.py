"""A rotation that dies anywhere: the old secret opens all of it or the new one does, and the next run ends it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from letterlock_client.backup_models import BackupChoice, Freshness, Rotated
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.providers.interface import Found, Provider, ProviderInfo
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, fleet, shelf, turn_on
from tests.client.flows.backup.test_restoring_crashes import EVERY, Death, dying, dying_disk
from tests.client.flows.backup.test_rotating import left, opens, prefixes, refuses
from tests.client.flows.vault import vaults
from tests.town import Pair, Town

__all__ = ["shelf"]

PASSWORD, OTHER = "violet harbour 71 lanterns", "nine copper herons waltz"
STEPS = frozenset({"commit", "key file", "realm", "provider"})


class DyingProvider:
    """Dead once the provider has done what it was asked, before that is heard here."""

    def __init__(self, inner: Provider, death: Death) -> None:
        self._inner, self._death = inner, death

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        done = await self._inner.put(name, data)
        self._death.step("provider")
        return done

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        found = await self._inner.get(name, start, length)
        self._death.step("provider")
        return found

    async def list(self, prefix: str) -> list[Found]:
        found = await self._inner.list(prefix)
        self._death.step("provider")
        return found

    async def delete(self, name: str) -> None:
        await self._inner.delete(name)
        self._death.step("provider")

    async def info(self) -> ProviderInfo:
        return await self._inner.info()


@dataclass
class Scene:
    """Alice, whose terminal dies again and again while it rotates, and what opens her backup."""

    pair: Pair
    shelf: Shelf
    realms: vaults.Town | None
    fleet: Path | None
    password: str | None
    digits: str
    messages: int

    async def rotate(self) -> Rotated:
        return await self.pair.alice.backups.rotate(self.password, NO_PASSPHRASE)

    async def die(self, death: Death, monkeypatch: pytest.MonkeyPatch) -> bool:
        """Rotate, and die at this step; False where it was over before. Then the terminal starts again."""
        place = self.pair.alice._place
        self.shelf.seen = DyingProvider(self.shelf.memory, death)
        place.dial_realm = dying(self.pair.town.outside("alice"), death).dial_realm
        with dying_disk(death, monkeypatch):
            rotating = asyncio.create_task(self.rotate())
            killed = asyncio.create_task(death.came.wait())
            await asyncio.wait({rotating, killed}, return_when=asyncio.FIRST_COMPLETED)
            rotating.cancel()
            killed.cancel()
            await asyncio.gather(rotating, killed, return_exceptions=True)
        self.shelf.seen = self.shelf.memory
        await self.pair.alice.close()
        self.pair.alice = await self.pair.town.open("alice", connect=False)
        return death.came.is_set()

    async def either_opens(self) -> None:
        """Whoever has the password opens all of it, and so does whoever has the old digits or the new."""
        if self.password is not None:
            assert await opens(self.pair.town, self.password, self.fleet) == self.messages
        try:
            assert await opens(self.pair.town, self.digits) == self.messages
        except ClientError as error:
            assert error.code is Code.NOTHING_FOUND  # noqa: PT017
            shown = await self.pair.alice.backups.recovery_key(NO_PASSPHRASE)
            assert await opens(self.pair.town, shown) == self.messages

    async def ended(self) -> None:
        """Nothing is left of a rotation, and the present digits open the backup, which is whole."""
        assert await left(self.pair.alice) is None
        assert len(prefixes(self.shelf)) == 1
        shown = await self.pair.alice.backups.recovery_key(NO_PASSPHRASE)
        assert await opens(self.pair.town, shown) == self.messages
        if self.password is not None:
            assert await opens(self.pair.town, self.password, self.fleet) == self.messages
        verified = await self.pair.alice.backups.verify()
        assert (verified.messages, verified.media, verified.problems) == (self.messages, 1, ())
        self.digits = shown


@pytest.fixture(params=[False, True], ids=["digits", "password"])
async def scene(
    shelf: Shelf, town: Town, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Scene]:
    async with fleet(shelf, tmp_path) as (realms, file):
        pair = await town.befriend()
        (tmp_path / "file").write_bytes(b"a file" * 1000)
        await pair.alice.send_file(pair.to_bob, tmp_path / "file")
        await pair.settle()
        if request.param:
            choice = BackupChoice(PROVIDER, password=PASSWORD, recovery_key=True, fleet=file)
            digits = (await pair.alice.backups.turn_on(choice, NO_PASSPHRASE)).recovery_key
        else:
            digits = await turn_on(pair.alice)
        await pair.alice.backups.back_up()
        password = PASSWORD if request.param else None
        yield Scene(pair, shelf, realms, file if request.param else None, password, digits, 3)


@EVERY
async def test_a_rotation_that_dies_at_any_step_is_ended_by_the_next(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    for at in range(1, 400, every):
        old = scene.digits
        died = await scene.die(Death(at, STEPS), monkeypatch)
        await scene.either_opens()
        if not died:
            break
        done = await scene.rotate()
        assert not done.old_left
        await scene.ended()
        assert scene.digits == done.recovery_key != old
        await refuses(scene.pair.town, old, Code.NOTHING_FOUND)
    assert 25 < at < 399


@EVERY
async def test_a_backup_after_a_rotation_that_died_is_found_by_what_opens_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    for at in range(2, 400, every):
        died = await scene.die(Death(at, STEPS), monkeypatch)
        await scene.pair.alice.send_text(scene.pair.to_bob, f"after {at}")
        scene.messages += 1
        made = await scene.pair.alice.backups.back_up()
        assert made.messages == scene.messages
        assert made.freshness is (Freshness.VERIFIED if scene.password else Freshness.UNCHECKED)
        shown = await scene.pair.alice.backups.recovery_key(NO_PASSPHRASE)
        assert await opens(scene.pair.town, shown) == scene.messages
        if scene.password is not None:
            assert await opens(scene.pair.town, scene.password, scene.fleet) == scene.messages
        if not died:
            break
        # What waits to be taken up again is taken up, or was ended by the backup.
        if await left(scene.pair.alice) is not None:
            await scene.rotate()
        await scene.ended()
    assert 25 < at < 399
