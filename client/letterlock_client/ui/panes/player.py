"""Playing the sound of one message at a time, in one client pane.

Must not know how a sound is fetched or decoded.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from letterlock.ids import MessageId
    from letterlock_client.models import Message
    from letterlock_client.sound.devices import Playing
    from letterlock_client.ui.panes.calls import Calls


class Player:
    """What is heard, if something is."""

    def __init__(self, pane: Calls) -> None:
        self._pane = pane
        self._playing: Playing | None = None
        self._message: MessageId | None = None

    def toggle(self, message: Message) -> None:
        """Play this message, and nothing else any more; or stop it, if it is the one that is heard."""
        again = self._message == message.id
        self.stop()
        if not again:
            self._message = message.id
            self._pane.errand(self._play(message), failed=self.stop)

    async def _play(self, message: Message) -> None:
        devices = await asyncio.to_thread(self._pane.around.sound)
        sound = await self._pane.messenger.hear(message.id)
        if self._message != message.id:
            return
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def over() -> None:
            # From a thread of the sound system's, which may outlive this client.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)

        playing = await asyncio.to_thread(devices.play, sound, over)
        try:
            if self._message == message.id:
                self._playing = playing
                await ended.wait()
        finally:
            playing.stop()
            if self._playing is playing:
                self.stop()

    def stop(self) -> None:
        """Be silent."""
        playing, self._playing, self._message = self._playing, None, None
        if playing is not None:
            playing.stop()
