"""A living terminal hears of every try at its backup password that it did not make."""

import pytest

from letterlock_client.backup_models import Attempt
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm
from letterlock_client.flows.vault import of_profile, watching
from tests.client.flows.vault.test_vault_of_profile import OTHER, PASSWORD, Scene, scene

__all__ = ["scene"]


async def looked(scene: Scene) -> Alarm | None:
    return next(iter(await watching.look(scene.place)), None)


async def wrong(scene: Scene) -> None:
    with pytest.raises(ClientError) as told:
        await scene.recover(OTHER)
    assert told.value.code is Code.WRONG_PASSWORD


async def test_tries_that_fail_are_told_once_and_with_their_number(scene: Scene) -> None:
    assert await looked(scene) is None
    await scene.turn_on()
    assert await looked(scene) is None
    await wrong(scene)
    alarm = await looked(scene)
    assert alarm is not None
    assert alarm.code == "vault_guess_failed"
    assert "tried" in alarm.text
    assert "times" not in alarm.text
    assert await looked(scene) is None
    for _ in range(3):
        await wrong(scene)
    alarm = await looked(scene)
    assert alarm is not None
    assert "times" in alarm.text


async def test_somebody_who_got_the_key_is_told_before_those_who_did_not(scene: Scene) -> None:
    await scene.turn_on()
    await wrong(scene)
    await scene.recover(PASSWORD)
    alarm = await looked(scene)
    assert alarm is not None
    assert alarm.code == "vault_recovered"


async def test_a_destroyed_record_is_told_and_so_is_a_ledger_that_goes_back(scene: Scene) -> None:
    await scene.turn_on()
    await looked(scene)
    codes = set()
    while Code.VAULT_DESTROYED not in codes:
        with pytest.raises(ClientError) as told:
            await scene.recover(OTHER)
        codes.add(told.value.code)
    assert codes == {Code.WRONG_PASSWORD, Code.VAULT_DESTROYED}
    alarm = await looked(scene)
    assert alarm is not None
    assert alarm.code == "vault_destroyed"
    scene.realms.roll_back("realm-1", scene.place.own.id, entries=0)
    alarm = await looked(scene)
    assert alarm is not None
    assert alarm.code == "realm_lied"


async def test_a_realm_that_lies_hides_nobody_who_tries_at_the_others(scene: Scene) -> None:
    await scene.turn_on()
    await looked(scene)
    scene.realms.roll_back("realm-1", scene.place.own.id, entries=0)
    assert [one.code for one in await watching.look(scene.place)] == ["realm_lied"]
    await wrong(scene)
    alarms = await watching.look(scene.place)
    assert [one.code for one in alarms] == ["vault_guess_failed", "realm_lied"]
    assert [one.code for one in await watching.look(scene.place)] == ["realm_lied"]


async def test_realms_that_are_away_are_looked_at_later(scene: Scene) -> None:
    await scene.turn_on()
    await of_profile.history(scene.place, await scene.vault())
    await wrong(scene)
    scene.realms.away |= {"realm-1", "realm-2", "realm-3"}
    assert await looked(scene) is None
    scene.realms.away.clear()
    assert await looked(scene) is not None


def test_what_the_owner_did_is_no_alarm() -> None:
    quiet = ("registered", "anchored", "deleted", "door_closed")
    assert watching.alarm_of(Attempt("r", 0, kind, "", 1) for kind in quiet) is None
