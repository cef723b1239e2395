"""What an operator sees: log lines and counts.

Neither holds content, handles, account or device ids, addresses, or anything that leads from an envelope to
its sender: there is no parameter that could take one. Must not know handlers.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Final, TextIO, cast

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SCRAPE_S: Final = 5.0


class Counts:
    """What is counted, in plain numbers: cheap enough for the hot path."""

    __slots__ = (
        "accepted",
        "acknowledged",
        "bad_logins",
        "connections",
        "cut",
        "delivered",
        "ephemeral",
        "expired",
        "internal_errors",
        "mailbox_full",
        "not_frames",
        "not_kept",
        "online",
        "page_failures",
        "refused",
        "registered",
        "repeats",
        "requests",
        "turned_away",
    )

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    accepted: int
    acknowledged: int
    bad_logins: int
    connections: int
    cut: int
    delivered: int
    ephemeral: int
    expired: int
    internal_errors: int
    mailbox_full: int
    not_frames: int
    not_kept: int
    online: int
    page_failures: int
    refused: int
    registered: int
    repeats: int
    requests: int
    turned_away: int


class VaultCounts:
    """What a realm counts."""

    __slots__ = (
        "committed",
        "connections",
        "cut",
        "destroyed",
        "guesses",
        "internal_errors",
        "not_frames",
        "refused",
        "released",
        "requests",
        "turned_away",
    )

    def __init__(self) -> None:
        for name in self.__slots__:
            setattr(self, name, 0)

    committed: int
    connections: int
    cut: int
    destroyed: int
    guesses: int
    internal_errors: int
    not_frames: int
    refused: int
    released: int
    requests: int
    turned_away: int


_GAUGES: Final = frozenset({"connections", "online"})


class ServerCollector(Collector):
    """Reads a server's counts when somebody scrapes, and costs nothing until then."""

    def __init__(
        self,
        server: str,
        counts: Counts | VaultCounts,
        healthy: Callable[[], bool],
        flushes: Callable[[], int] | None = None,
    ) -> None:
        self._server = server
        self._counts = counts
        self._healthy = healthy
        self._flushes = flushes

    def collect(self) -> Iterable[Metric]:
        """Return every metric."""
        for name in self._counts.__slots__:
            value = getattr(self._counts, name)
            label = f"letterlock_{self._server}_{name}"
            if name in _GAUGES:
                yield GaugeMetricFamily(label, f"{name}, now", value=value)
            else:
                yield CounterMetricFamily(label, f"{name}, since the start", value=value)
        yield GaugeMetricFamily(
            "letterlock_store_healthy", "1 where commits are safe", value=int(self._healthy())
        )
        if self._flushes is not None:
            yield CounterMetricFamily("letterlock_store_flushes", "waits for the disk", value=self._flushes())


class _StandardError:
    """Where log lines go, perhaps a file on a full disk or a pipe that nobody reads: a line may be lost, no request."""

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()


def configure_logging(*, json: bool) -> None:
    """Write log lines to standard error: JSON objects or text. Standard output belongs to the ready line."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _StandardError())),
        cache_logger_on_first_use=True,
    )
    # asyncio names transports, and with them addresses, in its own lines.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


async def serve_metrics(host: str, port: int, collector: Collector) -> asyncio.Server:
    """Serve the counts as Prometheus text on an address of their own. Raises OSError."""
    registry = CollectorRegistry()
    registry.register(collector)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError
        ):
            async with asyncio.timeout(_SCRAPE_S):
                head = await reader.readuntil(b"\r\n\r\n")
                found = head.split(b" ")[1:2] == [b"/metrics"]
                body = generate_latest(registry) if found else b"not here\n"
                status = "200 OK" if found else "404 Not Found"
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                    + body
                )
                await writer.drain()
        writer.close()

    return await asyncio.start_server(answer, host, port, limit=8192)
