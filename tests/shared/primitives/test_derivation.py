"""HKDF, hashes, Argon2id and the label table."""

import hashlib
import hmac
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import MalformedError, MisuseError
from letterlock.primitives import derivation
from letterlock.primitives.derivation import (
    Argon2Parameters,
    Label,
    argon2id,
    hkdf,
    hkdf_sha256,
    hkdf_sha512_expand,
    hmac_sha512,
)
from tests.vectors import wycheproof

ROOT = Path(__file__).parents[3]
CHEAP = Argon2Parameters(memory_kib=64, passes=1)


def test_hkdf_follows_every_wycheproof_vector() -> None:
    for _, case in wycheproof("hkdf_sha256_test.json"):
        key, salt, info = (bytes.fromhex(case[name]) for name in ("ikm", "salt", "info"))
        if case["result"] == "valid":
            assert hkdf_sha256(key, salt=salt, info=info, length=case["size"]).hex() == case["okm"]
        else:
            with pytest.raises(MisuseError):
                hkdf_sha256(key, salt=salt, info=info, length=case["size"])


def test_hmac_and_hkdf_with_sha512_follow_every_wycheproof_vector() -> None:
    for group, case in wycheproof("hmac_sha512_test.json"):
        tag = hmac_sha512(bytes.fromhex(case["key"]), bytes.fromhex(case["msg"]))
        assert (tag[: group["tagSize"] // 8].hex() == case["tag"]) == (case["result"] == "valid")
    for _, case in wycheproof("hkdf_sha512_test.json"):
        key, salt, info = (bytes.fromhex(case[name]) for name in ("ikm", "salt", "info"))
        extracted = hmac_sha512(salt, key)
        if case["result"] == "valid":
            assert hkdf_sha512_expand(extracted, info=info, length=case["size"]).hex() == case["okm"]
        else:
            with pytest.raises(MisuseError):
                hkdf_sha512_expand(extracted, info=info, length=case["size"])


def _hkdf_by_hand(key: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    extracted = hmac.digest(salt, key, "sha256")
    block = result = b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(extracted, block + info + bytes([number]), "sha256")
        result += block
    return result[:length]


@given(
    key=st.binary(max_size=100),
    salt=st.binary(max_size=100),
    label=st.sampled_from(Label),
    context=st.binary(max_size=60),
    length=st.integers(1, 200),
)
def test_hkdf_is_the_two_steps_of_rfc_5869(
    key: bytes, salt: bytes, label: Label, context: bytes, length: int
) -> None:
    expected = _hkdf_by_hand(key, salt, label.value + b"\0" + context, length)
    assert hkdf(key, salt=salt, label=label, length=length, context=context) == expected


@pytest.mark.parametrize("length", [-1, 0, 8161])
def test_hkdf_refuses_lengths_it_cannot_derive(length: int) -> None:
    with pytest.raises(MisuseError):
        hkdf(b"k", salt=b"", label=Label.STREAM, length=length)


OUR_LABEL = rb"letterlock v[1-9][0-9]* [a-z0-9][a-z0-9 -]*[a-z0-9]"
# PQXDH section 2.1 prescribes the form of its info: the application, the curve, the hash and the KEM.
PQXDH_LABEL = rb"Letterlock_CURVE25519_SHA-256_ML-KEM-1024"


def test_labels_are_versioned_text_and_no_two_purposes_are_confused() -> None:
    for label in Label:
        assert re.fullmatch(OUR_LABEL + b"|" + PQXDH_LABEL, label.value), label
        assert len(label.value) <= 64
    assert len({label.value for label in Label}) == len(Label.__members__)


def test_every_label_is_in_use() -> None:
    sources = [
        path for part in ("shared", "client", "server") for path in sorted((ROOT / part).rglob("*.py"))
    ]
    text = "".join(path.read_text() for path in sources)
    assert [name for name in Label.__members__ if f"Label.{name}" not in text] == []


@given(key=st.binary(min_size=1, max_size=64), data=st.binary(max_size=200))
def test_hashes_are_those_of_their_standards(key: bytes, data: bytes) -> None:
    assert derivation.hmac_sha256(key, data) == hmac.new(key, data, "sha256").digest()
    assert derivation.keyed_hash(key, data) == hashlib.blake2b(data, key=key, digest_size=32).digest()
    assert derivation.sha256(data) == hashlib.new("sha256", data).digest()
    running = derivation.running_sha256()
    running.update(key)
    running.update(data)
    assert running.digest() == derivation.sha256(key + data)
    assert derivation.sha512(data) == hashlib.new("sha512", data).digest()


@pytest.mark.parametrize("length", [0, 65])
def test_a_keyed_hash_without_a_fitting_key_is_refused(length: int) -> None:
    with pytest.raises(MisuseError):
        derivation.keyed_hash(bytes(length), b"data")


def test_equal_compares_whole_values() -> None:
    assert derivation.equal(b"same", b"same")
    assert not derivation.equal(b"same", b"sane")
    assert not derivation.equal(b"same", b"same and more")


@settings(max_examples=25)
@given(
    passphrase=st.binary(max_size=100),
    salt=st.binary(min_size=16, max_size=16),
    memory_kib=st.integers(8, 256),
    passes=st.integers(1, 3),
    length=st.integers(16, 64),
)
def test_argon2id_gives_the_result_of_a_second_library(
    passphrase: bytes, salt: bytes, memory_kib: int, passes: int, length: int
) -> None:
    ours = argon2id(passphrase, salt, parameters=Argon2Parameters(memory_kib, passes), length=length)
    theirs = Argon2id(salt=salt, length=length, iterations=passes, lanes=1, memory_cost=memory_kib)
    assert ours == theirs.derive(passphrase)


def test_argon2id_depends_on_everything() -> None:
    harder = Argon2Parameters(memory_kib=64, passes=2)
    larger = Argon2Parameters(memory_kib=72, passes=1)
    results = {
        argon2id(b"password", bytes(16), parameters=CHEAP),
        argon2id(b"Password", bytes(16), parameters=CHEAP),
        argon2id(b"password", b"s" * 16, parameters=CHEAP),
        argon2id(b"password", bytes(16), parameters=harder),
        argon2id(b"password", bytes(16), parameters=larger),
    }
    assert len(results) == 5
    assert len(argon2id(b"", bytes(16), parameters=CHEAP, length=64)) == 64


@pytest.mark.parametrize(
    ("memory_kib", "passes", "lanes"),
    [
        (7, 1, 1),
        (1024 * 1024 + 1, 1, 1),
        (2**63, 1, 1),
        (64, 0, 1),
        (64, 9, 1),
        (64, 2**40, 1),
        (64, 1, 2),
        (-1, 1, 1),
    ],
)
def test_hostile_argon2id_parameters_are_refused_before_memory_is_taken(
    memory_kib: int, passes: int, lanes: int
) -> None:
    with pytest.raises(MalformedError):
        Argon2Parameters(memory_kib=memory_kib, passes=passes, lanes=lanes)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps to RLIMIT_AS")
def test_argon2id_with_too_little_memory_says_so() -> None:
    program = """
import resource
from letterlock.primitives.derivation import Argon2Parameters, argon2id
resource.setrlimit(resource.RLIMIT_AS, (512 * 1024 * 1024, 512 * 1024 * 1024))
try:
    argon2id(b"password", bytes(16), parameters=Argon2Parameters(1024 * 1024, 1))
except MemoryError:
    print("refused")
"""
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert result.stdout == "refused\n"


def test_argon2id_refuses_wrong_lengths() -> None:
    for length in (0, 15, 17):
        with pytest.raises(MalformedError):
            argon2id(b"password", bytes(length), parameters=CHEAP)
    for length in (0, 15, 65):
        with pytest.raises(MisuseError):
            argon2id(b"password", bytes(16), parameters=CHEAP, length=length)


def test_the_named_costs_are_those_of_libsodium() -> None:
    assert Argon2Parameters(65536, 2) == Argon2Parameters.INTERACTIVE
    assert Argon2Parameters(262144, 3) == Argon2Parameters.MODERATE
