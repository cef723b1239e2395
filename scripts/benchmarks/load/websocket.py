"""A WebSocket client (RFC 6455) made for load: raw frames over one transport, several to a write.

Frames are masked with zeros: the server unmasks them with the same work, and the generator is spared its
half. Must not know what messages mean.
"""

import asyncio
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import cast

_SMALL = struct.Struct("!BBI")
_MIDDLE = struct.Struct("!BBHI")
_BINARY, _PING, _PONG, _CLOSE = 0x82, 0x89, 0x8A, 0x88
_MASKED = 0x80


class WebSocketLine(asyncio.Protocol):
    """One client connection. `take` gets all whole binary messages of a read at once."""

    def __init__(self, path: str = "/", subprotocol: str = "") -> None:
        self.take: Callable[[list[bytes]], None] = lambda messages: None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.closed = ""
        self._path = path
        self._subprotocol = subprotocol
        self._rest = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        wanted = f"Sec-WebSocket-Protocol: {self._subprotocol}\r\n" if self._subprotocol else ""
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bGV0dGVybG9jayBiZW5jaA==\r\n{wanted}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        if not self.opened.done():
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.opened.set_exception(ConnectionError(head.decode(errors="replace")))
                return
            self.opened.set_result(None)
        messages, self._rest = self._read(data)
        if messages:
            self.take(messages)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = self.closed or str(exc or "closed")
        if not self.opened.done():
            self.opened.set_exception(ConnectionError(self.closed))

    def send(self, messages: Iterable[bytes]) -> None:
        """Write binary messages, all at once."""
        self._transport.write(b"".join([framed(message) for message in messages]))

    def write(self, data: bytes) -> None:
        """Write frames that are made already."""
        self._transport.write(data)

    def close(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    def _read(self, data: bytes) -> tuple[list[bytes], bytes]:
        messages = []
        at, end = 0, len(data)
        while end - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                start += 2
                size = int.from_bytes(data[at + 2 : start])
            elif size == 127:
                start += 8
                size = int.from_bytes(data[at + 2 : start])
            if start + size > end:
                break
            if data[at] == _BINARY:
                messages.append(data[start : start + size])
            else:
                self._control(data[at], data[start : start + size])
            at = start + size
        return messages, data[at:]

    def _control(self, first: int, payload: bytes) -> None:
        if first == _PING:
            self._transport.write(framed(payload, _PONG))
        elif first == _CLOSE:
            self.closed = payload.decode(errors="replace")


def framed(message: bytes, first: int = _BINARY) -> bytes:
    """One masked frame of a client."""
    size = len(message)
    if size < 126:
        return _SMALL.pack(first, _MASKED | size, 0) + message
    return _MIDDLE.pack(first, _MASKED | 126, size, 0) + message


async def connect(port: int, lines: Sequence[WebSocketLine], *, at_once: int = 50) -> None:
    """Connect these to a server of this machine, so many at a time, and wait until each is open."""
    loop = asyncio.get_running_loop()

    async def open_one(line: WebSocketLine) -> None:
        await loop.create_connection(lambda: line, "127.0.0.1", port)
        await line.opened

    for start in range(0, len(lines), at_once):
        async with asyncio.timeout(20):
            await asyncio.gather(*(open_one(line) for line in lines[start : start + at_once]))
