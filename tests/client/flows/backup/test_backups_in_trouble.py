"""Whatever a provider does, and wherever a process dies: the last complete backup restores, and nothing wrong does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from letterlock.ids import message_text
from letterlock_client.backup_shapes import restored_line, restored_shape
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import BackupFinished
from letterlock_client.flows.backup.objects import PAUSES_S
from letterlock_client.messenger import Messenger
from letterlock_client.models import Standing
from letterlock_client.providers.interface import Found, FullError, ProviderInfo, UnreachableError
from letterlock_client.providers.memory import MemoryProvider
from tests.client.flows.backup.backup_scene import Shelf, pair, restore, shelf, texts, turn_on
from tests.client.providers.faulty import FaultyProvider
from tests.town import Pair

__all__ = ["pair", "shelf"]


class DiedError(Exception):
    """The process dies here."""


class Dying:
    """A provider at whose n-th call the process dies: before the call, or after it has had its effect."""

    def __init__(self, inner: MemoryProvider, number: int, *, after: bool) -> None:
        self.inner, self.left, self.after = inner, number, after
        self.hit = False

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        self._before()
        result = await self.inner.put(name, data)
        self._after()
        return result

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self._before()
        return await self.inner.get(name, start, length)

    async def list(self, prefix: str) -> list[Found]:
        self._before()
        return await self.inner.list(prefix)

    async def delete(self, name: str) -> None:
        self._before()
        await self.inner.delete(name)
        self._after()

    async def info(self) -> ProviderInfo:
        return await self.inner.info()

    def _before(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.hit = True
            if not self.after:
                raise DiedError

    def _after(self) -> None:
        if self.left == 0 and self.after:
            raise DiedError


async def dies(work: Callable[[], object]) -> None:
    """Do it, and let the process die on the way."""
    try:
        await work()  # type: ignore[misc]
    except DiedError:
        pass
    except BaseExceptionGroup as group:
        if group.split(DiedError)[1] is not None:
            raise


async def chat(pair: Pair, text: str) -> None:
    """Say something that nobody hears yet: it is in the history all the same."""
    await pair.alice.disconnect()
    await pair.alice.send_text(pair.to_bob, text)


async def with_file(pair: Pair, path: Path) -> None:
    await pair.alice.disconnect()
    path.write_bytes(b"a file" * 1000)
    await pair.alice.send_file(pair.to_bob, path)


async def test_a_first_backup_that_is_cut_short_goes_on_with_the_files_that_lie_there(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    digits = await turn_on(pair.alice)
    for name in ("one", "two", "three"):
        (tmp_path / name).write_bytes(name.encode())
        await pair.alice.send_file(pair.to_bob, tmp_path / name)
    for number in range(1, 7):
        shelf.seen = dying = Dying(shelf.memory, number, after=False)
        await dies(pair.alice.backups.back_up)
        assert dying.hit
    shelf.seen = shelf.memory
    assert not [name for name in shelf.memory.objects if "/manifest/" in name]
    lying = [name for name in shelf.memory.objects if "/media/" in name]
    assert len(lying) == 3
    made = await pair.alice.backups.back_up()
    assert (made.media, made.media_written) == (3, 0)
    assert [name for name in shelf.memory.objects if "/media/" in name] == lying
    await pair.alice.close()
    assert (await restore(pair.town, digits)).media == 3


@pytest.mark.parametrize("after", [False, True])
async def test_a_backup_that_dies_at_any_call_leaves_the_last_complete_one(
    pair: Pair, shelf: Shelf, tmp_path: Path, after: bool
) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    complete = 2
    for number in range(1, 60):
        await with_file(pair, tmp_path / f"{number}")
        total = complete + 1
        pair.town.clock.move(days=2)
        dying = Dying(shelf.memory, number, after=after)
        shelf.seen = dying
        await dies(pair.alice.backups.back_up)
        shelf.seen = shelf.memory
        verified = await pair.alice.backups.verify()
        assert verified.problems == ()
        assert verified.messages in (complete, total)
        made = await pair.alice.backups.back_up()
        assert made.messages == total
        complete = total
        if not dying.hit:
            break
    assert number > 8
    rehearsed = await pair.alice.backups.rehearse()
    assert (rehearsed.messages, rehearsed.differences) == (complete, ())


async def test_a_restore_that_dies_at_any_call_goes_on_and_loses_nothing(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await with_file(pair, tmp_path / "one")
    await pair.alice.backups.back_up()
    await pair.alice.close()
    for number in range(1, 40):
        dying = Dying(shelf.memory, number, after=False)
        shelf.seen = dying
        await dies(lambda: restore(pair.town, digits))
        shelf.seen = shelf.memory
        if not dying.hit:
            break
    assert number > 4
    done = await restore(pair.town, digits)
    assert (done.messages, done.generation) == (3, 2)
    again = await pair.town.open("second")
    assert (await texts(again, pair.to_bob))[:2] == ["hello", "hello yourself"]
    message = (await again.history(pair.to_bob, 1))[0]
    saved = await again.save(message.id, tmp_path / "back")
    assert saved.read_bytes() == b"a file" * 1000
    assert (await again.backups.rehearse()).differences == ()


async def test_an_unfinished_restore_lets_no_backup_begin(pair: Pair, shelf: Shelf, tmp_path: Path) -> None:
    digits = await turn_on(pair.alice)
    await with_file(pair, tmp_path / "one")
    await pair.alice.backups.back_up()
    await pair.alice.close()

    class Away(FaultyProvider):
        files = 0

        async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
            self.files += "/media/" in name
            # The file is asked for while messages come as well, and that is no reason to stop.
            if "/media/" in name or self.files > 1 + len(PAUSES_S):
                raise UnreachableError("away")
            return await super().get(name, start, length)

    shelf.seen = Away(shelf.memory)
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits)
    assert told.value.code is Code.PROVIDER_UNREACHABLE
    again = await pair.town.open("second")
    assert (await again.backups.status()).restoring
    before = dict(shelf.memory.objects)
    with pytest.raises(ClientError) as refused:
        await again.backups.back_up()
    assert refused.value.code is Code.RESTORE_UNFINISHED
    assert shelf.memory.objects == before
    await again.close()
    shelf.seen = shelf.memory
    await restore(pair.town, digits)
    again = await pair.town.open("second")
    assert not (await again.backups.status()).restoring
    assert (await again.backups.rehearse()).differences == ()


def faults(objects: dict[str, bytes]) -> list[tuple[str, dict[str, bytes]]]:
    """Every single fault: each object missing, cut, extended, flipped, emptied, or another one's bytes."""
    found: list[tuple[str, dict[str, bytes]]] = []
    for name, body in objects.items():
        other = next(each for each in objects if each != name and each.split("/")[1] == name.split("/")[1])
        changes = {
            "cut": body[: len(body) // 2],
            "one byte short": body[:-1],
            "longer": body + b"\0",
            "first byte": bytes([body[0] ^ 1]) + body[1:],
            "a byte inside": body[:100] + bytes([body[100] ^ 128]) + body[101:],
            "last byte": body[:-1] + bytes([body[-1] ^ 1]),
            "empty": b"",
            "swapped": objects[other],
        }
        found += [(f"{name} {what}", objects | {name: new}) for what, new in changes.items()]
        found.append((f"{name} missing", {one: raw for one, raw in objects.items() if one != name}))
    return found


async def test_every_single_fault_is_named_or_harmless_and_never_gives_wrong_data(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    await turn_on(pair.alice)
    await with_file(pair, tmp_path / "one")
    await pair.alice.backups.back_up()
    (tmp_path / "two").write_bytes(b"another")
    await pair.alice.send_file(pair.to_bob, tmp_path / "two")
    for number in range(8):
        await pair.alice.send_text(pair.to_bob, f"{number} " + tmp_path.name * 20)
    await pair.alice.backups.back_up()
    good = dict(shelf.memory.objects)
    whole = await pair.alice.backups.verify()
    outcomes: set[str] = set()
    for what, objects in faults(good):
        shelf.memory.objects = objects
        try:
            verified = await pair.alice.backups.verify()
            rehearsed = await pair.alice.backups.rehearse()
        except ClientError as error:
            assert error.code.value.startswith("backup_") or error.code is Code.NOTHING_FOUND, what  # noqa: PT017
            outcomes.add(error.code.value)
            continue
        assert not rehearsed.differences or verified.generation < whole.generation, what
        if verified.problems:
            outcomes.add("told")
        elif verified.generation == whole.generation:
            assert verified.messages == whole.messages, what
            outcomes.add("harmless")
        else:
            outcomes.add("older")
    assert {"backup_damaged", "backup_truncated", "backup_missing", "backup_mismatch", "told"} <= outcomes


async def test_a_file_that_the_provider_lost_is_named_by_verifying(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    await turn_on(pair.alice)
    await with_file(pair, tmp_path / "one")
    await pair.alice.backups.back_up()
    assert (await pair.alice.backups.verify()).problems == ()
    lost = next(name for name in shelf.memory.objects if "/media/" in name)
    del shelf.memory.objects[lost]
    verified = await pair.alice.backups.verify()
    assert verified.media == 0
    (problem,) = verified.problems
    assert lost in problem


async def test_another_folder_gets_all_that_is_here_anew(pair: Pair, shelf: Shelf, tmp_path: Path) -> None:
    """As verifying advises where something is wrong."""
    await turn_on(pair.alice)
    await with_file(pair, tmp_path / "one")
    await pair.alice.backups.back_up()
    whole = await pair.alice.backups.verify()
    for name in [name for name in shelf.memory.objects if "/manifest" not in name]:
        del shelf.memory.objects[name]
    assert len((await pair.alice.backups.verify()).problems) >= 1
    shelf.memory = MemoryProvider()
    shelf.seen = shelf.memory
    await pair.alice.backups.move("folder:/another")
    await pair.alice.backups.back_up()
    again = await pair.alice.backups.verify()
    assert (again.messages, again.media, again.problems) == (whole.messages, whole.media, ())


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("flipped", Code.BACKUP_DAMAGED),
        ("gone while it is fetched", Code.BACKUP_MISSING),
        ("gone", Code.BACKUP_MISSING),
        ("cut", Code.BACKUP_MISSING),
    ],
)
async def test_one_bad_file_keeps_no_other_from_coming_back_and_no_backup_from_going_on(
    pair: Pair, shelf: Shelf, tmp_path: Path, fault: str, code: Code
) -> None:
    digits = await turn_on(pair.alice)
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode())
        await pair.alice.send_file(pair.to_bob, tmp_path / name)
    await pair.settle()
    assert (await pair.alice.backups.back_up()).media == 2
    # One that was never fetched is in no backup, and nobody lost it.
    (tmp_path / "three").write_bytes(b"three")
    await pair.bob.send_file(pair.to_alice, tmp_path / "three")
    await pair.settle()
    assert (await pair.alice.backups.back_up()).media == 2
    await pair.alice.close()
    bad = next(name for name in shelf.memory.objects if "/media/" in name)
    shelf.seen = faulty = FaultyProvider(shelf.memory)
    if fault == "flipped":
        faulty.flipped[bad] = 7
    elif fault == "gone":
        del shelf.memory.objects[bad]
    elif fault == "cut":
        shelf.memory.objects[bad] = shelf.memory.objects[bad][:-1]
    else:
        faulty.lost.add(bad)
    done = await restore(pair.town, digits)
    assert (done.messages, done.media, done.media_wrong) == (5, 1, 1)
    (wrong,) = done.wrong
    assert (wrong.name in ("one", "two"), wrong.error) == (True, code.value)
    assert wrong.name in restored_line(done)
    assert restored_shape(done)["wrong"] == [
        {"message": message_text(wrong.message), "name": wrong.name, "error": code.value}
    ]
    again = await pair.town.open("second")
    await again.save_draft(pair.to_bob, "a draft")
    assert (await again.backups.back_up()).generation == 3


@pytest.mark.parametrize("error", [UnreachableError("away"), FullError("full")])
async def test_a_provider_that_fails_is_said_so_and_the_next_backup_takes_everything(
    pair: Pair, shelf: Shelf, error: ClientError
) -> None:
    class Failing(MemoryProvider):
        async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
            raise error

    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await chat(pair, "more")
    failing = Failing()
    failing.objects = shelf.memory.objects
    shelf.seen = failing
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.back_up()
    assert told.value.code is error.code
    shelf.seen = shelf.memory
    assert (await pair.alice.backups.back_up()).messages == 3


async def test_a_provider_that_lost_everything_gets_everything_again(pair: Pair, shelf: Shelf) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    shelf.memory.objects.clear()
    await chat(pair, "more")
    made = await pair.alice.backups.back_up()
    assert (made.generation, made.messages) == (2, 3)
    assert "lost" in made.alarm
    assert (await pair.alice.backups.rehearse()).differences == ()


async def test_an_account_is_not_restored_into_another_ones_profile(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.bob.close()
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits, "bob")
    assert told.value.code is Code.BACKUP_OTHER_ACCOUNT


async def test_restoring_beside_existing_history_brings_back_only_what_is_missing(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    before = await texts(pair.alice, pair.to_bob)
    await chat(pair, "since")
    await pair.alice.close()
    await restore(pair.town, digits, "alice")
    again: Messenger = await pair.town.open("alice")
    assert await texts(again, pair.to_bob) == [*before, "since"]
    assert (await again.conversation(pair.to_bob)).contact.standing is Standing.ACCEPTED
    assert (await again.backups.back_up()).messages == 3


async def test_a_backup_can_be_called_off_and_runs_once_at_a_time(pair: Pair, shelf: Shelf) -> None:
    class Slow(MemoryProvider):
        async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
            began.set()
            await asyncio.Event().wait()
            return False

    began = asyncio.Event()
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await chat(pair, "more")
    slow = Slow()
    slow.objects = shelf.memory.objects
    shelf.seen = slow
    stream = pair.alice.events()
    running = asyncio.create_task(pair.alice.backups.back_up())
    await began.wait()
    assert (await pair.alice.backups.status()).running
    with pytest.raises(ClientError) as second:
        await pair.alice.backups.back_up()
    assert second.value.code is Code.BACKUP_RUNNING
    await pair.alice.send_text(pair.to_bob, "typed meanwhile")
    await pair.alice.backups.cancel()
    with pytest.raises(ClientError) as told:
        await running
    assert told.value.code is Code.CANCELLED
    stream.close()
    assert BackupFinished(None) in [event async for event in stream]
    shelf.seen = shelf.memory
    assert (await pair.alice.backups.verify()).messages == 2
    assert (await pair.alice.backups.back_up()).messages == 4
