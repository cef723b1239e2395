"""Somebody lost a terminal and is back on a new one: contacts see the same account, and nothing is missing."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from letterlock.backup.takeover import MAX_TAKEOVER_BYTES, seal_takeover, takeover_name
from letterlock.wire import frames
from letterlock_client.backup_models import Frequency
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm, KeyChanged
from letterlock_client.flows.backup.terms import require
from letterlock_client.messenger import Messenger
from letterlock_client.models import Delivery
from letterlock_client.providers.interface import RefusedError
from tests.client.flows.backup.backup_scene import Slow
from tests.client.flows.backup.test_backups import Shelf, pair, restore, shelf, texts, turn_on
from tests.client.providers.faulty import FaultyProvider
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


async def test_what_the_lost_terminal_had_sent_is_read_though_it_comes_with_the_first_of_the_new_one(
    pair: Pair,
) -> None:
    await pair.bob.disconnect()
    for number in range(3):
        await pair.alice.send_text(pair.to_bob, f"sent before {number}")
    assert await pair.alice.flushed(WAIT_S)
    await lost_and_back(pair)
    pair.alice = await pair.town.open("second")
    await pair.alice.send_text(pair.to_bob, "sent after")
    assert await pair.alice.flushed(WAIT_S)
    pair.bob.connect()
    await pair.settle()
    before = [f"sent before {number}" for number in range(3)]
    assert await texts(pair.bob, pair.to_alice) == ["hello", "hello yourself", *before, "sent after"]


async def test_who_knows_only_a_terminal_that_is_gone_asks_for_the_new_one(pair: Pair) -> None:
    """So does whoever came back from a backup that is older than the other's loss."""
    await pair.bob.disconnect()
    await lost_and_back(pair)
    again = await pair.town.open("second")
    assert await again.flushed(WAIT_S)
    # Nothing of the new terminal's has come that would tell of it.
    pair.town.relay.mail.clear()
    await pair.bob._place.transact(lambda work: work.tx.execute("DELETE FROM session"))
    pair.bob.connect()
    await pair.bob.send_text(pair.to_alice, "are you back?")

    async def read() -> bool:
        return "are you back?" in await texts(again, pair.to_bob)

    await eventually(read)


async def test_what_is_older_than_30_days_is_not_sent_again(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.disconnect()
    await pair.bob.send_text(pair.to_alice, "too old")
    pair.town.clock.move(days=2)
    await pair.bob.send_text(pair.to_alice, "not too old")
    assert await pair.bob.flushed(WAIT_S)
    pair.town.clock.move(days=29)
    await pair.alice.close()
    await restore(pair.town, digits)
    pair.alice = await pair.town.open("second")
    await pair.bob.send_text(pair.to_alice, "the newest")

    async def came() -> bool:
        return {"not too old", "the newest"} <= set(await texts(pair.alice, pair.to_bob))

    await eventually(came)
    await pair.settle()
    assert "too old" not in await texts(pair.alice, pair.to_bob)


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


async def test_the_lost_terminal_is_refused_by_whoever_has_the_new_list_though_a_relay_carries_its_words(
    pair: Pair,
) -> None:
    """What a relay carries is up to it, and the lost terminal's keys and sessions are all whole."""
    await pair.bob.disconnect()
    await pair.alice.send_text(pair.to_bob, "I am a thief")
    assert await pair.alice.flushed(WAIT_S)
    box = pair.town.relay.mail[pair.to_bob, 1]
    thief = box.pop(next(iter(box)))
    pair.bob.connect()
    await lost_and_back(pair)
    pair.alice = await pair.town.open("second")
    await pair.alice.send_text(pair.to_bob, "I am back")
    await pair.settle()
    stream = pair.bob.events()
    pair.town.relay.inject(pair.to_bob, 1, thief.body, thief.envelope)
    async with asyncio.timeout(WAIT_S):
        told = await anext(event async for event in stream if isinstance(event, Alarm))
    assert (told.code, "not on its account's list" in told.text) == ("bad_envelope", True)
    said = await texts(pair.bob, pair.to_alice)
    assert said == ["hello", "hello yourself", "I am back"]


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


async def put_out(lost: Messenger, pair: Pair) -> bool:
    """Whether a terminal knows, with its backup alone, that another one has taken over."""
    await lost.save_draft(pair.to_bob, "written on the old one")
    try:
        await lost.backups.back_up()
    except ClientError as error:
        return error.code is Code.DEVICE_REVOKED
    return False


async def test_the_lost_terminal_is_out_before_the_first_backup_of_the_new_one(
    pair: Pair, shelf: Shelf
) -> None:
    town = pair.town
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(town, digits)
    kept = dict(shelf.memory.objects)
    (note,) = [name for name in kept if "/takeover/" in name]
    lost = await town.open("alice", connect=False)
    assert await put_out(lost, pair)
    with pytest.raises(ClientError) as told:
        await lost.backups.turn_off(NO_PASSPHRASE)
    assert told.value.code is Code.DEVICE_REVOKED
    assert shelf.memory.objects == kept
    # Whoever takes over from that one leaves a note in the place of this.
    await restore(town, digits, "third")
    (newer,) = [name for name in shelf.memory.objects if "/takeover/" in name]
    assert newer != note
    assert await put_out(lost, pair)
    assert await put_out(await town.open("second", connect=False), pair)
    third = await town.open("third", connect=False)
    assert not await put_out(third, pair)
    assert (await third.backups.verify()).problems == ()
    assert (await third.backups.turn_off(NO_PASSPHRASE)).objects_deleted >= 3
    assert shelf.memory.objects == {}


async def test_a_note_that_proves_nothing_stops_nobody(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    key = (await require(pair.alice._place)).backup_key
    own, bob = pair.alice._place.own.identity, pair.bob._place.own.identity
    chains = {1: (own.list_certificate, own.device_list), 2: (bob.list_certificate, bob.device_list)}
    for number, chain in chains.items():
        name = takeover_name(key, bytes([number]) * 8)
        shelf.memory.objects[name] = seal_takeover(key, name, chain, bytes(24))
    shelf.memory.objects[takeover_name(key, b"\3" * 8)] = b"LLB\1 nothing that opens"
    shelf.memory.objects[takeover_name(key, b"\4" * 8)] = b"LLB\1".ljust(MAX_TAKEOVER_BYTES + 2, b"\0")
    assert not await put_out(pair.alice, pair)


async def test_of_any_number_of_notes_only_some_are_read(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    key = (await require(pair.alice._place)).backup_key
    for number in range(300):
        shelf.memory.objects[takeover_name(key, number.to_bytes(8))] = b"LLB\1 nothing that opens"
    shelf.seen = looked = Slow(shelf.memory, ())
    assert not await put_out(pair.alice, pair)
    assert len([name for name in looked.looks if "/takeover/" in name]) == 64


async def test_a_restore_is_complete_where_no_note_can_be_left(pair: Pair, shelf: Shelf) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    shelf.seen = ReadOnly(shelf.memory)
    assert (await restore(pair.town, digits)).complete
    assert not [name for name in shelf.memory.objects if "/takeover/" in name]


class ReadOnly(FaultyProvider):
    """A provider that takes nothing."""

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        raise RefusedError(f"{name} is not taken")


async def test_who_wrote_a_newer_generation_that_does_not_open_stops_nobody(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    name = next(name for name in shelf.memory.objects if "/manifest/" in name)
    shelf.memory.objects[name.replace("00000000000001-", "00000000000002-")] = b"nothing that opens"
    await pair.alice.save_draft(pair.to_bob, "a draft")
    assert (await pair.alice.backups.back_up()).generation == 3
