"""What is damaged of a backup is written again from here, in the same folder and under the same key."""

import shutil
from pathlib import Path

import msgspec
import pytest

from letterlock.backup.manifest import manifest_name, open_manifest, seal_manifest, segment_name
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup.ground import STRANGE
from letterlock_client.flows.backup.terms import require
from letterlock_client.providers.memory import MemoryProvider
from tests.client.flows.backup.backup_scene import (
    FAULTS,
    LONG,
    Fault,
    Shelf,
    flipped,
    pair,
    restore,
    shelf,
    spoil,
    texts,
    turn_on,
)
from tests.town import Pair

__all__ = ["pair", "shelf"]


async def build_up(pair: Pair, folder: Path) -> str:
    """Two backups of texts, deletions and files, in several segments; the 64 digits."""
    digits = await turn_on(pair.alice)
    said = [await pair.alice.send_text(pair.to_bob, f"{number} {LONG}") for number in range(8)]
    for name in ("one", "two"):
        (folder / name).write_bytes(name.encode() * 5000)
        await pair.alice.send_file(pair.to_bob, folder / name)
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.delete(said[0].id, for_everyone=False)
    await pair.alice.edit(said[1].id, "said otherwise")
    await pair.settle()
    await pair.alice.backups.back_up()
    return digits


async def segments(pair: Pair) -> list[str]:
    """Those of the newest generation."""
    state = await require(pair.alice._place)
    manifest = open_manifest(state.backup_key, state.manifest_name, state.manifest)
    return [segment_name(state.backup_key, ref.id) for ref in manifest.segments]


def needed(shelf: Shelf) -> list[str]:
    """Every object but the manifest of the generation before."""
    manifests = sorted(name for name in shelf.memory.objects if "/manifest/" in name)
    return [name for name in shelf.memory.objects if name not in manifests[:-1]]


@pytest.mark.parametrize("fault", FAULTS)
async def test_any_object_that_is_damaged_is_written_again(
    pair: Pair, shelf: Shelf, tmp_path: Path, fault: Fault | None
) -> None:
    digits = await build_up(pair, tmp_path)
    everything = await texts(pair.alice, pair.to_bob)
    media = [name for name in shelf.memory.objects if "/media/" in name]
    for number in range(len(media) + len(await segments(pair))):
        there = await segments(pair)
        name = media[number] if number < len(media) else there[(number - len(media)) % len(there)]
        spoil(shelf, name, fault)
        assert len((await pair.alice.backups.verify()).problems) == 1
        made = await pair.alice.backups.back_up(mend=True)
        assert (made.damaged, made.media) == (1, 2)
        assert (await pair.alice.backups.verify()).problems == ()
        assert (await pair.alice.backups.rehearse()).differences == ()
    files = (await pair.alice.backups.verify()).media
    await pair.alice.close()
    done = await restore(pair.town, digits)
    assert (done.media, files) == (2, 2)
    # Whoever restores once more is told the same.
    assert (await restore(pair.town, digits)).media == 2
    assert await texts(await pair.town.open("second", connect=False), pair.to_bob) == everything


async def test_a_manifest_that_is_damaged_is_put_back(pair: Pair, shelf: Shelf, tmp_path: Path) -> None:
    await build_up(pair, tmp_path)
    newest = max(name for name in shelf.memory.objects if "/manifest/" in name)
    whole = shelf.memory.objects[newest]
    spoil(shelf, newest, flipped)
    assert (await pair.alice.backups.back_up(mend=True)).damaged == 1
    assert shelf.memory.objects[newest] == whole
    assert (await pair.alice.backups.verify()).problems == ()


async def test_everything_at_once_is_written_again(pair: Pair, shelf: Shelf, tmp_path: Path) -> None:
    digits = await build_up(pair, tmp_path)
    for name in list(shelf.memory.objects):
        spoil(shelf, name, flipped)
    damaged = [name for name in needed(shelf) if "/segment/" not in name]
    made = await pair.alice.backups.back_up(mend=True)
    assert made.damaged > len(damaged)
    verified = await pair.alice.backups.verify()
    assert (verified.media, verified.problems) == (2, ())
    everything = await texts(pair.alice, pair.to_bob)
    await pair.alice.close()
    await restore(pair.town, digits)
    assert await texts(await pair.town.open("second", connect=False), pair.to_bob) == everything


async def test_only_who_asks_for_it_has_older_manifests_deleted_that_do_not_open(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    """A folder that is copied back holds the newest not yet, and the one before in part."""
    await build_up(pair, tmp_path)
    older, newest = sorted(name for name in shelf.memory.objects if "/manifest/" in name)
    spoil(shelf, newest, None)
    spoil(shelf, older, flipped)
    made = await pair.alice.backups.back_up()
    assert (made.alarm != "", made.generation) == (True, 3)
    assert older in shelf.memory.objects
    await pair.alice.backups.back_up(mend=True)
    assert older not in shelf.memory.objects


async def test_nobody_who_has_the_key_makes_the_next_backup_leave_anything_out(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    """A terminal that was put out knows the new one's name, and may write a generation that says all is in it."""
    digits = await build_up(pair, tmp_path)
    state = await require(pair.alice._place)
    manifest = open_manifest(state.backup_key, state.manifest_name, state.manifest)
    forged = msgspec.structs.replace(manifest, generation=3, watermark=10**9)
    name = manifest_name(state.backup_key, 3, bytes(8))
    shelf.memory.objects[name] = seal_manifest(state.backup_key, name, forged, bytes(24))
    await pair.alice.send_text(pair.to_bob, "not in it")
    await pair.settle()
    made = await pair.alice.backups.back_up()
    assert (made.generation, made.alarm) == (4, STRANGE)
    assert name in shelf.memory.objects
    # It is said once.
    await pair.alice.save_draft(pair.to_bob, "a draft")
    assert (await pair.alice.backups.back_up()).alarm == ""
    everything = await texts(pair.alice, pair.to_bob)
    await pair.alice.close()
    await restore(pair.town, digits)
    assert await texts(await pair.town.open("second", connect=False), pair.to_bob) == everything


async def test_a_profile_that_was_put_back_from_a_copy_backs_up_all_that_comes_after(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    digits = await build_up(pair, tmp_path)
    home = pair.town.home.profile("alice").folder
    await pair.alice.close()
    shutil.copytree(home, tmp_path / "copy")
    pair.alice = await pair.town.open("alice", connect=False)
    for number in range(5):
        await pair.alice.send_text(pair.to_bob, f"lost with the disk {number} {LONG}")
        await pair.alice.backups.back_up()
    await pair.alice.close()
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "copy", home)
    pair.alice = await pair.town.open("alice", connect=False)
    await pair.alice.send_text(pair.to_bob, "after the copy")
    made = await pair.alice.backups.back_up()
    assert (made.generation, made.alarm) == (8, STRANGE)
    assert (await pair.alice.backups.verify()).problems == ()
    everything = await texts(pair.alice, pair.to_bob)
    await pair.alice.close()
    await restore(pair.town, digits)
    assert await texts(await pair.town.open("second", connect=False), pair.to_bob) == everything


async def test_nothing_is_written_where_nothing_is_damaged(pair: Pair, shelf: Shelf, tmp_path: Path) -> None:
    await build_up(pair, tmp_path)
    before = dict(shelf.memory.objects)
    made = await pair.alice.backups.back_up(mend=True)
    assert (made.damaged, made.segments_written, made.bytes_written) == (0, 0, 0)
    assert shelf.memory.objects == before


async def test_a_backup_that_dies_while_it_mends_leaves_the_last_one_as_it_was(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    digits = await build_up(pair, tmp_path)
    segment = next(name for name in shelf.memory.objects if "/segment/" in name)
    whole = shelf.memory.objects[segment]
    spoil(shelf, segment, flipped)
    before = dict(shelf.memory.objects)
    shelf.seen = shelf.memory = MemoryProvider(room=sum(map(len, before.values())) + 5000)
    shelf.memory.objects = dict(before)
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.back_up(mend=True)
    assert told.value.code is Code.PROVIDER_FULL
    assert before.items() <= shelf.memory.objects.items()
    shelf.seen = shelf.memory = MemoryProvider()
    shelf.memory.objects = before | {segment: whole}
    everything = await texts(pair.alice, pair.to_bob)
    await pair.alice.close()
    await restore(pair.town, digits)
    assert await texts(await pair.town.open("second", connect=False), pair.to_bob) == everything


async def test_a_last_backup_that_is_not_there_any_more_is_told(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    """A folder that was put back, or a provider that hides the newest: no realm is needed to notice."""
    await build_up(pair, tmp_path)
    newest = max(name for name in shelf.memory.objects if "/manifest/" in name)
    body = shelf.memory.objects.pop(newest)
    (problem,) = (await pair.alice.backups.verify()).problems
    assert "Backup 2" in problem
    assert "the newest there is 1" in problem
    assert problem in (await pair.alice.backups.rehearse()).differences
    shelf.memory.objects[newest] = body
    assert (await pair.alice.backups.verify()).problems == ()


async def test_what_only_the_provider_has_stays_in_the_backup_though_the_last_one_is_gone(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    """A folder that was put back, on a terminal that has left its files there."""
    digits = await build_up(pair, tmp_path)
    await pair.alice.close()
    await restore(pair.town, digits, media_later=True)
    again = await pair.town.open("second", connect=False)
    yesterday = dict(shelf.memory.objects)
    await again.save_draft(pair.to_bob, "a draft")
    assert (await again.backups.back_up()).generation == 3
    shelf.memory.objects = dict(yesterday)
    made = await again.backups.back_up()
    assert (made.generation, made.media) == (4, 2)
    assert "lost" in made.alarm
    verified = await again.backups.verify()
    assert (verified.media, verified.problems) == (2, ())
    assert (await again.backups.rehearse()).differences == ()
    await again.close()
    assert (await restore(pair.town, digits, "third")).media == 2
