"""Writing: typed commands, offers, files by their path, the person's own editor; nothing reaches another chat."""

from pathlib import Path

import pytest
from textual import events

from letterlock_client.errors import ClientError, Code
from letterlock_client.models import Delivery
from letterlock_client.ui.panes import calls
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import DAY, FakeMessenger, chat_id, lively

BOB = chat_id("bob")
CAROL = chat_id("carol")


async def paste(running: Running, text: str) -> None:
    running.app.post_message(events.Paste(text))
    await running.settle()


async def test_a_command_is_offered_taken_and_done(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("/ti")
        assert "Choose how long messages" in running.text()
        await running.press("enter")
        assert running.view.composer.text == "/timer "
        await running.type("8")
        await running.press("tab", "enter")
        assert running.fake.asked("set_timer") == [(BOB, 28_800)]
        assert running.fake.asked("send_text") == []
        assert running.view.composer.text == ""


async def test_a_mistyped_command_is_not_sent_and_comes_back(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await paste(running, "/tmier 8h")
        await running.press("enter")
        assert "no command /tmier" in running.text()
        assert running.view.composer.text == "/tmier 8h"
        assert running.fake.asked("send_text") == []


async def test_a_text_to_be_read_once_goes_as_one_and_not_as_a_text(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await paste(running, "/once the door code is 4711")
        await running.press("enter")
        assert running.fake.asked("send_once") == [(BOB, "the door code is 4711", None)]
        assert running.fake.asked("send_text") == []
        assert running.view.composer.text == ""


async def test_two_slashes_begin_a_text_with_one(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await paste(running, "//etc is a folder")
        await running.press("enter")
        assert running.fake.asked("send_text") == [(BOB, "/etc is a folder", None)]


async def test_escape_closes_the_offers_and_leaves_the_text(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("/ti")
        await running.press("escape")
        assert running.view.composer.has_focus
        assert running.view.composer.offers.completion is None
        assert running.view.composer.text == "/ti"


async def test_emoji_come_from_their_names(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("go :rocke")
        await running.press("tab")
        await running.type(" :tada:")
        await running.press("enter")
        assert running.fake.asked("send_text") == [(BOB, "go 🚀 🎉", None)]


async def test_a_pasted_path_becomes_a_file_with_a_caption(client: Open, tmp_path: Path) -> None:
    file = tmp_path / "floor plan.pdf"
    file.write_bytes(b"x")
    async with client(lively()) as running:
        await running.press("enter")
        await paste(running, f"file://{str(file).replace(' ', '%20')}")
        assert running.view.composer.text == f"/attach '{file}' "
        assert running.fake.asked("send_file") == []
        running.view.composer.insert("the new one")
        await running.press("enter")
        assert running.fake.asked("send_file") == [(BOB, file)]
        assert running.fake.parcels[-1] == ("the new one", False)


async def test_a_pasted_text_stays_a_text(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await paste(running, "two\nlines")
        assert running.view.composer.text == "two\nlines"


async def test_a_file_that_cannot_be_sent_gives_its_command_back(client: Open) -> None:
    fake = lively()
    fake.failures["send_file"] = ClientError(Code.FILE_FAILED, "no such file")
    async with client(fake) as running:
        await running.press("enter")
        await paste(running, "/view-once /no/such")
        await running.press("enter")
        assert running.view.composer.text == "/view-once /no/such"
        assert "No such file." in running.text()
        assert fake.asked("send_text") == []


async def test_paths_are_offered_from_the_disk(client: Open, tmp_path: Path) -> None:
    (tmp_path / "film of it.mp4").write_bytes(b"x")
    async with client(lively()) as running:
        await running.press("enter")
        await paste(running, f"/attach {tmp_path}/fi")
        for _ in range(50):
            if running.view.composer.offers.completion is not None:
                break
            await running.pilot.pause(0.02)
        await running.press("tab")
        assert running.view.composer.text == f"/attach '{tmp_path}/film of it.mp4' "


async def test_what_the_editor_leaves_goes_to_the_chat_it_was_written_in(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def edited(app: object, text: str) -> str:
        return f"{text}, at length\n"

    monkeypatch.setattr(calls, "write_outside", edited)
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("said")
        await running.press("ctrl+e")
        assert running.view.composer.text == "said, at length"
        assert running.fake.asked("send_text") == []


async def test_an_editor_without_a_terminal_is_an_error_and_loses_nothing(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("kept")
        await running.press("ctrl+e")
        assert running.view.composer.text == "kept"
        assert "cannot be lent" in running.text()


async def test_a_half_typed_command_stays_in_its_own_chat(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await paste(running, "/attach /tm")
        await running.pane.open_chat(CAROL)
        await running.settle()
        assert running.view.id_of_chat == CAROL
        assert running.view.composer.text == ""
        await running.pane.open_chat(BOB)
        await running.settle()
        assert running.view.composer.text == "/attach /tm"


async def test_a_day_is_gone_to_by_its_name(client: Open) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    for number in range(600):
        fake.put(bob, f"message {number}", mine=True, ago=(600 - number) * DAY // 10, delivery=Delivery.READ)
    async with client(fake) as running:
        await running.press("enter")
        await paste(running, "/date 3.10.")
        await running.press("enter")
        await running.settle()
        message = running.view.log_view.message_at_cursor()
        assert message is not None
        assert "3 October" in running.text()
        assert running.view.log_view.has_focus


async def test_a_text_too_long_for_a_message_goes_as_a_file_or_comes_back(client: Open) -> None:
    fake = lively()
    fake.failures["send_text"] = ClientError(Code.TOO_LARGE, "a text this long goes as a file")
    async with client(fake) as running:
        await running.press("enter")
        await running.type("long")
        await running.press("enter")
        assert "too long for a message" in running.text()
        await running.press("down", "enter")
        assert running.view.composer.text == "long"
        await running.press("enter", "enter")
        assert fake.asked("send_long_text") == [(BOB, "long", None)]
        assert running.view.composer.text == ""
