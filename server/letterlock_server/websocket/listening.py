"""The front door of a server: accepts, sweeps, flushes, and closes in order.

Addresses are capped from the moment of `accept`, TLS handshake included. Everything written in one turn of
the loop leaves in one write for each connection. One sweep stands in for all timers. Must not know what
messages mean, nor who speaks.
"""

import abc
import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections import Counter
from typing import Final, Protocol

import msgspec

from letterlock_server.websocket.connection import Connection, Speech

_BACKLOG: Final = 1024
_SWEEP_SHARE: Final = 1000
_GOING_AWAY: Final = 1001


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a client may take, in seconds; and how many may try."""

    login: float = 10.0
    silence: float = 20.0
    pong: float = 20.0
    reading: float = 20.0
    closing: float = 5.0
    sweep: float = 2.0
    connections_per_address: int = 64
    connections: int = 20_000


class Traffic(Protocol):
    """What a listener counts."""

    connections: int
    turned_away: int
    cut: int


class Listener(abc.ABC):
    """Listens, and owns every connection. Implements `connection.Owner`; what is behind the door is a subclass."""

    def __init__(self, speech: Speech, patience: Patience, traffic: Traffic) -> None:
        self._speech = speech
        self._patience = patience
        self._traffic = traffic
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._addresses: Counter[str] = Counter()
        self._dirty: list[Connection] = []
        self._listener: socket.socket | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._handshakes: set[asyncio.Task[None]] = set()
        self._tls: ssl.SSLContext | None = None
        self._empty = asyncio.Event()

    # What is behind the door.

    @abc.abstractmethod
    def may_enter(self, address: str) -> bool:
        """Say whether one more connection from this address is within its rate."""

    @abc.abstractmethod
    def opened(self, connection: Connection) -> None:
        """See `connection.Owner`."""

    @abc.abstractmethod
    def message(self, connection: Connection, data: bytes) -> None:
        """See `connection.Owner`."""

    @abc.abstractmethod
    def writable(self, connection: Connection) -> None:
        """See `connection.Owner`."""

    @abc.abstractmethod
    def healthy(self) -> bool:
        """See `connection.Owner`."""

    @abc.abstractmethod
    def left(self, connection: Connection) -> None:
        """Let go of whoever spoke there: the connection is over."""

    @abc.abstractmethod
    def idle(self, connection: Connection) -> None:
        """Look whether anything was missed: the sweep found nothing wrong with an open connection."""

    @abc.abstractmethod
    def farewell(self, connection: Connection) -> None:
        """Say that the server is about to close."""

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None) -> tuple[str, int]:
        """Begin to accept; return the address and port that were bound. Raises OSError."""
        self._tls = tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        found = await self._loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(found[0][4])
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
        self._listener = listener
        self._tasks = [asyncio.create_task(self._accept(listener)), asyncio.create_task(self._sweep())]
        bound = listener.getsockname()
        return str(bound[0]), int(bound[1])

    def stop_accepting(self) -> None:
        """Let nobody else in."""
        for task in self._tasks:
            task.cancel()
        if self._listener is not None:
            listener, self._listener = self._listener, None
            listener.close()

    async def close(self, seconds: float) -> None:
        """Tell everybody, wait for them to go, cut who has not gone."""
        self.stop_accepting()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for task in list(self._handshakes):
            task.cancel()
        for connection in list(self._connections):
            if connection.peer is not None:
                self.farewell(connection)
            connection.close(_GOING_AWAY, "closing")
        self._flush()
        if self._connections:
            self._empty.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._empty.wait()
        for connection in list(self._connections):
            connection.abort("closing")
        if self._connections:
            await self._empty.wait()

    # Accepting.

    async def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                accepted, peer = await self._loop.sock_accept(listener)
            except OSError:
                # Out of descriptors, or the client has gone: neither is a reason to stop.
                self._traffic.turned_away += 1
                await asyncio.sleep(0.1)
                continue
            address = address_key(peer[0])
            if not self._has_room(address):
                self._traffic.turned_away += 1
                accepted.close()
                continue
            accepted.setblocking(False)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._addresses[address] += 1
            if self._tls is None:
                await self._welcome(accepted, address)
            else:
                task = asyncio.create_task(self._welcome(accepted, address))
                self._handshakes.add(task)
                task.add_done_callback(self._handshakes.discard)

    def _has_room(self, address: str) -> bool:
        if sum((len(self._connections), len(self._handshakes))) >= self._patience.connections:
            return False
        if self._addresses[address] >= self._patience.connections_per_address:
            return False
        return self.may_enter(address)

    async def _welcome(self, accepted: socket.socket, address: str) -> None:
        connection = Connection(self, address, self._loop, self._speech)
        connection.deadline = self._loop.call_later(self._patience.login, _too_late, connection)
        self._connections.add(connection)
        self._traffic.connections = len(self._connections)
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=self._patience.login if self._tls else None,
            )
        except (OSError, TimeoutError, asyncio.CancelledError):
            accepted.close()
            if connection.deadline is not None:
                connection.deadline.cancel()
            self.lost(connection)

    # What connections report.

    def lost(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        if connection not in self._connections:
            return
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()
        self._traffic.connections = len(self._connections)
        self._addresses[connection.address] -= 1
        if not self._addresses[connection.address]:
            del self._addresses[connection.address]
        self.left(connection)

    def dirty(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        if not self._dirty:
            self._loop.call_soon(self._flush)
        self._dirty.append(connection)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()

    # Sweeping.

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self._patience.sweep)
            for number, connection in enumerate(list(self._connections)):
                self.sweep_one(connection, self._loop.time())
                if number % _SWEEP_SHARE == _SWEEP_SHARE - 1:
                    await asyncio.sleep(0)

    def sweep_one(self, connection: Connection, now: float) -> None:
        """Hold one connection to every deadline but the login's; `now` is the loop's time, in seconds."""
        patience = self._patience
        if connection.ending_since and now - connection.ending_since > patience.closing:
            connection.abort(connection.why)
        elif connection.stuck_since:
            # What it was to read stays in its mailbox.
            if now - connection.stuck_since > patience.reading:
                self._traffic.cut += 1
                connection.abort("does not read")
        elif connection.held or connection.peer is None:
            return
        elif connection.pinged:
            if now - connection.pinged > patience.pong:
                self._traffic.cut += 1
                connection.abort("silent")
        elif now - connection.heard > patience.silence:
            connection.ping()
        else:
            self.idle(connection)


def _too_late(connection: Connection) -> None:
    connection.deadline = None
    connection.abort("no login in time")


def address_key(address: str) -> str:
    """Return what one client is told apart by: an IPv4 address, or an IPv6 network of 64 bits."""
    with contextlib.suppress(ValueError):
        parsed = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(parsed, ipaddress.IPv6Address):
            if parsed.ipv4_mapped is not None:
                return str(parsed.ipv4_mapped)
            return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address
