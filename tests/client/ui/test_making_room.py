"""Making room from the settings: what is chosen is what goes, and what may be nowhere else is asked about."""

import pytest
from textual.widgets import Select, Static

from letterlock.ids import MessageId
from letterlock_client.models import Again, KeptFile, MessageKind, Prefetch
from letterlock_client.storage_use import StorageUse
from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.clean_up import CleanUpScreen
from tests.client.test_sanitize import HOSTILE
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import START, FakeMessenger, chat_id, lively
from tests.client.ui.test_backup_screens import press_button, words
from tests.client.ui.test_hostile_text import check
from tests.client.ui.test_screens import Picture
from tests.client.ui.test_settings import open_page

DAY = 86_400_000


def filled() -> FakeMessenger:
    fake = lively()
    fake.kept = [
        KeptFile(MessageId(bytes([number] * 16)), chat_id(who), name, "", size, START - days * DAY, again)
        for number, (who, name, size, days, again) in enumerate(
            [
                ("bob", "holiday film.mp4", 84_000_000, 40, Again.BACKUP),
                ("bob", "floor plan.pdf", 1_200_000, 3, Again.RELAY),
                ("carol", "old song.ogg", 900_000, 400, Again.UNSURE),
            ]
        )
    ]
    return fake


def crowded() -> FakeMessenger:
    """Files of every kind, in more chats than are listed."""
    fake = filled()
    fake.kinds = dict(
        zip(ids(0, 1, 2), (MessageKind.VIDEO, MessageKind.FILE, MessageKind.AUDIO), strict=True)
    )
    for number in range(3, 16):
        fake.person(f"person-{number}")
        [message] = ids(number)
        fake.kinds[message] = MessageKind.IMAGE
        file = KeptFile(message, chat_id(f"person-{number}"), "p.jpg", "", number * 1000, START, Again.RELAY)
        fake.kept.append(file)
    return fake


def ids(*numbers: int) -> tuple[MessageId, ...]:
    return tuple(MessageId(bytes([number] * 16)) for number in numbers)


async def at_room(running: Running) -> None:
    await open_page(running, "make room")
    press_button(running, "Make room")
    await running.settle()
    assert isinstance(running.app.screen, CleanUpScreen)


async def choose(running: Running, field: str, value: object) -> None:
    running.app.screen.query_one(f"#{field}", Select).value = value
    await running.settle()


async def test_what_lies_here_is_listed_with_where_it_would_come_from_again(client: Open) -> None:
    async with client(filled(), (120, 40)) as running:
        await at_room(running)
        text = words(running)
        assert text.index("holiday film.mp4") < text.index("floor plan.pdf") < text.index("old song.ogg")
        for part in ("84 MB", "in backup", "at relay", "nowhere else?", "3 files, 86 MB"):
            assert part in text


@pytest.mark.parametrize("size", [(100, 34), (60, 34)])
async def test_files_are_summed_by_kind_and_by_chat(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    async def measure() -> StorageUse:
        return StorageUse("/data/alice", 1_500_000, 86_300_000, 5_000_000_000)

    async with client(crowded(), size, tastes=Tastes(measure=measure)) as running:
        await open_page(running, "make room")
        picture(running.app, f"storage-{size[0]}x{size[1]}")
        told = str(running.app.screen.query_one(".storage--sums", Static).content)
        lines = [" ".join(line.split()) for line in told.splitlines()]
        assert lines[:5] == [
            "Pictures 117 kB 13 files",
            "Videos 84 MB 1 file",
            "Sounds, voice notes 900 kB 1 file",
            "Other files 1.2 MB 1 file",
            "",
        ]
        assert lines[5:8] == ["bob 85 MB 2 files", "carol 900 kB 1 file", "person-15 15 kB 1 file"]
        assert lines[-1] == "10 other chats 75 kB 10 files"


async def test_where_no_files_lie_nothing_is_said_of_them_and_a_clean_up_counts_anew(client: Open) -> None:
    fake = filled()
    async with client(fake, (120, 60)) as running:
        await at_room(running)
        fake.kept = []
        await running.press("escape")
        assert not running.app.screen.query_one(".storage--sums").display


@pytest.mark.parametrize("size", [(100, 30), (60, 24)])
async def test_making_room_looks_as_before(client: Open, picture: Picture, size: tuple[int, int]) -> None:
    async with client(filled(), size) as running:
        await at_room(running)
        picture(running.app, f"make-room-{size[0]}x{size[1]}")


async def test_only_what_was_chosen_goes(client: Open) -> None:
    fake = filled()
    async with client(fake, (120, 40)) as running:
        await at_room(running)
        await choose(running, "chat", chat_id("bob"))
        await choose(running, "age", 30)
        assert "1 file, 84 MB" in words(running)
        press_button(running, "Delete these copies")
        await running.settle()
        assert fake.asked("clear_files") == [(ids(0),)]
        assert "1 copy deleted, 84 MB free" in words(running)


async def test_what_may_be_nowhere_else_is_asked_about_and_kept_unless_meant(client: Open) -> None:
    for answer, gone in (("enter", ids(0, 1)), ("down enter", ids(0, 1, 2)), ("escape", None)):
        fake = filled()
        async with client(fake, (120, 40)) as running:
            await at_room(running)
            press_button(running, "Delete these copies")
            await running.settle()
            assert isinstance(running.app.screen, ChooseScreen)
            assert "1 file may be nowhere else" in words(running)
            await running.press(*answer.split())
            assert fake.asked("clear_files") == ([(gone,)] if gone else [])


async def test_no_file_name_does_anything_to_the_terminal(client: Open) -> None:
    fake = filled()
    fake.kept = [
        KeptFile(MessageId(bytes([number] * 16)), chat_id("bob"), name, "", 5, START, Again.RELAY)
        for number, name in enumerate(HOSTILE[:40])
    ]
    async with client(fake, (120, 40)) as running:
        await at_room(running)
        check(running.app)


async def test_what_is_fetched_by_itself_is_kept_as_chosen(client: Open) -> None:
    fake = lively()
    async with client(fake, (120, 40)) as running:
        await open_page(running, "prefetch")
        assert running.app.screen.query_one("#most", Select).disabled
        await choose(running, "prefetch", Prefetch.PICTURES)
        await choose(running, "most", 20_000_000)
        chosen = await fake.settings()
        assert (chosen.prefetch, chosen.prefetch_bytes, chosen.typing) == (
            Prefetch.PICTURES,
            20_000_000,
            True,
        )
