"""Every kind of message on the screen: pictures, files on their way, and what hostile ones can do: nothing."""

from dataclasses import replace

import pytest

from letterlock_client.events import SentAsIs, TransferMoved
from letterlock_client.models import Delivery, MessageKind, TransferState
from letterlock_client.ui.screens.picture import PictureScreen
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import FakeMessenger, attachment
from tests.client.ui.kinds import BOB, kinds, rainbow
from tests.client.ui.test_hostile_text import NASTY, check


async def test_a_picture_is_shown_once_it_is_decoded(client: Open) -> None:
    fake, shown = kinds()
    async with client(fake, (120, 60)) as running:
        await running.press("enter")
        assert fake.asked("picture") == [(shown,)]
        assert running.text().count("▀" * 32) == 8
        assert "▣ image · library.jpg · 1.2 MB · 1600×800" in running.text()
        check(running)


async def test_no_picture_is_asked_for_where_none_may_be_seen(client: Open) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    photo = replace(attachment("a.jpg"), preview=b"\xff\xd8\xff")
    fake.put(bob, "", kind=MessageKind.IMAGE, attachment=photo, view_once=True)
    fake.put(bob, "", kind=MessageKind.IMAGE, attachment=photo, deleted=True)
    fake.put(bob, "", kind=MessageKind.IMAGE, attachment=attachment("b.jpg"))
    async with client(fake) as running:
        await running.press("enter")
        assert fake.asked("picture") == []
        assert "▀▀" not in running.text()


async def test_a_file_on_its_way_shows_how_far_it_is(client: Open) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    film = replace(attachment("film.mp4", TransferState.MOVING), duration_ms=83_000)
    sent = fake.put(bob, "", mine=True, kind=MessageKind.VIDEO, attachment=film, delivery=Delivery.WAITING)
    async with client(fake) as running:
        await running.press("enter")
        assert "▶ video · film.mp4 · 1.2 MB · 1:23 · on its way" in running.text()
        fake.tell(TransferMoved(bob, sent.id, 500, 1000, upload=True))
        await running.settle()
        assert "50 % · p pauses, x cancels" in running.text()
        fake.change(sent.id, attachment=replace(film, state=TransferState.PAUSED))
        await running.settle()
        assert "p goes on" in running.text()


async def test_a_picture_that_goes_with_its_camera_is_told(client: Open) -> None:
    fake, _ = kinds()
    async with client(fake) as running:
        await running.press("enter")
        fake.tell(SentAsIs(BOB, f"{NASTY}.jpg", NASTY))
        await running.settle()
        assert "goes as it is" in running.text()
        check(running)


@pytest.mark.parametrize("size", [(120, 50), (44, 24)])
async def test_a_picture_is_cut_to_the_room_there_is(client: Open, size: tuple[int, int]) -> None:
    fake, shown = kinds()
    fake.pictures[shown] = rainbow(40, 28)
    async with client(fake, size) as running:
        await running.press("enter")
        await running.press("escape", "home")
        assert "▀▀" in running.text()
        check(running)


async def test_a_picture_is_viewed_as_large_as_there_is_room(client: Open) -> None:
    fake, shown = kinds()
    fake.pictures[shown] = rainbow(90, 40)
    async with client(fake, (100, 40)) as running:
        await running.press("enter")
        running.view.log_view.focus()
        assert running.view.log_view.jump_to(shown)
        await running.press("v")
        assert isinstance(running.app.screen, PictureScreen)
        assert fake.asked("whole_picture") == [(shown, 92, 60)]
        assert running.text().count("▀" * 90) == 20
        check(running)


@pytest.mark.parametrize("opened", [False, True])
@pytest.mark.parametrize(("name", "shown"), [("a.jpg", "a.jpg"), ("message.txt", "a text")])
async def test_what_was_sent_to_be_seen_once_says_whether_it_was(
    client: Open, opened: bool, name: str, shown: str
) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    media_type = "text/plain" if name.endswith(".txt") else "image/jpeg"
    gone = replace(attachment(name, TransferState.GONE), media_type=media_type, size=9)
    fake.put(bob, "", mine=True, kind=MessageKind.IMAGE, attachment=gone, view_once=True, viewed=opened)
    async with client(fake) as running:
        await running.press("enter")
        assert f"view once, {'opened' if opened else 'sent'} · {shown}" in running.text()


async def test_a_view_once_picture_is_shown_here_and_not_saved(client: Open) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    once = fake.put(bob, "", kind=MessageKind.IMAGE, attachment=attachment("a.jpg"), view_once=True)
    fake.pictures[once.id] = rainbow()
    async with client(fake) as running:
        await running.press("enter", "escape", "v", "enter")
        assert fake.asked("whole_picture") == []
        await running.press("o", "down", "enter")
        assert isinstance(running.app.screen, PictureScreen)
        assert len(fake.asked("whole_picture")) == 1
        assert fake.asked("view_once") == fake.asked("save") == []
