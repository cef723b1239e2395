"""Hands that know vim find their keys where letters are not typed into a message."""

from letterlock_client.ui.commands import COMMANDS, VIM, clashes
from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.screens.message_info import MessageInfoScreen
from letterlock_client.ui.screens.search import SearchScreen
from letterlock_client.ui.widgets.composer import Composer
from letterlock_client.ui.widgets.message_log import MessageLog
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import chat_id, lively


def test_the_vim_keys_name_commands_and_clash_with_nothing() -> None:
    assert set(VIM) <= {spec.id for spec in COMMANDS}
    assert clashes(VIM) == []
    assert clashes({}) == []


async def test_moving_writing_and_looking_work_by_letters(client: Open) -> None:
    async with client(lively(), tastes=Tastes(keymap=VIM)) as running:
        await running.press("l")
        assert isinstance(running.app.focused, Composer)
        await running.press("escape")
        log = running.app.focused
        assert isinstance(log, MessageLog)
        await running.press("g")
        assert log.cursor == 0
        await running.press("j", "j", "k")
        assert log.cursor == 1
        await running.press("G")
        assert log.cursor == log.count - 1
        before = log.scroll_offset.y
        await running.press("ctrl+u")
        half = before - log.scroll_offset.y
        assert 0 < half < log.size.height
        await running.press("ctrl+d")
        assert log.scroll_offset.y == before
        await running.press("I")
        assert isinstance(running.app.screen, MessageInfoScreen)
        await running.press("escape", "slash")
        assert isinstance(running.app.screen, SearchScreen)
        await running.press("escape", "i")
        assert isinstance(running.app.focused, Composer)
        await running.press("j")
        assert running.app.focused.text == "j"


async def test_n_opens_the_next_chat_with_unread_messages(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("j", "enter", "escape")
        fake.receive(chat_id("dave"), "news")
        await running.settle()
        fake.change_chat(chat_id("dave"), unread=1)
        await running.settle()
        here = running.view.id_of_chat
        await running.press("n")
        assert running.view.id_of_chat != here
        assert not isinstance(running.app.screen, MessageInfoScreen)


async def test_without_the_option_i_informs_as_ever(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "i")
        assert isinstance(running.app.screen, MessageInfoScreen)
