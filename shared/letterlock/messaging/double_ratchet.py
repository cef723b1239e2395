"""The Double Ratchet: every message has a key of its own, and every reply renews the secrets behind them.

::

            seal: turn (fresh key, new sending chain) where there is no sending chain
    ┌─────────────────────────────────────────────────────────────────────────────────┐
    │ LISTENING: sending is None            SPEAKING: sending and own_private are set │
    └─────────────────────────────────────────────────────────────────────────────────┘
            open with their next key: new receiving chain; own_private and sending are dropped

As the specification allows ("Deferring new ratchet key generation"), a new key is made when the next message
is sealed, not when one is opened: opening needs no randomness, a private key lives shorter, and a forged header
costs one agreement at most. A ratchet begins LISTENING for the initiator, who knows their signed prekey; the
responder begins with that prekey as `own_private`.

Values in, values out: an exception changes nothing. Must not know devices, prekeys or other sessions.
Spec: shared/spec/messaging.md, "Double Ratchet".
"""

import struct
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec.structs import replace

from letterlock.errors import DuplicateError, MalformedError, MisuseError, OpenError, TooFarError
from letterlock.messaging.chain import (
    LONGEST_CHAIN,
    NOTHING_SKIPPED,
    TAG_BYTES,
    Chain,
    Skipped,
    forget_old,
    keep,
    passed_over,
    reach,
    step,
    take,
)
from letterlock.primitives.derivation import Label, hkdf_sha256
from letterlock.primitives.keys import KEY_BYTES, Secret, agree, agreement_public
from letterlock.primitives.sealing import NONCE_BYTES, open_sealed, seal
from letterlock.primitives.sealing import TAG_BYTES as AEAD_TAG_BYTES

SALT_BYTES: Final = 16
PAST_KEYS: Final = 8
"""How many of their former ratchet keys are remembered, to tell a late or repeated message from a new key."""
MAX_STEPS: Final = 2**32 - 1

_HEADER: Final = struct.Struct(f">{KEY_BYTES}sII{SALT_BYTES}s")
HEADER_BYTES: Final = _HEADER.size
OVERHEAD_BYTES: Final = HEADER_BYTES + AEAD_TAG_BYTES
"""How much longer a sealed message is than its plaintext: 72 bytes."""

# Every key seals one plaintext only, so the nonce may be constant (NIST SP 800-38D asks for distinct pairs).
_NONCE: Final = bytes(NONCE_BYTES)
_ROOT_INFO: Final = Label.RATCHET_ROOT + b"\0"
_MESSAGE_INFO: Final = Label.RATCHET_MESSAGE + b"\0"


class Ratchet(Secret, msgspec.Struct, frozen=True, gc=False):
    """One side of a conversation. Prints nothing.

    `ad` is bound into every message. Keys have 32 bytes; `own_private`, `own_public` and `their_public` are
    empty and the chains None where there is none. `previous` is the length of the last sending chain,
    `steps` counts the turns of both sides, `past` holds 8-byte tags of their former ratchet keys.
    """

    ad: bytes
    root: bytes
    own_private: bytes
    own_public: bytes
    their_public: bytes
    sending: Chain | None
    receiving: Chain | None
    previous: int
    steps: int
    skipped: Skipped
    past: bytes


class Header(msgspec.Struct, frozen=True, gc=False):
    """What stands before a ciphertext, in the clear: 56 bytes: the specification's header, and a salt."""

    ratchet_key: bytes
    previous: int
    n: int
    salt: bytes


def begin_initiator(secret: bytes, ad: bytes, their_prekey: bytes) -> Ratchet:
    """Return the ratchet of the side that knows the other's signed prekey (public) and seals first."""
    return Ratchet(ad, secret, b"", b"", their_prekey, None, None, 0, 0, NOTHING_SKIPPED, b"")


def begin_responder(secret: bytes, ad: bytes, own_prekey: bytes) -> Ratchet:
    """Return the ratchet of the side whose signed prekey (private) the other began with."""
    return Ratchet(ad, secret, own_prekey, b"", b"", None, None, 0, 0, NOTHING_SKIPPED, b"")


def can_seal(ratchet: Ratchet) -> bool:
    """Say whether `seal_message` would: the chain has room, and their ratchet key is known."""
    if ratchet.sending is None:
        return ratchet.their_public != b"" and ratchet.steps < MAX_STEPS
    return ratchet.sending.n < LONGEST_CHAIN


def seal_message(
    ratchet: Ratchet, plaintext: bytes, prefix: bytes, random: Callable[[int], bytes]
) -> tuple[Ratchet, bytes]:
    """Seal one message: 72 bytes longer than `plaintext`.

    `prefix` is whatever stands before the header on the wire, protected but not included. Raises
    MisuseError unless `can_seal`.
    """
    if not can_seal(ratchet):
        raise MisuseError("this chain seals no more messages; begin another session")
    turned = _turn(ratchet, random) if ratchet.sending is None else ratchet
    sending = turned.sending
    assert sending is not None  # `_turn` set it
    salt = random(SALT_BYTES)
    header = _HEADER.pack(turned.own_public, turned.previous, sending.n, salt)
    after, key = step(sending)
    sealed = seal(message_key(key, salt), _NONCE, plaintext, turned.ad + prefix + header)
    return replace(turned, sending=after), header + sealed


def open_message(ratchet: Ratchet, sealed: bytes, prefix: bytes, now: int) -> tuple[Ratchet, bytes]:
    """Open one message, at `now` (ms). `prefix` is what stood before the header on the wire.

    Raises MalformedError, BadKeyError (a ratchet key that must not be used), TooFarError before anything is
    derived, DuplicateError (its key was used), OpenError.
    """
    header = read_header(sealed)
    ad = ratchet.ad + prefix + sealed[:HEADER_BYTES]
    message = _Sealed(header, sealed[HEADER_BYTES:], ad, now)
    if header.ratchet_key != ratchet.their_public:
        if _is_past(ratchet, header.ratchet_key):
            return _open_skipped(ratchet, message)
        return _open_in_next_chain(ratchet, message)
    chain = ratchet.receiving
    if chain is None:
        # Their signed prekey is no ratchet key: there is no chain that it could stand for.
        raise OpenError("this message names a ratchet key that seals nothing")
    if header.n < chain.n:
        return _open_skipped(ratchet, message)
    return _open_in_chain(ratchet, chain, message)


def read_header(sealed: bytes) -> Header:
    """Read a header, strictly. Raises MalformedError; TooFarError for counters that no chain reaches."""
    if len(sealed) < OVERHEAD_BYTES:
        raise MalformedError("a sealed message is too short")
    ratchet_key, previous, n, salt = _HEADER.unpack_from(sealed)
    if n >= LONGEST_CHAIN or previous > LONGEST_CHAIN:
        raise TooFarError("a counter jumps past the limit")
    return Header(ratchet_key, previous, n, salt)


def position_of(sealed: bytes, ratchet: Ratchet) -> tuple[int, int]:
    """Return the turn and the number of a message that was opened, with the ratchet as it was after it.

    Turns are counted over both sides, from 1; 0 stands for one too long ago to be told.
    """
    ratchet_key, _, n, _ = _HEADER.unpack_from(sealed)
    step = ratchet.steps if ratchet.sending is None else ratchet.steps - 1
    if ratchet_key == ratchet.their_public:
        return step, n
    at = ratchet.past.find(ratchet_key[:TAG_BYTES])
    # Between two keys of theirs there is one of ours.
    return (step - 2 * (len(ratchet.past) - at) // TAG_BYTES, n) if at >= 0 else (0, n)


def message_key(key: bytes, salt: bytes) -> bytes:
    """Return the AES-256-GCM key of one ciphertext.

    The random salt makes it another key when a copied or restored database repeats a place in a chain.
    """
    return hkdf_sha256(key, salt=salt, info=_MESSAGE_INFO, length=KEY_BYTES)


def root_step(root: bytes, agreement: bytes) -> tuple[bytes, Chain]:
    """Return the next root key and the new chain (KDF_RK: HKDF with the root key as salt)."""
    both = hkdf_sha256(agreement, salt=root, info=_ROOT_INFO, length=2 * KEY_BYTES)
    return both[:KEY_BYTES], Chain(both[KEY_BYTES:], 0)


class _Sealed(msgspec.Struct, frozen=True, gc=False):
    header: Header
    ciphertext: bytes
    ad: bytes
    now: int

    def open(self, key: bytes) -> bytes:
        return open_sealed(message_key(key, self.header.salt), _NONCE, self.ciphertext, self.ad)


def _turn(ratchet: Ratchet, random: Callable[[int], bytes]) -> Ratchet:
    private = random(KEY_BYTES)
    root, sending = root_step(ratchet.root, agree(private, ratchet.their_public))
    return replace(
        ratchet,
        root=root,
        own_private=private,
        own_public=agreement_public(private),
        sending=sending,
        steps=ratchet.steps + 1,
    )


def _open_in_chain(ratchet: Ratchet, chain: Chain, message: _Sealed) -> tuple[Ratchet, bytes]:
    n, skipped = message.header.n, ratchet.skipped
    after, key = step(chain if chain.n == n else reach(chain, n))
    plaintext = message.open(key)
    if chain.n != n or skipped.records:
        skipped = _keep(skipped, ratchet.their_public, passed_over(chain, n), message.now)
    return replace(ratchet, receiving=after, skipped=skipped), plaintext


def _open_in_next_chain(ratchet: Ratchet, message: _Sealed) -> tuple[Ratchet, bytes]:
    header, receiving = message.header, ratchet.receiving
    if not ratchet.own_private:
        # They cannot have turned again: they have seen no key of ours since their last turn.
        raise OpenError("this message is of another session, or its key was used long ago")
    root, chain = root_step(ratchet.root, agree(ratchet.own_private, header.ratchet_key))
    after, key = step(reach(chain, header.n))
    plaintext = message.open(key)
    # Only now is the header known to be theirs, and its counters worth deriving for.
    skipped = ratchet.skipped
    if receiving is not None:
        owed = passed_over(receiving, header.previous)
        skipped = _keep(skipped, ratchet.their_public, owed, message.now)
    skipped = _keep(skipped, header.ratchet_key, passed_over(chain, header.n), message.now)
    turned = replace(
        ratchet,
        root=root,
        own_private=b"",
        own_public=b"",
        their_public=header.ratchet_key,
        sending=None,
        receiving=after,
        previous=0 if ratchet.sending is None else ratchet.sending.n,
        steps=ratchet.steps + 1,
        skipped=skipped,
        past=_remember(ratchet.past, ratchet.their_public if receiving is not None else b""),
    )
    return turned, plaintext


def _open_skipped(ratchet: Ratchet, message: _Sealed) -> tuple[Ratchet, bytes]:
    header = message.header
    taken = take(ratchet.skipped, header.ratchet_key[:TAG_BYTES], header.n)
    if taken is None:
        if ratchet.skipped.gave_up:
            # It may be one whose key was given up: asking for it again is harmless, dropping it is not.
            raise OpenError("this message was opened before, or its key was given up")
        raise DuplicateError("this message was opened before")
    skipped, key = taken
    plaintext = message.open(key)
    return replace(ratchet, skipped=forget_old(skipped, message.now)), plaintext


def _keep(skipped: Skipped, ratchet_key: bytes, passed: list[tuple[int, bytes]], now: int) -> Skipped:
    return keep(forget_old(skipped, now), ratchet_key[:TAG_BYTES], passed, now)


def _is_past(ratchet: Ratchet, ratchet_key: bytes) -> bool:
    past, tag = ratchet.past, ratchet_key[:TAG_BYTES]
    return any(past[at : at + TAG_BYTES] == tag for at in range(0, len(past), TAG_BYTES))


def _remember(past: bytes, ratchet_key: bytes) -> bytes:
    return (past + ratchet_key[:TAG_BYTES])[-PAST_KEYS * TAG_BYTES :]
