"""NATS JetStream, one node, a flush for each write (`sync_interval: always`): the nearest durable rival.

Senders publish into a stream and wait for its acknowledgement; receivers listen to the subject itself,
which is the fastest way that it has: a consumer for each receiver, and the deletion of what was read,
would come on top. The text protocol is spoken raw; `nats-py` makes the stream.
"""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
from nats.js.api import StorageType, StreamConfig

from scripts.benchmarks.load.pair import Pair
from scripts.benchmarks.load.process import free_port, server, wait_for_port
from scripts.benchmarks.load.served import Served
from scripts.benchmarks.load.stream import StreamLine, connect

BODY = 300
CONFIG = """
listen: "127.0.0.1:{port}"
jetstream {{ store_dir: {folder}, sync_interval: always }}
"""


def program() -> Path | None:
    """Where the server lies: its package puts it beside the interpreter."""
    path = Path(sys.executable).with_name("nats-server")
    return path if path.exists() else None


@asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[Served]:
    """Run the server with one stream over all subjects of the load."""
    port = free_port()
    (folder / "config").write_text(CONFIG.format(port=port, folder=json.dumps(str(folder / "store"))))
    path = program()
    assert path is not None
    with server((path, "-c", folder / "config"), folder) as process:
        wait_for_port(process, port)
        client = await nats.connect(f"nats://127.0.0.1:{port}")
        await client.jetstream().add_stream(
            StreamConfig(name="load", subjects=["load.*"], storage=StorageType.FILE, num_replicas=1)
        )
        await client.close()

        async def pairs(numbers: range) -> list[Pair]:
            return [await _pair(port, number) for number in numbers]

        async def idle(numbers: range) -> None:
            for _ in numbers:
                await _log_in(port)

        yield Served(process.pid, pairs, idle)


async def _pair(port: int, number: int) -> Pair:
    receiver, sender = await _log_in(port), await _log_in(port)
    await receiver.ask(b"SUB load.%d 1\r\nPING\r\n" % number, b"PONG")
    await sender.ask(b"SUB answer.%d 1\r\nPING\r\n" % number, b"PONG")
    message = b"PUB load.%d answer.%d %d\r\n%s\r\n" % (number, number, BODY, os.urandom(BODY))
    pair = Pair(lambda count: sender.write(message * count), ("accepted", "delivered"))
    sender.take = lambda data: _answers(data, pair, sender)
    receiver.take = lambda data: _deliveries(data, pair, receiver)
    return pair


async def _log_in(port: int) -> StreamLine:
    line = await connect(port)
    await line.ask(b'CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n', b"PONG")
    return line


def _deliveries(data: bytes, pair: Pair, line: StreamLine) -> bytes:
    found, rest = _payloads(data, line)
    if found:
        pair.deliver(len(found))
    return rest


def _answers(data: bytes, pair: Pair, line: StreamLine) -> bytes:
    found, rest = _payloads(data, line)
    for one in found:
        if b'"seq"' not in one:
            raise ValueError(f"the server answered {one!r}")
    if found:
        pair.accept(len(found))
    return rest


def _payloads(data: bytes, line: StreamLine) -> tuple[list[bytes], bytes]:
    """Return the payloads of all whole messages (`MSG subject sid [reply] size`), and what is left."""
    found, at = [], 0
    while (end := data.find(b"\r\n", at)) >= 0:
        head = data[at:end]
        if head.startswith(b"MSG"):
            stop = end + 2 + int(head.rsplit(b" ", 1)[1])
            if stop + 2 > len(data):
                break
            found.append(data[end + 2 : stop])
            at = stop + 2
        else:
            if head.startswith(b"PING"):
                line.write(b"PONG\r\n")
            elif head.startswith(b"-ERR"):
                raise ValueError(head.decode())
            at = end + 2
    return found, data[at:]
