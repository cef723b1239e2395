"""The relay dies at random moments, and nothing that was accepted is lost, doubled or out of order."""

import asyncio
import os
import random

import pytest

from letterlock_client.workshop.processes import Outcome, Person, RelayProcess


async def kill_at_random(relay: RelayProcess, stop: asyncio.Event, dice: random.Random) -> int:
    kills = 0
    while not stop.is_set():
        try:
            async with asyncio.timeout(dice.uniform(0.3, 2.5)):
                await stop.wait()
        except TimeoutError:
            await relay.kill()
            kills += 1
            await asyncio.sleep(dice.uniform(0, 0.5))
            await relay.start()
    return kills


async def send_all(person: Person, who: str, count: int) -> list[Outcome]:
    return [await person.run("send", who, f"{person.name} {number}") for number in range(count)]


async def read_until_quiet(person: Person, texts: list[str]) -> None:
    quiet = 0
    while quiet < 2:
        outcome = await person.run("receive")
        new = [line["text"] for line in outcome.lines if line["type"] == "message"]
        texts += new
        quiet = 0 if new or outcome.status else quiet + 1


async def exchange_under_kills(
    relay: RelayProcess, friends: tuple[Person, Person], count: int, seed: int
) -> None:
    alice, bob = friends
    stop = asyncio.Event()
    killer = asyncio.create_task(kill_at_random(relay, stop, random.Random(seed)))
    outcomes = await asyncio.gather(send_all(alice, "bob", count), send_all(bob, "alice", count))
    stop.set()
    assert await killer > 0
    read: dict[str, list[str]] = {"alice": [], "bob": []}
    for person in (alice, bob, alice, bob):
        await read_until_quiet(person, read[person.name])
    assert {each.status for side in outcomes for each in side} <= {0, 75}
    assert read["bob"] == [f"alice {number}" for number in range(count)]
    assert read["alice"] == [f"bob {number}" for number in range(count)]


async def test_every_message_is_read_once_in_order_though_the_relay_is_killed(
    relay: RelayProcess, friends: tuple[Person, Person]
) -> None:
    await exchange_under_kills(relay, friends, count=6, seed=1)


@pytest.mark.slow
async def test_thousands_of_messages_survive_a_relay_that_keeps_dying(
    relay: RelayProcess, friends: tuple[Person, Person]
) -> None:
    await exchange_under_kills(
        relay, friends, count=int(os.environ.get("LETTERLOCK_SOAK_MESSAGES", "1000")), seed=2
    )
