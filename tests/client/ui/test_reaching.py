"""What a newcomer must find is reached four ways: from what is on the screen, by key, palette and slash command."""

from collections.abc import Awaitable, Callable

import pytest
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import OptionList

from letterlock_client.ui.commands import COMMANDS, Where, keys_of
from letterlock_client.ui.screens.backup.landing import ChatBackupScreen
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.verify import VerifyScreen
from letterlock_client.ui.widgets.chat_header import ChatHeader
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import lively
from tests.town import eventually

MUST: dict[str, tuple[str, type[Screen[object]], str]] = {
    "backup": ("chat.backup", ChatBackupScreen, "Chat backup"),
    "verification": ("chat.verify", VerifyScreen, "safety number"),
    "disappearing messages": ("chat.timer", ChooseScreen, "disappear"),
}
"""What must be found: its command, its screen, and words of it."""


async def by_key(running: Running, id: str) -> None:  # noqa: A002
    spec = next(spec for spec in COMMANDS if spec.id == id)
    await running.press(keys_of(spec).split(",")[0])


async def by_palette(running: Running, id: str) -> None:  # noqa: A002
    spec = next(spec for spec in COMMANDS if spec.id == id)
    await running.press("ctrl+p")
    assert isinstance(running.app.screen, CommandPalette)
    await running.type(spec.title)

    async def offered() -> bool:
        return spec.help[:20] in running.text()

    await eventually(offered)
    await running.press("enter")

    async def run() -> bool:
        return not isinstance(running.app.screen, CommandPalette | MainScreen)

    await eventually(run)
    await running.settle()


async def by_slash(running: Running, id: str) -> None:  # noqa: A002
    await running.type(f"/{id.partition('.')[2]}")
    await running.press("enter")


async def by_what_is_shown(running: Running, id: str) -> None:  # noqa: A002
    """With nothing but arrows, enter and the mouse: the footer's settings, or a click on the chat's name."""
    if id == "chat.backup":
        await running.press("f2")
        tree = running.app.screen.query_one("#tree", OptionList)
        lines = [str(option.prompt).strip() for option in tree.options]
        await running.press(*["down"] * lines.index("Chat backup"), "enter")
        return
    await running.pilot.click(ChatHeader)
    await running.settle()
    options = running.app.screen.query_one(OptionList)
    wanted = {"chat.verify": "safety number", "chat.timer": "Disappearing"}[id]
    place = next(place for place, option in enumerate(options.options) if wanted in str(option.prompt))
    await running.press(*["down"] * place, "enter")


@pytest.mark.parametrize("way", [by_key, by_palette, by_slash, by_what_is_shown])
@pytest.mark.parametrize("what", MUST)
async def test_a_newcomer_gets_there(client: Open, way: Callable[..., Awaitable[None]], what: str) -> None:
    id_, screen, words = MUST[what]
    async with client(lively(), (110, 40)) as running:
        await running.press("enter")
        await way(running, id_)
        assert isinstance(running.app.screen, screen), (what, way.__name__, running.app.screen)

        async def told() -> bool:
            return words in running.text()  # A screen is there before its first paint is

        await eventually(told)


def test_every_command_has_a_slash_a_title_and_help_and_the_first_screen_names_the_most_needed() -> None:
    for spec in COMMANDS:
        assert spec.title
        assert spec.help.endswith(".")
        assert spec.palette is (spec.where is Where.CLIENT)
    shown = {spec.id for spec in COMMANDS if spec.footer}
    assert {
        "chat.new_chat",
        "chat.verify",
        "chat.backup",
        "chat.settings",
        "chat.help",
        "chat.chat_info",
    } <= shown
