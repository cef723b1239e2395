"""Tells every listener what happened, each through a bounded queue of its own.

A listener that does not keep up loses its backlog, is told so once (`EventsLost`), and reloads; it never
slows the core down. How the connection stands is the one thing that nobody can ask for, so a new listener
hears it first. Must not know what other events mean.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Final, Self

from letterlock_client.events import ConnectionChanged, Event, EventsLost

BACKLOG: Final = 2048
"""How many events may wait for one listener."""


class EventStream:
    """An async iterator over what happens from now on; one reader each."""

    def __init__(self, hub: "Announcer", backlog: int = BACKLOG) -> None:
        self._hub = hub
        self._most = backlog
        self._waiting: deque[Event] = deque()
        self._some = asyncio.Event()
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Wait for the next event. Ends once this stream or the messenger is closed and all is read."""
        while not self._waiting:
            if self._closed:
                raise StopAsyncIteration
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()

    def close(self) -> None:
        """Stop listening. May be called twice."""
        self._closed = True
        self._hub.drop(self)
        self._some.set()

    def put(self, event: Event) -> None:
        """Take one more event; where the backlog is full, all of it gives way to one `EventsLost`."""
        if len(self._waiting) >= self._most:
            self._waiting.clear()
            self._waiting.append(EventsLost())
        self._waiting.append(event)
        self._some.set()


class Announcer:
    """Hands each event to every open stream."""

    def __init__(self) -> None:
        self._streams: set[EventStream] = set()
        self._connection: ConnectionChanged | None = None

    def listen(self) -> EventStream:
        """Open a stream of what happens from now on; it begins with how the connection stands."""
        stream = EventStream(self)
        if self._connection is not None:
            stream.put(self._connection)
        self._streams.add(stream)
        return stream

    def say(self, events: Iterable[Event]) -> None:
        """Tell these, in order. Only call it once what they say is on disk."""
        for event in events:
            if isinstance(event, ConnectionChanged):
                self._connection = event
            for stream in tuple(self._streams):
                stream.put(event)

    def drop(self, stream: EventStream) -> None:
        """Forget a stream."""
        self._streams.discard(stream)

    def close(self) -> None:
        """End every stream."""
        for stream in tuple(self._streams):
            stream.close()
