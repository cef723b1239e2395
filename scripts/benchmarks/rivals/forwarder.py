"""The ceiling of the stack: `websockets` on uvloop that forwards each message and stores nothing.

A program of its own: `python -m scripts.benchmarks.rivals.forwarder PORT`. Whoever connects to `/7/to`
receives what is sent on `/7/from`, and its sender is told of each message that it was passed on; on
`/7/from/unanswered` it is not. Built on the library's Sans-I/O layer, which is more than twice as fast here
as its coroutines. No identities, no limits, no compression.
"""

import asyncio
import sys
from typing import cast

import uvloop
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

receivers: dict[str, "Forwarder"] = {}
ACCEPTED = b"accepted"


class Forwarder(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._socket = ServerProtocol(max_size=1 << 20)
        self._number = ""
        self._answers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._socket.receive_data(data)
        to = receivers.get(self._number)
        for event in self._socket.events_received():
            if isinstance(event, Request):
                self._socket.send_response(self._socket.accept(event))
                _, self._number, role = event.path.split("/", 2)
                self._answers = role == "from"
                if role == "to":
                    receivers[self._number] = self
            elif isinstance(event, Frame) and event.opcode is Opcode.BINARY and to is not None:
                to.send(bytes(event.data))
                if self._answers:
                    self.send(ACCEPTED)
        if to is not None:
            to.flush()
        self.flush()

    def send(self, message: bytes) -> None:
        self._socket.send_binary(message)

    def flush(self) -> None:
        if chunks := self._socket.data_to_send():
            self._transport.write(b"".join(chunks))


async def main(port: int) -> None:
    """Serve until killed."""
    server = await asyncio.get_running_loop().create_server(Forwarder, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
