"""A client on a real terminal, in which all that others control is hostile, walked through every screen.

`python -m tests.client.ui.besieged_terminal [plain]` draws on its own terminal and leaves by itself; with `plain` the
same people are called and write nothing special. Whoever started it reads what came out.
"""

import asyncio
import sys
from typing import Any

import textual.app
import textual.pilot
from textual.pilot import Pilot

from letterlock.ids import MessageId
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm, ConnectionChanged, KeyChanged, Link
from letterlock_client.models import Again, KeptFile
from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Doors, Start, Tastes
from tests.client.ui import test_hostile_text
from tests.client.ui.fake_messenger import FakeMessenger, account, chat_id
from tests.stillness import count_threads, press, until_idle, until_still

WALK = (
    "escape end pageup pageup pageup",
    "escape end i",
    "escape end h",
    "escape up up O",
    "escape up q",
    "alt+c",
    "alt+r",
    "ctrl+k",
    "ctrl+f r e d",
    "f2 b l o c k e d enter",
    "f2 m a k e enter enter",
    "f3",
    "f4",
    "f12",
    "f12",
)
"""Keys that lead to a screen; escapes lead back from it."""


async def walk(pilot: Pilot[Any], fake: FakeMessenger, nasty: str) -> None:
    """Go everywhere; let strangers write and call meanwhile."""
    app: Any = pilot.app
    await until_still(app)
    pane = app.screen.pane
    await pane.open_chat(chat_id("victim"))
    await until_still(app)
    for keys in WALK:
        await press(app, *keys.split())
        while len(app.screen_stack) > 2:
            await press(app, "escape")
    app.app_focus = False
    for who in ("victim", "peer3"):
        fake.receive(chat_id(who), nasty)
    fake.tell(Alarm("list_forked", nasty, chat_id("victim")))
    fake.tell(KeyChanged(account("peer1"), chat_id("peer1"), was_verified=True))
    fake.tell(ConnectionChanged(Link.REFUSED, nasty))
    await until_still(app)
    app.app_focus = True
    fake.failures["send_text"] = ClientError(Code.REFUSED, nasty)
    await press(app, "h", "i", "enter")
    await until_still(app)
    app.exit(0)


def people(*, plain: bool) -> tuple[FakeMessenger, str]:
    """Everybody, and what the worst of them says."""
    if plain:
        test_hostile_text.HOSTILE[:] = [
            f"quite plain {number}" for number in range(len(test_hostile_text.HOSTILE))
        ]
        test_hostile_text.NASTY = "nothing special"
    nasty = test_hostile_text.NASTY
    fake = test_hostile_text.besieged()
    fake.kept = [
        KeptFile(MessageId(bytes([number] * 16)), chat_id("victim"), text, "", 5, fake.clock.now, Again.RELAY)
        for number, text in enumerate(test_hostile_text.HOSTILE)
    ]
    return fake, nasty


def main() -> None:
    """Draw, walk, leave."""
    fake, nasty = people(plain="plain" in sys.argv[1:])

    async def give(_passphrase: str) -> FakeMessenger:
        return fake

    async def run() -> None:
        count_threads()
        textual.app.wait_for_idle = textual.pilot.wait_for_idle = until_idle  # type: ignore[attr-defined]
        app = LetterlockApp(
            Doors(Start.OPEN, give, give),  # type: ignore[arg-type]
            Tastes(preview=True),
            clock=fake.clock,
        )
        await app.run_async(auto_pilot=lambda pilot: walk(pilot, fake, nasty))

    asyncio.run(run())


if __name__ == "__main__":
    main()
