"""One table of commands: every id once, every action there, no key twice."""

import subprocess
import sys

from textual.widgets._footer import FooterKey

from letterlock.devices.invite import SCHEME
from letterlock_client.ui.commands import COMMANDS, Where, actions, bindings, clashes, keys_of
from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.panes.client_pane import ClientPane
from letterlock_client.ui.widgets.composer import Composer
from letterlock_client.ui.widgets.message_log import MessageLog
from letterlock_client.ui.wording import CARD
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import chat_id, lively

OWNERS = {
    Where.CLIENT: ClientPane,
    Where.COMPOSER: Composer,
    Where.LIST: MessageLog,
    Where.MESSAGE: MessageLog,
}


def test_every_command_has_its_action_and_its_id() -> None:
    assert len({spec.id for spec in COMMANDS}) == len(COMMANDS)
    for spec in COMMANDS:
        assert callable(getattr(OWNERS[spec.where], f"action_{spec.action.partition('(')[0]}"))
        assert spec.help.endswith(".")


def test_the_keys_do_not_clash() -> None:
    assert clashes({}) == []


def test_a_keymap_that_clashes_or_misses_is_told() -> None:
    assert clashes({"chat.help": "f4"}) == ["f4 is given to both chat.help and chat.verify"]
    assert clashes({"chat.nothing": "x"}) == ["there is no command 'chat.nothing' to give a key to"]


def test_every_binding_can_be_remapped() -> None:
    for where in (Where.CLIENT, Where.MESSAGE):
        assert all(binding.id for binding in bindings(where))
    assert actions(Where.COMPOSER, {"write.send": "ctrl+s"})["ctrl+s"] == "send"
    assert "enter" not in actions(Where.COMPOSER, {"write.send": "ctrl+s"})


def test_keys_are_named_as_people_know_them() -> None:
    named = {spec.id: keys_of(spec) for spec in COMMANDS}
    assert named["message.react"] == "+"
    assert named["write.newline"] == "ctrl+j, alt+enter, shift+enter"


async def test_a_remapped_key_works_and_the_old_one_does_not(client: Open) -> None:
    async with client(lively(), tastes=Tastes(keymap={"chat.next_unread": "f9"})) as running:
        await running.press("alt+a")
        assert running.pane.view is None
        await running.press("f9")
        assert running.view.id_of_chat == chat_id("bob")
        await running.press("f1")
        assert "f9" in running.text()


async def test_a_clash_is_told_at_the_start(client: Open) -> None:
    async with client(lively(), tastes=Tastes(keymap={"chat.help": "f4"})) as running:
        assert "f4 is given to both" in running.text()


async def test_the_way_out_stands_with_all_commands_and_has_the_key_its_owner_chose(client: Open) -> None:
    async with client(lively(), tastes=Tastes(keymap={"chat.quit": "f10"})) as running:
        assert "no command" not in running.text()
        await running.press("ctrl+q")
        assert not running.app._exit
        await running.press("enter")
        await running.type("/quit")
        await running.press("enter")
        assert running.app._exit


def test_nobody_waits_for_keys_and_backups_to_see_the_first_screen() -> None:
    heavy = ("nacl", "cryptography", "sqlcipher3", "websockets", "letterlock_client.backup_models")
    code = f"import sys, letterlock_client.ui.app; print([name for name in {heavy!r} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_card_begins_as_the_library_says() -> None:
    assert CARD == SCHEME


async def test_the_keys_below_are_made_anew_only_when_others_work(client: Open) -> None:
    async with client(lively()) as running:
        keys = list(running.app.screen.query(FooterKey))
        await running.press("enter")
        assert list(running.app.screen.query(FooterKey)) == keys
        await running.press("escape")
        shown = [key.description for key in running.app.screen.query(FooterKey)]
        assert shown[:3] == ["Menu", "Switch chat", "Help"]
