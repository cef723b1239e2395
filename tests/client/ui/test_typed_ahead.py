"""Whoever types faster than the screen follows types into the fields that were meant, and answers nothing unseen."""

import asyncio

import pytest
from textual import events
from textual.widgets import Input

from letterlock_client.errors import ClientError, Code
from letterlock_client.ui.doors import Start
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.requests import RequestsScreen
from letterlock_client.ui.screens.search import SearchScreen
from letterlock_client.ui.screens.switch import SwitchScreen
from letterlock_client.ui.typed_ahead import PAUSE_S
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import chat_id, lively
from tests.client.ui.test_restore_screens import Restoring


def at_once(running: Running, *texts: str) -> None:
    """Hand over all keys before the first of them is dealt with; a text is followed by the tab key."""
    for text in texts:
        for character in text:
            running.app.post_message(events.Key(character, character))
        running.app.post_message(events.Key("tab", "\t"))


async def test_a_passphrase_typed_ahead_stands_in_its_own_field(client: Open) -> None:
    async with client(lively(), start=Start.REGISTER) as running:
        before = running.app.screen.query_one("#relay", Input).value
        at_once(running, "alice", "", "", "correct horse", "correct horse")
        await running.settle()
        fields = {each.id: each.value for each in running.app.screen.query(Input)}
        assert fields["handle"] == "alice"
        assert fields["relay"] == before
        assert [each.value for each in running.app.screen.query(Input) if each.password] == [
            "correct horse"
        ] * 2


async def test_the_same_backwards_and_in_every_form(client: Open) -> None:
    way = Restoring()
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        running.app.screen.query_one("#restore").focus()
        await running.press("enter")
        at_once(running, "bob", "ws", "folder")
        running.app.post_message(events.Key("shift+tab", None))
        # Coming back to a field selects what stands in it.
        for character in "disk":
            running.app.post_message(events.Key(character, character))
        await running.settle()
        fields = {each.id: each.value for each in running.app.screen.query(Input)}
        assert (fields["handle"], fields["folder"]) == ("bob", "disk")


def strokes(text: str) -> list[str]:
    """A key for each letter; `<` stands for backspace and `^` for ctrl+u, which takes all before the cursor away."""
    return [{"<": "backspace", "^": "ctrl+u", " ": "space"}.get(each, each) for each in text]


@pytest.mark.parametrize(
    ("typed", "stands"), [("teyt<<xt", "text"), ("wrong^right", "right"), ("a^^b<c", "c")]
)
async def test_a_key_that_takes_away_takes_nothing_that_was_typed_behind_it(
    client: Open, typed: str, stands: str
) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        burst(running, *strokes(typed))
        await running.settle()
        assert running.view.composer.text == stands
    async with client(lively(), start=Start.REGISTER) as running:
        field = running.app.screen.query_one("#handle", Input)
        field.value = ""
        burst(running, *strokes(typed))
        await running.settle()
        assert field.value == stands


async def test_an_enter_behind_such_a_key_sends_what_stands_there_then(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        burst(running, *strokes("helo<lo"), "enter", *strokes("nxt<<ext"))
        await running.settle()
        assert [text for _, text, _ in running.fake.asked("send_text")] == ["hello"]
        assert running.view.composer.text == "next"


async def test_letters_behind_a_key_of_a_message_are_written_and_are_no_keys(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up")
        burst(running, "r", *strokes("do go"))
        await running.settle()
        assert isinstance(running.app.screen, MainScreen)
        assert running.view.composer.text == "do go"


def burst(running: Running, *keys: str, at: float | None = None) -> float:
    """Hand over keys without a look at the screen between them; they came at once, or at `at`. Return when."""
    came = at or 0.0
    for key in keys:
        event = events.Key(key, key if len(key) == 1 else {"enter": "\r", "space": " "}.get(key))
        came = event.time = event.time if at is None else at
        running.app.post_message(event)
    return came


async def test_an_enter_behind_the_key_that_asks_is_no_answer(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up")
        burst(running, "d", "enter", "down", "enter")
        await running.settle()
        assert isinstance(running.app.screen, ChooseScreen)
        assert running.fake.asked("delete") == []
        await running.press("escape")
        assert isinstance(running.app.screen, MainScreen)
        assert running.fake.asked("save") == []


async def test_what_follows_such_a_key_without_a_pause_is_none_either_and_after_a_pause_it_is(
    client: Open,
) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        first = burst(running, "alt+m", "enter")
        await running.settle()
        second = burst(running, "enter", at=first + 0.9 * PAUSE_S)
        await running.settle()
        assert isinstance(running.app.screen, ChooseScreen)
        assert running.fake.asked("set_muted") == []
        burst(running, "enter", at=second + 1000 * PAUSE_S)
        await running.settle()
        assert len(running.fake.asked("set_muted")) == 1


async def test_a_key_that_comes_once_the_dialog_is_seen_answers_at_once(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up")
        burst(running, "d")
        await running.settle()
        burst(running, "enter")
        await running.settle()
        assert len(running.fake.asked("delete")) == 1


@pytest.mark.parametrize("key", ["b", "d", "a", "enter"])
async def test_nobody_is_blocked_or_accepted_by_a_letter_that_was_on_its_way(client: Open, key: str) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        burst(running, "alt+r", key)
        await running.settle()
        assert isinstance(running.app.screen, RequestsScreen)
        assert [running.fake.asked(verb) for verb in ("block", "delete_request", "accept")] == [[], [], []]


@pytest.mark.parametrize("how", ["alt+r", "alt+m"])
async def test_what_is_written_while_a_question_comes_stays_in_the_composer(client: Open, how: str) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        burst(running, how, "h", "o", "backspace", "i", "space", "b", "f1", "enter", "x")
        await running.settle()
        assert isinstance(running.app.screen, ChooseScreen | RequestsScreen)
        assert [text for _, text, _ in running.fake.asked("send_text")] == ["hi b"]
        assert running.view.composer.text == "x"
        assert [running.fake.asked(verb) for verb in ("block", "set_muted")] == [[], []]


async def test_a_slash_word_and_a_second_enter_block_nobody(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        assert running.view.composer.begin("/block")
        burst(running, "enter", "enter", "enter")
        await running.settle()
        assert isinstance(running.app.screen, ChooseScreen)
        assert running.fake.asked("block") == []


async def test_a_question_out_of_the_blue_takes_nothing_from_the_composer(client: Open) -> None:
    fake = lively()
    fake.failures["send_text"] = ClientError(Code.TOO_LARGE, "too long")
    async with client(fake) as running:
        await running.press("enter")
        await running.type("long")
        running.app.post_message(events.Key("enter", "\r"))
        for _ in range(400):  # Until the question has come, and before it can have been painted
            burst(running, "x")
            await asyncio.sleep(0)
            if isinstance(running.app.screen, ChooseScreen):
                break
        await running.settle()
        assert isinstance(running.app.screen, ChooseScreen)
        assert fake.asked("send_long_text") == []
        assert set(running.view.composer.text) == {"x"}


async def test_what_is_typed_behind_a_key_that_opens_a_search_is_searched(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        burst(running, "ctrl+f", "p", "l", "a", "n")
        await running.settle()
        assert isinstance(running.app.screen, SearchScreen)
        assert running.app.screen.query_one(Input).value == "plan"


async def test_an_enter_is_an_answer_only_behind_letters(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up")
        burst(running, "f", "enter")
        await running.settle()
        assert isinstance(running.app.screen, SwitchScreen)
        assert running.fake.asked("forward") == []
        await running.press("escape", "escape")
        burst(running, "ctrl+k", "c", "a", "r", "o", "l", "enter")
        await running.settle()
        assert running.view.id_of_chat == chat_id("carol")


async def test_escape_typed_ahead_leaves_a_question_as_it_is(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        burst(running, "alt+m", "escape")
        await running.settle()
        assert isinstance(running.app.screen, MainScreen)
        assert running.fake.asked("set_muted") == []
