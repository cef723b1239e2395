"""One websocket to a relay or a realm, by the `websockets` library.

Must not know frames. Compression is never negotiated, redirects are never followed, every message is
bounded, and whatever the library raises leaves here as `Offline`.
"""

import asyncio
import ssl
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from letterlock.primitives.derivation import sha256
from letterlock.wire.frames import MAX_FRAME
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.failures import Offline

_OPEN_S: Final = 10
_PING_S: Final = 20
_CLOSE_S: Final = 2
_QUEUED_MESSAGES: Final = 64


class _NoRedirects(connect):
    """A relay that answers with a redirect would choose whom we talk to: refused."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class WebsocketTransport:
    """A websocket of the `websockets` library."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.certificate_hash = _certificate_hash(connection)

    async def send(self, data: bytes) -> None:
        """Send one message. Raises Offline."""
        try:
            await self._connection.send(data)
        except (ConnectionClosed, OSError) as error:
            raise Offline("the connection to the relay broke") from error

    async def receive(self) -> bytes:
        """Wait for the next binary message. Raises Offline."""
        try:
            message = await self._connection.recv(decode=False)
        except (ConnectionClosed, OSError) as error:
            raise Offline("the connection to the relay broke") from error
        return message if isinstance(message, bytes) else bytes(message)

    async def close(self) -> None:
        """Close with a handshake of at most two seconds."""
        await self._connection.close()


async def open_websocket(address: RelayAddress, subprotocol: str) -> WebsocketTransport:
    """Open a websocket, in at most ten seconds. Raises Offline."""
    try:
        connection = await _NoRedirects(
            address.url,
            subprotocols=[Subprotocol(subprotocol)],
            compression=None,
            max_size=MAX_FRAME,
            max_queue=_QUEUED_MESSAGES,
            open_timeout=_OPEN_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_S,
            close_timeout=_CLOSE_S,
            user_agent_header=None,
            proxy=True if address.secure else None,
            ssl=ssl.create_default_context() if address.secure else None,
        )
    except (OSError, WebSocketException, TimeoutError, asyncio.InvalidStateError) as error:
        raise Offline(f"the relay {address.name} cannot be reached") from error
    if connection.subprotocol != subprotocol:
        await connection.close()
        raise Offline(f"what answers at {address.name} does not speak {subprotocol}")
    return WebsocketTransport(connection)


def _certificate_hash(connection: ClientConnection) -> bytes:
    tls = connection.transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    return sha256(certificate) if certificate else b""
