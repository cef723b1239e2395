"""The first secret between two devices: PQXDH, revision 3, with X25519 and ML-KEM-1024.

::

    initiator: begins with a verified bundle       responder: has its prekeys' private halves
        DH1 = agreement key  x signed prekey
        DH2 = base key       x agreement key        the same, from the other side
        DH3 = base key       x signed prekey
        DH4 = base key       x one-time prekey      left out where the bundle has none
        SS  = ML-KEM secret                         never left out: no session without it
    secret = HKDF(0xFF * 32 || DH1 || DH2 || DH3 || DH4 || SS)

Knows the handshake's exact bytes, the secret, and the hash that says who agreed on what. Must not know
ratchets, or which prekeys are deleted when. Spec: shared/spec/messaging.md, "First secret".
"""

import struct
from collections.abc import Callable
from typing import Final

import msgspec

from letterlock.devices.bundle import KEM_KINDS, PrekeyBundle, PrekeyKind
from letterlock.devices.device_list import DeviceCertificate
from letterlock.encoding import pack
from letterlock.errors import BadKeyError, MalformedError, MisuseError, UnknownPrekeyError, WrongAccountError
from letterlock.ids import AccountId, DeviceId
from letterlock.messaging.prekeys import OwnPrekey
from letterlock.primitives.derivation import Label, hkdf_sha256, sha256
from letterlock.primitives.kem import KEM_CIPHERTEXT_BYTES, Encapsulation, KemKey
from letterlock.primitives.keys import (
    KEY_BYTES,
    AgreementKey,
    Secret,
    SigningKey,
    agree,
    agreement_public,
    check_agreement_public,
)

SUITE: Final = "X25519 ML-KEM-1024 HKDF-SHA256 AES-256-GCM"
VERSION: Final = 1

_HANDSHAKE: Final = struct.Struct(f">32sIIIB{KEM_CIPHERTEXT_BYTES}s")
HANDSHAKE_BYTES: Final = _HANDSHAKE.size

_NO_ONE_TIME: Final = 0
# PQXDH, "Cryptographic notation": as many 0xFF bytes as a key has, so that no input equals one XEdDSA hashes.
_DOMAIN: Final = b"\xff" * KEY_BYTES
_ZERO_SALT: Final = bytes(32)


class OwnDevice(Secret, msgspec.Struct, frozen=True, gc=False):
    """The local device: its name and the two secret keys that sessions need. Prints nothing."""

    account: AccountId
    device: DeviceId
    identity: SigningKey
    agreement: AgreementKey


class PrekeyNeeds(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Which private halves a first message names, and the hash of its handshake (32 bytes).

    `one_time_id` is None where the message was begun without one.
    """

    signed_id: int
    one_time_id: int | None
    kem_id: int
    kem_kind: PrekeyKind
    contact: bytes


class PrekeysHeld(Secret, msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The private halves that the store holds of those a first message names; None where it has none."""

    signed: OwnPrekey | None
    one_time: OwnPrekey | None
    kem: OwnPrekey | None


class Handshake(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What the initiator sends beside its first messages: see `pack` for the bytes."""

    base_key: bytes
    signed_id: int
    one_time_id: int | None
    kem_id: int
    kem_kind: PrekeyKind
    kem_ciphertext: bytes

    def pack(self) -> bytes:
        """Return the one encoding: 1613 bytes."""
        return _HANDSHAKE.pack(
            self.base_key,
            self.signed_id,
            self.one_time_id or _NO_ONE_TIME,
            self.kem_id,
            self.kem_kind,
            self.kem_ciphertext,
        )

    @classmethod
    def read(cls, raw: bytes) -> "Handshake":
        """Read what `pack` made. Raises MalformedError, BadKeyError for a base key that must not be used."""
        if len(raw) != HANDSHAKE_BYTES:
            raise MalformedError("a handshake has the wrong length")
        base_key, signed_id, one_time_id, kem_id, kind, ciphertext = _HANDSHAKE.unpack(raw)
        if kind not in KEM_KINDS or not signed_id or not kem_id:
            raise MalformedError("a handshake names no ML-KEM prekey or no signed prekey")
        check_agreement_public(base_key)
        return cls(
            base_key=base_key,
            signed_id=signed_id,
            one_time_id=one_time_id or None,
            kem_id=kem_id,
            kem_kind=PrekeyKind(kind),
            kem_ciphertext=ciphertext,
        )


class Agreed(Secret, msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The outcome, equal on both sides. Prints nothing.

    `secret` (32 bytes) seeds the ratchet, `ad` (32) is the hash of everything agreed upon, `contact` (32)
    names the handshake, `signed_prekey` is the responder's public (initiator) or private (responder) half.
    """

    secret: bytes
    ad: bytes
    contact: bytes
    signed_prekey: bytes
    handshake: bytes
    last_resort: bool


def initiate(
    own: OwnDevice,
    peer: DeviceCertificate,
    bundle: PrekeyBundle,
    *,
    encapsulation: Encapsulation,
    random: Callable[[int], bytes],
) -> Agreed:
    """Agree with a device that is away, from its verified bundle.

    `encapsulation` was made to `bundle.kem.key`. Raises WrongAccountError where the bundle is of another
    device than `peer`, BadKeyError, MisuseError.
    """
    _check_owner(bundle, peer)
    base = random(KEY_BYTES)
    if len(base) != KEY_BYTES:
        raise MisuseError("random bytes of the wrong length")
    handshake = Handshake(
        base_key=agreement_public(base),
        signed_id=bundle.signed.key_id,
        one_time_id=None if bundle.one_time is None else bundle.one_time.key_id,
        kem_id=bundle.kem.key_id,
        kem_kind=bundle.kem.kind,
        kem_ciphertext=encapsulation.ciphertext,
    ).pack()
    agreements = [
        own.agreement.agree(bundle.signed.key),
        agree(base, peer.agreement_key),
        agree(base, bundle.signed.key),
    ]
    if bundle.one_time is not None:
        agreements.append(agree(base, bundle.one_time.key))
    return Agreed(
        secret=_secret(agreements, encapsulation.shared),
        ad=_session_ad(_names(own), _peer_names(peer), handshake, bundle.kem.key),
        contact=contact_of(handshake),
        signed_prekey=bundle.signed.key,
        handshake=handshake,
        last_resort=bundle.kem.kind is PrekeyKind.KEM_LAST_RESORT,
    )


def respond(own: OwnDevice, peer: DeviceCertificate, raw: bytes, held: PrekeysHeld) -> Agreed:
    """Agree with the device whose handshake bytes these are.

    Raises MalformedError, BadKeyError, UnknownPrekeyError where a named private half is not held. A forged
    handshake gives a secret that opens nothing.
    """
    handshake = Handshake.read(raw)
    signed = _held(held.signed, PrekeyKind.SIGNED, handshake.signed_id)
    kem = KemKey(_held(held.kem, handshake.kem_kind, handshake.kem_id))
    base_key = handshake.base_key
    agreements = [
        agree(signed, peer.agreement_key),
        own.agreement.agree(base_key),
        agree(signed, base_key),
    ]
    if handshake.one_time_id is not None:
        agreements.append(agree(_held(held.one_time, PrekeyKind.ONE_TIME, handshake.one_time_id), base_key))
    return Agreed(
        secret=_secret(agreements, kem.decapsulate(handshake.kem_ciphertext)),
        ad=_session_ad(_peer_names(peer), _names(own), raw, kem.public),
        contact=contact_of(raw),
        signed_prekey=signed,
        handshake=raw,
        last_resort=handshake.kem_kind is PrekeyKind.KEM_LAST_RESORT,
    )


def needs_of(raw: bytes) -> PrekeyNeeds:
    """Say which private halves a handshake names. Raises MalformedError, BadKeyError."""
    handshake = Handshake.read(raw)
    return PrekeyNeeds(
        signed_id=handshake.signed_id,
        one_time_id=handshake.one_time_id,
        kem_id=handshake.kem_id,
        kem_kind=handshake.kem_kind,
        contact=contact_of(raw),
    )


def contact_of(handshake: bytes) -> bytes:
    """Return the 32 bytes that name a handshake: the hash of its exact bytes, base key and prekey ids first."""
    return sha256(Label.FIRST_CONTACT + b"\0" + handshake)


def _held(prekey: OwnPrekey | None, kind: PrekeyKind, key_id: int) -> bytes:
    if prekey is None:
        raise UnknownPrekeyError("a first message names a prekey that is not held")
    if prekey.kind is not kind or prekey.key_id != key_id:
        raise MisuseError("the store gave another prekey than the message names")
    return prekey.secret


def _secret(agreements: list[bytes], shared: bytes) -> bytes:
    return hkdf_sha256(
        b"".join((_DOMAIN, *agreements, shared)), salt=_ZERO_SALT, info=Label.PQXDH, length=KEY_BYTES
    )


Names = tuple[AccountId, DeviceId, bytes, bytes]


def _names(own: OwnDevice) -> Names:
    return own.account, own.device, own.identity.public, own.agreement.public


def _peer_names(peer: DeviceCertificate) -> Names:
    return peer.account, peer.device, peer.identity_key, peer.agreement_key


def _session_ad(initiator: Names, responder: Names, handshake: bytes, kem_key: bytes) -> bytes:
    return sha256(pack(Label.SESSION_AD, VERSION, SUITE, *initiator, *responder, handshake, kem_key))


def _check_owner(bundle: PrekeyBundle, peer: DeviceCertificate) -> None:
    prekeys = [bundle.signed, bundle.kem] + ([bundle.one_time] if bundle.one_time else [])
    if any((one.account, one.device) != (peer.account, peer.device) for one in prekeys):
        raise WrongAccountError("the bundle belongs to another device")
    if bundle.kem.kind not in KEM_KINDS:
        raise BadKeyError("a bundle without an ML-KEM prekey begins no session")
