"""The server's side of OPAQUE-3DH (RFC 9807), as functions: evaluate, answer, and check the client's proof.

With one realm and a threshold of one this is the standard and passes its vectors; a realm of many uses the same
functions with its share in place of the key. Spec: shared/spec/vault.md. Must not know passwords, the client's
side, what is stored, or how often somebody may guess.
"""

from typing import Final

from letterlock.errors import WrongPasswordError
from letterlock.primitives.derivation import equal, hkdf_sha512_expand
from letterlock.primitives.keys import Secret
from letterlock.primitives.oprf import derive_key, evaluate
from letterlock.primitives.ristretto import Element, Scalar, multiply
from letterlock.vault.opaque_exchange import SEED_BYTES, KeyPair, Parties, exchange_keys, mask
from letterlock.vault.opaque_messages import (
    HASH_BYTES,
    KE1,
    KE2,
    KE3,
    RegistrationRecord,
    RegistrationRequest,
    RegistrationResponse,
)


class ServerLogin(Secret):
    """What a server remembers between its answer and the client's proof. Good for one proof."""

    __slots__ = ("_client_mac", "_session_key")

    def __init__(self, session_key: bytes, client_mac: bytes) -> None:
        self._session_key: Final = session_key
        self._client_mac: Final = client_mac

    def finish(self, ke3: KE3) -> bytes:
        """Return the 64-byte session key, if the client proves that it has it. Raises WrongPasswordError."""
        if not equal(self._client_mac, ke3.mac):
            raise WrongPasswordError("the client did not open its envelope")
        return self._session_key


def oprf_key(seed: bytes, credential: bytes) -> Scalar:
    """Derive one client's OPRF key from a server's 64-byte seed (RFC 9807 section 5.2)."""
    return derive_key(
        hkdf_sha512_expand(seed, info=credential + b"OprfKey", length=SEED_BYTES), b"OPAQUE-DeriveKeyPair"
    )


def respond(request: RegistrationRequest, server_public: Element, key: Scalar) -> RegistrationResponse:
    """Answer a registration request (RFC 9807 section 5.2.2, CreateRegistrationResponse)."""
    return RegistrationResponse(evaluate(key, request.blinded), server_public)


def answer(
    ke1: KE1,
    *,
    record: RegistrationRecord,
    key: Scalar,
    server: KeyPair,
    parties: Parties,
    masking_nonce: bytes,
    nonce: bytes,
    key_share_seed: bytes,
) -> tuple[ServerLogin, KE2]:
    """Answer the client's first message (RFC 9807 section 6.2.2, GenerateKE2).

    `key` is the OPRF key, or this realm's share of it. The nonces and the seed are 32 random bytes each.
    """
    own = KeyPair.derive(key_share_seed)
    known = Parties(parties.context, parties.client or record.client_public, parties.server or server.public)
    unsigned = KE2(
        evaluated=evaluate(key, ke1.blinded),
        masking_nonce=masking_nonce,
        masked_response=mask(record.masking_key, masking_nonce, server.public + record.envelope.pack()),
        nonce=nonce,
        key_share=own.public,
        mac=bytes(HASH_BYTES),
    )
    secrets = (
        multiply(own.private, ke1.key_share),
        multiply(server.private, ke1.key_share),
        multiply(own.private, record.client_public),
    )
    keys = exchange_keys(known, ke1, unsigned, secrets)
    complete = KE2(
        unsigned.evaluated,
        masking_nonce,
        unsigned.masked_response,
        nonce,
        own.public,
        keys.server_mac,
    )
    return ServerLogin(keys.session_key, keys.client_mac), complete
