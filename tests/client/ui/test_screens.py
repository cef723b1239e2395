"""Pictures of the screens, at both sizes people use most. A change of looks is seen, and then meant."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from letterlock.ids import MessageId
from letterlock_client.backup_models import FeatureView, WrongFile
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import ConnectionChanged, Link, TransferMoved
from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Start, Tastes
from letterlock_client.ui.themes import CONTRAST_LIGHT
from tests.client.ui.conftest import Open
from tests.client.ui.fake_backups import FLEET_FILE, turned_off, turned_on
from tests.client.ui.fake_messenger import FakeMessenger, chat_id, lively
from tests.client.ui.kinds import BOB, kinds
from tests.client.ui.test_backup_screens import choose, press_button
from tests.client.ui.test_restore_screens import Restoring, fail_bare, of_many

Picture = Callable[[LetterlockApp, str], None]

WIDE = (100, 30)
NARROW = (60, 24)


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("chats", ""),
        ("chat", "alt+a"),
        ("reply", "alt+a escape r"),
        ("requests", "alt+r"),
        ("verify", "alt+a f4"),
        ("new-chat", "ctrl+n"),
        ("settings", "f2 down enter"),
        ("settings-search", "f2 b a c k"),
        ("help", "f1"),
        ("message-info", "alt+a escape up up up up up i"),
        ("invite", "alt+i"),
        ("xray", "alt+a f12"),
        ("chat-info", "alt+a alt+c"),
        ("search", "ctrl+f s e e"),
        ("switch", "ctrl+k"),
        ("timer", "alt+a alt+t"),
    ],
)
async def test_the_screen_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int], name: str, keys: str
) -> None:
    async with client(lively(), size) as running:
        await running.press(*keys.split())
        picture(running.app, f"{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("chats", ""),
        ("chat", "alt+a"),
        ("requests", "alt+r"),
        ("verify", "alt+a f4"),
        ("xray", "alt+a f12"),
        ("message-info", "alt+a escape up up up up up i"),
        ("search", "ctrl+f s e e"),
        ("settings", "f2 n o t i enter"),
        ("backup", "f3"),
        ("help", "f1"),
    ],
)
async def test_the_screen_looks_as_before_in_black_on_white(
    client: Open, picture: Picture, size: tuple[int, int], name: str, keys: str
) -> None:
    async with client(lively(), size) as running:
        running.app.theme = CONTRAST_LIGHT
        await running.press(*keys.split())
        picture(running.app, f"light-{name}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_first_screen_of_a_newcomer_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    async with client(FakeMessenger(), size) as running:
        picture(running.app, f"nobody-yet-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [(120, 54), (60, 60)])
async def test_every_kind_of_message_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    fake, _ = kinds()
    async with client(fake, size) as running:
        await running.press("enter")
        (film,) = [call for call in running.view.log_view.window.tail() if call][4:5]
        message = (await fake.page(BOB, [film]))[0]
        fake.tell(TransferMoved(BOB, message.id, 420, 1000, upload=True))
        await running.type("/ti")
        picture(running.app, f"kinds-{size[0]}x{size[1]}")


async def test_the_emoji_look_as_before(client: Open, picture: Picture) -> None:
    async with client(lively(), WIDE) as running:
        await running.press("alt+a", "escape", "plus", "right")
        picture(running.app, "react-100x30")


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize(("name", "start"), [("first-run", Start.REGISTER), ("unlock", Start.UNLOCK)])
async def test_the_first_screens_look_as_before(
    client: Open, picture: Picture, size: tuple[int, int], name: str, start: Start
) -> None:
    async with client(lively(), size, start=start) as running:
        picture(running.app, f"{name}-{size[0]}x{size[1]}")


async def test_warnings_look_as_before(client: Open, picture: Picture) -> None:
    fake = lively()
    async with client(fake, WIDE) as running:
        await running.press("alt+a")
        fake.change_chat(chat_id("bob"), verified=False, key_changed_at=fake.clock.now)
        fake.tell(ConnectionChanged(Link.OFFLINE, retry_in=12.0))
        await running.settle()
        picture(running.app, "key-change-100x30")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_device_that_was_put_out_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    fake = lively()
    async with client(fake, size) as running:
        await running.press("alt+a")
        fake.tell(ConnectionChanged(Link.REFUSED, "bad_login"))
        await running.settle()
        picture(running.app, f"put-out-{size[0]}x{size[1]}")
        fake.backups.now = turned_on()
        await running.press("f3")
        picture(running.app, f"put-out-backup-{size[0]}x{size[1]}")


async def test_the_light_theme_and_ascii_look_as_before(client: Open, picture: Picture) -> None:
    tastes = Tastes(theme="textual-light", ascii_icons=True)
    async with client(lively(), WIDE, tastes=tastes) as running:
        await running.press("alt+a")
        picture(running.app, "ascii-light-100x30")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_chat_backup_looks_as_before(client: Open, picture: Picture, size: tuple[int, int]) -> None:
    fake = lively()
    fake.backups.now = turned_on()
    fake.backups.gates["back_up"] = asyncio.Event()
    end = f"{size[0]}x{size[1]}"
    async with client(fake, size) as running:
        await running.press("f3")
        picture(running.app, f"backup-{end}")
        await running.press("enter")
        fake.backups.come_so_far(170)
        await running.settle()
        picture(running.app, f"backup-running-{end}")
        running.app.screen.query_one("#encrypted", Button).press()
        await running.settle()
        picture(running.app, f"backup-encrypted-{end}")
        await running.press("down", "down", "down", "enter")
        picture(running.app, f"backup-rotate-{end}")
        await running.press("escape", "home", "down", "enter", "enter")
        picture(running.app, f"backup-key-{end}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("reason", ["gradual", "needs_version"])
async def test_a_backup_that_is_not_there_yet_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int], reason: str
) -> None:
    fake = lively()
    fake.backups.now = turned_off(feature=FeatureView(False, reason))
    async with client(fake, size) as running:
        await running.press("f3")
        picture(running.app, f"backup-{reason.replace('_', '-')}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_having_digits_too_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    fake = lively()
    fake.backups.now = turned_on(has_recovery_key=False)
    async with client(fake, size) as running:
        await running.press("f3")
        running.app.screen.query_one("#encrypted", Button).press()
        await running.settle()
        await running.press("down", "enter")
        picture(running.app, f"backup-have-key-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_sheet_with_the_digits_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    fake = lively()
    fake.backups.now = turned_on()
    async with client(fake, size) as running:
        await running.press("f3")
        running.app.screen.query_one("#encrypted", Button).press()
        await running.settle()
        await running.press("down", "down", "enter", "down", "enter", "enter")
        picture(running.app, f"backup-sheet-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_turning_on_looks_as_before(
    client: Open, picture: Picture, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.chdir(FLEET_FILE.parent)
    end = f"{size[0]}x{size[1]}"
    async with client(lively(), size, tastes=Tastes(fleet=Path(FLEET_FILE.name))) as running:
        await running.press("f3", "enter", "enter")
        picture(running.app, f"turn-on-{end}")
        await running.press("enter")
        running.app.screen.query_one(Input).value = "/media/disk/letterlock"
        await running.press("enter")
        for field in running.app.screen.query(Input):
            field.value = "a long enough password"
        await running.pilot.pause(0.1)
        picture(running.app, f"turn-on-password-{end}")
        running.app.screen.query_one(Button).press()
        await running.pilot.pause(0.2)
        await running.settle()
        picture(running.app, f"turn-on-vault-{end}")
        await running.press("enter")
        picture(running.app, f"turn-on-confirm-{end}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_restore_looks_as_before(client: Open, picture: Picture, size: tuple[int, int]) -> None:
    end = f"{size[0]}x{size[1]}"
    async with Restoring().at_password(client, size) as running:
        picture(running.app, f"restore-password-{end}")
        running.app.screen.query_one(Input).value = "correct horse"
        await running.press("enter")
        picture(running.app, f"restore-preview-{end}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_finding_one_chat_of_many_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    end = f"{size[0]}x{size[1]}"
    async with Restoring(of_many).at_password(client, size) as running:
        running.app.screen.query_one(Input).value = "correct horse"
        await running.press("enter")
        picture(running.app, f"restore-preview-many-{end}")
        await running.press("a", "shift+tab")
        await running.type("person 1")
        picture(running.app, f"restore-preview-filter-{end}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_restore_of_a_damaged_backup_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    end = f"{size[0]}x{size[1]}"
    way = Restoring()
    async with way.at_password(client, size) as running:
        running.app.screen.query_one(Input).value = "correct horse"
        await running.press("enter")
        damage = ClientError(Code.BACKUP_DAMAGED, "segment 7 of 12 is damaged: its check does not fit")
        await fail_bare(running, way, damage)
        picture(running.app, f"restore-damaged-{end}")
        way.begun[0].failures.clear()
        press_button(running, "Look for what is whole")
        await running.settle()
        picture(running.app, f"restore-whole-{end}")
        lost = tuple(
            WrongFile(MessageId(bytes(16)), name, Code.BACKUP_MISSING.value)
            for name in ("holiday/beach at noon.jpg", "minutes.pdf", "song.ogg")
        )
        way.begun[0].restored = replace(way.begun[0].restored, lost=17, media_wrong=3, wrong=lost)
        press_button(running, "Restore")
        await running.settle()
        picture(running.app, f"restore-lost-files-{end}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_a_backup_with_nothing_whole_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    way = Restoring()
    async with way.at_password(client, size) as running:
        running.app.screen.query_one(Input).value = "correct horse"
        await running.press("enter")
        await fail_bare(running, way, ClientError(Code.BACKUP_DAMAGED, "segment 7 of 12 is damaged"))
        way.begun[0].nothing_whole = True
        press_button(running, "Look for what is whole")
        await running.settle()
        picture(running.app, f"restore-nothing-{size[0]}x{size[1]}")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_mending_a_backup_looks_as_before(
    client: Open, picture: Picture, size: tuple[int, int]
) -> None:
    end = f"{size[0]}x{size[1]}"
    fake = lively()
    fake.backups.now = turned_on()
    fake.backups.problems = ("segment 7 of 12 is missing", "media 4f02 11ac: its check does not fit")
    async with client(fake, size) as running:
        await choose(running, "Verify")
        picture(running.app, f"backup-damaged-{end}")
        await running.press("enter")
        picture(running.app, f"backup-mend-{end}")
        press_button(running, "Write it again")
        await running.settle()
        picture(running.app, f"backup-mended-{end}")
