"""Chat backup on screen: how it stands, backing up while people chat, and every change of what opens it."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.screen import Screen
from textual.widgets import Button, Input, OptionList, Select, Static

from letterlock.vault.fleet import shown_hash
from letterlock.vault.recovery_key import encode, grid
from letterlock_client.backup_models import (
    Attempt,
    BackupChoice,
    BackupPhase,
    FeatureView,
    Frequency,
    Freshness,
    LastBackup,
)
from letterlock_client.config import NO_PASSPHRASE, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import BackupFinished, ConnectionChanged, Link
from letterlock_client.fleet_file import load_fleet
from letterlock_client.left_behind import LeftBehind
from letterlock_client.ui.backup_wording import attempt_lines
from letterlock_client.ui.screens.backup.encrypted import EncryptedBackupScreen
from letterlock_client.ui.screens.backup.fleet import FleetScreen
from letterlock_client.ui.screens.backup.folder import FolderScreen
from letterlock_client.ui.screens.backup.landing import ChatBackupScreen
from letterlock_client.ui.screens.backup.notice import NoticeScreen
from letterlock_client.ui.screens.backup.password import PasswordScreen
from letterlock_client.ui.screens.backup.sheet import SheetScreen
from letterlock_client.ui.screens.backup.work import Work, WorkScreen
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.wording import PUT_OUT
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_backups import (
    DAY,
    FLEET_FILE,
    HOUR,
    KEY,
    KEY_ID,
    NEW_KEY_ID,
    PASSPHRASE,
    START,
    realms,
    turned_off,
    turned_on,
    vault,
)
from tests.client.ui.fake_messenger import FakeMessenger, lively
from tests.client.ui.test_hostile_text import NASTY, check

PASSWORD = "a long enough password"


def backed_up(**changes: object) -> FakeMessenger:
    fake = lively()
    fake.backups.now = turned_on(**changes)
    return fake


def words(running: Running) -> str:
    return " ".join(running.text().replace("│", " ").replace("\N{NO-BREAK SPACE}", " ").split())


def told(running: Running) -> str:
    """What the texts of the screen on top say, however they are broken into lines."""
    return " ".join(str(each.content) for each in running.app.screen.query(Static))


def press_button(running: Running, label: str) -> None:
    next(one for one in running.app.screen.query(Button) if str(one.label).startswith(label)).press()


async def fill(running: Running, **values: str) -> None:
    for name, value in values.items():
        running.app.screen.query_one(f"#{name}", Input).value = value
    await running.settle()


async def choose(running: Running, verb: str) -> None:
    """Open the encrypted part and choose what begins so."""
    await running.press("f3")
    running.app.screen.query_one("#encrypted", Button).press()
    await running.settle()
    await choose_here(running, verb)


async def choose_here(running: Running, verb: str) -> None:
    options = running.app.screen.query_one("#verbs", OptionList)
    options.highlighted = next(
        place for place, option in enumerate(options.options) if str(option.prompt).startswith(verb)
    )
    await running.press("enter")


async def give_passphrase(running: Running, passphrase: str = PASSPHRASE) -> None:
    assert isinstance(running.app.screen, WorkScreen)
    running.app.screen.query_one(Input).value = passphrase
    await running.press("enter")


def screen_is(running: Running, kind: type[Screen[object]]) -> None:
    assert isinstance(running.app.screen, kind), running.app.screen


async def until(running: Running, holds: Callable[[], bool]) -> None:
    for _ in range(500):
        await running.settle()
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(running.text())


def locked(fake: FakeMessenger) -> FakeMessenger:
    fake.profile = replace(fake.profile, has_passphrase=True)
    return fake


# The landing.


async def test_every_button_of_the_landing_is_whole_in_the_smallest_terminal(client: Open) -> None:
    async with client(backed_up(), (60, 24)) as running:
        await running.press("f3")
        for button in running.app.screen.query(".dialog--answers Button").results(Button):
            assert button.region.right <= button.parent.content_region.right
            button.focus()
            await running.settle()
            assert str(button.label) in words(running)


async def test_the_landing_says_how_the_last_backup_stands_and_who_could_read_it(client: Open) -> None:
    async with client(backed_up(repairs_pending=1), (110, 44)) as running:
        await running.press("f3")
        for fact in (
            "2 h ago, today 12:10",
            "confirmed by the vault",
            "1 042 messages, 31 files, 18 MB",
            "5 generations",
            "/media/disk/letterlock",
            "in 22 h",
            "1 realm of the vault not told",
            "view-once messages",
            "the folder holds only ciphertext, the vault holds shares",
            "the relay holds nothing",
        ):
            assert fact in words(running), fact


@pytest.mark.parametrize("unasked", [True, False])
async def test_a_password_that_only_the_backup_tells_of_is_shown_as_that(client: Open, unasked: bool) -> None:
    async with client(backed_up(vault_unasked=unasked), (110, 44)) as running:
        await running.press("f3")
        running.app.screen.query_one("#encrypted", Button).press()
        await running.settle()
        assert ("no realm could be asked yet" in words(running)) is unasked


@pytest.mark.parametrize("password", [False, True])
async def test_a_backup_that_nothing_opens_yet_says_so_and_what_to_do(client: Open, password: bool) -> None:
    async with client(backed_up(has_password=password, has_recovery_key=False), (110, 44)) as running:
        await running.press("f3")
        running.app.screen.query_one("#encrypted", Button).press()
        await running.settle()
        assert ("nothing yet but this terminal" in words(running)) is not password


async def test_opening_the_landing_changes_nothing(client: Open) -> None:
    async with client(backed_up()) as running:
        await running.press("f3")
        assert running.fake.backups.asked("choose") == []
        assert running.app.screen.query_one("#frequency", Select).value is Frequency.DAILY


@pytest.mark.parametrize(
    ("freshness", "told"),
    [
        (Freshness.UNANCHORED, "not yet confirmed by enough realms"),
        (Freshness.UNCHECKED, "no vault was asked"),
    ],
)
async def test_an_unconfirmed_backup_is_told_as_such(client: Open, freshness: Freshness, told: str) -> None:
    last = LastBackup(START - HOUR, 1, 1, 0, 1_000, freshness, "It holds far less than the one before.")
    async with client(backed_up(last=last)) as running:
        await running.press("f3")
        assert told in words(running)
        assert "It holds far less" in words(running)


async def test_people_chat_on_while_a_backup_runs(client: Open) -> None:
    fake = backed_up()
    fake.backups.gates["back_up"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("f3", "enter")
        fake.backups.come_so_far(170)
        await running.settle()
        assert "42 %" in words(running)
        assert "170 of 400" in words(running)
        assert "4 s left" in words(running)
        await running.press("escape", "enter")
        await running.type("hello")
        await running.press("enter")
        assert [call[1] for call in fake.asked("send_text")] == ["hello"]
        assert "backup: messages 42 %" in running.text()
        fake.backups.gates["back_up"].set()
        await running.settle()
        assert "backup just now" in running.text()


async def test_a_running_backup_can_be_stopped(client: Open) -> None:
    fake = backed_up()
    fake.backups.gates["back_up"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("f3", "enter")
        press_button(running, "Stop this backup")
        await running.settle()
        assert fake.backups.asked("cancel") == [()]
        assert "The last backup stays as it was" in words(running)


async def test_a_first_backup_that_is_stopped_speaks_of_none_before_it(client: Open) -> None:
    fake = backed_up(last=None)
    fake.backups.gates["back_up"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("f3", "enter", "enter")
        assert fake.backups.asked("cancel") == [()]
        assert "There is no backup yet; the next one goes on" in words(running)


async def test_a_backup_that_fails_says_why_in_the_providers_words_without_their_effect(client: Open) -> None:
    fake = backed_up()
    fake.backups.failures["back_up"] = ClientError(
        Code.FAILED, "the folder is \x1b[31mfull\x1b]0;x\x07 [b]now[/b]"
    )
    async with client(fake) as running:
        await running.press("f3", "enter")
        assert "full" in words(running)
        assert "[b]now[/b]" in words(running)
        assert "\x1b" not in running.text()


async def test_a_scheduled_backup_that_fails_is_told_once(client: Open) -> None:
    async with client(backed_up()) as running:
        running.fake.tell(BackupFinished(None, "the disk is not there"))
        await running.settle()
        assert "Backup: the disk is not there." in words(running)


@pytest.mark.parametrize("began", ["a person", "the schedule"])
async def test_a_backup_that_fails_before_its_screen_is_told_there_alone(client: Open, began: str) -> None:
    fake = backed_up()
    fake.backups.failures["back_up"] = ClientError(Code.FAILED, "the disk is not there")

    def begin(running: Running) -> None:
        if began == "a person":
            running.pane.action_back_up()
        else:
            fake.tell(BackupFinished(None, "the disk is not there"))

    async with client(fake) as running:
        await running.press("f3")
        begin(running)
        await running.settle()
        assert words(running).count("disk is not there") == 1
        await running.press("escape")
        assert "disk is not there" not in words(running)
        begin(running)
        await running.settle()
        assert words(running).count("disk is not there") == 1


async def test_frequency_and_media_are_chosen_at_once(client: Open) -> None:
    async with client(backed_up()) as running:
        await running.press("f3")
        running.app.screen.query_one("#frequency", Select).value = Frequency.WEEKLY
        await running.settle()
        await running.pilot.click("#media")
        await running.settle()
        assert running.fake.backups.asked("choose") == [
            ({"frequency": Frequency.WEEKLY},),
            ({"include_media": False},),
        ]
        assert running.app.screen.query_one("#videos").disabled


async def test_that_a_backup_goes_on_is_said_only_of_one_that_runs(client: Open) -> None:
    fake = backed_up()
    fake.backups.gates["back_up"] = asyncio.Event()
    async with client(fake) as running:
        await running.press("f3")
        assert "escape closes" in words(running)
        assert "the backup goes on" not in words(running)
        await running.press("enter")
        assert "escape closes, the backup goes on" in words(running)
        fake.backups.gates["back_up"].set()
        await running.settle()
        assert "the backup goes on" not in words(running)


async def test_another_folder_is_chosen(client: Open) -> None:
    async with client(backed_up()) as running:
        await running.press("f3")
        press_button(running, "Change the folder")
        await running.settle()
        for nowhere in ("somewhere", "~nobody-of-this-name/backups"):
            await fill(running, folder=nowhere)
            await running.press("enter")
            assert "Give the whole path" in words(running)
            await fill(running, folder="")
        await fill(running, folder="/tmp/elsewhere")
        await running.press("enter")
        await running.settle()
        assert "Carry the backup over" in words(running)
        assert "Only in the backup" not in words(running)
        press_button(running, "Carry it over")
        await running.settle()
        assert running.fake.backups.asked("move") == [("folder:/tmp/elsewhere",)]
        assert isinstance(running.app.screen, ChatBackupScreen)
        assert "Backups go to /tmp/elsewhere from now on." in words(running)


async def test_what_only_the_folder_so_far_has_is_said_before_another_one_is_used(client: Open) -> None:
    fake = backed_up()
    fake.backups.only_there = LeftBehind(
        3, 12_000_000, chats=True, conversations=2, messages=1_042, waiting=77
    )
    fake.backups.failures["move"] = ClientError(Code.BACKUP_MISSING, "a part of it is missing")
    async with client(fake) as running:
        await running.press("f3")
        press_button(running, "Change the folder")
        await running.settle()
        await fill(running, folder="/tmp/elsewhere")
        await running.press("enter")
        await running.settle()
        only = "2 chats with at most 1\N{NO-BREAK SPACE}042 messages and 3 files (12 MB)"
        assert f"not on this device: {only}." in told(running)
        assert "They come along." in words(running)
        assert "have still to come" not in told(running)
        press_button(running, "Carry it over")
        await running.settle()
        assert "A part of it is missing." in words(running)
        await running.press("escape")
        await running.settle()
        assert "Or begin anew there" in words(running)
        assert f"Only in the backup so far: {only}." in told(running)
        assert "in no backup from then on" in told(running)
        assert "at most 77 messages and their files have still to come" in told(running)
        assert "the restore ends with what is here" in told(running)
        press_button(running, "Begin anew")
        await running.settle()
        assert fake.backups.asked("begin_anew") == [("folder:/tmp/elsewhere",)]
        assert isinstance(running.app.screen, ChatBackupScreen)
        assert "Backups go to /tmp/elsewhere from now on." in words(running)


async def test_an_unfinished_restore_is_told_and_makes_no_backup(client: Open) -> None:
    async with client(backed_up(restoring=True)) as running:
        assert "· restoring ·" in running.text()
        await running.fake.backups.stop_restoring()
        await running.settle()
        assert "restore not finished" in running.text()
        await running.press("f3")
        assert "A restore on this device is not finished" in words(running)
        assert running.app.screen.query_one("#now", Button).disabled


async def test_a_feature_that_is_not_there_says_why_and_offers_nothing(client: Open) -> None:
    fake = lively()
    fake.backups.now = turned_off(feature=FeatureView(False, "gradual"))
    async with client(fake) as running:
        await running.press("f3")
        assert "arrives gradually" in words(running)
        press_button(running, "End-to-end encrypted backup")
        await running.settle()
        assert "arrives gradually" in words(running)
        options = running.app.screen.query_one("#verbs", OptionList).options
        assert [str(option.prompt) for option in options] == ["Who could still learn what"]


# Turning on.


async def test_turning_on_leads_from_the_choice_to_the_sheet(client: Open, tmp_path: Path) -> None:
    fake = locked(lively())
    async with client(fake, (110, 44)) as running:
        await choose(running, "Turn on")
        screen_is(running, ChooseScreen)
        await running.press("down", "down", "enter")
        screen_is(running, FolderScreen)
        await fill(running, folder=str(tmp_path))
        await running.press("enter")
        screen_is(running, PasswordScreen)
        await fill(running, password="short", again="short")
        await running.press("enter", "enter")
        screen_is(running, PasswordScreen)
        assert "Choose a longer one" in words(running)
        assert running.app.focused is running.app.screen.query_one("#password")
        await fill(running, password=PASSWORD, again=PASSWORD)
        assert "Choose a longer one" not in words(running)
        await running.pilot.pause(0.1)
        assert "1 chance in 40 000 000" in words(running)
        press_button(running, "Go on")
        await running.settle()
        screen_is(running, FleetScreen)
        await fill(running, fleet=str(tmp_path / "none.toml"))
        await running.press("enter")
        assert "The fleet file" in words(running)
        assert "cannot be read: No such file" in words(running)
        await fill(running, fleet=str(FLEET_FILE))
        await running.press("enter")
        assert shown_hash(load_fleet(FLEET_FILE).hash) in words(running)
        assert "2 of 3 realms" in words(running)
        assert "wss://north.example" in words(running)
        await running.press("enter")
        await give_passphrase(running, "wrong")
        assert "passphrase does not open" in words(running)
        assert fake.backups.now.on is False
        await give_passphrase(running)
        choice, unlock = fake.backups.asked("turn_on")[-1]
        assert choice == BackupChoice(f"folder:{tmp_path}", PASSWORD, True, FLEET_FILE)
        assert unlock == Unlock(PASSPHRASE)
        screen_is(running, SheetScreen)
        assert "0123  4567  89ab  cdef" in running.text()
        await fill(running, file=str(tmp_path / "sheet.txt"))
        press_button(running, "Save to this file")
        await running.pilot.pause(0.2)
        assert (tmp_path / "sheet.txt").stat().st_mode & 0o777 == 0o600
        assert "Locator" in (tmp_path / "sheet.txt").read_text()
        press_button(running, "I have written it down")
        await running.settle()
        screen_is(running, ChooseScreen)
        assert "All 3 realms of the vault have it" in words(running)
        await running.press("down", "enter")
        screen_is(running, EncryptedBackupScreen)
        assert KEY_ID in words(running)
        assert fake.backups.asked("back_up") == []


async def test_the_first_backup_is_made_where_turning_on_ends(client: Open) -> None:
    async with client(lively()) as running:
        await choose(running, "Turn on")
        await running.press("down", "enter")
        await fill(running, folder="/tmp")
        await running.press("enter", "enter")
        press_button(running, "I have written it down")
        await running.settle()
        await running.press("enter")
        screen_is(running, ChatBackupScreen)
        assert len(running.fake.backups.asked("back_up")) == 1


async def test_going_back_goes_back_one_step_and_changes_nothing(client: Open) -> None:
    async with client(lively()) as running:
        await choose(running, "Turn on")
        await running.press("enter")
        await fill(running, folder="/tmp")
        await running.press("enter")
        screen_is(running, PasswordScreen)
        await running.press("escape")
        screen_is(running, FolderScreen)
        await running.press("escape", "escape")
        screen_is(running, EncryptedBackupScreen)
        assert running.fake.backups.asked("turn_on") == []


async def test_a_key_alone_asks_for_no_password_and_no_vault(client: Open) -> None:
    async with client(lively()) as running:
        await choose(running, "Turn on")
        await running.press("down", "enter")
        await fill(running, folder="/tmp")
        await running.press("enter")
        screen_is(running, WorkScreen)
        assert "No vault takes part" in words(running)
        assert "This profile has no passphrase" in words(running)
        await running.press("enter")
        assert running.fake.backups.asked("turn_on") == [
            (BackupChoice("folder:/tmp", None, True), NO_PASSPHRASE)
        ]


async def test_the_sheet_is_not_closed_by_accident(client: Open) -> None:
    async with client(lively()) as running:
        await choose(running, "Turn on")
        await running.press("down", "enter")
        await fill(running, folder="/tmp")
        await running.press("enter", "enter")
        screen_is(running, SheetScreen)
        await running.press("escape")
        assert "You have not said that you keep the sheet" in words(running)
        await running.press("enter")
        screen_is(running, SheetScreen)


async def test_a_sheet_that_was_saved_counts_as_kept(client: Open, tmp_path: Path) -> None:
    async with client(lively()) as running:
        await choose(running, "Turn on")
        await running.press("down", "enter")
        await fill(running, folder=str(tmp_path))
        await running.press("enter", "enter")
        await fill(running, file=str(tmp_path / "sheet.txt"))
        press_button(running, "Save to this file")
        await until(running, lambda: "readable by you alone" in words(running))
        await running.press("escape")
        assert "Backups are on" in words(running)


# Changing.


async def test_a_changed_password_shows_that_nothing_was_rewritten(client: Open) -> None:
    async with client(locked(backed_up())) as running:
        await choose(running, "Change the password")
        await fill(running, password=PASSWORD, again=PASSWORD)
        await running.pilot.pause(0.1)
        press_button(running, "Go on")
        await running.settle()
        await give_passphrase(running)
        assert running.fake.backups.asked("change_password") == [(PASSWORD, Unlock(PASSPHRASE))]
        assert words(running).count(KEY_ID) == 2
        assert "Objects rewritten: 0" in words(running)
        assert "2 of 3 realms have it" in words(running)


async def test_a_backup_with_digits_alone_gets_a_password_later(client: Open) -> None:
    fake = locked(backed_up(has_password=False, has_recovery_key=True))
    async with client(fake) as running:
        await choose(running, "Set a password too")
        await fill(running, password=PASSWORD, again=PASSWORD)
        await running.pilot.pause(0.1)
        press_button(running, "Go on")
        await running.settle()
        screen_is(running, FleetScreen)
        await fill(running, fleet=str(FLEET_FILE))
        await running.press("enter")
        await running.pilot.pause(0.1)
        press_button(running, "Trust this vault")
        await running.settle()
        await give_passphrase(running)
        assert fake.backups.asked("change_password") == [(PASSWORD, Unlock(PASSPHRASE), FLEET_FILE)]
        assert "The password is set" in words(running)
        assert "Keep a new recovery sheet" in words(running)


async def test_a_backup_with_a_password_alone_gets_the_digits_later(client: Open) -> None:
    async with client(locked(backed_up(has_recovery_key=False))) as running:
        await choose(running, "Have a 64-digit key too")
        assert isinstance(running.app.screen, WorkScreen)
        assert running.app.screen.heading == "Have a 64-digit key too"
        assert "The password opens your backup as before" in words(running)
        await give_passphrase(running)
        assert running.fake.backups.asked("recovery_key") == [(Unlock(PASSPHRASE),)]


async def test_digits_that_may_be_written_down_are_shown_and_not_made(client: Open) -> None:
    fake = locked(backed_up(has_recovery_key=False, digits_unsure=True))
    async with client(fake, (110, 44)) as running:
        await choose(running, "Rotate the key")
        assert "64 digits that are written down anywhere open nothing afterwards" in told(running)
        assert "The new ones are shown at the end" not in told(running)
        await running.press("escape")
        assert "64 digits that were written down before this device was restored" in words(running)
        await choose_here(running, "Show the 64-digit key")
        assert "The password opens your backup as before" not in words(running)
        await give_passphrase(running)
        assert fake.backups.asked("recovery_key") == [(Unlock(PASSPHRASE),)]


async def test_a_rotated_key_is_said_first_and_shown_once(client: Open) -> None:
    fake = locked(backed_up())
    fake.backups.gates["rotate"] = asyncio.Event()
    async with client(fake) as running:
        await choose(running, "Rotate the key")
        screen_is(running, ChooseScreen)
        said = " ".join(str(one.content) for one in running.app.screen.query(Static))
        for fact in (
            "All of the backup, about 18 MB, is written again under a new key and read back",
            "what the old key opens is deleted",
            "The 64 digits that you keep now open nothing afterwards",
            "What somebody has copied with the old key stays open to them",
        ):
            assert fact in said, fact
        await running.press("down", "enter")
        screen_is(running, PasswordScreen)
        await fill(running, password=PASSWORD, again=PASSWORD)
        await running.pilot.pause(0.1)
        press_button(running, "Go on")
        await running.settle()
        await give_passphrase(running)
        fake.backups.come_so_far(100, phase=BackupPhase.MEDIA)
        await running.settle()
        assert "25 %" in words(running)
        fake.backups.gates["rotate"].set()
        await running.settle()
        assert fake.backups.asked("rotate") == [(PASSWORD, Unlock(PASSPHRASE))]
        screen_is(running, SheetScreen)
        assert "fedc  ba98  7654  3210" in running.text()
        press_button(running, "I have written it down")
        await running.settle()
        for fact in (
            f"Key before: {KEY_ID}",
            f"Key after: {NEW_KEY_ID}",
            "Written again: 58 objects, 18 MB",
            "2 of 3 realms have it",
            "The old key opens nothing any more: 57 objects deleted",
        ):
            assert fact in words(running), fact
        await running.press("enter")
        screen_is(running, EncryptedBackupScreen)
        assert NEW_KEY_ID in words(running)


async def test_a_backup_without_a_password_is_rotated_without_one(client: Open) -> None:
    fake = backed_up(has_password=False, realms=0, threshold=0)
    fake.backups.old_left = True
    async with client(fake) as running:
        await choose(running, "Rotate the key")
        said = " ".join(str(one.content) for one in running.app.screen.query(Static))
        assert "opens nothing afterwards: set it again" in said
        await running.press("down", "enter")
        screen_is(running, WorkScreen)
        await running.press("enter")
        assert fake.backups.asked("rotate") == [(None, NO_PASSPHRASE)]
        press_button(running, "I have written it down")
        await running.settle()
        assert "What the old key opens is there still" in words(running)
        assert "realms have it" not in words(running)


@pytest.mark.parametrize(
    ("rotation", "told"),
    [
        ("writing", "begun: rotate again to go on"),
        ("committing", "cut short while the vault was told"),
        ("leaving", "what the old key opens is there still"),
    ],
)
async def test_what_a_rotation_left_behind_is_told(client: Open, rotation: str, told: str) -> None:
    async with client(backed_up(rotation=rotation), (110, 44)) as running:
        await running.press("f3")
        running.app.screen.query_one("#encrypted", Button).press()
        await running.settle()
        assert told in words(running)


@pytest.mark.parametrize("keys", [["escape"], ["enter"], ["down", "enter", "escape"]])
async def test_a_rotation_is_left_before_it_begins(client: Open, keys: list[str]) -> None:
    async with client(backed_up()) as running:
        await choose(running, "Rotate the key")
        await running.press(*keys)
        screen_is(running, EncryptedBackupScreen)
        assert running.fake.backups.asked("rotate") == []


async def test_a_rotation_that_is_stopped_says_so_and_can_be_asked_again(client: Open) -> None:
    fake = backed_up(has_password=False)
    fake.backups.gates["rotate"] = asyncio.Event()
    async with client(fake) as running:
        await choose(running, "Rotate the key")
        await running.press("down", "enter", "enter", "escape")
        assert "Stopped" in words(running)
        fake.backups.gates["rotate"].set()
        press_button(running, "Rotate")
        await running.settle()
        screen_is(running, SheetScreen)


async def test_the_key_is_shown_only_for_the_local_passphrase(client: Open) -> None:
    async with client(locked(backed_up())) as running:
        await choose(running, "Show the 64-digit key")
        await running.press("enter")
        assert "Enter the passphrase" in words(running)
        await give_passphrase(running, "wrong")
        assert KEY[:4] + "  " + KEY[4:8] not in running.text()
        await give_passphrase(running)
        screen_is(running, SheetScreen)
        assert "0123  4567  89ab  cdef" in running.text()


@pytest.mark.parametrize("with_digits", [False, True])
async def test_the_sheet_of_a_backup_without_a_password_speaks_of_none_of_yours(
    client: Open, with_digits: bool
) -> None:
    async with client(backed_up(has_password=False)) as running:
        await choose(running, "Recovery sheet")
        await running.press(*(["down"] if with_digits else []), "enter", "enter")
        screen_is(running, SheetScreen)
        assert "your password" not in words(running).lower()
        assert ("What opens your backup is not on this sheet" in words(running)) is not with_digits


@pytest.mark.parametrize("size", [(100, 30), (60, 24)])
async def test_no_group_of_digits_is_torn_on_the_sheet(client: Open, size: tuple[int, int]) -> None:
    async with client(backed_up(), size) as running:
        await choose(running, "Recovery sheet")
        await running.press("down", "enter", "enter")
        assert "These 64 digits open your backup without any password" in words(running)
        (text,) = running.app.screen.query(".sheet--text").results(Static)
        drawn = [text.render_line(row).text.strip() for row in range(text.size.height)]
        groups = encode(bytes.fromhex(KEY)).split()
        rows = [" ".join(groups[at : at + 4]) for at in range(0, 16, 4)]
        begin = next(place for place, line in enumerate(drawn) if line.startswith("64 digits:"))
        assert [line.removeprefix("64 digits:").strip() for line in drawn[begin : begin + 4]] == rows
        lines = grid(bytes.fromhex(KEY))
        begin = drawn.index(lines[0])
        assert drawn[begin : begin + 9] == lines


async def test_turning_off_shows_the_realms_proof(client: Open) -> None:
    async with client(locked(backed_up())) as running:
        await choose(running, "Turn off")
        await give_passphrase(running)
        assert "58 objects deleted" in words(running)
        assert "3 of 3 realms signed that their share is gone" in words(running)
        await running.press("enter", "escape")
        assert "Backups are off" in words(running)


async def test_a_realm_that_is_away_still_when_asked_again_is_not_told_of_as_deleted(client: Open) -> None:
    fake = lively()
    fake.backups.now, fake.backups.slow_realms = turned_off(deletions_pending=("south",)), ("south",)
    async with client(fake) as running:
        await choose(running, "Ask again")
        assert "Not deleted everywhere yet" in words(running)
        assert "0 of 1 realm signed that their share is gone." in words(running)
        assert "south did not delete" in words(running)
        assert "Deleted at the vault" not in words(running)
        await running.press("enter")
        await choose_here(running, "Ask again")
        assert "Deleted at the vault" in words(running)


async def test_the_status_bar_knows_that_backups_were_turned_off(client: Open) -> None:
    async with client(locked(backed_up())) as running:
        assert "backup 2 h ago" in running.text()
        await choose(running, "Turn off")
        await give_passphrase(running)
        # Before any of the dialogs is closed.
        assert "Backups are off" in words(running)
        assert "backup 2 h ago" not in str(running.pane.status.content)
        assert "connected" in str(running.pane.status.content)


@pytest.mark.parametrize("before", [True, False])
async def test_a_device_that_was_put_out_names_no_next_backup(client: Open, before: bool) -> None:
    fake = backed_up()
    async with client(fake) as running:
        if not before:
            await running.press("f3")
            assert re.search(r"Next +in 22 h", running.text())
        fake.tell(ConnectionChanged(Link.REFUSED, PUT_OUT))
        await running.settle()
        if before:
            await running.press("f3")
        assert re.search(r"Next +none: this device was put out", running.text())
        fake.tell(ConnectionChanged(Link.ONLINE))
        await running.settle()
        assert re.search(r"Next +in 22 h", running.text())


async def test_verify_shows_how_far_it_is_and_can_be_stopped(client: Open) -> None:
    fake = backed_up()
    fake.backups.gates["verify"] = asyncio.Event()
    async with client(fake) as running:
        await choose(running, "Verify")
        fake.backups.come_so_far(100)
        await running.settle()
        assert "25 %" in words(running)
        await running.press("escape")
        assert "Stopped" in words(running)
        fake.backups.gates.clear()
        await running.press("enter")
        assert "The backup is whole" in words(running)


async def test_backups_are_turned_off_though_their_folder_is_gone(client: Open) -> None:
    fake = backed_up()
    fake.backups.failures["turn_off"] = ClientError(Code.PROVIDER_UNREACHABLE, "the disk is not connected")
    async with client(fake) as running:
        await choose(running, "Turn off")
        press_button(running, "Turn off and delete")
        await running.settle()
        assert "The disk is not connected." in words(running)
        assert fake.backups.now.on
        press_button(running, "Turn off all the same")
        await running.settle()
        assert "Backups are off" in words(running)
        assert "0 objects deleted from the folder" in words(running)
        assert "/media/disk/letterlock/1f2e" in words(running)
        check(running)


async def test_the_keys_that_are_told_are_those_of_the_moment(client: Open) -> None:
    fake = backed_up()
    fake.backups.gates["recovery_key"] = asyncio.Event()
    async with client(fake) as running:
        await choose(running, "Show the 64-digit key")
        assert "enter goes on · escape goes back" in words(running)
        await running.press("enter")
        assert "enter or escape stops it" in words(running)
        assert "enter goes on · escape goes back" not in words(running)
        await running.press("enter")
        assert "Stopped." in words(running)
        assert "enter goes on · escape goes back" in words(running)


async def test_a_work_that_was_stopped_takes_the_passphrase_at_once(client: Open) -> None:
    fake = locked(backed_up())
    fake.backups.gates["turn_off"] = asyncio.Event()
    async with client(fake) as running:
        await choose(running, "Turn off")
        await give_passphrase(running)
        await running.press("escape")
        assert "Stopped" in words(running)
        fake.backups.gates.clear()
        await running.type(PASSPHRASE)
        await running.press("enter")
        assert "Backups are off" in words(running)


async def test_the_status_bar_does_not_keep_the_progress_of_what_has_ended(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letterlock_client.ui.panes.backup_actions.QUIET_SECONDS", 0.05)
    async with client(backed_up()) as running:
        running.fake.backups.come_so_far(100)
        await running.settle()
        await running.pilot.pause(0.1)
        await running.settle()
        assert "backup 2 h ago" in running.text()


async def test_the_status_bar_asks_again_while_what_has_gone_quiet_still_runs(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("letterlock_client.ui.panes.backup_actions.QUIET_SECONDS", 0.05)
    fake = backed_up()
    async with client(fake) as running:
        ended = fake.backups.now
        fake.backups.now = replace(ended, running=True)
        asked = len(fake.backups.asked("status"))
        fake.backups.come_so_far(400, phase=BackupPhase.ANCHORING)
        await until(running, lambda: len(fake.backups.asked("status")) > asked)
        assert "backup: telling the vault" in running.text()
        fake.backups.now = ended
        await until(running, lambda: "backup 2 h ago" in running.text())


async def test_the_status_bar_is_painted_below_two_dialogs(client: Open) -> None:
    fake = backed_up()
    async with client(fake) as running:
        await choose(running, "Who could")
        assert "backup 2 h ago" in running.text()
        fake.backups.come_so_far(100)
        await until(running, lambda: "backup: messages 25 %" in running.text())


async def test_what_verify_and_rehearse_find_is_told(client: Open) -> None:
    fake = backed_up()
    fake.backups.problems = ("segment 7 is missing",)
    fake.backups.differences = ("bob: 3 messages are not in the backup",)
    async with client(fake) as running:
        await choose(running, "Verify")
        assert "Something is wrong" in words(running)
        assert "Segment 7 is missing." in words(running)
        assert "The vault has confirmed it; it was not asked again now." in words(running)
        await running.press("enter")
        assert "choose another one: all that is here" in words(running)
        await running.press("escape", "escape", "escape")
        await choose(running, "Rehearse")
        assert "bob: 3 messages are not in the backup" in words(running)


async def test_what_is_damaged_is_written_again_where_somebody_says_so(client: Open) -> None:
    fake = backed_up()
    fake.backups.problems = ("segment 7 is missing",)
    async with client(fake) as running:
        await choose(running, "Verify")
        await running.press("enter")
        assert not fake.backups.asked("mend")
        press_button(running, "Write it again")
        await running.settle()
        assert fake.backups.asked("mend")
        assert "Damaged in the last backup: 2 objects" in words(running)
        assert "them. Verify to see" in words(running)


async def test_the_attempt_history_is_told_in_sentences(client: Open) -> None:
    fake = backed_up()
    yesterday = START - DAY + 7 * HOUR + 4 * 60_000
    fake.backups.attempts = [
        Attempt(realm, yesterday - gap, "guess_failed", "handle", place)
        for realm in ("north", "south")
        for place, gap in enumerate((0, 60_000))
    ]
    async with client(fake) as running:
        await choose(running, "Tries")
        assert "2 failed tries yesterday 21:14, by handle alone (north, south)" in words(running)


def test_one_try_seen_by_many_realms_is_one_try() -> None:
    attempts = [Attempt(realm, START, "guess_failed", "locator", 1) for realm in ("a", "b", "c")]
    assert attempt_lines(attempts, START) == [
        "1 failed try today 14:10, with the recovery sheet or an own device (a, b, c)"
    ]


async def test_realms_that_were_away_are_asked_again_to_delete(client: Open) -> None:
    fake = backed_up()
    fake.backups.slow_realms = ("west",)
    async with client(fake, (110, 44)) as running:
        await choose(running, "Turn off")
        await running.press("enter")
        told = "west did not delete its record of the former backup password."
        assert told in words(running)
        assert "2 of 3 realms signed" in words(running)
        await running.press("enter")
        assert told in words(running)
        running.app.screen.query_one("#verbs", OptionList).highlighted = 1
        await running.press("enter")
        assert "1 of 1 realm signed" in words(running)
        assert told not in words(running)


async def test_the_leak_checklist_names_every_party_and_scrolls(client: Open) -> None:
    async with client(backed_up()) as running:
        await choose(running, "Who could")
        seen = words(running)
        await running.press("pagedown")
        seen += words(running)
        for party in ("Whoever keeps the folder", "The vault", "The relay", "A thief of this", "Nobody"):
            assert party in seen, party


async def test_the_flows_end_where_they_began(client: Open) -> None:
    async with client(backed_up()) as running:
        await choose(running, "Change the password")
        await running.press("escape", "escape")
        screen_is(running, ChatBackupScreen)
        await running.press("escape")
        screen_is(running, MainScreen)


async def test_hostile_providers_and_realms_are_shown_as_text(client: Open) -> None:
    last = LastBackup(START, 1, 1, 1, 1, Freshness.VERIFIED, NASTY)
    fake = backed_up(provider=f"folder:{NASTY}", last=last, key_id=NASTY, fleet_hash=NASTY)
    fake.backups.view = vault(fleet_hash=NASTY, realms=realms(name=NASTY, url=NASTY, reason=NASTY))
    fake.backups.attempts = [Attempt(NASTY, START, NASTY, NASTY, 1)]
    fake.backups.problems = fake.backups.differences = (NASTY,)
    nasty = Work(
        NASTY.partition("\x1b")[0], NASTY, "Go on", "Doing", lambda _: fake.backups.vault(), facts=(NASTY,)
    )
    async with client(fake, (60, 24)) as running:
        await running.press("f3")
        fake.tell(BackupFinished(None, NASTY))
        running.app.push_screen(FleetScreen(running.fake.backups.look_at, FLEET_FILE))
        running.app.push_screen(SheetScreen(NASTY, NASTY))
        await running.settle()
        check(running)
        await running.press("escape", "escape", "escape")
        for screen in (WorkScreen(nasty, running.app._surroundings, locked=False), NoticeScreen("", NASTY)):
            running.app.push_screen(screen)
            await running.settle()
            check(running)
            await running.press("escape")
        await choose(running, "Tries")
        check(running)
        await running.press("enter", "escape", "escape")
        await choose(running, "Verify")
        check(running)
        assert running.app.is_running


async def test_the_word_that_trusts_a_vault_is_on_the_screen_of_a_low_terminal(client: Open) -> None:
    for size in ((60, 24), (100, 30)):
        async with client(backed_up(), size) as running:
            running.app.push_screen(FleetScreen(running.fake.backups.look_at))
            await running.settle()
            await fill(running, fleet=str(FLEET_FILE))
            await running.press("enter")
            assert running.app.screen.query_one(Button).has_focus
            for shown in ("Trust this vault", "enter goes on", shown_hash(load_fleet(FLEET_FILE).hash)):
                assert shown in running.text(), (size, shown)
            await fill(running, fleet="/none.toml")
            await running.press("enter")
            assert "cannot be read" in running.text()
            assert "enter goes on" in running.text(), size


@pytest.mark.parametrize("size", [(60, 24), (100, 30)])
async def test_a_sheet_that_goes_on_below_says_so_until_its_end_is_seen(
    client: Open, size: tuple[int, int]
) -> None:
    async with client(backed_up(), size) as running:
        running.app.push_screen(SheetScreen("\n".join(f"line {n}" for n in range(40)), KEY))
        await running.settle()
        for _ in range(5):
            assert "line 39" not in running.text()
            assert "more below" in running.text()
            await running.press("pagedown")
            if "line 39" in running.text():
                break
        assert "line 39" in running.text()
        assert "more below" not in running.text()
        assert "arrows scroll" in running.text()
        await running.press("up")
        assert "more below" in running.text()
    async with client(backed_up(), (100, 50)) as running:
        running.app.push_screen(SheetScreen("a short one", KEY))
        await running.settle()
        assert "more below" not in running.text()


async def test_what_is_pointed_at_stays_on_a_low_screen(client: Open) -> None:
    async with client(backed_up(), (60, 24)) as running:
        await running.press("f3")
        press_button(running, "End-to-end")
        await running.settle()
        assert "State" in words(running)
        await running.press("end")
        assert "Turn off and delete…" in words(running)
        await running.press("home")
        assert "Change the password…" in words(running)
