"""What the table of a connection's life promises: nothing before its time, and nothing for ever out of reach."""

import pytest

from letterlock.errors import FrameError
from letterlock.wire import frames
from letterlock.wire.connection import State, after, check_legal
from tests.shared.wire.frame_strategies import CLIENT_FRAMES, RELAY_FRAMES
from tests.shared.wire.test_codec import plainest


def a(cls: type[frames.Frame]) -> frames.Frame:
    return cls(*plainest(cls)[1:])


def legal(state: State, cls: type[frames.Frame]) -> bool:
    try:
        check_legal(state, a(cls))  # type: ignore[arg-type]
    except FrameError:
        return False
    return True


def test_every_request_is_legal_somewhere() -> None:
    assert [cls for cls in CLIENT_FRAMES if not any(legal(state, cls) for state in State)] == []


def test_every_client_frame_is_a_request_and_every_relay_frame_is_not() -> None:
    assert all(issubclass(cls, frames.Request) for cls in CLIENT_FRAMES)
    assert all(issubclass(cls, frames.Answer | frames.Push) for cls in RELAY_FRAMES)


def test_a_greeting_comes_first_and_once() -> None:
    assert [cls for cls in CLIENT_FRAMES if legal(State.GREETING, cls)] == [frames.Hello]
    assert not legal(State.GREETED, frames.Hello)
    assert not legal(State.READY, frames.Hello)


def test_a_stranger_can_only_register_log_in_and_look_somebody_up() -> None:
    greeted = {cls for cls in CLIENT_FRAMES if legal(State.GREETED, cls)}
    assert greeted == {frames.Register, frames.LogIn, frames.FetchAccount}


def test_a_connection_logs_in_once() -> None:
    assert not legal(State.READY, frames.LogIn)
    assert not legal(State.READY, frames.Register)


def test_everything_else_needs_a_login_and_is_legal_after_it() -> None:
    ready = {cls for cls in CLIENT_FRAMES if legal(State.READY, cls)}
    assert ready == set(CLIENT_FRAMES) - {frames.Hello, frames.Register, frames.LogIn}


def test_a_relay_frame_is_never_a_legal_request() -> None:
    assert not any(legal(state, cls) for state in State for cls in RELAY_FRAMES)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("cls", RELAY_FRAMES, ids=lambda cls: cls.__name__)
def test_only_a_welcome_and_a_login_move_the_connection(state: State, cls: type[frames.Frame]) -> None:
    moves = {
        (State.GREETING, frames.Welcome): State.GREETED,
        (State.GREETED, frames.LoggedIn): State.READY,
    }
    assert after(state, a(cls)) is moves.get((state, cls), state)


def test_a_refused_login_leaves_the_connection_where_it_was() -> None:
    refused = frames.Refused(1, "bad_login", "no", 0)
    assert after(State.GREETED, refused) is State.GREETED
