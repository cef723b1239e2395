"""What a device signs to log in: proof that it is there, now, on this very connection to this very relay.

The transcript binds the name the client dialled, the TLS certificate it saw, and a nonce from each side:
so a signature that is replayed, or forwarded by a relay in the middle, does not hold. Spec:
shared/spec/devices.md, "Login". Must not know connections: both sides put in what they saw themselves.
"""

import ipaddress
import re
from typing import Final

from letterlock.encoding import pack
from letterlock.errors import MalformedError, MisuseError
from letterlock.ids import ACCOUNT_BYTES, AccountId, DeviceId, check_device
from letterlock.primitives.derivation import Label

NONCE_BYTES: Final = 32
TLS_HASH_BYTES: Final = 32
MAX_RELAY_NAME: Final = 255

_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[(?P<six>[0-9a-f:.]+)\])(?::(?P<port>[1-9][0-9]{{0,4}}))?"
)


def check_relay_name(text: str) -> str:
    """Return `text` if it is a relay's name: host or host:port, lower case, IPv6 in brackets, shortest form.

    Each relay has one spelling only, because logins sign it. Raises MalformedError.
    """
    match = _NAME.fullmatch(text) if len(text) <= MAX_RELAY_NAME else None
    if match is None or int(match["port"] or 1) > 65535:
        raise MalformedError("a relay's name is host or host:port, in lower case")
    if match["six"] is not None:
        _check_ipv6(match["six"])
    return text


def login_transcript(
    *,
    relay: str,
    tls_certificate_hash: bytes,
    server_nonce: bytes,
    client_nonce: bytes,
    account: AccountId,
    device: DeviceId,
) -> bytes:
    """Return the bytes a device's identity key signs to log in.

    `relay` is the host[:port] that was dialled. `tls_certificate_hash` is the SHA-256 of the relay's TLS
    certificate (DER), or empty without TLS. Nonces have 32 bytes. Raises MalformedError for a relay name
    or device id out of range, MisuseError for a wrong length.
    """
    if len(tls_certificate_hash) not in (0, TLS_HASH_BYTES):
        raise MisuseError("a certificate hash has 32 bytes, or none without TLS")
    if (len(server_nonce), len(client_nonce), len(account)) != (NONCE_BYTES, NONCE_BYTES, ACCOUNT_BYTES):
        raise MisuseError("a login has two nonces of 32 bytes and an account id of 20")
    return pack(
        Label.LOGIN,
        check_relay_name(relay),
        tls_certificate_hash,
        server_nonce,
        client_nonce,
        account,
        check_device(device),
    )


def _check_ipv6(text: str) -> None:
    try:
        canonical = ipaddress.IPv6Address(text).compressed
    except ValueError as error:
        raise MalformedError("this is not an IPv6 address") from error
    if canonical != text:
        raise MalformedError(f"write this IPv6 address as {canonical}")
