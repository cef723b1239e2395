"""The client's side of OPAQUE-3DH (RFC 9807), as functions: blind, randomize, store, begin, finish.

How the password is stretched, every random byte, the identities and the context are parameters: with the
standard's own values its vectors pass. `randomize` takes an evaluation that may be combined from many realms'.
Spec: shared/spec/vault.md. Must not know realms, shares, or what the export key seals.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from letterlock.errors import WrongPasswordError
from letterlock.primitives import oprf
from letterlock.primitives.derivation import equal, hkdf_sha512_expand, hmac_sha512
from letterlock.primitives.keys import Secret
from letterlock.primitives.ristretto import ELEMENT_BYTES, Element, Scalar, multiply, read_element
from letterlock.vault.opaque_exchange import SEED_BYTES, KeyPair, Parties, exchange_keys, framed, mask
from letterlock.vault.opaque_messages import (
    HASH_BYTES,
    KE1,
    KE2,
    KE3,
    Envelope,
    RegistrationRecord,
    RegistrationRequest,
)

Stretch = Callable[[bytes], bytes]
"""The key stretching function: 64 bytes to 64 bytes, slow on purpose."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a registration gives: the server's record, and the key that only this password gives back."""

    record: RegistrationRecord
    export_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """What a login gives: the proof for the server, the key shared with it, and the export key."""

    ke3: KE3
    session_key: bytes = field(repr=False)
    export_key: bytes = field(repr=False)
    record: RegistrationRecord
    """The record that the server must hold, computed anew."""


class ClientLogin(Secret):
    """What a client remembers between its first message and the server's answer."""

    __slots__ = ("_own", "ke1")

    ke1: Final[KE1]

    def __init__(self, ke1: KE1, own: KeyPair) -> None:
        self.ke1 = ke1
        self._own = own

    def finish(self, ke2: KE2, randomized: bytes, parties: Parties) -> LoggedIn:
        """Open the envelope and check the server's proof (RFC 9807 section 6.2.4, GenerateKE3).

        Raises WrongPasswordError: the password is another, or the server is; which of the two is for the
        caller's proofs to say.
        """
        masking_key = _masking_key(randomized)
        unmasked = mask(masking_key, ke2.masking_nonce, ke2.masked_response)
        envelope = Envelope.read(unmasked[ELEMENT_BYTES:])
        keys = _EnvelopeKeys(randomized, envelope.nonce)
        tag = keys.tag(unmasked[:ELEMENT_BYTES], parties)
        if not equal(tag, envelope.tag):
            raise WrongPasswordError("the envelope does not open")
        server_public = read_element(unmasked[:ELEMENT_BYTES])
        known = Parties(parties.context, parties.client or keys.pair.public, parties.server or server_public)
        secrets = (
            multiply(self._own.private, ke2.key_share),
            multiply(self._own.private, server_public),
            multiply(keys.pair.private, ke2.key_share),
        )
        exchanged = exchange_keys(known, self.ke1, ke2, secrets)
        if not equal(exchanged.server_mac, ke2.mac):
            raise WrongPasswordError("the server did not prove itself")
        record = RegistrationRecord(keys.pair.public, masking_key, envelope)
        return LoggedIn(KE3(exchanged.client_mac), exchanged.session_key, keys.export_key, record)


def request(password: bytes, blinding: Scalar) -> RegistrationRequest:
    """Begin a registration (RFC 9807 section 5.2.1, CreateRegistrationRequest)."""
    return RegistrationRequest(oprf.blind(password, blinding))


def randomize(password: bytes, blinding: Scalar, evaluated: Element, stretch: Stretch) -> bytes:
    """Return the randomized password: 64 bytes that no one has without both password and key.

    RFC 9807 sections 5.2.3 and 6.3.2.3. Takes as long as `stretch` does.
    """
    output = oprf.finalize(password, blinding, evaluated)
    return hmac_sha512(b"", output + stretch(output))


def store(randomized: bytes, server_public: Element, parties: Parties, nonce: bytes) -> Stored:
    """Make the envelope and the record for the server (RFC 9807 sections 4.1.2 and 5.2.3).

    `nonce` is 32 random bytes.
    """
    keys = _EnvelopeKeys(randomized, nonce)
    envelope = Envelope(nonce, keys.tag(server_public, parties))
    return Stored(
        RegistrationRecord(keys.pair.public, _masking_key(randomized), envelope), export_key=keys.export_key
    )


def begin(blinded: Element, nonce: bytes, key_share_seed: bytes) -> ClientLogin:
    """Begin a login with a blinded password (RFC 9807 section 6.2.1, GenerateKE1).

    `nonce` and `key_share_seed` are 32 random bytes each, used for this login only.
    """
    own = KeyPair.derive(key_share_seed)
    return ClientLogin(KE1(blinded, nonce, own.public), own)


class _EnvelopeKeys(Secret):
    """The keys that a randomized password and an envelope's nonce give (RFC 9807 section 4.1.2)."""

    __slots__ = ("_auth_key", "_nonce", "export_key", "pair")

    def __init__(self, randomized: bytes, nonce: bytes) -> None:
        def expand(label: bytes, length: int = HASH_BYTES) -> bytes:
            return hkdf_sha512_expand(randomized, info=nonce + label, length=length)

        self._nonce = nonce
        self._auth_key = expand(b"AuthKey")
        self.export_key = expand(b"ExportKey")
        self.pair = KeyPair.derive(expand(b"PrivateKey", SEED_BYTES))

    def tag(self, server_public: bytes, parties: Parties) -> bytes:
        """The envelope's tag, over the cleartext credentials (RFC 9807 section 4)."""
        named = framed(parties.server or server_public) + framed(parties.client or self.pair.public)
        return hmac_sha512(self._auth_key, self._nonce + server_public + named)


def _masking_key(randomized: bytes) -> bytes:
    return hkdf_sha512_expand(randomized, info=b"MaskingKey", length=HASH_BYTES)
