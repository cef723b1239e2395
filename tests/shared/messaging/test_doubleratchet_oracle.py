"""An independent implementation, `doubleratchet`, talks with ours: same chains, same keys, same bytes."""

from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from doubleratchet import AEAD, AuthenticationFailedException, DoubleRatchet, EncryptedMessage, Header
from doubleratchet.recommended import (
    HashFunction,
    diffie_hellman_ratchet_curve25519,
    kdf_hkdf,
    kdf_separate_hmacs,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import OpenError
from letterlock.messaging.double_ratchet import can_seal, message_key
from letterlock.primitives.keys import agreement_public
from letterlock.primitives.sealing import open_sealed, seal
from tests.shared.messaging.parties import stream
from tests.shared.messaging.ratchets import AD, PREFIX, PREKEY, SECRET, Side, sides

T = TypeVar("T")
SALTS = stream("the oracle's salts")


class RootKdf(kdf_hkdf.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256

    @staticmethod
    def _get_info() -> bytes:
        return b"letterlock v1 ratchet root\0"


class ChainKdf(kdf_separate_hmacs.KDF):
    @staticmethod
    def _get_hash_function() -> HashFunction:
        return HashFunction.SHA_256


class OurAead(AEAD):
    """The one part that is ours: message key and salt to AES-256-GCM. The salt goes before the ciphertext."""

    @classmethod
    async def encrypt(cls, plaintext: bytes, key: bytes, associated_data: bytes) -> bytes:
        salt = SALTS(16)
        return salt + seal(message_key(key, salt), bytes(12), plaintext, associated_data + salt)

    @classmethod
    async def decrypt(cls, ciphertext: bytes, key: bytes, associated_data: bytes) -> bytes:
        salt, sealed = ciphertext[:16], ciphertext[16:]
        try:
            return open_sealed(message_key(key, salt), bytes(12), sealed, associated_data + salt)
        except OpenError as error:
            raise AuthenticationFailedException from error


class Oracle(DoubleRatchet):
    @staticmethod
    def _build_associated_data(associated_data: bytes, header: Header) -> bytes:
        return associated_data + header_bytes(header)


SETTINGS: dict[str, Any] = {
    "diffie_hellman_ratchet_class": diffie_hellman_ratchet_curve25519.DiffieHellmanRatchet,
    "root_chain_kdf": RootKdf,
    "message_chain_kdf": ChainKdf,
    "message_chain_constant": b"\x02\x01",
    "dos_protection_threshold": 1000,
    "max_num_skipped_message_keys": 1000,
    "aead": OurAead,
}


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("the coroutine waits")


def header_bytes(header: Header) -> bytes:
    counters = (header.previous_sending_chain_length, header.sending_chain_length)
    return header.ratchet_pub + b"".join(n.to_bytes(4, "big") for n in counters)


def to_ours(message: EncryptedMessage) -> bytes:
    return header_bytes(message.header) + message.ciphertext


def to_theirs(message: bytes) -> EncryptedMessage:
    previous, n = (int.from_bytes(message[at : at + 4], "big") for at in (32, 36))
    return EncryptedMessage(Header(message[:32], previous, n), message[40:])


class Pen:
    """The oracle behind the same two calls as one of our sides."""

    def __init__(self, ratchet: Oracle) -> None:
        self._ratchet = ratchet

    def seal(self, plaintext: bytes) -> bytes:
        return to_ours(done(self._ratchet.encrypt_message(plaintext, AD + PREFIX)))

    def open(self, message: bytes) -> bytes:
        return done(self._ratchet.decrypt_message(to_theirs(message), AD + PREFIX))


def we_begin() -> tuple[Side, Pen]:
    ours, _ = sides()
    oracle, plaintext = done(
        Oracle.decrypt_initial_message(
            **SETTINGS,
            shared_secret=SECRET,
            own_ratchet_priv=PREKEY,
            message=to_theirs(ours.seal(b"first")),
            associated_data=AD + PREFIX,
        )
    )
    assert plaintext == b"first"
    return ours, Pen(oracle)


def they_begin() -> tuple[Side, Pen]:
    _, ours = sides()
    oracle, message = done(
        Oracle.encrypt_initial_message(
            **SETTINGS,
            shared_secret=SECRET,
            recipient_ratchet_pub=agreement_public(PREKEY),
            message=b"first",
            associated_data=AD + PREFIX,
        )
    )
    assert ours.open(to_ours(message)) == b"first"
    return ours, Pen(oracle)


@pytest.mark.parametrize("beginning", [we_begin, they_begin])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_independent_double_ratchet_reads_and_writes_our_messages(
    beginning: Any, data: st.DataObject
) -> None:
    ours, oracle = beginning()
    to_us: list[tuple[bytes, bytes]] = []
    to_them: list[tuple[bytes, bytes]] = []
    for turn in range(data.draw(st.integers(1, 30))):
        words = b"words %d" % turn
        match data.draw(st.sampled_from(("we write", "they write", "we read", "they read"))):
            case "we write" if can_seal(ours.ratchet):
                to_them.append((ours.seal(words), words))
            case "they write":
                to_us.append((oracle.seal(words), words))
            case "we read" if to_us:
                message, written = to_us.pop(data.draw(st.integers(0, len(to_us) - 1)))
                assert ours.open(message) == written
            case "they read" if to_them:
                message, written = to_them.pop(data.draw(st.integers(0, len(to_them) - 1)))
                assert oracle.open(message) == written
            case _:
                pass
