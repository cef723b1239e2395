"""A rotated recovery secret: the whole backup comes along, and the old secret opens nothing any more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock_client.backup_models import Anchored, Frequency, RestoreRequest
from letterlock_client.config import NO_PASSPHRASE, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import anchoring
from letterlock_client.flows.workplace import Workplace
from letterlock_client.messenger import Messenger
from letterlock_client.providers.interface import FullError, Provider, UnreachableError
from letterlock_client.restoration import Restoration
from letterlock_client.storage import backup_state, keyring, rotation_state
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.rotation_state import Phase
from tests.client.flows.backup.backup_scene import (
    PROVIDER,
    Shelf,
    pair,
    restore,
    shelf,
    texts,
    turn_on,
)
from tests.client.providers.faulty import FaultyProvider
from tests.simulator import RELAY_URL
from tests.town import Pair, Town

__all__ = ["pair", "shelf"]

PASSWORD, OTHER = "violet harbour 71 lanterns", "nine copper herons waltz"


def prefixes(shelf: Shelf) -> set[str]:
    return {name.partition("/")[0] for name in shelf.memory.objects}


async def opens(town: Town, secret: str, fleet: Path | None = None) -> int:
    """Open the backup as a new terminal would, and restore nothing; return how many messages it would bring back."""
    wanted = RestoreRequest("alice", RELAY_URL, PROVIDER, fleet=fleet)
    restoration = await Restoration.begin(town.home, "nobody", wanted, outside=town.outside("nobody"))
    try:
        return (await restoration.open(secret)).messages
    finally:
        await restoration.close()


async def refuses(town: Town, secret: str, code: Code, fleet: Path | None = None) -> None:
    with pytest.raises(ClientError) as told:
        await opens(town, secret, fleet)
    assert told.value.code is code


async def left(person: Messenger) -> rotation_state.Rotation | None:
    return await person._place.database.read(rotation_state.load)


# With the 64 digits alone.


async def test_the_new_digits_open_all_of_it_and_the_old_ones_nothing(pair: Pair, shelf: Shelf) -> None:
    old = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    before, key_id = set(shelf.memory.objects), (await pair.alice.backups.status()).key_id
    await pair.alice.send_text(pair.to_bob, "not backed up yet")
    await pair.settle()
    done = await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert (done.key_id_before, done.old_left, done.media_lost) == (key_id, False, 0)
    assert done.key_id_after == (await pair.alice.backups.status()).key_id != key_id
    assert done.recovery_key == await pair.alice.backups.recovery_key(NO_PASSPHRASE) != old
    assert done.key_id_after in done.sheet
    assert not before & set(shelf.memory.objects)
    assert len(prefixes(shelf)) == 1
    assert await keyring.open_recovery_secrets(pair.alice._place.places, NO_PASSPHRASE) == (
        bytes.fromhex(done.recovery_key),
    )
    await refuses(pair.town, old, Code.NOTHING_FOUND)
    rehearsed = await pair.alice.backups.rehearse()
    assert (rehearsed.messages, rehearsed.differences) == (3, ())
    await pair.alice.close()
    assert (await restore(pair.town, done.recovery_key)).messages == 3
    again = await pair.town.open("second")
    assert await texts(again, pair.to_bob) == ["hello", "hello yourself", "not backed up yet"]


async def test_backups_go_on_above_what_was_rotated(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    made = await pair.alice.backups.back_up()
    done = await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    # A backup of now, and the same under the new key.
    assert done.generation == made.generation + 2
    again = await pair.alice.backups.back_up()
    assert (again.generation, again.segments_written) == (done.generation, 0)
    await pair.alice.send_text(pair.to_bob, "newer")
    await pair.settle()
    assert (await pair.alice.backups.back_up()).messages == 3
    second = await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert second.key_id_before == done.key_id_after
    await refuses(pair.town, done.recovery_key, Code.NOTHING_FOUND)
    assert await opens(pair.town, second.recovery_key) == 3


async def test_files_come_along_from_here_and_from_under_the_old_key(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    old = await turn_on(pair.alice)
    for number in range(2):
        (tmp_path / f"{number}").write_bytes(f"file {number} ".encode() * 2000)
        await pair.alice.send_file(pair.to_bob, tmp_path / f"{number}")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(pair.town, old, media_later=True)
    alice = await pair.town.open("second")
    await alice.backups.choose(frequency=Frequency.OFF)
    files = [each for each in await alice.history(pair.to_bob, 100) if each.attachment]
    # One of them is here when the key is rotated, the other only at the provider.
    await alice.download(files[0].id)
    shelf.seen = faulty = FaultyProvider(shelf.memory)
    done = await alice.backups.rotate(None, NO_PASSPHRASE)
    shelf.seen = shelf.memory
    state = await alice._place.database.read(backup_state.load)
    assert state is not None
    read = [name for method, name in faulty.calls if method == "get" and "/media/" in name]
    old_media = {name for name in read if name.partition("/")[0] not in prefixes(shelf)}
    assert len(old_media) == 1
    assert (await alice.backups.verify()).media == 2
    assert done.media_lost == 0
    await alice.close()
    back = await restore(pair.town, done.recovery_key, "third")
    assert back.media == 2


async def test_chats_that_were_never_restored_here_are_in_the_rotated_backup(pair: Pair, town: Town) -> None:
    carol = await town.register("carol")
    to_carol = await pair.alice.find("carol")
    await pair.alice.send_text(to_carol, "for carol")
    await pair.settle()
    assert await carol.flushed(5)
    old = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(town, old, chats=("bob",))
    alice = await town.open("second")
    done = await alice.backups.rotate(None, NO_PASSPHRASE)
    await alice.close()
    assert (await restore(town, done.recovery_key, "third")).messages == 3


async def test_a_file_that_is_damaged_there_and_not_here_is_counted_and_stops_nothing(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    old = await turn_on(pair.alice)
    (tmp_path / "file").write_bytes(b"a file" * 2000)
    await pair.alice.send_file(pair.to_bob, tmp_path / "file")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(pair.town, old, media_later=True)
    alice = await pair.town.open("second")
    (media,) = [name for name in shelf.memory.objects if "/media/" in name]
    body = shelf.memory.objects[media]
    shelf.memory.objects[media] = body[:100] + bytes([body[100] ^ 1]) + body[101:]
    done = await alice.backups.rotate(None, NO_PASSPHRASE)
    assert done.media_lost == 1
    (message,) = [each.id for each in await alice.history(pair.to_bob, 100) if each.attachment]
    # Once it is here again, the next backup sends it.
    await alice.download(message)
    assert (await alice.backups.back_up()).media_written == 1
    assert (await alice.backups.verify()).media == 1
    verified = await alice.backups.verify()
    assert (verified.messages, verified.problems) == (3, ())


class Spoiling(FaultyProvider):
    """Spoils whatever is written from now on under names with this part, but under one prefix."""

    def __init__(self, inner: Provider, part: str, spared: str) -> None:
        super().__init__(inner)
        self._part, self._spared = part, spared

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        if self._part in name and not name.startswith(self._spared):
            self.flipped[name] = 50
        return await super().put(name, data)


async def test_what_is_not_read_back_as_it_was_written_changes_nothing(pair: Pair, shelf: Shelf) -> None:
    old = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    before, key_id = dict(shelf.memory.objects), (await pair.alice.backups.status()).key_id
    (here,) = prefixes(shelf)
    shelf.seen = Spoiling(shelf.memory, "/segment/", here)
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert told.value.code is Code.BACKUP_DAMAGED
    shelf.seen = shelf.memory
    assert before.items() <= shelf.memory.objects.items()
    assert prefixes(shelf) == {here}
    assert (await pair.alice.backups.status()).key_id == key_id
    assert await left(pair.alice) is None
    assert await opens(pair.town, old) == 2


async def test_a_file_that_is_not_there_whole_when_it_is_read_back_changes_nothing(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    await turn_on(pair.alice)
    (tmp_path / "file").write_bytes(b"a file" * 2000)
    await pair.alice.send_file(pair.to_bob, tmp_path / "file")
    await pair.settle()
    await pair.alice.backups.back_up()
    before = dict(shelf.memory.objects)
    (here,) = prefixes(shelf)
    shelf.seen = Spoiling(shelf.memory, "/media/", here)
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert told.value.code is Code.BACKUP_DAMAGED
    assert before.items() <= shelf.memory.objects.items()
    assert prefixes(shelf) == {here}
    shelf.seen = shelf.memory
    await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert (await pair.alice.backups.verify()).media == 1


async def test_what_the_owner_chooses_while_the_realms_are_told_stays(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    anchor = anchoring.anchor

    async def choosing(place: Workplace, state: BackupState) -> Anchored:
        await pair.alice.backups.choose(frequency=Frequency.WEEKLY)
        return await anchor(place, state)

    monkeypatch.setattr(anchoring, "anchor", choosing)
    await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert (await pair.alice.backups.status()).frequency is Frequency.WEEKLY


@pytest.mark.parametrize("days", [8, -1])
async def test_what_nobody_takes_up_again_is_deleted_after_a_week(
    pair: Pair, shelf: Shelf, days: int
) -> None:
    """And at once where a clock that was ahead began it: nobody knows when the week is over."""
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    (old,) = prefixes(shelf)

    class Dying(FaultyProvider):
        """Dies when what was written is to be read back."""

        async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
            if not name.startswith(old):
                raise asyncio.CancelledError
            return await super().get(name, start, length)

    shelf.seen = Dying(shelf.memory)
    with pytest.raises(ClientError):
        await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    shelf.seen = shelf.memory
    rotation = await left(pair.alice)
    assert rotation is not None
    assert rotation.phase is Phase.WRITING
    assert (await pair.alice.backups.status()).rotation == "writing"
    assert len(prefixes(shelf)) == 2
    await pair.alice.backups.back_up()
    assert len(prefixes(shelf)) == 2
    pair.town.clock.turn(days=days)
    await pair.alice.backups.back_up()
    assert len(prefixes(shelf)) == 1
    assert await left(pair.alice) is None


@pytest.mark.parametrize("no_room_at_all", [False, True])
async def test_a_provider_without_room_for_both_keeps_the_old_and_its_room(
    pair: Pair, shelf: Shelf, no_room_at_all: bool
) -> None:
    old = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    before = dict(shelf.memory.objects)

    class Full(FaultyProvider):
        async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
            if "/manifest/" in name and (no_room_at_all or not name.startswith(here)):
                raise FullError("full")
            return await super().put(name, data)

    (here,) = prefixes(shelf)
    shelf.seen = Full(shelf.memory)
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert told.value.code is Code.PROVIDER_FULL
    assert before.items() <= shelf.memory.objects.items()
    assert prefixes(shelf) == {here}
    assert await left(pair.alice) is None
    assert await opens(pair.town, old) == 2


async def test_a_wrong_passphrase_is_known_before_anything_is_written(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.rotate(None, Unlock("not the passphrase"))
    assert told.value.code is Code.WRONG_PASSPHRASE
    assert shelf.memory.objects == {}


async def test_another_backup_that_runs_is_not_disturbed(pair: Pair) -> None:
    await turn_on(pair.alice)
    async with pair.alice._place.backup_lock:
        with pytest.raises(ClientError) as told:
            await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert told.value.code is Code.BACKUP_RUNNING


async def test_a_rotation_needs_backups_and_their_own_way_of_opening(pair: Pair) -> None:
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert told.value.code is Code.BACKUP_OFF
    await turn_on(pair.alice)
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.rotate(PASSWORD, NO_PASSPHRASE)
    assert told.value.code is Code.BAD_INPUT


# Beside a restore.


class NoSegments(FaultyProvider):
    """Away whenever somebody wants messages."""

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if "/segment/" in name:
            raise UnreachableError("away")
        return await super().get(name, start, length)


class NothingGoes(FaultyProvider):
    """Away whenever something is to be deleted."""

    async def delete(self, name: str) -> None:
        raise UnreachableError("away")


async def test_nothing_of_an_old_backup_is_deleted_or_rotated_while_it_is_restored(
    pair: Pair, shelf: Shelf
) -> None:
    old = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    shelf.seen = NothingGoes(shelf.memory)
    assert (await pair.alice.backups.rotate(None, NO_PASSPHRASE)).old_left
    await pair.alice.close()
    shelf.seen = NoSegments(shelf.memory)
    with pytest.raises(ClientError) as away:
        await restore(pair.town, old, "alice")
    assert away.value.code is Code.PROVIDER_UNREACHABLE
    shelf.seen = shelf.memory
    alice = pair.alice = await pair.town.open("alice", connect=False)
    assert (await alice.backups.status()).restoring
    before = dict(shelf.memory.objects)
    for refused in (
        alice.backups.rotate(None, NO_PASSPHRASE),
        alice.backups.turn_off(NO_PASSPHRASE),
        alice.backups.back_up(),
    ):
        with pytest.raises(ClientError) as told:
            await refused
        assert told.value.code is Code.RESTORE_UNFINISHED
        assert told.value.message == (
            "a restore is not complete, and some messages are only in the backup yet: let it finish first"
        )
    assert shelf.memory.objects == before
    assert len(prefixes(shelf)) == 2
    await alice.close()
    assert (await restore(pair.town, old, "alice")).complete
    alice = pair.alice = await pair.town.open("alice", connect=False)
    await alice.backups.back_up()
    assert await left(alice) is None
    assert len(prefixes(shelf)) == 1
    await refuses(pair.town, old, Code.NOTHING_FOUND)
