"""A message counts as read when its reader wants it to, and no receipt or timer knows of it earlier."""

import pytest

from letterlock_client.models import Delivery, Message, ReadWhen, Settings
from tests.town import Pair, eventually


async def shown(pair: Pair, when: ReadWhen) -> Message:
    """Alice writes, Bob sees it."""
    await pair.bob.save_settings(Settings(read_when=when))
    await pair.alice.set_timer(pair.to_bob, 3600)
    sent = await pair.alice.send_text(pair.to_bob, "have you seen this?")
    await pair.settle()
    (got,) = await pair.bob.history(pair.to_alice, 1)
    await pair.bob.saw(pair.to_alice, got.id)
    await pair.settle()
    return sent


async def is_read(pair: Pair, sent: Message) -> bool:
    return (await pair.alice.message(sent.id)).delivery is Delivery.READ


async def is_unread_here(pair: Pair) -> bool:
    (got, *_) = [one for one in await pair.bob.history(pair.to_alice, 3) if "seen this" in one.text]
    return (await pair.bob.conversation(pair.to_alice)).unread > 0 and not got.expires_at


async def test_what_is_seen_is_read_unless_something_else_is_chosen(pair: Pair) -> None:
    sent = await shown(pair, ReadWhen.SEEN)
    await eventually(lambda: is_read(pair, sent))
    assert not await is_unread_here(pair)


async def test_an_answer_lets_it_be_read(pair: Pair) -> None:
    sent = await shown(pair, ReadWhen.ANSWERED)
    assert not await is_read(pair, sent)
    assert await is_unread_here(pair)
    await pair.bob.send_text(pair.to_alice, "I have")
    await pair.settle()
    await eventually(lambda: is_read(pair, sent))
    assert not await is_unread_here(pair)


@pytest.mark.parametrize("way", ["long text", "once", "forward"])
async def test_whatever_is_said_is_an_answer(pair: Pair, way: str) -> None:
    sent = await shown(pair, ReadWhen.ANSWERED)
    if way == "forward":
        await pair.bob.forward(sent.id, pair.to_alice)
    elif way == "once":
        await pair.bob.send_once(pair.to_alice, "I have")
    else:
        await pair.bob.send_long_text(pair.to_alice, "I have\n" * 20_000)
    await pair.settle()
    await eventually(lambda: is_read(pair, sent))


async def test_only_its_reader_lets_it_be_read_where_that_was_chosen(pair: Pair) -> None:
    sent = await shown(pair, ReadWhen.ASKED)
    await pair.bob.send_text(pair.to_alice, "no answer to that")
    await pair.settle()
    assert not await is_read(pair, sent)
    assert await is_unread_here(pair)
    assert await pair.bob.read_now(pair.to_alice)
    await pair.settle()
    await eventually(lambda: is_read(pair, sent))
    assert not await pair.bob.read_now(pair.to_alice)


@pytest.mark.parametrize(("seconds", "after"), [(0, True), (3600, False)])
async def test_a_mute_ends_by_the_clock_or_by_hand(pair: Pair, seconds: int, after: bool) -> None:
    await pair.alice.set_muted(pair.to_bob, True, seconds)
    assert (await pair.alice.conversation(pair.to_bob)).muted
    pair.town.clock.move(days=1)
    assert (await pair.alice.conversation(pair.to_bob)).muted is after
    await pair.alice.set_muted(pair.to_bob, False)
    assert not (await pair.alice.conversation(pair.to_bob)).muted
