"""Who an account is: its id, the list key that speaks for it in this epoch, and its handle.

::

    root key --signs--> list certificate (epoch) --its key signs--> device list, device certificates, handle

The root key signs list certificates and nothing else, and a higher epoch voids every lower one: so a
terminal that is lost with the list key on it is put out for good. Spec: shared/spec/devices.md. Must not
know devices, messages or storage.
"""

from typing import NamedTuple

import msgspec

from letterlock.devices import signed
from letterlock.devices.signed import Kind
from letterlock.encoding import Reader, pack
from letterlock.errors import BadKeyError, MalformedError, StaleListError
from letterlock.ids import ACCOUNT_BYTES, AccountId, check_handle
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.keys import SigningKey, check_signing_public


class ListCertificate(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified list certificate: in `epoch` the account speaks through `list_key` (Ed25519)."""

    account: AccountId
    root_key: bytes
    epoch: int
    list_key: bytes
    created: int
    raw: bytes


class HandleEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified handle entry: the account of `epoch` says that it goes by `handle`."""

    handle: str
    account: AccountId
    epoch: int
    created: int
    raw: bytes


class HandleClaim(NamedTuple):
    """What a handle entry claims, NOT VERIFIED: fit for look-ups only."""

    handle: str
    account: AccountId


def account_id(root_key: bytes) -> AccountId:
    """Return the id that follows from a root public key (32 bytes); no one can put another key behind it.

    Raises BadKeyError for a key that is not a usable Ed25519 public key.
    """
    check_signing_public(root_key)
    return AccountId(sha256(pack(Label.ACCOUNT_ID, root_key))[:ACCOUNT_BYTES])


def certify_list_key(root: SigningKey, *, list_key: bytes, epoch: int, created: int) -> bytes:
    """Sign with the root key that `list_key` speaks for the account from `epoch` (1 or more) on.

    `created` is in milliseconds. Returns the certificate's bytes. Raises BadKeyError, MalformedError.
    """
    _check_list_key(list_key, root.public)
    _check_epoch(epoch)
    return signed.sign(
        root,
        signed.Fields(
            kind=Kind.LIST_CERTIFICATE,
            number=epoch,
            account=account_id(root.public),
            device=signed.NO_DEVICE,
            created=created,
            body=list_key,
        ),
    )


def open_list_certificate(raw: bytes, root_key: bytes) -> ListCertificate:
    """Verify a list certificate against the account's root key.

    Raises MalformedError, BadKeyError, WrongAccountError (another root key's), BadSignatureError.
    """
    fields = signed.read(raw, Kind.LIST_CERTIFICATE)
    signed.check_owner(fields, account_id(root_key), signed.NO_DEVICE)
    signed.check_signature(raw, root_key)
    _check_epoch(fields.number)
    _check_list_key(fields.body, root_key)
    return ListCertificate(
        account=fields.account,
        root_key=root_key,
        epoch=fields.number,
        list_key=fields.body,
        created=fields.created,
        raw=raw,
    )


def sign_handle(list_key: SigningKey, *, account: AccountId, handle: str, epoch: int, created: int) -> bytes:
    """Sign with the list key of `epoch` that the account goes by `handle`. Raises MalformedError."""
    _check_epoch(epoch)
    return signed.sign(
        list_key,
        signed.Fields(
            kind=Kind.HANDLE_ENTRY,
            number=epoch,
            account=account,
            device=signed.NO_DEVICE,
            created=created,
            body=pack(check_handle(handle)),
        ),
    )


def open_handle_entry(raw: bytes, certificate: ListCertificate) -> HandleEntry:
    """Verify a handle entry against the account's present list certificate.

    Raises MalformedError, WrongAccountError, StaleListError (of another epoch: void), BadSignatureError.
    """
    fields = signed.read(raw, Kind.HANDLE_ENTRY)
    signed.check_owner(fields, certificate.account, signed.NO_DEVICE)
    check_epoch_is(fields.number, certificate)
    signed.check_signature(raw, certificate.list_key)
    return HandleEntry(
        handle=_handle(fields.body),
        account=fields.account,
        epoch=fields.number,
        created=fields.created,
        raw=raw,
    )


def handle_entry_fields(raw: bytes) -> HandleClaim:
    """Read whose handle an entry claims to be, WITHOUT verifying it. Raises MalformedError."""
    fields = signed.read(raw, Kind.HANDLE_ENTRY)
    return HandleClaim(handle=_handle(fields.body), account=fields.account)


def check_epoch_is(epoch: int, certificate: ListCertificate) -> None:
    """Raise StaleListError unless an object's epoch is the certificate's: any other one is void under it."""
    if epoch != certificate.epoch:
        raise StaleListError("this object belongs to another epoch of the account")


def _handle(body: bytes) -> str:
    reader = Reader(body)
    handle = check_handle(reader.text(most=32))
    reader.end()
    return handle


def _check_epoch(epoch: int) -> None:
    if epoch < 1:
        raise MalformedError("epochs are counted from 1")


def _check_list_key(list_key: bytes, root_key: bytes) -> None:
    check_signing_public(list_key)
    if list_key == root_key:
        raise BadKeyError("the root key signs list certificates only; it is no list key")
