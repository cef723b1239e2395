"""The devices of an account, as its list key signs them; and the rule by which one list follows another.

::

    list certificate (epoch) --> device list (version, issued) --> device certificate, 1 to 16 times

`succeed` is that rule, the same for every client and relay: a newer epoch, else a newer version, of the
same root key; two that differ under one number are a fork; a device id never comes back with other keys.
Verification costs one Ed25519 verification for each object, so callers keep what they opened, found by
its exact bytes. Spec: shared/spec/devices.md. Must not know messages, frames or storage.
"""

from collections.abc import Sequence
from enum import Enum
from itertools import pairwise
from typing import Final

import msgspec

from letterlock.devices import signed
from letterlock.devices.account import ListCertificate, check_epoch_is, open_list_certificate
from letterlock.devices.signed import Kind
from letterlock.encoding import Reader, pack
from letterlock.errors import BadKeyError, ForkedListError, MalformedError, StaleListError, WrongAccountError
from letterlock.ids import MAX_DEVICE, AccountId, DeviceId, check_device
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.keys import SigningKey, check_agreement_public, check_signing_public

MAX_DEVICES: Final = 16
IDS_PER_EPOCH: Final = 2**16
DAY_MS: Final = 24 * 60 * 60 * 1000
LIST_LIFETIME_MS: Final = 30 * DAY_MS
CLOCK_SKEW_MS: Final = DAY_MS
"""How far ahead of our clock a signer's clock may be."""
MAX_CERTIFICATE: Final = 1024
"""The greatest certificate, in bytes."""


class DeviceCertificate(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified device certificate: three public keys of 32 bytes, each for one use.

    `identity_key` (Ed25519) signs logins and prekeys, `agreement_key` (X25519) takes part in PQXDH,
    `sealing_key` (X25519) is what senders seal envelopes to; it alone may change while the device lives.
    """

    account: AccountId
    device: DeviceId
    epoch: int
    identity_key: bytes
    agreement_key: bytes
    sealing_key: bytes
    created: int
    raw: bytes


class ListView(msgspec.Struct, frozen=True, gc=False):
    """Which list somebody holds: its epoch, version and the 32-byte digest of its exact bytes."""

    epoch: int
    version: int
    digest: bytes


class Comparison(Enum):
    """How somebody's view of a device list stands to ours."""

    SAME = "same"
    THEIRS_OLDER = "theirs_older"
    THEIRS_NEWER = "theirs_newer"
    FORKED = "forked"


class DeviceList(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified device list. Times are in milliseconds.

    `highest_device` is the highest device id the account ever gave; `view` names this exact list.
    """

    account: AccountId
    epoch: int
    version: int
    issued: int
    expires: int
    highest_device: DeviceId
    devices: tuple[DeviceCertificate, ...]
    view: ListView
    raw: bytes

    def device(self, device: int) -> DeviceCertificate | None:
        """Return that device's certificate, or None if it is not listed (any more)."""
        return next((one for one in self.devices if one.device == device), None)

    def expired(self, now: int) -> bool:
        """Say whether its 30 days are over, or it is dated more than a day after `now` (milliseconds)."""
        return now >= self.expires or self.issued > now + CLOCK_SKEW_MS


class VerifiedAccount(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An account whose certificate and device list were checked against its root key."""

    account: AccountId
    root_key: bytes
    certificate: ListCertificate
    devices: DeviceList


class VerifiedSender(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The device a sender chain proves: whether it is still listed is for the reader's list to say."""

    account: AccountId
    root_key: bytes
    certificate: ListCertificate
    device: DeviceCertificate


class SenderChain(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What proves a device to somebody who knows nothing yet: root key and two certificates, as signed."""

    root_key: bytes
    list_certificate: bytes
    device_certificate: bytes

    def pack(self) -> bytes:
        """Return the chain's one encoding, below 1 KiB."""
        return pack(Label.SENDER_CHAIN, self.root_key, self.list_certificate, self.device_certificate)

    @classmethod
    def read(cls, raw: bytes) -> "SenderChain":
        """Take a packed chain apart, WITHOUT verifying it. Raises MalformedError."""
        reader = Reader(raw)
        reader.constant(Label.SENDER_CHAIN)
        chain = cls(
            root_key=reader.blob(exactly=32),
            list_certificate=reader.blob(most=MAX_CERTIFICATE),
            device_certificate=reader.blob(most=MAX_CERTIFICATE),
        )
        reader.end()
        return chain

    @classmethod
    def open(cls, raw: bytes) -> VerifiedSender:
        """Verify a packed chain: two Ed25519 verifications, so keep the answer by these exact bytes.

        Raises MalformedError, BadKeyError, WrongAccountError, StaleListError (the device's certificate is
        of another epoch than the list key's), BadSignatureError.
        """
        chain = cls.read(raw)
        certificate = open_list_certificate(chain.list_certificate, chain.root_key)
        return VerifiedSender(
            account=certificate.account,
            root_key=chain.root_key,
            certificate=certificate,
            device=open_device_certificate(chain.device_certificate, certificate),
        )


def certify_device(
    list_key: SigningKey,
    *,
    account: AccountId,
    device: DeviceId,
    epoch: int,
    identity_key: bytes,
    agreement_key: bytes,
    sealing_key: bytes,
    created: int,
) -> bytes:
    """Sign with the list key of `epoch` that these three public keys are this device's. Returns the bytes.

    Raises MalformedError for a device id out of range, BadKeyError for a key that must not be used.
    """
    _check_device_keys(identity_key, agreement_key, sealing_key)
    return signed.sign(
        list_key,
        signed.Fields(
            kind=Kind.DEVICE_CERTIFICATE,
            number=epoch,
            account=account,
            device=check_device(device),
            created=created,
            body=pack(identity_key, agreement_key, sealing_key),
        ),
    )


def open_device_certificate(raw: bytes, certificate: ListCertificate) -> DeviceCertificate:
    """Verify one device's certificate against the account's list certificate.

    Raises MalformedError, WrongAccountError, StaleListError (of another epoch), BadSignatureError,
    BadKeyError.
    """
    fields = signed.read(raw, Kind.DEVICE_CERTIFICATE)
    signed.check_owner(fields, certificate.account, fields.device)
    check_epoch_is(fields.number, certificate)
    signed.check_signature(raw, certificate.list_key)
    reader = Reader(fields.body)
    identity, agreement, sealing = (reader.blob(exactly=32) for _ in range(3))
    reader.end()
    _check_device_keys(identity, agreement, sealing)
    if identity in (certificate.root_key, certificate.list_key):
        raise BadKeyError("a root or list key is no device's identity key")
    return DeviceCertificate(
        account=fields.account,
        device=check_device(fields.device),
        epoch=fields.number,
        identity_key=identity,
        agreement_key=agreement,
        sealing_key=sealing,
        created=fields.created,
        raw=raw,
    )


def sign_device_list(
    list_key: SigningKey,
    *,
    account: AccountId,
    epoch: int,
    version: int,
    issued: int,
    devices: Sequence[bytes],
    highest_device: int = 0,
) -> bytes:
    """Sign these device certificates as the account's devices from `issued` (ms) on, for 30 days.

    `version` counts from 1 in each epoch. `highest_device` is the highest id ever given, where that is
    a device no longer listed. Returns the list's bytes. Raises MalformedError for what no reader takes.
    """
    raws = sorted(devices, key=_device_of)
    highest = check_device(max([highest_device, *map(_device_of, raws)]))
    _check_numbers([_device_of(raw) for raw in raws], version)
    _check_highest(highest, _device_of(raws[-1]), epoch)
    return signed.sign(
        list_key,
        signed.Fields(
            kind=Kind.DEVICE_LIST,
            number=version,
            account=account,
            device=signed.NO_DEVICE,
            created=issued,
            body=pack(epoch, highest, *raws),
        ),
    )


def open_account(root_key: bytes, list_certificate: bytes, device_list: bytes) -> VerifiedAccount:
    """Verify everything the relay says about an account but its age: see `DeviceList.expired`.

    Costs two Ed25519 verifications and one for each device. Raises MalformedError, BadKeyError,
    WrongAccountError, StaleListError (the list is of another epoch than the certificate),
    BadSignatureError.
    """
    certificate = open_list_certificate(list_certificate, root_key)
    devices = _open_device_list(device_list, certificate)
    return VerifiedAccount(
        account=certificate.account, root_key=root_key, certificate=certificate, devices=devices
    )


def succeed(known: VerifiedAccount | None, offered: VerifiedAccount) -> VerifiedAccount:
    """Return the one to hold from now on: `offered`, where it is the known one or follows it.

    Raises WrongAccountError (another root key), StaleListError (older than `known`), ForkedListError
    (another list or list key under the same number, or a device id that comes back with other keys).
    """
    if known is None:
        return offered
    if offered.root_key != known.root_key:
        raise WrongAccountError("the list belongs to another root key")
    comparison = compare_views(known.devices.view, offered.devices.view)
    if comparison is Comparison.THEIRS_OLDER:
        raise StaleListError("the device list is older than the known one")
    if comparison is Comparison.FORKED:
        raise ForkedListError("two different device lists have the same epoch and version")
    if comparison is Comparison.THEIRS_NEWER:
        _check_follows(known, offered)
    return offered


def compare_views(ours: ListView, theirs: ListView) -> Comparison:
    """Say how their view of a list stands to ours."""
    our_number, their_number = (ours.epoch, ours.version), (theirs.epoch, theirs.version)
    if their_number < our_number:
        return Comparison.THEIRS_OLDER
    if their_number > our_number:
        return Comparison.THEIRS_NEWER
    return Comparison.SAME if ours.digest == theirs.digest else Comparison.FORKED


def _open_device_list(raw: bytes, certificate: ListCertificate) -> DeviceList:
    fields = signed.read(raw, Kind.DEVICE_LIST)
    signed.check_owner(fields, certificate.account, signed.NO_DEVICE)
    reader = Reader(fields.body)
    check_epoch_is(reader.number(), certificate)
    signed.check_signature(raw, certificate.list_key)
    highest = check_device(reader.number(most=MAX_DEVICE))
    raws: list[bytes] = []
    while reader.more():
        # Counted before the certificates are verified, so that a long list costs one verification.
        if len(raws) == MAX_DEVICES:
            raise MalformedError("a device list has at most 16 devices")
        raws.append(reader.blob(most=MAX_CERTIFICATE))
    devices = tuple(open_device_certificate(one, certificate) for one in raws)
    _check_numbers([one.device for one in devices], fields.number)
    _check_highest(highest, devices[-1].device, certificate.epoch)
    return DeviceList(
        account=fields.account,
        epoch=certificate.epoch,
        version=fields.number,
        issued=fields.created,
        expires=fields.created + LIST_LIFETIME_MS,
        highest_device=highest,
        devices=devices,
        view=ListView(certificate.epoch, fields.number, _digest(certificate.raw, raw)),
        raw=raw,
    )


def _digest(list_certificate: bytes, device_list: bytes) -> bytes:
    return sha256(pack(Label.LIST_DIGEST, list_certificate, device_list))


def _check_follows(known: VerifiedAccount, offered: VerifiedAccount) -> None:
    ours, theirs = known.devices, offered.devices
    if ours.epoch == theirs.epoch and known.certificate.raw != offered.certificate.raw:
        raise ForkedListError("two different list keys have the same epoch")
    if theirs.highest_device < ours.highest_device:
        raise ForkedListError("a newer device list forgets device ids that were given")
    for one in theirs.devices:
        before = ours.device(one.device)
        if before is None and one.device <= ours.highest_device:
            raise ForkedListError("a device id that was given up is used again")
        if before is not None and _lasting_keys(before) != _lasting_keys(one):
            raise ForkedListError("a device id comes back with other keys")


def _lasting_keys(certificate: DeviceCertificate) -> tuple[bytes, bytes]:
    return certificate.identity_key, certificate.agreement_key


def _device_of(raw: bytes) -> int:
    return signed.read(raw, Kind.DEVICE_CERTIFICATE).device


def _check_numbers(devices: Sequence[int], version: int) -> None:
    if version < 1:
        raise MalformedError("versions are counted from 1")
    if not 1 <= len(devices) <= MAX_DEVICES:
        raise MalformedError("a device list has 1 to 16 devices")
    if any(a >= b for a, b in pairwise(devices)):
        raise MalformedError("devices are listed once each, in the order of their ids")


def _check_highest(highest: int, listed: int, epoch: int) -> None:
    if listed > highest:
        raise MalformedError("a listed device is above the highest id ever given")
    # Whoever steals a list key uses up the ids of its epoch at most: the owner comes back in the next one.
    if highest > epoch * IDS_PER_EPOCH:
        raise MalformedError(f"a device id is above {IDS_PER_EPOCH} for each epoch")


def _check_device_keys(identity: bytes, agreement: bytes, sealing: bytes) -> None:
    check_signing_public(identity)
    check_agreement_public(agreement)
    check_agreement_public(sealing)
    if agreement == sealing:
        raise BadKeyError("a device's agreement and sealing keys must differ")
