"""Which frames a realm takes when: the life of one connection to it, as a table.

::

    GREETING --Greet--> READY --StartGuess--> GUESSING --FinishGuess, or any other--> READY
                        everything but Greet and FinishGuess

A state changes with the realm's answer. A guess that is left for something else stays spent. Must not know
sockets; both ends use the same table.
"""

from enum import Enum
from typing import Final

from letterlock.errors import FrameError
from letterlock.wire import vault_frames as frames
from letterlock.wire.frames import Frame, Request


class State(Enum):
    """Where a connection stands."""

    GREETING = "greeting"
    READY = "ready"
    GUESSING = "guessing"


_READY: Final[frozenset[type[Request]]] = frozenset(
    {
        frames.AskNonce,
        frames.AskStatus,
        frames.StartGuess,
        frames.PutDeviceList,
        frames.Prepare,
        frames.Commit,
        frames.PutAnchor,
        frames.Delete,
        frames.FetchLedger,
        frames.FetchDeviceList,
    }
)
_LEGAL: Final[dict[State, frozenset[type[Request]]]] = {
    State.GREETING: frozenset({frames.Greet}),
    State.READY: _READY,
    State.GUESSING: _READY | {frames.FinishGuess},
}


def check_legal(state: State, request: Request) -> None:
    """Raise FrameError if a client may not send this now."""
    if type(request) not in _LEGAL[state]:
        raise FrameError(f"{type(request).__name__} is not legal while {state.value}")


def after(state: State, answer: Frame) -> State:
    """Return the state once the realm has given this answer."""
    if isinstance(answer, frames.GuessAnswer):
        return State.GUESSING
    if state is State.GREETING and not isinstance(answer, frames.Greeted):
        return State.GREETING
    return State.READY
