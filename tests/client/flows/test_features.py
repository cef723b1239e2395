"""A feature is rolled out to a share of the accounts and to new enough clients; nothing made under it depends on it."""

import pytest

from letterlock.ids import AccountId
from letterlock_client.backup_models import BackupChoice
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.features import BACKUP, bucket
from tests.client.flows.backup.backup_scene import PROVIDER, shelf, turn_on
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
