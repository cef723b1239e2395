"""Public prekeys: what a device leaves at the relay so that others can write to it first.

The relay and the fetching client run the same checks. Every prekey is signed by the device's identity
key for one kind of use. Spec: shared/spec/devices.md, "Prekeys". Must not know private halves (they
are `messaging.prekeys`), nor who may fetch how many (the relay's limits).
"""

from collections.abc import Collection
from enum import IntEnum
from typing import Final

import msgspec

from letterlock.devices.device_list import CLOCK_SKEW_MS, DAY_MS, DeviceCertificate
from letterlock.devices.signed import Fields, Kind, check_owner, check_signature, read, sign
from letterlock.errors import ExpiredError, MalformedError
from letterlock.ids import AccountId, DeviceId, check_device
from letterlock.primitives.kem import check_kem_public
from letterlock.primitives.keys import SigningKey, check_agreement_public

MAX_KEY_ID: Final = 2**32 - 1
FRESH_MS: Final = 45 * DAY_MS
"""How long a signed or last-resort prekey may serve: as long as its private half lives."""


class PrekeyKind(IntEnum):
    """What a prekey is for."""

    SIGNED = 1
    """X25519, medium term: serves many first messages."""
    ONE_TIME = 2
    """X25519, handed out once."""
    KEM_LAST_RESORT = 3
    """ML-KEM-1024, medium term: serves when no one-time one is left."""
    KEM_ONE_TIME = 4
    """ML-KEM-1024, handed out once."""


_SIGNED_AS: Final = {
    PrekeyKind.SIGNED: Kind.SIGNED_PREKEY,
    PrekeyKind.ONE_TIME: Kind.ONE_TIME_PREKEY,
    PrekeyKind.KEM_LAST_RESORT: Kind.KEM_LAST_RESORT_PREKEY,
    PrekeyKind.KEM_ONE_TIME: Kind.KEM_ONE_TIME_PREKEY,
}
_PREKEY_OF: Final = {kind: prekey for prekey, kind in _SIGNED_AS.items()}
KEM_KINDS: Final = frozenset({PrekeyKind.KEM_LAST_RESORT, PrekeyKind.KEM_ONE_TIME})
"""The kinds that may stand in a bundle's `kem`."""
_LASTING_KINDS: Final = frozenset({PrekeyKind.SIGNED, PrekeyKind.KEM_LAST_RESORT})


class PublicPrekey(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified public prekey; `key` has 32 bytes (X25519) or 1568 (ML-KEM-1024). `created` is in ms."""

    kind: PrekeyKind
    key_id: int
    account: AccountId
    device: DeviceId
    created: int
    key: bytes
    raw: bytes

    def check_fresh(self, now: int) -> None:
        """Raise ExpiredError for a medium-term prekey older than 45 days, or any from after tomorrow."""
        if self.created > now + CLOCK_SKEW_MS:
            raise ExpiredError("a prekey is dated more than a day ahead")
        if self.kind in _LASTING_KINDS and now - self.created > FRESH_MS:
            raise ExpiredError("a prekey is older than 45 days")


class PrekeyBundle(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one first message needs: all verified, all of one device. `kem.kind` says if it is last resort."""

    signed: PublicPrekey
    one_time: PublicPrekey | None
    kem: PublicPrekey

    def check_fresh(self, now: int) -> None:
        """Raise ExpiredError if any of its prekeys must not be used at `now` (milliseconds)."""
        for prekey in (self.signed, self.one_time, self.kem):
            if prekey is not None:
                prekey.check_fresh(now)


def sign_prekey(
    identity: SigningKey,
    *,
    kind: PrekeyKind,
    key_id: int,
    account: AccountId,
    device: DeviceId,
    created: int,
    key: bytes,
) -> bytes:
    """Sign a public prekey with the device's identity key. `key_id` is 1 to 2**32 - 1; `created` in ms.

    Returns its bytes. Raises MalformedError, BadKeyError for what no reader would take.
    """
    _check_key_id(key_id)
    _check_key(kind, key)
    return sign(
        identity,
        Fields(
            kind=_SIGNED_AS[kind],
            number=key_id,
            account=account,
            device=check_device(device),
            created=created,
            body=key,
        ),
    )


def open_prekey(raw: bytes, certificate: DeviceCertificate, kinds: Collection[PrekeyKind]) -> PublicPrekey:
    """Verify a prekey of one of these kinds against its device's certificate: owner, signature, key.

    Its age is for `check_fresh`. Raises MalformedError (another kind among it), WrongAccountError
    (another account or device), BadSignatureError, BadKeyError (X25519: non-canonical or of low order;
    ML-KEM: FIPS 203, section 7.2).
    """
    fields = read(raw, *(_SIGNED_AS[kind] for kind in kinds))
    check_owner(fields, certificate.account, certificate.device)
    check_signature(raw, certificate.identity_key)
    kind = _PREKEY_OF[fields.kind]
    _check_key_id(fields.number)
    _check_key(kind, fields.body)
    return PublicPrekey(
        kind=kind,
        key_id=fields.number,
        account=certificate.account,
        device=certificate.device,
        created=fields.created,
        key=fields.body,
        raw=raw,
    )


def open_bundle(certificate: DeviceCertificate, signed: bytes, one_time: bytes, kem: bytes) -> PrekeyBundle:
    """Verify the prekeys a relay hands out for one first message; an empty `one_time` means none was left.

    A missing or malformed ML-KEM prekey is refused: there is no session without it. Raises as
    `open_prekey` does.
    """
    return PrekeyBundle(
        signed=open_prekey(signed, certificate, (PrekeyKind.SIGNED,)),
        one_time=open_prekey(one_time, certificate, (PrekeyKind.ONE_TIME,)) if one_time else None,
        kem=open_prekey(kem, certificate, KEM_KINDS),
    )


def _check_key_id(key_id: int) -> None:
    if not 1 <= key_id <= MAX_KEY_ID:
        raise MalformedError("a key id is a number from 1 to 4294967295")


def _check_key(kind: PrekeyKind, key: bytes) -> None:
    if kind in KEM_KINDS:
        check_kem_public(key)
    else:
        check_agreement_public(key)
