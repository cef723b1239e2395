"""What a relay sees, shown as it sees it: one line for each frame, on standard output.

The reader may be slow or gone: lines that do not fit its buffer are dropped and counted, and the relay never
waits for it. Must not know sockets; a frame's line holds nothing the relay does not have.
"""

import os
import select
import threading
from collections import deque
from typing import Final

import msgspec

from letterlock.ids import account_text
from letterlock.wire import frames
from letterlock_server.relay.state import Peer

_BUFFER_BYTES: Final = 4 * 1024 * 1024
_POLL_MS: Final = 200
_LINGER_S: Final = 1.0


class Seen(msgspec.Struct, frozen=True):
    """One frame as the relay sees it. `device` is who is logged in on that connection, if anybody."""

    direction: str
    kind: str
    size: int
    device: str | None = None
    to: str | None = None
    sealed: str = ""


def describe(direction: str, peer: Peer, frame: frames.Frame, data: bytes) -> Seen:
    """Return what there is to see of a frame: who handed it in, for whom, how long, and its sealed bytes."""
    device = None if peer.account is None else f"{account_text(peer.account)}/{peer.device}"
    to, sealed = None, b""
    if isinstance(frame, frames.Submit):
        to = account_text(frame.account)  # type: ignore[arg-type]
        sealed = b"".join(one.body for one in frame.sealed)
    elif isinstance(frame, frames.Deliver):
        to, sealed = device, frame.body
    elif isinstance(frame, frames.PutChunk | frames.Chunk):
        sealed = frame.data
    return Seen(direction, type(frame).__name__, len(data), device, to, sealed.hex())


def as_text(seen: Seen) -> str:
    """Return the line that people read."""
    arrow = "->" if seen.direction == "in" else "<-"
    sealed = f"  {seen.sealed[:48]}…" if seen.sealed else ""
    return f"{arrow} {seen.kind:<14} {seen.size:>7} B  {seen.device or 'nobody yet'}{sealed}"


class Watcher:
    """Writes lines to a descriptor from a thread, within a buffer."""

    def __init__(self, descriptor: int, *, json: bool) -> None:
        self._descriptor = descriptor
        self._json = json
        self._lines: deque[bytes] = deque()
        self._held = 0
        self._dropped = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._write, name="watch", daemon=True)
        self._thread.start()

    def __call__(self, direction: str, peer: Peer, frame: frames.Frame, data: bytes) -> None:
        """Show a frame, or count it as dropped."""
        seen = describe(direction, peer, frame, data)
        line = msgspec.json.encode(seen) if self._json else as_text(seen).encode()
        with self._changed:
            if self._held + len(line) > _BUFFER_BYTES or self._closing:
                self._dropped += 1
                return
            if self._dropped:
                self._add(self._notice())
            self._add(line)
            self._changed.notify()

    def close(self) -> None:
        """Write what is left if the reader takes it within a second; then stop."""
        with self._changed:
            if self._dropped:
                self._add(self._notice())
            self._closing = True
            self._changed.notify()
        self._thread.join(_LINGER_S + 2 * _POLL_MS / 1000)

    def _notice(self) -> bytes:
        dropped, self._dropped = self._dropped, 0
        return f'{{"dropped":{dropped}}}'.encode() if self._json else f"… {dropped} not shown".encode()

    def _add(self, line: bytes) -> None:
        self._lines.append(line + b"\n")
        self._held += len(line)

    def _write(self) -> None:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        lingered = 0.0
        while True:
            with self._changed:
                while not self._lines and not self._closing:
                    self._changed.wait()
                if not self._lines:
                    return
                line = self._lines.popleft()
                self._held -= len(line) - 1
            view = memoryview(line)
            while view:
                # A pipe that polls as writable takes this much without blocking.
                if not poll.poll(_POLL_MS):
                    lingered += _POLL_MS / 1000 if self._closing else 0.0
                    if lingered > _LINGER_S:
                        return
                    continue
                try:
                    view = view[os.write(self._descriptor, view[: select.PIPE_BUF]) :]
                except OSError:
                    return
