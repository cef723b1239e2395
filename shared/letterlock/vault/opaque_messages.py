"""OPAQUE's messages and records, byte for byte as RFC 9807 has them (ristretto255-SHA512, 3DH).

Each has one length, and every group element in it is checked where it is read. Spec: shared/spec/vault.md.
Must not know passwords, keys or who sends what.
"""

from dataclasses import dataclass, field
from typing import Final

from letterlock.errors import MalformedError
from letterlock.primitives.ristretto import ELEMENT_BYTES, Element, read_element

NONCE_BYTES: Final = 32
HASH_BYTES: Final = 64
ENVELOPE_BYTES: Final = NONCE_BYTES + HASH_BYTES
MASKED_BYTES: Final = ELEMENT_BYTES + ENVELOPE_BYTES
RECORD_BYTES: Final = ELEMENT_BYTES + HASH_BYTES + ENVELOPE_BYTES
REGISTRATION_RESPONSE_BYTES: Final = 2 * ELEMENT_BYTES
KE1_BYTES: Final = 2 * ELEMENT_BYTES + NONCE_BYTES
CREDENTIAL_RESPONSE_BYTES: Final = ELEMENT_BYTES + NONCE_BYTES + MASKED_BYTES
KE2_BYTES: Final = CREDENTIAL_RESPONSE_BYTES + NONCE_BYTES + ELEMENT_BYTES + HASH_BYTES
KE3_BYTES: Final = HASH_BYTES


@dataclass(frozen=True, slots=True)
class RegistrationRequest:
    """The blinded password (RFC 9807 section 5.1)."""

    blinded: Element

    def pack(self) -> bytes:
        """Return its 32 bytes."""
        return self.blinded

    @classmethod
    def read(cls, raw: bytes) -> "RegistrationRequest":
        """Read 32 bytes. Raises BadKeyError."""
        return cls(read_element(raw))


@dataclass(frozen=True, slots=True)
class RegistrationResponse:
    """The evaluated password and the server's public key (RFC 9807 section 5.1)."""

    evaluated: Element
    server_public: Element

    def pack(self) -> bytes:
        """Return its 64 bytes."""
        return self.evaluated + self.server_public

    @classmethod
    def read(cls, raw: bytes) -> "RegistrationResponse":
        """Read 64 bytes. Raises MalformedError, BadKeyError."""
        evaluated, public = _cut(raw, ELEMENT_BYTES, ELEMENT_BYTES)
        return cls(read_element(evaluated), read_element(public))


@dataclass(frozen=True, slots=True)
class Envelope:
    """What gives the client its key back, given the randomized password (RFC 9807 section 4.1.1)."""

    nonce: bytes
    tag: bytes

    def pack(self) -> bytes:
        """Return its 96 bytes."""
        return self.nonce + self.tag

    @classmethod
    def read(cls, raw: bytes) -> "Envelope":
        """Read 96 bytes. Raises MalformedError."""
        return cls(*_cut(raw, NONCE_BYTES, HASH_BYTES))


@dataclass(frozen=True, slots=True)
class RegistrationRecord:
    """What a server keeps of a registration (RFC 9807 section 5.1): with the OPRF key, enough to guess."""

    client_public: Element
    masking_key: bytes = field(repr=False)
    envelope: Envelope

    def pack(self) -> bytes:
        """Return its 192 bytes."""
        return self.client_public + self.masking_key + self.envelope.pack()

    @classmethod
    def read(cls, raw: bytes) -> "RegistrationRecord":
        """Read 192 bytes. Raises MalformedError, BadKeyError."""
        public, masking, envelope = _cut(raw, ELEMENT_BYTES, HASH_BYTES, ENVELOPE_BYTES)
        return cls(read_element(public), masking, Envelope.read(envelope))


@dataclass(frozen=True, slots=True)
class KE1:
    """The client's first message (RFC 9807 section 6.1)."""

    blinded: Element
    nonce: bytes
    key_share: Element

    def pack(self) -> bytes:
        """Return its 96 bytes."""
        return self.blinded + self.nonce + self.key_share

    @classmethod
    def read(cls, raw: bytes) -> "KE1":
        """Read 96 bytes. Raises MalformedError, BadKeyError."""
        blinded, nonce, key_share = _cut(raw, ELEMENT_BYTES, NONCE_BYTES, ELEMENT_BYTES)
        return cls(read_element(blinded), nonce, read_element(key_share))


@dataclass(frozen=True, slots=True)
class KE2:
    """The server's answer (RFC 9807 section 6.1)."""

    evaluated: Element
    masking_nonce: bytes
    masked_response: bytes
    nonce: bytes
    key_share: Element
    mac: bytes

    def credential_response(self) -> bytes:
        """Return its first 192 bytes, which enter the transcript by themselves."""
        return self.evaluated + self.masking_nonce + self.masked_response

    def pack(self) -> bytes:
        """Return its 320 bytes."""
        return self.credential_response() + self.nonce + self.key_share + self.mac

    @classmethod
    def read(cls, raw: bytes) -> "KE2":
        """Read 320 bytes. Raises MalformedError, BadKeyError."""
        evaluated, masking_nonce, masked, nonce, key_share, mac = _cut(
            raw, ELEMENT_BYTES, NONCE_BYTES, MASKED_BYTES, NONCE_BYTES, ELEMENT_BYTES, HASH_BYTES
        )
        return cls(read_element(evaluated), masking_nonce, masked, nonce, read_element(key_share), mac)


@dataclass(frozen=True, slots=True)
class KE3:
    """The client's proof that it opened the envelope (RFC 9807 section 6.1)."""

    mac: bytes

    def pack(self) -> bytes:
        """Return its 64 bytes."""
        return self.mac

    @classmethod
    def read(cls, raw: bytes) -> "KE3":
        """Read 64 bytes. Raises MalformedError."""
        return cls(*_cut(raw, HASH_BYTES))


def _cut(raw: bytes, *sizes: int) -> list[bytes]:
    if len(raw) != sum(sizes):
        raise MalformedError("an OPAQUE message has the wrong length")
    parts: list[bytes] = []
    for size in sizes:
        parts.append(raw[:size])
        raw = raw[size:]
    return parts
