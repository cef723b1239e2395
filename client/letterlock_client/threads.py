"""Work in a thread that uses what its caller is about to close: the caller sees it out, however often it is cancelled.

Must not know what the work is.
"""

import asyncio
from contextlib import suppress
from typing import Any


async def see_out(running: "asyncio.Future[Any]") -> None:
    """Wait until the work has ended, well or not; what cancels us meanwhile is the caller's to raise again."""
    while not running.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([running])
    # Nobody is left to hear what it raised.
    running.exception()
