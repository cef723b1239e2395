"""What a restore brings back beside the history: how often and of what backups are made, and which ways open them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from letterlock.backup import choices
from letterlock.backup.records import SettingRecord
from letterlock_client import backup_shapes
from letterlock_client.backup_models import BackupChoice, BackupStatus, Frequency, Freshness
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.flows.backup import carrying
from letterlock_client.flows.backup.carrying import Carried, Owner, owner_in
from letterlock_client.messenger import Messenger
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import VaultState
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, fleet, restore, shelf
from tests.client.flows.backup.test_backups_by_password import OTHER, PASSWORD
from tests.client.flows.vault import vaults
from tests.town import Pair, Town

__all__ = ["shelf"]

REALMS = {"realm-1", "realm-2", "realm-3"}


@dataclass
class Scene:
    pair: Pair
    realms: vaults.Town
    file: Path
    digits: str

    async def back(self, secret: str, profile: str = "second", **more: object) -> Messenger:
        """Lose the terminal, and restore on another."""
        await self.pair.alice.close()
        await restore(self.pair.town, secret, profile, **more)  # type: ignore[arg-type]
        return await self.pair.town.open(profile)

    async def back_without_a_record(self) -> Messenger:
        """Restore while no realm answers; and then none has anything of the account."""
        self.realms.away |= REALMS
        again = await self.back(self.digits)
        self.realms.away.clear()
        for name in REALMS:
            standings = self.realms.stores[name].standings
            standings._standings.clear()
            standings._ledgers.clear()
        return again


@pytest.fixture
async def scene(shelf: Shelf, town: Town, tmp_path: Path) -> AsyncIterator[Scene]:
    async with fleet(shelf, tmp_path) as (realms, file):
        pair = await town.befriend()
        made = await pair.alice.backups.turn_on(
            BackupChoice(PROVIDER, PASSWORD, recovery_key=True, fleet=file), NO_PASSPHRASE
        )
        await pair.alice.backups.choose(frequency=Frequency.WEEKLY, include_videos=False)
        await pair.alice.backups.back_up()
        yield Scene(pair, realms, file, made.recovery_key)


async def kept(person: Messenger) -> VaultState:
    found = await person._place.database.read(backup_state.load_vault)
    assert found is not None
    return found


def ways(status: BackupStatus) -> tuple[bool, bool]:
    return status.has_password, status.has_recovery_key


async def test_the_64_digits_alone_bring_the_choices_and_the_password_back(scene: Scene) -> None:
    """No fleet file is there, and no locator was typed: both are in the backup."""
    before = await kept(scene.pair.alice)
    again = await scene.back(scene.digits)
    status = await again.backups.status()
    assert (status.frequency, status.include_media, status.include_videos) == (Frequency.WEEKLY, True, False)
    assert ways(status) == (True, True)
    assert not status.vault_unasked
    assert await kept(again) == before
    assert (await again.backups.back_up()).freshness is Freshness.VERIFIED
    assert (await again.backups.change_password(OTHER, NO_PASSPHRASE)).realms == 3
    await again.close()
    assert (await restore(scene.pair.town, OTHER, "third", fleet=scene.file)).freshness is Freshness.VERIFIED


async def test_a_password_brings_back_that_there_are_64_digits_and_the_owner_s_door(scene: Scene) -> None:
    before = await kept(scene.pair.alice)
    again = await scene.back(PASSWORD, fleet=scene.file)
    status = await again.backups.status()
    assert ways(status) == (True, True)
    assert (status.frequency, status.include_videos) == (Frequency.WEEKLY, False)
    assert await kept(again) == before
    assert (await again.backups.vault()).with_locator


@pytest.mark.parametrize("on_a_sheet", [False, True])
async def test_digits_shown_after_the_last_backup_open_it_and_may_do_so_is_what_is_said(
    shelf: Shelf, town: Town, tmp_path: Path, on_a_sheet: bool
) -> None:
    async with fleet(shelf, tmp_path) as (_, file):
        pair = await town.befriend()
        await pair.alice.backups.turn_on(BackupChoice(PROVIDER, PASSWORD, False, file), NO_PASSPHRASE)
        await pair.alice.backups.back_up()
        status = await pair.alice.backups.status()
        assert (*ways(status), status.digits_unsure) == (True, False, False)
        digits = await pair.alice.backups.recovery_key(NO_PASSPHRASE)
        await pair.alice.close()
        await restore(town, PASSWORD, "second", fleet=file)
        again = await town.open("second")
        status = await again.backups.status()
        assert (*ways(status), status.digits_unsure) == (True, False, True)
        assert backup_shapes.DIGITS_UNSURE in backup_shapes.status_line(status)
        assert backup_shapes.status_shape(status)["digits_unsure"] is True
        # And so they do.
        await restore(town, digits, "third", fleet=file)
        # Shown here, they are known, also to whoever restores the next backup.
        if on_a_sheet:
            assert digits[:4] in await again.backups.sheet(NO_PASSPHRASE, True)
        else:
            await again.backups.recovery_key(NO_PASSPHRASE)
        status = await again.backups.status()
        assert (*ways(status), status.digits_unsure) == (True, True, False)
        assert backup_shapes.DIGITS_UNSURE not in backup_shapes.status_line(status)


async def test_a_rotation_ends_all_older_digits_and_the_doubt_about_them(
    shelf: Shelf, town: Town, tmp_path: Path
) -> None:
    async with fleet(shelf, tmp_path) as (_, file):
        pair = await town.befriend()
        await pair.alice.backups.turn_on(BackupChoice(PROVIDER, PASSWORD, False, file), NO_PASSPHRASE)
        await pair.alice.backups.back_up()
        await pair.alice.close()
        await restore(town, PASSWORD, "second", fleet=file)
        again = await town.open("second")
        assert (await again.backups.status()).digits_unsure
        await again.backups.rotate(PASSWORD, NO_PASSPHRASE)
        assert not (await again.backups.status()).digits_unsure


async def test_a_password_changed_after_the_last_backup_is_learnt_of_the_realms(scene: Scene) -> None:
    await scene.pair.alice.backups.change_password(OTHER, NO_PASSPHRASE)
    again = await scene.back(scene.digits)
    assert (await kept(again)).epoch == 2
    assert (await again.backups.back_up()).freshness is Freshness.VERIFIED


async def test_what_no_realm_could_be_asked_is_shown_as_that_and_asked_with_the_next_backup(
    scene: Scene,
) -> None:
    await scene.pair.alice.backups.change_password(OTHER, NO_PASSPHRASE)
    scene.realms.away |= REALMS
    again = await scene.back(scene.digits)
    status = await again.backups.status()
    assert (*ways(status), status.vault_unasked) == (True, True, True)
    assert backup_shapes.UNASKED in backup_shapes.status_line(status)
    assert (await again.backups.back_up()).freshness is Freshness.UNANCHORED
    assert (await again.backups.status()).vault_unasked
    scene.realms.away.clear()
    assert (await again.backups.back_up()).freshness is Freshness.VERIFIED
    status = await again.backups.status()
    assert (*ways(status), status.vault_unasked) == (True, True, False)
    assert backup_shapes.UNASKED not in backup_shapes.status_line(status)
    assert ((await kept(again)).epoch, (await again.backups.vault()).with_locator) == (2, True)


async def test_a_password_that_the_realms_keep_no_more_is_not_said_to_open_anything(scene: Scene) -> None:
    """Deleted, or destroyed by guesses, after the last backup; two realms are not enough to be sure of it."""
    vault = await kept(scene.pair.alice)
    again = await scene.back_without_a_record()
    scene.realms.away |= {"realm-1"}
    await again.backups.back_up()
    assert await kept(again) == VaultState(vault.fleet, vault.epoch, vault.locator, unasked=True)
    scene.realms.away.clear()
    await again.backups.back_up()
    assert ways(await again.backups.status()) == (False, True)


async def test_a_rotation_asks_for_no_password_that_the_realms_keep_no_more(scene: Scene) -> None:
    again = await scene.back_without_a_record()
    done = await again.backups.rotate(None, NO_PASSPHRASE)
    assert (done.realms_total, done.old_left) == (0, False)
    assert ways(await again.backups.status()) == (False, True)
    await again.close()
    assert (await restore(scene.pair.town, done.recovery_key, "third")).messages == 2


async def test_a_locator_that_the_realms_do_not_know_is_not_kept(scene: Scene) -> None:
    """With it every later question would go to a door that is not there."""
    alice = scene.pair.alice
    vault = await kept(alice)

    async def another(work: object) -> None:
        await backup_state.save_vault(work.tx, VaultState(vault.fleet, 1, b""), ())  # type: ignore[attr-defined]

    await alice._place.transact(another)
    await alice.backups.change_password(OTHER, NO_PASSPHRASE)
    assert (await kept(alice)).locator not in (b"", vault.locator)
    again = await scene.back(OTHER, fleet=scene.file)
    assert await kept(again) == VaultState(vault.fleet, 2, b"")


async def test_a_backup_that_does_not_say_how_it_was_set_up_restores_as_it_always_did(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Carried.rows
    monkeypatch.setattr(Carried, "rows", lambda self, version: rows(self, version)[:1])
    await scene.pair.alice.backups.choose(frequency=Frequency.MONTHLY)
    await scene.pair.alice.backups.back_up()
    monkeypatch.undo()
    again = await scene.back(scene.digits)
    status = await again.backups.status()
    assert (status.frequency, status.include_videos, *ways(status)) == (Frequency.DAILY, True, False, True)
    assert await again.find("bob")


async def test_whoever_changes_a_choice_finds_it_in_the_next_backup_and_nothing_new_writes_nothing(
    scene: Scene,
) -> None:
    backups = scene.pair.alice.backups
    assert (await backups.back_up()).segments_written == 0
    await backups.choose(frequency=Frequency.MONTHLY)
    assert (await backups.back_up()).segments_written == 1
    assert (await backups.back_up()).segments_written == 0


async def test_nothing_that_opens_the_backup_is_carried(scene: Scene) -> None:
    place = scene.pair.alice._place
    state = await place.database.read(backup_state.load)
    assert state is not None
    _, (_, _, name, value) = carrying.carried(place, state, await kept(scene.pair.alice)).rows(7)
    assert name == choices.NAME
    for secret in (bytes.fromhex(scene.digits), state.backup_key, state.key_check, PASSWORD.encode()):
        assert secret not in value


def test_choices_of_another_version_than_the_identity_s_are_an_older_release_s_leavings() -> None:
    identity = carrying.IdentityRecord(9, bytes(20), "alice", "", 0, b"", b"", b"", b"", b"")
    said = choices.Choices("off", False, False, True)
    old, new = (SettingRecord(number, choices.NAME, choices.pack(said)) for number in (8, 9))
    assert owner_in([old, identity]) == Owner(identity)
    assert owner_in([old, identity, new]) == Owner(identity, said)
    assert owner_in([identity, SettingRecord(9, choices.NAME, b"?")]) == Owner(identity)
    assert owner_in([new]) is None
