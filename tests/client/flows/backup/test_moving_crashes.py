"""Whoever dies while a backup moves loses nothing of it: to another place, or to the same by another name."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.events import RestoreFinished
from letterlock_client.flows.announcing import EventStream
from letterlock_client.flows.backup import looking_ahead
from letterlock_client.messenger import Messenger
from letterlock_client.providers.folder import FolderProvider
from letterlock_client.providers.interface import Found, Provider, RefusedError
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.storage import beside_state
from letterlock_client.storage.beside_state import Beside
from tests.client.flows.backup.backup_scene import LONG, PROVIDER, Shelf, pair, restore, shelf, texts, turn_on
from tests.client.providers.faulty import FaultyProvider
from tests.town import WAIT_S, Pair

__all__ = ["pair", "shelf"]

OTHER = "folder:/other"


class DeadError(Exception):
    """The process is dead from here on."""


class Life:
    """Ends after so many calls of any provider, and lets nothing happen after that."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def call(self) -> None:
        if self.left <= 0:
            raise DeadError
        self.left -= 1


class Mortal(FaultyProvider):
    """A provider whose caller may die; what it misreads, it misreads each time for the first time."""

    def __init__(self, inner: Provider, life: Life, *, misread: str = "") -> None:
        super().__init__(inner)
        self._life, self._misread = life, misread
        self._read: set[str] = set()

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        self._life.call()
        return await self.inner.put(name, data)

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self._life.call()
        body = await self.inner.get(name, start, length)
        if self._misread and self._misread in name and name not in self._read:
            self._read.add(name)
            return body[:-1]
        return body

    async def list(self, prefix: str) -> list[Found]:
        self._life.call()
        found = await self.inner.list(prefix)
        return (
            [Found(each.name, each.size - (self._misread in each.name)) for each in found]
            if self._misread
            else found
        )

    async def delete(self, name: str) -> None:
        self._life.call()
        await self.inner.delete(name)


async def filled(pair: Pair, folder: Path) -> tuple[Messenger, str]:
    """A backup of two segments and a file."""
    digits = await turn_on(pair.alice)
    for number in range(8):
        await pair.alice.send_text(pair.to_bob, f"{number} {LONG}")
    (folder / "file").write_bytes(b"file" * 5000)
    await pair.alice.send_file(pair.to_bob, folder / "file")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.send_text(pair.to_bob, "later")
    await pair.settle()
    await pair.alice.backups.back_up()
    return pair.alice, digits


@pytest.mark.parametrize("misread", ["/segment/", "/media/", "/manifest/"])
async def test_one_place_by_another_name_is_nothing_to_carry_whatever_is_misread_there(
    pair: Pair, shelf: Shelf, tmp_path: Path, misread: str
) -> None:
    alice, digits = await filled(pair, tmp_path)
    kept = dict(shelf.memory.objects)
    deaths = 0
    while (await alice.backups.status()).provider != OTHER:
        life = Life(deaths)
        shelf.seen = Mortal(shelf.memory, life)
        shelf.others[OTHER] = Mortal(shelf.memory, life, misread=misread)
        try:
            await alice.backups.move(OTHER)
        except DeadError:
            deaths += 1
            assert kept.items() <= shelf.memory.objects.items()
    # A note and a manifest were looked for in both, a mark put, seen and taken away.
    assert 5 <= deaths <= 12
    shelf.others[OTHER] = shelf.memory
    await alice.send_text(pair.to_bob, "by the other name")
    await pair.settle()
    made = await alice.backups.back_up()
    assert (made.generation, made.media_written, made.alarm) == (3, 0, "")
    assert (await alice.backups.verify()).problems == ()
    await alice.close()
    assert (await restore(pair.town, digits, provider=OTHER)).media == 1


@pytest.mark.parametrize("name", ["link", "folder/../folder", "folder/../link"])
@pytest.mark.parametrize("anew", [False, True])
async def test_a_folder_is_the_same_by_any_of_its_names(
    pair: Pair, shelf: Shelf, tmp_path: Path, name: str, anew: bool
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "link").symlink_to("folder")
    shelf.seen = FolderProvider(folder)
    alice, _ = await filled(pair, tmp_path)
    before = await alice.backups.status()
    files = sorted(folder.rglob("*"))
    to = f"folder:{tmp_path / name}"
    shelf.others[to] = FolderProvider(tmp_path / name)
    assert await alice.backups.move(to, anew=anew) == replace(before, provider=to)
    assert sorted(folder.rglob("*")) == files


async def test_a_place_that_does_not_say_whether_it_is_the_same_is_not_written_over(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    alice, _ = await filled(pair, tmp_path)
    kept = dict(shelf.memory.objects)
    shelf.seen = Silent(shelf.memory)
    shelf.others[OTHER] = Mortal(shelf.memory, Life(1000), misread="/segment/")
    await alice.backups.move(OTHER)
    assert kept.items() <= shelf.memory.objects.items()
    shelf.others[OTHER] = shelf.memory
    assert (await alice.backups.back_up()).generation == 3
    assert (await alice.backups.verify()).problems == ()


class Silent(FaultyProvider):
    """A provider that says nothing of what it has not."""

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if self.inner.objects.get(name) == b"\0":  # type: ignore[attr-defined]
            raise RefusedError("not now")
        return await super().get(name, start, length)


@pytest.mark.parametrize("begun", [False, True], ids=["at rest", "while a restore waits"])
async def test_who_dies_while_it_moves_has_all_of_it_in_one_place(
    pair: Pair, shelf: Shelf, tmp_path: Path, begun: bool
) -> None:
    alice, digits = await filled(pair, tmp_path)
    said = await texts(alice, pair.to_bob)
    if begun:
        await alice.close()
        await restore(pair.town, digits, early=True)
        alice = await pair.town.open("second", connect=False)
        assert await alice.backups.unfinished() is not None
    other = MemoryProvider()
    deaths = 0
    while (await alice.backups.status()).provider != OTHER:
        assert (await alice.backups.status()).provider == PROVIDER
        if begun:
            unfinished = await alice.backups.unfinished()
            assert unfinished is not None
            assert unfinished.request.provider == PROVIDER
        life = Life(deaths)
        shelf.seen = Mortal(shelf.memory, life)
        shelf.others[OTHER] = Mortal(other, life)
        profile = "second" if begun else "alice"
        try:
            await alice.backups.move(OTHER)
        except DeadError:
            deaths += 1
            await alice.close()
            alice = await pair.town.open(profile, connect=False)
    assert deaths > 10
    shelf.seen, shelf.others[OTHER] = MemoryProvider(), other
    if begun:
        unfinished = await alice.backups.unfinished()
        assert unfinished is not None
        assert unfinished.request.provider == OTHER
        stream = alice.events()
        alice.backups.go_on_restoring()
        back = [event.restored async for event in until_restored(stream)]
        assert [(each.messages, each.media) for each in back if each] == [(len(said), 1)]
    assert (await alice.backups.verify()).problems == ()
    await alice.close()
    done = await restore(pair.town, digits, "third", provider=OTHER)
    assert (done.messages, done.media) == (len(said), 1)


async def test_what_was_left_beside_is_known_by_the_other_name(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    alice, _ = await filled(pair, tmp_path)
    beside = Beside(PROVIDER, "00" * 16, 0, 7, b"digest")
    await alice._place.transact(lambda work: beside_state.save(work.tx, beside))
    shelf.others[OTHER] = shelf.memory
    await alice.backups.move(OTHER)
    assert await alice._place.database.read(beside_state.load) == replace(beside, provider=OTHER)


async def test_what_would_not_come_along_while_a_restore_waits_is_not_left(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    alice, digits = await filled(pair, tmp_path)
    await alice.close()
    await restore(pair.town, digits, early=True)
    alice = await pair.town.open("second", connect=False)
    other = shelf.others[OTHER] = MemoryProvider()
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER, anew=True)
    assert told.value.code is Code.RESTORE_UNFINISHED
    kept = dict(shelf.memory.objects)
    shelf.memory.objects.clear()
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER)
    assert told.value.code is Code.BACKUP_MISSING
    assert "let it finish first" in told.value.message
    assert (await alice.backups.status()).provider == PROVIDER
    assert other.objects == {}
    # An older backup that is restored beside this one stays where it is.
    shelf.memory.objects |= kept
    await alice.close()
    await restore(pair.town, digits, early=True, generation=1)
    alice = await pair.town.open("second", connect=False)
    unfinished = await alice.backups.unfinished()
    assert unfinished is not None
    assert unfinished.request.generation == 1
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER)
    assert told.value.code is Code.RESTORE_UNFINISHED
    assert other.objects == {}


async def test_a_restore_that_runs_goes_on_from_the_new_place(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_ahead, "ENOUGH", 1)
    alice, digits = await filled(pair, tmp_path)
    said = await texts(alice, pair.to_bob)
    await alice.close()
    await restore(pair.town, digits, early=True)
    alice = await pair.town.open("second", connect=False)
    held = shelf.seen = Held(shelf.memory)
    shelf.others[OTHER] = MemoryProvider()
    stream = alice.events()
    alice.backups.go_on_restoring()
    await held.reached.wait()
    await alice.backups.move(OTHER)
    done = [event.restored async for event in until_restored(stream)]
    assert [(each.messages, each.media) for each in done if each] == [(len(said), 1)]
    assert await alice.backups.unfinished() is None


async def until_restored(stream: EventStream) -> AsyncIterator[RestoreFinished]:
    async with asyncio.timeout(WAIT_S):
        async for event in stream:
            if isinstance(event, RestoreFinished) and event.restored is not None:
                yield event
                return


class Held(FaultyProvider):
    """A provider that gives whoever restores nothing."""

    def __init__(self, inner: Provider) -> None:
        super().__init__(inner)
        self.reached = asyncio.Event()

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        task = asyncio.current_task()
        if task is not None and task.get_name() in {"segment", "restore"}:
            self.reached.set()
            await asyncio.Event().wait()
        return await super().get(name, start, length)
