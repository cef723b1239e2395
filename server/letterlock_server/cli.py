"""The servers' command line: composes a relay from its parts, and runs it until it is told to stop.

The only place where a relay's store is chosen; `vault_cli` is the other verb. Must not know frames.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from letterlock_server import vault_cli
from letterlock_server.config import (
    BACKUP_FEATURE,
    DEFAULT_LISTEN,
    Endpoint,
    RelayConfig,
    UsageError,
    check,
    parse_endpoint,
    parse_feature,
    parse_store,
    served_names,
    usual_store,
)

if TYPE_CHECKING:
    import ssl

    from letterlock_server.relay.gateway import Gateway
    from letterlock_server.relay.state import Relay
    from letterlock_server.stores.interfaces import Store

_BAD_USAGE: Final = 2
_FAREWELL_S: Final = 3.0
_GC_THRESHOLD: Final = 20_000


def build_parser() -> argparse.ArgumentParser:
    """Return the argument parser."""
    top = argparse.ArgumentParser(prog="letterlock", description="Letterlock's servers.")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    relay = verbs.add_parser(
        "relay",
        help="carry sealed messages between devices",
        description="Carry sealed messages between devices, keeping them until they are fetched.",
    )
    add = relay.add_argument
    add(
        "--listen", default=DEFAULT_LISTEN, metavar="H:P", help="address to serve on; port 0 takes a free one"
    )
    add("--name", action="append", default=[], metavar="N", help="host[:port] that clients dial; repeatable")
    add("--store", default="", metavar="STORE", help="sqlite:PATH (relay.db in the data folder), or memory")
    add("--invite-code-file", type=Path, metavar="F", help="take new accounts by this code only")
    add("--watch", action="store_true", help="show every frame as the relay sees it")
    add("--metrics", metavar="H:P", help="serve /metrics there (never on the main address)")
    add("--tls-cert", type=Path, metavar="F", help="serve wss:// with this certificate (PEM)")
    add("--tls-key", type=Path, metavar="F", help="and this private key (PEM)")
    add("--insecure", action="store_true", help="serve ws:// to other machines, unprotected")
    add("--json", action="store_true", help="print JSON lines")
    add("--rate-factor", type=float, default=1.0, metavar="X", help="widen every rate: for load tests")
    add("--connections-per-address", type=int, default=64, metavar="N", help="at most so many (64)")
    add("--connections", type=int, default=20_000, metavar="N", help="at most so many in all (20000)")
    add(
        "--feature", action="append", default=[], metavar="NAME=PERCENT[,VERSION]",
        help="roll a feature out to so many per cent of the accounts; repeatable (backup.e2ee=100)",
    )  # fmt: skip
    vault_cli.add_parser(verbs)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a server; return its exit status: 0 stopped as told, 2 what was asked for cannot be."""
    options = build_parser().parse_args(arguments)
    try:
        return vault_cli.run(options) if options.verb == "vault" else _serve(_config(options))
    except UsageError as error:
        if options.json:
            print(json.dumps({"error": "bad_usage", "message": str(error)}), file=sys.stderr)  # noqa: T201
        else:
            print(f"letterlock {options.verb}: {error}", file=sys.stderr)  # noqa: T201
        return _BAD_USAGE


def _config(options: argparse.Namespace) -> RelayConfig:
    return check(
        RelayConfig(
            listen=parse_endpoint(options.listen),
            names=tuple(options.name),
            store=parse_store(options.store),
            invite_code=_read_code(options.invite_code_file),
            watch=options.watch,
            json=options.json,
            metrics=parse_endpoint(options.metrics) if options.metrics else None,
            tls_certificate=options.tls_cert,
            tls_key=options.tls_key,
            insecure=options.insecure,
            rate_factor=options.rate_factor,
            connections_per_address=options.connections_per_address,
            connections=options.connections,
            features=tuple(map(parse_feature, [f"{BACKUP_FEATURE}=100", *options.feature])),
        )
    )


def _read_code(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        code = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the invite code file {path} cannot be read") from error
    if not 1 <= len(code) <= 256:
        raise UsageError(f"the invite code file {path} must hold a code of 1 to 256 characters")
    return code


def _serve(config: RelayConfig) -> int:
    # Here, and not at the top: none of this is needed to print help.
    from letterlock_server.serving import loop_factory
    from letterlock_server.telemetry import configure_logging

    configure_logging(json=config.json)
    # What is loaded by now stays; what mail allocates is nearly all free of cycles. Looked at less often,
    # the collector costs a few per cent less.
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_run_relay(config))
    return 0


async def _run_relay(config: RelayConfig) -> None:
    from letterlock_server.relay.gateway import Gateway
    from letterlock_server.relay.state import Rates, Relay
    from letterlock_server.serving import now_ms, stop_on_signals, tls_context
    from letterlock_server.stores.interfaces import StoreError
    from letterlock_server.websocket.listening import Patience

    stop = stop_on_signals()
    try:
        store = _store(config)
        await store.open()
    except (StoreError, OSError) as error:
        raise UsageError(str(error)) from error
    relay = Relay(store, (), now=now_ms)
    relay.rates = Rates(config.rate_factor)
    relay.invite_code = config.invite_code
    relay.features = {one.name: one.percent for one in config.features}
    relay.needs = {one.name: one.version for one in config.features if one.version > 1}
    patience = Patience(
        connections_per_address=config.connections_per_address, connections=config.connections
    )
    gateway = Gateway(relay, patience)
    try:
        tls, relay.tls_certificate_hash = tls_context(config.tls_certificate, config.tls_key)
        bound = Endpoint(*await _listen(gateway, config, tls))
        relay.names = served_names(config, bound)
        await _serve_until(stop, config, relay, bound)
    finally:
        await _wind_up(gateway, relay)


async def _listen(gateway: "Gateway", config: RelayConfig, tls: "ssl.SSLContext | None") -> tuple[str, int]:
    try:
        return await gateway.listen(config.listen.host, config.listen.port, tls)
    except OSError as error:
        raise UsageError(f"cannot listen on {config.listen}: {error.strerror}") from error


async def _serve_until(stop: asyncio.Event, config: RelayConfig, relay: "Relay", bound: Endpoint) -> None:
    from letterlock_server.relay.expiry import expire_for_ever
    from letterlock_server.relay.watching import Watcher
    from letterlock_server.telemetry import ServerCollector, serve_metrics

    metrics = None
    if config.metrics is not None:
        collector = ServerCollector("relay", relay.counts, relay.store.healthy, relay.store.flushes)
        try:
            metrics = await serve_metrics(config.metrics.host, config.metrics.port, collector)
        except OSError as error:
            raise UsageError(f"cannot serve metrics on {config.metrics}: {error.strerror}") from error
    expiring = asyncio.create_task(expire_for_ever(relay))
    _print_ready(config, relay, bound)
    watcher = Watcher(sys.stdout.fileno(), json=config.json) if config.watch else None
    relay.watch = watcher
    try:
        await stop.wait()
    finally:
        relay.closing = True
        expiring.cancel()
        await asyncio.gather(expiring, return_exceptions=True)
        if metrics is not None:
            metrics.close()
        if watcher is not None:
            relay.watch = None
            await asyncio.get_running_loop().run_in_executor(None, watcher.close)


async def _wind_up(gateway: "Gateway", relay: "Relay") -> None:
    # In this order, every commit that began is answered on a connection that is still open.
    relay.closing = True
    gateway.stop_accepting()
    await relay.finish(_FAREWELL_S)
    await relay.store.close()
    await gateway.close(_FAREWELL_S)


def _print_ready(config: RelayConfig, relay: "Relay", bound: Endpoint) -> None:
    url = f"{'wss' if config.tls_certificate else 'ws'}://{bound}"
    if config.json:
        store = "memory" if config.store is None else "sqlite"
        line = json.dumps({"ready": url, "names": relay.names, "store": store, "pid": os.getpid()})
    else:
        line = f"relay ready at {url}"
    print(line, flush=True)  # noqa: T201


def _store(config: RelayConfig) -> "Store":
    from letterlock_server.relay.state import PREKEY_RULE

    if config.store is None:
        from letterlock_server.stores.memory import MemoryStore

        return MemoryStore(prekeys=PREKEY_RULE)
    from letterlock_server.serving import now_ms
    from letterlock_server.stores.sqlite.store import SqliteStore

    if config.store == usual_store(os.environ):
        # Only the usual place is made: a folder that was named and is not there may be a slip.
        config.store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return SqliteStore(config.store, now=now_ms, prekeys=PREKEY_RULE)


if __name__ == "__main__":
    sys.exit(main())
