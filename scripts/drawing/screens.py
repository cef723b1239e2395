"""The screens of one client, each reached by keys."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from letterlock_client.storage_use import StorageUse
from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Doors, Start, Tastes
from scripts.drawing.chats import put_card, put_chats, put_files, put_picture, put_times
from scripts.drawing.saving import save, settle
from tests.client.sound.memory_devices import MemoryDevices
from tests.client.ui.fake_messenger import FakeMessenger


@dataclass(frozen=True, slots=True)
class Screen:
    """One picture: its name, its size, what is there besides the usual chats, and the keys that lead to it."""

    name: str
    size: tuple[int, int]
    keys: str
    put: Callable[[FakeMessenger], None] | None = None


SCREENS: Final = (
    Screen("chat", (112, 30), "enter"),
    Screen("message-info", (76, 26), "enter escape i", put_times),
    Screen("contact-card", (76, 26), "enter", put_card),
    Screen("recording", (76, 26), "enter alt+s"),
    Screen("picture", (76, 26), "enter escape v", put_picture),
    Screen("storage", (76, 32), "f2 m a k e space r o o m enter", put_files),
    Screen("help", (76, 32), "f1"),
)


async def draw(screen: Screen) -> None:
    """Draw one screen."""
    alice = FakeMessenger("alice")
    put_chats(alice)
    if screen.put is not None:
        screen.put(alice)

    async def give(passphrase: str) -> Any:
        return alice

    async def measure() -> StorageUse:
        return StorageUse("~/.local/share/letterlock/alice", 6_300_000, 99_600_000, 212_000_000_000)

    tastes = Tastes(sound=MemoryDevices, measure=measure)
    app = LetterlockApp(Doors(Start.OPEN, give, give), tastes, clock=alice.clock)  # type: ignore[arg-type]
    async with app.run_test(size=screen.size) as pilot:
        await settle(pilot)
        for key in screen.keys.split():
            await pilot.press(key)
            await settle(pilot)
        save(app, screen.name)
