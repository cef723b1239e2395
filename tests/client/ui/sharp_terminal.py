"""One picture on a terminal that may draw pixels: `python -m tests.client.ui.sharp_terminal`; it ends by itself."""

import asyncio
from typing import Any

from textual.app import App
from textual.pilot import Pilot

from letterlock_client.models import Picture
from letterlock_client.ui.graphics import ask_terminal
from letterlock_client.ui.screens.picture import PictureScreen, room_for
from letterlock_client.ui.themes import STYLES


class Shown(App[int]):
    """Nothing but the picture."""

    CSS_PATH = STYLES


async def leave(pilot: Pilot[Any]) -> None:
    await pilot.pause()
    await pilot.pause()
    pilot.app.exit(0)


async def main() -> None:
    graphics = ask_terminal()
    app = Shown()
    wide, high = (64, 48) if graphics is None else (300, 100)
    picture = Picture(wide, high, bytes([200, 30, 60]) * (wide * high))
    cells: list[int] = []

    async def show(pilot: Pilot[Any]) -> None:
        await app.push_screen(PictureScreen(picture, "a picture", graphics))
        await pilot.pause()
        cells.extend(app.screen.query_one(".dialog").children[1].size)
        await leave(pilot)

    await app.run_async(auto_pilot=show)
    print("room", *room_for(app.size, graphics))
    print("cells", *cells)


if __name__ == "__main__":
    asyncio.run(main())
