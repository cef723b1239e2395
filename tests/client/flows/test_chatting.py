"""What two people can do with their messages, through the whole client and a relay in memory."""

import dataclasses

import pytest

from letterlock.ids import message_text
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import MessageAdded, MessageChanged, MessageRemoved, TypingChanged
from letterlock_client.models import Delivery, MessageKind, NewsKind, Settings, Standing
from letterlock_client.shapes import message_shape, when
from letterlock_client.ui.wording import account_lines
from tests.town import Pair, Town, eventually


async def refusal(code: Code, action: object) -> ClientError:
    with pytest.raises(ClientError) as caught:
        await action  # type: ignore[misc]
    assert caught.value.code is code
    return caught.value


async def test_a_message_arrives_and_its_delivery_is_told(pair: Pair) -> None:
    sent = await pair.alice.send_text(pair.to_bob, "can you read this?")
    await pair.settle()
    got = (await pair.bob.history(pair.to_alice, 1))[0]
    assert (got.id, got.text, got.mine, got.author) == (
        sent.id,
        "can you read this?",
        False,
        pair.alice.profile.account,
    )
    assert (await pair.alice.message(sent.id)).delivery is Delivery.DELIVERED
    await pair.bob.mark_read(pair.to_alice, got.id)
    await pair.settle()
    assert (await pair.alice.message(sent.id)).delivery is Delivery.READ
    assert (await pair.bob.conversation(pair.to_alice)).unread == 0


async def test_when_the_first_receipts_came_is_known_by_the_own_clock(town: Town, pair: Pair) -> None:
    sent = await pair.alice.send_text(pair.to_bob, "when?")
    await pair.settle()
    delivered_at = (await pair.alice.message(sent.id)).delivered_at
    assert sent.sent_at <= delivered_at <= town.clock()
    town.clock.move(seconds=60)
    await pair.alice.disconnect()
    await pair.bob.mark_read(pair.to_alice, sent.id)
    await pair.bob.flushed(10)
    town.clock.move(seconds=3600)
    pair.alice.connect()
    await pair.settle()
    known = await pair.alice.message(sent.id)
    assert known.delivered_at == delivered_at
    # When it came here, an hour after it was said: what the other's clock says is not asked.
    assert delivered_at + 3_660_000 <= known.read_at <= town.clock()
    assert message_shape(known, await pair.alice.conversation(pair.to_bob), "alice")["read_at"] == when(
        known.read_at
    )


async def test_read_receipts_stay_home_where_the_owner_says_so(pair: Pair) -> None:
    await pair.bob.save_settings(Settings(read_receipts=False))
    sent = await pair.alice.send_text(pair.to_bob, "seen?")
    await pair.settle()
    await pair.bob.mark_read(pair.to_alice, sent.id)
    await pair.settle()
    assert (await pair.alice.message(sent.id)).delivery is Delivery.DELIVERED


async def test_offline_is_no_error_and_order_is_kept(pair: Pair) -> None:
    await pair.alice.disconnect()
    for number in range(30):
        waiting = await pair.alice.send_text(pair.to_bob, f"{number}")
    assert waiting.delivery is Delivery.WAITING
    assert not await pair.alice.flushed(0.05)
    pair.alice.connect()
    await pair.settle()
    assert (await pair.texts(pair.bob))[2:] == [f"{number}" for number in range(30)]


async def test_a_reply_a_reaction_and_an_edit_arrive(pair: Pair) -> None:
    question = await pair.alice.send_text(pair.to_bob, "tea or cofee?")
    await pair.settle()
    answer = await pair.bob.send_text(pair.to_alice, "tea", reply_to=question.id)
    await pair.bob.react(question.id, "🍵")
    await pair.alice.edit(question.id, "tea or coffee?")
    await pair.settle()
    assert (await pair.alice.message(answer.id)).reply_to == question.id
    mine, theirs = await pair.alice.message(question.id), await pair.bob.message(question.id)
    assert mine.text == theirs.text == "tea or coffee?"
    assert [one.emoji for one in mine.reactions] == [one.emoji for one in theirs.reactions] == ["🍵"]
    assert await pair.bob.edits(question.id) == ["tea or cofee?"]
    await pair.bob.react(question.id, "")
    await pair.settle()
    assert (await pair.alice.message(question.id)).reactions == ()


async def test_nobody_edits_or_deletes_what_another_wrote(pair: Pair) -> None:
    sent = await pair.alice.send_text(pair.to_bob, "mine")
    await pair.settle()
    await refusal(Code.NOT_YOURS, pair.bob.edit(sent.id, "forged"))
    await refusal(Code.NOT_YOURS, pair.bob.delete(sent.id, for_everyone=True))
    await force_edit(pair, sent.id)
    await pair.settle()
    assert (await pair.alice.message(sent.id)).text == "mine"
    assert not (await pair.alice.message(sent.id)).deleted


async def force_edit(pair: Pair, message: bytes) -> None:
    """Say what Bob's own client would refuse to say."""
    from letterlock.ids import MessageId
    from letterlock.messaging.content import Delete, Edit
    from letterlock_client.flows.outgoing import say
    from letterlock_client.flows.sending import ready_contact
    from letterlock_client.flows.workplace import Work

    async def work(work: Work) -> None:
        contact = await ready_contact(work, pair.to_alice)
        await say(work, contact, Edit(MessageId(message), "forged"), "edit")
        await say(work, contact, Delete(MessageId(message)), "delete")

    await pair.bob._place.transact(work)


async def test_deleting_for_me_and_for_everyone(pair: Pair) -> None:
    kept = await pair.alice.send_text(pair.to_bob, "only I forget this")
    gone = await pair.alice.send_text(pair.to_bob, "nobody keeps this")
    await pair.settle()
    await pair.alice.delete(kept.id, for_everyone=False)
    await pair.alice.delete(gone.id, for_everyone=True)
    await pair.settle()
    await refusal(Code.UNKNOWN_MESSAGE, pair.alice.message(kept.id))
    assert (await pair.bob.message(kept.id)).text == "only I forget this"
    assert (await pair.bob.message(gone.id)).deleted
    assert (await pair.bob.message(gone.id)).text == ""


async def test_disappearing_messages_go_on_both_sides_once_read(pair: Pair) -> None:
    events = pair.bob.events()
    await pair.alice.set_timer(pair.to_bob, 60)
    sent = await pair.alice.send_text(pair.to_bob, "burn after reading")
    await pair.settle()
    assert (await pair.bob.conversation(pair.to_alice)).timer_s == 60
    assert (await pair.bob.history(pair.to_alice, 2))[0].kind is MessageKind.NOTE
    pair.town.clock.move(days=1)
    assert (await pair.bob.message(sent.id)).text == "burn after reading"
    await pair.bob.mark_read(pair.to_alice, sent.id)
    pair.town.clock.move(seconds=61)
    for person in (pair.alice, pair.bob):
        person._place.timers_changed.set()

    async def both_forgot() -> bool:
        shown = await pair.texts(pair.alice) + await pair.texts(pair.bob)
        return not any("burn" in text for text in shown)

    await eventually(both_forgot)
    seen = [one async for one in until(events, MessageRemoved)]
    assert seen[-1].id == sent.id
    running = [one.message for one in seen if isinstance(one, MessageChanged) and one.message.id == sent.id]
    assert running[-1].expires_at >= running[-1].received_at + 86_400_000 + 60_000


async def until(events, kind):
    async for event in events:
        yield event
        if isinstance(event, kind):
            return


async def test_a_stranger_waits_without_being_read(town: Town) -> None:
    alice, bob = await town.register("alice"), await town.register("bob")
    to_bob = await alice.find("bob")
    await alice.send_text(to_bob, "secret offer")
    await alice.send_text(to_bob, "second")

    async def asked() -> bool:
        requests = await bob.requests()
        return bool(requests) and requests[0].unread == 2

    await eventually(asked)
    request = (await bob.requests())[0]
    assert request.last is None
    assert await bob.conversations() == []
    assert [one.kind for one in await bob.unprinted()] == [NewsKind.REQUEST]
    assert (await alice.history(to_bob, 1))[0].delivery is Delivery.ACCEPTED
    await bob.accept(request.id)
    news = await bob.unprinted()
    assert [one.kind for one in news] == [NewsKind.MESSAGE, NewsKind.MESSAGE]

    async def told() -> bool:
        return (await alice.history(to_bob, 1))[0].delivery is Delivery.DELIVERED

    await eventually(told)
    await bob.mark_printed(news[-1].sequence)
    assert await bob.unprinted() == []
    assert (await bob.conversations())[0].last.text == "second"  # type: ignore[union-attr]


async def test_a_request_shows_its_text_through_no_verb_and_no_event(town: Town) -> None:
    alice, bob = await town.register("alice"), await town.register("bob")
    happened = bob.events()
    sent = await alice.send_text(await alice.find("bob"), "read me at once")

    async def asked() -> bool:
        return bool(await bob.requests())

    await eventually(asked)
    request = (await bob.requests())[0]
    assert (request.last, (await bob.conversation(request.id)).last) == (None, None)
    assert len((await bob.timeline(request.id)).rows) == 0
    for asking in (bob.history(request.id, 5), bob.message(sent.id), bob.find_message(message_text(sent.id))):
        await refusal(Code.NOT_ACCEPTED, asking)
    happened.close()
    assert not [event async for event in happened if "read me at once" in told_by(event)]
    await bob.accept(request.id)
    assert [one.text for one in await bob.history(request.id, 5)] == ["read me at once"]
    assert len((await bob.timeline(request.id)).rows) == 1


def told_by(event: object) -> str:
    """Every text that an event carries, however deep; messages hide theirs from `repr`."""
    if dataclasses.is_dataclass(event):
        return " ".join(told_by(getattr(event, each.name)) for each in dataclasses.fields(event))
    return str(event)


async def test_writing_to_a_stranger_accepts_them(town: Town) -> None:
    alice, bob = await town.register("alice"), await town.register("bob")
    await alice.send_text(await alice.find("bob"), "hi")

    async def asked() -> bool:
        return bool(await bob.requests())

    await eventually(asked)
    await bob.send_text((await bob.requests())[0].id, "hi yourself")
    assert await bob.requests() == []
    assert (await bob.contacts())[0].standing is Standing.ACCEPTED


async def test_the_blocked_are_dropped_silently_and_can_come_back(pair: Pair) -> None:
    await pair.bob.block(pair.to_alice)
    await pair.alice.send_text(pair.to_bob, "are you there?")
    assert await pair.alice.flushed(5)
    await pair.quiet()
    assert "are you there?" not in await pair.texts(pair.bob)
    await refusal(Code.BLOCKED, pair.bob.send_text(pair.to_alice, "no"))
    await pair.bob.unblock(pair.to_alice)
    await pair.alice.send_text(pair.to_bob, "and now?")
    await pair.settle()
    assert (await pair.texts(pair.bob))[-1] == "and now?"
    assert (await pair.alice.history(pair.to_bob, 2))[0].delivery is Delivery.ACCEPTED


async def test_a_deleted_request_is_a_new_one_when_they_write_again(town: Town) -> None:
    alice, bob = await town.register("alice"), await town.register("bob")
    to_bob = await alice.find("bob")
    await alice.send_text(to_bob, "first")

    async def asked() -> bool:
        return bool(await bob.requests())

    await eventually(asked)
    await bob.delete_request((await bob.requests())[0].id)
    assert await bob.requests() == []
    await alice.send_text(to_bob, "second")
    await eventually(asked)
    request = (await bob.requests())[0]
    assert request.unread == 1
    await bob.accept(request.id)
    assert [one.text for one in await bob.history(request.id, 5)] == ["second"]


async def test_typing_is_told_to_who_listens_and_kept_for_nobody(pair: Pair) -> None:
    events = pair.bob.events()
    await pair.alice.set_typing(pair.to_bob, True)
    told = [one async for one in until(events, TypingChanged)][-1]
    assert told.conversation == pair.to_alice
    assert told.typing
    assert not any(pair.town.relay.mail.values())
    await pair.alice.send_text(pair.to_bob, "done typing")
    await pair.settle()
    assert (await pair.texts(pair.bob))[-1] == "done typing"


async def test_presence_is_seen_unless_hidden(pair: Pair) -> None:
    await pair.alice.watch_presence(pair.to_bob)

    async def seen() -> bool:
        return (await pair.alice.conversation(pair.to_bob)).online

    await eventually(seen)
    await pair.bob.save_settings(Settings(presence=False))
    assert await pair.bob.connected(5)
    await pair.alice.watch_presence(pair.to_bob)

    async def hidden() -> bool:
        return not (await pair.alice.conversation(pair.to_bob)).online

    await eventually(hidden)


async def test_drafts_and_mutes_are_kept(pair: Pair) -> None:
    await pair.alice.save_draft(pair.to_bob, "half a thou")
    await pair.alice.set_muted(pair.to_bob, True)
    chat = await pair.alice.conversation(pair.to_bob)
    assert (chat.draft, chat.muted) == ("half a thou", True)


@pytest.mark.parametrize("text", ["", "   \n", "\ud800"])
async def test_what_cannot_be_sent_is_refused(pair: Pair, text: str) -> None:
    await refusal(Code.BAD_INPUT, pair.alice.send_text(pair.to_bob, text))


async def test_a_text_of_sixteen_kibibytes_goes_and_a_longer_one_is_refused(pair: Pair) -> None:
    await pair.alice.send_text(pair.to_bob, "x" * 16 * 1024)
    await pair.settle()
    assert len((await pair.texts(pair.bob))[-1]) == 16 * 1024
    await refusal(Code.TOO_LARGE, pair.alice.send_text(pair.to_bob, "x" * (16 * 1024 + 1)))


async def test_who_is_a_handle_an_account_or_an_invite(town: Town) -> None:
    from letterlock.ids import account_text

    alice, bob = await town.register("alice"), await town.register("bob")
    by_invite = await alice.find(await bob.invite_link())
    assert by_invite == await alice.find("bob") == await alice.find(account_text(bob.profile.account))
    assert by_invite == await alice.find(" ".join(account_lines(bob.profile.account, 19)))
    await refusal(Code.UNKNOWN_CONTACT, alice.find("nobody"))
    await refusal(Code.BAD_INPUT, alice.find("Not A Handle!"))
    await refusal(Code.BAD_INPUT, alice.find("alice"))
    await alice.disconnect()
    assert await alice.find("bob") == by_invite
    await refusal(Code.OFFLINE, alice.find("carol"))


async def test_both_see_one_safety_number_and_only_it_verifies(pair: Pair) -> None:
    ours, theirs = await pair.alice.safety_number(pair.to_bob), await pair.bob.safety_number(pair.to_alice)
    assert ours.digits == theirs.digits
    assert len(ours.digits) == 60
    assert not await pair.alice.confirm_verified(pair.to_bob, "1" * 60)
    assert await pair.alice.confirm_verified(pair.to_bob, f"{ours.digits[:30]} {ours.digits[30:]}")
    assert await pair.bob.confirm_verified(pair.to_alice, ours.qr.hex())
    assert (await pair.alice.safety_number(pair.to_bob)).verified
    await pair.alice.withdraw_verified(pair.to_bob)
    assert not (await pair.alice.conversation(pair.to_bob)).contact.verified


async def test_how_a_message_travelled_can_be_told(pair: Pair) -> None:
    sent = await pair.alice.send_text(pair.to_bob, "look inside")
    await pair.settle()
    mine, theirs = await pair.alice.inspect(sent.id), await pair.bob.inspect(sent.id)
    assert mine.text_bytes == theirs.text_bytes == 11
    assert mine.padded_bytes == theirs.padded_bytes == 256
    assert (mine.sealed_bytes, mine.envelope_bytes) == (theirs.sealed_bytes, theirs.envelope_bytes)
    assert (mine.mine, theirs.mine) == (True, False)
    assert (mine.ratchet_step, mine.chain_index) == (theirs.ratchet_step, theirs.chain_index)


async def test_events_come_after_what_they_tell_is_stored(pair: Pair) -> None:
    events = pair.bob.events()
    await pair.alice.send_text(pair.to_bob, "told")
    added = [one async for one in until(events, MessageAdded)][-1]
    assert await pair.bob.message(added.message.id) == added.message
