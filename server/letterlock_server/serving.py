"""What every server process does alike: its event loop, signals, TLS and clock.

Must not know which server runs.
"""

import asyncio
import signal
import ssl
import time
from collections.abc import Callable
from pathlib import Path

from letterlock.primitives.derivation import sha256
from letterlock_server.config import UsageError


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the fastest event loop that is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def tls_context(certificate: Path | None, key: Path | None) -> tuple[ssl.SSLContext | None, bytes]:
    """Return a TLS 1.3 context and the SHA-256 of its certificate; (None, b"") without one. Raises UsageError."""
    if certificate is None or key is None:
        return None, b""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(certificate, key)
        pem = certificate.read_text(encoding="ascii")
        end = pem.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)
        leaf = ssl.PEM_cert_to_DER_cert(pem[pem.index(ssl.PEM_HEADER) : end])
    except (OSError, ValueError) as error:
        raise UsageError(f"the certificate or its key cannot be used: {error}") from error
    return context, sha256(leaf)


def now_ms() -> int:
    """Return the wall clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000
