"""From a message to its handler, and from whatever comes of it to exactly one answer.

::

    message --decode--> legal now? --rate--> hot: handled at once --or--> lane: one at a time, in order
                                                     \\--answer, Refused, or the commit's callback--/

A handler of the hot path runs only while the peer's lane is empty, so requests of one connection take
effect in the order they came. Must not know what any frame means.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, Final

import msgspec
import structlog

from letterlock.errors import FrameError, PeerError
from letterlock.wire import frames, refusals
from letterlock.wire.codec import decode_client
from letterlock.wire.connection import State, after, check_legal
from letterlock_server.relay.handlers import accounts, attachments, mailbox, prekeys
from letterlock_server.relay.state import MAX_OWED, MAX_OWED_BYTES, Peer, Refuse, Relay
from letterlock_server.stores.interfaces import StoreError
from letterlock_server.websocket.connection import Connection

_log = structlog.get_logger()

_NOT_A_FRAME: Final = 1008
_MAX_OWED_UNKNOWN: Final = 8
"""Unanswered requests of somebody who has not logged in."""

Hot = Callable[[Relay, Peer, Any, int], bool]
Slow = Callable[[Relay, Peer, Any, int], Awaitable[frames.Frame | None]]


class Reach(Enum):
    """Whose things a request can touch; the tests try every one against every stranger."""

    NOBODY = "nobody's"
    OWN = "its own, whatever it names"
    DELIVERED = "what was delivered on this connection"
    DIRECTORY = "what is public, of anybody"
    MAIL = "adds to anybody's mailbox, reads none"
    UPLOAD = "uploads of the same account, and finished blobs whose id it knows"


class Handler(msgspec.Struct, frozen=True):
    """How a request is handled: at once where `hot` says it could, else by `slow` in the lane."""

    reach: Reach
    hot: Hot | None = None
    slow: Slow | None = None


HANDLERS: Final[dict[type[frames.Request], Handler]] = {
    frames.Hello: Handler(Reach.NOBODY, hot=accounts.hello),
    frames.Register: Handler(Reach.OWN, slow=accounts.register),
    frames.LogIn: Handler(Reach.OWN, slow=accounts.log_in),
    frames.FetchAccount: Handler(Reach.DIRECTORY, slow=accounts.fetch_account),
    frames.PutDeviceList: Handler(Reach.OWN, slow=accounts.put_device_list),
    frames.PutPrekeys: Handler(Reach.OWN, slow=prekeys.put_prekeys),
    frames.CountPrekeys: Handler(Reach.OWN, slow=prekeys.count_prekeys),
    frames.FetchBundle: Handler(Reach.DIRECTORY, slow=prekeys.fetch_bundle),
    frames.Submit: Handler(Reach.MAIL, hot=mailbox.submit_now, slow=mailbox.submit),
    frames.Acknowledge: Handler(Reach.DELIVERED, hot=mailbox.acknowledge),
    frames.AskPresence: Handler(Reach.DIRECTORY, slow=accounts.ask_presence),
    frames.BeginUpload: Handler(Reach.UPLOAD, slow=attachments.begin_upload),
    frames.PutChunk: Handler(Reach.UPLOAD, slow=attachments.put_chunk),
    frames.FetchChunk: Handler(Reach.UPLOAD, slow=attachments.fetch_chunk),
}


def message(relay: Relay, connection: Connection, data: bytes) -> None:
    """Take one message of a client."""
    peer = connection.peer
    if peer is None or peer.fenced:
        return
    try:
        frame = decode_client(data)
    except FrameError:
        relay.counts.not_frames += 1
        relay.tell(peer, frames.Refused(0, refusals.ILLEGAL, "this is not a frame of letterlock.v1", 0))
        connection.close(_NOT_A_FRAME, "not a frame")
        return
    relay.counts.requests += 1
    if relay.watch is not None:
        relay.watch("in", peer, frame, data)
    size = len(data)
    _owe(peer, size)
    if peer.lane or not _handled(relay, peer, frame, size):
        _enter_lane(relay, peer, frame, size)


def _owe(peer: Peer, size: int) -> None:
    peer.owed += 1
    peer.owed_bytes += size
    most = MAX_OWED if peer.state is State.READY else _MAX_OWED_UNKNOWN
    if peer.owed >= most or peer.owed_bytes >= MAX_OWED_BYTES:
        peer.connection.hold(True)


def _handled(relay: Relay, peer: Peer, frame: frames.ClientFrame, size: int) -> bool:
    try:
        check_legal(peer.state, frame)
        handler = HANDLERS[type(frame)]
        if handler.hot is None:
            return False
        return handler.hot(relay, peer, frame, size)
    except Exception as problem:  # noqa: BLE001 - whatever a handler raises is this request's answer
        relay.answer(peer, _refusal(relay, frame, problem), size)
        return True


def _enter_lane(relay: Relay, peer: Peer, frame: frames.ClientFrame, size: int) -> None:
    if peer.lane is None:
        peer.lane = deque()
    peer.lane.append((frame, size))
    if len(peer.lane) == 1:
        relay.spawn(_work(relay, peer, peer.lane))


async def _work(relay: Relay, peer: Peer, lane: deque[tuple[frames.ClientFrame, int]]) -> None:
    while lane:
        frame, size = lane[0]
        # What a client does not read it need not ask for yet.
        await peer.connection.unstuck()
        if peer.connection.is_open and not peer.fenced:
            await _work_one(relay, peer, frame, size)
        # Only now: while it stands here, nothing that came later may overtake it.
        lane.popleft()


async def _work_one(relay: Relay, peer: Peer, frame: frames.ClientFrame, size: int) -> None:
    try:
        check_legal(peer.state, frame)
        _check_rate(relay, peer)
        slow = HANDLERS[type(frame)].slow
        if slow is None:
            _handled(relay, peer, frame, size)
            return
        answer = await slow(relay, peer, frame, size)
    except Exception as problem:  # noqa: BLE001 - whatever a handler raises is this request's answer
        answer = _refusal(relay, frame, problem)
    if answer is not None:
        peer.state = after(peer.state, answer)
        relay.answer(peer, answer, size)


def _check_rate(relay: Relay, peer: Peer) -> None:
    key = peer.connection.address if peer.box is None else peer.box.mailbox
    retry = relay.rates.request.take(key, relay.now())
    if retry:
        raise Refuse(refusals.RATE, "too many requests", retry)


def _refusal(relay: Relay, frame: frames.ClientFrame, problem: Exception) -> frames.Refused:
    relay.counts.refused += 1
    if isinstance(problem, Refuse):
        return frames.Refused(frame.id, problem.code, problem.message, problem.retry_ms)
    if isinstance(problem, FrameError):
        return frames.Refused(frame.id, refusals.ILLEGAL, str(problem), 0)
    if isinstance(problem, PeerError):
        return frames.Refused(frame.id, refusals.BAD_OBJECT, str(problem)[:200], 0)
    if isinstance(problem, StoreError):
        return frames.Refused(frame.id, refusals.NOT_NOW, "not now", mailbox.RETRY_MS)
    # The type and the place say enough; the text could hold what was sent.
    relay.counts.internal_errors += 1
    _log.error(
        "a handler failed", kind=type(frame).__name__, problem=type(problem).__name__, at=_place(problem)
    )
    return frames.Refused(frame.id, refusals.INTERNAL, "the relay failed; nothing was kept", 0)


def _place(problem: Exception) -> str:
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (
        "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
    )
