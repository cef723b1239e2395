import hashlib
import hmac
from typing import Any

import pytest
import x3dh.base_state
from msgspec.structs import replace
from x3dh.crypto_provider import HashFunction
from x3dh.crypto_provider_cryptography import CryptoProviderImpl
from x3dh.models import BaseStateModel, IdentityKeyPairModel, SignedPreKeyPairModel
from x3dh.types import Header, IdentityKeyFormat, SecretType

from letterlock.devices.bundle import PrekeyBundle, PrekeyKind, open_bundle, sign_prekey
from letterlock.encoding import pack
from letterlock.errors import (
    BadKeyError,
    BadSignatureError,
    MalformedError,
    MisuseError,
    PeerError,
    UnknownPrekeyError,
    WrongAccountError,
)
from letterlock.messaging.pqxdh import (
    HANDSHAKE_BYTES,
    SUITE,
    Agreed,
    Handshake,
    PrekeysHeld,
    contact_of,
    initiate,
    needs_of,
    respond,
)
from letterlock.primitives.kem import Encapsulation, encapsulate
from letterlock.primitives.keys import agree
from tests.shared.messaging.parties import NOW, Party, couple, party

KINDS = pytest.mark.parametrize(
    ("one_time", "last_resort"), [(True, False), (True, True), (False, False), (False, True)]
)


def agreed_by(alice: Party, bob: Party, bundle: PrekeyBundle) -> tuple[Agreed, Agreed]:
    """Both ends of one handshake."""
    sent = initiate(
        alice.own, bob.certificate, bundle, encapsulation=encapsulate(bundle.kem.key), random=alice.random
    )
    return sent, respond(bob.own, alice.certificate, sent.handshake, held(bob, sent.handshake))


def held(bob: Party, handshake: bytes) -> PrekeysHeld:
    needs = needs_of(handshake)
    return PrekeysHeld(
        signed=bob.prekeys.get((PrekeyKind.SIGNED, needs.signed_id)),
        one_time=bob.prekeys.get((PrekeyKind.ONE_TIME, needs.one_time_id or 0)),
        kem=bob.prekeys.get((needs.kem_kind, needs.kem_id)),
    )


@KINDS
def test_both_sides_agree(one_time: bool, last_resort: bool) -> None:
    alice, bob = couple()
    bundle = bob.bundle(one_time=one_time, last_resort=last_resort)
    sent, got = agreed_by(alice, bob, bundle)
    assert (sent.secret, sent.ad, sent.contact) == (got.secret, got.ad, got.contact)
    assert sent.last_resort is got.last_resort is last_resort
    needs = needs_of(sent.handshake)
    assert (needs.one_time_id is not None) is one_time
    assert needs.kem_kind is (PrekeyKind.KEM_LAST_RESORT if last_resort else PrekeyKind.KEM_ONE_TIME)
    assert needs.contact == contact_of(sent.handshake) == sent.contact


@KINDS
def test_the_secret_is_the_one_of_the_specification(one_time: bool, last_resort: bool) -> None:
    alice, bob = couple()
    bundle = bob.bundle(one_time=one_time, last_resort=last_resort)
    encapsulation = encapsulate(bundle.kem.key)
    sent = initiate(alice.own, bob.certificate, bundle, encapsulation=encapsulation, random=alice.random)
    handshake = Handshake.read(sent.handshake)
    prekeys = held(bob, sent.handshake)
    assert prekeys.signed is not None
    agreements = [
        agree(prekeys.signed.secret, alice.certificate.agreement_key),
        bob.own.agreement.agree(handshake.base_key),
        agree(prekeys.signed.secret, handshake.base_key),
    ]
    if prekeys.one_time is not None:
        agreements.append(agree(prekeys.one_time.secret, handshake.base_key))
    key_material = b"\xff" * 32 + b"".join(agreements) + encapsulation.shared
    extracted = hmac.new(bytes(32), key_material, hashlib.sha256).digest()
    info = b"Letterlock_CURVE25519_SHA-256_ML-KEM-1024"
    assert sent.secret == hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()


def test_what_both_are_bound_to_is_everything_that_names_them_and_the_handshake() -> None:
    alice, bob = couple()
    bundle = bob.bundle()
    sent, _ = agreed_by(alice, bob, bundle)
    names = [
        (one.account, one.device, one.identity_key, one.agreement_key)
        for one in (alice.certificate, bob.certificate)
    ]
    fields = (b"letterlock v1 session", 1, SUITE, *names[0], *names[1], sent.handshake, bundle.kem.key)
    assert sent.ad == hashlib.sha256(pack(*fields)).digest()


def test_a_handshake_has_exactly_the_bytes_of_the_page() -> None:
    alice, bob = couple()
    bundle = bob.bundle()
    sent, _ = agreed_by(alice, bob, bundle)
    raw = sent.handshake
    assert len(raw) == HANDSHAKE_BYTES == 1613
    assert bundle.one_time is not None
    ids = [int.from_bytes(raw[at : at + 4], "big") for at in (32, 36, 40)]
    assert ids == [bundle.signed.key_id, bundle.one_time.key_id, bundle.kem.key_id]
    assert raw[44] == PrekeyKind.KEM_ONE_TIME
    assert Handshake.read(raw).pack() == raw


def test_every_changed_byte_of_a_handshake_gives_another_agreement_or_none() -> None:
    alice, bob = couple()
    sent, _ = agreed_by(alice, bob, bob.bundle())
    prekeys = held(bob, sent.handshake)
    for at in [*range(60), *range(60, HANDSHAKE_BYTES, 97), HANDSHAKE_BYTES - 1]:
        changed = bytearray(sent.handshake)
        changed[at] ^= 0x40
        try:
            got = respond(bob.own, alice.certificate, bytes(changed), prekeys)
        except (PeerError, MisuseError):
            continue
        assert got.ad != sent.ad
        assert got.contact != sent.contact


@pytest.mark.parametrize("size", [0, 1, HANDSHAKE_BYTES - 1, HANDSHAKE_BYTES + 1])
def test_a_handshake_of_another_length_is_refused(size: int) -> None:
    alice, bob = couple()
    sent, _ = agreed_by(alice, bob, bob.bundle())
    with pytest.raises(MalformedError):
        needs_of((sent.handshake + bytes(9))[:size])


def test_there_is_no_session_without_the_post_quantum_part() -> None:
    alice, bob = couple()
    bundle = bob.bundle()
    sent, _ = agreed_by(alice, bob, bundle)
    raw = sent.handshake
    prekeys = held(bob, raw)
    # Left out, named as something else, or not held: never a session from X25519 alone.
    for stripped in (
        raw[:45],
        raw[:40] + bytes(4) + raw[44:],
        raw[:44] + b"\x01" + raw[45:],
        raw[:44] + b"\0",
    ):
        with pytest.raises(MalformedError):
            respond(bob.own, alice.certificate, stripped, prekeys)
    with pytest.raises(UnknownPrekeyError):
        respond(bob.own, alice.certificate, raw, replace(prekeys, kem=None))
    with pytest.raises(MalformedError):
        open_bundle(bob.certificate, bundle.signed.raw, b"", bundle.signed.raw)
    with pytest.raises(BadKeyError):
        initiate(
            alice.own,
            bob.certificate,
            replace(bundle, kem=bundle.signed),
            encapsulation=Encapsulation(bytes(1568), bytes(32)),
            random=alice.random,
        )


def test_a_kem_prekey_that_is_not_reduced_is_refused_by_whoever_fetches_it() -> None:
    _, bob = couple()
    bundle = bob.bundle()
    for bad in (b"\xff" * 3 + bundle.kem.key[3:], bundle.kem.key[:-1], b""):
        with pytest.raises(BadKeyError):
            sign_prekey(
                bob.own.identity,
                kind=PrekeyKind.KEM_ONE_TIME,
                key_id=9,
                account=bob.own.account,
                device=bob.own.device,
                created=NOW,
                key=bad,
            )


def test_a_bad_signed_prekey_signature_is_refused() -> None:
    _, bob = couple()
    bundle = bob.bundle()
    for at in range(0, len(bundle.signed.raw), 7):
        changed = bytearray(bundle.signed.raw)
        changed[at] ^= 1
        with pytest.raises(PeerError):
            open_bundle(bob.certificate, bytes(changed), b"", bundle.kem.raw)
    signature = bytearray(bundle.signed.raw)
    signature[-1] ^= 1
    with pytest.raises(BadSignatureError):
        open_bundle(bob.certificate, bytes(signature), b"", bundle.kem.raw)


@pytest.mark.parametrize("missing", ["signed", "one_time", "kem"])
def test_a_handshake_that_names_a_prekey_no_longer_held_says_so(missing: str) -> None:
    alice, bob = couple()
    sent, _ = agreed_by(alice, bob, bob.bundle())
    prekeys = held(bob, sent.handshake)
    with pytest.raises(UnknownPrekeyError):
        respond(bob.own, alice.certificate, sent.handshake, replace(prekeys, **{missing: None}))


def test_a_store_that_gives_another_prekey_is_a_bug() -> None:
    alice, bob = couple()
    sent, _ = agreed_by(alice, bob, bob.bundle())
    prekeys = held(bob, sent.handshake)
    with pytest.raises(MisuseError):
        respond(
            bob.own,
            alice.certificate,
            sent.handshake,
            replace(prekeys, one_time=bob.add(PrekeyKind.ONE_TIME)),
        )


def test_a_bundle_of_another_device_is_refused() -> None:
    alice, bob = couple()
    bundle = party("carol").bundle()
    with pytest.raises(WrongAccountError):
        agreed_by(alice, bob, bundle)


def test_a_handshake_taken_over_by_another_device_gives_another_secret() -> None:
    alice, bob = couple()
    mallory = party("mallory")
    sent, _ = agreed_by(alice, bob, bob.bundle())
    got = respond(bob.own, mallory.certificate, sent.handshake, held(bob, sent.handshake))
    assert got.secret != sent.secret
    assert got.ad != sent.ad


def test_a_torsioned_base_key_that_agrees_on_the_same_secret_is_still_another_session() -> None:
    # A point of low order added to the base key vanishes in X25519: only the bytes that are bound tell.
    alice, bob = couple()
    sent, _ = agreed_by(alice, bob, bob.bundle())
    twisted = _plus_order_two(sent.handshake[:32])
    assert twisted != sent.handshake[:32]
    got = respond(bob.own, alice.certificate, twisted + sent.handshake[32:], held(bob, sent.handshake))
    assert got.secret == sent.secret
    assert got.ad != sent.ad


def _plus_order_two(public: bytes) -> bytes:
    """Add the point (0, 0) of order two: u becomes 1 / u on a Montgomery curve."""
    prime = 2**255 - 19
    return pow(int.from_bytes(public, "little"), -1, prime).to_bytes(32, "little")


@pytest.mark.parametrize(
    "base_key", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32, (2**255 - 19).to_bytes(32, "little")]
)
def test_a_base_key_of_low_order_or_with_a_second_encoding_is_refused(base_key: bytes) -> None:
    alice, bob = couple()
    sent, _ = agreed_by(alice, bob, bob.bundle())
    with pytest.raises(BadKeyError):
        needs_of(base_key + sent.handshake[32:])
    high_bit = sent.handshake[:31] + bytes([sent.handshake[31] | 0x80]) + sent.handshake[32:]
    with pytest.raises(BadKeyError):
        respond(bob.own, alice.certificate, high_bit, held(bob, sent.handshake))


# An independent implementation of X3DH, `x3dh`, with the ML-KEM secret appended where PQXDH appends it.


class OracleState(x3dh.base_state.BaseState):
    @staticmethod
    def _encode_public_key(key_format: IdentityKeyFormat, pub: bytes) -> bytes:
        return pub


def oracle_of(bob: Party) -> OracleState:
    signed = bob.newest(PrekeyKind.SIGNED)
    assert signed is not None
    once = [one.secret for (kind, _), one in bob.prekeys.items() if kind is PrekeyKind.ONE_TIME]
    model = BaseStateModel(
        identity_key=IdentityKeyPairModel(secret=bob.own.agreement.private, secret_type=SecretType.PRIV),
        signed_pre_key=SignedPreKeyPairModel(priv=signed.secret, sig=bytes(64), timestamp=0),
        old_signed_pre_key=None,
        pre_keys=frozenset(once),
    )
    info = b"Letterlock_CURVE25519_SHA-256_ML-KEM-1024"
    return OracleState.from_model(model, IdentityKeyFormat.CURVE_25519, x3dh.HashFunction.SHA_256, info)


@pytest.mark.parametrize("one_time", [True, False])
def test_an_independent_x3dh_concatenates_the_same_agreements(
    one_time: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = couple()
    bundle = bob.bundle(one_time=one_time)
    encapsulation = encapsulate(bundle.kem.key)
    sent = initiate(alice.own, bob.certificate, bundle, encapsulation=encapsulation, random=alice.random)

    class WithKem(CryptoProviderImpl):
        @staticmethod
        async def hkdf_derive(
            hash_function: HashFunction, length: int, salt: bytes, info: bytes, key_material: bytes
        ) -> bytes:
            material = key_material + encapsulation.shared
            return await CryptoProviderImpl.hkdf_derive(hash_function, length, salt, info, material)

    monkeypatch.setattr(x3dh.base_state, "CryptoProviderImpl", WithKem)
    header = Header(
        identity_key=alice.certificate.agreement_key,
        ephemeral_key=sent.handshake[:32],
        signed_pre_key=bundle.signed.key,
        pre_key=None if bundle.one_time is None else bundle.one_time.key,
    )
    coroutine: Any = oracle_of(bob).get_shared_secret_passive(header, require_pre_key=one_time)
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    assert end.value.value[0] == sent.secret
