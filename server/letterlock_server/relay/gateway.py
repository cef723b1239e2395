"""The relay's front door: what its listener asks and reports, said in the relay's terms.

Must not know what messages mean.
"""

from typing import Final

from letterlock.wire import frames
from letterlock_server.relay import delivering, dispatch
from letterlock_server.relay.state import Peer, Relay
from letterlock_server.websocket.connection import Connection, Speech
from letterlock_server.websocket.listening import Listener, Patience

_SPEECH: Final = Speech(frames.SUBPROTOCOL, frames.MAX_FRAME, "relay")


class Gateway(Listener):
    """Listens, and owns every connection."""

    def __init__(self, relay: Relay, patience: Patience) -> None:
        super().__init__(_SPEECH, patience, relay.counts)
        self._relay = relay

    def may_enter(self, address: str) -> bool:
        """See `listening.Listener`."""
        return not self._relay.rates.connect.take(address, self._relay.now())

    def opened(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        connection.peer = Peer(connection)

    def message(self, connection: Connection, data: bytes) -> None:
        """See `connection.Owner`."""
        dispatch.message(self._relay, connection, data)

    def writable(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        if connection.peer is not None:
            delivering.go_on(self._relay, connection.peer)

    def healthy(self) -> bool:
        """See `connection.Owner`."""
        return self._relay.store.healthy() and not self._relay.closing

    def left(self, connection: Connection) -> None:
        """See `listening.Listener`."""
        peer: Peer | None = connection.peer
        if peer is not None and peer.box is not None and peer.box.peer is peer:
            peer.box.peer = None

    def idle(self, connection: Connection) -> None:
        """See `listening.Listener`."""
        # Nothing should be left to ring for; if a wake-up was ever missed, this is where it is made good.
        delivering.look_again(self._relay, connection.peer)

    def farewell(self, connection: Connection) -> None:
        """See `listening.Listener`."""
        self._relay.tell(connection.peer, frames.Notice("closing"))
