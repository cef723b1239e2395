"""A profile and its vault: what is kept, so that nothing is lost when a realm or this program goes away."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from letterlock.primitives.derivation import sha256
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.wire.frames import Frame
from letterlock.wire.vault_frames import Receipt
from letterlock_client.backup_models import Anchored, Freshness
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm
from letterlock_client.flows.vault import of_profile, recovering
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import VaultState
from letterlock_server.vault import fleet_file
from tests.client.flows.vault import vaults
from tests.shared.devices.people import seed
from tests.shared.vault.realms import CHEAP
from tests.town import Town

PASSWORD, OTHER = "correct horse battery", "another long password"
R = RecoverySecret(seed("recovery secret"))


@dataclass
class Scene:
    place: Workplace
    realms: vaults.Town
    file: Path

    async def vault(self) -> VaultState:
        found = await self.place.database.read(backup_state.load_vault)
        assert found is not None
        return found

    async def turn_on(self) -> None:
        made = await of_profile.register_first(self.place, PASSWORD, R, self.file, stretching=CHEAP)

        async def save(work: Work) -> None:
            await backup_state.save_vault(work.tx, made.vault, made.pending)

        await self.place.transact(save)

    async def recover(self, password: str) -> recovering.Recovered:
        vault = await self.vault()
        async with self.realms.opened() as links:
            return await recovering.recover(links, self.place.own.id, password, vault.locator)

    async def change(self) -> None:
        vault = await self.vault()
        await of_profile.change_password(self.place, vault, OTHER, R, stretching=CHEAP)


@pytest.fixture
async def scene(town: Town, tmp_path: Path) -> AsyncIterator[Scene]:
    async with vaults.town_of() as realms:
        alice = await town.register("alice")
        alice._place.dial_realm = realms.dial
        file = tmp_path / "fleet.toml"
        fleet_file.write(file, realms.fleet, force=False)
        yield Scene(alice._place, realms, file)


async def test_a_profile_keeps_where_its_secret_is(scene: Scene) -> None:
    await scene.turn_on()
    vault = await scene.vault()
    assert (vault.epoch, len(vault.locator)) == (1, 10)
    assert of_profile.fleet_of(vault) == scene.realms.fleet
    assert (await scene.recover(PASSWORD)).secret.secret == R.secret
    assert (await of_profile.view(scene.place, vault)).attempts_left >= 14


async def test_a_realm_that_was_away_hears_of_it_before_the_next_anchor(scene: Scene) -> None:
    scene.realms.away.add("realm-3")
    await scene.turn_on()
    assert [name for name, _ in await scene.place.database.read(backup_state.pending)] == ["realm-3"]
    told = await of_profile.anchor(scene.place, await scene.vault(), 1, sha256(b"1"))
    assert told == Anchored(2, Freshness.VERIFIED)
    scene.realms.away.clear()
    told = await of_profile.anchor(scene.place, await scene.vault(), 2, sha256(b"2"))
    assert told == Anchored(3, Freshness.VERIFIED)
    assert await scene.place.database.read(backup_state.pending) == []
    scene.realms.away |= {"realm-1", "realm-2"}
    told = await of_profile.anchor(scene.place, await scene.vault(), 3, sha256(b"3"))
    assert told == Anchored(1, Freshness.UNANCHORED)
    scene.realms.away.clear()
    assert (await scene.recover(PASSWORD)).anchor in ((2, sha256(b"2")), (3, sha256(b"3")))


async def test_a_password_change_that_too_few_heard_of_is_kept_and_repaired(scene: Scene) -> None:
    await scene.turn_on()
    before = await scene.vault()
    scene.realms.cut = dict.fromkeys(("realm-1", "realm-2"), vaults.COMMIT)
    with pytest.raises(ClientError) as told:
        await scene.change()
    assert told.value.code is Code.VAULT_UNFINISHED
    assert "the one before may open the backup" in str(told.value)
    after = await scene.vault()
    assert (after.epoch, after.locator) == (2, before.locator)
    scene.realms.cut = {}
    assert await of_profile.repair(scene.place, after) == 0
    assert (await scene.recover(OTHER)).secret.secret == R.secret
    with pytest.raises(ClientError, match="not the backup password"):
        await scene.recover(PASSWORD)


async def test_the_history_is_shown_and_a_ledger_that_goes_back_is_an_alarm(scene: Scene) -> None:
    await scene.turn_on()
    await scene.recover(PASSWORD)
    shown = await of_profile.history(scene.place, await scene.vault())
    assert {one.kind for one in shown} == {"registered", "recovered"}
    heads = await scene.place.database.read(backup_state.ledger_heads)
    assert len(heads) == 3
    scene.realms.roll_back("realm-1", scene.place.own.id, entries=0)
    stream = scene.place.announcer.listen()
    honest = await of_profile.history(scene.place, await scene.vault())
    stream.close()
    assert {one.realm for one in honest} == {"realm-2", "realm-3"}
    assert [event.code async for event in stream if isinstance(event, Alarm)] == ["realm_lied"]
    for name in ("realm-2", "realm-3"):
        scene.realms.roll_back(name, scene.place.own.id, entries=0)
    with pytest.raises(ClientError) as told:
        await of_profile.history(scene.place, await scene.vault())
    assert told.value.code is Code.REALM_LIED
    assert await scene.place.database.read(backup_state.ledger_heads) == heads


async def test_deleting_counts_the_realms_that_proved_it(scene: Scene) -> None:
    await scene.turn_on()
    scene.realms.away.add("realm-2")
    ended = await of_profile.delete(scene.place, await scene.vault())
    assert (ended.proved, ended.waiting) == (("realm-1", "realm-3"), ("realm-2",))
    scene.realms.away |= {"realm-1", "realm-3"}
    with pytest.raises(ClientError) as told:
        await of_profile.delete(scene.place, await scene.vault())
    assert told.value.code is Code.REALM_UNREACHABLE


async def test_a_restored_terminal_goes_on_with_the_vault_it_was_restored_by(scene: Scene) -> None:
    await scene.turn_on()
    vault = await scene.vault()
    recovered = await scene.recover(PASSWORD)
    assert recovered.epoch == vault.epoch
    await scene.place.transact(lambda work: backup_state.forget_vault(work.tx))
    await of_profile.adopt(scene.place, vault, recovered.heads({}))
    assert await scene.vault() == vault
    await scene.change()
    assert (await scene.recover(OTHER)).epoch == 2


async def test_a_first_registration_that_too_few_heard_of_begins_again(scene: Scene) -> None:
    scene.realms.cut = dict.fromkeys(("realm-1", "realm-2"), vaults.COMMIT)
    with pytest.raises(ClientError) as told:
        await scene.turn_on()
    assert told.value.code is Code.VAULT_UNFINISHED
    assert "set it again when they answer" in str(told.value)
    scene.realms.cut = {}
    await scene.turn_on()
    assert (await scene.vault()).epoch == 2
    assert (await scene.recover(PASSWORD)).secret.secret == R.secret


class DiedError(Exception):
    """The process dies here."""


def dies_at_receipt(number: int) -> vaults.Lie:
    """Let the process die when a realm's n-th receipt comes in: the first is of preparing, the second of committing."""
    left = [number]

    def lie(frame: Frame) -> Frame:
        left[0] -= isinstance(frame, Receipt)
        if isinstance(frame, Receipt) and not left[0]:
            raise DiedError
        return frame

    return lie


@pytest.mark.parametrize("receipt", [1, 2])
@pytest.mark.parametrize("realms", [("realm-1",), ("realm-1", "realm-2", "realm-3")])
async def test_a_password_change_that_died_leaves_a_vault_that_goes_on(
    scene: Scene, receipt: int, realms: tuple[str, ...]
) -> None:
    await scene.turn_on()
    scene.realms.lies = {name: dies_at_receipt(receipt) for name in realms}
    with pytest.raises(ExceptionGroup):
        await scene.change()
    scene.realms.lies = {}
    told = await of_profile.anchor(scene.place, await scene.vault(), 1, sha256(b"1"))
    assert told == Anchored(3, Freshness.VERIFIED)
    right, wrong = (OTHER, PASSWORD) if receipt == 2 else (PASSWORD, OTHER)
    assert (await scene.recover(right)).anchor == (1, sha256(b"1"))
    with pytest.raises(ClientError, match="not the backup password"):
        await scene.recover(wrong)
    assert len((await of_profile.delete(scene.place, await scene.vault())).proved) == 3
