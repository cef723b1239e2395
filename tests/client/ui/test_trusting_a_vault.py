"""A vault is trusted: its file read as it is named, its realms asked as it is trusted, and what is wrong told there."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from letterlock.vault.fleet import shown_hash
from letterlock_client.backup_models import RealmState
from letterlock_client.errors import ClientError, Code
from letterlock_client.fleet_file import load_fleet
from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.screens.backup.fleet import FleetScreen
from letterlock_client.ui.screens.backup.work import WorkScreen
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_backups import FLEET_FILE, realms, vault
from tests.client.ui.fake_messenger import lively
from tests.client.ui.test_backup_screens import (
    PASSWORD,
    backed_up,
    choose,
    fill,
    locked,
    press_button,
    screen_is,
    words,
)
from tests.client.ui.test_typed_ahead import burst

AWAY = RealmState.UNREACHABLE


async def turn_on_up_to_the_vault(running: Running) -> None:
    await choose(running, "Turn on")
    await running.press("enter")
    await fill(running, folder="/tmp")
    await running.press("enter")
    await fill(running, password=PASSWORD, again=PASSWORD)
    await running.pilot.pause(0.1)
    press_button(running, "Go on")
    await running.settle()


async def test_a_fleet_file_is_read_as_it_is_typed_and_a_wrong_one_told_there(
    client: Open, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(FLEET_FILE.read_text().replace("threshold = 2", "threshold = 4"))
    fingerprint = shown_hash(load_fleet(FLEET_FILE).hash)
    async with client(backed_up(), (60, 24)) as running:
        running.app.push_screen(FleetScreen(running.fake.backups.look_at))
        await running.settle()
        for begun in (str(tmp_path / "wro"), "~nobody-of-this-name/fleet"):
            await fill(running, fleet=begun)
            assert "cannot be read" not in words(running)
        await fill(running, fleet=str(wrong))
        assert "This fleet file is wrong: a fleet's threshold is more than half" in words(running)
        assert "ask whoever runs your vault for theirs" in words(running)
        assert "enter goes on" in running.text()
        # Nobody had to press enter, and the field still has the keys.
        await fill(running, fleet=str(FLEET_FILE))
        assert "wrong" not in words(running)
        assert fingerprint in words(running)
        assert running.app.screen.query_one(Input).has_focus
        await running.press("x")
        # Of a file that is named no more nothing stands there to be trusted.
        assert fingerprint not in words(running)
        assert running.app.screen.query_one(Button).disabled
        await running.press("backspace", "tab", "enter")
        assert not isinstance(running.app.screen, FleetScreen)


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ((AWAY, RealmState.NEVER_REGISTERED, AWAY), "north, west cannot be reached"),
        (
            (RealmState.NEVER_REGISTERED, RealmState.WRONG_KEY, RealmState.READY),
            "What answers for south is not",
        ),
        ((RealmState.NEVER_REGISTERED, RealmState.READY, RealmState.LIED), "What answers for west is not"),
        ((RealmState.NEVER_REGISTERED, RealmState.DESTROYED, AWAY), ""),
    ],
)
@pytest.mark.parametrize("size", [(60, 24), (100, 30)])
async def test_realms_that_are_not_what_the_file_says_are_told_where_it_is_trusted(
    client: Open, size: tuple[int, int], states: tuple[RealmState, ...], told: str
) -> None:
    fake = locked(lively())
    stand = zip(realms(), states, strict=True)
    fake.backups.view = vault(realms=tuple(replace(realm, state=state) for realm, state in stand))
    gate = fake.backups.gates["look_at"] = asyncio.Event()
    async with client(fake, size, tastes=Tastes(fleet=FLEET_FILE)) as running:
        await turn_on_up_to_the_vault(running)
        screen_is(running, FleetScreen)
        assert fake.backups.asked("look_at") == []
        # The second enter is no second word, and what is typed is no part of the file's name.
        burst(running, "enter", "enter", *"secret")
        await running.settle()
        assert "Asking the realms" in words(running)
        gate.set()
        await running.settle()
        assert fake.backups.asked("look_at") == [(FLEET_FILE,)]
        screen_is(running, FleetScreen if told else WorkScreen)
        assert told in words(running)
        assert fake.backups.asked("turn_on") == []
        if told:
            assert "whoever runs your vault" in words(running)
            assert "enter goes on" in running.text()
            fake.backups.view = vault()
            if AWAY in states:
                await running.press("enter")
            else:
                # Another file is named at once, in the place of this one.
                await running.press("x")
                assert running.app.screen.query_one(Input).value == "x"
                await fill(running, fleet=str(FLEET_FILE))
                await running.press("enter", "enter")
            screen_is(running, WorkScreen)


async def test_a_vault_that_cannot_be_asked_is_told_and_may_be_asked_again(client: Open) -> None:
    fake = locked(lively())
    fake.backups.failures["look_at"] = ClientError(Code.BAD_CONFIG, "this file is gone by now")
    async with client(fake, (60, 24), tastes=Tastes(fleet=FLEET_FILE)) as running:
        await turn_on_up_to_the_vault(running)
        await running.press("enter")
        screen_is(running, FleetScreen)
        assert "This file is gone by now." in words(running)
        del fake.backups.failures["look_at"]
        await running.press("enter")
        screen_is(running, WorkScreen)
