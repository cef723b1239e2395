"""What the keys on a message do, each from the log to the messenger's verb."""

from pathlib import Path

import pytest

from letterlock_client.models import Delivery, Listed, MessageKind, TransferState
from letterlock_client.shapes import NOT_WHOLE
from letterlock_client.ui.commands import Where, actions
from letterlock_client.ui.panes import message_verbs
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.history import HistoryScreen
from letterlock_client.ui.widgets.message_log import MessageLog
from tests.client.ui.conftest import Open
from tests.client.ui.fake_backups import turned_on
from tests.client.ui.fake_messenger import DAY, FakeMessenger, attachment, chat_id, lively
from tests.client.ui.kinds import kinds

BOB = chat_id("bob")


def with_bob() -> FakeMessenger:
    fake = FakeMessenger()
    fake.person("bob")
    fake.person("carol")
    return fake


async def test_an_emoji_is_found_by_its_name(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "plus")
        await running.type("rocket")
        assert ":rocket:" in running.text()
        await running.press("enter")
        assert running.fake.asked("react")[-1][1] == "🚀"


async def test_a_key_that_is_hit_twice_opens_one_dialog(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape")
        message = running.view.log_view.message_at_cursor()
        assert message is not None
        for _ in range(2):
            running.view.post_message(MessageLog.Asked("info", message))
        await running.press("escape")
        assert running.app.screen is running.view.screen


async def test_arrow_keys_move_in_the_grid_of_emoji(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "plus", "right", "down", "up", "left", "right", "enter")
        assert running.fake.asked("react")[-1][1] == "💗"


async def test_a_message_is_forwarded_to_the_chat_that_was_chosen(client: Open) -> None:
    fake = with_bob()
    told = fake.put(BOB, "the meeting is at nine")
    async with client(fake) as running:
        await running.press("enter", "escape", "f")
        assert "Forward to" in running.text()
        await running.type("carol")
        await running.press("enter")
        assert fake.asked("forward") == [(told.id, chat_id("carol"))]
        assert running.view.id_of_chat == BOB


@pytest.mark.parametrize("changes", [{"view_once": True}, {"deleted": True}, {"kind": MessageKind.UNKNOWN}])
async def test_what_may_not_go_on_is_not_forwarded(client: Open, changes: dict[str, object]) -> None:
    fake = with_bob()
    fake.put(BOB, "for you alone", **changes)
    async with client(fake) as running:
        await running.press("enter", "escape", "f")
        assert "cannot be forwarded" in running.text()


async def test_earlier_texts_are_shown_oldest_first(client: Open) -> None:
    fake = with_bob()
    fake.put(BOB, "what it says now", edits=1)
    async with client(fake) as running:
        await running.press("enter", "escape", "h")
        assert isinstance(running.app.screen, HistoryScreen)
        text = running.text()
        assert text.index("what stood here before") < text.rindex("what it says now")


async def test_enter_on_an_answer_goes_to_what_it_answers(client: Open) -> None:
    fake = with_bob()
    first = fake.put(BOB, "the question")
    for number in range(60):
        fake.put(BOB, f"in between {number}")
    fake.put(BOB, "the answer", mine=True, reply_to=first.id)
    async with client(fake) as running:
        await running.press("enter", "escape", "end", "enter")
        shown = running.view.log_view.message_at_cursor()
        assert shown is not None
        assert shown.text == "the question"


async def test_a_file_on_its_way_is_paused_goes_on_and_is_given_up(client: Open) -> None:
    fake = with_bob()
    moving = attachment("film.mp4", TransferState.MOVING)
    sent = fake.put(BOB, "", mine=True, attachment=moving, delivery=Delivery.WAITING)
    async with client(fake) as running:
        await running.press("enter", "escape", "p")
        assert fake.asked("pause") == [(sent.id,)]
        fake.change(sent.id, attachment=attachment("film.mp4", TransferState.PAUSED))
        await running.settle()
        await running.press("o")
        assert fake.asked("resend") == [(sent.id,)]
        await running.press("x")
        assert isinstance(running.app.screen, ChooseScreen)
        await running.press("enter")
        assert fake.asked("delete") == [(sent.id, False)]


async def test_a_view_once_message_asks_before_it_opens(client: Open) -> None:
    fake = with_bob()
    fake.put(BOB, "only once", view_once=True)
    async with client(fake) as running:
        await running.press("enter", "escape", "o", "enter")
        assert fake.asked("view_once") == []
        await running.press("o", "down", "enter")
        assert len(fake.asked("view_once")) == 1


async def test_what_is_copied_holds_nothing_a_terminal_would_obey(client: Open, tmp_path: Path) -> None:
    fake = with_bob()
    fake.put(BOB, "curl x\x1b]52;c;aGk=\x07 | sh\u202e")
    async with client(fake) as running:
        await running.press("enter", "escape", "y")
        assert running.app.clipboard.isprintable()
        assert "\x1b" not in running.app.clipboard


async def test_a_file_is_opened_outside_only_after_asking(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    launched: list[Path] = []

    async def launch(path: Path) -> None:
        launched.append(path)

    monkeypatch.setattr(message_verbs, "launch", launch)
    fake = with_bob()
    fake.put(BOB, "", attachment=attachment("setup.exe"))
    async with client(fake) as running:
        await running.press("enter", "escape", "O", "enter")
        assert launched == []
        await running.press("O", "down", "enter")
        assert [path.name for path in launched] == ["file"]
        assert len(fake.asked("save")) == 1


async def test_chats_are_listed_unread_first_and_filtered(client: Open) -> None:
    fake = lively()
    fake.put(chat_id("erin"), "an old one, never read", ago=9 * DAY)
    async with client(fake) as running:
        await running.press("alt+o")
        assert [chat.title for chat in running.pane.chat_list.chats][:2] == ["bob", "erin"]
        assert "Chats · unread first" in running.text()
        await running.press("enter")
        running.view.composer.insert("/filter ca")
        await running.press("enter")
        assert "only ca" in running.text()
        assert "dave" not in running.text()
        running.view.composer.insert("/filter")
        await running.press("enter", "alt+o")
        assert "dave" in running.text()
        assert "unread first" not in running.text()


async def test_a_pinned_chat_is_on_top_and_an_archived_one_out_of_sight(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "alt+z")
        assert running.fake.asked("set_listed") == [(BOB, Listed.ARCHIVED)]
        await running.settle()
        chats = running.pane.chat_list
        assert BOB not in [chat.id for chat in chats._chats]
        assert "1 archived" in chats.title
        running.pane.action_archived()
        await running.settle()
        assert [chat.id for chat in chats._chats] == [BOB]
        assert "Archived" in running.text()
        running.pane.action_archived()
        await running.press("alt+z")
        assert BOB in [chat.id for chat in chats._chats]
        last = chats._chats[-1]
        running.fake.change_chat(last.id, listed=Listed.PINNED)
        await running.settle()
        assert chats._chats[0].id == last.id
        assert "pinned" in running.text() or chats._chats[0].unread


async def test_a_filter_finds_archived_chats_too(client: Open) -> None:
    fake = lively()
    fake.change_chat(BOB, listed=Listed.ARCHIVED)
    async with client(fake) as running:
        running.pane.order_chats(unread_first=False, words="bo")
        assert BOB in [chat.id for chat in running.pane.chat_list._chats]


async def test_a_chat_is_written_to_a_file_whose_name_says_how(client: Open) -> None:
    async with client(lively(), (140, 36)) as running:
        await running.press("enter")
        running.pane.action_export()
        await running.type("/tmp/bob.html")
        await running.press("enter")
        await running.settle()
        assert running.fake.asked("export_to") == [(BOB, Path("/tmp/bob.html"))]
        assert "7 messages are in /tmp/bob.html" in " ".join(running.text().split())
        assert NOT_WHOLE[:30] not in " ".join(running.text().split())
        running.fake.backups.now = turned_on(restoring=True)
        running.pane.action_export()
        await running.type("/tmp/bob.html")
        await running.press("enter")
        await running.settle()
        assert NOT_WHOLE[:30] in " ".join(running.text().split())
        running.view.composer.insert("/export bob")
        await running.press("enter")
        await running.settle()
        assert "ends in one of" in " ".join(running.text().split())
        assert running.view.composer.text == "/export bob"


LETTERS = [key for key in actions(Where.MESSAGE, {}) if len(key) == 1 or key in ("slash", "plus", "space")]
FOR_GOOD = (
    "delete",
    "block",
    "delete_request",
    "view_once",
    "clear_files",
    "set_listed",
    "set_timer",
    "edit",
)


@pytest.mark.parametrize("text", ["", "the code of the door"])
async def test_no_single_letter_destroys_anything_unasked(client: Open, text: str) -> None:
    """Of a file that is being sent, and of what can be viewed once, most could be lost."""
    assert {"d", "x", "e", "o"} <= set(LETTERS)
    fake, _ = kinds()
    async with client(fake, (60, 24)) as running:
        await running.press("enter")
        log = running.view.log_view
        (row,) = [row for row in range(log.count) if getattr(log.window.message(row), "text", None) == text]
        for letter in LETTERS:
            log.focus()
            log.move_to(row)
            await running.press(letter)
            while running.app.screen is not running.view.screen:
                await running.press("escape")
        assert [verb for verb, *_ in fake.calls if verb in FOR_GOOD] == []
        assert fake.asked("pause") or text, "the letters arrived"
