"""Somebody lost a terminal and is back on a new one: contacts see the same account, and nothing is missing."""

import pytest

from letterlock.wire import frames
from letterlock_client.backup_models import Frequency
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import KeyChanged
from letterlock_client.models import Delivery
from tests.client.flows.backup.test_backups import Shelf, pair, restore, shelf, texts, turn_on
from tests.town import WAIT_S, Pair, eventually, town

__all__ = ["pair", "shelf", "town"]


async def lost_and_back(pair: Pair) -> None:
    """Alice's terminal is gone; she restores on another, which is `pair.alice` from now on."""
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(pair.town, digits)


async def test_contacts_see_no_change_of_keys_and_stay_verified(pair: Pair) -> None:
    number = await pair.bob.safety_number(pair.to_alice)
    assert await pair.bob.confirm_verified(pair.to_alice, number.digits)
    stream = pair.bob.events()
    await lost_and_back(pair)
    pair.alice = await pair.town.open("second")
    sent = await pair.bob.send_text(pair.to_alice, "are you back?")
    await pair.settle()
    assert (await texts(pair.alice, pair.to_bob))[-1] == "are you back?"
    assert (await pair.bob.message(sent.id)).delivery is Delivery.DELIVERED
    contact = (await pair.bob.conversation(pair.to_alice)).contact
    assert (contact.verified, contact.key_changed_at, contact.warning) == (True, 0, "")
    assert (await pair.alice.safety_number(pair.to_bob)).digits == number.digits
    stream.close()
    assert not any([isinstance(event, KeyChanged) async for event in stream])


async def test_what_the_lost_terminal_took_with_it_is_sent_again_once_and_in_order(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.disconnect()
    lost = [await pair.bob.send_text(pair.to_alice, f"unread {number}") for number in range(3)]
    assert await pair.bob.flushed(WAIT_S)
    await pair.alice.close()
    await restore(pair.town, digits)
    pair.alice = await pair.town.open("second")
    # Bob learns of the new list when he writes, and seals the older ones again as well.
    await pair.bob.send_text(pair.to_alice, "the newest")
    await pair.settle()

    async def delivered() -> bool:
        return (await pair.bob.message(lost[-1].id)).delivery is Delivery.DELIVERED

    await eventually(delivered)
    here = await texts(pair.alice, pair.to_bob)
    assert sorted(here) == sorted(
        ["hello", "hello yourself", "unread 0", "unread 1", "unread 2", "the newest"]
    )
    unread = [text for text in here if text.startswith("unread")]
    assert unread == ["unread 0", "unread 1", "unread 2"]


async def test_what_was_delivered_is_not_sent_again(pair: Pair) -> None:
    await pair.bob.send_text(pair.to_alice, "read long ago")
    await pair.settle()
    await lost_and_back(pair)
    pair.alice = await pair.town.open("second")
    before = len(pair.town.relay.seen)
    await pair.bob.send_text(pair.to_alice, "only this")
    await pair.settle()
    bobs = pair.bob.profile.account
    kept = [one for one in pair.town.relay.seen[before:] if isinstance(one, frames.Submit)]
    # The first one named the old list and was refused; then the same message for the new one, and answers to it.
    assert len({one.envelope for one in kept if one.account != bobs}) == 2


async def test_the_lost_terminal_is_refused_by_the_relay_from_then_on(pair: Pair) -> None:
    await lost_and_back(pair)
    lost = await pair.town.open("alice", connect=False)
    lost.connect()

    async def refused() -> bool:
        return not lost._place.link.connection and lost._place.link.refusal is not None

    await eventually(refused)
    told = lost._place.link.refusal
    assert told is not None
    assert "restored" in told.message
    await lost.send_text(pair.to_bob, "I am a thief")
    assert not await lost.flushed(0.05)
    assert "I am a thief" not in await texts(pair.bob, pair.to_alice)


async def test_the_lost_terminal_writes_and_deletes_nothing_of_the_backup_from_then_on(
    pair: Pair, shelf: Shelf
) -> None:
    """Whoever finds the old laptop again has its key still, and no relay or realm has to be there to stop it."""
    town, alice = pair.town, pair.alice
    digits = await turn_on(alice)
    await alice.backups.back_up()
    await alice.close()
    await restore(town, digits)
    new = await town.open("second")
    await new.backups.choose(frequency=Frequency.OFF)
    await new.save_draft(pair.to_bob, "written on the new one")
    made = await new.backups.back_up()
    await new.close()
    kept = dict(shelf.memory.objects)
    lost = await town.open("alice", connect=False)
    await lost.save_draft(pair.to_bob, "written on the old one")
    for verb in (
        lost.backups.back_up,
        lambda: lost.backups.rotate(None, NO_PASSPHRASE),
        lambda: lost.backups.turn_off(NO_PASSPHRASE),
    ):
        with pytest.raises(ClientError) as told:
            await verb()
        assert told.value.code is Code.DEVICE_REVOKED
        assert shelf.memory.objects == kept
    assert (await restore(town, digits, "third")).generation == made.generation


async def test_who_wrote_a_newer_generation_that_does_not_open_stops_nobody(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    name = next(name for name in shelf.memory.objects if "/manifest/" in name)
    shelf.memory.objects[name.replace("00000000000001-", "00000000000002-")] = b"nothing that opens"
    await pair.alice.save_draft(pair.to_bob, "a draft")
    assert (await pair.alice.backups.back_up()).generation == 3
