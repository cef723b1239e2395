"""One client's bytes: a WebSocket (RFC 6455) over one transport, held to limits and deadlines.

::

    accept --head complete, no Origin, subprotocol--> open --either side closes, or a limit--> lost
       \\--10 s, 16 KiB, or anything else--> lost

Built on the Sans-I/O layer of `websockets`, so that nothing is buffered that is not counted here: there is
no task, no queue and no timer for an idle connection beyond its login deadline. Compression is never
offered. Must not know the frames of any subprotocol: a message is bytes.
"""

import asyncio
import logging
import struct
from typing import Any, Final, NamedTuple, Protocol, cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from letterlock_server.websocket.framing import extent, plain_message

MAX_HEAD: Final = 16 * 1024
MAX_WRITE_BUFFER: Final = 1024 * 1024
WRITE_HIGH: Final = 64 * 1024
_SLICE: Final = 16 * 1024
"""Bytes parsed before limits are looked at again: what one read can bring must not run free."""
_MAX_FRAGMENTS: Final = 64
_CONTROL_BURST: Final = 32.0
_CONTROL_PER_S: Final = 2.0
_MUCH: Final = 2 * WRITE_HIGH
_BINARY: Final = 0x82
_TWO_BYTES: Final = struct.Struct("!BBH")
_EIGHT_BYTES: Final = struct.Struct("!BBQ")
FENCED: Final = 4001
REVOKED: Final = 4003

_log = logging.getLogger("letterlock_server.websocket")
# The library would log what peers send; what matters of it is counted here.
_log.disabled = True


class Speech(NamedTuple):
    """What is spoken on a connection: its subprotocol, the greatest message, and what the server calls itself."""

    subprotocol: str
    max_frame: int
    server: str


class Owner(Protocol):
    """Who a connection reports to; called in the event loop, from within reads."""

    def opened(self, connection: "Connection") -> None:
        """The handshake is done."""

    def message(self, connection: "Connection", data: bytes) -> None:
        """A whole binary message came."""

    def writable(self, connection: "Connection") -> None:
        """What was written has gone out, after a time when it had not."""

    def lost(self, connection: "Connection") -> None:
        """The connection is over; called once."""

    def dirty(self, connection: "Connection") -> None:
        """There is something to flush: call `flush` soon."""

    def healthy(self) -> bool:
        """Whether the server may be used, for `/healthz`."""


class Connection(asyncio.Protocol):
    """One client's transport and its WebSocket."""

    __slots__ = (
        "_control",
        "_control_at",
        "_ending",
        "_fragments",
        "_head",
        "_header",
        "_loop",
        "_out",
        "_out_bytes",
        "_owner",
        "_socket",
        "_speech",
        "_theirs",
        "_transport",
        "_unstuck",
        "address",
        "deadline",
        "ending_since",
        "heard",
        "held",
        "is_open",
        "peer",
        "pinged",
        "stuck_since",
        "why",
    )

    def __init__(self, owner: Owner, address: str, loop: asyncio.AbstractEventLoop, speech: Speech) -> None:
        self.address = address
        self.peer: Any = None
        """Whoever speaks here, as the owner knows them; None until the handshake is done."""
        self._speech = speech
        self.deadline: asyncio.TimerHandle | None = None
        self.is_open = False
        self.heard = loop.time()
        self.pinged = 0.0
        self.stuck_since = 0.0
        self.ending_since = 0.0
        self.held = False
        self.why = "closed"
        self._owner = owner
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._socket: ServerProtocol | None = None
        self._head: bytearray | None = bytearray()
        self._header = b""
        self._theirs = 0
        self._fragments: list[bytes] | None = None
        self._control = _CONTROL_BURST
        self._control_at = self.heard
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._ending = False
        self._unstuck: asyncio.Future[None] | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=WRITE_HIGH)

    def data_received(self, data: bytes) -> None:
        """Read what came, a slice at a time."""
        self.heard = self._loop.time()
        self.pinged = 0.0
        if self._head is not None:
            data = self._read_head(data)
        if len(data) <= _SLICE:
            if data:
                self._feed(data)
            return
        for at in range(0, len(data), _SLICE):
            if self._ending or self._transport is None:
                return
            self._feed(data[at : at + _SLICE])

    def eof_received(self) -> bool:
        """Close when the client has ended its side."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        self._transport = None
        self._ending = True
        self.is_open = False
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        self._out.clear()
        self._out_bytes = 0
        self._wake()
        self._owner.lost(self)

    def pause_writing(self) -> None:
        """Take note that the client does not read as fast as we write; ask nothing more of it."""
        self.stuck_since = self._loop.time()
        self._read_on()

    def resume_writing(self) -> None:
        """Go on."""
        self.stuck_since = 0.0
        self._wake()
        self._read_on()
        if self.is_open and not self._ending:
            self._owner.writable(self)

    # What the server calls.

    def send(self, data: bytes) -> None:
        """Queue a binary message; it leaves with the next flush."""
        if self._ending:
            return
        size = len(data)
        if size < 126:
            header = bytes((_BINARY, size))
        elif size < 65536:
            header = _TWO_BYTES.pack(_BINARY, 126, size)
        else:
            header = _EIGHT_BYTES.pack(_BINARY, 127, size)
        if not self._out:
            self._owner.dirty(self)
        self._out.append(header)
        self._out.append(data)
        self._out_bytes += size

    def congested(self) -> bool:
        """Say whether more should wait until `Owner.writable`, or until after the next flush."""
        return self.stuck_since > 0.0 or self._out_bytes > _MUCH

    async def unstuck(self) -> None:
        """Wait until what was written has gone out, or the connection is over."""
        if self._out_bytes > _MUCH:
            # The flush was scheduled before this, so it comes first.
            await asyncio.sleep(0)
        while self.stuck_since and self._transport is not None:
            if self._unstuck is None:
                self._unstuck = self._loop.create_future()
            await asyncio.shield(self._unstuck)

    def flush(self) -> None:
        """Write all that is queued, at once; cut a client that lets too much pile up."""
        transport = self._transport
        if transport is None:
            return
        much = self._out_bytes > _MUCH
        if self._out:
            transport.write(b"".join(self._out))
            self._out.clear()
            self._out_bytes = 0
        if transport.get_write_buffer_size() > MAX_WRITE_BUFFER:
            self.abort("does not read")
        elif self._ending:
            transport.close()
        elif much and not self.stuck_since:
            self._owner.writable(self)

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self._socket is not None and self.is_open and not self._ending:
            self.pinged = self._loop.time()
            self._socket.send_ping(b"")
            self._drain()

    def close(self, code: int, reason: str) -> None:
        """Close after what is queued; `ending_since` says from when on it may be aborted."""
        if self._ending or self._socket is None or self._socket.state is not OPEN:
            self.abort(reason)
            return
        self.why = reason
        self._socket.fail(code, reason)
        self._drain()

    def abort(self, why: str) -> None:
        """Cut, now."""
        self.why = why
        self._ending = True
        self.is_open = False
        self._out.clear()
        self._out_bytes = 0
        if self._transport is not None:
            self._transport.abort()

    def hold(self, held: bool) -> None:
        """Stop or go on reading: more is asked than is answered."""
        self.held = held
        self._read_on()

    # Within.

    def _read_on(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if self.held or self.stuck_since:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _wake(self) -> None:
        waiter, self._unstuck = self._unstuck, None
        if waiter is not None:
            waiter.set_result(None)

    def _read_head(self, data: bytes) -> bytes:
        # The head is gathered here: the parser would take what follows it for frames before we accept.
        head = cast("bytearray", self._head)
        before = len(head)
        head += data[: MAX_HEAD + 1]
        end = head.find(b"\r\n\r\n", max(0, before - 3))
        if end < 0 or end + 4 > MAX_HEAD:
            if len(head) > MAX_HEAD:
                self.abort("oversized head")
            return b""
        self._head = None
        self._socket = ServerProtocol(
            subprotocols=[Subprotocol(self._speech.subprotocol)],
            extensions=None,
            max_size=self._speech.max_frame,
            logger=_log,
        )
        self._parse(bytes(head[: end + 4]))
        return data[end + 4 - before :] if self.is_open else b""

    def _feed(self, data: bytes) -> None:
        # The library gets whole frames of its own, so that each of the two always stands between frames.
        if self._header:
            data, self._header = self._header + data, b""
        at, end = min(self._theirs, len(data)), len(data)
        if at:
            self._theirs -= at
            self._parse(data[:at])
        while at < end and self._socket is not None and not self._ending:
            start, stop = extent(data, at)
            if not stop:
                self._header = data[at:]
                return
            plain = self._fragments is None and self._socket.state is OPEN
            message = plain_message(data, at, start, stop) if plain else None
            if message is None:
                self._theirs = max(0, stop - end)
                self._parse(data[at:stop])
            else:
                self._owner.message(self, message)
            at = stop

    def _parse(self, data: bytes) -> None:
        socket = self._socket
        if socket is None or self._ending:
            return
        socket.receive_data(data)
        for event in socket.events_received():
            if type(event) is Frame:
                self._frame(event)
            elif type(event) is Request:
                self._answer_request(socket, event)
        if socket.writes:
            self._drain()

    def _answer_request(self, socket: ServerProtocol, request: Request) -> None:
        if request.path == "/healthz":
            healthy = self._owner.healthy()
            response = socket.reject(200 if healthy else 503, "ok\n" if healthy else "failing\n")
        elif request.headers.get_all("Origin"):
            # No browser page has any business here: not even one that a user was lured to.
            response = socket.reject(403, f"This {self._speech.server} does not serve web pages.\n")
        else:
            response = socket.accept(request)
        socket.send_response(response)
        if response.status_code == 101:
            self.is_open = True
            self._owner.opened(self)

    def _frame(self, frame: Frame) -> None:
        opcode = frame.opcode
        if opcode is Opcode.BINARY and frame.fin:
            self._owner.message(self, bytes(frame.data))
        elif opcode is Opcode.BINARY:
            self._fragments = [bytes(frame.data)]
        elif opcode is Opcode.CONT and self._fragments is not None:
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                whole, self._fragments = b"".join(self._fragments), None
                self._owner.message(self, whole)
            elif len(self._fragments) > _MAX_FRAGMENTS:
                self._fail(CloseCode.POLICY_VIOLATION, "too many fragments")
        elif opcode is Opcode.PING or opcode is Opcode.PONG:
            self._count_control()
        elif opcode is not Opcode.CLOSE:
            self._fail(CloseCode.UNSUPPORTED_DATA, "binary messages only")

    def _count_control(self) -> None:
        earned = (self.heard - self._control_at) * _CONTROL_PER_S
        self._control = min(_CONTROL_BURST, self._control + earned) - 1.0
        self._control_at = self.heard
        if self._control < 0.0:
            self.abort("control frames")

    def _fail(self, code: CloseCode, reason: str) -> None:
        if self._socket is not None and not self._ending:
            self.why = reason
            self._socket.fail(code, reason)

    def _drain(self) -> None:
        socket = cast("ServerProtocol", self._socket)
        was_empty = not self._out
        for chunk in socket.data_to_send():
            if chunk:
                self._out.append(chunk)
                self._out_bytes += len(chunk)
            else:
                self._ending = True
                self.ending_since = self._loop.time()
        if was_empty:
            self._owner.dirty(self)
