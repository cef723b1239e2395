"""The stage of the demo: Alice, what the relay sees, and Bob."""

from letterlock_client.models import Delivery
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.workshop.stage import StageApp
from scripts.drawing.saving import save, settle
from tests.client.workshop.extras import Extras, recorded

HELLO = "Hello Bob! Can the relay read this?"
ANSWER = "No. It sees who, whom, when and a size."


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
