"""Flows of one-to-one chat, by keys, on the real application with a fake messenger."""

import asyncio
from dataclasses import replace

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.events import (
    ConnectionChanged,
    ConversationChanged,
    EventsLost,
    Link,
    PresenceChanged,
    TypingChanged,
)
from letterlock_client.models import Delivery, Standing
from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.panes import typists
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import MINUTE, FakeMessenger, chat_id, lively

BOB = chat_id("bob")
CAROL = chat_id("carol")


async def test_a_message_goes_to_the_chat_it_was_written_in(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("on the train")
        await running.press("enter")
        assert running.fake.asked("send_text") == [(BOB, "on the train", None)]
        assert "on the train" in running.text()
        assert running.view.composer.text == ""


async def test_ctrl_j_makes_a_line_and_sends_nothing(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("one")
        await running.press("ctrl+j")
        await running.type("two")
        assert running.view.composer.text == "one\ntwo"
        assert running.fake.asked("send_text") == []
        await running.press("enter")
        assert running.fake.asked("send_text") == [(BOB, "one\ntwo", None)]


async def test_alt_enter_and_shift_enter_make_a_line_where_the_terminal_tells(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "a", "alt+enter", "b", "shift+enter", "c")
        assert running.view.composer.text == "a\nb\nc"
        assert running.fake.asked("send_text") == []


async def test_nothing_is_sent_from_spaces(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "space", "ctrl+j", "space", "enter")
        assert running.fake.asked("send_text") == []


async def test_a_draft_stays_with_its_chat(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("secret for bob")
        await running.press("alt+down")
        assert running.view.id_of_chat == CAROL
        assert running.view.composer.text == ""
        await running.type("for carol")
        await running.press("alt+up")
        assert running.view.id_of_chat == BOB
        assert running.view.composer.text == "secret for bob"
        await running.press("enter")
        assert running.fake.asked("send_text") == [(BOB, "secret for bob", None)]
        assert (CAROL, "for carol") in running.fake.asked("save_draft")


async def test_leaving_a_chat_while_sending_neither_loses_nor_misdirects(client: Open) -> None:
    fake = lively()
    fake.gates["send_text"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("enter")
        await running.type("first")
        await running.press("enter", "alt+down")
        fake.gates["send_text"].set()
        await running.settle()
        assert fake.asked("send_text") == [(BOB, "first", None)]
        assert running.view.id_of_chat == CAROL
        assert "first" not in running.view.composer.text


async def test_messages_are_sent_in_the_order_they_were_written(client: Open) -> None:
    fake = lively()
    fake.gates["send_text"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("enter", "1", "enter", "2", "enter", "3", "enter")
        fake.gates["send_text"].set()
        await running.settle()
        assert [text for _, text, _ in fake.asked("send_text")] == ["1", "2", "3"]


async def test_a_refused_message_comes_back_to_its_composer(client: Open) -> None:
    fake = lively()
    fake.failures["send_text"] = ClientError(Code.REFUSED, "this is too large")
    async with client(fake) as running:
        await running.press("enter")
        await running.type("long")
        await running.press("enter")
        assert running.view.composer.text == "long"
        assert "This is too large." in running.text()


async def test_a_refused_message_of_another_chat_becomes_its_draft(client: Open) -> None:
    fake = lively()
    fake.failures["send_text"] = ClientError(Code.BLOCKED, "blocked")
    fake.gates["send_text"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("enter")
        await running.type("long")
        await running.press("enter", "alt+down")
        fake.gates["send_text"].set()
        await running.settle()
        assert running.view.composer.text == ""
        assert fake.asked("save_draft")[-1] == (BOB, "long")


async def test_up_in_an_empty_composer_edits_the_last_own_message(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "up")
        assert running.view.composer.text == "which door?"
        assert "Editing your message" in running.text()
        await running.type("!")
        await running.press("enter")
        edited = running.fake.asked("edit")
        assert [text for _, text in edited] == ["which door?!"]
        assert running.view.composer.text == ""
        assert "edited" in running.text()


async def test_an_abandoned_edit_brings_the_draft_back(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("draft")
        await running.press("escape", "up", "up", "e")
        assert running.view.composer.text == "which door?"
        await running.press("escape")
        assert running.view.composer.text == "draft"
        assert running.fake.asked("edit") == []


async def test_a_reply_names_its_message(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "r")
        assert "Replying (escape stops)" in running.text()
        await running.type("ok")
        await running.press("enter")
        ((_, text, reply_to),) = running.fake.asked("send_text")
        quoted = await running.fake.message(reply_to)  # type: ignore[arg-type]
        assert (text, quoted.text) == ("ok", "the side door, next to the bicycle stands")
        assert "bob: the side door" in running.text()


async def test_incoming_messages_appear_and_are_read_when_looked_at(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("enter")
        before = len(fake.asked("saw"))
        message = fake.receive(BOB, "fresh news")
        await running.settle()
        assert "fresh news" in running.text()
        assert fake.asked("saw")[before:] == [(BOB, message.id)]


async def test_nothing_is_read_while_the_terminal_has_no_focus(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("enter")
        running.app.app_focus = False
        await running.settle()
        before = len(fake.asked("saw"))
        message = fake.receive(BOB, "unseen")
        await running.settle()
        assert fake.asked("saw")[before:] == []
        running.app.app_focus = True
        await running.settle()
        assert fake.asked("saw")[before:] == [(BOB, message.id)]


async def test_nothing_is_read_behind_a_dialog(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("enter", "f1")
        before = len(fake.asked("saw"))
        message = fake.receive(BOB, "unseen")
        await running.settle()
        assert fake.asked("saw")[before:] == []
        await running.press("escape")
        assert fake.asked("saw")[before:] == [(BOB, message.id)]


async def test_ticks_follow_a_message_on_its_way(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("alt+down", "alt+down")
        await running.type("hi")
        await running.press("enter")
        sent = fake._chats[CAROL].last
        assert sent is not None
        for delivery, sign in (
            (Delivery.WAITING, "14:10 ◷"),
            (Delivery.ACCEPTED, "14:10 ✓ "),
            (Delivery.DELIVERED, "14:10 ✓✓"),
            (Delivery.READ, "14:10 read"),
        ):
            fake.change(sent.id, delivery=delivery)
            await running.settle()
            assert sign in running.text()


async def test_a_failed_message_says_why_and_goes_again(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        assert "not sent: the relay is full" in running.text()
        await running.press("escape", "up", "up", "enter")
        assert len(running.fake.asked("resend")) == 1


async def test_typing_is_told_once_and_taken_back(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "a", "b", "c")
        assert running.fake.asked("set_typing") == [(BOB, True)]
        await running.press("enter")
        assert running.fake.asked("set_typing") == [(BOB, True), (BOB, False)]


async def test_the_other_side_types(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        running.fake.tell(TypingChanged(BOB, typing=True))
        await running.settle()
        assert "bob is typing…" in running.text()
        running.fake.tell(TypingChanged(BOB, typing=False))
        await running.settle()
        assert "typing" not in running.text()


async def test_a_new_message_does_not_make_its_author_look_absent(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        running.fake.tell(PresenceChanged(BOB, online=True))
        await running.settle()
        stored = replace(await running.fake.conversation(BOB), online=False)
        running.fake.tell(ConversationChanged(stored))
        await running.settle()
        assert "online" in running.text()


async def test_who_falls_silent_while_typing_has_stopped(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typists, "SILENT_SECONDS", 0.05)
    async with client(lively()) as running:
        await running.press("enter")
        running.fake.tell(TypingChanged(BOB, typing=True))
        async with asyncio.timeout(5):
            await running.settle()
            while "typing" in running.text():
                await asyncio.sleep(0.01)


async def test_messages_below_are_counted_and_reached(client: Open) -> None:
    fake = lively()
    for number in range(60):
        fake.put(BOB, f"line {number}")
    async with client(fake) as running:
        await running.press("enter", "pageup", "pageup")
        top = [line[36:-3] for line in running.text().splitlines()]
        fake.receive(BOB, "arrived below")
        await running.settle()
        assert "1 new below" in running.text()
        assert "arrived below" not in running.view.log_view.render_line(0).text
        assert top[5:20] == [line[36:-3] for line in running.text().splitlines()][5:20]
        await running.press("escape", "end")
        assert "arrived below" in running.text()
        assert "new below" not in running.text()


@pytest.mark.parametrize(
    ("why", "words"), [("left_out", "left out of the restore"), ("lost", "no messages came back")]
)
async def test_a_chat_whose_messages_a_restore_did_not_bring_says_so_and_no_time(
    client: Open, why: str, words: str
) -> None:
    fake = FakeMessenger()
    fake.person("bob", **{why: True})
    fake.person("carol")
    async with client(fake, (100, 24)) as running:

        def row(name: str) -> list[str]:
            lines = [line.split("│")[0].strip() for line in running.text().splitlines()]
            return lines[(at := next(i for i, line in enumerate(lines) if name in line)) : at + 2]

        assert row("bob") == ["❯ ○ bob", words]
        assert row("carol")[1] == "no messages yet"
        assert row("carol")[0] != "○ carol"
        fake.receive(chat_id("bob"), "are you there?")
        await running.settle()
        assert row("bob")[1].startswith("are you there?")
        assert row("bob")[0] != "❯ ○ bob"


async def test_a_device_that_was_put_out_is_told_that_it_sends_nothing(client: Open) -> None:
    fake = lively()
    async with client(fake, (60, 24)) as running:
        fake.tell(ConnectionChanged(Link.REFUSED, "bad_login"))
        await running.settle()
        assert "this device was put out · what you write is never sent" in running.text()
        assert "goes out later" not in running.text()
        # Nothing is begun that has no room.
        assert "never sent ·" not in running.text()
        assert "bad_login" not in running.text()


async def test_what_a_relay_may_take_one_day_is_not_said_to_be_lost(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        fake.tell(ConnectionChanged(Link.REFUSED, "version"))
        await running.settle()
        assert "refused by the relay: version · what you write is kept until it lets you in" in running.text()
        fake.tell(ConnectionChanged(Link.OFFLINE))
        await running.settle()
        assert "offline · what you write is kept and goes out later" in running.text()


async def test_a_lost_connection_counts_down(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        fake.tell(ConnectionChanged(Link.OFFLINE, retry_in=9.0))
        await running.settle()
        assert "offline, again in 9 s" in running.text()
        fake.clock.pass_time(4_000)
        running.pane.status._redraw()
        await running.settle()
        assert "again in 5 s" in running.text()
        fake.tell(ConnectionChanged(Link.ONLINE))
        await running.settle()
        assert "● connected" in running.text()


async def test_a_slow_listener_reads_everything_again(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("enter")
        fake.put(BOB, "came while events were lost")
        fake.tell(EventsLost())
        await asyncio.sleep(0.4)
        await running.settle()
        assert "came while events were lost" in running.text()


async def test_next_unread_finds_the_chat_that_waits(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("alt+a")
        assert running.view.id_of_chat == BOB
        fake.receive(CAROL, "hey")
        await running.settle()
        await running.press("alt+a")
        assert running.view.id_of_chat == CAROL


async def test_narrow_shows_one_pane_at_a_time(client: Open) -> None:
    async with client(lively(), (60, 24)) as running:
        assert "Chats" in running.text()
        await running.press("enter")
        assert "Chats" not in running.text()
        assert "see you there" in running.text()
        await running.press("alt+left")
        assert "Chats" in running.text()
        assert "─ 2 new" not in running.text()


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (40, ["Switch chat", "Help", "palette"]),
        (60, ["Switch chat", "Help", "New chat", "Search", "palette"]),
        (
            120,
            [
                "Switch chat",
                "Help",
                "New chat",
                "Search",
                "Settings",
                "Backup",
                "Verify",
                "Chat info",
                "palette",
            ],
        ),
    ],
)
async def test_the_key_bar_shows_the_first_keys_and_only_whole_ones(
    client: Open, columns: int, shown: list[str]
) -> None:
    async with client(lively(), size=(columns, 24)) as running:
        keys = running.app.screen.query("FooterKey")
        assert [key.render().plain.partition(" ")[2] for key in keys if key.display] == shown
        assert all(key.region.right <= columns for key in keys if key.display)


async def test_a_removed_message_closes_up(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("enter")
        last = fake._chats[BOB].last
        assert last is not None
        fake.remove(last.id)
        await running.settle()
        assert "bicycle" not in running.view.log_view.render_line(30).text
        log = running.view.log_view
        assert len(log.index) == len(log.window)


async def test_two_clients_stand_side_by_side(utc: None) -> None:
    from textual.app import App, ComposeResult
    from textual.containers import Horizontal

    from letterlock_client.ui.panes.client_pane import ClientPane
    from letterlock_client.ui.surroundings import Surroundings
    from letterlock_client.ui.themes import STYLES

    left, right = lively(), lively()

    class Stage(App[None]):
        CSS_PATH = STYLES

        def compose(self) -> ComposeResult:
            with Horizontal():
                for fake in (left, right):
                    yield ClientPane(fake, Surroundings(fake.clock))  # type: ignore[arg-type]

    app = Stage()
    async with app.run_test(size=(160, 40)) as pilot:
        for _ in range(4):
            await pilot.pause()
        first, second = app.query(ClientPane)
        first.chat_list.focus()
        await pilot.press("enter")
        for _ in range(6):
            await pilot.pause()
        await pilot.press("h", "i", "enter")
        for _ in range(6):
            await pilot.pause()
        assert left.asked("send_text") == [(BOB, "hi", None)]
        assert right.asked("send_text") == []
        assert first.is_narrow
        assert second.view is None


@pytest.mark.parametrize("count", [0, 1])
async def test_an_empty_client_says_what_to_do(client: Open, count: int) -> None:
    fake = FakeMessenger()
    for number in range(count):
        fake.person(f"person{number}")
    async with client(fake) as running:
        assert "ctrl+n to write to somebody new" in running.text()
        await running.press("down", "up", "enter", "pageup", "end", "home")
        assert (running.pane.view is not None) == bool(count)
        await running.press("escape", "up", "down", "r", "y", "o")


async def test_the_unread_line_stands_above_the_first_unread(client: Open) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    fake.put(bob, "old", ago=9 * MINUTE)
    fake.read_all(bob)
    fake.put(bob, "new one", ago=8 * MINUTE)
    fake.put(bob, "new two", ago=7 * MINUTE)
    async with client(fake) as running:
        await running.press("enter")
        lines = [line for line in running.text().splitlines() if "new" in line or "old" in line]
        order = [
            next(word for word in ("old", "2 new", "new one", "new two") if word in line[36:])
            for line in lines
            if line[36:].strip() and any(w in line[36:] for w in ("old", "2 new", "new one", "new two"))
        ]
        assert order == ["old", "2 new", "new one", "new two"]


async def test_what_is_on_the_screen_when_a_chat_opens_is_read(client: Open) -> None:
    fake = lively()
    last = fake._chats[BOB].last
    assert last is not None
    async with client(fake) as running:
        await running.press("enter")
        assert fake.asked("saw") == [(BOB, last.id)]
        assert "2 new" in running.text()


@pytest.mark.parametrize("many", [40, 600])
async def test_a_chat_opens_at_the_first_unread_and_what_was_not_on_the_screen_is_not_read(
    client: Open, many: int
) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    fake.put(bob, "old", ago=9 * MINUTE)
    fake.read_all(bob)
    unread = [fake.put(bob, f"number {place} of them", ago=8 * MINUTE).id for place in range(many)]
    async with client(fake) as running:
        await running.press("enter")
        assert f"{many} new" in running.text()
        assert "number 0 of them" in running.text()
        assert running.view.log_view.visible_items().stop < many
        left = running.view.log_view.count - running.view.log_view.visible_items().stop
        assert f"{left} new below" in running.text()
        seen = [message for _, message in fake.asked("saw")]
        assert 0 < unread.index(seen[-1]) < 30
        running.view.log_view.action_end()
        await running.settle()
        assert fake.asked("saw")[-1] == (bob, unread[-1])


async def test_leaving_keeps_what_is_written_and_not_sent(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("enter", "h", "i", "ctrl+q")
    assert fake.asked("save_draft")[-1] == (BOB, "hi")
    assert fake.asked("send_text") == []


@pytest.mark.parametrize("columns", [60, 120])
async def test_an_empty_list_says_how_to_begin_by_the_keys_of_its_owner(client: Open, columns: int) -> None:
    fake = FakeMessenger()
    async with client(fake, (columns, 24), tastes=Tastes(keymap={"chat.new_chat": "f9"})) as running:
        shown = " ".join(running.text().replace("│", " ").split())
        assert "No chats yet. f9 writes to somebody" in shown
        assert "ctrl+n" not in shown
        stranger = fake.person("stranger", standing=Standing.REQUESTED)
        fake.receive(stranger, "hello?")
        await running.settle()
        assert "No chats yet" not in running.text()


async def test_the_list_says_why_it_is_empty_and_counts_what_is_archived(client: Open) -> None:
    async with client(lively()) as running:
        running.pane.order_chats(unread_first=False, words="zzz")
        await running.settle()
        assert "No name holds zzz." in running.text()
        running.pane.order_chats(unread_first=False, words="")
        running.pane.action_archived()
        await running.settle()
        assert "Nothing is archived." in running.text()
        running.pane.action_archived()
        await running.press("alt+down", "alt+z")
        assert "1 archived" in running.text()


async def test_where_the_list_has_no_room_the_line_below_tells_what_waits_elsewhere(client: Open) -> None:
    fake = lively()
    stranger = fake.person("stranger", standing=Standing.REQUESTED)
    fake.receive(stranger, "hello?")
    async with client(fake, (60, 24)) as running:
        line = running.pane.status

        def said() -> str:
            return str(line.content)

        assert "new:" not in said(), "the list tells it"
        await running.press("enter")
        assert running.view.id_of_chat == BOB
        assert "2 requests: alt+r" in said()
        assert "new:" not in said()
        fake.receive(CAROL, "are you there?")
        fake.receive(CAROL, "look at this")
        fake.receive(chat_id("dave"), "muted")
        fake.receive(BOB, "seen at once")
        await running.settle()
        assert "connected · 2 new: alt+a · 2 requests: alt+r" in said()
        await running.press("alt+a")
        assert running.view.id_of_chat == CAROL
        assert "new:" not in said()
        await running.pane.open_chat(BOB)
        fake.receive(CAROL, "another")
        await running.settle()
        assert "1 new: alt+a" in said()
        await running.pane.open_chat(stranger)
        await running.settle()
        assert "1 request: alt+r" in said(), "the one that is open is not elsewhere"
        await running.press("alt+left")
        assert "new:" not in said()
        assert "request: alt" not in said()
        await running.press("enter")
        await running.pilot.resize_terminal(120, 30)
        running.app._check_resize()
        await running.settle()
        assert "requests: alt" not in said(), "there is room for the list"
