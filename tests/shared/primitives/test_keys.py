"""Ed25519 and X25519: what is accepted, what is refused, and agreement with a second library."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_core_ed25519_add

from letterlock.errors import BadKeyError, BadSignatureError, MisuseError
from letterlock.primitives import keys
from letterlock.primitives.keys import AgreementKey, SigningKey, agree, agreement_public, verify
from tests.vectors import wycheproof

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
SECRETS = st.binary(min_size=32, max_size=32)
IDENTITY_POINT = (1).to_bytes(32, "little")
ORDER_EIGHT_POINT = bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")


def test_ed25519_follows_every_wycheproof_vector() -> None:
    for group, case in wycheproof("ed25519_test.json"):
        public = bytes.fromhex(group["publicKey"]["pk"])
        arguments = (public, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
        if case["result"] == "valid":
            verify(*arguments)
            keys.check_signing_public(public)
        else:
            with pytest.raises(BadSignatureError):
                verify(*arguments)


def test_x25519_follows_every_wycheproof_vector_and_refuses_what_is_not_canonical_or_of_low_order() -> None:
    refused = 0
    for _, case in wycheproof("x25519_test.json"):
        public, private = bytes.fromhex(case["public"]), bytes.fromhex(case["private"])
        bad = int.from_bytes(public, "little") >= PRIME or "ZeroSharedSecret" in case["flags"]
        assert bad or not {"NonCanonicalPublic", "LowOrderPublic"} & set(case["flags"])
        if bad:
            with pytest.raises(BadKeyError):
                agree(private, public)
            with pytest.raises(BadKeyError):
                AgreementKey(private).agree(public)
        else:
            assert agree(private, public).hex() == case["shared"]
            assert AgreementKey(private).agree(public).hex() == case["shared"]
        refused += bad
    assert refused > 30


@given(seed=SECRETS, message=st.binary(max_size=300))
def test_signatures_are_those_of_a_second_library(seed: bytes, message: bytes) -> None:
    ours, theirs = SigningKey(seed), Ed25519PrivateKey.from_private_bytes(seed)
    assert ours.public == theirs.public_key().public_bytes_raw()
    assert ours.sign(message) == theirs.sign(message)
    assert ours.seed == seed
    verify(ours.public, message, ours.sign(message))


@given(one=SECRETS, two=SECRETS)
def test_agreements_are_those_of_a_second_library(one: bytes, two: bytes) -> None:
    theirs = X25519PrivateKey.from_private_bytes(one)
    public = agreement_public(two)
    assert agreement_public(one) == AgreementKey(one).public == theirs.public_key().public_bytes_raw()
    expected = theirs.exchange(X25519PublicKey.from_public_bytes(public))
    assert agree(one, public) == AgreementKey(one).agree(public) == expected
    assert agree(two, agreement_public(one)) == expected


@settings(max_examples=50)
@given(seed=SECRETS, message=st.binary(min_size=1, max_size=50), data=st.data())
def test_a_signature_with_any_bit_flipped_is_refused(
    seed: bytes, message: bytes, data: st.DataObject
) -> None:
    key = SigningKey(seed)
    parts = [bytearray(key.sign(message)), bytearray(message)]
    part = data.draw(st.sampled_from(parts))
    part[data.draw(st.integers(0, len(part) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BadSignatureError):
        verify(key.public, bytes(parts[1]), bytes(parts[0]))


def test_a_signature_has_no_second_form() -> None:
    key = SigningKey(b"s" * 32)
    signature = key.sign(b"message")
    s = int.from_bytes(signature[32:], "little")
    for factor in range(1, 9):
        other = s + factor * ORDER
        with pytest.raises(BadSignatureError):
            verify(key.public, b"message", signature[:32] + other.to_bytes(32, "little"))
    for length in (0, 63, 65, 128):
        with pytest.raises(BadSignatureError):
            verify(key.public, b"message", (signature * 2)[:length])


def test_a_byte_never_moves_between_a_signature_and_its_message() -> None:
    key = SigningKey(b"s" * 32)
    signature = key.sign(b"message")
    with pytest.raises(BadSignatureError):
        verify(key.public, b"essage", signature + b"m")
    with pytest.raises(BadSignatureError):
        verify(key.public, signature[63:] + b"message", signature[:63])


def test_a_signature_whose_r_is_of_small_order_is_refused_although_its_equation_holds() -> None:
    key = SigningKey(b"s" * 32)
    clamped = bytearray(hashlib.sha512(b"s" * 32).digest()[:32])
    clamped[0] &= 248
    clamped[31] = clamped[31] & 127 | 64
    challenge = int.from_bytes(hashlib.sha512(IDENTITY_POINT + key.public + b"message").digest(), "little")
    s = challenge * int.from_bytes(clamped, "little") % ORDER
    with pytest.raises(BadSignatureError):
        verify(key.public, b"message", IDENTITY_POINT + s.to_bytes(32, "little"))


SMALL_ORDER_SIGNING_KEYS = [
    IDENTITY_POINT,
    (0).to_bytes(32, "little"),
    (PRIME - 1).to_bytes(32, "little"),
    (1 << 255).to_bytes(32, "little"),
    ORDER_EIGHT_POINT,
    ORDER_EIGHT_POINT[:31] + bytes([ORDER_EIGHT_POINT[31] | 0x80]),
]
NON_CANONICAL_SIGNING_KEYS = [
    (number | sign << 255).to_bytes(32, "little") for number in range(PRIME, 2**255) for sign in (0, 1)
] + [(1 | 1 << 255).to_bytes(32, "little")]


@pytest.mark.parametrize("public", SMALL_ORDER_SIGNING_KEYS + NON_CANONICAL_SIGNING_KEYS, ids=bytes.hex)
def test_a_signing_key_of_small_order_or_with_a_second_encoding_signs_nothing(public: bytes) -> None:
    with pytest.raises(BadKeyError):
        keys.check_signing_public(public)
    # With a key of small order, R = identity and S = 0 satisfies the equation for many messages.
    for number in range(16):
        with pytest.raises(BadKeyError):
            verify(public, bytes([number]), IDENTITY_POINT + bytes(32))


def test_a_signing_key_of_mixed_order_or_off_the_curve_is_refused() -> None:
    mixed = crypto_core_ed25519_add(SigningKey(b"s" * 32).public, ORDER_EIGHT_POINT)
    off_the_curve = (2).to_bytes(32, "little")
    for public in (mixed, off_the_curve, b"", b"k" * 31, b"k" * 33):
        with pytest.raises(BadKeyError):
            keys.check_signing_public(public)
        with pytest.raises(BadKeyError):
            verify(public, b"message", SigningKey(b"s" * 32).sign(b"message"))


def _double(u: int) -> int | None:
    below = 4 * u * (u * u + 486662 * u + 1) % PRIME
    return (u * u - 1) ** 2 * pow(below, -1, PRIME) % PRIME if below else None


def test_the_refused_agreement_keys_are_those_that_three_doublings_send_to_infinity() -> None:
    for raw in keys._LOW_ORDER:
        point: int | None = int.from_bytes(raw, "little")
        for _ in range(3):
            point = None if point is None else _double(point)
        assert point is None
    assert len(keys._LOW_ORDER) == 5
    assert _double(9) is not None


@pytest.mark.parametrize("low", sorted(keys._LOW_ORDER), ids=bytes.hex)
def test_an_agreement_key_of_low_order_is_refused_in_every_encoding(low: bytes) -> None:
    number = int.from_bytes(low, "little")
    for again in (number, number + PRIME, number | 1 << 255, (number + PRIME) | 1 << 255):
        if again < 2**256:
            with pytest.raises(BadKeyError):
                keys.check_agreement_public(again.to_bytes(32, "little"))


@given(secret=SECRETS)
def test_an_agreement_key_has_no_second_encoding(secret: bytes) -> None:
    public = agreement_public(secret)
    keys.check_agreement_public(public)
    with pytest.raises(BadKeyError):
        agree(secret, public[:31] + bytes([public[31] | 0x80]))


@pytest.mark.parametrize("number", [*range(PRIME, 2**255), 2**255, 2**255 + 9, 2**256 - 1])
def test_an_agreement_key_above_the_prime_is_refused(number: int) -> None:
    with pytest.raises(BadKeyError):
        keys.check_agreement_public(number.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 1, 31, 33, 64])
def test_keys_of_a_wrong_length_never_reach_the_libraries(length: int) -> None:
    wrong = b"\x42" * length
    for make in (SigningKey, AgreementKey, agreement_public):
        with pytest.raises(MisuseError):
            make(wrong)
    with pytest.raises(MisuseError):
        agree(wrong, agreement_public(b"p" * 32))
    with pytest.raises(BadKeyError):
        agree(b"p" * 32, wrong)
    with pytest.raises(BadKeyError):
        AgreementKey(b"p" * 32).agree(wrong)
    with pytest.raises(BadKeyError):
        verify(wrong, b"", bytes(64))
