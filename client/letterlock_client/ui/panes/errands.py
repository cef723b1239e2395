"""Running calls of the messenger in the background, and telling what failed.

The lowest part of a client pane. Must not know what the calls are.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual import on
from textual.containers import Vertical
from textual.message import Message as TextualMessage

from letterlock_client.errors import ClientError
from letterlock_client.sanitize import line_of
from letterlock_client.ui.background import start


class Errands(Vertical):
    """A part of the screen that sends calls off and tells their failures."""

    @dataclass
    class Failed(TextualMessage):
        """A call failed."""

        error: ClientError
        then: Callable[[], None] | None

    def __init__(self) -> None:
        super().__init__()
        self._in_order = asyncio.Lock()

    def errand(
        self, call: Awaitable[object], *, failed: Callable[[], None] | None = None, in_order: bool = False
    ) -> None:
        """Run one call in the background; on failure tell the reason and do `failed`."""
        start(self, self._run, call, failed, in_order, group="errands")

    async def _run(self, call: Awaitable[object], failed: Callable[[], None] | None, in_order: bool) -> None:
        try:
            if in_order:
                async with self._in_order:
                    await call
            else:
                await call
        except ClientError as error:
            self.post_message(self.Failed(error, failed))

    @on(Failed)
    def _tell_failure(self, event: Failed) -> None:
        event.stop()
        if event.then is not None:
            event.then()
        self.tell(event.error.sentence, severe=True)

    def tell(self, text: str, *, severe: bool = False) -> None:
        """Show a short notice."""
        self.app.notify(line_of(text), severity="error" if severe else "information", markup=False)
