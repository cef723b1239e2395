"""The OPRF: RFC 9497's vectors through the product's functions; shares that combine; proofs that name a liar."""

import json
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import BadProofError, MisuseError
from letterlock.primitives import oprf, ristretto
from letterlock.primitives.oprf import OPRF, VOPRF, Context
from letterlock.primitives.ristretto import ORDER, Scalar, multiply_base, read_element, read_scalar
from tests.vectors import vectors

SCALARS = st.integers(1, ORDER - 1).map(lambda number: Scalar(number.to_bytes(32, "little")))
KEY = Scalar((123456789).to_bytes(32, "little"))
OTHER = Scalar((987654321).to_bytes(32, "little"))
NONCE = Scalar((55555).to_bytes(32, "little"))
OURS = Context(b"a context of our own")


def _suite(mode: int) -> dict[str, Any]:
    suites = json.loads(vectors("oprf-rfc9497/allVectors.json").read_text())
    (found,) = [one for one in suites if one["identifier"] == "ristretto255-SHA512" and one["mode"] == mode]
    suite: dict[str, Any] = found
    return suite


def _many(text: str) -> list[bytes]:
    return [bytes.fromhex(one) for one in text.split(",")]


@pytest.mark.parametrize(("mode", "context", "count"), [(0, OPRF, 2), (1, VOPRF, 3)])
def test_every_vector_of_the_rfc_passes(mode: int, context: Context, count: int) -> None:
    suite = _suite(mode)
    key = read_scalar(bytes.fromhex(suite["skSm"]))
    assert oprf.derive_key(bytes.fromhex(suite["seed"]), bytes.fromhex(suite["keyInfo"]), context) == key
    assert len(suite["vectors"]) == count
    for vector in suite["vectors"]:
        inputs, outputs = _many(vector["Input"]), _many(vector["Output"])
        blinds = [read_scalar(one) for one in _many(vector["Blind"])]
        blinded = [oprf.blind(one, by, context) for one, by in zip(inputs, blinds, strict=True)]
        assert blinded == _many(vector["BlindedElement"])
        evaluated = [oprf.evaluate(key, one) for one in blinded]
        assert evaluated == _many(vector["EvaluationElement"])
        finalized = [oprf.finalize(*one) for one in zip(inputs, blinds, evaluated, strict=True)]
        assert finalized == outputs
        if mode == 1:
            proof = bytes.fromhex(vector["Proof"]["proof"])
            nonce = read_scalar(bytes.fromhex(vector["Proof"]["r"]))
            public = read_element(bytes.fromhex(suite["pkSm"]))
            assert multiply_base(key) == public
            assert oprf.prove(key, blinded, evaluated, nonce) == proof
            oprf.check_proof(public, blinded, evaluated, proof)


def test_a_proof_under_another_context_key_or_evaluation_does_not_hold() -> None:
    blinded = oprf.blind(b"password", OTHER)
    evaluated = oprf.evaluate(KEY, blinded)
    proof = oprf.prove(KEY, [blinded], [evaluated], NONCE, OURS)
    public = multiply_base(KEY)
    oprf.check_proof(public, [blinded], [evaluated], proof, OURS)
    bad = (
        (public, blinded, evaluated, VOPRF),
        (multiply_base(OTHER), blinded, evaluated, OURS),
        (public, blinded, oprf.evaluate(OTHER, blinded), OURS),
        (public, evaluated, evaluated, OURS),
        (public, blinded, blinded, OURS),
    )
    for claimed, before, after, context in bad:
        with pytest.raises(BadProofError):
            oprf.check_proof(claimed, [before], [after], proof, context)


def test_a_proof_with_any_bit_flipped_does_not_hold() -> None:
    blinded = oprf.blind(b"password", OTHER)
    evaluated = oprf.evaluate(KEY, blinded)
    proof = oprf.prove(KEY, [blinded], [evaluated], NONCE, OURS)
    for place in range(len(proof)):
        broken = bytearray(proof)
        broken[place] ^= 1 << place % 8
        with pytest.raises(BadProofError):
            oprf.check_proof(multiply_base(KEY), [blinded], [evaluated], bytes(broken), OURS)
    for raw in (b"", proof[:-1], proof + b"\0", bytes(64), b"\xff" * 64):
        with pytest.raises(BadProofError):
            oprf.check_proof(multiply_base(KEY), [blinded], [evaluated], raw, OURS)


@settings(max_examples=15)
@given(secret=SCALARS, coefficients=st.lists(SCALARS, max_size=3), more=st.integers(0, 2))
def test_any_threshold_of_shares_is_worth_the_key(
    secret: Scalar, coefficients: list[Scalar], more: int
) -> None:
    threshold = len(coefficients) + 1
    shares = {
        index: oprf.share(secret, coefficients, index) for index in (1, 2, 5, 77, 255)[: threshold + more]
    }
    blinded = oprf.blind(b"password", OTHER)
    for some in combinations(shares, threshold):
        assert oprf.combine_shares({index: shares[index] for index in some}) == secret
        evaluations = {index: oprf.evaluate(shares[index], blinded) for index in some}
        assert oprf.combine(evaluations) == oprf.evaluate(secret, blinded)
    for some in combinations(shares, threshold - 1):
        if some:
            assert oprf.combine_shares({index: shares[index] for index in some}) != secret


def test_one_share_of_a_threshold_of_one_is_the_key() -> None:
    assert oprf.share(KEY, (), 7) == KEY
    blinded = oprf.blind(b"password", OTHER)
    assert oprf.combine({7: oprf.evaluate(KEY, blinded)}) == oprf.evaluate(KEY, blinded)


@pytest.mark.parametrize("index", [-1, 0, 256])
def test_an_index_that_would_give_the_secret_away_is_refused(index: int) -> None:
    with pytest.raises(MisuseError):
        oprf.share(KEY, (OTHER,), index)
    with pytest.raises(MisuseError):
        oprf.combine_shares({index: KEY})


def test_what_is_too_long_is_refused() -> None:
    with pytest.raises(MisuseError):
        oprf.blind(bytes(65536), KEY)
    with pytest.raises(MisuseError):
        oprf.blind(b"", KEY, Context(bytes(201)))
    with pytest.raises(MisuseError):
        oprf.prove(KEY, [], [], NONCE)
    with pytest.raises(MisuseError):
        oprf.derive_key(bytes(31), b"")
    assert ristretto.ELEMENT_BYTES == 32
