"""A provider that is away for a moment, or shows what was there yesterday: nothing is lost, nothing overwritten."""

from letterlock_client.providers.interface import UnreachableError
from tests.client.flows.backup.backup_scene import Shelf, pair, shelf, turn_on
from tests.client.providers.faulty import FaultyProvider
from tests.town import Pair

__all__ = ["pair", "shelf"]


async def say(pair: Pair, text: str) -> None:
    """Say something that nobody hears yet: it is in the history all the same."""
    await pair.alice.disconnect()
    await pair.alice.send_text(pair.to_bob, text)


async def test_a_provider_that_is_away_for_a_moment_at_any_call_is_asked_again(
    pair: Pair, shelf: Shelf
) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    for number in range(1, 40):
        faulty = FaultyProvider(shelf.memory)
        # The answer of a call that did its work may be lost too: asked again, it must not fail on its own traces.
        faulty.at_call = {number: lambda: UnreachableError("away")}
        faulty.after_call = {number + 2: lambda: UnreachableError("away")}
        shelf.seen = faulty
        await say(pair, f"message {number}")
        made = await pair.alice.backups.back_up()
        assert (made.generation, made.messages, made.alarm) == (1 + number, 2 + number, "")
        if len(faulty.calls) < number:
            break
    assert number > 4
    shelf.seen = shelf.memory
    assert (await pair.alice.backups.rehearse()).differences == ()


async def test_a_provider_that_lists_what_was_gets_everything_again_and_nothing_is_overwritten(
    pair: Pair, shelf: Shelf
) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    prefix = next(iter(shelf.memory.objects)).split("/")[0]
    yesterday = await shelf.memory.list(prefix)
    await say(pair, "more")
    await pair.alice.backups.back_up()
    before = dict(shelf.memory.objects)
    faulty = FaultyProvider(shelf.memory)
    faulty.stale = yesterday
    shelf.seen = faulty
    await say(pair, "and more")
    made = await pair.alice.backups.back_up()
    assert (made.generation, made.messages) == (3, 4)
    assert "lost" in made.alarm
    assert before.items() <= shelf.memory.objects.items()
    shelf.seen = shelf.memory
    assert (await pair.alice.backups.rehearse()).differences == ()
    assert (await pair.alice.backups.verify()).generation == 3
