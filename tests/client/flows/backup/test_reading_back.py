"""A backup counts once it was read back: what the provider spoiled is told at once, and sent again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import reading_back
from letterlock_client.providers.memory import MemoryProvider
from tests.client.flows.backup.backup_scene import Shelf, pair, restore, shelf, turn_on
from tests.town import Pair

__all__ = ["pair", "shelf"]

FILES = 4


class Spoiling(MemoryProvider):
    """Keeps objects of one kind with another last byte than they were given."""

    kind = "media"

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        assert isinstance(data, bytes)
        return await super().put(
            name, data[:-1] + bytes([data[-1] ^ 1]) if f"/{self.kind}/" in name else data
        )


async def send_files(pair: Pair, folder: Path) -> None:
    await pair.alice.disconnect()
    for number in range(FILES):
        path = folder / str(number)
        path.write_bytes(bytes([number]) * 6000)
        await pair.alice.send_file(pair.to_bob, path)


async def spoil(pair: Pair, shelf: Shelf, kind: str = "media") -> None:
    """Back up to a provider that spoils objects of one kind, and be told."""
    spoiling = Spoiling()
    spoiling.kind = kind
    spoiling.objects = shelf.memory.objects
    shelf.seen = spoiling
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.back_up()
    assert told.value.code is Code.BACKUP_MISMATCH
    shelf.seen = shelf.memory


@pytest.mark.parametrize("kind", ["segment", "manifest"])
async def test_what_is_written_is_read_back_before_it_counts(pair: Pair, shelf: Shelf, kind: str) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.disconnect()
    await pair.alice.send_text(pair.to_bob, "more")
    await spoil(pair, shelf, kind)
    assert (await pair.alice.backups.verify()).generation == 1
    assert (await pair.alice.backups.back_up()).messages == 3


async def test_a_file_that_the_provider_spoiled_is_told_at_once_and_sent_again(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await send_files(pair, tmp_path)
    await spoil(pair, shelf)
    assert not [name for name in shelf.memory.objects if "/media/" in name]
    # The last complete one is still the last.
    assert (await pair.alice.backups.verify()).generation == 1
    made = await pair.alice.backups.back_up()
    assert (made.media, made.media_written) == (FILES, FILES)
    assert (await pair.alice.backups.verify()).problems == ()
    await pair.alice.close()
    assert (await restore(pair.town, digits)).media == FILES


async def test_of_more_files_than_are_read_back_some_are_drawn_and_verifying_reads_all(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await send_files(pair, tmp_path)
    # Room for one of them.
    monkeypatch.setattr(reading_back, "READ_FILES_BYTES", 9000)
    await spoil(pair, shelf)
    assert len([name for name in shelf.memory.objects if "/media/" in name]) == FILES - 1
    assert (await pair.alice.backups.back_up()).media_written == 1
    assert len((await pair.alice.backups.verify()).problems) == FILES - 1
