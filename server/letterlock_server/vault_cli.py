"""The `vault` verb: composes one realm from its parts and runs it; `vault fleet` pins several in a file.

The only place where a realm's store is chosen. Must not know frames.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from letterlock_server.config import (
    MOST_ACCOUNTS,
    VAULT_STORE,
    Endpoint,
    UsageError,
    check_reach,
    parse_endpoint,
    parse_store,
    usual_store,
)

if TYPE_CHECKING:
    from letterlock_server.stores.vault_interfaces import VaultStore
    from letterlock_server.vault.policy import Policy
    from letterlock_server.vault.realm import Realm
    from letterlock_server.vault.sealing import Sealer
    from letterlock_server.vault.state import Vault

DEFAULT_LISTEN: Final = "127.0.0.1:8720"
DEFAULT_BACK_OFF: Final = "0,0,0,60,300,3600,86400,86400,86400"
DEFAULT_ADDITIONS: Final = "60,600"
_ADDITIONS: Final = re.compile(r"(\d{1,6}),(\d{1,8})")
_FAREWELL_S: Final = 3.0
_SWEEP_S: Final = 1.0


class VaultConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A realm's settings. `name` and `key_file` are empty where they follow from the rest."""

    listen: Endpoint
    name: str = ""
    store: Path | None = None
    key_file: Path | None = None
    guesses: int = 10
    back_off: tuple[int, ...] = ()
    additions: tuple[int, int] = (60, 600)
    json: bool = False
    metrics: Endpoint | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False
    rate_factor: float = 1.0
    accounts: int = MOST_ACCOUNTS


def add_parser(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the verb to the servers' command line."""
    vault = verbs.add_parser(
        "vault",
        help="keep guess-limited shares of backup keys",
        description="Run one realm of the backup-key vault: it answers a bounded number of password guesses.",
    )
    add = vault.add_argument
    add(
        "--listen", default=DEFAULT_LISTEN, metavar="H:P", help="address to serve on; port 0 takes a free one"
    )
    add("--name", default="", metavar="N", help="the realm's name in its fleet (from its key)")
    add("--store", default="", metavar="STORE", help="sqlite:PATH (vault.db in the data folder), or memory")
    add("--key-file", type=Path, metavar="F", help="the realm's secret key, made if absent (STORE.key)")
    add("--guesses", type=int, default=10, metavar="N", help="guesses between right ones (10)")
    add("--back-off", default=DEFAULT_BACK_OFF, metavar="LIST", help="seconds before each next guess")
    add(
        "--additions",
        default=DEFAULT_ADDITIONS,
        metavar="N,S",
        help=f"what one owner may add at once, and seconds before each more ({DEFAULT_ADDITIONS})",
    )
    add("--metrics", metavar="H:P", help="serve /metrics there (never on the main address)")
    add("--tls-cert", type=Path, metavar="F", help="serve wss:// with this certificate (PEM)")
    add("--tls-key", type=Path, metavar="F", help="and this private key (PEM)")
    add("--insecure", action="store_true", help="serve ws:// to other machines, unprotected")
    add("--rate-factor", type=float, default=1.0, metavar="X", help="widen every rate: for load tests")
    add(
        "--accounts",
        type=int,
        default=MOST_ACCOUNTS,
        metavar="N",
        help=f"accounts kept at most ({MOST_ACCOUNTS})",
    )
    add("--json", action="store_true", help="print JSON lines")
    acts = vault.add_subparsers(dest="act", metavar="fleet")
    fleet = acts.add_parser(
        "fleet",
        help="pin running realms in a fleet file",
        description="Ask running realms for their keys and write the fleet file that clients pin.",
        argument_default=argparse.SUPPRESS,
    )
    fleet.add_argument("--realm", action="append", required=True, metavar="URL", help="a realm; repeatable")
    fleet.add_argument("--threshold", type=int, required=True, metavar="T", help="how many give a key back")
    fleet.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="the file to write")
    fleet.add_argument("--force", action="store_true", help="write over a file that is there")
    fleet.add_argument("--insecure", action="store_true", help="allow ws:// beyond this machine")
    fleet.add_argument("--json", action="store_true", help="print JSON lines")


def run(options: argparse.Namespace) -> int:
    """Run what was asked for; return its exit status. Raises UsageError."""
    try:
        import letterlock.primitives.group_library  # noqa: F401 - said here, where the reason can still be told
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from error
    if options.act == "fleet":
        return asyncio.run(_pin(options))
    from letterlock_server.serving import loop_factory
    from letterlock_server.telemetry import configure_logging

    config = _config(options)
    configure_logging(json=config.json)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_run_realm(config))
    return 0


# vault fleet


async def _pin(options: argparse.Namespace) -> int:
    from letterlock.errors import MalformedError
    from letterlock.vault.fleet import Fleet, shown_hash
    from letterlock_server.vault import fleet_file

    realms = await asyncio.gather(
        *(fleet_file.ask(url, insecure=options.insecure, random=secrets.token_bytes) for url in options.realm)
    )
    try:
        fleet = Fleet(tuple(realms), options.threshold)
    except MalformedError as error:
        raise UsageError(f"these realms make no fleet: {error}") from error
    fleet_file.write(options.output, fleet, force="force" in options)
    if options.json:
        line = json.dumps(
            {
                "fleet": str(options.output),
                "hash": fleet.hash.hex(),
                "threshold": fleet.threshold,
                "realms": [{"name": realm.name, "url": realm.url} for realm in realms],
            }
        )
    else:
        line = f"{options.output}: {fleet.threshold} of {len(realms)} realms, fleet {shown_hash(fleet.hash)}"
    print(line, flush=True)  # noqa: T201
    return 0


# vault


def _config(options: argparse.Namespace) -> VaultConfig:
    config = VaultConfig(
        listen=parse_endpoint(options.listen),
        name=options.name,
        store=parse_store(options.store, name=VAULT_STORE),
        key_file=options.key_file,
        guesses=options.guesses,
        back_off=_back_off(options.back_off),
        additions=_additions(options.additions),
        json=options.json,
        metrics=parse_endpoint(options.metrics) if options.metrics else None,
        tls_certificate=options.tls_cert,
        tls_key=options.tls_key,
        insecure=options.insecure,
        rate_factor=options.rate_factor,
        accounts=options.accounts,
    )
    check_reach(config)
    if config.accounts < 1:
        raise UsageError("--accounts is 1 or more")
    if not 1 <= config.guesses <= 1000:
        raise UsageError("--guesses is 1 to 1000")
    if config.rate_factor <= 0:
        raise UsageError("--rate-factor is above 0")
    return config


def _back_off(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if len(parts) > 1000 or not all(part.isdecimal() and len(part) <= 8 for part in parts):
        raise UsageError(f"--back-off {text}: give seconds with commas between, such as {DEFAULT_BACK_OFF}")
    return tuple(map(int, parts))


def _additions(text: str) -> tuple[int, int]:
    match = _ADDITIONS.fullmatch(text)
    if match is None or not int(match[1]) or not int(match[2]):
        raise UsageError(f"--additions {text}: give a number and seconds, such as {DEFAULT_ADDITIONS}")
    return int(match[1]), int(match[2])


async def _run_realm(config: VaultConfig) -> None:
    from letterlock_server.serving import now_ms, stop_on_signals, tls_context
    from letterlock_server.stores.vault_interfaces import StoreError
    from letterlock_server.vault import guessing
    from letterlock_server.vault.clock import running_from
    from letterlock_server.vault.gateway import Gateway
    from letterlock_server.vault.state import Rates, Vault
    from letterlock_server.websocket.listening import Patience

    stop = stop_on_signals()
    realm, sealer = _realm(config)
    store = _store(config)
    try:
        running = running_from(await store.open())
    except (StoreError, OSError) as error:
        raise UsageError(str(error)) from error
    vault = Vault(realm, store, sealer, running=running, wall=now_ms, random=secrets.token_bytes)
    vault.rates = Rates(config.rate_factor)
    vault.most_accounts = config.accounts
    gateway = Gateway(vault, Patience())
    try:
        await guessing.bury_all(vault)
        tls, _ = tls_context(config.tls_certificate, config.tls_key)
        bound = Endpoint(*await gateway.listen(config.listen.host, config.listen.port, tls))
        await _serve_until(stop, config, vault, bound)
    except (StoreError, OSError) as error:
        raise UsageError(f"cannot serve on {config.listen}: {error}") from error
    finally:
        vault.closing = True
        gateway.stop_accepting()
        await vault.finish(_FAREWELL_S)
        await _close(store, running())
        await gateway.close(_FAREWELL_S)


async def _serve_until(stop: asyncio.Event, config: VaultConfig, vault: "Vault", bound: Endpoint) -> None:
    from letterlock_server.telemetry import ServerCollector, serve_metrics
    from letterlock_server.vault.clock import keep_for_ever

    metrics = None
    if config.metrics is not None:
        collector = ServerCollector("vault", vault.counts, vault.store.healthy)
        metrics = await serve_metrics(config.metrics.host, config.metrics.port, collector)
    tasks = [
        asyncio.create_task(keep_for_ever(vault.store, vault.running)),
        asyncio.create_task(_watch(vault)),
    ]
    _print_ready(config, vault, bound)
    try:
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if metrics is not None:
            metrics.close()


async def _watch(vault: "Vault") -> None:
    from letterlock_server.vault import guessing

    while True:
        await asyncio.sleep(_SWEEP_S)
        await guessing.end_overdue(vault)


async def _close(store: "VaultStore", clock: int) -> None:
    from letterlock_server.stores.vault_interfaces import StoreError

    # What is lost of the clock is waited again.
    with contextlib.suppress(StoreError):
        await store.keep_clock(clock)
    await store.close()


def _print_ready(config: VaultConfig, vault: "Vault", bound: Endpoint) -> None:
    url = f"{'wss' if config.tls_certificate else 'ws'}://{bound}"
    name, key = vault.realm.name, vault.realm.secret.public.text()
    if config.json:
        store = "memory" if config.store is None else "sqlite"
        line = json.dumps({"ready": url, "name": name, "key": key, "store": store, "pid": os.getpid()})
    else:
        line = f"realm {name} ready at {url}"
    print(line, flush=True)  # noqa: T201


def _realm(config: VaultConfig) -> "tuple[Realm, Sealer]":
    from letterlock.errors import MalformedError
    from letterlock.vault.fleet import check_realm_name
    from letterlock.vault.realm_secret import SEED_BYTES, RealmSecret
    from letterlock_server.vault.realm import Realm
    from letterlock_server.vault.sealing import KeyFileError, Sealer, load_or_make

    if config.store == usual_store(os.environ, VAULT_STORE):
        config.store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = config.key_file
    if path is None and config.store is not None:
        path = config.store.with_name(config.store.name + ".key")
    if path is None:
        seed = secrets.token_bytes(SEED_BYTES)
        secret, sealer = RealmSecret(seed), Sealer(seed)
    else:
        if config.store is not None and config.store.exists() and not path.exists():
            raise UsageError(
                f"{config.store} is there but its key file {path} is not: bring it back, or name it with --key-file"
            )
        try:
            secret, sealer = load_or_make(path, secrets.token_bytes)
        except KeyFileError as error:
            raise UsageError(str(error)) from error
    try:
        name = check_realm_name(config.name or f"realm-{secret.public.signing[:4].hex()}")
    except MalformedError as error:
        raise UsageError(f"--name {config.name}: {error}") from error
    return Realm(name, secret, _policy(config)), sealer


def _policy(config: VaultConfig) -> "Policy":
    from letterlock_server.limits import Rule
    from letterlock_server.vault.policy import Policy

    at_once, seconds = config.additions
    additions = Rule(at_once, seconds * 1000).times(config.rate_factor)
    return Policy(guesses=config.guesses, back_off=config.back_off, additions=additions)


def _store(config: VaultConfig) -> "VaultStore":
    if config.store is None:
        from letterlock_server.stores.vault_memory import MemoryVaultStore

        return MemoryVaultStore()
    from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore

    return SqliteVaultStore(config.store)
