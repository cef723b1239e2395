"""The statement: what an owner says, once and the same to every realm, about how its secret is shared.

A recovering client wants the same bytes from as many realms as it needs, and checks them against the account id,
before anything of its password leaves it. Spec: shared/spec/vault.md. Must not know passwords or private shares.
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from letterlock.devices.device_list import VerifiedSender
from letterlock.devices.signed import Kind
from letterlock.encoding import Reader, pack
from letterlock.errors import MalformedError, WrongAccountError
from letterlock.ids import AccountId
from letterlock.primitives.derivation import Argon2Parameters, Label, sha256
from letterlock.primitives.oprf import MAX_SHARES
from letterlock.primitives.ristretto import ELEMENT_BYTES, Element, read_element
from letterlock.vault.fleet import (
    FLEET_HASH_BYTES,
    MAX_REALMS,
    Fleet,
    RealmKeys,
    check_realm_name,
    check_threshold,
    read_realm_keys,
)
from letterlock.vault.owned import Owned, Owner, open_owned

HASH_BYTES: Final = 32
CHECK_BYTES: Final = 32
MAX_STATEMENT: Final = 8192


class RealmEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One realm's place in a statement."""

    name: str
    keys: RealmKeys
    index: int
    """Where its shares lie on the polynomials: 1 to 255, no two alike."""
    commitment: Element
    """Its share of the OPRF key, times the generator."""
    record_hash: bytes
    """The hash of the record that it must hold."""


class Checks(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a client compares at the end: 32 bytes each, and nothing to guess by without the realms."""

    password: bytes
    """Of the randomized password: tells a wrong password from a lying realm."""
    secret: bytes
    """The key check of the recovery secret."""


class Statement(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified statement. `epoch` counts the account's registrations, from 1; `created` is milliseconds."""

    account: AccountId
    epoch: int
    fleet_hash: bytes
    threshold: int
    realms: tuple[RealmEntry, ...]
    argon2: Argon2Parameters
    checks: Checks
    created: int
    signer: VerifiedSender
    raw: bytes

    @property
    def hash(self) -> bytes:
        """The 32 bytes that name this exact statement."""
        return sha256(pack(Label.VAULT_STATEMENT, self.raw))

    def realm(self, name: str) -> RealmEntry | None:
        """Return that realm's entry, or None."""
        return next((entry for entry in self.realms if entry.name == name), None)


def sign_statement(
    owner: Owner,
    *,
    epoch: int,
    fleet: Fleet,
    realms: Sequence[RealmEntry],
    argon2: Argon2Parameters,
    checks: Checks,
    created: int,
) -> bytes:
    """Sign a statement. Returns its exact bytes; `open_statement` takes no others."""
    entries = (
        part
        for entry in realms
        for part in (entry.name, entry.keys.pack(), entry.index, entry.commitment, entry.record_hash)
    )
    body = pack(
        fleet.hash,
        fleet.threshold,
        argon2.memory_kib,
        argon2.passes,
        checks.password,
        checks.secret,
        *entries,
    )
    return owner.sign(Kind.VAULT_STATEMENT, number=epoch, created=created, body=body)


def open_statement(raw: bytes, account: AccountId | None = None) -> Statement:
    """Verify a statement, by itself and, where it is given, against the account that is asked for.

    Raises MalformedError, BadKeyError, WrongAccountError, StaleListError, BadSignatureError.
    """
    if len(raw) > MAX_STATEMENT:
        raise MalformedError("a statement has at most 8192 bytes")
    owned = open_owned(raw, Kind.VAULT_STATEMENT)
    if account is not None and owned.account != account:
        raise WrongAccountError("the statement belongs to another account")
    return _read(owned)


def _read(owned: Owned) -> Statement:
    if owned.fields.number < 1:
        raise MalformedError("registrations are counted from 1")
    reader = Reader(owned.fields.body)
    fleet_hash = reader.blob(exactly=FLEET_HASH_BYTES)
    threshold = reader.number(most=MAX_REALMS)
    argon2 = Argon2Parameters(
        memory_kib=reader.number(most=Argon2Parameters.MAX_MEMORY_KIB),
        passes=reader.number(most=Argon2Parameters.MAX_PASSES),
    )
    checks = Checks(
        password=reader.blob(exactly=CHECK_BYTES),
        secret=reader.blob(exactly=CHECK_BYTES),
    )
    realms: list[RealmEntry] = []
    while reader.more():
        if len(realms) == MAX_REALMS:
            raise MalformedError("a statement has at most 16 realms")
        realms.append(_entry(reader))
    check_threshold(len(realms), threshold)
    _check_distinct([entry.name for entry in realms])
    _check_distinct([entry.index for entry in realms])
    _check_distinct([entry.keys.pack() for entry in realms])
    return Statement(
        account=owned.account,
        epoch=owned.fields.number,
        fleet_hash=fleet_hash,
        threshold=threshold,
        realms=tuple(realms),
        argon2=argon2,
        checks=checks,
        created=owned.fields.created,
        signer=owned.sender,
        raw=owned.raw,
    )


def _entry(reader: Reader) -> RealmEntry:
    return RealmEntry(
        name=check_realm_name(reader.text(most=32)),
        keys=read_realm_keys(reader),
        index=_index(reader.number(most=MAX_SHARES)),
        commitment=read_element(reader.blob(exactly=ELEMENT_BYTES)),
        record_hash=reader.blob(exactly=HASH_BYTES),
    )


def _index(number: int) -> int:
    if number < 1:
        raise MalformedError("a share's index is 1 to 255")
    return number


def _check_distinct(values: Collection[object]) -> None:
    if len(set(values)) != len(values):
        raise MalformedError("two realms of a statement share a name, an index or keys")
