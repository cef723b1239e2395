"""Hostile bytes: whatever comes before, instead of or around frames is bounded, and ends the connection."""

import asyncio
import base64
import os
import struct
import tracemalloc
from collections.abc import AsyncIterator
from typing import Self

import pytest

from letterlock.wire import frames, refusals
from letterlock.wire.codec import decode_relay, encode
from letterlock_server.websocket.connection import MAX_HEAD
from letterlock_server.websocket.listening import Patience, address_key
from tests.server.conftest import Running, Start
from tests.server.people import Account, Talk, mail

HEAD = (
    b"GET / HTTP/1.1\r\nHost: relay\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\n"
)
SUBPROTOCOL = b"Sec-WebSocket-Protocol: letterlock.v1\r\n"
BINARY, TEXT, CONTINUATION, PING = 0x82, 0x81, 0x80, 0x89


class Raw:
    """A TCP connection, and WebSocket frames by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, relay: Running) -> Self:
        host, _, port = relay.name.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    @classmethod
    async def upgraded(cls, relay: Running) -> Self:
        raw = await cls.open(relay)
        raw.write(HEAD + SUBPROTOCOL + b"\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 101 ")
        return raw

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    def frame(self, first: int, payload: bytes, *, masked: bool = True, claim: int | None = None) -> None:
        size = len(payload) if claim is None else claim
        bit = 0x80 if masked else 0
        if size < 126:
            header = struct.pack("!BB", first, bit | size)
        elif size < 65536:
            header = struct.pack("!BBH", first, bit | 126, size)
        else:
            header = struct.pack("!BBQ", first, bit | 127, size)
        self.write(header + (bytes(4) if masked else b"") + payload)

    async def head(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def rest(self) -> bytes:
        """Return all that comes until the relay ends the connection."""
        async with asyncio.timeout(5):
            try:
                return await self.reader.read(-1)
            except ConnectionError:
                return b""

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@pytest.fixture
async def plain(start: Start) -> AsyncIterator[Running]:
    async with start() as relay:
        yield relay


async def close_code(raw: Raw) -> int:
    rest = await raw.rest()
    assert rest[0] == 0x88, rest
    return int(struct.unpack("!H", rest[2:4])[0])


async def test_a_half_open_handshake_is_cut_by_our_own_deadline(start: Start) -> None:
    async with start(Patience(login=0.2)) as relay, await Raw.open(relay) as raw:
        raw.write(HEAD)
        assert await raw.rest() == b""


async def test_bytes_dripped_before_login_do_not_buy_time(start: Start) -> None:
    async with start(Patience(login=0.3)) as relay, await Raw.open(relay) as raw:
        until = asyncio.get_running_loop().time() + 5
        for byte in HEAD * 10:
            if raw.reader.at_eof() or raw.writer.is_closing():
                break
            raw.write(bytes([byte]))
            await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() < until
        assert await raw.rest() == b""


async def test_a_handshake_in_single_bytes_is_understood(plain: Running) -> None:
    async with await Raw.open(plain) as raw:
        for byte in HEAD + SUBPROTOCOL + b"\r\n":
            raw.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await raw.head()).startswith(b"HTTP/1.1 101 ")


async def test_frames_that_come_with_the_handshake_wait_for_it(plain: Running) -> None:
    async with await Raw.open(plain) as raw:
        hello = encode(frames.Hello(1, 1, "eager"))
        raw.write(HEAD + SUBPROTOCOL + b"\r\n")
        raw.frame(PING, b"early")
        raw.frame(BINARY, hello)
        assert (await raw.head()).startswith(b"HTTP/1.1 101 ")
        early = await raw.reader.readexactly(7 + 2 + 66)
        assert early.startswith(b"\x8a\x05early")
        assert isinstance(decode_relay(early[9:]), frames.Welcome)


async def test_an_address_gets_so_many_connections_and_no_more(start: Start) -> None:
    async with start(Patience(connections_per_address=5)) as relay:
        held = [await Raw.open(relay) for _ in range(5)]
        async with await Raw.open(relay) as sixth:
            assert await sixth.rest() == b""
        assert relay.relay.counts.turned_away == 1
        await held.pop().close()
        while relay.relay.counts.connections == 5:
            await asyncio.sleep(0.01)
        async with await Raw.upgraded(relay):
            pass
        for raw in held:
            await raw.close()


def test_addresses_are_told_apart_by_what_one_client_has() -> None:
    assert address_key("192.0.2.7") == "192.0.2.7"
    assert address_key("::ffff:192.0.2.7") == "192.0.2.7"
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff") != address_key("2001:db8:0:1::1")


@pytest.mark.parametrize("origin", [b"https://evil.example", b"null", b"http://127.0.0.1"])
async def test_a_web_page_is_refused(plain: Running, origin: bytes) -> None:
    async with await Raw.open(plain) as raw:
        raw.write(HEAD + SUBPROTOCOL + b"Origin: " + origin + b"\r\n\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("offer", [b"", b"Sec-WebSocket-Protocol: letterlock.v0\r\n"])
async def test_a_client_without_our_subprotocol_is_refused(plain: Running, offer: bytes) -> None:
    async with await Raw.open(plain) as raw:
        raw.write(HEAD + offer + b"\r\n")
        assert (await raw.head()).startswith(b"HTTP/1.1 400 ")


async def test_compression_is_never_negotiated(plain: Running) -> None:
    async with await Raw.open(plain) as raw:
        offer = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        raw.write(HEAD + SUBPROTOCOL + offer + b"\r\n")
        head = await raw.head()
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"extensions" not in head.lower()
        raw.frame(BINARY | 0x40, b"deflated")
        assert await close_code(raw) == 1002


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 20_000,
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 20_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"\x16\x03\x01" + b"\0" * 20_000,
        b"POST / HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\xff\xfe: \0\r\n\r\n",
    ],
)
async def test_a_head_that_is_none_ends_the_connection(plain: Running, head: bytes) -> None:
    async with await Raw.open(plain) as raw:
        raw.write(head)
        answer = await raw.rest()
        assert not answer or answer.startswith(b"HTTP/1.1 4")
    assert MAX_HEAD == 16 * 1024


async def test_health_is_told_on_the_main_address(plain: Running) -> None:
    for healthy, status in ((True, b"200"), (False, b"503")):
        plain.relay.closing = not healthy
        async with await Raw.open(plain) as raw:
            raw.write(b"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n")
            assert (await raw.rest()).startswith(b"HTTP/1.1 " + status)
    async with await Raw.open(plain) as raw:
        raw.write(b"GET /metrics HTTP/1.1\r\nHost: relay\r\n\r\n")
        assert not (await raw.rest()).startswith(b"HTTP/1.1 200")


async def test_an_oversized_frame_is_refused_before_it_comes(plain: Running) -> None:
    async with await Raw.upgraded(plain) as raw:
        raw.frame(BINARY, b"", claim=frames.MAX_FRAME + 1)
        assert await close_code(raw) == 1009


async def test_fragments_do_not_add_up_past_the_limit(plain: Running) -> None:
    async with await Raw.upgraded(plain) as raw:
        raw.frame(0x02, b"x" * 200_000)
        raw.frame(CONTINUATION, b"", claim=100_000)
        assert await close_code(raw) == 1009


async def test_endless_empty_fragments_are_cut(plain: Running) -> None:
    async with await Raw.upgraded(plain) as raw:
        raw.frame(0x02, b"")
        for _ in range(200):
            raw.frame(0x00, b"")
        assert await close_code(raw) == 1008


async def test_a_message_in_fragments_is_one_message(plain: Running) -> None:
    hello = encode(frames.Hello(1, 1, "slow"))
    async with await Raw.upgraded(plain) as raw:
        raw.frame(0x02, hello[:2])
        raw.frame(0x00, hello[2:4])
        raw.frame(PING, b"between")
        raw.frame(CONTINUATION, hello[4:])
        answers = await raw.reader.readexactly(9 + 2 + 66)
        assert b"\x8a\x07between" in answers
        assert isinstance(decode_relay(answers.replace(b"\x8a\x07between", b"")[2:]), frames.Welcome)


@pytest.mark.parametrize(
    ("first", "masked", "code"),
    [(TEXT, True, 1003), (BINARY, False, 1002), (0x83, True, 1002), (0x00, True, 1002)],
)
async def test_frames_of_another_kind_end_the_connection(
    plain: Running, first: int, masked: bool, code: int
) -> None:
    async with await Raw.upgraded(plain) as raw:
        raw.frame(first, b"hello", masked=masked)
        assert await close_code(raw) == code


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x91" * 100_000,
        b"\xdf" + b"\xff" * 8,
        b"\xdd\xff\xff\xff\xff",
        b"\x94\x01\x01\x01\xd9\x03\xed\xa0\x80",
        b"\x93\x01\xcb\x7f\xf8\0\0\0\0\0\0\x01\xa1x",
        os.urandom(1000),
        b"\xc0",
    ],
)
async def test_a_message_that_is_no_frame_is_refused_in_words_and_at_once(
    plain: Running, data: bytes
) -> None:
    async with await Raw.upgraded(plain) as raw:
        loop = asyncio.get_running_loop()
        before = loop.time()
        raw.frame(BINARY, data)
        rest = await raw.rest()
        assert loop.time() - before < 1.0
        assert rest[0] == BINARY
        refused = decode_relay(rest[2 : 2 + rest[1]])
        assert isinstance(refused, frames.Refused)
        assert refused.code == refusals.ILLEGAL
        assert struct.unpack("!H", rest[-len(b"not a frame") - 2 :][:2])[0] == 1008


async def test_a_ping_flood_by_a_client_that_never_reads_is_cut_in_bounded_memory(plain: Running) -> None:
    async with await Raw.upgraded(plain) as raw:
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
        flood = (struct.pack("!BB", PING, 0x80 | 125) + bytes(4) + b"x" * 125) * 1000
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        while plain.relay.counts.connections:
            raw.write(flood)
            await asyncio.sleep(0)
            assert tracemalloc.get_traced_memory()[0] - before < 10_000_000
        tracemalloc.stop()


async def test_pings_at_an_honest_pace_are_answered(plain: Running) -> None:
    async with await Raw.upgraded(plain) as raw:
        for _ in range(10):
            raw.frame(PING, b"hi")
            assert await raw.reader.readexactly(4) == b"\x8a\x02hi"


async def test_a_silent_client_is_pinged_and_then_cut(plain: Running) -> None:
    async with await Raw.upgraded(plain) as raw:
        (connection,) = plain.gateway._connections
        now = connection.heard
        plain.gateway.sweep_one(connection, now + 19)
        assert not connection.pinged
        plain.gateway.sweep_one(connection, now + 21)
        assert await raw.reader.readexactly(2) == b"\x89\x00"
        plain.gateway.sweep_one(connection, connection.pinged + 21)
        assert await raw.rest() == b""


async def test_an_answer_to_a_ping_is_a_sign_of_life(plain: Running) -> None:
    async with await Raw.upgraded(plain) as raw:
        (connection,) = plain.gateway._connections
        connection.ping()
        raw.frame(0x8A, b"")
        while connection.pinged:
            await asyncio.sleep(0.01)
        plain.gateway.sweep_one(connection, connection.heard + 1)
        assert connection.is_open


async def test_a_client_that_asks_more_than_it_reads_is_held_and_not_buffered(plain: Running) -> None:
    bob = Account("bob")
    async with await Talk.join(plain.url, bob) as talk:
        blob = b"b" * 16
        await talk.ask(frames.BeginUpload(3, blob, 180_000), frames.UploadAt)
        await talk.ask(frames.PutChunk(4, blob, 0, b"x" * 180_000), frames.UploadAt)
        talk.socket.transport.pause_reading()
        for number in range(200):
            await talk.send(frames.FetchChunk(number, blob, 0, 180_000))
        box = plain.relay.known_box(1)
        assert box is not None
        assert box.peer is not None
        connection = box.peer.connection
        while not connection.stuck_since:
            await asyncio.sleep(0.01)
        assert connection._transport is not None
        assert connection._transport.get_write_buffer_size() < 1024 * 1024
        talk.socket.transport.resume_reading()
        for number in range(200):
            assert isinstance(await talk.answer(number), frames.Chunk)


async def test_a_closed_connection_leaves_nothing_behind(plain: Running) -> None:
    bob = Account("bob")
    talk = await Talk.join(plain.url, bob)
    await talk.send(mail(bob))
    await talk.close()
    while plain.relay.counts.connections:
        await asyncio.sleep(0.01)
    box = plain.relay.known_box(1)
    assert box is not None
    assert box.peer is None
    assert not plain.gateway._addresses
