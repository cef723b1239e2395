"""Turning backups off while a realm is away: it is named, asked again, and nothing newer is deleted by that."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from letterlock.backup.manifest import prefix_of
from letterlock.wire import vault_refusals
from letterlock.wire.frames import Frame
from letterlock.wire.vault_frames import Delete, Receipt, Refused
from letterlock_client.backup_models import BackupChoice, Frequency, Freshness, RealmState, TurnedOff
from letterlock_client.backup_shapes import OPENED_BY_NOTHING, off_line, off_shape, status_line, status_shape
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import BackupsSwitched
from letterlock_client.flows.backup.terms import require
from letterlock_client.flows.vault import watching
from letterlock_client.messenger import Messenger
from letterlock_client.providers.interface import Found, UnreachableError
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import VaultState
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, fleet, restore, shelf, turn_on
from tests.client.flows.backup.test_backups_by_password import OTHER, PASSWORD
from tests.client.flows.backup.test_restoring_crashes import EVERY, Death, dying, dying_disk
from tests.client.flows.backup.test_rotating_crashes import DyingProvider
from tests.client.flows.vault import vaults
from tests.client.providers.faulty import FaultyProvider
from tests.town import Town

__all__ = ["shelf"]

AWAY = "realm-3"


@dataclass
class Scene:
    alice: Messenger
    realms: vaults.Town
    file: Path

    async def turn_on(self) -> None:
        await self.alice.backups.turn_on(BackupChoice(PROVIDER, PASSWORD, fleet=self.file), NO_PASSPHRASE)

    async def turn_off(self) -> TurnedOff:
        return await self.alice.backups.turn_off(NO_PASSPHRASE)

    async def pending(self) -> tuple[str, ...]:
        return (await self.alice.backups.status()).deletions_pending

    def records(self) -> dict[str, bool]:
        """Which realms hold a record of hers."""
        account = self.alice.profile.account
        return {
            name: store.standings._standings[account].record is not None
            for name, store in self.realms.stores.items()
        }


@pytest.fixture
async def scene(shelf: Shelf, town: Town, tmp_path: Path) -> AsyncIterator[Scene]:
    async with fleet(shelf, tmp_path) as (realms, file):
        yield Scene(await town.register("alice"), realms, file)


async def test_whoever_listens_is_told_that_backups_were_turned_on_and_off(scene: Scene) -> None:
    stream = scene.alice.events()
    await scene.turn_on()
    await scene.turn_off()
    stream.close()
    told = [event async for event in stream if isinstance(event, BackupsSwitched)]
    assert told == [BackupsSwitched(on=True), BackupsSwitched(on=False)]


async def test_a_realm_that_was_away_is_named_and_deletes_when_it_is_asked_again(scene: Scene) -> None:
    await scene.turn_on()
    scene.realms.away = {AWAY}
    assert await scene.turn_off() == TurnedOff(0, 2, 3, (AWAY,))
    status = await scene.alice.backups.status()
    assert (status.on, status.deletions_pending) == (False, (AWAY,))
    assert status_shape(status)["deletions_pending"] == [AWAY]
    assert f"{AWAY} did not delete its record" in status_line(status)
    assert await scene.turn_off() == TurnedOff(0, 0, 1, (AWAY,))
    scene.realms.away.clear()
    assert scene.records() == {"realm-1": False, "realm-2": False, AWAY: True}
    assert await scene.turn_off() == TurnedOff(0, 1, 1)
    assert not any(scene.records().values())
    assert await scene.pending() == ()
    with pytest.raises(ClientError) as told:
        await scene.turn_off()
    assert told.value.code is Code.BACKUP_OFF


async def test_a_client_that_runs_asks_again_by_itself(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.turn_on()
    scene.realms.away = {AWAY}
    await scene.turn_off()
    scene.realms.away.clear()
    looked = asyncio.Event()

    async def look(_place: object) -> None:
        looked.set()

    monkeypatch.setattr(watching, "FIRST_LOOK_S", 0)
    monkeypatch.setattr(watching, "look", look)
    running = asyncio.create_task(watching.run(scene.alice._place))
    await looked.wait()
    running.cancel()
    assert await scene.pending() == ()
    assert not any(scene.records().values())


async def test_a_realm_that_missed_the_last_password_deletes_the_one_before(scene: Scene) -> None:
    await scene.turn_on()
    scene.realms.away = {AWAY}
    await scene.alice.backups.change_password(OTHER, NO_PASSPHRASE)
    scene.realms.away.clear()
    assert await scene.turn_off() == TurnedOff(0, 3, 3)
    assert not any(scene.records().values())


async def test_what_was_turned_on_again_meanwhile_is_not_deleted(scene: Scene) -> None:
    await scene.turn_on()
    scene.realms.away = {AWAY}
    await scene.turn_off()
    scene.realms.away.clear()
    await scene.turn_on()
    assert await scene.pending() == (AWAY,)
    await watching._delete_left(scene.alice._place)
    assert await scene.pending() == ()
    assert all(scene.records().values())
    assert {one.state for one in (await scene.alice.backups.vault()).realms} == {RealmState.READY}


async def test_two_vaults_that_were_left_are_both_asked(scene: Scene, tmp_path: Path) -> None:
    """Another fleet file, and so another registration, with the same realms in it."""
    other = tmp_path / "other.toml"
    other.write_bytes(scene.file.read_bytes() + b"\n")
    for file in (scene.file, other):
        scene.file = file
        scene.realms.away.clear()
        await scene.turn_on()
        scene.realms.away = {AWAY}
        await scene.turn_off()
    assert await scene.pending() == (AWAY, AWAY)
    scene.realms.away.clear()
    assert (await scene.turn_off()).deletions_pending == ()
    assert not any(scene.records().values())


async def test_a_realm_that_listens_to_another_terminal_now_is_asked_no_more(scene: Scene) -> None:
    await scene.turn_on()
    scene.realms.away = {AWAY}
    await scene.turn_off()
    scene.realms.away.clear()

    def refuse(frame: Frame) -> Frame:
        no = Refused(frame.id, code=vault_refusals.REVOKED, message="", retry=0, left=0, tombstone=b"")
        return no if isinstance(frame, Receipt) else frame

    scene.realms.lies[AWAY] = refuse
    assert await scene.turn_off() == TurnedOff(0, 0, 1)
    assert await scene.pending() == ()


async def test_a_vault_that_no_realm_of_answers_keeps_backups_on(scene: Scene) -> None:
    await scene.turn_on()
    scene.realms.cut = dict.fromkeys(scene.realms.stores, Delete)
    with pytest.raises(ClientError) as told:
        await scene.turn_off()
    assert told.value.code is Code.REALM_UNREACHABLE
    vault = await scene.alice._place.database.read(backup_state.load_vault)
    assert isinstance(vault, VaultState)
    assert await scene.pending() == ()


@pytest.mark.parametrize("how", ["gone", "lets nothing go"])
async def test_a_folder_that_is_gone_keeps_backups_on_until_somebody_leaves_it(
    scene: Scene, shelf: Shelf, how: str
) -> None:
    await scene.turn_on()
    await scene.alice.backups.back_up()
    state = await require(scene.alice._place)
    there = dict(shelf.memory.objects)
    shelf.seen = Gone(shelf.memory, lists=how != "gone")
    with pytest.raises(ClientError) as told:
        await scene.turn_off()
    assert told.value.code is Code.PROVIDER_UNREACHABLE
    assert (await scene.alice.backups.status()).on
    done = await scene.alice.backups.turn_off(NO_PASSPHRASE, leave=True)
    # What can be reached is deleted, at the first try or the second, and where the rest would be is told.
    gone = {name for name in there if name not in shelf.memory.objects}
    assert gone == {name for name in there if "/manifest/" in name and how != "gone"}
    assert done.left == (f"{PROVIDER}/{prefix_of(state.backup_key)}",)
    assert done.left[0] in off_line(done)
    assert off_shape(done)["left"] == list(done.left)
    assert not any(scene.records().values())
    assert not (await scene.alice.backups.status()).on
    # Another folder can be used at once.
    shelf.seen = shelf.memory
    await scene.turn_on()
    assert (await scene.alice.backups.back_up()).freshness is Freshness.VERIFIED


@EVERY
async def test_turning_off_that_dies_at_any_step_leaves_no_password_that_opens_nothing(
    scene: Scene, shelf: Shelf, town: Town, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """Until backups are off, a password is said to open them only where the realms give the secret back for it."""
    for at in range(1, 200, every):
        await scene.turn_on()
        await scene.alice.backups.back_up()
        death = Death(at, frozenset({"commit", "realm", "provider"}))
        shelf.seen = DyingProvider(shelf.memory, death)
        scene.alice._place.dial_realm = dying(town.outside("alice"), death).dial_realm
        with dying_disk(death, monkeypatch):
            turning = asyncio.create_task(scene.turn_off())
            killed = asyncio.create_task(death.came.wait())
            await asyncio.wait({turning, killed}, return_when=asyncio.FIRST_COMPLETED)
            turning.cancel()
            killed.cancel()
            await asyncio.gather(turning, killed, return_exceptions=True)
        shelf.seen = shelf.memory
        await scene.alice.close()
        scene.alice = await town.open("alice", connect=False)

        status = await scene.alice.backups.status()
        kept = sum(scene.records().values())
        assert status.has_password <= (kept == 3)
        assert status.has_password or not status.on or OPENED_BY_NOTHING in status_line(status)
        if status.on:
            assert (await scene.turn_off()).deletions_pending == ()
        assert not any(scene.records().values())
        assert not shelf.memory.objects
        assert await scene.pending() == ()
        if not death.came.is_set():
            break
    assert 10 < at < 199


async def test_a_provider_that_is_away_leaves_no_password_that_opens_nothing(
    scene: Scene, shelf: Shelf
) -> None:
    """Then backups are still on: whoever goes on with them sets a password, which is one again."""
    await scene.turn_on()
    await scene.alice.backups.back_up()
    shelf.seen = Gone(shelf.memory, lists=True)
    with pytest.raises(ClientError):
        await scene.turn_off()
    status = await scene.alice.backups.status()
    assert (status.on, status.has_password, status.deletions_pending) == (True, False, ())
    assert OPENED_BY_NOTHING in status_line(status)
    shelf.seen = shelf.memory
    await scene.alice.backups.change_password(OTHER, NO_PASSPHRASE, scene.file)
    assert (await scene.alice.backups.back_up()).freshness is Freshness.VERIFIED
    assert OPENED_BY_NOTHING not in status_line(await scene.alice.backups.status())
    assert all(scene.records().values())


async def test_what_can_be_deleted_leaves_nothing_behind(scene: Scene, shelf: Shelf) -> None:
    await scene.turn_on()
    await scene.alice.backups.back_up()
    done = await scene.alice.backups.turn_off(NO_PASSPHRASE, leave=True)
    assert (done.objects_deleted > 0, done.left) == (True, ())
    assert not shelf.memory.objects


class Gone(FaultyProvider):
    """A provider that cannot be reached, or deletes nothing but manifests."""

    def __init__(self, inner: MemoryProvider, *, lists: bool) -> None:
        super().__init__(inner)
        self._lists = lists

    async def list(self, prefix: str) -> list[Found]:
        if not self._lists:
            raise UnreachableError("the disk is not connected")
        return await super().list(prefix)

    async def delete(self, name: str) -> None:
        if "/manifest/" not in name:
            raise UnreachableError("the disk is not connected")
        await super().delete(name)


async def test_a_terminal_that_was_put_out_deletes_nothing_where_it_could_not_look(
    town: Town, shelf: Shelf
) -> None:
    """The disk comes back the moment after, and what lies there is the new terminal's by now."""
    old = await town.register("alice")
    digits = await turn_on(old)
    await old.backups.back_up()
    state = await require(old._place)
    await restore(town, digits)
    new = await town.open("second", connect=False)
    await new.backups.back_up()
    there = dict(shelf.memory.objects)
    shelf.seen = ComesBack(shelf.memory, f"{prefix_of(state.backup_key)}/takeover")
    done = await old.backups.turn_off(NO_PASSPHRASE, leave=True)
    assert (done.objects_deleted, done.left) == (0, (f"{PROVIDER}/{prefix_of(state.backup_key)}",))
    assert shelf.memory.objects == there
    assert (await new.backups.verify()).problems == ()


class ComesBack(FaultyProvider):
    """A provider that does not say what lies under one prefix."""

    def __init__(self, inner: MemoryProvider, unknown: str) -> None:
        super().__init__(inner)
        self._unknown = unknown

    async def list(self, prefix: str) -> list[Found]:
        if prefix == self._unknown:
            raise UnreachableError("the disk is not connected")
        return await super().list(prefix)


async def test_backups_that_are_turned_on_again_go_on_above_what_the_realms_remember(
    scene: Scene, town: Town
) -> None:
    """Else no realm would confirm them, and whoever restores by password would be told that they are stale."""
    await scene.turn_on()
    for frequency in (Frequency.WEEKLY, Frequency.MONTHLY, Frequency.OFF):
        await scene.alice.backups.choose(frequency=frequency)
        newest = await scene.alice.backups.back_up()
    await scene.turn_off()
    await scene.turn_on()
    made = await scene.alice.backups.back_up()
    assert (newest.generation, made.generation) == (3, 4)
    assert (made.freshness, made.realms_confirmed) == (Freshness.VERIFIED, 3)
    await scene.alice.close()
    assert (await restore(town, PASSWORD, fleet=scene.file)).freshness is Freshness.VERIFIED
