"""Watching: a line for each frame, within a buffer, whoever reads or does not."""

import json
import os
import threading

from letterlock.wire import frames
from letterlock.wire.codec import encode
from letterlock_server.relay.state import Peer
from letterlock_server.relay.watching import Watcher
from letterlock_server.websocket.connection import Connection


def nobody() -> Peer:
    class Wire:
        address = ""

    return Peer(Wire())  # type: ignore[arg-type]


def test_lines_that_do_not_fit_are_dropped_and_counted_and_the_rest_is_in_order() -> None:
    reading, writing = os.pipe()
    watcher = Watcher(writing, json=True)
    peer = nobody()
    for number in range(400):
        chunk = frames.Chunk(number, 1, bytes(20_000))
        watcher("out", peer, chunk, encode(chunk))
    shown: list[bytes] = []

    def read() -> None:
        with os.fdopen(reading, "rb") as pipe:
            shown.extend(pipe)

    reader = threading.Thread(target=read)
    reader.start()
    watcher.close()
    os.close(writing)
    reader.join()
    seen = [json.loads(line) for line in shown]
    chunks = sum(one.get("kind") == "Chunk" for one in seen)
    assert 0 < chunks < 400
    assert sum(one.get("dropped", 0) for one in seen) == 400 - chunks


def test_a_reader_that_has_gone_ends_the_watch_and_nothing_else() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    watcher = Watcher(writing, json=False)
    hello = frames.Hello(1, 1, "x")
    for _ in range(10):
        watcher("in", nobody(), hello, encode(hello))
    watcher.close()
    assert not watcher._thread.is_alive()
    os.close(writing)


def test_a_reader_that_never_reads_does_not_keep_the_relay_from_stopping() -> None:
    reading, writing = os.pipe()
    watcher = Watcher(writing, json=True)
    for number in range(50):
        chunk = frames.Chunk(number, 1, bytes(20_000))
        watcher("out", nobody(), chunk, encode(chunk))
    watcher.close()
    assert not watcher._thread.is_alive()
    os.close(reading)
    os.close(writing)


def test_a_connection_keeps_no_dictionary() -> None:
    assert not hasattr(Connection, "__dict__") or "__dict__" not in Connection.__slots__
