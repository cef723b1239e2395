"""What a newcomer must find is reached four ways: from what is on the screen, by key, palette and slash command.

And every command of the one list is reached by palette and slash word, or says there why not.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from textual.command import CommandPalette
from textual.screen import Screen
from textual.widgets import Button, Input, OptionList
from textual.widgets._footer import FooterKey

from letterlock_client.models import Message, MessageKind, TransferState
from letterlock_client.ui.commands import COMMANDS, CommandSpec, Where, keys_of, slashes
from letterlock_client.ui.palette import Commands
from letterlock_client.ui.panes.client_pane import ClientPane
from letterlock_client.ui.panes.message_verbs import MessageVerbs
from letterlock_client.ui.panes.suiting import suits
from letterlock_client.ui.screens.backup.landing import ChatBackupScreen
from letterlock_client.ui.screens.chat_info import ChatInfoScreen
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.help import HelpScreen
from letterlock_client.ui.screens.invite import InviteScreen
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.message_info import MessageInfoScreen
from letterlock_client.ui.screens.new_chat import NewChatScreen
from letterlock_client.ui.screens.requests import RequestsScreen
from letterlock_client.ui.screens.search import SearchScreen
from letterlock_client.ui.screens.settings.screen import SettingsScreen
from letterlock_client.ui.screens.switch import SwitchScreen
from letterlock_client.ui.screens.verify import VerifyScreen
from letterlock_client.ui.widgets.chat_header import ChatHeader
from letterlock_client.ui.widgets.message_log import MessageLog
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import FakeMessenger, attachment, chat_id, lively
from tests.town import eventually

SPECS = {spec.id: spec for spec in COMMANDS}
REACHED = [spec for spec in COMMANDS if not spec.alone]


# What leads there with nothing but the mouse, arrows and enter.


async def footer(running: Running, title: str) -> None:
    """Click on a key of the footer."""
    (key,) = [key for key in running.app.screen.query(FooterKey) if key.description == title]
    await running.pilot.click(key)
    await running.settle()


async def header(running: Running, words: str = "") -> None:
    """Click on the chat's name, and choose."""
    await running.pilot.click(ChatHeader)
    await running.settle()
    if words:
        await choose(running, words)


async def tree(running: Running, title: str) -> None:
    """Click on the footer's settings, and choose a page."""
    await footer(running, "Settings")
    await choose(running, title)


async def request_line(running: Running, _: str) -> None:
    """Go to the top of the list of chats, where the requests stand."""
    await running.press("shift+tab", "shift+tab")
    assert running.app.focused is running.pane.chat_list
    await running.press("home", "enter")


async def message_menu(running: Running, title: str) -> None:
    """Click on a message with the right button, and choose."""
    await running.pilot.click(MessageLog, offset=(8, running.view.log_view.size.height - 2), button=3)
    await running.settle()
    await choose(running, title)


async def account_page(running: Running, _: str) -> None:
    """Choose the account among the settings, and press its button."""
    await tree(running, "Account")
    assert isinstance(running.app.focused, Button)
    await running.press("enter")


async def choose(running: Running, words: str) -> None:
    options = running.app.screen.query_one(OptionList)
    shown = [str(option.prompt).strip() for option in options.options]
    place = next(place for place, text in enumerate(shown) if text.startswith(words))
    here = options.highlighted or 0
    await running.press(*["down"] * (place - here), "enter")


@dataclass(frozen=True)
class Must:
    """What must be found: its command, how it is found by looking, its screen, and words that stand there."""

    id: str
    shown: Callable[[Running, str], Awaitable[None]]
    by: str
    screen: type[Screen[Any]]
    words: str
    focus: tuple[str, ...] = field(default=())
    """Keys that go where its key works, where that is not everywhere."""


MUST: dict[str, Must] = {
    "help": Must("chat.help", footer, "Help", HelpScreen, "All keys on one page"),
    "switcher": Must("chat.switch", footer, "Switch chat", SwitchScreen, "Go to a chat"),
    "new chat": Must("chat.new_chat", footer, "New chat", NewChatScreen, "Write to somebody new"),
    "search": Must("chat.search", footer, "Search", SearchScreen, "Search all chats"),
    "requests": Must("chat.requests", request_line, "", RequestsScreen, "mallory"),
    "settings": Must("chat.settings", footer, "Settings", SettingsScreen, "search the settings"),
    "backup": Must("chat.backup", tree, "Chat backup", ChatBackupScreen, "Chat backup"),
    "profile and device": Must("chat.profile", tree, "Account", SettingsScreen, "Device"),
    "storage": Must("chat.storage", tree, "Storage", SettingsScreen, "Make room"),
    "invite link": Must("chat.invite", account_page, "", InviteScreen, "Your invite link"),
    "chat info": Must("chat.chat_info", header, "", ChatInfoScreen, "Handle: bob"),
    "verification": Must("chat.verify", header, "Compare the safety number", VerifyScreen, "Verify bob"),
    "disappearing messages": Must("chat.timer", header, "Disappearing", ChooseScreen, "disappear, once read"),
    "export": Must("chat.export", header, "Export", MainScreen, "/export"),
    "X-ray": Must("chat.xray", header, "X-ray", MainScreen, "X-ray"),
    "block": Must("chat.block", header, "Block", ChooseScreen, "Block bob?"),
    "message info": Must(
        "message.info", message_menu, "Message info", MessageInfoScreen, "About this message", ("escape",)
    ),
}


async def by_key(running: Running, must: Must) -> None:
    await running.press(*must.focus, keys_of(SPECS[must.id]).split(",")[0])


async def by_palette(running: Running, must: Must) -> None:
    spec = SPECS[must.id]
    await running.press("ctrl+p")
    assert isinstance(running.app.screen, CommandPalette)
    running.app.screen.query_one(Input).value = spec.title

    async def offered() -> bool:
        return spec.help[:20] in running.text()

    await eventually(offered)
    await running.press("enter")

    async def run() -> bool:
        return not isinstance(running.app.screen, CommandPalette)

    await eventually(run)
    await running.settle()


async def by_slash(running: Running, must: Must) -> None:
    await running.type(f"/{SPECS[must.id].word}")
    await running.press("enter")


async def by_what_is_shown(running: Running, must: Must) -> None:
    await must.shown(running, must.by)


async def back(running: Running) -> None:
    """Leave everything as it was before the next way."""
    while not isinstance(running.app.screen, MainScreen):
        await running.press("escape")
    if running.pane.xray is not None:
        await running.press("f12")
    running.view.composer.clear()
    running.view.composer.focus()
    await running.settle()


@pytest.mark.parametrize("way", [by_key, by_palette, by_slash, by_what_is_shown])
async def test_a_newcomer_gets_there(client: Open, way: Callable[[Running, Must], Awaitable[None]]) -> None:
    async with client(lively(), (120, 40)) as running:
        await running.press("enter")
        for what, must in MUST.items():
            spec = SPECS[must.id]
            if way is by_key and spec.keyless:
                assert not spec.keys
                continue
            assert must.words not in running.text()
            await way(running, must)
            assert isinstance(running.app.screen, must.screen), (what, running.app.screen)

            async def told(words: str = must.words) -> bool:
                return words in running.text()  # A screen is there before its first paint is

            await eventually(told)
            await back(running)


# The whole list.


def test_every_command_is_reached_by_palette_and_slash_or_says_why_not() -> None:
    anywhere = {spec.word for spec in COMMANDS if spec.where is Where.CLIENT}
    for spec in COMMANDS:
        assert spec.title
        assert spec.help.endswith(".")
        if spec.alone:
            assert spec.alone.endswith(".")
            assert spec.keys, f"nothing leads to {spec.id}"
            assert spec.where is not Where.CLIENT
            assert "does the same" not in spec.alone or spec.word in anywhere | {"up"}
    assert sum(bool(spec.keyless) for spec in COMMANDS) == 1
    assert len({spec.word for spec in REACHED}) == len({spec.title for spec in REACHED}) == len(REACHED)
    assert list(slashes().values()) == REACHED


def test_the_first_screen_names_the_most_needed() -> None:
    shown = {spec.id.partition(".")[2] for spec in COMMANDS if spec.footer}
    assert {
        "help",
        "switch",
        "new_chat",
        "search",
        "settings",
        "backup",
        "verify",
        "chat_info",
        "menu",
    } == shown


def done_by(spec: CommandSpec) -> str:
    return spec.name if spec.where is Where.MESSAGE else spec.on_client


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What commands came to do, in place of doing it."""
    found: list[str] = []
    run = ClientPane.run_action

    async def run_action(self: ClientPane, action: str, *rest: Any) -> bool:
        if action.startswith("message("):
            return await run(self, action, *rest)
        method = getattr(self, f"action_{action.partition('(')[0]}")
        assert callable(method)
        found.append(action)
        return True

    monkeypatch.setattr(ClientPane, "run_action", run_action)
    monkeypatch.setattr(MessageVerbs, "do", lambda _, verb, message: found.append(verb))
    return found


def with_every_kind() -> FakeMessenger:
    """A chat with a message for every command."""
    fake = lively()
    bob = chat_id("bob")
    first = fake.put(bob, "written, changed", mine=True, edits=1)
    fake.put(bob, "", kind=MessageKind.IMAGE, attachment=attachment("a.png"))
    fake.put(bob, "", kind=MessageKind.VOICE, attachment=attachment("b.ogg", TransferState.MOVING))
    fake.put(bob, "an answer", reply_to=first.id)
    return fake


async def test_every_slash_word_does_what_its_key_does(client: Open, done: list[str]) -> None:
    async with client(with_every_kind()) as running:
        await running.press("enter")
        for spec in REACHED:
            assert running.view.composer.begin(f"/{spec.word}")
            await running.press("enter")
            assert done == [done_by(spec)], spec.id
            done.clear()


async def test_the_palette_does_what_every_key_does(client: Open, done: list[str]) -> None:
    async with client(with_every_kind()) as running:
        await running.press("enter")
        provider = Commands(running.app.screen)
        for spec in REACHED:
            hits = [hit async for hit in provider.search(spec.title)]
            (hit,) = [hit for hit in hits if str(hit.match_display) == spec.title]
            assert spec.help in (hit.help or "")
            hit.command()
            await running.settle()
            assert done == [done_by(spec)], spec.id
            done.clear()
        assert [str(hit.display) async for hit in provider.discover()] == [spec.title for spec in REACHED]


# Which message is meant.


async def test_without_a_message_at_hand_the_newest_that_suits_is_meant(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("/edit")
        await running.press("enter")
        assert running.view.composer.text == "which door?"
        await running.press("escape")
        await running.type("/history")
        await running.press("enter")
        assert "Earlier texts" in running.text()
        await running.press("escape")
        assert running.view.log_view.message_at_cursor().text == "got it, thanks"  # type: ignore[union-attr]


async def test_the_message_under_the_cursor_or_being_answered_is_meant_before_any_other(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up", "up", "up")
        marked = running.view.log_view.message_at_cursor()
        assert marked is not None
        await by_palette(running, MUST["message info"])
        assert isinstance(running.app.screen, MessageInfoScreen)
        assert running.fake.asked("inspect")[-1] == (marked.id,)
        await running.press("escape", "r")
        await running.type("/delete")
        await running.press("enter")
        assert "Delete this message?" in running.text()
        assert marked.text in running.text()
        await running.press("enter")
        assert running.fake.asked("delete")[-1][0] == marked.id


async def test_where_nothing_suits_that_is_said_and_nothing_is_done(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("/play")
        await running.press("enter")
        assert "No message near the end is one for that" in running.text()
        assert running.fake.asked("hear") == []


async def test_the_menu_offers_what_suits_and_does_it(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "m")
        offered = [
            str(option.prompt).split("  ")[0] for option in running.app.screen.query_one(OptionList).options
        ]
        assert offered == ["Reply", "Delete", "React", "Copy", "Open", "Forward", "Message info"]
        await running.press("enter")
        assert running.view.composer.reply_to is not None


def test_a_deleted_message_and_a_note_suit_only_what_can_be_done_with_them() -> None:
    fake = lively()
    bob = chat_id("bob")

    def all_of(message: Message) -> set[str]:
        return {spec.name for spec in REACHED if spec.where is Where.MESSAGE and suits(spec.name, message)}

    assert all_of(fake.put(bob, "x", deleted=True, mine=True)) == {"menu", "delete", "info"}
    assert all_of(fake.put(bob, "x", kind=MessageKind.NOTE)) == {"menu", "delete", "info", "copy"}
    once = fake.put(bob, "", view_once=True, kind=MessageKind.FILE, attachment=attachment("a.bin"))
    assert all_of(once) == {"menu", "reply", "delete", "react", "open", "info"}
