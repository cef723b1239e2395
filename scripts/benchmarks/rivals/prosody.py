"""Prosody, XMPP over plain c2s (RFC 6120): with nothing stored, or archiving to its internal storage (MAM).

A message is complete when it has reached the receiver: nothing is ever answered. A text of 300 characters
stands in for 300 bytes, which XMPP cannot carry.
"""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scripts.benchmarks.load.pair import Pair
from scripts.benchmarks.load.process import free_port, server, wait_for_port
from scripts.benchmarks.load.served import Served
from scripts.benchmarks.load.stream import StreamLine, connect

PROGRAM = "prosody"
TEXT = 300
AT_ONCE = 25
END = b"</message>"
STREAM = (
    b"<?xml version='1.0'?><stream:stream to='localhost' version='1.0' xmlns='jabber:client'"
    b" xmlns:stream='http://etherx.jabber.org/streams'>"
)
CONFIG = """
run_as_root = true
daemonize = false
pidfile = "{folder}/pid"
data_path = "{folder}/data"
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
modules_enabled = {{ "saslauth"{mam} }}
modules_disabled = {{ "s2s", "offline" }}
authentication = "internal_plain"
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
storage = "internal"
default_archive_policy = true
log = {{ error = "{folder}/log" }}
VirtualHost "localhost"
"""


@asynccontextmanager
async def serve(folder: Path, *, archiving: bool) -> AsyncIterator[Served]:
    """Run the server, with accounts made as files of its own format."""
    port = free_port()
    mam = ', "mam"' if archiving else ""
    (folder / "config.lua").write_text(CONFIG.format(folder=folder, port=port, mam=mam))
    (folder / "data/localhost/accounts").mkdir(parents=True)
    with server((PROGRAM, "--config", folder / "config.lua"), folder) as process:
        wait_for_port(process, port)

        async def log_in(names: list[str]) -> list[StreamLine]:
            for name in names:
                account = folder / f"data/localhost/accounts/{name}.dat"
                account.write_text('return { ["password"] = "load" };\n')
            lines: list[StreamLine] = []
            for start in range(0, len(names), AT_ONCE):
                lines += await asyncio.gather(
                    *(_log_in(port, name) for name in names[start : start + AT_ONCE])
                )
            return lines

        async def pairs(numbers: range) -> list[Pair]:
            receivers = await log_in([f"to{number}" for number in numbers])
            senders = await log_in([f"from{number}" for number in numbers])
            return [_pair(*each) for each in zip(senders, receivers, numbers, strict=True)]

        async def idle(numbers: range) -> None:
            await log_in([f"idle{number}" for number in numbers])

        yield Served(process.pid, pairs, idle)


def _pair(sender: StreamLine, receiver: StreamLine, number: int) -> Pair:
    text = base64.b64encode(os.urandom(TEXT * 3 // 4))
    stanza = b"<message to='to%d@localhost/load' type='chat'><body>%s</body></message>" % (number, text)
    pair = Pair(lambda count: sender.write(stanza * count), ("delivered",))
    receiver.take = lambda data: _count(data, pair)
    return pair


def _count(data: bytes, pair: Pair) -> bytes:
    if found := data.count(END):
        pair.deliver(found)
    return data[data.rfind(END) + len(END) :] if found else data


async def _log_in(port: int, name: str) -> StreamLine:
    line = await connect(port)
    await line.ask(STREAM, b"</stream:features>")
    secret = base64.b64encode(f"\0{name}\0load".encode()).decode()
    await line.ask(
        f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>".encode(),
        b"<success",
    )
    await line.ask(STREAM, b"</stream:features>")
    await line.ask(
        b"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>load</resource></bind></iq>",
        b"</jid>",
    )
    return line
