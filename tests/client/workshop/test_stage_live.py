"""The stage with nothing but real parts: a relay process, two messengers, and somebody who types."""

import asyncio
from collections.abc import Callable

from textual.pilot import Pilot
from textual.widgets import Button

from letterlock_client.backup_models import RealmState
from letterlock_client.models import Delivery
from letterlock_client.ui.widgets.composer import Composer
from letterlock_client.workshop.acts import Fact
from letterlock_client.workshop.cast import Cast, open_cast
from letterlock_client.workshop.keepers import PASSWORD
from letterlock_client.workshop.party import Party
from letterlock_client.workshop.prompter import ON
from letterlock_client.workshop.stage import StageApp
from letterlock_client.workshop.stage_screen import StageScreen
from letterlock_client.workshop.watch_lines import SeenFrame

WORDS = "the canary sings at noon"
PATIENCE_S = 60


class Visitor:
    """Types, waits and looks."""

    def __init__(self, pilot: Pilot[int], stage: StageScreen) -> None:
        self.pilot = pilot
        self.stage = stage

    async def type(self, text: str) -> None:
        await self.pilot.press(*({" ": "space"}.get(character, character) for character in text), "enter")

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():
                await asyncio.sleep(0.05)
        await self.pilot.pause()

    def shows(self, part: Party, text: str) -> bool:
        log = part.pane.view.log_view if part.pane.view is not None else None
        lines = [log.render_line(y).text for y in range(log.size.height)] if log is not None else []
        return text in " ".join(" ".join(lines).split())

    def frames(self) -> list[SeenFrame]:
        return [each for each in self.stage.relay.log_view._entries if isinstance(each, SeenFrame)]

    def sealed(self, kind: str) -> list[SeenFrame]:
        return [frame for frame in self.frames() if frame.kind == kind and frame.sealed]


async def test_what_alice_types_arrives_at_bob_and_the_relay_sees_it_sealed() -> None:
    async with open_cast() as cast:
        app = StageApp(cast)
        async with app.run_test(size=(160, 45)) as pilot:
            stage = app.screen_stack[1]
            assert isinstance(stage, StageScreen)
            visitor = Visitor(pilot, stage)
            await first_contact(visitor)
            await an_answer(visitor)
            await a_dead_relay(visitor, cast)
            await the_same_number(cast)
            await bob_comes_back_twice(visitor, cast)
            everything = str(stage.relay.log_view._entries)
            assert WORDS not in everything
            assert WORDS.encode().hex() not in everything
    assert not cast.relay.running


async def first_contact(visitor: Visitor) -> None:
    stage = visitor.stage
    await visitor.until(lambda: isinstance(stage.focused, Composer))
    await visitor.type(WORDS)
    await visitor.until(lambda: stage.bob.pane.view is not None and stage.bob.pane.view.banner.display)
    assert visitor.shows(stage.alice, WORDS)
    await visitor.until(lambda: bool(visitor.sealed("Submit") and visitor.sealed("Deliver")))
    assert visitor.sealed("Submit")[0].sealed_size > len(WORDS)
    await visitor.pilot.press("f7")
    await visitor.until(lambda: isinstance(stage.focused, Button))
    await visitor.pilot.press("enter")
    await visitor.until(lambda: visitor.shows(stage.bob, WORDS))


async def an_answer(visitor: Visitor) -> None:
    stage = visitor.stage
    await visitor.until(lambda: isinstance(stage.focused, Composer))
    await visitor.type("at noon, then")
    await visitor.until(lambda: visitor.shows(stage.alice, "at noon, then"))


async def a_dead_relay(visitor: Visitor, cast: Cast) -> None:
    stage = visitor.stage
    await visitor.pilot.press("f8")
    await visitor.until(lambda: not stage.bill.relay_runs)
    await visitor.pilot.press("f5")
    await visitor.pilot.pause()
    await visitor.type("are you there")
    await visitor.until(lambda: visitor.shows(stage.alice, "are you there"))
    (waiting,) = await cast.alice.history(cast.chat, 1)
    assert waiting.delivery is Delivery.WAITING
    await visitor.pilot.press("f8")
    await visitor.until(lambda: visitor.shows(stage.bob, "are you there"))
    chat = await cast.bob.find("alice")
    texts = [message.text for message in await cast.bob.history(chat, 10)]
    assert texts.count("are you there") == 1


async def the_same_number(cast: Cast) -> None:
    hers = await cast.alice.safety_number(cast.chat)
    his = await cast.bob.safety_number(await cast.bob.find("alice"))
    assert hers.digits == his.digits
    assert len(hers.digits) == 60


async def bob_comes_back_twice(visitor: Visitor, cast: Cast) -> None:
    """Every act of the backup, by the one key that plays it: with a password, and without a vault."""
    stage = visitor.stage
    before = (await cast.bob.safety_number(await cast.bob.find("alice"))).digits
    stage.bill = stage.bill.happened(Fact.VERIFIED)
    while (step := stage.bill.step) is not None:
        await visitor.pilot.press("f9")
        await visitor.until(lambda fact=step.fact: fact in stage.bill.done and not stage.bill.busy)  # type: ignore[misc]
        if step.fact is Fact.LOST:
            assert not (cast.keepers.guard.folder / "bob").exists()
            assert "Bob's terminal is gone" in "".join(
                line.text for line in visitor.pilot.app.screen._compositor.render_strips()
            )
    assert cast.bob is stage.bob.messenger
    told = "\n".join(cast.keepers.sight.notes)
    for words in (
        "freshness verified, epoch 2",
        "too many guesses came without the locator",
        "only the 64-digit key",
    ):
        assert words in told
    assert "freshness unchecked, epoch 3" in told
    assert {realm.state for realm in cast.keepers.sight.realms} == {
        RealmState.DESTROYED,
        RealmState.UNREACHABLE,
    }
    assert (await cast.bob.safety_number(await cast.bob.find("alice"))).digits == before
    await visitor.until(lambda: visitor.shows(stage.bob, WORDS))
    await visitor.until(lambda: visitor.shows(stage.alice, ON[:10]))
    sealed = b"".join(
        each.read_bytes() for each in (cast.keepers.guard.folder / "provider").rglob("*") if each.is_file()
    )
    assert WORDS.encode() not in sealed
    assert PASSWORD.encode() not in sealed
