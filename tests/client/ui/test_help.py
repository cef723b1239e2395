"""The page of keys reads well at any width, and says all of it."""

import re

import pytest
from textual.widgets import Static

from letterlock_client.sanitize import width
from letterlock_client.ui.commands import COMMANDS, keys_of
from letterlock_client.ui.screens.help import INDENT, KEYS, HelpScreen, page
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import lively
from tests.town import eventually

LONG = {"chat.switch": "ctrl+k, alt+shift+k, ctrl+shift+alt+k", "chat.help": "f1, " * 30 + "f2"}


@pytest.mark.parametrize("keymap", [{}, LONG])
@pytest.mark.parametrize("room", [12, 20, 30, 39, 40, 51, 91, 200])
def test_no_line_is_wider_than_there_is_room_and_nothing_is_left_out(
    room: int, keymap: dict[str, str]
) -> None:
    text = page(keymap, room).plain
    assert max(width(line) for line in text.splitlines()) <= room
    told = "".join(text.split())
    for spec in COMMANDS:
        if keys := keys_of(spec, keymap):
            assert "".join(keys.split()) in told
            assert "".join(spec.help.split()) in told


@pytest.mark.parametrize("room", [51, 91])
def test_what_a_key_does_never_stands_under_the_keys(room: int) -> None:
    for part in page({}, room).plain.split("\n\n"):
        heading, *lines = part.splitlines()
        assert not heading.startswith(" ")
        beside = [match for line in lines if (match := re.match(r"  \S.*?  +(?=\S)", line))]
        (column,) = {match.end() for match in beside}
        assert column <= INDENT + KEYS + 2
        alone = [line for line in lines if line[column - 2 : column] != "  "]
        assert all(width(line.strip()) > KEYS for line in alone), alone


async def test_another_width_wraps_it_anew(client: Open) -> None:
    async with client(lively(), (100, 30)) as running:
        await running.press("f1")
        assert isinstance(running.app.screen, HelpScreen)
        table = running.app.screen.query_one("KeyTable", Static)
        before = table.size
        await running.pilot.resize_terminal(60, 24)

        async def narrower() -> bool:
            await running.pilot.pause()
            return table.size.width < before.width

        await eventually(narrower)
        await running.settle()
        assert table.size.height > before.height
        assert str(table.content) == page({}, table.size.width).plain
