"""A provider that is away for a moment, or shows what was there yesterday: nothing is lost, nothing overwritten."""

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.providers.interface import UnreachableError
from tests.client.flows.backup.backup_scene import Shelf, pair, restore, shelf, turn_on
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


class Endless(FaultyProvider):
    """Every object of a folder goes on for ever: whoever asks for all of one gets no memory for anything else."""

    folder = ""

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if self.folder not in name:
            return await super().get(name, start, length)
        assert length is not None, "an endless object is read whole"
        return bytes(length)


@pytest.mark.parametrize(
    ("folder", "code"), [("/manifest/", Code.BACKUP_DAMAGED), ("/segment/", Code.BACKUP_MISMATCH)]
)
async def test_an_object_that_never_ends_is_named_and_never_read_whole(
    pair: Pair, shelf: Shelf, folder: str, code: Code
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    shelf.seen = endless = Endless(shelf.memory)
    endless.folder = folder
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits)
    assert told.value.code is code
    assert folder in str(told.value.facts["object"])


@pytest.mark.parametrize("number", [2**53 - 1, 2**53, 2**56 - 1])
async def test_a_manifest_that_claims_a_number_far_ahead_is_not_followed(
    pair: Pair, shelf: Shelf, number: int
) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    prefix = next(iter(shelf.memory.objects)).split("/")[0]
    shelf.memory.objects[f"{prefix}/manifest/{number:014x}-{0:016x}"] = b"LLB"
    await say(pair, "more")
    assert (await pair.alice.backups.back_up()).generation == 2


@pytest.mark.parametrize("name", ["media/" + "z" * 64, "media/" + "0" * 63 + "-", "segment/x", "manifest/0"])
async def test_what_somebody_else_puts_there_is_in_nobody_s_way(pair: Pair, shelf: Shelf, name: str) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    prefix = next(iter(shelf.memory.objects)).split("/")[0]
    shelf.memory.objects[f"{prefix}/{name}"] = b"not ours"
    await say(pair, "more")
    assert (await pair.alice.backups.back_up()).generation == 2
    assert (await pair.alice.backups.verify()).problems == ()
    await pair.alice.close()
    assert (await restore(pair.town, digits)).messages == 3
