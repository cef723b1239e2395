"""A provider that is away for a moment, or shows what was there yesterday: nothing is lost, nothing overwritten."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.events import RestoreFinished
from letterlock_client.flows.backup import restoring_files
from letterlock_client.flows.backup.objects import PAUSES_S
from letterlock_client.flows.backup.restoring_files import AGAIN_S
from letterlock_client.models import TransferState
from letterlock_client.providers.interface import ProviderError, RefusedError, UnreachableError
from letterlock_client.providers.memory import MemoryProvider
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


class Ill(FaultyProvider):
    """Gives some objects out only after so many failures, if ever."""

    def __init__(self, inner: MemoryProvider, ill: dict[str, int], failure: ProviderError) -> None:
        super().__init__(inner)
        self.ill, self.failure = ill, failure

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if self.ill.get(name, 0) > 0:
            self.ill[name] -= 1
            raise self.failure
        return await super().get(name, start, length)


class Dying(FaultyProvider):
    """Gives out nothing any more from the moment that one object is asked for."""

    def __init__(self, inner: MemoryProvider, last: str, failure: ProviderError) -> None:
        super().__init__(inner)
        self._last, self._failure = last, failure
        self._dead = False

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self._dead = self._dead or name == self._last
        if self._dead:
            raise self._failure
        return await super().get(name, start, length)


FOR_EVER: Final = 10**6
FAILURES: Final = pytest.mark.parametrize(
    "failure", [UnreachableError("it does not answer"), RefusedError("permission denied")]
)


def patience(failure: ProviderError) -> int:
    """How many times a file that fails so is asked for in one patient try."""
    return len(PAUSES_S) + 1 if failure.code is Code.PROVIDER_UNREACHABLE else 1


async def with_files(
    pair: Pair, shelf: Shelf, folder: Path, names: Sequence[str] = ("one", "two")
) -> tuple[str, list[str]]:
    """A backup of a few files whose device is lost; return what opens it, and their objects."""
    digits = await turn_on(pair.alice)
    for name in names:
        (folder / name).write_bytes(name.encode())
        await pair.alice.send_file(pair.to_bob, folder / name)
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    return digits, [name for name in shelf.memory.objects if "/media/" in name]


@FAILURES
@pytest.mark.parametrize("ill", [1, 2])
async def test_a_file_that_can_never_be_read_is_counted_and_the_restore_ends(
    pair: Pair, shelf: Shelf, tmp_path: Path, failure: ProviderError, ill: int
) -> None:
    digits, files = await with_files(pair, shelf, tmp_path)
    shelf.seen = sick = Ill(shelf.memory, dict.fromkeys(files[:ill], FOR_EVER), failure)
    done = await restore(pair.town, digits)
    # Once while messages come in, where there is time for that, patiently after them, and then once a round.
    assert max(FOR_EVER - left for left in sick.ill.values()) <= 1 + patience(failure) + len(AGAIN_S)
    assert (done.messages, done.media, done.media_wrong, done.media_unread) == (4, 2 - ill, ill, ill)
    assert {each.error for each in done.wrong} == {failure.code.value}
    alice = await pair.town.open("second")
    assert not (await alice.backups.status()).restoring
    await alice.save_draft(pair.to_bob, "a draft")
    assert (await alice.backups.back_up()).media == 2
    # Whoever mends the disk gets it from the message.
    shelf.seen = shelf.memory
    missing = [each for each in await alice.history(pair.to_bob, 9) if each.id == done.wrong[0].message]
    pair.town.relay.blobs.clear()
    await alice.download(missing[0].id)
    shown = (await alice.message(missing[0].id)).attachment
    assert shown is not None
    assert shown.state is TransferState.HERE


async def test_many_files_that_cannot_be_read_hold_a_restore_for_no_longer_than_a_few(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring_files, "PATIENT", 2)
    digits, files = await with_files(pair, shelf, tmp_path, [str(number) for number in range(12)])
    whole, *ill = files
    shelf.seen = sick = Ill(shelf.memory, dict.fromkeys(ill, FOR_EVER), UnreachableError("away"))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    shelf.changes["sleep"] = sleep
    done = await restore(pair.town, digits)
    assert (done.media, done.media_unread) == (1, len(ill))
    # Some may have been begun before it was known that so many cannot be read.
    most = restoring_files.PATIENT + restoring_files.IN_FLIGHT - 1
    assert sum(slept) <= most * sum(PAUSES_S) + sum(AGAIN_S)
    assert {pause: slept.count(pause) for pause in AGAIN_S} == dict.fromkeys(AGAIN_S, 1)
    # No other is given up for it: each is asked for in every round.
    assert min(FOR_EVER - sick.ill[name] for name in ill) >= 1 + len(AGAIN_S)
    assert whole not in sick.ill


@FAILURES
async def test_a_file_that_can_be_read_later_comes_with_the_same_restore(
    pair: Pair, shelf: Shelf, tmp_path: Path, failure: ProviderError
) -> None:
    digits, files = await with_files(pair, shelf, tmp_path)
    # In all rounds but the last; some of them while messages come in, where there is time for that.
    shelf.seen = ill = Ill(shelf.memory, {files[0]: patience(failure) + len(AGAIN_S) - 1}, failure)
    done = await restore(pair.town, digits)
    assert (done.media, done.media_wrong) == (2, 0)
    assert ill.ill[files[0]] == 0


@FAILURES
async def test_a_provider_of_which_nothing_can_be_read_is_waited_for_and_is_no_damage(
    pair: Pair, shelf: Shelf, tmp_path: Path, failure: ProviderError
) -> None:
    digits, files = await with_files(pair, shelf, tmp_path)
    await restore(pair.town, digits, early=True)
    alice = await pair.town.open("second")
    shelf.seen = Dying(shelf.memory, files[0], failure)
    stream = alice.events()
    alice.backups.go_on_restoring()
    ended = await anext(event async for event in stream if isinstance(event, RestoreFinished))
    await alice.backups.stop_restoring()
    stream.close()
    assert (ended.restored, ended.error, ended.damaged) == (None, failure.message, False)
    assert (await alice.backups.status()).restoring
    shelf.seen = shelf.memory
    stream = alice.events()
    alice.backups.go_on_restoring()
    ended = await anext(event async for event in stream if isinstance(event, RestoreFinished))
    stream.close()
    assert ended.restored is not None
    assert (ended.restored.media, ended.restored.media_wrong) == (2, 0)
