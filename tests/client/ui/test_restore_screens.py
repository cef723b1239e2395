"""Restoring from the first screen: costs are shown before a try, nothing is written before the last step."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from textual.containers import VerticalScroll
from textual.widgets import Button, Input, OptionList, Select, TextArea

from letterlock.ids import AccountId, ConversationId, MessageId, account_text
from letterlock_client.backup_models import (
    BackupPhase,
    BackupProgress,
    Freshness,
    RealmState,
    Restored,
    RestoreRequest,
    UnfinishedRestore,
    WrongFile,
)
from letterlock_client.config import NO_PASSPHRASE, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import RestoreFinished, RestoreMoved
from letterlock_client.restore_preview import PreviewChat
from letterlock_client.ui.backup_wording import realm_line
from letterlock_client.ui.doors import Doors, Registration, Start, Tastes
from letterlock_client.ui.screens.backup.landing import ChatBackupScreen
from letterlock_client.ui.screens.backup.work import WorkScreen
from letterlock_client.ui.screens.first_run import FirstRunScreen
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.restore.passphrase import NewPassphraseScreen
from letterlock_client.ui.screens.restore.password import RestorePasswordScreen
from letterlock_client.ui.screens.restore.preview import PreviewScreen
from letterlock_client.ui.screens.restore.where import WhereScreen
from letterlock_client.ui.widgets.chat_picker import ChatPicker
from letterlock_client.ui.widgets.tick_box import TickBox
from tests.client.test_sanitize import HOSTILE
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_backups import (
    CHATS,
    FLEET_FILE,
    KEY,
    START,
    FakeRestoration,
    preview,
    realms,
    turned_off,
    turned_on,
    vault,
)
from tests.client.ui.fake_messenger import FakeMessenger, lively
from tests.client.ui.test_backup_screens import fill, press_button, words
from tests.client.ui.test_hostile_text import NASTY, check

SECRET = "correct horse"


class Restoring:
    """The doors of a device without a profile, and the restore they begin."""

    def __init__(self, prepare: Callable[[FakeRestoration], None] = lambda _: None) -> None:
        self.fake = lively()
        self.begun: list[FakeRestoration] = []
        self.opened: list[str] = []
        self.refusal: ClientError | None = None
        self._prepare = prepare

    async def _open(self, passphrase: str) -> FakeMessenger:
        self.opened.append(passphrase)
        return self.fake

    async def _register(self, registration: Registration) -> FakeMessenger:
        raise AssertionError

    async def _restore(self, request: RestoreRequest) -> FakeRestoration:
        if self.refusal is not None:
            raise self.refusal
        restoration = FakeRestoration(request)
        restoration.wrong = ClientError(Code.FAILED, "this password is wrong: 9 tries are left")
        self._prepare(restoration)
        self.begun.append(restoration)
        return restoration

    @property
    def doors(self) -> Doors:
        return Doors(
            Start.REGISTER,
            self._open,  # type: ignore[arg-type]
            self._register,  # type: ignore[arg-type]
            suggested_relay="wss://relay.example",
            restore=self._restore,
        )

    @asynccontextmanager
    async def at_password(
        self, client: Open, size: tuple[int, int] = (100, 36), *, by_key: bool = False
    ) -> AsyncIterator[Running]:
        """The client after the first form was filled in."""
        async with client(self.fake, size, doors=self.doors) as running:
            press_button(running, "Restore from a backup")
            await running.settle()
            await fill(running, handle="alice", folder="/tmp", fleet=str(FLEET_FILE))
            running.app.screen.query_one("#by_key", Select).value = by_key
            await running.settle()
            press_button(running, "Look for the backup")
            await running.settle()
            yield running


async def give(running: Running, password: str) -> None:
    running.app.screen.query_one(Input).value = password
    await running.press("enter")


async def test_a_restore_leads_from_the_first_screen_to_the_open_client(client: Open) -> None:
    way = Restoring()
    async with way.at_password(client) as running:
        (restoration,) = way.begun
        assert restoration.request.handle == "alice"
        assert restoration.request.provider == "folder:/tmp"
        assert "10 tries left over all realms" in words(running)
        assert restoration.asked("open") == []
        await give(running, "wrong")
        assert "This password is wrong: 9 tries are left" in words(running)
        assert len(restoration.asked("vault")) == 2
        await give(running, SECRET)
        assert isinstance(running.app.screen, PreviewScreen)
        for fact in (
            "yesterday 14:10",
            "backup 12",
            "1 042 messages",
            "confirmed by the vault",
            "800 messages",
        ):
            assert fact in words(running), fact
        await running.press("down", "space")
        assert "[ ] carol" in running.text()
        running.app.screen.query_one("#later", TickBox).toggle()
        press_button(running, "Restore")
        await running.settle()
        assert isinstance(running.app.screen, NewPassphraseScreen)
        await fill(running, passphrase="long enough", again="long enough")
        restoration.gates["run"] = asyncio.Event()
        press_button(running, "Restore now")
        await running.settle()
        restoration.moved(BackupProgress(BackupPhase.MESSAGES, 170, 400, 0, 0, 0.0, 9.0))
        await running.settle()
        for shown in ("messages", "170 of 400", "42 %", "9 s left"):
            assert shown in words(running), shown
        restoration.gates["run"].set()
        await running.settle()
        assert "Your chats are back" in words(running)
        ((unlock, chats),) = restoration.asked("run")
        assert unlock == Unlock("long enough")
        assert restoration.files_later
        assert chats == tuple(account_text(AccountId(chat.id)) for chat in (CHATS[0], CHATS[2]))
        await running.press("enter")
        assert isinstance(running.app.screen, MainScreen)
        assert restoration.closed
        assert way.opened == ["long enough"]


async def test_what_was_typed_on_the_first_screen_stands_in_the_form_of_the_restore(client: Open) -> None:
    way = Restoring()
    async with client(way.fake, doors=way.doors) as running:
        await fill(running, handle="carol", relay="wss://elsewhere.example")
        press_button(running, "Restore from a backup")
        await running.settle()
        assert isinstance(running.app.screen, WhereScreen)
        typed = [running.app.screen.query_one(f"#{each}", Input).value for each in ("handle", "relay")]
        assert typed == ["carol", "wss://elsewhere.example"]


async def test_nothing_is_sent_while_the_vault_asks_to_wait(client: Open) -> None:
    def waiting(restoration: FakeRestoration) -> None:
        waits = realms(state=RealmState.WAIT, wait_seconds=300)
        restoration.view = vault(attempts_left=3, wait_seconds=300, with_locator=False, realms=waits)

    way = Restoring(waiting)
    async with way.at_password(client) as running:
        assert "3 tries left over all realms by handle alone; the recovery sheet allows more" in words(
            running
        )
        assert "possible in 5 min; waiting costs nothing" in words(running)
        await give(running, SECRET)
        assert "nothing was sent, and nothing spent" in words(running)
        press_button(running, "Try it")
        await running.settle()
        assert way.begun[0].asked("open") == []
        way.begun[0].view = vault(attempts_left=3)
        press_button(running, "Ask the realms again")
        await running.settle()
        await running.press("enter")
        assert way.begun[0].asked("open") == [(SECRET,)]


async def test_a_realm_that_asked_to_wait_is_ready_again_once_the_time_is_over(client: Open) -> None:
    def waiting(restoration: FakeRestoration) -> None:
        waits = realms(state=RealmState.WAIT, wait_seconds=60)
        restoration.view = vault(attempts_left=3, wait_seconds=60, realms=waits)

    way = Restoring(waiting)
    async with way.at_password(client) as running:
        assert "asks you to wait 60 s" in words(running)
        await give(running, SECRET)
        assert "nothing was sent, and nothing spent" in words(running)
        screen = running.app.screen
        assert isinstance(screen, RestorePasswordScreen)
        screen._read_at -= 30
        screen._tick()
        await running.settle()
        assert "asks you to wait 30 s" in words(running)
        screen._read_at -= 31
        screen._tick()
        await running.settle()
        assert "asks you to wait" not in words(running)
        assert "ready, 10 tries left" in words(running)
        assert "nothing was sent" not in words(running)


async def test_what_is_typed_while_the_realms_are_asked_is_not_lost(client: Open) -> None:
    answer = asyncio.Event()

    def slow(restoration: FakeRestoration) -> None:
        restoration.gates["vault"] = answer

    way = Restoring(slow)
    async with way.at_password(client) as running:
        assert "Asking the realms" in words(running)
        await running.press(*"secret", "enter")
        assert way.begun[0].asked("open") == []
        answer.set()
        await running.settle()
        await running.press("enter")
        assert way.begun[0].asked("open") == [("secret",)]


def test_each_answer_of_a_realm_is_its_own_sentence() -> None:
    lines = [realm_line(realms(state=state, wait_seconds=60)[0], START) for state in RealmState]
    assert len(set(lines)) == len(RealmState)
    for part in (
        "10 tries left",
        "knows no backup of this account",
        "destroyed its record",
        "use the recovery sheet",
        "asks you to wait",
        "cannot be reached",
        "do not trust it",
        "its key is another one",
        "a change that was not finished",
    ):
        assert any(part in line for line in lines), part


def test_a_record_that_its_owner_deleted_was_not_destroyed_by_tries() -> None:
    realm = replace(realms(state=RealmState.DESTROYED)[0], reason="deleted by its owner")
    assert realm_line(realm, START).endswith(": destroyed its record (deleted by its owner)")


async def test_what_going_back_costs_while_a_password_is_checked_is_said(client: Open) -> None:
    answer = asyncio.Event()
    way = Restoring(lambda restoration: restoration.gates.update(open=answer))
    async with way.at_password(client) as running:
        assert "enter tries it · escape goes back" in words(running)
        await give(running, "wrong")
        assert "escape goes back without the answer; the try may be spent" in words(running)
        answer.set()
        await running.settle()
        assert "enter tries it · escape goes back" in words(running)


async def test_what_going_back_does_while_the_digits_are_looked_up_is_said(client: Open) -> None:
    answer = asyncio.Event()
    way = Restoring(lambda restoration: restoration.gates.update(open=answer))
    async with way.at_password(client, by_key=True) as running:
        running.app.screen.query_one(TextArea).text = KEY
        await running.settle()
        press_button(running, "Open the backup")
        await running.settle()
        assert "escape stops looking and goes back" in words(running)
        answer.set()
        await running.settle()
        assert "tab, then enter goes on · escape goes back" in words(running)


async def test_no_password_is_asked_where_no_try_is_left(client: Open) -> None:
    def closed(restoration: FakeRestoration) -> None:
        restoration.view = vault(attempts_left=0, realms=realms(state=RealmState.DESTROYED))

    async with Restoring(closed).at_password(client) as running:
        assert words(running).count("destroyed its record") == 3
        assert "No tries are left" in words(running)
        assert running.app.screen.query_one(Input).disabled


@pytest.mark.parametrize(("start", "passphrase"), [(Start.UNLOCK, "of this device"), (Start.OPEN, None)])
async def test_a_restore_that_a_crash_cut_short_goes_on_at_the_next_start(
    client: Open, start: Start, passphrase: str | None
) -> None:
    way = Restoring()
    unfinished = [ClientError(Code.NO_PROFILE, "this profile has no account yet")]

    async def open_now(given: str) -> FakeMessenger:
        if unfinished:
            raise unfinished.pop()
        return await way._open(given)

    doors = replace(way.doors, start=start, open=open_now)  # type: ignore[arg-type]
    async with client(way.fake, (100, 40), doors=doors) as running:
        if start is Start.UNLOCK:
            await give(running, "of this device")
        assert "a restore or a registration was not finished" in words(running)
        press_button(running, "Restore from a backup")
        await running.settle()
        await fill(running, handle="alice", folder="/tmp", fleet=str(FLEET_FILE))
        press_button(running, "Look for the backup")
        await running.settle()
        await give(running, SECRET)
        press_button(running, "Restore")
        await running.settle()
        if start is Start.UNLOCK:
            await give(running, "of this device")
        assert [unlock for unlock, _ in way.begun[0].asked("run")] == [Unlock(passphrase)]
        await running.press("enter")
        assert isinstance(running.app.screen, MainScreen)


UNFINISHED = UnfinishedRestore(
    RestoreRequest(
        "alice",
        "wss://relay.of.alice",
        "folder:/tmp",
        fleet=FLEET_FILE,
        locator="k3v9-2m7q-xx4t-9d1p",
        chats=(account_text(AccountId(CHATS[1].id)),),
        media_later=True,
    ),
    by_key=True,
    started=START,
)


def coming_back(way: Restoring, found: UnfinishedRestore | ClientError | None) -> tuple[Doors, list[str]]:
    """The doors of a locked profile whose restore was cut short, and the passphrases that were tried on the note."""
    tried: list[str] = []

    async def open_once(given: str) -> FakeMessenger:
        if not way.begun:
            raise ClientError(Code.NO_PROFILE, "this profile has no account yet")
        return await way._open(given)

    async def unfinished(passphrase: str) -> UnfinishedRestore | None:
        tried.append(passphrase)
        if isinstance(found, ClientError):
            raise found
        return found

    return replace(way.doors, start=Start.UNLOCK, open=open_once, unfinished=unfinished), tried  # type: ignore[arg-type]


async def test_whoever_comes_back_finds_the_form_filled_in_and_goes_on(client: Open) -> None:
    way = Restoring(lambda restoration: setattr(restoration, "secret", KEY))
    doors, tried = coming_back(way, UNFINISHED)
    async with client(way.fake, (100, 40), doors=doors) as running:
        await give(running, "of this device")
        assert tried == ["of this device"]
        assert "Go on with the restore of @alice" in words(running)
        await running.press("enter")
        screen = running.app.screen
        assert isinstance(screen, WhereScreen)
        shown = {
            name: screen.query_one(f"#{name}", Input).value for name in ("handle", "relay", "folder", "fleet")
        }
        assert shown == {
            "handle": "alice",
            "relay": "wss://relay.of.alice",
            "folder": "/tmp",
            "fleet": str(FLEET_FILE),
        }
        assert screen.query_one("#by_key", Select).value is True
        press_button(running, "Look for the backup")
        await running.settle()
        (restoration,) = way.begun
        assert restoration.request == replace(UNFINISHED.request, accept_stale=True)
        field = running.app.screen.query_one(TextArea)
        assert field.text == ""
        field.load_text(KEY)
        await running.settle()
        press_button(running, "Open the backup")
        await running.settle()
        assert "[x] carol" in running.text()
        assert "[ ] bob" in running.text()
        press_button(running, "Restore")
        await running.settle()
        await give(running, "of this device")
        ((unlock, chats),) = restoration.asked("run")
        assert (unlock, chats) == (Unlock("of this device"), UNFINISHED.request.chats)
        assert restoration.files_later


@pytest.mark.parametrize("problem", ["what was noted cannot be read", NASTY])
async def test_a_note_that_cannot_be_read_is_said_and_leaves_the_form_empty(
    client: Open, problem: str
) -> None:
    way = Restoring()
    doors, _ = coming_back(way, ClientError(Code.STORAGE_DAMAGED, problem))
    async with client(way.fake, (100, 40), doors=doors) as running:
        await give(running, "of this device")
        assert "Nothing is lost by that" in words(running)
        assert "Go on with the restore" not in words(running)
        check(running)
        press_button(running, "Restore from a backup")
        await running.settle()
        screen = running.app.screen
        assert [
            screen.query_one(f"#{name}", Input).value for name in ("handle", "folder", "fleet", "sheet")
        ] == [""] * 4


async def test_a_hostile_note_is_shown_as_text(client: Open) -> None:
    way = Restoring()
    hostile = replace(UNFINISHED, request=replace(UNFINISHED.request, handle=NASTY))
    doors, _ = coming_back(way, hostile)
    async with client(way.fake, (100, 40), doors=doors) as running:
        await give(running, "of this device")
        assert "Go on with the restore" in words(running)
        check(running)


async def test_a_profile_without_a_restore_offers_none_to_go_on_with(client: Open) -> None:
    way = Restoring()
    doors, _ = coming_back(way, None)
    async with client(way.fake, (100, 40), doors=doors) as running:
        await give(running, "of this device")
        assert "a restore or a registration was not finished" in words(running)
        assert "Go on with the restore" not in words(running)


async def test_a_restore_that_is_not_complete_leads_to_the_chats_at_once(client: Open) -> None:
    way = Restoring(lambda restoration: setattr(restoration, "complete", False))
    way.fake.backups.now = turned_on(restoring=True)
    async with way.at_password(client) as running:
        await give(running, SECRET)
        press_button(running, "Restore")
        await running.settle()
        running.app.screen.query_one("#bare", TickBox).value = True
        await running.settle()
        press_button(running, "Restore now")
        await running.settle()
        assert way.begun[0].early
        assert isinstance(running.app.screen, MainScreen)
        assert "Your newest messages are back" in running.text()
        backups = running.fake.backups
        assert ("go_on_restoring",) in backups.calls
        running.fake.tell(RestoreMoved(BackupProgress(BackupPhase.MESSAGES, 60, 240, 0, 0, 0.0, 0.0)))
        await running.settle()
        assert "restoring messages 25 %" in running.text()
        backups.now = turned_on()
        running.fake.tell(RestoreFinished(Restored(1_042, 3, 31, 12, Freshness.VERIFIED, 2)))
        await running.settle()
        told = [one.message for one in running.app._notifications]
        assert "The restore is complete: 1 042 messages in 3 chats and 31 files." in told
        assert "backup 2 h ago" in running.text()


async def test_a_restore_that_goes_on_is_stopped_and_taken_up_from_the_backup_s_screen(client: Open) -> None:
    fake = lively()
    fake.backups.now = turned_on(restoring=True)
    async with client(fake) as running:
        await running.press("f3")
        assert "Stop restoring for now" in words(running)
        fake.tell(RestoreMoved(BackupProgress(BackupPhase.MEDIA, 3, 12, 0, 0, 0.0, 0.0)))
        await running.settle()
        assert "3 of 12" in words(running)
        press_button(running, "Stop restoring for now")
        await running.settle()
        assert len(fake.backups.asked("stop_restoring")) == 1
        assert "Stopped; it goes on at the next start" in words(running)
        before = len(fake.backups.asked("go_on_restoring"))
        press_button(running, "Go on restoring")
        await running.settle()
        assert len(fake.backups.asked("go_on_restoring")) == before + 1
        fake.tell(RestoreFinished(None, f"the folder is away {NASTY}"))
        await running.settle()
        assert "The folder is away" in words(running)
        check(running)


async def test_what_keeps_the_rest_of_a_restore_waiting_is_said_in_whole_sentences(client: Open) -> None:
    fake = lively()
    fake.backups.now = turned_on(restoring=True)
    async with client(fake) as running:
        fake.tell(RestoreFinished(None, "it is gone. Wait."))
        await running.settle()
        assert "waits: it is gone. Wait. Chat" in words(running)


@pytest.mark.parametrize("lost", [17, 0])
async def test_what_is_damaged_of_the_rest_is_said_and_the_rest_goes_on_without_it(
    client: Open, lost: int
) -> None:
    fake = lively()
    fake.backups.lost = lost
    damage = "Part 3 of /segment/1 is damaged."
    fake.backups.now = turned_on(restoring=True, restore_damage=damage)
    async with client(fake) as running:
        fake.tell(RestoreFinished(None, "part 3 of /segment/1 is damaged", damaged=True))
        await running.settle()
        assert "(f3) offers what is whole." in words(running)
        await running.press("f3")
        assert damage in words(running)
        press_button(running, "Look for what is whole")
        await running.settle()
        assert "Part of this backup is damaged" in words(running)
        check(running)
        press_button(running, "Look for what is whole")
        await running.settle()
        assert len(fake.backups.asked("what_is_whole")) == 1
        # Where older backups hold all of it there is nothing to ask.
        assert len(fake.backups.asked("leave_out_damaged")) == (not lost)
        if lost:
            assert "17 changes" in words(running)
            check(running)
            press_button(running, "Go on without it")
            await running.settle()
        assert len(fake.backups.asked("leave_out_damaged")) == 1
        assert isinstance(running.app.screen, ChatBackupScreen)
        assert "Stop restoring for now" in words(running)
        assert not running.app.screen.query_one(".landing--whole").display


async def test_restoring_again_proposes_what_was_asked_for(client: Open) -> None:
    fake = lively()
    fake.backups.now = turned_on(restoring=True)
    fake.backups.begun = UNFINISHED
    async with client(fake) as running:
        await running.press("f3")
        press_button(running, "Stop restoring for now")
        await running.settle()
        press_button(running, "Restore again")
        await running.settle()
        assert running.app.screen.query_one("#folder", Input).value == "/tmp"
        assert running.app.screen.query_one("#by_key", Select).value is True


async def test_an_enter_on_the_list_of_chats_goes_on_and_leaves_none_out(client: Open) -> None:
    way = Restoring()
    async with way.at_password(client) as running:
        await give(running, SECRET)
        await running.press("down", "enter")
        assert running.app.screen.query_one(ChatPicker).has_all
        await running.press("enter")
        assert isinstance(running.app.screen, NewPassphraseScreen)


async def test_that_no_chat_is_chosen_is_said_until_one_is(client: Open) -> None:
    async with Restoring(
        lambda restoration: setattr(restoration, "found", preview(chats=CHATS[:1]))
    ).at_password(client) as running:
        await give(running, SECRET)
        await running.press("space")
        press_button(running, "Restore")
        await running.settle()
        assert "Choose at least one chat." in words(running)
        await running.press("space")
        assert "Choose at least one chat." not in words(running)


async def test_an_older_backup_needs_a_word(client: Open) -> None:
    def stale(restoration: FakeRestoration) -> None:
        restoration.found = preview(freshness=Freshness.STALE)

    async with Restoring(stale).at_password(client) as running:
        await give(running, SECRET)
        assert "The vault knows of a newer backup" in words(running)
        press_button(running, "Restore")
        await running.settle()
        assert isinstance(running.app.screen, PreviewScreen)
        await running.pilot.click("#stale")
        press_button(running, "Restore")
        await running.settle()
        assert isinstance(running.app.screen, NewPassphraseScreen)


@pytest.mark.parametrize(
    ("older", "said"), [(0, ""), (1, "1 older chat, not in"), (812, "812 older chats, not in")]
)
async def test_chats_too_old_for_the_list_are_told_of(client: Open, older: int, said: str) -> None:
    def found(restoration: FakeRestoration) -> None:
        restoration.found = preview(conversations=len(CHATS) + older)

    async with Restoring(found).at_password(client) as running:
        await give(running, SECRET)
        assert said in words(running)
        assert ("older chat" in words(running)) is bool(older)


async def test_the_digits_are_checked_as_they_come(client: Open) -> None:
    way = Restoring(lambda restoration: setattr(restoration, "secret", KEY))
    async with way.at_password(client, by_key=True) as running:
        field = running.app.screen.query_one(TextArea)
        field.load_text("0123 4567 89ab cdef 0123 4x67")
        await running.settle()
        assert "24 of 64 digits" in words(running)
        assert "row 3, place 6" in words(running)
        assert running.app.screen.query_one(".dialog--go", Button).disabled
        field.load_text(KEY)
        await running.settle()
        press_button(running, "Open the backup")
        await running.settle()
        assert isinstance(running.app.screen, PreviewScreen)
        assert way.begun[0].asked("vault") == []


async def test_what_was_said_of_wrong_digits_does_not_stand_beside_others(client: Open) -> None:
    way = Restoring(lambda restoration: setattr(restoration, "secret", KEY))
    async with way.at_password(client, by_key=True) as running:
        way.begun[0].failures["open"] = ClientError(Code.NOTHING_FOUND, "there is no backup for this key")
        field = running.app.screen.query_one(TextArea)
        field.load_text(KEY)
        await running.settle()
        press_button(running, "Open the backup")
        await running.settle()
        assert "There is no backup for this key." in words(running)
        field.load_text(KEY[:-1])
        await running.settle()
        assert "There is no backup for this key." not in words(running)


async def test_a_low_terminal_shows_what_is_asked_and_how_to_answer(client: Open) -> None:
    way = Restoring()
    async with client(way.fake, (60, 24), doors=way.doors) as running:
        press_button(running, "Restore from a backup")
        await running.settle()
        for shown in ("Your handle", "Look for the backup", "escape goes back"):
            assert shown in running.text()
    async with way.at_password(client, (60, 24), by_key=True) as running:
        running.app.screen.query_one(TextArea).load_text("0123 4567 89ab cdef 0123 4x67")
        await running.settle()
        for shown in (
            "Your 64-digit key",
            "0123 4567",
            "row 3, place 6",
            "Open the backup",
            "escape goes back",
        ):
            assert shown in running.text()

    async with way.at_password(client, (60, 24)) as running:
        await give(running, "wrong")
        for shown in ("north", "tries left", "This password is wrong", "Try it", "escape goes back"):
            assert shown in running.text(), shown


async def fail_bare(running: Running, way: Restoring, error: ClientError) -> None:
    """Restore without a passphrase, and have it fail."""
    press_button(running, "Restore")
    await running.settle()
    running.app.screen.query_one("#bare").value = True  # type: ignore[attr-defined]
    way.begun[0].failures["run"] = error
    press_button(running, "Restore now")
    await running.settle()


async def test_a_restore_that_failed_goes_on_where_it_stopped(client: Open) -> None:
    way = Restoring()
    async with way.at_password(client) as running:
        await give(running, SECRET)
        await fail_bare(running, way, ClientError(Code.OFFLINE, "the folder cannot be reached"))
        assert isinstance(running.app.screen, WorkScreen)
        assert "The folder cannot be reached" in words(running)
        way.begun[0].failures.clear()
        await running.press("enter")
        assert "Your chats are back" in words(running)
        assert [unlock for unlock, _ in way.begun[0].asked("run")] == [NO_PASSPHRASE, NO_PASSPHRASE]


async def test_of_a_damaged_backup_the_rest_is_offered(client: Open) -> None:
    way = Restoring()
    async with way.at_password(client) as running:
        await give(running, SECRET)
        await fail_bare(running, way, ClientError(Code.BACKUP_DAMAGED, "part 1 of it is damaged"))
        assert "Part of this backup is damaged" in words(running)
        assert "Part 1 of it is damaged." in words(running)
        assert not way.begun[0].asked("what is whole")
        way.begun[0].failures.clear()
        press_button(running, "Look for what is whole")
        await running.settle()
        assert isinstance(running.app.screen, PreviewScreen)
        assert "17 changes at most" in words(running)
        photo = WrongFile(MessageId(bytes(16)), "photo.jpg", Code.BACKUP_MISSING.value)
        way.begun[0].restored = replace(way.begun[0].restored, lost=17, media_wrong=1, wrong=(photo,))
        # The profile is there since the first try, and asks for no other passphrase.
        press_button(running, "Restore")
        await running.settle()
        assert "Your chats are back" in words(running)
        assert "17 changes at most" in words(running)
        assert "not back: 1 file: photo.jpg." in words(running)
        assert [unlock for unlock, _ in way.begun[0].asked("run")] == [NO_PASSPHRASE, NO_PASSPHRASE]


async def test_of_a_backup_with_nothing_whole_no_restore_is_offered(client: Open) -> None:
    way = Restoring()
    async with way.at_password(client) as running:
        await give(running, SECRET)
        await fail_bare(running, way, ClientError(Code.BACKUP_DAMAGED, "part 1 of it is damaged"))
        way.begun[0].nothing_whole = True
        press_button(running, "Look for what is whole")
        await running.settle()
        assert "Nothing can be brought back" in words(running)
        assert [str(button.label) for button in running.app.screen.query(Button)] == ["Look elsewhere"]
        check(running)
        await running.press("enter")
        # What was given stands there still, to be changed.
        assert isinstance(running.app.screen, WhereScreen)
        assert "alice" in [field.value for field in running.app.screen.query(Input)]
        assert len(way.begun[0].asked("run")) == 1


async def test_a_restore_whose_rest_is_all_damaged_is_ended_or_left(client: Open) -> None:
    fake = lively()
    fake.backups.nothing_whole = True
    fake.backups.now = turned_on(restoring=True, restore_damage="Part 3 of it is damaged.")
    async with client(fake) as running:
        await running.press("f3")
        for _ in range(2):
            press_button(running, "Look for what is whole")
            await running.settle()
        assert "Nothing more can be brought back" in words(running)
        assert "The rest can come without it" not in words(running)
        check(running)
        await running.press("escape")
        assert not fake.backups.asked("leave_out_damaged")
        for _ in range(2):
            press_button(running, "Look for what is whole")
            await running.settle()
        press_button(running, "End the restore")
        await running.settle()
        assert len(fake.backups.asked("leave_out_damaged")) == 1


async def test_what_is_whole_is_not_offered_again_where_it_was_not_enough(client: Open) -> None:
    way = Restoring()
    async with way.at_password(client) as running:
        await give(running, SECRET)
        for last in (False, True):
            way.begun[0].failures["run"] = ClientError(Code.BACKUP_DAMAGED, "this does not say whose it is")
            press_button(running, "Restore")
            await running.settle()
            if not last:
                # How the profile is locked is asked once.
                running.app.screen.query_one("#bare").value = True  # type: ignore[attr-defined]
                press_button(running, "Restore now")
                await running.settle()
            assert "This does not say whose it is." in words(running)
            assert ("Look for what is whole" in words(running)) is not last
            if not last:
                press_button(running, "Look for what is whole")
                await running.settle()
        assert "This did not work" in words(running)
        await running.press("enter")
        assert isinstance(running.app.screen, WhereScreen)


async def test_going_back_leads_to_the_first_screen_and_closes_what_was_begun(client: Open) -> None:
    way = Restoring()
    async with way.at_password(client) as running:
        await running.press("escape")
        assert isinstance(running.app.screen, WhereScreen)
        assert way.begun[0].closed
        assert running.app.screen.query_one("#handle", Input).value == "alice"
        await running.press("escape")
        assert isinstance(running.app.screen, FirstRunScreen)


async def test_what_cannot_begin_is_told_and_keeps_what_was_typed(client: Open) -> None:
    way = Restoring()
    way.refusal = ClientError(Code.OFFLINE, "the relay cannot be reached")
    async with way.at_password(client) as running:
        assert "The relay cannot be reached" in words(running)
        await running.press("enter")
        assert running.app.screen.query_one("#handle", Input).value == "alice"


async def test_realms_that_cannot_be_asked_are_not_said_to_be_asked(client: Open) -> None:
    def without_vault(restoration: FakeRestoration) -> None:
        restoration.failures["vault"] = ClientError(Code.NO_VAULT, "there is no vault: name its fleet file")

    async with Restoring(without_vault).at_password(client) as running:
        assert "There is no vault: name its fleet file" in words(running)
        assert "Asking the realms" not in words(running)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("threshold = [", "This is no fleet file: one is written in TOML, and line 1 is not"),
        ("threshold = 2", "This is no fleet file: one holds a threshold and realms"),
        (
            FLEET_FILE.read_text().replace('key = "', 'key = "0', 1),
            "of its realm number 1, a realm's public key",
        ),
        (FLEET_FILE.read_text().replace("threshold = 2", "threshold = 1"), "more than half of its realms"),
    ],
)
@pytest.mark.parametrize("usual", [False, True])
async def test_a_wrong_fleet_file_is_told_where_it_is_named(
    client: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, told: str, usual: bool
) -> None:
    way, file = Restoring(), tmp_path / "fleet.toml"
    file.write_text(written)
    tastes = Tastes(fleet=file if usual else None)
    monkeypatch.chdir(tmp_path)
    async with client(way.fake, (60, 24), doors=way.doors, tastes=tastes) as running:
        press_button(running, "Restore from a backup")
        await running.settle()
        await fill(running, handle="alice", folder=str(tmp_path), fleet="" if usual else "fleet.toml")
        press_button(running, "Look for the backup")
        await running.settle()
        assert told in words(running)
        assert "ask whoever runs your vault for theirs" in words(running)
        assert running.app.screen.query_one("#fleet").has_focus
        assert "fleet.toml" in running.text()
        assert way.begun == []
        running.app.screen.query_one("#by_key", Select).value = True
        press_button(running, "Look for the backup")
        await running.settle()
        # Whoever has the 64 digits needs no vault; only a file that was named must be right.
        assert len(way.begun) == usual


async def test_a_password_without_a_vault_is_told_before_it_is_asked_for(
    client: Open, tmp_path: Path
) -> None:
    way = Restoring()
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        press_button(running, "Restore from a backup")
        await running.settle()
        await fill(running, handle="alice", folder=str(tmp_path))
        press_button(running, "Look for the backup")
        await running.settle()
        assert "name it, or take the 64-digit key" in words(running)
        assert way.begun == []


async def test_a_folder_that_is_not_there_is_told_at_once(client: Open, tmp_path: Path) -> None:
    way = Restoring()
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        press_button(running, "Restore from a backup")
        await running.settle()
        await fill(running, handle="alice", folder=str(tmp_path / "nowhere"))
        press_button(running, "Look for the backup")
        await running.settle()
        assert "there is no such folder" in words(running)
        assert way.begun == []


@pytest.mark.parametrize("size", [(100, 30), (60, 24)])
async def test_hostile_realms_and_chats_are_shown_as_text(client: Open, size: tuple[int, int]) -> None:
    def hostile(restoration: FakeRestoration) -> None:
        views = realms(name=NASTY, url=NASTY, reason=NASTY)
        restoration.view = vault(fleet_hash=NASTY, realms=views)
        restoration.wrong = ClientError(Code.FAILED, NASTY)
        chats = tuple(type(CHATS[0])(CHATS[0].id, text, 1, 1, CHATS[0].last_at) for text in HOSTILE)
        restoration.found = preview(handle=NASTY, chats=chats)

    async with Restoring(hostile).at_password(client, size) as running:
        assert isinstance(running.app.screen, RestorePasswordScreen)
        check(running)
        await give(running, "wrong")
        check(running)
        await give(running, SECRET)
        running.app.screen.query_one(OptionList).action_last()
        await running.settle()
        check(running)
        assert running.app.is_running


async def test_an_unfinished_restore_goes_on_from_the_open_client(client: Open) -> None:
    way = Restoring()
    way.fake.profile = replace(way.fake.profile, has_passphrase=True)
    way.fake.backups.now = turned_off(restoring=True)
    doors = replace(way.doors, start=Start.OPEN)
    async with client(way.fake, (100, 36), doors=doors) as running:
        await running.press("f3")
        press_button(running, "Stop restoring for now")
        await running.settle()
        press_button(running, "Restore again")
        await running.settle()
        assert running.app.screen.query_one("#handle", Input).value == "alice"
        await fill(running, folder="/tmp", fleet=str(FLEET_FILE))
        press_button(running, "Look for the backup")
        await running.settle()
        await give(running, SECRET)
        assert not way.fake.closed
        press_button(running, "Restore")
        await running.settle()
        await give(running, "of this device")
        assert "Your chats are back" in words(running)
        assert [unlock for unlock, _ in way.begun[0].asked("run")] == [Unlock("of this device")]
        assert way.fake.closed
        await running.press("enter")
        assert isinstance(running.app.screen, MainScreen)
        assert len(running.app.screen_stack) == 2


async def test_the_relay_that_was_proposed_makes_room_for_a_sheet_and_comes_back_without_one(
    client: Open,
) -> None:
    way = Restoring()
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        press_button(running, "Restore from a backup")
        await running.settle()
        relay = running.app.screen.query_one("#relay", Input)
        proposed = relay.value
        assert proposed
        await fill(running, sheet="/media/sheet.txt")
        assert relay.value == ""
        await fill(running, sheet="")
        assert relay.value == proposed
        await fill(running, relay="wss://elsewhere.example", sheet="/media/sheet.txt")
        assert relay.value == "wss://elsewhere.example"


async def test_what_stands_on_the_sheet_need_not_be_typed(client: Open, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.txt"
    sheet.write_text("the sheet")
    way = Restoring()
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        press_button(running, "Restore from a backup")
        await running.settle()
        await fill(running, sheet=str(sheet))
        running.app.screen.query_one("#by_key", Select).value = True
        await running.settle()
        press_button(running, "Look for the backup")
        await running.settle()
        assert way.begun[0].request == RestoreRequest("", "", "", sheet=sheet, accept_stale=True)
        assert "the digits on the sheet are used" in words(running)
        press_button(running, "Open the backup")
        await running.settle()
        assert way.begun[0].asked("open") == [("",)]


def of_many(restoration: FakeRestoration) -> None:
    """The newest 40 chats are listed, and 2 more are not."""
    listed = [
        PreviewChat(ConversationId(f"person {n:02}".encode().ljust(20, b"\0")), f"person {n:02}", 9, 0, START)
        for n in range(40)
    ]
    restoration.found = preview(chats=(*CHATS, *listed), conversations=45)
    restoration.older = ("zoe", "person")


def who(name: str) -> str:
    return account_text(AccountId(name.encode().ljust(20, b"\0")))


async def test_a_few_chats_need_no_field_to_find_them(client: Open) -> None:
    async with Restoring().at_password(client) as running:
        await give(running, SECRET)
        assert not running.app.screen.query("#filter")


@pytest.mark.parametrize("size", [(100, 30), (60, 24)])
async def test_any_chat_of_many_is_found_by_its_name(client: Open, size: tuple[int, int]) -> None:
    way = Restoring(of_many)
    async with way.at_password(client, size) as running:
        await give(running, SECRET)
        await running.press("a", "shift+tab")
        await running.type("SON 07")
        assert "person 07" in words(running)
        assert "person 08" not in words(running)
        await running.press("enter", "space")
        await running.press("shift+tab", "ctrl+u")
        await running.type("zoe")
        assert "Look for zoe among 2 older chats" in words(running)
        await running.press("enter")
        assert way.begun[0].asked("find_chat") == [("zoe",)]
        assert "[x] zoe older" in words(running)
        press_button(running, "Restore")
        await running.settle()
        running.app.screen.query_one("#bare", TickBox).value = True
        press_button(running, "Restore now")
        await running.settle()
        ((_, chats),) = way.begun[0].asked("run")
        assert chats == (who("person 07"), who("zoe"))


@pytest.mark.parametrize("size", [(60, 24), (80, 24)])
async def test_the_chat_that_is_pointed_at_stays_on_a_low_screen(client: Open, size: tuple[int, int]) -> None:
    async with Restoring(of_many).at_password(client, size) as running:
        await give(running, SECRET)
        page, picker = (running.app.screen.query_one(each) for each in (VerticalScroll, ChatPicker))
        assert page.scroll_y == 0
        for key in ("end", *["up"] * 20, "home", *["down"] * 20):
            await running.press(key)
            assert picker.highlighted is not None
            row = picker.region.y + picker.highlighted - picker.scroll_offset.y
            assert page.region.y <= row < page.region.bottom, (key, picker.highlighted)


async def test_a_chat_that_is_left_out_is_seen_on_a_low_screen(client: Open) -> None:
    def damaged(restoration: FakeRestoration) -> None:
        restoration.found = preview(lost=8)

    async with Restoring(damaged).at_password(client, (60, 24)) as running:
        await give(running, SECRET)
        assert "[x] bob" not in words(running)
        await running.press("space")
        assert "[ ] bob" in words(running)


async def test_an_older_chat_is_found_whose_name_others_hold_too(client: Open) -> None:
    way = Restoring(of_many)
    async with way.at_password(client) as running:
        await give(running, SECRET)
        await running.press("a", "shift+tab")
        await running.type("person")
        await running.press("enter", "end", "enter")
        assert way.begun[0].asked("find_chat") == [("person",)]
        assert "[x] person older" in words(running)


@pytest.mark.parametrize("then", ["enter", "x"])
async def test_a_chat_that_is_sought_no_longer_is_not_waited_for(client: Open, then: str) -> None:
    way = Restoring(of_many)
    async with way.at_password(client) as running:
        await give(running, SECRET)
        gate = way.begun[0].gates["find_chat"] = asyncio.Event()
        await running.press("shift+tab")
        await running.type("zoe")
        await running.press("enter")
        assert "Looking through the whole backup" in words(running)
        await running.press(then)
        assert ("Looking through the whole backup" in words(running)) is (then == "enter")
        gate.set()
        await running.settle()
        assert isinstance(running.app.focused, Input) is (then == "x")
        assert words(running).count("[x] zoe older") == (then == "enter")
        assert len([each for each in running.app.workers if each.group == "asking"]) == 0


async def test_a_name_that_no_chat_has_is_said(client: Open) -> None:
    way = Restoring(of_many)
    async with way.at_password(client) as running:
        await give(running, SECRET)
        await running.press("shift+tab")
        await running.type("nobody")
        await running.press("enter")
        assert "There is no chat with nobody in this backup." in words(running)
        await running.press("backspace")
        assert "There is no chat" not in words(running)


async def test_what_was_found_and_chosen_stays_so_when_a_step_is_gone_back(client: Open) -> None:
    way = Restoring(of_many)
    async with way.at_password(client) as running:
        await give(running, SECRET)
        await running.press("a", "shift+tab")
        await running.type("zoe")
        await running.press("enter")
        press_button(running, "Restore")
        await running.settle()
        await running.press("escape")
        assert isinstance(running.app.screen, PreviewScreen)
        assert running.app.screen.query_one(ChatPicker).chosen == (who("zoe"),)


async def test_all_that_are_listed_are_left_out_and_taken_in_by_one_key(client: Open) -> None:
    async with Restoring().at_password(client) as running:
        await give(running, SECRET)
        picker = running.app.screen.query_one(ChatPicker)
        await running.press("down", "space", "a")
        assert picker.chosen == ()
        await running.press("a")
        assert picker.has_all


async def test_a_backup_without_chats_is_restored_by_enter_alone(client: Open) -> None:
    way = Restoring(lambda restoration: setattr(restoration, "found", preview(chats=(), conversations=0)))
    async with way.at_password(client) as running:
        await give(running, SECRET)
        assert "None: your account and your contacts come back." in words(running)
        assert "enter goes on · escape goes back" in words(running)
        await running.press("enter")
        assert isinstance(running.app.screen, NewPassphraseScreen)
