"""What an owner's device asks of one realm: register, anchor, delete, show the ledger. Each is good once.

A request names its realm, the nonce that the realm gave for this connection, its purpose, the registration epoch
and the device list in force. Any other realm, time, purpose, registration or list makes it worthless; so does a
device that does not stand in the highest list the realm has seen. Spec: shared/spec/vault.md. Must not know
stores: whoever checks brings what the realm knows.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from letterlock.devices.device_list import VerifiedAccount
from letterlock.devices.signed import MAX_COUNT, Kind
from letterlock.encoding import Field, Reader, pack
from letterlock.errors import (
    MalformedError,
    MisuseError,
    StaleListError,
    StaleRequestError,
    WrongAccountError,
)
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.derivation import sha256
from letterlock.vault.fleet import RealmKeys, check_realm_name
from letterlock.vault.owned import Owned, Owner, check_maker, open_owned
from letterlock.vault.statement import Statement

NONCE_BYTES: Final = 32
DIGEST_BYTES: Final = 32
KINDS: Final = (Kind.VAULT_REGISTER, Kind.VAULT_ANCHOR, Kind.VAULT_DELETE, Kind.VAULT_LEDGER)


class Addressed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """To whom a request goes and when: the realm's name and keys, and its nonce of this connection."""

    realm: str
    keys: RealmKeys
    nonce: bytes


class Request(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified request. `epoch` is the registration's, `list_epoch` and `list_version` the device list's."""

    kind: Kind
    account: AccountId
    device: DeviceId
    epoch: int
    realm: str
    realm_key: bytes
    nonce: bytes
    list_epoch: int
    list_version: int
    created: int
    statement_hash: bytes = b""
    """Register: the statement's."""
    record_digest: bytes = b""
    """Register: SHA-256 of the sealed record."""
    generation: int = 0
    """Anchor: the newest backup's."""
    manifest_hash: bytes = b""
    """Anchor: the newest backup's."""
    raw: bytes


def sign_register(owner: Owner, to: Addressed, *, statement: Statement, sealed: bytes, created: int) -> bytes:
    """Ask a realm to prepare this record, under this statement. Returns the request's bytes."""
    payload = (statement.hash, sha256(sealed))
    return _sign(owner, Kind.VAULT_REGISTER, to, epoch=statement.epoch, payload=payload, created=created)


def sign_anchor(
    owner: Owner, to: Addressed, *, epoch: int, generation: int, manifest_hash: bytes, created: int
) -> bytes:
    """Tell a realm which backup is the newest. Returns the request's bytes."""
    if not 0 < generation <= MAX_COUNT or len(manifest_hash) != DIGEST_BYTES:
        raise MisuseError("an anchor has a generation from 1 and a hash of 32 bytes")
    payload = (generation, manifest_hash)
    return _sign(owner, Kind.VAULT_ANCHOR, to, epoch=epoch, payload=payload, created=created)


def sign_delete(owner: Owner, to: Addressed, *, epoch: int, created: int) -> bytes:
    """Ask a realm to forget the account's record of this registration. Returns the request's bytes."""
    return _sign(owner, Kind.VAULT_DELETE, to, epoch=epoch, payload=(), created=created)


def sign_ledger(owner: Owner, to: Addressed, *, epoch: int, created: int) -> bytes:
    """Ask a realm for its ledger of the account. Returns the request's bytes."""
    return _sign(owner, Kind.VAULT_LEDGER, to, epoch=epoch, payload=(), created=created)


def open_request(raw: bytes, *kinds: Kind) -> Request:
    """Verify a request of one of these kinds by itself: whose it is, and all its fields.

    Whether it is for this realm, now, by a device that may, is for `check_request`. Raises MalformedError,
    BadKeyError, WrongAccountError, StaleListError, BadSignatureError.
    """
    return _open(raw, *kinds)[1]


def open_anchor(raw: bytes, account: AccountId, realm: str, keys: RealmKeys) -> Request:
    """Verify the anchor that a realm kept: the owner's, made for this very realm. Raises as `open_request` does."""
    request = open_request(raw, Kind.VAULT_ANCHOR)
    if (request.account, request.realm, request.realm_key) != (account, realm, keys.signing):
        raise WrongAccountError("this anchor belongs to another account or realm")
    return request


def check_request(raw: bytes, kind: Kind, to: Addressed, known: VerifiedAccount) -> Request:
    """Verify a request as its realm does, with the highest device list that it has seen of the account.

    Raises what `open_request` does; also StaleRequestError (another realm's, or an old one),
    RevokedDeviceError (the device does not stand in the list), StaleListError (it names another list).
    """
    owned, request = _open(raw, kind)
    if known.account != request.account:
        raise WrongAccountError("this request belongs to another account")
    if (request.realm, request.realm_key, request.nonce) != (to.realm, to.keys.signing, to.nonce):
        raise StaleRequestError("this request was made for another realm, or at another time")
    check_maker(owned, known)
    if (request.list_epoch, request.list_version) != (known.devices.epoch, known.devices.version):
        raise StaleListError("this request was made under another device list than the newest known")
    return request


def check_registration(request: Request, statement: Statement, sealed: bytes) -> None:
    """Check that a register request speaks of this statement and this sealed record. Raises WrongAccountError."""
    if (request.statement_hash, request.record_digest) != (statement.hash, sha256(sealed)):
        raise WrongAccountError("this request was made for another statement or record")
    if (request.account, request.epoch) != (statement.account, statement.epoch):
        raise WrongAccountError("this request was made for another account or registration")


def _sign(
    owner: Owner, kind: Kind, to: Addressed, *, epoch: int, payload: Sequence[Field], created: int
) -> bytes:
    if len(to.nonce) != NONCE_BYTES:
        raise MisuseError("a realm's nonce has 32 bytes")
    devices = owner.account.devices
    head = (to.realm, to.keys.signing, to.nonce, devices.epoch, devices.version)
    return owner.sign(kind, number=epoch, created=created, body=pack(*head, *payload))


def _open(raw: bytes, *kinds: Kind) -> tuple[Owned, Request]:
    if not kinds or any(kind not in KINDS for kind in kinds):
        raise MisuseError("these are no kinds of requests")
    owned = open_owned(raw, *kinds)
    return owned, _read(owned)


def _read(owned: Owned) -> Request:
    if owned.fields.number < 1:
        raise MalformedError("registrations are counted from 1")
    reader = Reader(owned.fields.body)
    head = Request(
        kind=owned.fields.kind,
        account=owned.account,
        device=DeviceId(owned.fields.device),
        epoch=owned.fields.number,
        realm=check_realm_name(reader.text(most=32)),
        realm_key=reader.blob(exactly=32),
        nonce=reader.blob(exactly=NONCE_BYTES),
        list_epoch=reader.number(most=MAX_COUNT),
        list_version=reader.number(most=MAX_COUNT),
        created=owned.fields.created,
        raw=owned.raw,
    )
    request = _with_payload(head, reader)
    reader.end()
    return request


def _with_payload(head: Request, reader: Reader) -> Request:
    if head.kind is Kind.VAULT_REGISTER:
        return msgspec.structs.replace(
            head,
            statement_hash=reader.blob(exactly=DIGEST_BYTES),
            record_digest=reader.blob(exactly=DIGEST_BYTES),
        )
    if head.kind is Kind.VAULT_ANCHOR:
        generation = reader.number(most=MAX_COUNT)
        if generation < 1:
            raise MalformedError("backups are counted from 1")
        return msgspec.structs.replace(
            head, generation=generation, manifest_hash=reader.blob(exactly=DIGEST_BYTES)
        )
    return head
