"""Three realms and the client's flows: a recovery secret goes in behind a password, and comes out again."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock.vault.fleet import Fleet
from letterlock.vault.record import door_key
from letterlock_client.backup_models import RealmState
from letterlock_client.errors import ClientError, Code
from letterlock_client.fleet_file import parse_fleet
from letterlock_client.flows.vault import keeping
from letterlock_client.flows.vault.recovering import recover
from letterlock_client.flows.vault.registering import register
from letterlock_client.flows.vault.surveying import status
from letterlock_client.links.transport import dial_realm
from letterlock_client.links.vault import VaultLinks
from letterlock_server.stores.vault_memory import MemoryStandings
from letterlock_server.vault import fleet_file
from tests.server.vault.running import Running, files_hold, fleet_of, person
from tests.shared.devices.people import ALICE
from tests.shared.vault.realms import CHEAP, R

PASSWORD = "correct horse battery"
WRONG = "incorrect horse battery"


@contextlib.asynccontextmanager
async def linked(fleet: Fleet) -> AsyncIterator[VaultLinks]:
    links = VaultLinks(fleet, dial_realm, secrets.token_bytes, lambda: time.time_ns() // 1_000_000)
    try:
        yield links
    finally:
        await links.close()


async def failing(links: VaultLinks, password: str, locator: bytes | None) -> ClientError:
    with pytest.raises(ClientError) as caught:
        await recover(links, ALICE.account, password, locator)
    return caught.value


async def test_a_secret_is_registered_recovered_guessed_at_and_destroyed() -> None:
    async with fleet_of(3, threshold=2) as (fleet, realms), linked(fleet) as links:
        assert (await failing(links, PASSWORD, None)).code is Code.VAULT_NEVER_REGISTERED
        made = await register(links, person(), R, PASSWORD, epoch=1, stretching=CHEAP)
        assert made.done
        assert len(made.confirmed) == 3
        assert await keeping.anchor(
            links, person(), epoch=made.epoch, generation=7, manifest_hash=b"m" * 32
        ) == ("realm-1", "realm-2", "realm-3")
        got = await recover(links, ALICE.account, PASSWORD, made.locator)
        assert got.secret.key_id() == R.key_id()
        assert got.anchor == (7, b"m" * 32)
        await _strangers_annoy(links)
        await _owner_loses_patience(links, made.locator, realms)
        again = await register(links, person(), R, PASSWORD, epoch=made.epoch + 1, stretching=CHEAP)
        assert (await recover(links, ALICE.account, PASSWORD, again.locator)).secret.key_id() == R.key_id()


async def _strangers_annoy(links: VaultLinks) -> None:
    """Who knows only the handle closes that door, and destroys nothing."""
    for _ in range(20):
        error = await failing(links, WRONG, None)
        if error.code is Code.VAULT_DOOR_CLOSED:
            break
        assert error.code is Code.WRONG_PASSWORD
        assert "left here" in str(error)
    else:
        pytest.fail("the door never closed")
    seen = await status(links, ALICE.account)
    assert all(one.state is not RealmState.DESTROYED for one in seen.realms)


async def _owner_loses_patience(links: VaultLinks, locator: bytes, realms: list[Running]) -> None:
    """With the locator the rest of the guesses can be had, and then nothing is left to guess at."""
    codes = []
    for _ in range(30):
        error = await failing(links, WRONG, locator)
        codes.append(error.code)
        if error.code is not Code.WRONG_PASSWORD:
            break
    assert codes[-1] is Code.VAULT_DESTROYED, codes
    assert (await failing(links, PASSWORD, locator)).code is Code.VAULT_DESTROYED
    # 3 realms of 10 guesses each, 2 for each try: never more than 15 tries between refills.
    assert sum(one.vault.counts.guesses for one in realms) - 2 <= 30
    seen = await status(links, ALICE.account, locator)
    assert sum(one.state is RealmState.DESTROYED for one in seen.realms) >= 2


async def test_a_vault_with_a_realm_away_registers_recovers_and_is_repaired() -> None:
    async with fleet_of(3, threshold=2) as (fleet, realms):
        realms[2].gateway.stop_accepting()
        async with linked(fleet) as links:
            made = await register(links, person(), R, PASSWORD, epoch=1, stretching=CHEAP)
            assert made.done
            assert [name for name, _ in made.pending] == ["realm-3"]
            got = await recover(links, ALICE.account, PASSWORD, made.locator)
            assert got.secret.key_id() == R.key_id()


async def test_a_changed_password_takes_the_place_of_the_old_one() -> None:
    async with fleet_of(3, threshold=2) as (fleet, _), linked(fleet) as links:
        first = await register(links, person(), R, PASSWORD, epoch=1, stretching=CHEAP)
        second = await register(
            links, person(), R, "another horse", epoch=2, locator=first.locator, stretching=CHEAP
        )
        assert second.epoch == first.epoch + 1
        error = await failing(links, PASSWORD, first.locator)
        assert error.code is Code.WRONG_PASSWORD
        got = await recover(links, ALICE.account, "another horse", first.locator)
        assert got.secret.key_id() == R.key_id()
        receipts = await keeping.delete(links, person(), epoch=second.epoch)
        assert all(isinstance(one, bytes) for one in receipts.values())
        assert (await failing(links, "another horse", first.locator)).code is Code.VAULT_DESTROYED


async def test_one_realm_whose_disk_is_put_back_gives_five_more_tries_at_most_and_is_named() -> None:
    """Three realms, two needed, one bad: 20 tries between refills, as the page says, and not one more."""
    async with fleet_of(3, threshold=2) as (fleet, realms), linked(fleet) as links:
        made = await register(links, person(), R, PASSWORD, epoch=1, stretching=CHEAP)
        bad = realms[0].vault.store.standings
        assert isinstance(bad, MemoryStandings)
        standing, ledger = bad._standings[ALICE.account], list(bad._ledgers[ALICE.account])
        tries = 0
        for _ in range(40):
            bad._standings[ALICE.account], bad._ledgers[ALICE.account] = standing, list(ledger)
            error = await failing(links, WRONG, made.locator)
            if error.code is not Code.WRONG_PASSWORD:
                break
            tries += 1
            if tries == 3:
                known = (await keeping.ledgers(links, person(), epoch=1, known={})).heads
        assert 10 <= tries <= 20
        alarms = (await keeping.ledgers(links, person(), epoch=1, known=known)).alarms
        assert [(name, alarm.code) for name, alarm in alarms.items()] == [("realm-1", Code.REALM_LIED)]


async def test_fifty_recoveries_at_once_are_answered_ten_times_by_each_realm_at_most() -> None:
    async with fleet_of(3, threshold=2) as (fleet, realms), linked(fleet) as links:
        made = await register(links, person(), R, PASSWORD, epoch=1, stretching=CHEAP)

        async def guess() -> Code:
            async with linked(fleet) as own:
                return (await failing(own, WRONG, made.locator)).code

        codes = await asyncio.gather(*(guess() for _ in range(50)))
        # All that is there is used, by as many as come, and not one more.
        assert [one.vault.counts.guesses for one in realms] == [10] * 3
        assert 10 <= codes.count(Code.WRONG_PASSWORD) <= 15


async def test_no_secret_stands_on_any_realms_disk(tmp_path: Path) -> None:
    """Not the password, nor the recovery secret, the locator, or what opens the owner's door."""
    async with fleet_of(3, threshold=2, folder=tmp_path) as (fleet, realms), linked(fleet) as links:
        made = await register(links, person(), R, PASSWORD, epoch=1, stretching=CHEAP)
        await failing(links, WRONG, made.locator)
        got = await recover(links, ALICE.account, PASSWORD, made.locator)
        assert got.secret.key_id() == R.key_id()
        keys = [door_key(made.locator, one.name, ALICE.account) for one in realms]
        secrets_of_owner = (PASSWORD.encode(), WRONG.encode(), R.secret, made.locator, *keys)
        assert not files_hold(tmp_path, *secrets_of_owner)


async def test_the_fleet_file_that_realms_write_is_the_one_that_clients_read() -> None:
    async with fleet_of(3, threshold=2) as (fleet, realms):
        pinned = [await fleet_file.ask(one.url, insecure=False, random=secrets.token_bytes) for one in realms]
        written = fleet_file.text(Fleet(tuple(pinned), 2))
        assert parse_fleet(written.encode()) == fleet


async def test_the_ledger_tells_the_owner_of_every_failed_try() -> None:
    async with fleet_of(3, threshold=2) as (fleet, _), linked(fleet) as links:
        made = await register(links, person(), R, PASSWORD, epoch=1, stretching=CHEAP)
        await failing(links, WRONG, None)
        await recover(links, ALICE.account, PASSWORD, made.locator)
        told = await keeping.ledgers(links, person(), epoch=made.epoch, known={})
        assert told.alarms == {}
        failed = [one for one in told.attempts if one.kind == "guess_failed"]
        assert len(failed) == 2
        assert {one.door for one in failed} == {"handle"}
        assert sum(one.kind == "recovered" for one in told.attempts) == 2
