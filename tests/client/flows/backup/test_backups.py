"""Backups, from a profile to a provider and back: complete, private, and whole after anything that breaks them."""

import asyncio
import time
from collections.abc import Collection
from pathlib import Path

import pytest

from letterlock_client.backup_models import BackupChoice, Freshness, TurnedOn
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import restoring_files
from letterlock_client.flows.backup.terms import require
from letterlock_client.flows.workplace import Work
from letterlock_client.models import Delivery, TransferState
from letterlock_client.storage import messages
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, pair, restore, shelf, texts, turn_on
from tests.client.storage.chat import message
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
    sent = await again.send_text(pair.to_bob, "from a new terminal")
    assert await again.flushed(WAIT_S)
    await pair.bob.acknowledge_warning(pair.to_alice)

    async def heard() -> bool:
        return (await again.message(sent.id)).delivery is Delivery.DELIVERED

    await eventually(heard)
    assert "from a new terminal" in await texts(pair.bob, pair.to_alice)
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


async def test_nothing_new_costs_next_to_nothing_however_long_the_history(pair: Pair) -> None:
    await turn_on(pair.alice)

    async def talk(work: Work) -> None:
        for number in range(5000):
            said = message(number, conversation=pair.to_bob, author=pair.to_bob)
            await messages.add(work.tx, said)

    await pair.alice._place.transact(talk)
    assert (await pair.alice.backups.back_up()).messages == 5002
    spent = []
    for _ in range(5):
        began = time.process_time()
        assert (await pair.alice.backups.back_up()).bytes_written == 0
        spent.append(time.process_time() - began)
    assert min(spent) < 0.1


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


async def test_a_file_that_was_left_for_later_comes_when_it_is_wanted(pair: Pair, tmp_path: Path) -> None:
    digits = await turn_on(pair.alice)
    (tmp_path / "plan.txt").write_bytes(b"a plan" * 5000)
    await pair.alice.send_file(pair.to_bob, tmp_path / "plan.txt")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    assert (await restore(pair.town, digits, media_later=True)).media == 0
    again = await pair.town.open("second", connect=False)
    (message,) = await again.history(pair.to_bob, 1)
    assert message.attachment is not None
    assert message.attachment.state is TransferState.REMOTE
    # Nobody is connected: it can only come from the backup.
    saved = await again.save(message.id, tmp_path / "back")
    assert saved.read_bytes() == b"a plan" * 5000


async def test_no_restored_file_is_relied_on_that_the_disk_did_not_keep(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = await turn_on(pair.alice)
    for name in ("one", "two", "three"):
        (tmp_path / name).write_bytes(name.encode() * 5000)
        await pair.alice.send_file(pair.to_bob, tmp_path / name)
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    refused: list[Path] = []

    def full(paths: Collection[Path]) -> None:
        assert all(path.exists() for path in paths)
        refused.extend(paths)
        raise ClientError(Code.STORAGE_FULL, "the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(restoring_files, "have_survive", full)
        with pytest.raises(ClientError, match="full"):
            await restore(pair.town, digits)
    assert refused
    # All of them come again, and none is taken for one that is here.
    assert (await restore(pair.town, digits)).media == 3
    again = await pair.town.open("second", connect=False)
    for said in await again.history(pair.to_bob, 3):
        assert said.attachment is not None
        assert said.attachment.state is TransferState.HERE
        saved = await again.save(said.id, tmp_path / f"{said.attachment.name} again")
        assert saved.read_bytes() == said.attachment.name.encode() * 5000


async def test_a_file_that_was_never_fetched_does_not_count_as_backed_up(pair: Pair, tmp_path: Path) -> None:
    await turn_on(pair.bob)
    (tmp_path / "plan.txt").write_bytes(b"a plan" * 5000)
    await pair.alice.send_file(pair.to_bob, tmp_path / "plan.txt")
    await pair.settle()
    made = await pair.bob.backups.back_up()
    assert (made.messages, made.media, made.media_written) == (3, 0, 0)
    (message,) = await pair.bob.history(pair.to_alice, 1)
    await pair.bob.save(message.id, tmp_path / "here")
    made = await pair.bob.backups.back_up()
    assert (made.messages, made.media, made.media_written) == (3, 1, 1)
    await pair.bob.send_text(pair.to_alice, "a good plan")
    assert (await pair.bob.backups.back_up()).media == 1


async def test_only_the_chats_that_were_asked_for_come_and_the_backup_keeps_the_others(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    carol = await pair.town.register("carol")
    to_carol = await pair.alice.find("carol")
    await pair.alice.send_text(to_carol, "hello carol")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    done = await restore(pair.town, digits, chats=("carol",))
    assert (done.messages, done.conversations) == (1, 1)
    again = await pair.town.open("second")
    assert await texts(again, to_carol) == ["hello carol"]
    assert await texts(again, pair.to_bob) == []
    await again.save_draft(to_carol, "more")
    await again.backups.back_up()
    await again.close()
    await carol.close()
    assert (await restore(pair.town, digits, "third")).messages == 3


async def test_secrets_of_backups_are_not_in_the_database_nor_in_any_text(pair: Pair, shelf: Shelf) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    raw = bytes.fromhex(digits)
    for name, body in shelf.memory.objects.items():
        assert raw not in body, name
        assert b"hello" not in body, name
        assert pair.alice.profile.account not in body, name
    state = await require(pair.alice._place)
    for value in (getattr(state, name) for name in state.__slots__):
        assert value != raw
    assert digits not in repr(state)
    assert state.backup_key.hex()[:16] not in repr(state)
    assert await pair.alice.backups.recovery_key(NO_PASSPHRASE) == digits


async def test_nothing_of_a_text_is_lost_behind_a_character_that_ends_texts_elsewhere(
    pair: Pair, shelf: Shelf
) -> None:
    digits = await turn_on(pair.alice)
    said = ["short\0and on", "long\0" + "and on " * 1000, "edited\0and on"]
    for text in said:
        sent = await pair.alice.send_text(pair.to_bob, text)
    await pair.settle()
    await pair.alice.edit(sent.id, "anew\0and on")
    await pair.settle()
    await pair.alice.save_draft(pair.to_bob, "draft\0and on")
    before = await texts(pair.alice, pair.to_bob)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(pair.town, digits)
    again = await pair.town.open("second")
    assert await texts(again, pair.to_bob) == before
    assert before[-3:] == [*said[:2], "anew\0and on"]
    assert (await again.conversation(pair.to_bob)).draft == "draft\0and on"


async def test_backups_turned_on_twice_at_once_have_one_secret(pair: Pair, shelf: Shelf) -> None:
    choice = BackupChoice(PROVIDER, recovery_key=True)
    both = await asyncio.gather(
        *(pair.alice.backups.turn_on(choice, NO_PASSPHRASE) for _ in range(2)), return_exceptions=True
    )
    (made,) = [one for one in both if isinstance(one, TurnedOn)]
    (error,) = [one for one in both if isinstance(one, ClientError)]
    assert error.code in (Code.BACKUP_ON, Code.BACKUP_RUNNING)
    assert await pair.alice.backups.recovery_key(NO_PASSPHRASE) == made.recovery_key
    assert (await pair.alice.backups.status()).key_id == made.key_id
