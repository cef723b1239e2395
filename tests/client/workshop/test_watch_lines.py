"""Lines from a relay's pipe: whole ones are read, everything else is one harmless value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock_client.workshop.watch_lines import (
    MAX_LINE,
    SHOWN_BYTES,
    Dropped,
    LineCutter,
    Ready,
    SeenFrame,
    Unreadable,
    read_line,
)
from tests.client.workshop.extras import recorded

ACCOUNT = "abcdefghijklmnopqrstuvwxyz234567"
SUBMIT = {"direction": "in", "kind": "Submit", "size": 1151, "device": f"{ACCOUNT}/1", "to": ACCOUNT}


def line(**changes: object) -> bytes:
    return json.dumps({**SUBMIT, **changes}).encode()


def test_a_sealed_frame_keeps_the_beginning_of_its_bytes_and_their_number() -> None:
    seen = read_line(line(sealed="ab" * 2000), 7)
    assert seen == SeenFrame(7, True, "Submit", 1151, ACCOUNT, ACCOUNT, "ab" * SHOWN_BYTES, 2000)


def test_a_frame_before_the_login_names_nobody() -> None:
    seen = read_line(b'{"direction":"out","kind":"Welcome","size":96}', 0)
    assert seen == SeenFrame(0, False, "Welcome", 96, "", "", "", 0)


def test_ready_and_dropped_lines_are_read() -> None:
    ready = b'{"ready": "ws://127.0.0.1:8710", "names": [], "store": "sqlite", "pid": 3}'
    assert read_line(ready, 0) == Ready("ws://127.0.0.1:8710")
    assert read_line(b'{"dropped":3}', 0) == Dropped(3)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\x1b]0;title\x07",
        b"[" * 100_000,
        b'{"ready": "ws://relay.example:8710"}',
        b'{"ready": "ws://127.0.0.1:8710\\n"}',
        b'{"dropped":-1}',
        line(direction="sideways"),
        line(kind="\x1b[2J"),
        line(kind="Submit\n"),
        line(kind="S" * 33),
        line(size=-1),
        line(size="1151"),
        line(size=1e400),
        line(device="alice"),
        line(device=f"{ACCOUNT}/1\u202e"),
        line(to=5),
        line(sealed="xy"),
        line(sealed="abc"),
        line(sealed="ab\n"),
        line()[:-1],
        line() + b"}",
        b'\xff\xfe{"direction"',
    ],
)
def test_a_line_that_no_relay_says_is_unreadable(hostile: bytes) -> None:
    assert read_line(hostile, 0) == Unreadable()


@given(
    st.binary(max_size=300) | st.text(max_size=200).map(lambda text: line(kind=text, to=text, sealed=text))
)
def test_no_line_raises_or_brings_a_control_character(hostile: bytes) -> None:
    seen = read_line(hostile, 0)
    if isinstance(seen, SeenFrame):
        assert (seen.kind + seen.account + seen.to + seen.sealed).isascii()
        assert (seen.kind + seen.account + seen.to + seen.sealed).isprintable()


@given(st.lists(st.binary(max_size=20).map(lambda data: data.replace(b"\n", b""))), st.data())
def test_lines_come_out_whole_however_the_bytes_arrive(lines: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(each + b"\n" for each in lines)
    cutter, found = LineCutter(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += cutter.feed(stream[:cut])
        stream = stream[cut:]
    assert found == lines


def test_a_line_without_an_end_takes_bounded_memory_and_the_next_one_is_read() -> None:
    cutter = LineCutter()
    for _ in range(40):
        assert cutter.feed(b"x" * 65_536) == []
        assert len(cutter._rest) <= MAX_LINE
    assert cutter.feed(b"x\nnext\n") == [None, b"next"]


def test_a_line_that_comes_at_once_and_is_too_long_is_left_out() -> None:
    assert LineCutter().feed(b"x" * (MAX_LINE + 1) + b"\nnext\n") == [None, b"next"]


def test_every_line_of_a_recorded_relay_is_read() -> None:
    _, lines = recorded(0)
    assert len(lines) > 50
    assert all(isinstance(each, SeenFrame) for each in lines)
    sealed = [each for each in lines if isinstance(each, SeenFrame) and each.sealed]
    assert {each.kind for each in sealed} == {"Submit", "Deliver"}
    assert {each.sealed_size for each in sealed} == {1088, 2880}
