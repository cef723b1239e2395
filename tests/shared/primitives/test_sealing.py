"""Sealing with single-use keys, to public keys, and with a committed key."""

import os
import struct

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import BadKeyError, MisuseError, OpenError
from letterlock.primitives import sealing
from letterlock.primitives.derivation import Label, hkdf, hmac_sha256
from letterlock.primitives.keys import AgreementKey, agree, agreement_public
from letterlock.primitives.sealing import (
    hpke_open,
    hpke_seal,
    open_sealed,
    open_with_key_commitment,
    seal,
    seal_with_key_commitment,
)
from tests.vectors import wycheproof

KEYS = st.binary(min_size=32, max_size=32)
NONCES = st.binary(min_size=12, max_size=12)
LONG_NONCES = st.binary(min_size=24, max_size=24)
TEXTS = st.binary(max_size=300)


def _damage(data: st.DataObject, sealed: bytes) -> bytes:
    """Flip a bit, cut, or extend: never the same bytes."""
    kind = data.draw(st.sampled_from(("flip", "cut", "extend", "front")))
    if kind == "flip":
        at = data.draw(st.integers(0, len(sealed) - 1))
        return sealed[:at] + bytes([sealed[at] ^ 1 << data.draw(st.integers(0, 7))]) + sealed[at + 1 :]
    if kind == "cut":
        return sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    extra = data.draw(st.binary(min_size=1, max_size=20))
    return sealed + extra if kind == "extend" else extra + sealed


# AES-256-GCM


@given(key=KEYS, nonce=NONCES, text=TEXTS, ad=TEXTS)
def test_what_is_sealed_opens_again(key: bytes, nonce: bytes, text: bytes, ad: bytes) -> None:
    sealed = seal(key, nonce, text, ad)
    assert len(sealed) == len(text) + sealing.TAG_BYTES
    assert open_sealed(key, nonce, sealed, ad) == text


@given(key=KEYS, nonce=NONCES, text=TEXTS, ad=TEXTS, data=st.data())
def test_a_sealed_text_that_differs_anywhere_does_not_open(
    key: bytes, nonce: bytes, text: bytes, ad: bytes, data: st.DataObject
) -> None:
    sealed = seal(key, nonce, text, ad)
    for arguments in (
        (key, nonce, _damage(data, sealed), ad),
        (key, nonce, sealed, ad + b"x"),
        (bytes([key[0] ^ 1]) + key[1:], nonce, sealed, ad),
        (key, bytes([nonce[0] ^ 1]) + nonce[1:], sealed, ad),
    ):
        with pytest.raises(OpenError):
            open_sealed(*arguments)


@pytest.mark.parametrize(
    ("key", "nonce"), [(16, 12), (24, 12), (33, 12), (0, 12), (32, 0), (32, 8), (32, 16)]
)
def test_aes_with_a_shorter_key_or_another_nonce_is_a_bug_of_the_caller(key: int, nonce: int) -> None:
    with pytest.raises(MisuseError):
        seal(bytes(key), bytes(nonce), b"text", b"")
    with pytest.raises(MisuseError):
        open_sealed(bytes(key), bytes(nonce), bytes(40), b"")


# HPKE

_KEM_ID = b"KEM\x00\x20"


def _extract(suite: bytes, salt: bytes, label: bytes, key: bytes) -> bytes:
    return hmac_sha256(salt, b"HPKE-v1" + suite + label + key)


def _expand(suite: bytes, key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return hmac_sha256(key, length.to_bytes(2) + b"HPKE-v1" + suite + label + info + b"\x01")[:length]


def _hpke_key_and_nonce(
    shared: bytes, enc: bytes, public: bytes, info: bytes, aead: int
) -> tuple[bytes, bytes]:
    """RFC 9180 sections 4.1 and 5.1, base mode, DHKEM(X25519, HKDF-SHA256), written out once more."""
    secret = _expand(_KEM_ID, _extract(_KEM_ID, b"", b"eae_prk", shared), b"shared_secret", enc + public, 32)
    suite = b"HPKE\x00\x20\x00\x01" + aead.to_bytes(2)
    context = b"\x00" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", info)
    prk = _extract(suite, secret, b"secret", b"")
    return _expand(suite, prk, b"key", context, 16 * aead), _expand(suite, prk, b"base_nonce", context, 12)


def test_the_hand_written_hpke_opens_the_vector_of_rfc_9180_appendix_a_1() -> None:
    private = bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    public = bytes.fromhex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
    enc = bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
    sealed = bytes.fromhex(
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    )
    assert agreement_public(private) == public
    key, nonce = _hpke_key_and_nonce(agree(private, enc), enc, public, b"Ode on a Grecian Urn", aead=1)
    assert AESGCM(key).decrypt(nonce, sealed, b"Count-0") == b"Beauty is truth, truth beauty"


@settings(max_examples=50)
@given(private=KEYS, text=TEXTS, info=TEXTS)
def test_hpke_is_what_rfc_9180_builds_from_x25519_hkdf_and_aes(
    private: bytes, text: bytes, info: bytes
) -> None:
    public = agreement_public(private)
    sealed = hpke_seal(public, text, info)
    enc, ciphertext = sealed[:32], sealed[32:]
    key, nonce = _hpke_key_and_nonce(agree(private, enc), enc, public, info, aead=2)
    assert AESGCM(key).decrypt(nonce, ciphertext, b"") == text


@settings(max_examples=50)
@given(private=KEYS, ephemeral=KEYS, text=TEXTS, info=TEXTS)
def test_hpke_opens_what_another_implementation_sealed(
    private: bytes, ephemeral: bytes, text: bytes, info: bytes
) -> None:
    public, enc = agreement_public(private), agreement_public(ephemeral)
    key, nonce = _hpke_key_and_nonce(agree(ephemeral, public), enc, public, info, aead=2)
    assert hpke_open(private, enc + AESGCM(key).encrypt(nonce, text, None), info) == text


@settings(max_examples=50)
@given(private=KEYS, text=TEXTS, info=TEXTS, data=st.data())
def test_an_hpke_text_opens_for_its_reader_and_context_only(
    private: bytes, text: bytes, info: bytes, data: st.DataObject
) -> None:
    reader = AgreementKey(private)
    sealed = hpke_seal(reader.public, text, info)
    assert len(sealed) == len(text) + sealing.HPKE_OVERHEAD_BYTES
    assert hpke_open(reader, sealed, info) == hpke_open(private, sealed, info) == text
    assert hpke_seal(reader.public, text, info) != sealed
    for arguments in (
        (reader, sealed, info + b"x"),
        (AgreementKey(os.urandom(32)), sealed, info),
        (reader, _damage(data, sealed), info),
    ):
        with pytest.raises(OpenError):
            hpke_open(*arguments)


def test_an_hpke_text_sealed_with_a_key_that_must_not_be_used_is_refused() -> None:
    reader = AgreementKey(b"r" * 32)
    sealed = hpke_seal(reader.public, b"text", b"info")
    # The high bit is masked in the agreement: a sender can seal rightly under such a key, and the library opens it.
    enc = agreement_public(b"e" * 32)
    high = enc[:31] + bytes([enc[31] | 0x80])
    key, nonce = _hpke_key_and_nonce(agree(b"e" * 32, reader.public), high, reader.public, b"info", aead=2)
    forged = high + AESGCM(key).encrypt(nonce, b"text", None)
    assert sealing._HPKE.decrypt(forged, reader.handle, b"info") == b"text"
    with pytest.raises(OpenError):
        hpke_open(reader, forged, b"info")
    for low in (bytes(32), b"\x01" + bytes(31)):
        with pytest.raises(OpenError):
            hpke_open(reader, low + sealed[32:], b"info")
        with pytest.raises(BadKeyError):
            hpke_seal(low, b"text", b"info")
    for length in range(sealing.HPKE_OVERHEAD_BYTES):
        with pytest.raises(OpenError):
            hpke_open(reader, sealed[:length], b"info")


# Sealing with a committed key


def test_xchacha20_poly1305_follows_every_wycheproof_vector() -> None:
    for _, case in wycheproof("xchacha20_poly1305_test.json"):
        key, nonce, ad, text = (bytes.fromhex(case[name]) for name in ("key", "iv", "aad", "msg"))
        ciphertext = bytes.fromhex(case["ct"] + case["tag"])
        if case["result"] == "valid":
            assert sealing._seal_long(key, nonce, text, ad) == ciphertext
            assert sealing._open_long(key, nonce, ciphertext, ad) == text
        elif len(nonce) == sealing.LONG_NONCE_BYTES:
            with pytest.raises(OpenError):
                sealing._open_long(key, nonce, ciphertext, ad)
        else:
            with pytest.raises(MisuseError):
                seal_with_key_commitment(key, nonce, text, ad)


@given(key=KEYS, nonce=LONG_NONCES, text=TEXTS, ad=TEXTS)
def test_a_committed_sealing_has_the_bytes_of_its_page(
    key: bytes, nonce: bytes, text: bytes, ad: bytes
) -> None:
    sealed = seal_with_key_commitment(key, nonce, text, ad)
    assert len(sealed) == len(text) + sealing.COMMITTED_OVERHEAD_BYTES
    assert sealed[:24] == nonce
    derived = hkdf(key, salt=nonce, label=Label.COMMITTED, length=64, context=ad)
    assert sealed[24:56] == derived[:32]
    assert sealing._open_long(derived[32:], nonce, sealed[56:], ad) == text
    assert open_with_key_commitment(key, sealed, ad) == text


@given(key=KEYS, nonce=LONG_NONCES, text=TEXTS, ad=TEXTS, data=st.data())
def test_a_committed_sealing_that_differs_anywhere_does_not_open(
    key: bytes, nonce: bytes, text: bytes, ad: bytes, data: st.DataObject
) -> None:
    sealed = seal_with_key_commitment(key, nonce, text, ad)
    other = bytes([key[0] ^ 1]) + key[1:]
    for arguments in ((key, _damage(data, sealed), ad), (key, sealed, ad + b"x"), (other, sealed, ad)):
        with pytest.raises(OpenError):
            open_with_key_commitment(*arguments)


def _poly1305_key(key: bytes, nonce: bytes) -> tuple[int, int]:
    """The one-time (r, s) of XChaCha20-Poly1305: HChaCha20, then the first ChaCha20 block."""

    def block(key: bytes, start: bytes) -> bytes:
        return Cipher(ChaCha20(key, start), None).encryptor().update(bytes(64))

    words = struct.unpack("<16I", block(key, nonce[:16]))
    begun = struct.unpack("<8I", b"expand 32-byte k" + nonce[:16])
    ended = words[:4] + words[12:]
    subkey = struct.pack("<8I", *((end - begin) % 2**32 for end, begin in zip(ended, begun, strict=True)))
    first = block(subkey, bytes(8) + nonce[16:])
    clamp = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    return int.from_bytes(first[:16], "little") & clamp, int.from_bytes(first[16:32], "little")


def _ciphertext_that_opens_under_both(one: bytes, two: bytes, nonce: bytes) -> bytes:
    """Solve for two blocks whose Poly1305 tag is the same under both keys."""
    prime, top = 2**130 - 5, 2**128
    (r1, s1), (r2, s2) = _poly1305_key(one, nonce), _poly1305_key(two, nonce)
    lengths = int.from_bytes(bytes(8) + (32).to_bytes(8, "little"), "little") + top
    inverse = pow(r1**3 * r2**2 - r2**3 * r1**2, -1, prime)
    for tag in range(10_000):
        b1, b2 = (
            ((tag - s) % top - top * (r**3 + r**2) - lengths * r) % prime for r, s in ((r1, s1), (r2, s2))
        )
        c1 = (b1 * r2**2 - b2 * r1**2) * inverse % prime
        c2 = (r1**3 * b2 - r2**3 * b1) * inverse % prime
        if c1 < top and c2 < top:
            return b"".join(number.to_bytes(16, "little") for number in (c1, c2, tag))
    raise AssertionError("no solution among ten thousand tags")


def test_a_ciphertext_that_the_bare_cipher_opens_under_two_keys_opens_under_one_at_most() -> None:
    one, two, nonce = b"1" * 32, b"2" * 32, b"n" * 24
    (commitment_one, inner_one), (commitment_two, inner_two) = (
        sealing._commit(key, nonce, b"") for key in (one, two)
    )
    ciphertext = _ciphertext_that_opens_under_both(inner_one, inner_two, nonce)
    # The attack is real: the bare cipher opens it under both keys.
    assert sealing._open_long(inner_one, nonce, ciphertext, b"")
    assert sealing._open_long(inner_two, nonce, ciphertext, b"")
    for commitment, right, wrong in ((commitment_one, one, two), (commitment_two, two, one)):
        planted = nonce + commitment + ciphertext
        assert open_with_key_commitment(right, planted, b"")
        with pytest.raises(OpenError):
            open_with_key_commitment(wrong, planted, b"")


def test_a_wrong_passphrase_and_damaged_bytes_give_one_error() -> None:
    sealed = seal_with_key_commitment(b"k" * 32, b"n" * 24, b"secret", b"")
    texts = set()
    for key, given_bytes in (
        (b"x" * 32, sealed),
        (b"k" * 32, sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (b"k" * 32, b"m" + sealed[1:]),
    ):
        with pytest.raises(OpenError) as caught:
            open_with_key_commitment(key, given_bytes, b"")
        texts.add(str(caught.value))
    assert len(texts) == 1


def test_committed_sealing_refuses_wrong_lengths() -> None:
    for key, nonce in ((31, 24), (33, 24), (32, 12), (32, 23), (32, 25)):
        with pytest.raises(MisuseError):
            seal_with_key_commitment(bytes(key), bytes(nonce), b"secret", b"")
    with pytest.raises(MisuseError):
        open_with_key_commitment(bytes(31), bytes(100), b"")
    for length in range(sealing.COMMITTED_OVERHEAD_BYTES):
        with pytest.raises(OpenError):
            open_with_key_commitment(bytes(32), bytes(length), b"")
