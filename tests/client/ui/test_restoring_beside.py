"""A restore on the screen, with a real profile and a provider that is slow: chat at once, and the rest comes in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.widgets import Select, TextArea

from letterlock_client.backup_models import RestoreRequest
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.messenger import Messenger
from letterlock_client.restoration import Restoration
from letterlock_client.ui.doors import Doors, Registration, Start
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.widgets.tick_box import TickBox
from tests.client.flows.backup.backup_scene import pair, shelf
from tests.client.flows.backup.test_chatting_while_restoring import Scene, scene, texts
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import lively
from tests.client.ui.test_backup_screens import fill, press_button
from tests.simulator import RELAY_URL
from tests.town import WAIT_S, eventually, town

__all__ = ["pair", "scene", "shelf", "town"]


def doors(scene: Scene, start: Start) -> Doors:
    """The ways into Alice's new terminal."""
    town = scene.pair.town

    async def open_second(_passphrase: str) -> Messenger:
        scene.pair.alice = await Messenger.open(
            town.home, "second", NO_PASSPHRASE, outside=town.outside("second")
        )
        return scene.pair.alice

    async def register(_wanted: Registration) -> Messenger:
        raise AssertionError

    async def restore(wanted: RestoreRequest) -> Restoration:
        return await Restoration.begin(town.home, "second", wanted, outside=town.outside("second"))

    return Doors(start, open_second, register, suggested_relay=RELAY_URL, restore=restore)


async def until(running: Running, words: str) -> None:
    """Wait until these words stand on the screen, whatever else goes on."""

    async def there() -> bool:
        await running.settle()
        return words in running.text()

    await eventually(there)


@asynccontextmanager
async def at_the_chats(client: Open, scene: Scene) -> AsyncIterator[Running]:
    """From the first screen to the chats, with the 64 digits."""
    async with client(lively(), (110, 40), doors=doors(scene, Start.REGISTER)) as running:
        press_button(running, "Restore from a backup")
        await running.settle()
        await fill(running, handle="alice", folder="/tmp")
        running.app.screen.query_one("#by_key", Select).value = True
        await running.settle()
        press_button(running, "Look for the backup")
        await running.settle()
        running.app.screen.query_one(TextArea).load_text(scene.digits)
        await running.settle()
        press_button(running, "Open the backup")
        await until(running, "This backup was found")
        press_button(running, "Restore")
        await running.settle()
        running.app.screen.query_one("#bare", TickBox).value = True
        await running.settle()
        press_button(running, "Restore now")

        async def there() -> bool:
            await running.settle()
            return isinstance(running.app.screen, MainScreen)

        await eventually(there)
        yield running


async def say(running: Running, text: str) -> None:
    await running.type(text)
    await running.press("enter")


def in_order(running: Running, *words: str) -> None:
    """These words stand in the chat, one below the other; a notice may lie above them."""
    log = running.view.log_view
    shown = "\n".join(log.render_line(y).text for y in range(log.size.height))
    found = [shown.find(each) for each in words]
    assert found == sorted(found)
    assert found[0] >= 0


async def complete(running: Running, scene: Scene) -> None:
    async def none_left() -> bool:
        await running.settle()
        return not (await scene.pair.alice.backups.status()).restoring

    await eventually(none_left)


async def test_somebody_chats_while_old_messages_are_still_held_back(client: Open, scene: Scene) -> None:
    pair = scene.pair
    async with at_the_chats(client, scene) as running:
        async with asyncio.timeout(WAIT_S):
            await scene.slow.reached.wait()
        await until(running, "restoring messages")
        await running.press("enter")
        await until(running, "newest 2")
        await say(running, "I am back")

        async def heard() -> bool:
            return (await texts(pair.bob, pair.to_alice))[-1] == "I am back"

        await eventually(heard)
        await pair.bob.send_text(pair.to_alice, "welcome back")
        await until(running, "welcome back")
        in_order(running, "newest 0", "newest 1", "newest 2", "I am back", "welcome back")
        assert running.view.log_view.count < len(scene.said)
        scene.slow.let_go.set()
        await complete(running, scene)

        async def all_shown() -> bool:
            await running.settle()
            return running.view.log_view.count == len(scene.said) + 2

        await eventually(all_shown)
        in_order(running, "newest 0", "newest 1", "newest 2", "I am back", "welcome back")
        assert running.view.log_view.follow
        assert await texts(pair.alice, pair.to_bob) == [*scene.said, "I am back", "welcome back"]
        assert [one.message for one in running.app._notifications if "The restore is complete" in one.message]


async def test_a_program_that_ended_meanwhile_goes_on_by_itself_when_it_is_started(
    client: Open, scene: Scene
) -> None:
    async with at_the_chats(client, scene) as running:
        async with asyncio.timeout(WAIT_S):
            await scene.slow.reached.wait()
        await running.press("enter")
        await say(running, "gone in a moment")

        async def kept() -> bool:
            return (await texts(scene.pair.alice, scene.pair.to_bob))[-1] == "gone in a moment"

        await eventually(kept)
    async with client(lively(), (110, 40), doors=doors(scene, Start.OPEN)) as running:
        async with asyncio.timeout(WAIT_S):
            await scene.slow.reached.wait()
        await until(running, "restoring messages")
        scene.slow.let_go.set()
        await complete(running, scene)
        assert await texts(scene.pair.alice, scene.pair.to_bob) == [*scene.said, "gone in a moment"]
