"""Room is made by deleting copies, and nothing but copies; and files come by themselves only where that is wanted."""

from dataclasses import replace
from pathlib import Path

import pytest

from letterlock.ids import MessageId
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import MessageChanged
from letterlock_client.file_choice import FileChoice
from letterlock_client.flows.files.prefetching import fits
from letterlock_client.messenger import Messenger
from letterlock_client.models import Again, Cleared, KeptFile, Message, Prefetch, Settings, TransferState
from tests.client.flows.backup.backup_scene import Shelf, restore, shelf, turn_on
from tests.simulator import Chance
from tests.town import Pair, Town, eventually

__all__ = ["shelf"]

SIZE = 300_000
DAY = 86_400_000


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "holiday.png"
    path.write_bytes(Chance("holiday")(SIZE))
    return path


@pytest.fixture
async def both(shelf: Shelf, town: Town) -> Pair:
    return await town.befriend()


async def sent(pair: Pair, path: Path) -> Message:
    message = await pair.alice.send_file(pair.to_bob, path)
    await pair.settle()
    return await pair.alice.message(message.id)


def sealed_copy(pair: Pair, name: str, message: MessageId) -> Path:
    return pair.town.home.profile(name).attachments / message.hex() / "sealed"


async def state(person: Messenger, message: MessageId) -> TransferState:
    file = (await person.message(message)).attachment
    assert file is not None
    return file.state


async def test_a_copy_goes_its_message_stays_and_the_file_comes_again_from_the_relay(
    both: Pair, picture: Path, tmp_path: Path
) -> None:
    message = await sent(both, picture)
    (kept,) = await both.alice.kept_files()
    assert (kept.message, kept.conversation, kept.name) == (message.id, both.to_bob, "holiday.png")
    assert (kept.again, kept.size >= SIZE) == (Again.RELAY, True)
    stream = both.alice.events()
    assert await both.alice.clear_files([message.id]) == Cleared(1, kept.size)
    await eventually(lambda: _gone(sealed_copy(both, "alice", message.id)))
    assert await both.alice.kept_files() == []
    assert await state(both.alice, message.id) is TransferState.REMOTE
    stream.close()
    assert any([isinstance(event, MessageChanged) async for event in stream])
    saved = await both.alice.save(message.id, tmp_path / "again.png")
    assert saved.read_bytes() == picture.read_bytes()


async def _gone(path: Path) -> bool:
    return not path.exists()


async def test_a_backup_goes_on_holding_what_was_cleared_and_gives_it_back(
    both: Pair, picture: Path, tmp_path: Path, shelf: Shelf
) -> None:
    digits = await turn_on(both.alice)
    message = await sent(both, picture)
    assert [each.again for each in await both.alice.kept_files()] == [Again.NOT_YET]
    assert (await both.alice.backups.back_up()).media_written == 1
    media = {name for name in shelf.memory.objects if "/media/" in name}
    assert [each.again for each in await both.alice.kept_files()] == [Again.BACKUP]
    await both.alice.clear_files([message.id])
    for days in (1, 9, 9):
        both.town.clock.move(days=days)
        await both.alice.save_draft(both.to_bob, f"after {days}")
        await both.alice.backups.back_up()
    assert media <= set(shelf.memory.objects), "no look for garbage may take it for some"
    both.town.relay.blobs.clear()
    saved = await both.alice.save(message.id, tmp_path / "from-the-backup.png")
    assert saved.read_bytes() == picture.read_bytes()
    await both.alice.close()
    assert (await restore(both.town, digits)).media == 1


async def test_what_moves_or_has_still_to_be_sent_stays(both: Pair, picture: Path) -> None:
    await both.alice.disconnect()
    waiting = await both.alice.send_file(both.to_bob, picture)
    assert await both.alice.kept_files() == []
    assert await both.alice.clear_files([waiting.id]) == Cleared(0, 0)
    assert sealed_copy(both, "alice", waiting.id).exists()
    both.alice.connect()
    await both.settle()
    (got,) = await both.bob.history(both.to_alice, 1)
    await both.bob.download(got.id)


async def test_what_nobody_has_any_more_is_said_to_be_gone(both: Pair, picture: Path) -> None:
    message = await sent(both, picture)
    both.town.clock.move(days=400)
    assert [each.again for each in await both.alice.kept_files()] == [Again.UNSURE]
    await both.alice.clear_files([message.id])
    both.town.relay.blobs.clear()
    with pytest.raises(ClientError) as told:
        await both.alice.download(message.id)
    assert told.value.code is Code.GONE


def test_a_choice_means_what_it_says() -> None:
    chats = [b"a" * 20, b"b" * 20]
    files = [
        KeptFile(MessageId(bytes([n] * 16)), chats[n % 2], "f", "", n * 100, n * DAY, again)  # type: ignore[arg-type]
        for n, again in enumerate([Again.BACKUP, Again.RELAY, Again.UNSURE, Again.BACKUP, Again.NOT_YET])
    ]

    def meant(**wanted: object) -> list[int]:
        return [files.index(each) for each in FileChoice(**wanted).of(files)]  # type: ignore[arg-type]

    assert meant() == [0, 1, 3]
    assert meant(unsure=True) == [0, 1, 2, 3, 4]
    assert meant(conversation=chats[1]) == [1, 3]
    assert meant(before=3 * DAY, unsure=True) == [0, 1, 2]
    assert meant(least=200, unsure=True) == [2, 3, 4]


# Files that are fetched by themselves.


async def chosen(person: Messenger, prefetch: Prefetch, most: int = 10**9) -> None:
    await person.save_settings(replace(await person.settings(), prefetch=prefetch, prefetch_bytes=most))


@pytest.mark.parametrize(
    ("prefetch", "most", "comes"),
    [
        (Prefetch.NOTHING, 10**9, False),
        (Prefetch.PICTURES, 10**9, True),
        (Prefetch.PICTURES, SIZE - 1, False),
        (Prefetch.EVERYTHING, SIZE, True),
    ],
)
async def test_a_picture_comes_by_itself_as_far_as_its_owner_wants(
    both: Pair, picture: Path, prefetch: Prefetch, most: int, comes: bool
) -> None:
    await chosen(both.bob, prefetch, most)
    message = await sent(both, picture)
    if comes:

        async def here() -> bool:
            return await state(both.bob, message.id) is TransferState.HERE

        await eventually(here)
    else:
        # Whatever came after it was dealt with: then it has been looked at as well.
        await both.alice.send_text(both.to_bob, "after it")
        await both.settle()
        assert await state(both.bob, message.id) is TransferState.REMOTE


async def test_nothing_of_a_stranger_is_fetched(town: Town, picture: Path) -> None:
    stranger, bob = await town.register("stranger"), await town.register("bob")
    await chosen(bob, Prefetch.EVERYTHING)
    chat = await stranger.find("bob")
    await stranger.send_file(chat, picture)
    assert await stranger.flushed(30)

    async def asked() -> bool:
        return bool(await bob.requests())

    await eventually(asked)
    assert await bob.kept_files() == []


def test_only_what_is_wanted_fits(both_kinds: tuple[Message, Message]) -> None:
    image, paper = both_kinds
    everything, pictures = Settings(prefetch=Prefetch.EVERYTHING), Settings(prefetch=Prefetch.PICTURES)
    assert [fits(image, each) for each in (Settings(), pictures, everything)] == [False, True, True]
    assert [fits(paper, each) for each in (Settings(), pictures, everything)] == [False, False, True]
    assert not fits(replace(image, view_once=True), everything)


@pytest.fixture
async def both_kinds(both: Pair, picture: Path, tmp_path: Path) -> tuple[Message, Message]:
    paper = tmp_path / "plan.pdf"
    paper.write_bytes(b"%PDF-1.4 plan")
    for path in (picture, paper):
        await sent(both, path)
    image, last = await both.bob.history(both.to_alice, 2)
    return image, last
