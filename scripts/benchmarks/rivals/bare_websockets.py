"""Load on `forwarder`: a message is complete when its sender was answered and its receiver has it.

Or, unanswered, when its receiver has it: fewer frames than any server needs that can be asked whether it
has taken a message.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scripts.benchmarks.load.pair import Pair
from scripts.benchmarks.load.process import free_port, server, wait_for_port
from scripts.benchmarks.load.served import Served
from scripts.benchmarks.load.websocket import WebSocketLine, connect, framed

BODY = 300


@asynccontextmanager
async def serve(folder: Path, *, answered: bool = True) -> AsyncIterator[Served]:
    """Run the forwarder."""
    role, steps = ("from", ("accepted", "delivered")) if answered else ("from/unanswered", ("delivered",))
    port = free_port()
    command = (sys.executable, "-m", "scripts.benchmarks.rivals.forwarder", str(port))
    with server(command, folder) as process:
        wait_for_port(process, port)

        async def pairs(numbers: range) -> list[Pair]:
            receivers = [WebSocketLine(f"/{number}/to") for number in numbers]
            senders = [WebSocketLine(f"/{number}/{role}") for number in numbers]
            await connect(port, receivers)
            await connect(port, senders)
            return [
                _pair(sender, receiver, steps) for sender, receiver in zip(senders, receivers, strict=True)
            ]

        async def idle(numbers: range) -> None:
            await connect(port, [WebSocketLine(f"/{number}/to") for number in numbers])

        yield Served(process.pid, pairs, idle)


def _pair(sender: WebSocketLine, receiver: WebSocketLine, steps: tuple[str, ...]) -> Pair:
    frame = framed(os.urandom(BODY))
    pair = Pair(lambda count: sender.write(frame * count), steps)
    sender.take = lambda messages: pair.accept(len(messages))
    receiver.take = lambda messages: pair.deliver(len(messages))
    return pair
