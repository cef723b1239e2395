"""Whoever types on behind an enter, without a look at the screen, types into the fields that come next."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.widgets import Button, Input

from letterlock_client.config import Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.ui.doors import Doors, Registration, Start
from letterlock_client.ui.screens.backup.password import PasswordScreen
from letterlock_client.ui.screens.backup.work import WorkScreen
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.new_chat import NewChatScreen
from letterlock_client.ui.screens.requests import RequestsScreen
from letterlock_client.ui.screens.restore.passphrase import NewPassphraseScreen
from letterlock_client.ui.screens.restore.password import RestorePasswordScreen
from letterlock_client.ui.widgets.tick_box import TickBox
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_backups import FLEET_FILE, PASSPHRASE
from tests.client.ui.fake_messenger import FakeMessenger, chat_id, lively
from tests.client.ui.test_backup_screens import backed_up, choose, locked, press_button, words
from tests.client.ui.test_restore_screens import SECRET, Restoring, give
from tests.client.ui.test_typed_ahead import burst

PASSWORD = "a long enough password"


def values(running: Running) -> list[str]:
    return [field.value for field in running.app.screen.query(Input)]


async def take_for_ever(password: str) -> None:
    await asyncio.Event().wait()


async def test_both_passphrases_of_a_restored_device_stand_in_their_fields(client: Open) -> None:
    way = Restoring()
    async with way.at_password(client) as running:
        await give(running, SECRET)
        press_button(running, "Restore")
        await running.settle()
        assert isinstance(running.app.screen, NewPassphraseScreen)
        burst(running, *"long enough", "enter", *"long enough", "enter")
        await running.settle()
        (restoration,) = way.begun
        assert [each[0] for each in restoration.asked("run")] == [Unlock("long enough")]


async def test_a_new_profile_is_filled_in_with_enters_alone(client: Open) -> None:
    registered: list[Registration] = []
    gate = asyncio.Event()

    async def register(registration: Registration) -> FakeMessenger:
        registered.append(registration)
        await gate.wait()
        return lively()

    async def nobody(passphrase: str) -> FakeMessenger:
        raise AssertionError

    doors = Doors(Start.REGISTER, nobody, register, suggested_relay="ws://relay")  # type: ignore[arg-type]
    async with client(lively(), (100, 40), doors=doors) as running:
        typed = ("bob", "ws://here", "code", "long enough", "long enough")
        burst(running, *(key for text in typed for key in (*text, "enter")), "enter")
        await running.settle()
        # Coming to a field selects what was suggested in it. The last enter does not begin once more.
        assert registered == [Registration("bob", "ws://here", "long enough", "code")]
        await running.press("enter")
        assert len(registered) == 1
        gate.set()
        await running.settle()
        assert isinstance(running.app.screen, MainScreen)


@asynccontextmanager
async def registering(
    client: Open, size: tuple[int, int], refused: ClientError | None = None
) -> AsyncIterator[tuple[Running, asyncio.Event]]:
    """A relay that answers a newcomer once the event is set."""
    fake, gate = lively(), asyncio.Event()
    fake.list_in_directory("zoe", "zoe")

    async def register(registration: Registration) -> FakeMessenger:
        await gate.wait()
        if refused is not None:
            raise refused
        return fake

    doors = Doors(
        Start.REGISTER,
        register,
        register,
        suggested_handle="bob",
        suggested_relay="ws://relay",  # type: ignore[arg-type]
    )
    async with client(fake, size, doors=doors) as running:
        running.app.screen.query_one("#bare", TickBox).value = True
        await running.settle()
        running.app.screen.query_one("#register", Button).press()
        await running.settle()
        assert "registering" in words(running)
        yield running, gate


@pytest.mark.parametrize("size", [(100, 30), (60, 24)])
async def test_whoever_registers_and_types_on_begins_a_chat_with_that(
    client: Open, size: tuple[int, int]
) -> None:
    async with registering(client, size) as (running, gate):
        before = values(running)
        burst(running, "ctrl+n", *"zoe", "enter", *"hello", "enter", *"more")
        await running.settle()
        assert values(running) == before
        gate.set()
        await running.settle()
        assert isinstance(running.app.screen, MainScreen)
        assert [each[0] for each in running.fake.asked("find")] == ["zoe"]
        assert [each[1] for each in running.fake.asked("send_text")] == ["hello"]
        assert running.view.composer.text == "more"


async def test_what_is_typed_behind_a_registration_that_is_refused_changes_no_field(client: Open) -> None:
    async with registering(client, (100, 30), ClientError(Code.HANDLE_TAKEN, "bob is taken")) as (
        running,
        gate,
    ):
        before = values(running)
        running.app.screen.query_one("#handle").focus()
        burst(running, "ctrl+n", *"zoe", "enter")
        await running.settle()
        gate.set()
        await running.settle()
        assert "Bob is taken." in words(running)
        assert values(running) == before
        running.app.screen.query_one("#handle").focus()
        await running.press("end", "2")
        assert values(running)[0] == "bob2"


async def test_letters_behind_a_registration_are_no_commands_of_the_list(client: Open) -> None:
    async with registering(client, (100, 30)) as (running, gate):
        burst(running, *"jG", "enter")
        await running.settle()
        gate.set()
        await running.settle()
        assert running.pane.view is None
        await running.press("enter")
        assert running.view.id_of_chat == chat_id("bob"), "the first chat still has the cursor"


async def test_no_button_of_the_first_form_is_there_for_nothing(client: Open) -> None:
    way = Restoring()
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        buttons = {button.id: button.disabled for button in running.app.screen.query(Button)}
        assert buttons == {"register": False, "restore": False}
        assert "does not exist" not in words(running)


async def test_a_backup_password_goes_on_once_it_is_judged_and_what_follows_confirms_nothing(
    client: Open,
) -> None:
    async with client(locked(backed_up(has_password=True)), (110, 44)) as running:
        await choose(running, "Change the password")
        assert isinstance(running.app.screen, PasswordScreen)
        burst(running, *PASSWORD, "enter", *PASSWORD, "enter", *PASSPHRASE, "enter")
        await running.settle()
        assert isinstance(running.app.screen, WorkScreen)
        # It asks for the passphrase of the device, and says first what is about to be done.
        assert values(running) == [""]
        assert running.fake.backups.asked("change_password") == []


@pytest.mark.parametrize("changed", [False, True])
async def test_a_password_goes_on_once_it_is_judged_unless_it_was_changed(
    client: Open, changed: bool
) -> None:
    async with client(locked(backed_up(has_password=True)), (110, 44)) as running:
        await choose(running, "Change the password")
        screen = running.app.screen
        assert isinstance(screen, PasswordScreen)
        screen._weigh = take_for_ever  # type: ignore[method-assign]
        burst(running, *PASSWORD, "enter", *PASSWORD, "enter")
        await running.settle()
        assert "One moment" in words(running)
        if changed:
            await running.press("backspace", *PASSWORD[-1])
        screen.post_message(PasswordScreen.Judged(PASSWORD, running.fake.backups.judge(PASSWORD)))
        await running.settle()
        assert isinstance(running.app.screen, PasswordScreen) is changed


async def fill_in(running: Running) -> None:
    """All of the restore's form but for its enter."""
    press_button(running, "Restore from a backup")
    await running.settle()
    running.app.screen.query_one("#folder", Input).value = "/tmp"
    running.app.screen.query_one("#handle", Input).value = "alice"
    running.app.screen.query_one("#fleet", Input).value = str(FLEET_FILE)
    running.app.screen.query_one("#fleet").focus()


async def test_what_follows_a_form_stands_in_the_field_of_the_next_screen(client: Open) -> None:
    way = Restoring()
    gate = asyncio.Event()
    begin = way._restore

    async def slowly(request: object) -> object:
        await gate.wait()
        return await begin(request)  # type: ignore[arg-type]

    way._restore = slowly  # type: ignore[assignment, method-assign]
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        await fill_in(running)
        burst(running, "enter", *SECRET)
        await running.settle()
        # Only the curtain stands there.
        burst(running, "1", "2")
        await running.settle()
        gate.set()
        await running.settle()
        assert isinstance(running.app.screen, RestorePasswordScreen)
        assert values(running) == [f"{SECRET}12"]


async def test_leaving_does_not_wait_behind_an_enter(client: Open) -> None:
    way = Restoring()

    async def never(request: object) -> object:
        await asyncio.Event().wait()
        raise AssertionError

    way._restore = never  # type: ignore[assignment, method-assign]
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        await fill_in(running)
        burst(running, "enter", "x", "ctrl+q")
        await running.settle()
        assert running.app._exit


async def test_a_second_enter_does_not_stop_what_the_first_began(client: Open) -> None:
    async with client(locked(backed_up(has_password=True)), (110, 44)) as running:
        await choose(running, "Show the 64-digit key")
        assert isinstance(running.app.screen, WorkScreen)
        gate = running.fake.backups.gates["recovery_key"] = asyncio.Event()
        burst(running, *PASSPHRASE, "enter", "enter")
        await running.settle()
        assert running.app.screen.has_class("-busy")
        gate.set()
        await running.settle()
        assert not isinstance(running.app.screen, WorkScreen)


@pytest.mark.parametrize("keys", ["dd", "bb"])
async def test_no_letter_behind_an_enter_is_a_command_of_what_stood_below(client: Open, keys: str) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up")
        burst(running, "ctrl+k", *"carol", "enter", *keys)
        await running.settle()
        assert running.view.id_of_chat == chat_id("carol")
        assert not isinstance(running.app.screen, ChooseScreen)


async def test_what_is_pasted_behind_an_enter_stands_in_the_next_field(client: Open) -> None:
    async with client(lively(), (100, 40), start=Start.REGISTER) as running:
        running.app.screen.query_one("#passphrase").focus()
        running.app.post_message(events.Paste("long enough"))
        burst(running, "enter")
        running.app.post_message(events.Paste("long enough"))
        await running.settle()
        assert values(running)[-2:] == ["long enough", "long enough"]


async def test_what_is_typed_behind_the_name_of_a_chat_is_written_in_it(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up")
        burst(running, "ctrl+k", *"carol", "enter", *"hello", "enter", *"more")
        await running.settle()
        assert running.view.id_of_chat == chat_id("carol")
        assert [each[:2] for each in running.fake.asked("send_text")] == [(chat_id("carol"), "hello")]
        assert running.view.composer.text == "more"


async def test_a_chat_that_is_open_already_gets_what_is_typed_behind_its_name(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter", "escape", "up")
        here = running.view.conversation.contact.handle
        burst(running, "ctrl+k", *here, "enter", *"hello")
        await running.settle()
        assert running.view.composer.text == "hello"


@asynccontextmanager
async def looking_up(client: Open, who: str) -> AsyncIterator[tuple[Running, asyncio.Event]]:
    """Ask a relay that answers once the event is set; it knows zoe."""
    fake = lively()
    fake.list_in_directory("zoe", "zoe")
    gate = fake.gates["find"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("ctrl+n")
        burst(running, *who, "enter")
        await running.settle()
        yield running, gate


async def test_what_is_typed_while_somebody_is_looked_up_is_written_to_them(client: Open) -> None:
    async with looking_up(client, "zoe") as (running, gate):
        burst(running, *"hello", "enter", *"more")
        await running.settle()
        assert values(running) == ["zoe"]
        gate.set()
        await running.settle()
        assert [each[1] for each in running.fake.asked("send_text")] == ["hello"]
        assert running.view.composer.text == "more"
        assert [each[0] for each in running.fake.asked("find")] == ["zoe"]


@pytest.mark.parametrize("answer", ["enter", "a"])
async def test_what_is_typed_behind_accepting_somebody_is_written_to_them(client: Open, answer: str) -> None:
    fake = lively()
    (asks,) = await fake.requests()
    gate = fake.gates["accept"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("enter", "alt+r")
        burst(running, answer, *"hello", "enter", *"dab")
        await running.settle()
        # The relay has not heard of it yet; no letter is an answer to anybody.
        gate.set()
        await running.settle()
        assert [each[:2] for each in fake.asked("send_text")] == [(asks.id, "hello")]
        assert running.view.id_of_chat == asks.id
        assert running.view.composer.text == "dab"
        assert [fake.asked(verb) for verb in ("accept", "block", "delete_request")] == [[(asks.id,)], [], []]


@pytest.mark.parametrize("size", [(120, 36), (60, 24)])
async def test_what_is_typed_behind_the_answer_of_a_banner_is_written_below_it(
    client: Open, size: tuple[int, int]
) -> None:
    fake = lively()
    (asks,) = await fake.requests()
    async with client(fake, size) as running:
        await running.pane.open_chat(asks.id)
        await running.settle()
        running.app.screen.query(".banner--answer").first().focus()
        burst(running, "enter", *"hello", "enter", *"more")
        await running.settle()
        assert fake.asked("accept") == [(asks.id,)]
        assert [each[:2] for each in fake.asked("send_text")] == [(asks.id, "hello")]
        assert running.view.composer.text == "more"


async def test_what_was_meant_for_somebody_who_cannot_be_accepted_answers_nobody(client: Open) -> None:
    fake = lively()
    fake.failures["accept"] = ClientError(Code.OFFLINE, "not now")
    async with client(fake) as running:
        await running.press("alt+r")
        burst(running, "enter", *"bad", "enter")
        await running.settle()
        assert isinstance(running.app.screen, RequestsScreen)
        assert "Not now." in words(running)
        assert [len(fake.asked(verb)) for verb in ("accept", "block", "delete_request")] == [1, 0, 0]
        del fake.failures["accept"]
        await running.press("enter")
        assert isinstance(running.app.screen, MainScreen)
        await running.type("hello")
        assert running.view.composer.text == "hello"


async def test_what_was_meant_for_nobody_is_no_part_of_a_name(client: Open) -> None:
    async with looking_up(client, "nobody") as (running, gate):
        burst(running, *"hello", "enter")
        await running.settle()
        gate.set()
        await running.settle()
        assert values(running) == ["nobody"]
        assert "Looking" not in words(running)
        await running.press("x")
        assert values(running) == ["nobodyx"]
        assert [each[0] for each in running.fake.asked("find")] == ["nobody"]


async def test_escape_does_not_wait_for_the_relay(client: Open) -> None:
    async with looking_up(client, "zoe") as (running, _):
        burst(running, *"hello", "escape")
        await running.settle()
        assert isinstance(running.app.screen, MainScreen)
        assert running.fake.asked("send_text") == []


async def test_a_chat_that_cannot_be_opened_holds_nothing_back(client: Open) -> None:
    async with looking_up(client, "zoe") as (running, gate):
        running.fake.failures["conversation"] = ClientError(Code.UNKNOWN_CONTACT, "gone")
        burst(running, *"hello", "enter")
        gate.set()
        await running.settle()
        assert running.fake.asked("send_text") == []
        await running.press("ctrl+n")
        assert isinstance(running.app.screen, NewChatScreen)


async def test_the_right_passphrase_may_follow_a_wrong_one_at_once(client: Open) -> None:
    fake = lively()

    async def register(registration: Registration) -> FakeMessenger:
        raise AssertionError

    async def opens(passphrase: str) -> FakeMessenger:
        await asyncio.sleep(0)
        if passphrase != "right":
            raise ClientError(Code.WRONG_PASSPHRASE, "That passphrase does not open it.")
        return fake

    doors = Doors(Start.UNLOCK, opens, register)  # type: ignore[arg-type]
    async with client(fake, doors=doors) as running:
        burst(running, "x", "enter", *"right", "enter")
        await running.settle()
        assert isinstance(running.app.screen, MainScreen)
