"""What a relay can do to two people who do not trust it: nothing that they do not see."""

import asyncio
import hashlib

import msgspec
import pytest

from letterlock.devices.device_list import certify_device, sign_device_list
from letterlock.ids import DeviceId
from letterlock.messaging.sealed_sender import MessageType, seal_for
from letterlock.primitives.keys import SigningKey, agreement_public
from letterlock.wire import frames
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm, ConnectionChanged, KeyChanged, Link
from letterlock_client.flows.contacts import WARN_FORK, WARN_KEY
from letterlock_client.messenger import EventStream, Messenger
from letterlock_client.models import Delivery
from letterlock_client.storage import sessions
from tests.simulator import Mail
from tests.town import WAIT_S, Pair, Town, eventually


async def alarm(events: EventStream, code: str) -> Alarm:
    async with asyncio.timeout(WAIT_S):
        async for event in events:
            if isinstance(event, Alarm) and event.code == code:
                return event
    raise AssertionError(code)


def device_list(owner: Messenger, *, version: int, issued: int, ghost: bool = False) -> bytes:
    """A list that the owner's stolen list key signs; with a device that the owner never made."""
    own = owner._place.own
    list_key = SigningKey(own.identity.list_seed)
    devices = [own.certificate.raw]
    if ghost:
        devices.append(
            certify_device(
                list_key,
                account=own.id,
                device=DeviceId(2),
                epoch=1,
                identity_key=SigningKey(bytes([7]) * 32).public,
                agreement_key=agreement_public(bytes([8]) * 32),
                sealing_key=agreement_public(bytes([9]) * 32),
                created=issued,
            )
        )
    return sign_device_list(
        list_key, account=own.id, epoch=1, version=version, issued=issued, devices=devices
    )


async def test_another_account_behind_a_handle_is_refused(town: Town) -> None:
    alice, _bob = await town.register("alice"), await town.register("bob")
    await town.register("mallory")
    town.relay.handles["bob"] = town.relay.handles["mallory"]
    events = alice.events()
    with pytest.raises(ClientError) as caught:
        await alice.find("bob")
    assert caught.value.code is Code.RELAY_LIES
    await alarm(events, "relay_lies")
    assert await alice.contacts() == []


@pytest.mark.parametrize("field", ["root_key", "list_certificate", "device_list", "handle_entry"])
async def test_a_changed_byte_of_any_signed_object_is_refused(town: Town, field: str) -> None:
    alice, bob = await town.register("alice"), await town.register("bob")
    record = town.relay.accounts[bob.profile.account]
    raw = getattr(record, field)
    setattr(record, field, raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(ClientError) as caught:
        await alice.find("bob")
    assert caught.value.code is Code.RELAY_LIES


async def test_another_mans_keys_under_an_account_id_are_refused(town: Town) -> None:
    alice, bob = await town.register("alice"), await town.register("bob")
    mallory = await town.register("mallory")
    link = await bob.invite_link()
    town.relay.accounts[bob.profile.account] = town.relay.accounts[mallory.profile.account]
    with pytest.raises(ClientError) as caught:
        await alice.find(link)
    assert caught.value.code is Code.RELAY_LIES


async def test_a_ghost_device_that_nobody_signed_gets_nothing(pair: Pair) -> None:
    relay, events = pair.town.relay, pair.alice.events()

    def lie(frame: frames.Frame) -> frames.Frame:
        if isinstance(frame, frames.Accepted):
            genuine = relay.accounts[pair.bob.profile.account]
            return frames.StaleList(
                frame.id,
                list_certificate=genuine.list_certificate,
                device_list=genuine.device_list[:-70] + bytes(70),
            )
        return frame

    relay.lie = lie
    sent = await pair.alice.send_text(pair.to_bob, "for Bob only")
    assert "device list" in (await alarm(events, "relay_lies")).text
    assert (await pair.alice.message(sent.id)).delivery is Delivery.WAITING
    assert all(len(bodies) == 1 for bodies in relay.submitted.values())


async def test_a_device_signed_with_a_stolen_list_key_is_shown_and_stops_who_verified(pair: Pair) -> None:
    digits = (await pair.alice.safety_number(pair.to_bob)).digits
    assert await pair.alice.confirm_verified(pair.to_bob, digits)
    record = pair.town.relay.accounts[pair.bob.profile.account]
    record.device_list = device_list(pair.bob, version=2, issued=pair.town.clock(), ghost=True)
    events = pair.alice.events()
    await pair.alice.send_text(pair.to_bob, "before I knew")
    async with asyncio.timeout(WAIT_S):
        async for event in events:
            if isinstance(event, KeyChanged):
                assert event.was_verified
                break
    assert (await pair.alice.conversation(pair.to_bob)).contact.warning == WARN_KEY
    with pytest.raises(ClientError) as caught:
        await pair.alice.send_text(pair.to_bob, "not to a ghost")
    assert caught.value.code is Code.KEY_CHANGED
    assert not await pair.alice.flushed(0.2)
    ghost = (pair.bob.profile.account, 2)
    assert not pair.town.relay.mail[ghost]


async def test_two_lists_with_one_number_alarm_and_stop_who_verified(pair: Pair) -> None:
    digits = (await pair.alice.safety_number(pair.to_bob)).digits
    assert await pair.alice.confirm_verified(pair.to_bob, digits)
    events = pair.alice.events()
    record = pair.town.relay.accounts[pair.bob.profile.account]
    record.device_list = device_list(pair.bob, version=2, issued=pair.town.clock())
    await pair.alice.send_text(pair.to_bob, "taken for a renewal")
    await pair.settle()
    await pair.bob.disconnect()
    pair.town.clock.move(days=8)
    pair.bob.connect()

    async def renewed() -> bool:
        return pair.bob._place.own.account.devices.version == 2

    await eventually(renewed)
    await pair.bob.send_text(pair.to_alice, "my own second list has another digest")
    await alarm(events, "list_forked")
    assert (await pair.alice.conversation(pair.to_bob)).contact.warning == WARN_FORK
    with pytest.raises(ClientError) as caught:
        await pair.alice.send_text(pair.to_bob, "to whom?")
    assert caught.value.code is Code.LIST_FORKED
    await pair.alice.acknowledge_warning(pair.to_bob)
    assert (await pair.alice.conversation(pair.to_bob)).contact.warning == WARN_FORK


async def test_an_older_list_than_we_know_is_not_taken(pair: Pair) -> None:
    record = pair.town.relay.accounts[pair.bob.profile.account]
    older = record.device_list
    await pair.bob.disconnect()
    pair.town.clock.move(days=8)
    pair.bob.connect()

    async def renewed() -> bool:
        return pair.bob._place.own.account.devices.version == 2

    await eventually(renewed)
    await pair.bob.send_text(pair.to_alice, "I have a newer list")
    await pair.settle()

    async def known() -> bool:
        return (await stored(pair)).list_version == 2

    await eventually(known)
    record.device_list = older
    events = pair.alice.events()
    await pair.alice.send_text(pair.to_bob, "sealed for the newer one")
    await alarm(events, "list_rolled_back")
    assert (await stored(pair)).list_version == 2


async def stored(pair: Pair):
    from letterlock_client.storage import contacts

    account = pair.bob.profile.account
    return await pair.alice._place.database.read(lambda reader: contacts.get(reader, account))


async def test_prekeys_that_do_not_check_begin_no_session(town: Town) -> None:
    alice, bob = await town.register("alice"), await town.register("bob")
    kept = town.relay.accounts[bob.profile.account].prekeys[1]
    kept.signed = kept.signed[:-1] + bytes([kept.signed[-1] ^ 1])
    events = alice.events()
    sent = await alice.send_text(await alice.find("bob"), "hello")
    await alarm(events, "bad_prekeys")
    assert await alice.flushed(WAIT_S)
    assert (await alice.message(sent.id)).delivery is Delivery.FAILED
    assert not any(town.relay.mail.values())


async def test_an_expired_list_refuses_first_contact_and_lets_chats_go_on(pair: Pair) -> None:
    carol = await pair.town.register("carol")
    await pair.bob.disconnect()
    pair.town.clock.move(days=40)
    with pytest.raises(ClientError) as caught:
        await carol.find("bob")
    assert caught.value.code is Code.LIST_EXPIRED
    sent = await pair.alice.send_text(pair.to_bob, "still my friend")
    assert await pair.alice.flushed(WAIT_S)
    assert (await pair.alice.message(sent.id)).delivery is Delivery.ACCEPTED


async def test_mail_for_somebody_else_opens_nothing(pair: Pair) -> None:
    carol = await pair.town.register("carol")
    events = carol.events()
    await pair.bob.disconnect()
    await pair.alice.send_text(pair.to_bob, "not for Carol")
    assert await pair.alice.flushed(WAIT_S)
    mail = next(iter(pair.town.relay.mail[pair.bob.profile.account, 1].values()))
    pair.town.relay.inject(carol.profile.account, 1, mail.body, mail.envelope)
    await alarm(events, "bad_envelope")
    pair.bob.connect()
    await pair.settle()
    assert await carol.requests() == []
    assert (await pair.texts(pair.bob))[-1] == "not for Carol"


async def test_what_is_delivered_twice_is_shown_once(pair: Pair) -> None:
    await pair.bob.disconnect()
    await pair.alice.send_text(pair.to_bob, "once")
    assert await pair.alice.flushed(WAIT_S)
    box = pair.town.relay.mail[pair.bob.profile.account, 1]
    first = next(iter(box.values()))
    pair.bob.connect()
    await pair.settle()
    pair.town.relay.inject(pair.bob.profile.account, 1, first.body, first.envelope)
    pair.town.relay.inject(pair.bob.profile.account, 1, first.body)
    await pair.settle()
    assert (await pair.texts(pair.bob)).count("once") == 1
    await pair.alice.send_text(pair.to_bob, "and on")
    await pair.settle()
    assert (await pair.texts(pair.bob))[-1] == "and on"


async def test_reordered_and_dropped_mail_stops_nothing(pair: Pair) -> None:
    await pair.bob.disconnect()
    for number in range(20):
        await pair.alice.send_text(pair.to_bob, f"{number}")
    assert await pair.alice.flushed(WAIT_S)
    box = pair.town.relay.mail[pair.bob.profile.account, 1]
    reordered: dict[bytes, Mail] = dict(reversed(list(box.items())))
    for name in list(reordered)[::5]:
        del reordered[name]
    pair.town.relay.mail[pair.bob.profile.account, 1] = reordered
    pair.bob.connect()
    await pair.settle()
    got = [int(text) for text in (await pair.texts(pair.bob))[2:]]
    assert len(got) == 16
    assert got == sorted(got, reverse=True)
    await pair.alice.send_text(pair.to_bob, "99")
    await pair.settle()
    assert (await pair.texts(pair.bob))[-1] == "99"


def forged(pair: Pair, size: int = 300) -> bytes:
    """An envelope with Alice's genuine chain, which anybody can get, around rubbish."""
    bob = pair.bob._place.own.certificate
    rubbish = b"\x01\x02" + hashlib.shake_256(b"rubbish").digest(size)
    return seal_for(bob, pair.alice._place.own.chain, MessageType.ORDINARY, rubbish)


async def test_a_storm_of_forgeries_resets_nothing_and_asks_for_little(pair: Pair) -> None:
    for size in range(300, 340):
        pair.town.relay.inject(pair.bob.profile.account, 1, forged(pair, size))
    await pair.settle()
    asked = [one for one in pair.town.relay.seen if isinstance(one, frames.FetchBundle)]
    assert len([one for one in asked if one.account == pair.alice.profile.account]) <= 3 + 1
    await pair.alice.send_text(pair.to_bob, "still here")
    await pair.bob.send_text(pair.to_alice, "so am I")
    await pair.settle()
    for person in (pair.alice, pair.bob):
        assert sorted((await pair.texts(person))[2:]) == ["so am I", "still here"]


async def test_a_lost_session_is_mended_and_the_message_comes_again_under_its_name(pair: Pair) -> None:
    account = pair.alice.profile.account
    await pair.bob._place.transact(lambda work: sessions.delete(work.tx, account))
    sent = await pair.alice.send_text(pair.to_bob, "could you not read this?")

    async def mended() -> bool:
        return "could you not read this?" in await pair.texts(pair.bob)

    await eventually(mended)
    assert (await pair.bob.message(sent.id)).author == account
    await pair.settle()
    assert (await pair.alice.message(sent.id)).delivery is Delivery.DELIVERED
    await pair.bob.send_text(pair.to_alice, "now I can")
    await pair.settle()
    assert (await pair.texts(pair.alice))[-1] == "now I can"


async def test_one_device_on_two_connections_the_older_gives_way(pair: Pair, tmp_path_factory) -> None:
    import shutil

    await pair.bob.close()
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(pair.town.home.data, copy / "data")
    bob = await pair.town.open("bob")
    events = bob.events()
    clone = await Messenger.open(Home.at(copy), "bob", NO_PASSPHRASE, outside=pair.town.outside("clone"))
    clone.connect()
    assert await clone.connected(WAIT_S)
    async with asyncio.timeout(WAIT_S):
        async for event in events:
            if isinstance(event, ConnectionChanged) and event.link is Link.REFUSED:
                assert event.reason == "replaced"
                break
    with pytest.raises(ClientError):
        await bob.connected(1)
    assert await clone.connected(0.1)
    await clone.close()


async def test_more_pushes_than_the_credit_end_the_connection(pair: Pair) -> None:
    line = pair.town.relay.lines[pair.bob.profile.account, 1]
    for number in range(frames.CREDIT * 2):
        line.say(frames.Deliver(number.to_bytes(16, "big"), received_ms=0, body=b"x"))

    async def cut() -> bool:
        return line.transport.broken

    await eventually(cut)
    assert await pair.bob.connected(WAIT_S)


async def test_an_answer_of_the_wrong_kind_ends_the_connection(pair: Pair) -> None:
    relay = pair.town.relay
    line = relay.lines[pair.alice.profile.account, 1]

    def lie(frame: frames.Frame) -> frames.Frame:
        if isinstance(frame, frames.AccountFound):
            return frames.Done(frame.id)
        return frame

    relay.lie = lie
    with pytest.raises(ClientError) as caught:
        await pair.alice.find("carol-unknown")
    assert caught.value.code is Code.UNKNOWN_CONTACT
    with pytest.raises(ClientError) as offline:
        await pair.alice._place.require().request(
            frames.FetchAccount(0, account=pair.bob.profile.account, handle=""), frames.AccountFound
        )
    assert offline.value.code is Code.OFFLINE

    async def cut() -> bool:
        return line.transport.broken

    await eventually(cut)


async def test_nothing_that_the_relay_holds_names_sender_or_text(pair: Pair) -> None:
    await pair.bob.disconnect()
    await pair.alice.send_text(pair.to_bob, "a canary that sings")
    assert await pair.alice.flushed(WAIT_S)
    held = b"".join(
        mail.envelope + mail.body for box in pair.town.relay.mail.values() for mail in box.values()
    )
    sent = b"".join(
        msgspec.msgpack.encode(one) for one in pair.town.relay.seen if isinstance(one, frames.Submit)
    )
    alice = pair.alice._place.own
    for secret in (
        b"canary",
        alice.id,
        alice.chain,
        alice.certificate.identity_key,
        alice.identity.root_public,
    ):
        assert secret not in held
        assert secret == alice.id or secret not in sent
