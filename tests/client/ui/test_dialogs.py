"""Every dialog: what it shows, what it asks of the messenger, what comes of it."""

import pytest
from textual.widgets import OptionList, Static

from letterlock_client.errors import ClientError, Code, wrong_passphrase
from letterlock_client.events import KeyChanged
from letterlock_client.models import MOST_IN_REQUEST, Delivery, Standing
from letterlock_client.ui.doors import Doors, Registration, Start
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.first_run import FirstRunScreen
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.reader import ReaderScreen, chunks_of
from letterlock_client.ui.screens.unlock import UnlockScreen
from letterlock_client.ui.widgets.qr_code import QrCode
from letterlock_client.ui.wording import account_lines, moment
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import DIGITS, FakeMessenger, account, attachment, chat_id, lively

BOB = chat_id("bob")


async def test_a_request_can_be_accepted_and_opens(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("alt+r")
        assert "mallory" in running.text()
        assert "let me in" not in running.text()
        await running.press("a")
        assert running.fake.asked("accept") == [(chat_id("mallory"),)]
        assert running.view.id_of_chat == chat_id("mallory")
        assert "let me in" in running.text()


@pytest.mark.parametrize(("key", "verb"), [("b", "block"), ("d", "delete_request")])
async def test_a_request_can_be_blocked_or_deleted_by_a_letter_and_a_word(
    client: Open, key: str, verb: str
) -> None:
    async with client(lively()) as running:
        await running.press("alt+r", key)
        assert "mallory" in running.app.screen.query_one(".dialog--title", Static).content.plain  # type: ignore[union-attr]
        await running.press("escape", key, "down", "enter")
        assert running.fake.asked(verb) == []
        assert "1 message" in running.text()
        await running.press(key, "enter")
        assert running.fake.asked(verb) == [(chat_id("mallory"),)]
        assert "Nobody waits" in running.text()
        await running.press("escape")
        assert "1 request" not in running.text()


async def test_a_new_request_is_shown_on_top(client: Open) -> None:
    fake = FakeMessenger()
    stranger = fake.person("stranger", standing=Standing.REQUESTED)
    async with client(fake) as running:
        assert "1 request" in running.text()
        fake.receive(stranger, "hello?")
        await running.settle()
        await running.press("up", "enter")
        assert "stranger" in running.text()
        assert "hello?" not in running.text()


async def test_a_request_says_where_keeping_ends_and_shows_an_account_to_compare(client: Open) -> None:
    fake = FakeMessenger()
    stranger = fake.person("stranger", standing=Standing.REQUESTED)
    for _ in range(MOST_IN_REQUEST - 1):
        fake.put(stranger, "hello?")
    async with client(fake, size=(60, 24)) as running:
        await running.press("alt+r")
        assert "255 messages" in running.text()
        assert "no more are kept" not in running.text()
        assert " ".join(account_lines(account("stranger"))) in running.text()
        await running.press("escape")
        fake.put(stranger, "hello?")
        await running.press("alt+r")
        assert "256 messages, no more are kept" in running.text()


async def test_a_request_whose_messages_a_restore_did_not_bring_counts_none(client: Open) -> None:
    fake = FakeMessenger()
    fake.person("stranger", standing=Standing.REQUESTED, lost=True)
    async with client(fake, size=(60, 24)) as running:
        await running.press("alt+r")
        assert "no messages came back" in running.text()
        assert "1 message" not in running.text()


async def test_a_chat_begins_by_handle(client: Open) -> None:
    fake = lively()
    fake.list_in_directory("frank", "frank")
    async with client(fake) as running:
        await running.press("ctrl+n")
        await running.type("nobody")
        await running.press("enter")
        assert "Nobody is called nobody" in running.text()
        await running.press(*["backspace"] * 6)
        await running.type("frank")
        await running.press("enter")
        assert running.view.id_of_chat == chat_id("frank")
        await running.type("hi")
        await running.press("enter")
        assert fake.asked("send_text") == [(chat_id("frank"), "hi", None)]


async def test_a_chat_is_found_by_a_part_of_its_name(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("ctrl+k")
        await running.type("aro")
        await running.press("enter")
        assert running.view.id_of_chat == chat_id("carol")


async def test_a_key_in_the_composer_opens_the_switcher_and_deletes_nothing(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("keep this")
        await running.press("home", "ctrl+k", "escape")
        assert running.view.composer.text == "keep this"


async def test_the_safety_number_stands_in_twelve_groups_of_five(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("alt+down", "alt+down", "f4")
        for group in range(12):
            assert DIGITS[5 * group : 5 * group + 5] in running.text()
        assert "not verified" in running.text()


async def test_a_wrong_number_is_not_accepted(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("alt+down", "alt+down", "f4")
        await running.type("12345")
        await running.press("enter")
        assert "This is another number" in running.text()
        await running.press("ctrl+a", "ctrl+k")
        await running.type(DIGITS)
        await running.press("enter")
        assert "✓ verified" in running.text()
        await running.press("escape")
        assert "✓ verified" in running.text()


async def test_the_qr_code_is_black_on_white_in_every_theme(client: Open) -> None:
    async with client(lively(), (120, 45)) as running:
        for theme in ("textual-dark", "textual-light"):
            running.app.theme = theme
            await running.press("enter", "f4", "ctrl+g")
            code = running.app.screen.query_one(QrCode)
            for y in range(code.size.height):
                (segment,) = code.render_line(y)
                assert segment.style is not None
                assert segment.style.color is not None
                assert segment.style.bgcolor is not None
                assert segment.style.color.get_truecolor() == (0, 0, 0)
                assert segment.style.bgcolor.get_truecolor() == (255, 255, 255)
            await running.press("escape", "escape")


async def test_the_qr_code_fits_a_small_terminal() -> None:
    code = QrCode(bytes(71))
    assert int(code.styles.height.value) + 2 <= 24  # type: ignore[union-attr]


async def test_a_changed_key_of_a_verified_person_blocks_with_a_banner(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("enter")
        fake.change_chat(BOB, verified=False, key_changed_at=fake.clock.now)
        fake.tell(KeyChanged(account("bob"), BOB, was_verified=True))
        await running.settle()
        assert "bob's key changed. Compare the safety number" in running.text()
        await running.pilot.click("Banner Button:last-of-type")
        await running.settle()
        assert fake.asked("acknowledge_warning") == [(BOB,)]
        assert not running.view.banner.display


async def test_a_message_can_be_deleted_here_or_on_both_sides(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up", "up", "d")
        assert isinstance(running.app.screen, ChooseScreen)
        await running.press("down", "enter")
        ((_, for_everyone),) = running.fake.asked("delete")
        assert for_everyone is True
        assert "This message was deleted." in running.text()


async def test_somebody_elses_message_is_only_deleted_here(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "d")
        assert "both sides" not in running.text()
        await running.press("escape")
        assert running.fake.asked("delete") == []


async def test_a_reaction_is_set_and_taken_back(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "plus", "enter")
        await running.press("plus", "enter")
        assert [emoji for _, emoji in running.fake.asked("react")] == ["👍", ""]


async def test_a_long_message_opens_whole(client: Open) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    fake.put(bob, "\n".join(f"line {number}" for number in range(5_000)))
    fake.read_all(bob)
    async with client(fake) as running:
        await running.press("enter", "escape")
        assert "more lines, enter shows all" in running.text()
        await running.press("enter")
        assert isinstance(running.app.screen, ReaderScreen)
        assert "line 3" in running.text()
        await running.press("end")
        assert "line 4999" in running.text()


@pytest.mark.parametrize("text", ["x" * 10_000, "a\n" * 3_000, "word " * 3_000, "", "\n", "é" * 700 + "\n"])
def test_pieces_of_a_long_text_are_the_whole_text(text: str) -> None:
    pieces = chunks_of(text)
    assert "".join(text[start:stop] for start, stop in pieces) == text
    assert all(0 < stop - start <= 512 for start, stop in pieces)


async def test_a_file_is_fetched_where_it_is_asked_for(client: Open) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    fake.put(bob, "", attachment=attachment("plan.pdf"))
    async with client(fake) as running:
        await running.press("enter", "escape", "o")
        assert len(fake.asked("save")) == 1
        assert "Saved as " in running.text()


async def test_a_view_once_message_hides_until_it_is_opened(client: Open) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    fake.put(bob, "only once", view_once=True)
    async with client(fake) as running:
        await running.press("enter", "escape")
        assert "only once" not in running.text()
        await running.press("o", "down", "enter")
        assert "only once" in running.text()
        await running.press("escape")
        assert "only once" not in running.text()
        assert "Viewed once." in running.text()


async def test_message_info_tells_sizes_and_ratchet(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "i")
        for fact in ("Padded", "256 bytes", "The relay sees", "642 bytes", "Ratchet step", "Chain index"):
            assert fact in running.text()


async def test_a_notice_that_is_said_again_stands_there_once(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up", "v", "v", "v", "h")
        text = running.text()
        assert text.count("This message has no picture.") == 1
        assert text.count("This message was never changed.") == 1


async def test_message_info_scrolls_in_a_low_terminal_and_keeps_its_hint(client: Open) -> None:
    fake = lively()
    fake.put(chat_id("bob"), "hello", mine=True, delivery=Delivery.READ, read_at=fake.clock.now)
    async with client(fake, size=(60, 24)) as running:
        await running.press("enter", "escape", "i")
        assert "Chain index" not in running.text()
        assert "escape closes" in running.text()
        await running.press("pagedown")
        assert "Chain index" in running.text()
        assert "escape closes" in running.text()
        await running.press("home", "down")
        assert "About this message" in running.text()


async def test_message_info_tells_when_the_receipts_came(client: Open) -> None:
    fake = lively()
    for known, expected in (
        ({"delivery": Delivery.ACCEPTED}, ()),
        ({"delivery": Delivery.DELIVERED, "delivered_at": fake.clock.now - 60_000}, ("Delivered  ",)),
        ({"delivery": Delivery.READ, "delivered_at": 0, "read_at": 0}, ("not known here",)),
        (
            {"delivery": Delivery.READ, "read_at": fake.clock.now},
            ("not known here", "Read  ", moment(fake.clock.now)),
        ),
    ):
        fake.put(chat_id("bob"), "hello", mine=True, **known)
        async with client(fake) as running:
            await running.press("enter", "escape", "i")
            text = running.text()
            for each in expected:
                assert each in text
            assert ("by this clock" in text) == any(known.get(name) for name in ("delivered_at", "read_at"))
            assert ("Delivered" in text) == bool(expected)


async def test_message_info_takes_no_own_message_for_one_that_was_received(client: Open) -> None:
    """How far it came a backup may have said in a word that only a newer release knows."""
    fake = lively()
    fake.put(chat_id("bob"), "hello", mine=True, delivery=Delivery.NONE)
    async with client(fake) as running:
        await running.press("enter", "escape", "i")
        assert "not known here" in running.text()
        assert "received" not in running.text()


async def test_the_timer_of_a_chat_is_chosen(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("alt+down", "alt+down", "alt+t", "down", "enter")
        assert running.fake.asked("set_timer") == [(chat_id("carol"), 30)]
        assert "messages stay 30 s" in running.text()


async def test_blocking_asks_first(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        running.pane.action_block()
        await running.settle()
        await running.press("escape")
        assert running.fake.asked("block") == []
        running.pane.action_block()
        await running.settle()
        await running.press("enter")
        assert running.fake.asked("block") == [(BOB,)]


async def test_the_palette_runs_a_command_of_the_focused_client(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "ctrl+p")
        await running.type("mute")
        await running.pilot.pause(0.3)
        await running.press("enter")
        await running.pilot.pause(0.2)
        await running.settle()
        await running.press("up", "enter")
        assert running.fake.asked("set_muted") == [(BOB, True, 0)]


async def test_unlocking_asks_again_after_a_wrong_passphrase(client: Open) -> None:
    fake = lively()

    async def give(passphrase: str) -> FakeMessenger:
        if passphrase != "right":
            raise wrong_passphrase()
        return fake

    async def register(registration: Registration) -> FakeMessenger:
        raise AssertionError

    doors = Doors(Start.UNLOCK, give, register)  # type: ignore[arg-type]
    async with client(fake, doors=doors) as running:
        await running.type("wrong")
        await running.press("enter")
        assert "This passphrase does not open the profile" in running.text()
        assert "wrong" not in running.text()
        await running.type("right")
        await running.press("enter")
        assert isinstance(running.app.screen, MainScreen)
        assert ("connect",) in fake.calls
    assert fake.closed


async def test_escape_does_not_pass_the_lock(client: Open) -> None:
    async with client(lively(), start=Start.UNLOCK) as running:
        await running.press("escape", "escape")
        assert isinstance(running.app.screen, UnlockScreen)


async def fill(running: object, **values: str) -> None:
    from textual.widgets import Input

    for name, value in values.items():
        running.app.screen.query_one(f"#{name}", Input).value = value  # type: ignore[attr-defined]


async def test_the_first_run_registers_with_what_was_typed(client: Open) -> None:
    seen: list[Registration] = []
    fake = lively()

    async def register(registration: Registration) -> FakeMessenger:
        seen.append(registration)
        if registration.handle == "taken":
            raise ClientError(Code.HANDLE_TAKEN, "another account has this handle")
        return fake

    async def give(passphrase: str) -> FakeMessenger:
        raise AssertionError

    doors = Doors(Start.REGISTER, give, register, suggested_relay="wss://relay.example")  # type: ignore[arg-type]
    async with client(fake, (100, 40), doors=doors) as running:
        screen = running.app.screen
        assert isinstance(screen, FirstRunScreen)
        await fill(running, handle="No Such", passphrase="long enough", again="long enough")
        await running.pilot.click("#register")
        await running.settle()
        assert "Handle: a handle has 3 to 32 characters" in running.text()
        await fill(running, handle="taken", again="different")
        await running.pilot.click("#register")
        await running.settle()
        assert "not the same" in running.text()
        await fill(running, again="long enough")
        await running.pilot.click("#register")
        await running.settle()
        assert "Another account has this handle." in running.text()
        await fill(running, handle="alice")
        await running.pilot.click("#register")
        await running.settle()
        assert seen[-1] == Registration("alice", "wss://relay.example", "long enough")
        assert isinstance(running.app.screen, MainScreen)


@pytest.mark.parametrize("size", [(100, 30), (80, 24), (60, 24)])
async def test_the_first_run_shows_every_way_and_what_is_wrong_in_a_small_terminal(
    client: Open, size: tuple[int, int]
) -> None:
    async with client(lively(), size, start=Start.REGISTER) as running:
        for part in ("Your handle", "Restore from a backup", "tab moves on"):
            assert part in running.text()
        assert "who has my files has my chats" in running.text()
        await fill(running, handle="No Such")
        running.app.screen.query_one("#again").focus()
        await running.press("enter")
        assert "Handle: a handle has" in running.text()


async def test_no_passphrase_is_an_explicit_choice(client: Open) -> None:
    seen: list[Registration] = []
    fake = lively()

    async def register(registration: Registration) -> FakeMessenger:
        seen.append(registration)
        return fake

    doors = Doors(Start.REGISTER, register, register, suggested_relay="wss://relay.example")  # type: ignore[arg-type]
    async with client(fake, (100, 40), doors=doors) as running:
        await fill(running, handle="alice")
        await running.pilot.click("#register")
        await running.settle()
        assert seen == []
        await running.pilot.click("#bare")
        await running.pilot.click("#register")
        await running.settle()
        assert [one.passphrase for one in seen] == [None]


async def test_the_first_run_needs_no_mouse(client: Open) -> None:
    seen: list[Registration] = []
    fake = lively()

    async def register(registration: Registration) -> FakeMessenger:
        seen.append(registration)
        return fake

    doors = Doors(Start.REGISTER, register, register, suggested_relay="wss://relay.example")  # type: ignore[arg-type]
    async with client(fake, (100, 40), doors=doors) as running:
        await running.type("alice")
        await running.press("enter", "enter", "enter")
        await running.type("long enough")
        await running.press("enter")
        await running.type("long enough")
        assert seen == []
        await running.press("enter")
        assert seen == [Registration("alice", "wss://relay.example", "long enough")]
        assert isinstance(running.app.screen, MainScreen)


def test_a_registration_never_prints_its_secrets() -> None:
    shown = repr(Registration("alice", "wss://r", "hunter22hunter", "code-secret"))
    assert "hunter22" not in shown
    assert "code-secret" not in shown


async def test_what_is_chosen_stands_out_without_colours(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with client(lively()) as running:
        await running.press("alt+a", "alt+t")
        options = running.app.screen.query_one(OptionList)
        chosen = options.get_component_styles("option-list--option-highlighted")
        behind = running.app.screen.query_one(".dialog").styles.background
        assert abs(chosen.background.brightness - behind.brightness) > 0.5
        assert abs(chosen.background.brightness - chosen.color.brightness) > 0.5
