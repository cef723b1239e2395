"""A feature is rolled out to a share of the accounts and to new enough clients; nothing made under it depends on it."""

from pathlib import Path

import pytest

from letterlock.ids import AccountId
from letterlock_client.backup_models import BackupChoice, Frequency
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.features import BACKUP, bucket
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, fleet, looked, restore, shelf, turn_on
from tests.simulator import SimulatedRelay
from tests.town import WAIT_S, Town, town

__all__ = ["shelf", "town"]


def announce(relay: SimulatedRelay, percent: int, version: int = 0) -> None:
    relay.features = {BACKUP: percent}
    relay.needs = {BACKUP: version} if version else {}


async def test_it_is_on_where_the_relay_says_nothing(town: Town) -> None:
    alice = await town.register("alice")
    assert (await alice.backups.status()).feature.available


@pytest.mark.parametrize(("percent", "version", "reason"), [(0, 0, "gradual"), (100, 9, "needs_version")])
async def test_below_the_roll_out_it_is_not_offered_and_says_why(
    town: Town, shelf: object, percent: int, version: int, reason: str
) -> None:
    announce(town.relay, percent, version)
    alice = await town.register("alice")
    status = await alice.backups.status()
    assert (status.feature.available, status.feature.reason) == (False, reason)
    with pytest.raises(ClientError) as caught:
        await alice.backups.turn_on(BackupChoice(provider=PROVIDER, recovery_key=True), NO_PASSPHRASE)
    assert caught.value.code is Code.NOT_AVAILABLE


async def test_what_was_turned_on_goes_on_when_the_feature_goes(town: Town, shelf: object) -> None:
    announce(town.relay, 100)
    alice = await town.register("alice")
    await turn_on(alice)
    announce(town.relay, 0)
    await alice.disconnect()
    alice.connect()
    assert await alice.connected(WAIT_S)
    assert not (await alice.backups.status()).feature.available
    assert (await alice.backups.back_up()).generation == 1
    assert (await alice.backups.verify()).problems == ()


@pytest.mark.parametrize(("percent", "version"), [(0, 0), (100, 9)])
async def test_nothing_that_was_made_depends_on_the_feature(
    town: Town, shelf: Shelf, tmp_path: Path, percent: int, version: int
) -> None:
    """It only decides what is offered anew: backups by themselves, passwords, restores and turning off go on."""
    alice = await town.register("alice")
    async with fleet(shelf, tmp_path) as (_, file):
        choice = BackupChoice(PROVIDER, password="violet harbour 71 lanterns", recovery_key=True, fleet=file)
        made = await alice.backups.turn_on(choice, NO_PASSPHRASE)
        announce(town.relay, percent, version)
        await alice.disconnect()
        alice.connect()
        assert await alice.connected(WAIT_S)
        assert not (await alice.backups.status()).feature.available
        town.clock.move(days=0.1)
        await looked(alice)
        last = (await alice.backups.status()).last
        assert last is not None
        assert last.generation == 1
        await alice.backups.choose(frequency=Frequency.OFF)
        new = "nine copper herons waltz"
        assert (await alice.backups.change_password(new, NO_PASSPHRASE)).realms == 3
        await alice.close()
        for secret, profile in ((made.recovery_key, "second"), (new, "third")):
            assert (await restore(town, secret, profile, fleet=file)).generation == 1
            again = await town.open(profile)
            assert not (await again.backups.status()).feature.available
            assert (await again.backups.status()).on
            await again.close()
        again = await town.open("third")
        assert (await again.backups.rehearse()).differences == ()
        await again.backups.turn_off(NO_PASSPHRASE)
        assert not (await again.backups.status()).on
        assert not shelf.memory.objects
        with pytest.raises(ClientError) as caught:
            await again.backups.turn_on(choice, NO_PASSPHRASE)
        assert caught.value.code is Code.NOT_AVAILABLE


async def test_what_the_relay_said_is_remembered_while_it_is_away(town: Town) -> None:
    announce(town.relay, 0)
    alice = await town.register("alice")
    await alice.close()
    again = await town.open("alice", connect=False)
    assert (await again.backups.status()).feature.reason == "gradual"


def test_each_share_of_the_accounts_is_about_as_large_as_it_says() -> None:
    accounts = [AccountId(number.to_bytes(20)) for number in range(4000)]
    below = sum(bucket(account, BACKUP) < 30 for account in accounts)
    assert 1050 < below < 1350
    assert {bucket(account, BACKUP) for account in accounts} == set(range(100))
    assert [bucket(account, "other") for account in accounts] != [
        bucket(account, BACKUP) for account in accounts
    ]
