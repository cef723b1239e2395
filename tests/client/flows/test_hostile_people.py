"""What contacts and strangers cannot do, whatever they write: with the flows of real clients."""

import asyncio
import hashlib

import pytest

from letterlock.devices.bundle import PrekeyKind
from letterlock.ids import ConversationId, MessageId
from letterlock.messaging import content as contents
from letterlock.messaging.payload import Payload
from letterlock.messaging.prekeys import ONE_TIME_TARGET
from letterlock.messaging.sealed_sender import MessageType, seal_for
from letterlock.wire import frames, refusals
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import devices, sealing
from letterlock_client.flows.contacts import require_contact
from letterlock_client.flows.workplace import Work, verified
from letterlock_client.messenger import Messenger
from letterlock_client.models import MOST_IN_REQUEST
from letterlock_client.storage import prekeys
from tests.town import WAIT_S, Pair, eventually

MAX_TIME = 2**53 - 1


async def written(
    author: Messenger, to: ConversationId, content: contents.Content, *, sent_at: int
) -> tuple[MessageId, bytes]:
    """Seal what an honest client would not write; return its message id and the envelope's body."""

    async def work(work: Work) -> tuple[MessageId, bytes]:
        contact = await require_contact(work.tx, to)
        peer = verified(contact)
        payload = Payload(
            message=work.place.new_message_id(),
            sent_at=sent_at,
            timer_s=0,
            own_view=work.own.account.devices.view,
            peer_view=peer.devices.view,
            content=content,
        )
        copies = await sealing.seal(work, peer, payload)
        assert copies is not None
        return payload.message, copies.sealed[0][1]

    return await author._place.transact(work)


def forged(pair: Pair, number: int) -> bytes:
    """An envelope with Alice's genuine chain, which everybody has whom she wrote to, around rubbish."""
    rubbish = b"\x01\x02" + hashlib.shake_256(b"%d" % number).digest(300)
    own = pair.alice._place.own
    return seal_for(pair.bob._place.own.certificate, own.chain, MessageType.ORDINARY, rubbish)


async def test_forgeries_never_push_a_genuine_session_out(pair: Pair) -> None:
    relay = pair.town.relay
    await pair.alice.disconnect()
    said = [await pair.alice.send_text(pair.to_bob, f"written on a train, {n}") for n in range(6)]
    for number in range(12):
        relay.inject(pair.bob.profile.account, 1, forged(pair, number))
        pair.town.clock.move(seconds=1300)
        assert await pair.bob.flushed(WAIT_S)
        await asyncio.sleep(0.05)
        assert await pair.bob.flushed(WAIT_S)
    pair.alice.connect()
    await pair.settle()
    assert (await pair.texts(pair.bob))[2:] == [one.text for one in said]


async def test_a_date_in_the_future_does_not_lock_the_timer(pair: Pair) -> None:
    _id, body = await written(pair.bob, pair.to_alice, contents.TimerChange(1), sent_at=MAX_TIME)
    pair.town.relay.inject(pair.alice.profile.account, 1, body)
    await pair.settle()
    await pair.alice.set_timer(pair.to_bob, 0)
    assert (await pair.alice.conversation(pair.to_bob)).timer_s == 0
    await pair.settle()
    assert (await pair.bob.conversation(pair.to_alice)).timer_s == 0


async def test_what_was_deleted_for_everyone_is_not_sent_again(pair: Pair) -> None:
    alice, bob = pair.alice, pair.bob
    await bob.disconnect()
    sent = await alice.send_text(pair.to_bob, "I take this back")
    assert await alice.flushed(WAIT_S)
    (mail,) = pair.town.relay.mail[bob.profile.account, 1].values()
    mail.body = forged(pair, 1)
    await alice.delete(sent.id, for_everyone=True)
    assert await alice.flushed(WAIT_S)
    bob.connect()
    await pair.settle()
    await pair.settle()
    assert "I take this back" not in await pair.texts(bob)


async def test_a_crowd_of_strangers_does_not_stop_the_mail(pair: Pair) -> None:
    relay = pair.town.relay
    bob = pair.bob._place.own
    strangers = [await pair.town.register(f"stranger-{n}") for n in range(3)]
    relay_bodies = []
    for one in strangers:
        rubbish = b"\x01\x02" + hashlib.shake_256(one.profile.account).digest(300)
        relay_bodies.append(seal_for(bob.certificate, one._place.own.chain, MessageType.ORDINARY, rubbish))
    for _ in relay_bodies:
        relay.refuse_next.append((frames.FetchAccount, refusals.RATE, 20))
    for body in relay_bodies:
        relay.inject(bob.id, 1, body)

    async def empty() -> bool:
        return not relay.mail[bob.id, 1]

    await eventually(empty)


async def test_a_stranger_leaves_so_much_and_no_more(pair: Pair) -> None:
    carol = await pair.town.register("carol")
    to_bob = await carol.find("bob")
    for number in range(MOST_IN_REQUEST + 20):
        await carol.send_text(to_bob, f"{number}")
    assert await carol.flushed(WAIT_S)
    await pair.quiet()
    (request,) = await pair.bob.requests()
    await pair.bob.accept(request.id)
    kept = [one.text for one in await pair.bob.history(request.id, 10_000)]
    assert kept == [f"{number}" for number in range(MOST_IN_REQUEST)]
    await carol.send_text(to_bob, "now that we know each other")
    assert await carol.flushed(WAIT_S)
    await pair.quiet()
    assert (await pair.bob.history(request.id, 1))[0].text == "now that we know each other"


@pytest.mark.parametrize("character", ["\0", "\x1b[2J", "\u202e", "\U000e0041", "\uffff", '"', "\\", "'"])
async def test_no_character_of_a_contact_stops_what_comes_after_it(pair: Pair, character: str) -> None:
    hello = (await pair.alice.history(pair.to_bob, 1))[0]
    bob_to_alice = pair.alice.profile.account
    for content in (
        contents.Text(character),
        contents.Reaction(hello.id, character),
        contents.Edit(hello.id, character),
        contents.Unknown(b"\x92\x63\xa1x"),
        contents.ProfileUpdate(character, character),
    ):
        _id, body = await written(pair.bob, pair.to_alice, content, sent_at=MAX_TIME)
        pair.town.relay.inject(bob_to_alice, 1, body)
    await pair.bob.send_text(pair.to_alice, "after it")
    await pair.settle()
    assert (await pair.texts(pair.alice))[-1] == "after it"


async def test_a_relay_that_says_prekeys_ran_out_does_not_fill_the_disk(pair: Pair) -> None:
    relay, place = pair.town.relay, pair.bob._place

    def lie(frame: frames.Frame) -> frames.Frame:
        if isinstance(frame, frames.PrekeyCount):
            return frames.PrekeyCount(frame.id, one_time=0, kem_one_time=0)
        return frame

    relay.lie = lie
    for _ in range(12):
        await devices.upkeep(place, place.link.require())
    held = await place.database.read(lambda reader: prekeys.count(reader, PrekeyKind.ONE_TIME))
    assert held <= devices.MOST_TARGETS * ONE_TIME_TARGET


async def test_nothing_is_shown_as_written_in_the_future(pair: Pair) -> None:
    said, body = await written(
        pair.bob, pair.to_alice, contents.Text("from the year 287396"), sent_at=MAX_TIME
    )
    pair.town.relay.inject(pair.alice.profile.account, 1, body)
    await pair.settle()
    got = await pair.alice.message(said)
    assert got.sent_at == got.received_at


async def test_an_edit_by_a_clock_that_is_ahead_counts(pair: Pair) -> None:
    ahead = pair.town.clock() + 600_000
    said, first = await written(pair.bob, pair.to_alice, contents.Text("tpyo"), sent_at=ahead)
    _id, second = await written(pair.bob, pair.to_alice, contents.Edit(said, "typo"), sent_at=ahead + 1)
    await pair.alice.disconnect()
    for body in (first, second):
        pair.town.relay.inject(pair.alice.profile.account, 1, body)
    pair.alice.connect()
    await pair.settle()
    assert (await pair.alice.message(said)).text == "typo"


async def test_who_is_blocked_is_no_request_that_could_be_deleted_and_come_again(pair: Pair) -> None:
    await pair.alice.block(pair.to_bob)
    with pytest.raises(ClientError) as caught:
        await pair.alice.delete_request(pair.to_bob)
    assert caught.value.code is Code.BAD_INPUT
    await pair.bob.send_text(pair.to_alice, "let me in")
    await pair.settle()
    assert await pair.alice.requests() == []


async def test_a_storm_of_forgeries_does_not_keep_a_friend_from_being_sent_a_message_again(
    pair: Pair,
) -> None:
    for number in range(3):
        pair.town.relay.inject(pair.bob.profile.account, 1, forged(pair, number))
    await pair.settle()
    await pair.alice.disconnect()
    sent = await pair.bob.send_text(pair.to_alice, "damaged on the way")
    assert await pair.bob.flushed(WAIT_S)
    mail = list(pair.town.relay.mail[pair.alice.profile.account, 1].values())[-1]
    own = pair.bob._place.own
    mail.body = seal_for(
        pair.alice._place.own.certificate, own.chain, MessageType.ORDINARY, b"\x01\x02" + bytes([9]) * 300
    )
    pair.alice.connect()
    await pair.settle()
    await pair.settle()
    assert (await pair.alice.message(sent.id)).text == "damaged on the way"
