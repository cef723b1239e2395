"""The seam between the client and the network: bytes in and bytes out, to a relay or a realm; replaced in tests.

Must not know frames, nor which library carries them.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from letterlock.wire.frames import SUBPROTOCOL
from letterlock.wire.vault_frames import SUBPROTOCOL as VAULT_SUBPROTOCOL
from letterlock_client.links.address import RelayAddress


class Transport(Protocol):
    """A connection that carries whole messages, in order, or breaks."""

    certificate_hash: bytes
    """SHA-256 of the TLS certificate the other end showed; empty without TLS."""

    async def send(self, data: bytes) -> None:
        """Send one message; waits while the other end does not read. Raises Offline once broken."""

    async def receive(self) -> bytes:
        """Wait for the next message. Raises Offline once closed or broken."""

    async def close(self) -> None:
        """Close; never raises, and may be called twice."""


Dial = Callable[[RelayAddress], Awaitable[Transport]]
"""Opens a transport to an address. Raises Offline."""


async def dial(address: RelayAddress) -> Transport:
    """Open a websocket to a relay, in at most ten seconds. Raises Offline."""
    return await _dial(address, SUBPROTOCOL)


async def dial_realm(address: RelayAddress) -> Transport:
    """Open a websocket to a realm of a vault, in at most ten seconds. Raises Offline."""
    return await _dial(address, VAULT_SUBPROTOCOL)


async def _dial(address: RelayAddress, subprotocol: str) -> Transport:
    # A command that stays offline does without the library.
    from letterlock_client.links.websocket import open_websocket

    return await open_websocket(address, subprotocol)
