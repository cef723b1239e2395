"""The settings: a tree with a search, each page real, every change kept at once."""

import pytest
from textual.widgets import Button, Input, OptionList, Select, Static

from letterlock_client.backup_models import FeatureView
from letterlock_client.errors import ClientError, Code
from letterlock_client.models import Prefetch, ReadWhen, Settings, Standing
from letterlock_client.storage_use import StorageUse
from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.screens.backup.encrypted import EncryptedBackupScreen
from letterlock_client.ui.screens.backup.landing import ChatBackupScreen
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.settings.pages import every, found
from letterlock_client.ui.screens.settings.screen import BUILT, SettingsScreen
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_backups import turned_off, turned_on
from tests.client.ui.fake_messenger import chat_id, lively


async def open_page(running: Running, search: str) -> None:
    await running.press("f2")
    running.app.screen.query_one("#search", Input).value = search
    await running.settle()
    await running.press("enter")


def test_every_page_is_built_or_is_a_door() -> None:
    assert {place.page.id for place in every()} == {*BUILT, "chats", "backup", "encrypted"}


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("receipts", "Read receipts"),
        ("last seen", "Presence"),
        ("online", "Presence"),
        ("blocked", "Blocked people"),
        ("forgot", "Backup password"),
        ("dark", "Theme"),
        ("CHAT backup", "Chat backup"),
    ],
)
def test_a_setting_is_found_by_its_name_and_by_what_people_call_it(words: str, first: str) -> None:
    place = found(words)[0]
    assert (place.entry.name if place.entry is not None else place.page.title) == first


def test_nothing_is_found_for_what_is_not_there() -> None:
    assert found("blockchain") == []


@pytest.mark.parametrize("habit", ["/", " / "])
async def test_a_slash_before_what_is_searched_for_is_a_habit(client: Open, habit: str) -> None:
    async with client(lively()) as running:
        await running.press("f2")
        tree = running.app.screen.query_one("#tree", OptionList)
        everything = tree.option_count
        field = running.app.screen.query_one("#search", Input)
        field.value = f"{habit}forgot"
        await running.settle()
        assert next(str(option.prompt) for option in tree.options).startswith("Backup password")
        field.value = habit
        await running.settle()
        assert tree.option_count == everything


async def test_the_tree_shows_the_way_to_the_encrypted_backup(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("f2")
        lines = [str(option.prompt) for option in running.app.screen.query_one("#tree", OptionList).options]
        place = lines.index("Chats")
        assert lines[place : place + 3] == ["Chats", "  Chat backup", "    End-to-end encrypted backup"]
        await running.press(*["down"] * 5)
        await running.press("enter")
        assert isinstance(running.app.screen, EncryptedBackupScreen)
        await running.press("escape")
        assert isinstance(running.app.screen, SettingsScreen)


async def test_privacy_is_kept_at_once(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("f2", "down", "enter", "space")
        assert running.fake.asked("save_settings") == [(Settings(read_receipts=False),)]
        await running.press("space")
        assert running.fake.asked("save_settings")[-1] == (Settings(),)


async def test_what_could_not_be_kept_is_shown_as_it_is(client: Open) -> None:
    fake = lively()
    fake.failures["save_settings"] = ClientError(Code.STORAGE_FULL, "the disk is full")
    async with client(fake) as running:
        await running.press("f2", "down", "enter", "space")
        assert "The disk is full." in running.text()
        assert "[x] Send read receipts" in running.text()


async def test_searching_leads_to_the_very_setting(client: Open) -> None:
    async with client(lively()) as running:
        await open_page(running, "typing")
        await running.press("space")
        assert running.fake.asked("save_settings") == [(Settings(typing=False),)]


async def test_a_blocked_person_is_listed_and_unblocked(client: Open) -> None:
    fake = lively()
    fake.person("troll", standing=Standing.BLOCKED)
    async with client(fake) as running:
        await open_page(running, "blocked")
        assert "troll" in running.text()
        await running.press("enter", "enter")
        assert fake.asked("unblock") == [(chat_id("troll"),)]
        assert "Nobody is blocked" in running.text()


async def test_the_theme_the_signs_and_the_bell_are_kept_for_the_next_start(client: Open) -> None:
    kept: list[object] = []
    tastes = Tastes(
        save_theme=kept.append, save_ascii_icons=kept.append, save_call=lambda *call: kept.append(call)
    )
    async with client(lively(), tastes=tastes) as running:
        await open_page(running, "ascii")
        await running.press("space", "escape", "escape")
        await open_page(running, "bell")
        await running.press("space", "escape", "escape")
        running.app.theme = "nord"
        await running.settle()
        assert kept == [True, ("bell", False), "nord"]


async def test_the_bell_is_silent_when_it_is_off(client: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[bool] = []
    async with client(lively(), tastes=Tastes(bell=False)) as running:
        monkeypatch.setattr(running.app, "bell", lambda: rung.append(True))
        running.app.app_focus = False
        running.fake.receive(chat_id("carol"), "hello")
        await running.settle()
        assert rung == []
        running.pane.around.bell.turn(True)
        running.fake.receive(chat_id("carol"), "hello")
        await running.settle()
        assert rung == [True]


@pytest.mark.parametrize("with_text", [False, True])
async def test_the_terminal_notifies_without_the_text_unless_that_is_wanted(
    client: Open, monkeypatch: pytest.MonkeyPatch, with_text: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.delenv("TMUX", raising=False)
    written: list[str] = []
    async with client(lively(), tastes=Tastes(preview=with_text)) as running:
        assert running.app._driver is not None
        plain = running.app._driver.write
        monkeypatch.setattr(running.app._driver, "write", lambda data: (written.append(data), plain(data)))
        running.app.app_focus = False
        running.fake.receive(chat_id("carol"), "the \x1b]secret")
        running.fake.receive(chat_id("dave"), "muted")
        await running.settle()
        calls = "".join(data for data in written if "]99;" in data)
        assert "carol" in calls
        assert ("secret" in calls) is with_text
        assert "dave" not in calls
        running.pane.around.desktop.turn(False)
        written.clear()
        running.fake.receive(chat_id("carol"), "again")
        await running.settle()
        assert not any("]99;" in data for data in written)


async def test_a_mute_and_do_not_disturb_end_by_themselves(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[str] = []
    fake = lively()
    async with client(fake) as running:
        monkeypatch.setattr(running.app, "bell", lambda: rung.append("ring"))

        async def rings(who: str) -> bool:
            running.app.app_focus = False
            before = len(rung)
            fake.receive(chat_id(who), "hello?")
            await running.settle()
            running.app.app_focus = True
            await running.settle()
            return len(rung) > before

        await running.press("enter")
        await running.type("/mute 1h")
        await running.press("enter")
        assert "muted" in running.text()
        assert not await rings("bob")
        assert await rings("carol")
        fake.clock.now += 3_600_000
        assert await rings("bob")
        await running.type("/quiet 8h")
        await running.press("enter")
        assert not await rings("carol")
        fake.clock.now += 8 * 3_600_000
        assert await rings("carol")
        await running.type("/quiet 8h")
        await running.press("enter")
        await running.type("/quiet off")
        await running.press("enter")
        assert await rings("carol")


async def test_what_counts_as_read_is_chosen_and_kept_with_all_else(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await fake.save_settings(Settings(typing=False, prefetch=Prefetch.PICTURES))
        await open_page(running, "counts as read")
        running.app.screen.query_one("#read_when", Select).value = ReadWhen.ANSWERED
        await running.settle()
        kept = await fake.settings()
        assert (kept.read_when, kept.typing, kept.prefetch) == (ReadWhen.ANSWERED, False, Prefetch.PICTURES)
        await running.press("escape", "escape", "enter")
        await running.type("/read")
        await running.press("enter")
        assert fake.asked("read_now") == [(chat_id("bob"),)]


async def test_storage_tells_what_the_profile_takes(client: Open) -> None:
    async def measure() -> StorageUse:
        return StorageUse("/data/alice", 1_500_000, 20_000_000, 5_000_000_000)

    async with client(lively(), tastes=Tastes(measure=measure)) as running:
        await open_page(running, "space on this disk")
        for shown in ("1.5 MB", "20 MB", "5.0 GB", "/data/alice"):
            assert shown in running.text()


async def test_account_says_who_this_is_and_shows_the_invite_link(client: Open) -> None:
    async with client(lively()) as running:
        await open_page(running, "account id")
        assert "wss://relay.example" in running.text()
        assert "no passphrase" in running.text()
        await running.press("enter")
        assert "letterlock:add" in running.text()


async def test_about_says_why_a_feature_is_not_there(client: Open) -> None:
    fake = lively()
    fake.backups.now = turned_off(feature=FeatureView(False, "needs_version"))
    async with client(fake) as running:
        await open_page(running, "version")
        assert "needs the latest version" in " ".join(running.text().split())


async def test_in_a_narrow_terminal_the_tree_and_a_page_are_shown_one_at_a_time(client: Open) -> None:
    async with client(lively(), (60, 24)) as running:
        await running.press("f2")
        assert "Send read receipts" not in running.text()
        await running.press("down", "enter")
        assert "Send read receipts" in running.text()
        assert "Appearance" not in running.text()
        await running.press("escape")
        assert "Appearance" in running.text()
        await running.press("escape")
        assert isinstance(running.app.screen, MainScreen)


@pytest.mark.parametrize("typed", ["/backup", "/settings"])
async def test_a_command_can_be_typed_after_a_slash(client: Open, typed: str) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type(typed)
        await running.press("enter")
        assert isinstance(running.app.screen, (ChatBackupScreen, SettingsScreen))
        assert running.fake.asked("send_text") == []


async def test_a_page_longer_than_the_terminal_scrolls_to_its_end(client: Open) -> None:
    async with client(lively(), (60, 24)) as running:
        await running.press("f2", *"about", "enter")
        assert "Features on for you" not in running.text()
        await running.press("pagedown")
        assert "Features on for you" in running.text()


@pytest.mark.parametrize("size", [(100, 30), (60, 24)])
async def test_what_was_changed_behind_a_door_stands_on_its_page(client: Open, size: tuple[int, int]) -> None:
    fake = lively()
    async with client(fake, size) as running:
        await running.press("f2")
        await running.type("chat backup")
        await running.press("enter")
        assert isinstance(running.app.screen, ChatBackupScreen)
        fake.backups.now = turned_on()
        await running.press("escape")
        screen = running.app.screen
        assert isinstance(screen, SettingsScreen)
        facts = screen.query_one(".door--facts", Static)
        assert "on" in str(facts.content)
        assert "2 h ago" in str(facts.content)
        assert str(screen.query_one("#door", Button).label) == "Chat backup…"
        # On a narrow screen the tree stands there again, and escape leaves it.
        assert screen.query_one("#tree").size.width
        await running.press("escape")
        assert not isinstance(running.app.screen, SettingsScreen)


async def test_what_people_call_it_finds_the_encrypted_backup(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("f2")
        await running.type("e2ee")
        await running.press("enter")
        assert isinstance(running.app.screen, EncryptedBackupScreen)
