"""Pictures of the screens, at both sizes people use most. A change of looks is seen, and then meant."""

from collections.abc import Callable

import pytest

from letterlock_client.events import ConnectionChanged, Link, TransferMoved
from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Start, Tastes
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import chat_id, lively
from tests.client.ui.kinds import BOB, kinds

Picture = Callable[[LetterlockApp, str], None]

WIDE = (100, 30)
NARROW = (60, 24)


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("chats", ""),
        ("chat", "alt+a"),
        ("reply", "alt+a escape r"),
        ("requests", "alt+r"),
        ("verify", "alt+a f4"),
        ("new-chat", "ctrl+n"),
        ("settings", "f2"),
        ("help", "f1"),
        ("message-info", "alt+a escape up i"),
        ("invite", "alt+i"),
    ],
)
async def test_the_screen_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int], name: str, keys: str
) -> None:
    async with client(lively(), size) as running:
        await running.press(*keys.split())
        picture(running.app, f"{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [(120, 54), (60, 60)])
async def test_every_kind_of_message_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    fake, _ = kinds()
    async with client(fake, size) as running:
        await running.press("enter")
        (film,) = [call for call in running.view.log_view.window.tail() if call][4:5]
        message = (await fake.page(BOB, [film]))[0]
        fake.tell(TransferMoved(BOB, message.id, 420, 1000, upload=True))
        await running.type("/ti")
        picture(running.app, f"kinds-{size[0]}x{size[1]}")


async def test_the_emoji_look_as_before(client: Open, picture: Picture) -> None:
    async with client(lively(), WIDE) as running:
        await running.press("alt+a", "escape", "plus", "right")
        picture(running.app, "react-100x30")


@pytest.mark.parametrize(("name", "start"), [("first-run", Start.REGISTER), ("unlock", Start.UNLOCK)])
async def test_the_first_screens_look_as_before(
    client: Open, picture: Picture, name: str, start: Start
) -> None:
    async with client(lively(), WIDE, start=start) as running:
        picture(running.app, f"{name}-100x30")


async def test_warnings_look_as_before(client: Open, picture: Picture) -> None:
    fake = lively()
    async with client(fake, WIDE) as running:
        await running.press("alt+a")
        fake.change_chat(chat_id("bob"), verified=False, key_changed_at=fake.clock.now)
        fake.tell(ConnectionChanged(Link.OFFLINE, retry_in=12.0))
        await running.settle()
        picture(running.app, "key-change-100x30")


async def test_the_light_theme_and_ascii_look_as_before(client: Open, picture: Picture) -> None:
    tastes = Tastes(theme="textual-light", ascii_icons=True)
    async with client(lively(), WIDE, tastes=tastes) as running:
        await running.press("alt+a")
        picture(running.app, "ascii-light-100x30")
