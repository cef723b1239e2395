"""A client connection that speaks bytes without frames of its own, for protocols that need no more."""

import asyncio
from collections.abc import Callable
from typing import cast


class StreamLine(asyncio.Protocol):
    """One client connection; `take(data)` gets what comes, and returns the bytes to be kept for later."""

    def __init__(self) -> None:
        self.take: Callable[[bytes], bytes] | None = None
        self._kept = b""
        self._came = asyncio.Event()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self._kept + data if self._kept else data
        if self.take is None:
            self._kept = data
            self._came.set()
        else:
            self._kept = self.take(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._came.set()

    def write(self, data: bytes) -> None:
        """Write at once."""
        self._transport.write(data)

    async def ask(self, request: bytes, answer: bytes, seconds: float = 20.0) -> bytes:
        """Write, and wait until what came holds `answer`; return it all. Raises ConnectionError."""
        self._kept = b""
        self._transport.write(request)
        async with asyncio.timeout(seconds):
            while answer not in self._kept:
                self._came.clear()
                await self._came.wait()
                if self._transport.is_closing():
                    raise ConnectionError(self._kept.decode(errors="replace"))
        came, self._kept = self._kept, b""
        return came


async def connect(port: int) -> StreamLine:
    """Connect to a server of this machine."""
    _, line = await asyncio.get_running_loop().create_connection(StreamLine, "127.0.0.1", port)
    return line
