"""A device keeps its prekeys, its sealing key and its device list fresh by itself."""

from letterlock.wire import frames
from letterlock_client.flows import devices
from letterlock_client.storage import identity
from tests.town import WAIT_S, Pair, Town, eventually

DAY_MS = 24 * 3600 * 1000


async def reconnected(pair: Pair, *, days: float) -> None:
    """Bob is away for so long, and comes back."""
    await pair.bob.disconnect()
    pair.town.clock.move(days=days)
    pair.bob.connect()
    assert await pair.bob.connected(WAIT_S)

    async def kept() -> bool:
        return pair.bob._running.upkept.is_set()

    await eventually(kept)


async def test_a_new_device_leaves_prekeys_of_every_kind(town: Town) -> None:
    alice = await town.register("alice")
    kept = town.relay.accounts[alice.profile.account].prekeys[1]
    assert kept.signed
    assert kept.last_resort
    assert (len(kept.one_time), len(kept.kem_one_time)) == (100, 50)


async def test_prekeys_are_restocked_when_half_are_gone(pair: Pair) -> None:
    kept = pair.town.relay.accounts[pair.bob.profile.account].prekeys[1]
    while len(kept.one_time) > 49:
        kept.one_time.popleft()
    gone = set(kept.one_time)
    await reconnected(pair, days=0)
    assert len(kept.one_time) == 100
    assert gone <= set(kept.one_time)


async def test_the_relay_may_ask_for_prekeys_at_any_time(pair: Pair) -> None:
    record = pair.town.relay.accounts[pair.bob.profile.account].prekeys[1]
    record.one_time.clear()
    pair.town.relay.lines[pair.bob.profile.account, 1].say(frames.Notice("prekeys_low"))

    async def restocked() -> bool:
        return len(record.one_time) == 100

    await eventually(restocked)


async def test_lasting_prekeys_change_weekly_and_old_ones_still_open(pair: Pair) -> None:
    carol = await pair.town.register("carol")
    record = pair.town.relay.accounts[pair.bob.profile.account].prekeys[1]
    to_bob = await carol.find("bob")
    before = (record.signed, record.last_resort)
    await carol.send_text(to_bob, "sealed with this week's")
    assert await carol.flushed(WAIT_S)
    await pair.settle()
    await reconnected(pair, days=6)
    assert (record.signed, record.last_resort) == before
    await reconnected(pair, days=2)
    assert record.signed != before[0]
    assert record.last_resort != before[1]


async def test_a_first_message_to_a_replaced_prekey_opens_for_weeks(pair: Pair) -> None:
    carol = await pair.town.register("carol")
    to_bob = await carol.find("bob")
    await pair.bob.disconnect()
    await carol.send_text(to_bob, "waiting for weeks")
    assert await carol.flushed(WAIT_S)
    waiting = pair.town.relay.mail.pop((pair.bob.profile.account, 1))
    await reconnected(pair, days=8)
    await reconnected(pair, days=20)
    pair.town.relay.mail[pair.bob.profile.account, 1] = waiting
    await reconnected(pair, days=1)

    async def asked() -> bool:
        return bool(await pair.bob.requests())

    await eventually(asked)


async def test_the_device_list_is_renewed_long_before_it_expires(pair: Pair) -> None:
    first = pair.bob._place.own.account.devices
    await reconnected(pair, days=8)
    own = pair.bob._place.own.account.devices
    assert own.version == first.version + 1
    assert own.expires > first.expires
    assert pair.town.relay.accounts[pair.bob.profile.account].device_list == own.raw
    await reconnected(pair, days=1)
    assert pair.bob._place.own.account.devices.version == own.version


async def test_the_sealing_key_changes_monthly_and_the_old_one_still_opens(pair: Pair) -> None:
    old = pair.bob._place.own.certificate
    await pair.bob.disconnect()
    await pair.alice.send_text(pair.to_bob, "sealed to the old key")
    assert await pair.alice.flushed(WAIT_S)
    pair.town.clock.move(days=31)
    pair.bob.connect()
    await pair.settle()
    new = pair.bob._place.own.certificate
    assert new.sealing_key != old.sealing_key
    assert (new.identity_key, new.agreement_key) == (old.identity_key, old.agreement_key)
    assert (await pair.texts(pair.bob))[-1] == "sealed to the old key"
    await pair.alice.send_text(pair.to_bob, "sealed to the new one")
    await pair.settle()
    assert (await pair.texts(pair.bob))[-1] == "sealed to the new one"
    assert len(await pair.bob._place.database.read(identity.sealing_keys)) == 2
    assert not (await pair.alice.conversation(pair.to_bob)).contact.key_changed_at


async def test_a_list_saved_but_not_published_is_published_next_time(pair: Pair) -> None:
    pair.town.relay.refuse_next.append((frames.PutDeviceList, "internal", 20))
    await pair.bob.disconnect()
    pair.town.clock.move(days=devices.LIST_RENEWED_MS / DAY_MS + 1)
    pair.bob.connect()
    assert await pair.bob.connected(WAIT_S)

    async def published() -> bool:
        held = pair.town.relay.accounts[pair.bob.profile.account].device_list
        return held == pair.bob._place.own.account.devices.raw and pair.bob._running.upkept.is_set()

    await eventually(published)
