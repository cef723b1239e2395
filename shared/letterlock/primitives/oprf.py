"""An oblivious pseudo-random function, RFC 9497 over ristretto255-SHA512; its key in shares; proofs for each.

::

    client   blind ──────────▶ evaluate   server: key, or share i of it
             combine ◀──────── and prove
             finalize

Modes 0 (OPRF) and 1 (VOPRF) are the standard's. The shares are ours and Shamir's: a share evaluates as a key
does, any `t` evaluations combine into what the whole key would have given (Lagrange, in the exponent), and a
proof (RFC 9497 section 2.2) against the share's public commitment shows which one lies. Must not know what
is evaluated, nor who holds a share.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, NewType

from letterlock.errors import BadKeyError, BadProofError, MalformedError, MisuseError
from letterlock.primitives.derivation import equal, sha512
from letterlock.primitives.ristretto import (
    SCALAR_BYTES,
    WIDE_BYTES,
    Element,
    Scalar,
    add_all,
    add_scalars,
    element_from_wide,
    invert,
    multiply,
    multiply_base,
    multiply_scalars,
    read_scalar,
    scalar_from_wide,
    small_scalar,
    subtract_scalars,
)

Context = NewType("Context", bytes)
"""What separates one use of these functions from every other: RFC 9497's context string."""

OPRF: Final = Context(b"OPRFV1-\x00-ristretto255-SHA512")
VOPRF: Final = Context(b"OPRFV1-\x01-ristretto255-SHA512")
PROOF_BYTES: Final = 2 * SCALAR_BYTES
OUTPUT_BYTES: Final = 64
MAX_CONTEXT: Final = 200
MAX_INPUT: Final = 65535
MAX_SHARES: Final = 255

_BLOCK_BYTES: Final = 128


def blind(data: bytes, blinding: Scalar, context: Context = OPRF) -> Element:
    """Hide what is to be evaluated behind a random scalar (RFC 9497 section 3.3.1). Raises MisuseError."""
    if len(data) > MAX_INPUT:
        raise MisuseError("an OPRF input has at most 65535 bytes")
    return multiply(blinding, _hash_to_group(data, context))


def evaluate(key: Scalar, blinded: Element) -> Element:
    """Evaluate what is blinded, with a key or a share of one (RFC 9497 section 3.3.1)."""
    return multiply(key, blinded)


def finalize(data: bytes, blinding: Scalar, evaluated: Element) -> bytes:
    """Take the blinding off again and hash: the function's 64 bytes (RFC 9497 section 3.3.1).

    Mode 1 finalizes the same, once `check_proof` has passed.
    """
    unblinded = multiply(invert(blinding), evaluated)
    return sha512(_framed(data) + _framed(unblinded) + b"Finalize")


def derive_key(seed: bytes, info: bytes, context: Context = OPRF) -> Scalar:
    """Make a key of 32 secret bytes (RFC 9497 section 3.2.1, DeriveKeyPair)."""
    if len(seed) != SCALAR_BYTES:
        raise MisuseError("an OPRF key is derived from 32 bytes")
    # The standard counts on where the scalar is zero; that has a chance of 2**-252 and is refused here.
    return _hash_to_scalar(seed + _framed(info) + b"\0", b"DeriveKeyPair" + context)


def prove(
    key: Scalar,
    blinded: Sequence[Element],
    evaluated: Sequence[Element],
    nonce: Scalar,
    context: Context = VOPRF,
) -> bytes:
    """Prove that one key evaluated them all (RFC 9497 section 2.2.1). Returns 64 bytes.

    `nonce` is a random scalar, used for this proof only: a second proof under it gives the key away.
    """
    public = multiply_base(key)
    composite, _ = _composites(public, blinded, evaluated, context)
    image = multiply(key, composite)
    challenge = _challenge(
        public, (composite, image, multiply_base(nonce), multiply(nonce, composite)), context
    )
    return challenge + subtract_scalars(nonce, multiply_scalars(challenge, key))


def check_proof(
    public: Element,
    blinded: Sequence[Element],
    evaluated: Sequence[Element],
    proof: bytes,
    context: Context = VOPRF,
) -> None:
    """Check that the key behind `public` evaluated them all (RFC 9497 section 2.2.2). Raises BadProofError."""
    if len(proof) != PROOF_BYTES:
        raise BadProofError("a proof has 64 bytes")
    try:
        challenge, response = read_scalar(proof[:SCALAR_BYTES]), read_scalar(proof[SCALAR_BYTES:])
    except MalformedError as error:
        raise BadProofError("a proof holds two scalars") from error
    try:
        composite, image = _composites(public, blinded, evaluated, context)
        first = add_all((multiply_base(response), multiply(challenge, public)))
        second = add_all((multiply(response, composite), multiply(challenge, image)))
    except BadKeyError as error:
        raise BadProofError("the proof does not hold: it cancels itself out") from error
    if not equal(challenge, _challenge(public, (composite, image, first, second), context)):
        raise BadProofError("the proof does not hold: another key evaluated")


def share(secret: Scalar, coefficients: Sequence[Scalar], index: int) -> Scalar:
    """Return share `index` (1 to 255) of a secret, for a threshold of one more than there are coefficients.

    Shamir's: the value at `index` of the polynomial with these random coefficients and the secret at 0. All
    shares of one secret take the same coefficients; no other secret takes them.
    """
    if not 1 <= index <= MAX_SHARES:
        raise MisuseError("a share's index is 1 to 255")
    value: Scalar | None = None
    at = small_scalar(index)
    for coefficient in reversed((secret, *coefficients)):
        value = coefficient if value is None else add_scalars(multiply_scalars(value, at), coefficient)
    if value is None:
        raise MisuseError("there is always a secret")
    return value


def combine(evaluations: Mapping[int, Element]) -> Element:
    """Combine evaluations, by share index, into the whole key's. As many as the threshold, or more.

    Raises MisuseError for an index that is not one, BadKeyError where the sum is the identity.
    """
    indices = _indices(evaluations)
    return add_all(multiply(_lagrange(index, indices), evaluations[index]) for index in indices)


def combine_shares(shares: Mapping[int, Scalar]) -> Scalar:
    """Return the secret of which these are shares, by index. As many as the threshold, or more."""
    indices = _indices(shares)
    first, *rest = (multiply_scalars(_lagrange(index, indices), shares[index]) for index in indices)
    for part in rest:
        first = add_scalars(first, part)
    return first


def _indices(shares: Mapping[int, bytes]) -> list[int]:
    indices = sorted(shares)
    if not indices or any(a == b for a, b in pairwise(indices)) or indices[0] < 1 or indices[-1] > MAX_SHARES:
        raise MisuseError("shares are combined by their indices, 1 to 255")
    return indices


def _lagrange(index: int, indices: Sequence[int]) -> Scalar:
    """The weight of one share in the value at 0: the product of j / (j - i) over the others' indices j."""
    weight = small_scalar(1)
    for other in indices:
        if other != index:
            difference = subtract_scalars(small_scalar(other), small_scalar(index))
            weight = multiply_scalars(weight, multiply_scalars(small_scalar(other), invert(difference)))
    return weight


def _composites(
    public: Element, blinded: Sequence[Element], evaluated: Sequence[Element], context: Context
) -> tuple[Element, Element]:
    """RFC 9497 section 2.2.1, ComputeComposites: one pair that stands for all of them."""
    if len(blinded) != len(evaluated) or not 1 <= len(blinded) <= MAX_INPUT:
        raise MisuseError("a proof is about one pair or more")
    seed = sha512(_framed(public) + _framed(b"Seed-" + _checked(context)))
    weights = [
        _hash_to_scalar(
            _framed(seed) + number.to_bytes(2) + _framed(before) + _framed(after) + b"Composite",
            b"HashToScalar-" + context,
        )
        for number, (before, after) in enumerate(zip(blinded, evaluated, strict=True))
    ]
    return (
        add_all(multiply(weight, one) for weight, one in zip(weights, blinded, strict=True)),
        add_all(multiply(weight, one) for weight, one in zip(weights, evaluated, strict=True)),
    )


def _challenge(public: Element, elements: Sequence[Element], context: Context) -> Scalar:
    transcript = _framed(public) + b"".join(map(_framed, elements)) + b"Challenge"
    return _hash_to_scalar(transcript, b"HashToScalar-" + context)


def _hash_to_group(data: bytes, context: Context) -> Element:
    return element_from_wide(_expand(data, b"HashToGroup-" + _checked(context)))


def _hash_to_scalar(data: bytes, tag: bytes) -> Scalar:
    return scalar_from_wide(_expand(data, tag))


def _expand(data: bytes, tag: bytes) -> bytes:
    """RFC 9380 section 5.3.1, expand_message_xmd with SHA-512, for exactly 64 bytes: one block of output."""
    tag += len(tag).to_bytes(1)
    first = sha512(bytes(_BLOCK_BYTES) + data + WIDE_BYTES.to_bytes(2) + b"\0" + tag)
    return sha512(first + b"\x01" + tag)


def _checked(context: Context) -> Context:
    if not 0 < len(context) <= MAX_CONTEXT:
        raise MisuseError("a context has 1 to 200 bytes")
    return context


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(2) + data
