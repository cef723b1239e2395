"""A realm's front door: from a message to its handler, one at a time on each connection, to exactly one answer.

Must not know what any frame means.
"""

from typing import Final

import structlog

from letterlock.errors import FrameError, PeerError, RevokedDeviceError, StaleListError, StaleRequestError
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.codec import decode_to_realm
from letterlock.wire.vault_connection import State, after, check_legal
from letterlock_server.stores.vault_interfaces import StoreError
from letterlock_server.vault import guessing
from letterlock_server.vault.handlers import HANDLERS
from letterlock_server.vault.realm import Refuse
from letterlock_server.vault.state import MAX_OWED, Peer, Vault
from letterlock_server.websocket.connection import Connection, Speech
from letterlock_server.websocket.listening import Listener, Patience

_log = structlog.get_logger()

_SPEECH: Final = Speech(frames.SUBPROTOCOL, frames.MAX_REQUEST, "realm")
_NOT_A_FRAME: Final = 1008
_QUIET: Final = 1000
QUIET_S: Final = 120.0
"""How long a connection may ask nothing. Places are few, and no client needs one for longer than it asks."""
_RETRY_S: Final = 5
_TELL_MS: Final = 60_000


class Gateway(Listener):
    """Listens, and owns every connection."""

    def __init__(self, vault: Vault, patience: Patience) -> None:
        super().__init__(_SPEECH, patience, vault.counts)
        self._vault = vault
        self._tell_again = 0
        self.quiet_s = QUIET_S

    def may_enter(self, address: str) -> bool:
        """See `listening.Listener`."""
        return not self._vault.rates.connect.take(address, self._vault.running())

    def opened(self, connection: Connection) -> None:
        """See `connection.Owner`."""
        connection.peer = Peer(connection)

    def message(self, connection: Connection, data: bytes) -> None:
        """See `connection.Owner`."""
        peer: Peer | None = connection.peer
        if peer is None or peer.gone:
            return
        peer.owed += 1
        try:
            frame = decode_to_realm(data)
        except FrameError as error:
            self._vault.counts.not_frames += 1
            self._vault.answer(peer, _refused(0, refusals.ILLEGAL, str(error)))
            connection.close(_NOT_A_FRAME, "not a frame")
            return
        if self._vault.finished or (self._vault.closing and not isinstance(frame, frames.FinishGuess)):
            return
        self._vault.counts.requests += 1
        peer.asked = connection.heard
        if peer.owed >= MAX_OWED:
            connection.hold(True)
        peer.lane.append(frame)
        if len(peer.lane) == 1:
            self._vault.spawn(self._work(peer))

    def writable(self, connection: Connection) -> None:
        """See `connection.Owner`."""

    def healthy(self) -> bool:
        """See `connection.Owner`."""
        return self._vault.store.healthy() and not self._vault.closing

    def left(self, connection: Connection) -> None:
        """See `listening.Listener`."""
        peer: Peer | None = connection.peer
        if peer is None:
            return
        peer.gone = True
        if peer.guess is not None and not peer.lane and not self._vault.finished:
            self._vault.spawn(guessing.leave(self._vault, peer))

    def idle(self, connection: Connection) -> None:
        """See `listening.Listener`: whoever asks nothing any more makes room for others."""
        peer: Peer | None = connection.peer
        if peer is not None and not peer.owed and self._loop.time() - peer.asked > self.quiet_s:
            connection.close(_QUIET, "nothing was asked")

    def farewell(self, connection: Connection) -> None:
        """See `listening.Listener`."""

    async def _work(self, peer: Peer) -> None:
        while peer.lane:
            await peer.connection.unstuck()
            if not peer.gone:
                frame = peer.lane[0]
                answer = await self._answer(peer, frame)
                if peer.state is State.GREETING and isinstance(answer, frames.Greeted):
                    self._greeted(peer.connection)
                peer.state = after(peer.state, answer)
                self._vault.answer(peer, answer)
            # Only now: while it stands here, nothing that came later may overtake it.
            peer.lane.popleft()
        if peer.gone:
            await guessing.leave(self._vault, peer)

    async def _answer(self, peer: Peer, frame: frames.ToRealm) -> frames.FromRealm:
        try:
            self._check_rate(peer, frame)
            check_legal(peer.state, frame)
            if not isinstance(frame, frames.FinishGuess):
                await guessing.leave(self._vault, peer)
            return await HANDLERS[type(frame)](self._vault, peer, frame)
        except Exception as problem:  # noqa: BLE001 - whatever a handler raises is this request's answer
            self._vault.counts.refused += 1
            return self._refusal(frame, problem)

    def _check_rate(self, peer: Peer, frame: frames.ToRealm) -> None:
        if peer.state is State.GUESSING and isinstance(frame, frames.FinishGuess):
            # It belongs to a guess that was counted. Were it refused, strangers behind the same address could
            # make a right guess a wasted one, and the last one the end of the record.
            return
        retry = self._vault.rates.request.take(peer.connection.address, self._vault.running())
        if retry:
            raise Refuse(refusals.RATE, "too many requests", retry=-(-retry // 1000))

    def _refusal(self, frame: frames.ToRealm, problem: Exception) -> frames.Refused:
        if isinstance(problem, Refuse):
            return frames.Refused(
                frame.id,
                code=problem.code,
                message=problem.message,
                retry=problem.retry,
                left=problem.left,
                tombstone=problem.tombstone,
            )
        if isinstance(problem, StoreError):
            self._tell_of_store(problem)
            return _refused(frame.id, refusals.NOT_NOW, "not now", retry=_RETRY_S)
        if isinstance(problem, PeerError):
            return _refused(frame.id, _blame(problem), str(problem)[:200])
        # The type says enough; the text could hold what was sent.
        self._vault.counts.internal_errors += 1
        _log.error("a handler failed", kind=type(frame).__name__, problem=type(problem).__name__)
        return _refused(frame.id, refusals.INTERNAL, "the realm failed")

    def _tell_of_store(self, problem: StoreError) -> None:
        """Let the operator know, once a minute: the text names files and what ails them, and nothing of accounts."""
        now = self._vault.running()
        if now >= self._tell_again:
            self._tell_again = now + _TELL_MS
            _log.error("requests are refused while the store fails", problem=str(problem))

    def _greeted(self, connection: Connection) -> None:
        if connection.deadline is not None:
            connection.deadline.cancel()
            connection.deadline = None


def _blame(problem: PeerError) -> str:
    if isinstance(problem, FrameError):
        return refusals.ILLEGAL
    if isinstance(problem, StaleRequestError | StaleListError):
        return refusals.STALE
    if isinstance(problem, RevokedDeviceError):
        return refusals.REVOKED
    return refusals.BAD_OBJECT


def _refused(request: int, code: str, message: str, *, retry: int = 0) -> frames.Refused:
    return frames.Refused(request, code=code, message=message, retry=retry, left=0, tombstone=b"")
