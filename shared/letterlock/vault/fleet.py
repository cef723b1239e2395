"""The realms of a vault, as a plain value: who they are, their pinned keys, how many of them are needed.

A fleet comes with the client, by invite or by hand, and never from a relay. Its hash covers names, keys and
numbers, not addresses: a realm may move house, but never change its keys. Spec: shared/spec/vault.md. Must not
know files, sockets or accounts.
"""

import re
from dataclasses import dataclass
from typing import Final

from letterlock.encoding import Reader, pack
from letterlock.errors import MalformedError
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.keys import KEY_BYTES, check_agreement_public, check_signing_public
from letterlock.primitives.ristretto import Element, read_element

MAX_REALMS: Final = 16
MAX_URL: Final = 512
REALM_KEYS_BYTES: Final = 3 * KEY_BYTES
FLEET_HASH_BYTES: Final = 32
SHOWN_HASH_BYTES: Final = 8

_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,30}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class RealmKeys:
    """The three public keys that a fleet pins for a realm, each for one use."""

    signing: bytes
    """Ed25519: receipts, ledger entries, welcomes."""
    sealing: bytes
    """X25519: records are sealed to it on their way."""
    exchange: Element
    """ristretto255: OPAQUE's server key."""

    def pack(self) -> bytes:
        """Return the keys' 96 bytes: the realm's identity."""
        return self.signing + self.sealing + self.exchange

    @classmethod
    def read(cls, raw: bytes) -> "RealmKeys":
        """Read 96 bytes. Raises MalformedError, BadKeyError."""
        if len(raw) != REALM_KEYS_BYTES:
            raise MalformedError("a realm's public key has 96 bytes")
        signing, sealing, exchange = (raw[at : at + KEY_BYTES] for at in range(0, len(raw), KEY_BYTES))
        check_signing_public(signing)
        check_agreement_public(sealing)
        return cls(signing, sealing, read_element(exchange))

    def text(self) -> str:
        """Show the keys as a fleet file has them: 192 hex digits."""
        return self.pack().hex()

    @classmethod
    def parse(cls, text: str) -> "RealmKeys":
        """Read the keys as `text` shows them. Raises MalformedError, BadKeyError."""
        if not re.fullmatch(r"[0-9a-f]{192}", text):
            raise MalformedError("a realm's public key is 192 hexadecimal digits")
        return cls.read(bytes.fromhex(text))


@dataclass(frozen=True, slots=True)
class Realm:
    """One realm of a fleet."""

    name: str
    url: str
    keys: RealmKeys

    def __post_init__(self) -> None:
        check_realm_name(self.name)
        if not 0 < len(self.url) <= MAX_URL or not self.url.isascii() or not self.url.isprintable():
            raise MalformedError("a realm's address has 1 to 512 printable ASCII characters")


@dataclass(frozen=True, slots=True)
class Fleet:
    """All realms of a vault, and the number of them that gives a secret back.

    More than half are needed, so that two registrations can never both be the present one. Raises
    MalformedError where that does not hold, or a name or key stands twice.
    """

    realms: tuple[Realm, ...]
    threshold: int

    def __post_init__(self) -> None:
        check_threshold(len(self.realms), self.threshold)
        if len({realm.name for realm in self.realms}) != len(self.realms):
            raise MalformedError("each realm of a fleet has a name of its own")
        if len({key for realm in self.realms for key in _each(realm.keys)}) != 3 * len(self.realms):
            raise MalformedError("each realm of a fleet has keys of its own")

    @property
    def hash(self) -> bytes:
        """The 32 bytes that name this fleet, whatever its addresses are."""
        members = (part for realm in self.realms for part in (realm.name, realm.keys.pack()))
        return sha256(pack(Label.VAULT_FLEET, self.threshold, *members))

    def realm(self, name: str) -> Realm | None:
        """Return the realm of this name, or None."""
        return next((realm for realm in self.realms if realm.name == name), None)


def check_realm_name(name: str) -> str:
    """Return `name` if it is a realm's: 1 to 32 of a-z 0-9 . -, the first and last no sign."""
    if not _NAME.fullmatch(name):
        raise MalformedError(
            "a realm's name has 1 to 32 characters of a-z 0-9 . - and begins and ends with no sign"
        )
    return name


def check_threshold(realms: int, threshold: int) -> None:
    """Raise MalformedError unless so many of so many realms can make a vault."""
    if not 1 <= realms <= MAX_REALMS:
        raise MalformedError("a fleet has 1 to 16 realms")
    if not realms < 2 * threshold <= 2 * realms:
        raise MalformedError("a fleet's threshold is more than half of its realms, and not more than all")


def shown_hash(fleet_hash: bytes) -> str:
    """Show the beginning of a fleet's hash as screens and sheets do: 16 hex digits in groups of four."""
    digits = fleet_hash[:SHOWN_HASH_BYTES].hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def read_realm_keys(reader: Reader) -> RealmKeys:
    """Take a realm's keys off packed bytes. Raises MalformedError, BadKeyError."""
    return RealmKeys.read(reader.blob(exactly=REALM_KEYS_BYTES))


def _each(keys: RealmKeys) -> tuple[bytes, bytes, bytes]:
    return keys.signing, keys.sealing, keys.exchange
