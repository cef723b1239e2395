"""Where a relay is: its URL, checked, and the name that logins are bound to.

Must not know sockets: this only reads and refuses text.
"""

import ipaddress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from letterlock.devices.login import check_relay_name
from letterlock.errors import MalformedError
from letterlock_client.errors import ClientError, Code

_DEFAULT_PORTS: Final = {"ws": 80, "wss": 443}
_MAX_URL: Final = 300


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """A relay as it is dialled."""

    url: str
    """Normal form: scheme, host, port where it is not the scheme's own, path; nothing else."""
    name: str
    """host[:port] as dialled: a login is signed over it, so that nobody can forward it to another relay."""
    secure: bool


def parse_relay(text: str, *, insecure: bool = False) -> RelayAddress:
    """Read a relay's URL (`wss://host`, or `ws://` on this machine).

    Plain `ws://` beyond loopback is refused unless `insecure`: who listens there sees who talks when,
    though never what. Raises codes bad_input, insecure_relay.
    """
    if len(text) > _MAX_URL or not text.isascii() or any(c.isspace() or not c.isprintable() for c in text):
        raise ClientError(Code.BAD_INPUT, "a relay's address is a short ws:// or wss:// URL")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ClientError(Code.BAD_INPUT, "this is not a relay's address") from error
    if parts.scheme not in _DEFAULT_PORTS or not host or parts.username or parts.query or parts.fragment:
        raise ClientError(Code.BAD_INPUT, "a relay's address is ws://HOST:PORT or wss://HOST[:PORT]")
    if parts.scheme == "ws" and not insecure and not is_loopback(host):
        raise ClientError(
            Code.INSECURE_RELAY, "ws:// beyond this machine is readable on the way; use wss://, or --insecure"
        )
    shown = f"[{host}]" if ":" in host else host
    name = shown if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{shown}:{port}"
    try:
        check_relay_name(name)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error
    try:
        check_relay_name(name)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error
    return RelayAddress(f"{parts.scheme}://{name}{parts.path.rstrip('/')}", name, parts.scheme == "wss")


def is_loopback(host: str) -> bool:
    """Say whether this host can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
