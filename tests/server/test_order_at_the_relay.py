"""Mail to one recipient arrives in the order in which it was handed in, whatever was refused on the way."""

from collections.abc import Sequence

import pytest

from letterlock.wire import frames, refusals
from letterlock_server.limits import Limiter, Rule
from letterlock_server.relay.handlers import mailbox
from letterlock_server.stores.interfaces import Copy, Done
from tests.server.conftest import Running
from tests.server.people import Account, Talk, mail


async def codes(talk: Talk, requests: Sequence[frames.Submit]) -> list[str]:
    """Send all before reading any answer, as a window does; "" stands for accepted."""
    for request in requests:
        await talk.send(request)
    answers = {}
    for _ in requests:
        answer = await talk.receive()
        while not isinstance(answer, frames.Answer):
            answer = await talk.receive()
        answers[answer.id] = answer.code if isinstance(answer, frames.Refused) else ""
    return [answers[request.id] for request in requests]


async def test_what_is_behind_a_refused_envelope_waits_for_it_though_the_rate_would_allow_it(
    relay: Running,
) -> None:
    relay.relay.rates.submit = Limiter(Rule(2, 1_000))
    alice, bob, carol = Account("alice"), Account("bob"), Account("carol")
    async with await Talk.join(relay.url, bob) as at_bob, await Talk.join(relay.url, carol):
        async with await Talk.join(relay.url, alice) as talk:
            sent = [mail(bob, bytes([number]), request=number) for number in range(10, 14)]
            assert await codes(talk, sent) == ["", "", refusals.RATE, refusals.RATE]
            relay.clock.now += 1_000
            assert await codes(talk, [sent[3]]) == [refusals.RATE], "the one before it was refused"
            assert await codes(talk, [mail(carol, request=20)]) == [""], "another's line is free"
            relay.clock.now += 1_000
            assert await codes(talk, [sent[2]]) == [""]
            relay.clock.now += 1_000
            assert await codes(talk, [sent[3]]) == [""]
        got = [(await at_bob.push(frames.Deliver)).body for _ in sent]
        assert got == [bytes([number]) for number in range(10, 14)]


async def test_a_line_is_free_again_when_the_refused_envelope_never_comes_back(relay: Running) -> None:
    relay.relay.rates.submit = Limiter(Rule(1, 1_000))
    alice, bob = Account("alice"), Account("bob")
    async with await Talk.join(relay.url, bob), await Talk.join(relay.url, alice) as talk:
        assert await codes(talk, [mail(bob, request=10), mail(bob, request=11)]) == ["", refusals.RATE]
        relay.clock.now += 1_000 + mailbox.HOLD_MS - 1
        assert await codes(talk, [mail(bob, request=12)]) == [refusals.RATE]
        relay.clock.now += 2
        assert await codes(talk, [mail(bob, request=13)]) == [""]


async def test_what_the_disk_refused_is_not_overtaken_either(relay: Running) -> None:
    alice, bob = Account("alice"), Account("bob")
    keep, refuse = relay.relay.store.mail.keep, [True]

    def failing(copies: Sequence[Copy], done: Done) -> None:
        if refuse:
            refuse.pop()
            done(None)
        else:
            keep(copies, done)

    relay.relay.store.mail.keep = failing  # type: ignore[method-assign]
    async with await Talk.join(relay.url, bob) as at_bob, await Talk.join(relay.url, alice) as talk:
        sent = [mail(bob, bytes([number]), request=number) for number in range(10, 13)]
        assert await codes(talk, sent) == [refusals.NOT_NOW, refusals.RATE, refusals.RATE]
        assert await codes(talk, sent) == ["", "", ""]
        assert [(await at_bob.push(frames.Deliver)).body for _ in sent] == [b"\x0a", b"\x0b", b"\x0c"]


async def test_holding_lines_takes_bounded_memory(relay: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "MAX_HOLDS", 3)
    relay.relay.rates.submit = Limiter(Rule(1, 10_000))
    alice, people = Account("alice"), [Account(f"person-{number}") for number in range(6)]
    for each in people:
        await (await Talk.join(relay.url, each)).close()
    async with await Talk.join(relay.url, alice) as talk:
        sent = [mail(each, request=number) for number, each in enumerate(people, 10)]
        assert await codes(talk, sent) == ["", *[refusals.RATE] * 5]
        (peer,) = (box.peer for box in relay.relay._boxes.values() if box.peer is not None)
        assert len(peer.holds) == 3
