"""What OPAQUE's two sides compute alike: key pairs from seeds, the transcript, the keys of the exchange.

RFC 9807 sections 4 and 6.4. The strings in here are the standard's own. Must not know passwords or records.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from letterlock.errors import MisuseError
from letterlock.primitives.derivation import hkdf_sha512_expand, hmac_sha512, sha512
from letterlock.primitives.keys import Secret
from letterlock.primitives.oprf import derive_key
from letterlock.primitives.ristretto import ELEMENT_BYTES, Element, Scalar, multiply_base
from letterlock.vault.opaque_messages import ENVELOPE_BYTES, HASH_BYTES, KE1, KE2, MASKED_BYTES

SEED_BYTES: Final = 32
MAX_NAMED: Final = 65535


@dataclass(frozen=True, slots=True)
class Parties:
    """Who the two sides are, and the context of their exchange (RFC 9807 sections 4.1 and 6).

    An empty identity stands for that side's public key.
    """

    context: bytes
    client: bytes = b""
    server: bytes = b""

    def __post_init__(self) -> None:
        if max(len(self.context), len(self.client), len(self.server)) > MAX_NAMED:
            raise MisuseError("an identity or context has at most 65535 bytes")


class KeyPair(Secret):
    """A ristretto255 key pair for the key exchange."""

    __slots__ = ("private", "public")

    private: Final[Scalar]
    public: Final[Element]

    def __init__(self, private: Scalar) -> None:
        self.private = private
        self.public = multiply_base(private)

    @classmethod
    def derive(cls, seed: bytes) -> "KeyPair":
        """Make the pair of a 32-byte seed (RFC 9807 section 6.4.1, DeriveDiffieHellmanKeyPair)."""
        return cls(derive_key(seed, b"OPAQUE-DeriveDiffieHellmanKeyPair"))


class ExchangeKeys(NamedTuple):
    """What both sides derive: the session key, and the two proofs of it."""

    session_key: bytes
    server_mac: bytes
    client_mac: bytes


def exchange_keys(
    parties: Parties, ke1: KE1, answer: KE2, secrets: tuple[Element, Element, Element]
) -> ExchangeKeys:
    """Derive everything from the transcript and the three agreements (RFC 9807 sections 6.4.2 and 6.4.3).

    The identities in `parties` are not empty here. `answer.mac` is not looked at: it is what is computed.
    """
    transcript = preamble(parties, ke1, answer)
    hashed = sha512(transcript)
    extracted = hmac_sha512(b"", b"".join(secrets))
    handshake = _derive_secret(extracted, b"HandshakeSecret", hashed)
    server_mac = hmac_sha512(_derive_secret(handshake, b"ServerMAC", b""), hashed)
    client_mac = hmac_sha512(_derive_secret(handshake, b"ClientMAC", b""), sha512(transcript + server_mac))
    return ExchangeKeys(_derive_secret(extracted, b"SessionKey", hashed), server_mac, client_mac)


def preamble(parties: Parties, ke1: KE1, answer: KE2) -> bytes:
    """Return the transcript that both sides must have seen alike (RFC 9807 section 6.4.2)."""
    return (
        b"OPAQUEv1-"
        + framed(parties.context)
        + framed(parties.client)
        + ke1.pack()
        + framed(parties.server)
        + answer.credential_response()
        + answer.nonce
        + answer.key_share
    )


def mask(masking_key: bytes, nonce: bytes, text: bytes) -> bytes:
    """Mask or unmask the server's public key and the envelope (RFC 9807 section 6.3.2.2)."""
    if len(text) != MASKED_BYTES:
        raise MisuseError("a masked response has 128 bytes")
    pad = hkdf_sha512_expand(
        masking_key, info=nonce + b"CredentialResponsePad", length=ELEMENT_BYTES + ENVELOPE_BYTES
    )
    return (int.from_bytes(pad) ^ int.from_bytes(text)).to_bytes(MASKED_BYTES)


def framed(data: bytes) -> bytes:
    """Return bytes behind their 2-byte length."""
    return len(data).to_bytes(2) + data


def _derive_secret(secret: bytes, label: bytes, transcript_hash: bytes) -> bytes:
    """RFC 9807 section 6.4.1, Derive-Secret."""
    named = b"OPAQUE-" + label
    info = HASH_BYTES.to_bytes(2) + len(named).to_bytes(1) + named
    return hkdf_sha512_expand(
        secret, info=info + len(transcript_hash).to_bytes(1) + transcript_hash, length=HASH_BYTES
    )
