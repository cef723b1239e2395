"""Which frames are legal when: the life of one connection, as a table.

::

    GREETING --Hello--> GREETED --LogIn--> READY
                        Register, FetchAccount     everything but Hello, Register and LogIn

A state changes when the relay answers well (Welcome, LoggedIn), not when the client asks.
Must not know sockets; both ends use the same table.
"""

from enum import Enum
from typing import Final

from letterlock.errors import FrameError
from letterlock.wire import frames


class State(Enum):
    """Where a connection stands."""

    GREETING = "greeting"
    GREETED = "greeted"
    READY = "ready"


_LEGAL: Final[dict[State, frozenset[type[frames.Request]]]] = {
    State.GREETING: frozenset({frames.Hello}),
    State.GREETED: frozenset({frames.Register, frames.LogIn, frames.FetchAccount}),
    State.READY: frozenset(
        {
            frames.FetchAccount,
            frames.PutDeviceList,
            frames.PutPrekeys,
            frames.CountPrekeys,
            frames.FetchBundle,
            frames.Submit,
            frames.Acknowledge,
            frames.AskPresence,
            frames.BeginUpload,
            frames.PutChunk,
            frames.FetchChunk,
        }
    ),
}

_MOVES: Final[dict[tuple[State, type[frames.Frame]], State]] = {
    (State.GREETING, frames.Welcome): State.GREETED,
    (State.GREETED, frames.LoggedIn): State.READY,
}


def check_legal(state: State, request: frames.Request) -> None:
    """Raise FrameError if a client may not send this now."""
    if type(request) not in _LEGAL[state]:
        raise FrameError(f"{type(request).__name__} is not legal while {state.value}")


def after(state: State, answer: frames.Frame) -> State:
    """Return the state once the relay has given this answer."""
    return _MOVES.get((state, type(answer)), state)
