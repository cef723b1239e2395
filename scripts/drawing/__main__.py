"""Draws the pictures of the READMEs: real screens with people in memory, a fixed clock and a recorded relay.

The same run gives the same bytes, so that a picture changes only when a screen does.
"""

import asyncio
import os
import re
import time
from pathlib import Path
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from letterlock_client.models import Delivery, Reaction, Standing
from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Doors, Start
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.workshop.stage import StageApp
from tests.client.ui.fake_messenger import MINUTE, FakeMessenger, account
from tests.client.workshop.extras import Extras, recorded

PICTURES = Path(__file__).parents[2] / "client" / "pictures"
HELLO = "Hello Bob! Can the relay read this?"
ANSWER = "No. It sees who, whom, when and a size."


async def draw_chat() -> None:
    """Alice's client: a few chats, one of them open."""
    alice = FakeMessenger("alice")
    await put_chats(alice)

    async def give(passphrase: str) -> Any:
        return alice

    app = LetterlockApp(Doors(Start.OPEN, give, give), clock=alice.clock)  # type: ignore[arg-type]
    async with app.run_test(size=(112, 30)) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        save(app, "chat")


async def put_chats(alice: FakeMessenger) -> None:
    workshop = alice.person("dora")
    alice.put(workshop, "The projector works. Bring the long cable.", ago=190 * MINUTE)
    carol = alice.person("carol", online=True)
    alice.put(carol, "Did you compare numbers with Bob yet?", ago=42 * MINUTE)
    alice.put(carol, "f4, takes a minute", ago=41 * MINUTE)
    erin = alice.person("erin", standing=Standing.REQUESTED)
    alice.put(erin, "hi", ago=30 * MINUTE)
    bob = alice.person("bob", verified=True, online=True, timer_s=604_800)
    read = {"mine": True, "delivery": Delivery.READ}
    alice.put(bob, "Are we still on for the workshop tomorrow?", ago=12 * MINUTE)
    first = alice.put(bob, "Yes. Doors open at nine, the relay is up already.", ago=11 * MINUTE, **read)
    alice.put(bob, "Does the relay see what we write?", ago=6 * MINUTE)
    alice.put(
        bob, "It sees sealed bytes: who hands them in, for whom, when, and a size.", ago=5 * MINUTE, **read
    )
    heart = (Reaction(account("bob"), "♥"),)
    alice.put(
        bob, "Whatever is on its disk does not even say who wrote.", ago=5 * MINUTE, reactions=heart, **read
    )
    alice.put(bob, "Perfect. I bring my own terminal.", ago=2 * MINUTE, reply_to=first.id)
    alice.put(bob, "See you at nine!", mine=True, delivery=Delivery.DELIVERED, ago=MINUTE)
    alice.read_all(bob)


async def draw_stage() -> None:
    """The stage after Bob's first answer, with what a real relay saw of it."""
    extras = Extras()
    names, seen = recorded(extras.clock())
    extras.rename(*names)
    app = StageApp(extras.cast, Surroundings(extras.clock))
    async with app.run_test(size=(150, 38)) as pilot:
        await settle(pilot)
        sent = await extras.alice.send_text(extras.to_bob, HELLO)
        extras.alice_is_unknown_to_bob()
        extras.bob.receive(extras.to_alice, HELLO)
        await settle(pilot)
        await extras.bob.accept(extras.to_alice)
        answer = await extras.bob.send_text(extras.to_alice, ANSWER)
        extras.bob.change(answer.id, delivery=Delivery.READ)
        extras.alice.change(sent.id, delivery=Delivery.READ)
        extras.alice.receive(extras.to_bob, ANSWER)
        extras.alice.change_chat(extras.to_bob, online=True)
        extras.bob.change_chat(extras.to_alice, online=True)
        extras.relay.tell(*seen)
        await settle(pilot)
        save(app, "stage")


async def settle(pilot: Pilot[Any]) -> None:
    for _ in range(12):
        await pilot.pause()


def save(app: App[Any], name: str) -> None:
    """Write the screen, without addresses of fonts and without numbers that differ from run to run."""
    svg = app.export_screenshot(title="Letterlock", simplify=True)
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+-", "t-", svg)
    svg = svg.replace("Fira Code,", "Fira Code, DejaVu Sans Mono, Menlo,")
    path = PICTURES / f"{name}.svg"
    path.write_text("\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n")
    print(f"{path.relative_to(PICTURES.parents[1])}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    PICTURES.mkdir(exist_ok=True)
    asyncio.run(draw_chat())
    asyncio.run(draw_stage())
