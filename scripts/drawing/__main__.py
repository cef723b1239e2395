"""Draws the pictures of the READMEs: real screens with people in memory, a fixed clock and a recorded relay.

The same run gives the same bytes, so that a picture changes only when a screen does.
"""

import asyncio
import os
import time

from scripts.drawing.saving import PICTURES
from scripts.drawing.screens import SCREENS, draw
from scripts.drawing.stage import draw_stage

if __name__ == "__main__":
    os.environ["TZ"] = "UTC"
    time.tzset()
    PICTURES.mkdir(exist_ok=True)
    for screen in SCREENS:
        asyncio.run(draw(screen))
    asyncio.run(draw_stage())
