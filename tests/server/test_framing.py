"""However a client's bytes are cut and whatever frames they hold, the relay reads what was sent."""

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from letterlock_server.websocket.connection import Connection, Speech
from letterlock_server.websocket.framing import extent, plain_message

HEAD = (
    b"GET / HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: bGV0dGVybG9jayBiZW5jaA==\r\nSec-WebSocket-Protocol: letterlock.v1\r\n\r\n"
)
SIZES = st.one_of(st.integers(0, 300), st.sampled_from([125, 126, 127, 65535, 65536, 70_000]))


class Recorder:
    """An owner that keeps what it is told, and flushes when it is asked to."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.over = False

    def opened(self, connection: Connection) -> None:
        pass

    def message(self, connection: Connection, data: bytes) -> None:
        self.messages.append(data)

    def writable(self, connection: Connection) -> None:
        pass

    def lost(self, connection: Connection) -> None:
        self.over = True

    def dirty(self, connection: Connection) -> None:
        connection.flush()

    def healthy(self) -> bool:
        return True


class Wire(asyncio.Transport):
    """A transport that keeps what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False

    def write(self, data: Any) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.ended

    def close(self) -> None:
        self.ended = True

    abort = close


def opened() -> tuple[Connection, Recorder, Wire]:
    owner, wire = Recorder(), Wire()
    clock = asyncio.new_event_loop()
    clock.close()
    connection = Connection(owner, "127.0.0.1", clock, Speech("letterlock.v1", 262_144, "relay"))
    connection.connection_made(wire)
    connection.data_received(HEAD)
    return connection, owner, wire


def sent(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def answered(wire: Wire) -> bytes:
    """What was written after the handshake, whose answer holds the second in which it was given."""
    handshake, _, rest = wire.written.partition(b"\r\n\r\n")
    assert handshake.startswith(b"HTTP/1.1 101 ")
    return rest


@st.composite
def conversations(draw: st.DrawFn) -> tuple[list[bytes], bytes]:
    """Messages, whole and in fragments, with pings between and within them; and their bytes."""
    messages, raw = [], b""
    for size in draw(st.lists(SIZES, max_size=6)):
        message = draw(st.binary(min_size=1, max_size=8)) * size
        messages.append(message[:size])
        pieces = draw(st.integers(1, 3))
        step = -(-size // pieces) or 1
        parts = [message[:size][at : at + step] for at in range(0, size, step)] or [b""]
        for number, part in enumerate(parts):
            if draw(st.booleans()):
                raw += sent(Opcode.PING, b"ping")
            opcode = Opcode.CONT if number else Opcode.BINARY
            raw += sent(opcode, part, number == len(parts) - 1)
    return messages, raw


@given(conversations(), st.lists(st.integers(0, 400_000), max_size=12))
@settings(max_examples=80, deadline=None)
def test_messages_are_read_however_their_bytes_are_cut(
    told: tuple[list[bytes], bytes], cuts: list[int]
) -> None:
    messages, raw = told
    connection, owner, wire = opened()
    places = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    for start, stop in pairwise(places):
        connection.data_received(raw[start:stop])
    assert owner.messages == messages
    assert not wire.ended


@given(st.lists(st.integers(0, 200), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_single_bytes_make_the_same_messages(sizes: list[int]) -> None:
    connection, owner, _ = opened()
    for byte in b"".join(sent(Opcode.BINARY, bytes(size)) for size in sizes):
        connection.data_received(bytes([byte]))
    assert owner.messages == [bytes(size) for size in sizes]


@given(st.binary(min_size=1, max_size=400), st.integers(1, 400))
@settings(max_examples=100, deadline=None)
def test_arbitrary_bytes_read_the_same_cut_or_whole(raw: bytes, cut: int) -> None:
    whole, owner, wire = opened()
    whole.data_received(raw)
    pieces, cut_owner, cut_wire = opened()
    for start in range(0, len(raw), cut):
        pieces.data_received(raw[start : start + cut])
    assert cut_owner.messages == owner.messages
    assert (cut_wire.ended, answered(cut_wire)) == (wire.ended, answered(wire))


def test_a_message_after_the_closing_handshake_is_not_read() -> None:
    connection, owner, wire = opened()
    connection.data_received(sent(Opcode.CLOSE, b"\x03\xe8") + sent(Opcode.BINARY, b"too late"))
    assert owner.messages == []
    assert wire.ended


def test_a_whole_message_within_a_fragmented_one_ends_the_connection() -> None:
    connection, owner, wire = opened()
    connection.data_received(sent(Opcode.BINARY, b"begun", fin=False) + sent(Opcode.BINARY, b"smuggled"))
    assert owner.messages == []
    assert wire.ended


def test_a_frame_without_a_mask_ends_the_connection() -> None:
    connection, owner, wire = opened()
    connection.data_received(Frame(Opcode.BINARY, b"bare").serialize(mask=False))
    assert owner.messages == []
    assert wire.ended


def test_a_frame_beyond_the_limit_is_refused_from_its_header() -> None:
    connection, owner, wire = opened()
    connection.data_received(b"\x82\xff" + (256 * 1024 + 1).to_bytes(8, "big") + bytes(4))
    assert owner.messages == []
    assert wire.ended


@given(st.integers(0, 300), st.integers(0, 20))
@settings(max_examples=50, deadline=None)
def test_a_plain_frame_is_found_where_it_lies(size: int, before: int) -> None:
    raw = bytes(before) + sent(Opcode.BINARY, bytes(range(256))[:size]) + b"\x82"
    start, stop = extent(raw, before)
    assert stop == len(raw) - 1
    assert plain_message(raw, before, start, stop) == bytes(range(256))[:size]
    assert extent(raw[: before + 1], before) == (0, 0)
