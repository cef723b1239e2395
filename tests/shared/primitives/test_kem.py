"""ML-KEM-1024 through our own calls: FIPS 203's vectors, its checks, implicit rejection."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import BadKeyError, MisuseError, OpenError
from letterlock.primitives import kem
from letterlock.primitives.kem import Encapsulation, KemKey, check_kem_public, encapsulate
from tests.vectors import gzipped_lines, wycheproof

MODULUS = 3329


def test_key_generation_follows_every_wycheproof_vector() -> None:
    for _, case in wycheproof("mlkem_1024_keygen_seed_test.json"):
        seed = bytes.fromhex(case["seed"])
        assert case["result"] == "valid"
        key = KemKey(seed)
        assert key.public.hex() == case["ek"]
        assert key.seed == seed


def test_decapsulation_follows_every_wycheproof_vector() -> None:
    refused = 0
    for _, case in wycheproof("mlkem_1024_test.json"):
        seed, ciphertext = bytes.fromhex(case["seed"]), bytes.fromhex(case["c"])
        if case["result"] == "valid":
            key = KemKey(seed)
            assert key.public.hex() == case["ek"]
            assert key.decapsulate(ciphertext).hex() == case["K"]
            continue
        refused += 1
        with pytest.raises((MisuseError, OpenError)):
            KemKey(seed).decapsulate(ciphertext)
    assert refused == 40


def test_encapsulation_keys_are_accepted_and_refused_as_wycheproof_says() -> None:
    for _, case in wycheproof("mlkem_1024_encaps_test.json"):
        public = bytes.fromhex(case["ek"])
        if case["result"] == "valid":
            check_kem_public(public)
            assert len(encapsulate(public).ciphertext) == kem.KEM_CIPHERTEXT_BYTES
        else:
            with pytest.raises(BadKeyError):
                check_kem_public(public)
            with pytest.raises(BadKeyError):
                encapsulate(public)


def test_every_encapsulation_key_with_one_unreduced_number_is_refused() -> None:
    lines = gzipped_lines("cctv-mlkem/modulus/ML-KEM-1024.txt.gz")
    assert len(lines) > 1000
    for line in lines:
        with pytest.raises(BadKeyError):
            check_kem_public(bytes.fromhex(line))


@settings(max_examples=60)
@given(position=st.integers(0, 1023), number=st.integers(MODULUS, 4095))
def test_a_number_not_below_the_modulus_is_refused_wherever_it_stands(position: int, number: int) -> None:
    key = bytearray(KemKey(b"k" * 64).public)
    at, odd = position // 2 * 3, position % 2
    pair = int.from_bytes(key[at : at + 3], "little")
    pair = pair & 0x000FFF | number << 12 if odd else pair & 0xFFF000 | number
    key[at : at + 3] = pair.to_bytes(3, "little")
    with pytest.raises(BadKeyError):
        check_kem_public(bytes(key))


@settings(max_examples=40)
@given(seed=st.binary(min_size=64, max_size=64))
def test_both_sides_hold_the_same_secret(seed: bytes) -> None:
    key = KemKey(seed)
    one, two = encapsulate(key.public), encapsulate(key.public)
    assert key.decapsulate(one.ciphertext) == one.shared
    assert one.shared != two.shared
    assert len(one.shared) == kem.KEM_SHARED_BYTES


def test_a_damaged_ciphertext_gives_a_steady_and_useless_secret() -> None:
    key = KemKey(b"k" * 64)
    made = encapsulate(key.public)
    for at in range(0, len(made.ciphertext), 97):
        damaged = bytearray(made.ciphertext)
        damaged[at] ^= 1
        secret = key.decapsulate(bytes(damaged))
        assert secret != made.shared
        assert secret == key.decapsulate(bytes(damaged))


def test_wrong_lengths_are_refused_by_name() -> None:
    key = KemKey(b"k" * 64)
    for length in (0, 31, 32, 63, 65, 3168):
        with pytest.raises(MisuseError):
            KemKey(bytes(length))
    for length in (0, 1567, 1569):
        with pytest.raises(OpenError):
            key.decapsulate(bytes(length))
        with pytest.raises(BadKeyError):
            check_kem_public((key.public * 2)[:length])
        with pytest.raises(MisuseError):
            Encapsulation(bytes(length), bytes(32))
    with pytest.raises(MisuseError):
        Encapsulation(bytes(1568), bytes(31))
