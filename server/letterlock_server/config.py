"""What an operator may set, checked before anything is opened.

Errors here are one sentence that says what to do. Must not know sockets or stores.
"""

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol

import msgspec

from letterlock.devices.login import check_relay_name
from letterlock.errors import MalformedError
from letterlock.wire.frames import VERSION

DEFAULT_LISTEN: Final = "127.0.0.1:8710"
RELAY_STORE: Final = "relay.db"
VAULT_STORE: Final = "vault.db"
MOST_ACCOUNTS: Final = 1_000_000
"""Accounts that a realm keeps something of, unless it is told another number: about 4 KB each, for good."""
_ENDPOINT = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]+)):(?P<port>\d{1,5})")


class UsageError(Exception):
    """The operator asked for something that cannot be; the message says what to do instead."""


class Endpoint(msgspec.Struct, frozen=True):
    """A host and a port to listen on. Port 0 takes any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def loopback(self) -> bool:
        """Say whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def wildcard(self) -> bool:
        """Say whether it stands for every address of this machine."""
        try:
            return ipaddress.ip_address(self.host).is_unspecified
        except ValueError:
            return False


def parse_endpoint(text: str) -> Endpoint:
    """Read `host:port` or `[v6]:port`. Raises UsageError."""
    match = _ENDPOINT.fullmatch(text)
    if match is None or int(match["port"]) > 65535:
        raise UsageError(f"'{text}' is not host:port, such as {DEFAULT_LISTEN}")
    host = str(ipaddress.IPv6Address(match["six"])) if match["six"] else match["host"].lower()
    return Endpoint(host, int(match["port"]))


BACKUP_FEATURE: Final = "backup.e2ee"
_FEATURE: Final = re.compile(r"(?P<name>[a-z0-9.]{1,64})=(?P<percent>\d{1,3})(?:,(?P<version>\d{1,9}))?")


class Feature(msgspec.Struct, frozen=True):
    """A feature that is rolled out: to so many per cent of the accounts, from this client version on."""

    name: str
    percent: int
    version: int = 1


def parse_feature(text: str) -> Feature:
    """Read `name=percent` or `name=percent,version`. Raises UsageError."""
    match = _FEATURE.fullmatch(text)
    if match is None or int(match["percent"]) > 100:
        raise UsageError(
            f"'{text}' is no feature: give name=percent or name=percent,number;"
            f" the number is of the protocol that a client speaks, now {VERSION}"
        )
    return Feature(match["name"], int(match["percent"]), int(match["version"] or 1))


class RelayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A relay's settings. `rate_factor` widens every rate alike: for workshops and load tests."""

    listen: Endpoint
    names: tuple[str, ...] = ()
    store: Path | None = None
    invite_code: str = ""
    watch: bool = False
    json: bool = False
    metrics: Endpoint | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False
    rate_factor: float = 1.0
    connections_per_address: int = 64
    connections: int = 20_000
    features: tuple[Feature, ...] = ()


class Served(Protocol):
    """What every server is told about where and how to serve."""

    @property
    def listen(self) -> Endpoint:
        """The address to serve on."""

    @property
    def tls_certificate(self) -> Path | None:
        """The certificate to serve with."""

    @property
    def tls_key(self) -> Path | None:
        """And its private key."""

    @property
    def insecure(self) -> bool:
        """Whether other machines may come without TLS."""


def check_reach(config: Served) -> None:
    """Refuse to serve other machines without TLS, unless that was asked for. Raises UsageError."""
    if (config.tls_certificate is None) != (config.tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together")
    if config.tls_certificate is None and not config.listen.loopback() and not config.insecure:
        raise UsageError(
            f"{config.listen} can be reached from other machines: give --tls-cert and --tls-key,"
            " or --insecure to serve ws:// there all the same"
        )


def check(config: RelayConfig) -> RelayConfig:
    """Return `config` if it can be served. Raises UsageError."""
    check_reach(config)
    if config.listen.wildcard() and not config.names:
        raise UsageError(f"{config.listen} has no name that clients dial: give it with --name host:port")
    if config.rate_factor <= 0 or config.connections_per_address < 1 or config.connections < 1:
        raise UsageError("rates and numbers of connections are above 0")
    for name in config.names:
        try:
            check_relay_name(name)
        except MalformedError as error:
            raise UsageError(f"--name {name}: {error}") from error
    return config


def parse_store(
    text: str, environment: Mapping[str, str] = os.environ, name: str = RELAY_STORE
) -> Path | None:
    """Read `memory` (None) or `sqlite:PATH`; nothing is `sqlite:` at the usual place. Raises UsageError."""
    if text == "memory":
        return None
    if not text:
        return usual_store(environment, name)
    kind, _, path = text.partition(":")
    if kind != "sqlite" or not path:
        raise UsageError(f"--store {text}: a store is 'memory' or 'sqlite:PATH'")
    return Path(path).expanduser()


def usual_store(environment: Mapping[str, str], name: str = RELAY_STORE) -> Path:
    """Return where a server keeps its store unless told: the same folders as the client's."""
    if chosen := environment.get("LETTERLOCK_HOME"):
        return Path(chosen).expanduser().absolute() / "data" / name
    data = Path(environment.get("XDG_DATA_HOME", ""))
    return (data if data.is_absolute() else Path.home() / ".local/share") / "letterlock" / name


def served_names(config: RelayConfig, bound: Endpoint) -> tuple[str, ...]:
    """Return the names under which devices may log in: those given, else the address listened on."""
    if config.names:
        return config.names
    if not bound.loopback() or bound.host == "localhost":
        return (str(bound),)
    # What people type for this machine; no other machine's relay can be reached under it.
    return str(bound), f"localhost:{bound.port}"
