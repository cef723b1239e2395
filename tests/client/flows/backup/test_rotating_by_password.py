"""A rotation where the vault's realms keep the secret: they keep the new one, and the old registration is gone."""

import asyncio
import json
from argparse import Namespace
from asyncio import Task
from dataclasses import replace

import pytest

from letterlock.vault.recovery_secret import key_id
from letterlock_client.backup_models import BackupChoice, Freshness
from letterlock_client.commands import backup
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.vault import of_profile, watching
from letterlock_client.output import Output
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import VaultState
from letterlock_client.storage.rotation_state import Phase
from tests.client.flows.backup.backup_scene import PROVIDER, restore, shelf
from tests.client.flows.backup.test_backups_by_password import OTHER, PASSWORD, Scene, scene
from tests.client.flows.backup.test_rotating import left, opens, prefixes, refuses
from tests.client.flows.vault import vaults
from tests.town import eventually

__all__ = ["scene", "shelf"]


async def backed_up(scene: Scene) -> str:
    """Back up under a password and the 64 digits; return the digits."""
    choice = BackupChoice(PROVIDER, PASSWORD, recovery_key=True, fleet=scene.file)
    made = await scene.pair.alice.backups.turn_on(choice, NO_PASSPHRASE)
    await scene.pair.alice.backups.back_up()
    return made.recovery_key


async def vault_of(scene: Scene) -> VaultState:
    found = await scene.pair.alice._place.database.read(backup_state.load_vault)
    assert found is not None
    return found


async def rotate_badly(scene: Scene, code: Code) -> None:
    with pytest.raises(ClientError) as told:
        await scene.pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE)
    assert told.value.code is code


async def test_the_password_opens_what_was_rotated_and_the_realms_vouch_for_it(scene: Scene) -> None:
    """Without a word about digits to whoever never had them, and without a guess."""
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    before = await vault_of(scene)
    done = await scene.pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE)
    assert (done.recovery_key, done.realms, done.realms_total, done.old_left) == ("", 3, 3, False)
    after = await vault_of(scene)
    assert (after.epoch, after.locator) == (before.epoch + 1, before.locator)
    newest = await of_profile.newest(scene.pair.alice._place, after)
    assert (newest.epoch, newest.realms) == (after.epoch, 3)
    assert not any(asked is vaults.GUESSED for _, asked in scene.realms.asked)
    assert len(prefixes(scene.shelf)) == 1
    status = await scene.pair.alice.backups.status()
    assert status.last is not None
    assert status.last.freshness is Freshness.VERIFIED
    await scene.pair.alice.close()
    back = await restore(scene.pair.town, PASSWORD, fleet=scene.file)
    assert (back.messages, back.freshness) == (2, Freshness.VERIFIED)


async def test_another_password_takes_the_place_of_the_one_before(scene: Scene) -> None:
    old = await backed_up(scene)
    done = await scene.pair.alice.backups.rotate(OTHER, NO_PASSPHRASE)
    town = scene.pair.town
    await refuses(town, PASSWORD, Code.WRONG_PASSWORD, scene.file)
    await refuses(town, old, Code.NOTHING_FOUND)
    assert await opens(town, OTHER, scene.file) == await opens(town, done.recovery_key) == 2


async def test_a_rotation_asks_for_the_password_that_the_vault_is_to_ask_for(scene: Scene) -> None:
    await backed_up(scene)
    for password in (None, "password"):
        with pytest.raises(ClientError) as told:
            await scene.pair.alice.backups.rotate(password, NO_PASSPHRASE)
        assert told.value.code is Code.BAD_INPUT
    assert await left(scene.pair.alice) is None


async def test_realms_too_few_to_keep_the_new_secret_change_nothing(scene: Scene) -> None:
    old = await backed_up(scene)
    scene.realms.away |= {"realm-1", "realm-2"}
    await rotate_badly(scene, Code.REALM_UNREACHABLE)
    rotation = await left(scene.pair.alice)
    assert rotation is not None
    assert rotation.phase is Phase.WRITING
    assert await opens(scene.pair.town, old) == 2
    scene.realms.away.clear()
    assert await opens(scene.pair.town, PASSWORD, scene.file) == 2
    done = await scene.pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE)
    # What was written then is what is used now.
    assert done.key_id_after == key_id(rotation.state.key_check)
    assert await opens(scene.pair.town, PASSWORD, scene.file) == 2
    await refuses(scene.pair.town, old, Code.NOTHING_FOUND)


async def test_the_old_backup_stays_until_enough_realms_keep_the_new_secret(scene: Scene) -> None:
    old = await backed_up(scene)
    scene.realms.cut = dict.fromkeys(("realm-1", "realm-2"), vaults.COMMIT)
    done = await scene.pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE)
    assert (done.realms, done.realms_total, done.old_left) == (1, 3, True)
    assert (await scene.pair.alice.backups.status()).rotation == "leaving"
    assert await opens(scene.pair.town, done.recovery_key) == await opens(scene.pair.town, old) == 2
    made = await scene.pair.alice.backups.back_up()
    assert made.freshness is Freshness.UNANCHORED
    assert len(prefixes(scene.shelf)) == 2
    scene.realms.cut = {}
    made = await scene.pair.alice.backups.back_up()
    assert made.freshness is Freshness.VERIFIED
    assert len(prefixes(scene.shelf)) == 1
    assert await opens(scene.pair.town, PASSWORD, scene.file) == 2
    await refuses(scene.pair.town, old, Code.NOTHING_FOUND)


async def test_a_realm_that_was_away_hears_of_it_later(scene: Scene) -> None:
    await backed_up(scene)
    scene.realms.away.add("realm-3")
    done = await scene.pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE)
    assert (done.realms, done.realms_total, done.old_left) == (2, 3, False)
    scene.realms.away.clear()
    await scene.pair.alice.backups.back_up()
    newest = await of_profile.newest(scene.pair.alice._place, await vault_of(scene))
    assert newest.realms == 3


class DiedError(Exception):
    """The process dies here."""


async def die_committing(scene: Scene, monkeypatch: pytest.MonkeyPatch, *unheard: str) -> str:
    """Rotate, and die when all realms but some were told to commit, and nothing of it is noted here.

    Returns the old digits.
    """
    old = await backed_up(scene)
    scene.realms.cut = dict.fromkeys(unheard, vaults.COMMIT)

    async def dying(*_: object, **__: object) -> None:
        raise DiedError

    with monkeypatch.context() as patch:
        patch.setattr("letterlock_client.flows.backup.unfinished_rotations.switch", dying)
        with pytest.raises(DiedError):
            await scene.pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE)
    scene.realms.cut = {}
    return old


async def test_nothing_is_written_while_a_realm_that_may_keep_the_new_secret_is_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await die_committing(scene, monkeypatch, "realm-1", "realm-2")
    scene.realms.away.add("realm-3")
    for verb in (
        scene.pair.alice.backups.back_up(),
        scene.pair.alice.backups.turn_off(NO_PASSPHRASE),
    ):
        with pytest.raises(ClientError) as told:
            await verb
        assert told.value.code is Code.VAULT_UNFINISHED
    with pytest.raises(ClientError) as told:
        await scene.pair.alice.backups.change_password(OTHER, NO_PASSPHRASE)
    assert told.value.code is Code.BACKUP_RUNNING
    # The two that are there are enough to keep it once more.
    done = await scene.pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE)
    assert (done.realms, done.old_left) == (2, False)
    assert await opens(scene.pair.town, PASSWORD, scene.file) == 2


async def test_one_realm_that_committed_is_enough_for_the_next_backup_to_end_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old = await die_committing(scene, monkeypatch, "realm-1", "realm-2")
    assert (await scene.pair.alice.backups.status()).rotation == "committing"
    await backup.back_up(scene.pair.alice, Namespace(mend=False), Output(as_json=True))
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed[0] == {"type": "alarm", "code": "key_rotated"}
    assert printed[-1]["freshness"] == Freshness.VERIFIED.value
    assert await left(scene.pair.alice) is None
    assert await opens(scene.pair.town, PASSWORD, scene.file) == 2
    await refuses(scene.pair.town, old, Code.NOTHING_FOUND)


async def test_a_password_that_nobody_asked_about_is_not_given_up_while_realms_may_keep_the_new_secret(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await die_committing(scene, monkeypatch)
    place = scene.pair.alice._place
    unasked = replace(await vault_of(scene), unasked=True)
    await place.transact(lambda work: backup_state.save_vault(work.tx, unasked, ()))
    # A client that runs asks in between.
    await watching.look(place)
    assert (await scene.pair.alice.backups.back_up()).freshness is Freshness.VERIFIED
    assert await left(scene.pair.alice) is None
    assert not (await vault_of(scene)).unasked
    assert await opens(scene.pair.town, PASSWORD, scene.file) == 2


async def test_turning_off_in_the_middle_leaves_nothing_anywhere(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await die_committing(scene, monkeypatch)
    off = await scene.pair.alice.backups.turn_off(NO_PASSPHRASE)
    assert (off.realms_deleted, scene.shelf.memory.objects) == (3, {})
    assert await left(scene.pair.alice) is None


async def test_the_place_stays_where_it_is_while_a_rotation_is_unfinished(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await die_committing(scene, monkeypatch)
    with pytest.raises(ClientError) as told:
        await scene.pair.alice.backups.move("folder:/elsewhere")
    assert told.value.code is Code.BACKUP_RUNNING


async def being_changed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> tuple[Task[object], asyncio.Event]:
    """Begin to change the password to the other one; it goes on once it is let go."""
    await backed_up(scene)
    reached, let_go = asyncio.Event(), asyncio.Event()
    change = of_profile.change_password

    async def slow(*given: object, **more: object) -> object:
        reached.set()
        await let_go.wait()
        return await change(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(of_profile, "change_password", slow)
    changing = asyncio.create_task(scene.pair.alice.backups.change_password(OTHER, NO_PASSPHRASE))
    await reached.wait()
    return changing, let_go


async def done_or_waits(scene: Scene, task: Task[object]) -> None:
    async def look() -> bool:
        return task.done() or bool(scene.pair.alice._place.vault_lock._waiters)

    await eventually(look)


async def test_a_password_that_is_being_changed_keeps_no_secret_that_a_rotation_leaves(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing, let_go = await being_changed(scene, monkeypatch)
    rotating = asyncio.create_task(scene.pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE))
    await done_or_waits(scene, rotating)
    let_go.set()
    await asyncio.gather(changing, rotating)
    assert await opens(scene.pair.town, PASSWORD, scene.file) == 2


async def test_a_password_that_is_being_changed_leaves_nothing_where_backups_are_turned_off(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    changing, let_go = await being_changed(scene, monkeypatch)
    ending = asyncio.create_task(scene.pair.alice.backups.turn_off(NO_PASSPHRASE))
    await done_or_waits(scene, ending)
    let_go.set()
    await asyncio.gather(changing, ending)
    assert await scene.pair.alice._place.database.read(backup_state.load_vault) is None
    assert (await ending).realms_deleted == 3
    await refuses(scene.pair.town, OTHER, Code.VAULT_DESTROYED, scene.file)
