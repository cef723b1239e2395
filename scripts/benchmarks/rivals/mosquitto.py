"""Mosquitto in memory, MQTT 3.1.1 at QoS 1: every message is acknowledged on both sides, none is stored."""

import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scripts.benchmarks.load.pair import Pair
from scripts.benchmarks.load.process import free_port, server, wait_for_port
from scripts.benchmarks.load.served import Served
from scripts.benchmarks.load.stream import StreamLine, connect

PROGRAM = "mosquitto"
BODY = 300
_PUBLISH, _PUBACK = 0x30, 0x40
CONFIG = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_inflight_messages 0
max_queued_messages 0
log_type error
user root
"""


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[Served]:
    """Run the broker."""
    port = free_port()
    (folder / "config").write_text(CONFIG.format(port=port))
    with server((PROGRAM, "-c", folder / "config"), folder) as process:
        wait_for_port(process, port)

        async def pairs(numbers: range) -> list[Pair]:
            return [await _pair(port, number) for number in numbers]

        async def idle(numbers: range) -> None:
            for number in numbers:
                await _log_in(port, f"idle{number}")

        yield Served(process.pid, pairs, idle)


async def _pair(port: int, number: int) -> Pair:
    receiver = await _log_in(port, f"to{number}")
    topic = _text(f"t/{number}")
    await receiver.ask(_packet(0x82, b"\x00\x01" + topic + b"\x01"), b"\x90\x03\x00\x01\x01")
    sender = await _log_in(port, f"from{number}")
    head, body = _packet(0x32, topic + bytes(2 + BODY))[: -2 - BODY], os.urandom(BODY)
    last = 0

    def write(count: int) -> None:
        nonlocal last
        # Packet ids are 1 to 65535; none of ours is under way so long that it comes round again.
        ids = [(last + at) % 65535 + 1 for at in range(count)]
        last = ids[-1]
        sender.write(b"".join([head + one.to_bytes(2) + body for one in ids]))

    pair = Pair(write, ("accepted", "delivered"))
    sender.take = lambda data: _count_answers(data, pair)
    receiver.take = lambda data: _acknowledge(data, pair, receiver)
    return pair


async def _log_in(port: int, name: str) -> StreamLine:
    line = await connect(port)
    await line.ask(_packet(0x10, _text("MQTT") + b"\x04\x02\x00\x00" + _text(name)), b"\x20\x02\x00\x00")
    return line


def _count_answers(data: bytes, pair: Pair) -> bytes:
    whole = len(data) // 4
    if data.count(b"\x40\x02", 0, 2) != 1:
        raise ValueError(f"the broker said {data[:20]!r}")
    pair.accept(whole)
    return data[4 * whole :]


def _acknowledge(data: bytes, pair: Pair, receiver: StreamLine) -> bytes:
    answers = []
    at = 0
    while (found := _publish(data, at)) is not None:
        packet_id, at = found
        answers.append(b"\x40\x02" + packet_id)
    if answers:
        receiver.write(b"".join(answers))
        pair.deliver(len(answers))
    return data[at:]


def _publish(data: bytes, at: int) -> tuple[bytes, int] | None:
    """Read a PUBLISH of 128 to 16383 bytes: its packet id, and where it ends; None where it is not whole."""
    if len(data) - at < 5:
        return None
    if data[at] & 0xF0 != _PUBLISH:
        raise ValueError(f"the broker said {data[at : at + 20]!r}")
    start = at + 3
    end = start + (data[at + 1] & 0x7F) + (data[at + 2] << 7)
    if end > len(data):
        return None
    after_topic = start + 2 + int.from_bytes(data[start : start + 2])
    return data[after_topic : after_topic + 2], end


def _text(text: str) -> bytes:
    return struct.pack("!H", len(text)) + text.encode()


def _packet(first: int, rest: bytes) -> bytes:
    size = len(rest)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([first]) + length + rest
