"""Backups, from a profile to a provider and back: complete, private, and whole after anything that breaks them."""

import pytest

from letterlock_client.backup_models import Freshness
from letterlock_client.errors import ClientError, Code
from tests.client.flows.backup_scene import Shelf, pair, restore, shelf, texts, turn_on
from tests.town import WAIT_S, Pair, eventually

__all__ = ["pair", "shelf"]


async def test_a_backup_restores_on_a_new_terminal_with_nothing_but_the_digits(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    made = await pair.alice.backups.back_up()
    assert (made.generation, made.messages, made.segments_written) == (1, 2, 1)
    await pair.alice.close()
    done = await restore(pair.town, digits)
    assert (done.messages, done.conversations, done.generation) == (2, 1, 1)
    assert (done.freshness, done.epoch) == (Freshness.UNCHECKED, 2)
    again = await pair.town.open("second")
    assert await texts(again, pair.to_bob) == ["hello", "hello yourself"]
    assert again.profile.handle == "alice"
    assert again.profile.device == 2


async def test_the_restored_terminal_chats_on_and_backs_up_only_what_is_new(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(pair.town, digits)
    again = await pair.town.open("second")
    await again.acknowledge_warning(pair.to_bob)
    await again.send_text(pair.to_bob, "from a new terminal")
    assert await again.flushed(WAIT_S)
    await pair.bob.acknowledge_warning(pair.to_alice)

    async def heard() -> bool:
        return "from a new terminal" in await texts(pair.bob, pair.to_alice)

    await eventually(heard)
    made = await again.backups.back_up()
    assert (made.generation, made.messages) == (2, 3)
    rehearsed = await again.backups.rehearse()
    assert rehearsed.differences == ()
    await again.close()
    done = await restore(pair.town, digits, "third")
    assert (done.messages, done.epoch) == (3, 3)


async def test_nothing_new_writes_nothing(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    before = dict(shelf.memory.objects)
    made = await pair.alice.backups.back_up()
    assert (made.generation, made.segments_written, made.bytes_written) == (1, 0, 0)
    assert shelf.memory.objects == before


async def test_a_whole_backup_verifies_and_rehearses_without_a_difference(pair: Pair) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    verified = await pair.alice.backups.verify()
    assert (verified.messages, verified.conversations, verified.problems) == (2, 1, ())
    rehearsed = await pair.alice.backups.rehearse()
    assert (rehearsed.messages, rehearsed.differences) == (2, ())


async def test_wrong_digits_are_told_before_anything_is_read(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    with pytest.raises(ClientError) as wrong:
        await restore(pair.town, digits[:-1])
    assert wrong.value.code is Code.WRONG_RECOVERY_KEY
    with pytest.raises(ClientError) as other:
        await restore(pair.town, "0" * 64)
    assert other.value.code is Code.NOTHING_FOUND
