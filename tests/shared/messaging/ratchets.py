"""Two ratchets that share a secret, as a finished handshake leaves them."""

import hashlib

from letterlock.messaging.chain import step
from letterlock.messaging.double_ratchet import (
    HEADER_BYTES,
    Ratchet,
    begin_initiator,
    begin_responder,
    message_key,
    open_message,
    seal_message,
)
from letterlock.primitives.keys import agreement_public
from tests.shared.messaging.parties import NOW, stream

SECRET = hashlib.sha256(b"secret").digest()
AD = hashlib.sha256(b"who agreed on what").digest()
PREKEY = hashlib.sha256(b"signed prekey").digest()
PREFIX = b"\x01\x02"


class Side:
    """One ratchet and its randomness."""

    def __init__(self, name: str, ratchet: Ratchet) -> None:
        self.random = stream(name)
        self.ratchet = ratchet

    def seal(self, plaintext: bytes) -> bytes:
        self.ratchet, message = seal_message(self.ratchet, plaintext, PREFIX, self.random)
        return message

    def open(self, message: bytes, now: int = NOW) -> bytes:
        self.ratchet, plaintext = open_message(self.ratchet, message, PREFIX, now)
        return plaintext


def sides() -> tuple[Side, Side]:
    """Initiator and responder, before the first message."""
    return (
        Side("initiator", begin_initiator(SECRET, AD, agreement_public(PREKEY))),
        Side("responder", begin_responder(SECRET, AD, PREKEY)),
    )


def talking() -> tuple[Side, Side]:
    """Both after three turns."""
    alice, bob = sides()
    bob.open(alice.seal(b"1"))
    alice.open(bob.seal(b"2"))
    bob.open(alice.seal(b"3"))
    return alice, bob


def key_under(before: Ratchet, message: bytes) -> bytes:
    """Return the key that sealed the first message of `before`'s present chain."""
    assert before.sending is not None
    return message_key(step(before.sending)[1], message[HEADER_BYTES - 16 : HEADER_BYTES])
