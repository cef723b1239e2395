"""One sender and one receiver at a server under load, and how far their messages have come.

Must not know what is spoken: clients count what they see, and write when they are told to.
"""

from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Any


class Pair:
    """Counts of one pair. A message is complete when every step that its server knows has been seen.

    `steps` says which: "accepted" (the server told the sender that it has it), "delivered" (the receiver
    has it), "acknowledged" (the server told the receiver that it is forgotten). `write(count)` hands so
    many new messages to the sender's socket.
    """

    __slots__ = (
        "_write",
        "accepted",
        "acknowledged",
        "delivered",
        "moved",
        "seconds",
        "sent",
        "started",
        "steps",
    )

    def __init__(self, write: Callable[[int], None], steps: tuple[str, ...]) -> None:
        self._write = write
        self.steps = steps
        self.sent = self.accepted = self.delivered = self.acknowledged = 0
        self.moved: Callable[[Pair], Any] | None = None
        self.started: deque[float] = deque()
        self.seconds: list[float] | None = None

    def send(self, count: int) -> None:
        """Send so many messages now."""
        self.sent += count
        if self.seconds is not None:
            now = perf_counter()
            self.started.extend([now] * count)
        self._write(count)

    def accept(self, count: int) -> None:
        """The server answered the sender for so many."""
        self.accepted += count
        if self.moved is not None:
            self.moved(self)

    def deliver(self, count: int) -> None:
        """So many more reached the receiver, in the order in which they were sent."""
        self.delivered += count
        if self.started and self.seconds is not None:
            now = perf_counter()
            self.seconds += [now - self.started.popleft() for _ in range(count)]
        if self.moved is not None:
            self.moved(self)

    def acknowledge(self, count: int) -> None:
        """The server answered the receiver for so many."""
        self.acknowledged += count
        if self.moved is not None:
            self.moved(self)

    def completed(self) -> int:
        """How many messages have come all the way."""
        counts: list[int] = [getattr(self, step) for step in self.steps]
        return min(counts)
