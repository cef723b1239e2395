"""Changed, cut, cross-delivered and forged messages are refused, and change nothing."""

import hmac
import time
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from letterlock.errors import (
    BadKeyError,
    MalformedError,
    MisuseError,
    OpenError,
    PeerError,
    TooFarError,
    WrongAccountError,
)
from letterlock.messaging.chain import LONGEST_CHAIN
from letterlock.messaging.pqxdh import HANDSHAKE_BYTES
from letterlock.messaging.session import (
    MAX_MESSAGE,
    MAX_PLAINTEXT,
    open_message,
    prekeys_needed,
)
from letterlock.messaging.session_state import ARCHIVED_SESSIONS
from tests.shared.messaging.parties import NOW, Party, acquainted, couple, party


def test_a_forged_counter_is_refused_at_once_in_every_session() -> None:
    alice, bob = _with_full_archive()
    message = alice.seal(b"words")
    forged = message[:38] + (LONGEST_CHAIN).to_bytes(4, "big") + message[42:]
    with pytest.raises(TooFarError):
        bob.open(alice, forged)


def test_the_dearest_forged_message_turns_every_chain_to_its_end_once_and_no_more() -> None:
    alice, bob = _with_full_archive()
    message = alice.seal(b"words")
    forged = (
        message[:2] + bytes([message[2] ^ 1]) + message[3:34] + (LONGEST_CHAIN - 1).to_bytes(4, "big") * 2
    )

    def refuse() -> None:
        with pytest.raises(OpenError):
            bob.open(alice, forged + message[42:])

    def turn() -> None:
        for _ in range((ARCHIVED_SESSIONS + 1) * LONGEST_CHAIN):
            hmac.digest(bytes(32), b"\x01", "sha256")
            hmac.digest(bytes(32), b"\x02", "sha256")

    # Two hashes a step, and as much again for what is around them: in one process, so a slow machine is no matter.
    assert _least_time(refuse) < 2 * _least_time(turn)


def _least_time(work: Callable[[], None]) -> float:
    spent = []
    for _ in range(3):
        start = time.thread_time()
        work()
        spent.append(time.thread_time() - start)
    return min(spent)


def _with_full_archive() -> tuple[Party, Party]:
    """Bob could turn every one of his nine sessions: the dearest case."""
    alice, bob = couple()
    for _ in range(ARCHIVED_SESSIONS + 1):
        alice.begin(bob)
        bob.open(alice, alice.seal(b"hello"))
        alice.open(bob, bob.seal(b"so that a private key is there"))
    bob.seal(b"and here")
    return alice, bob


def test_every_changed_byte_every_truncation_and_extension_of_a_first_message_is_refused() -> None:
    alice, bob = couple()
    alice.begin(bob)
    message = alice.seal(b"hello")
    held = bob.held(message)
    held_before = dict(bob.prekeys)
    ciphertext = range(60, 2 + HANDSHAKE_BYTES, 31)
    for at in [*range(60), *ciphertext, *range(2 + HANDSHAKE_BYTES, len(message))]:
        changed = bytearray(message)
        changed[at] ^= 0x01 if at % 2 else 0x80
        with pytest.raises((PeerError, MisuseError)):
            open_message(bob.own, alice.certificate, None, bytes(changed), prekeys=held, now=NOW)
    for size in [*range(100), *range(100, len(message), 41), len(message) - 1]:
        with pytest.raises(PeerError):
            open_message(bob.own, alice.certificate, None, message[:size], prekeys=held, now=NOW)
    with pytest.raises(OpenError):
        open_message(bob.own, alice.certificate, None, message + b"\0", prekeys=held, now=NOW)
    assert bob.prekeys == held_before
    assert bob.open(alice, message) == b"hello"


def test_every_changed_byte_of_a_repeated_first_message_is_refused_too() -> None:
    alice, bob = couple()
    alice.begin(bob)
    bob.open(alice, alice.seal(b"first"))
    second = alice.seal(b"second")
    before = bob.session
    for at in [*range(60), *range(60, len(second), 13)]:
        changed = bytearray(second)
        changed[at] ^= 0x80
        with pytest.raises(PeerError):
            bob.open(alice, bytes(changed))
    assert bob.session is before
    assert bob.open(alice, second) == b"second"


def test_every_changed_byte_every_truncation_and_extension_of_an_ordinary_message_is_refused() -> None:
    alice, bob = acquainted()
    alice.begin(bob)
    bob.open(alice, alice.seal(b"so that there is an archive"))
    alice.open(bob, bob.seal(b"turn"))
    message = alice.seal(b"words")
    before = bob.session
    for at in range(len(message)):
        changed = bytearray(message)
        changed[at] ^= 0x80
        with pytest.raises(PeerError):
            bob.open(alice, bytes(changed))
        with pytest.raises(PeerError):
            bob.open(alice, message[:at])
    with pytest.raises(PeerError):
        bob.open(alice, message + b"\0")
    assert bob.session is before
    assert bob.open(alice, message) == b"words"


def test_a_first_message_with_its_handshake_cut_out_is_no_ordinary_message() -> None:
    alice, bob = couple()
    alice.begin(bob)
    bob.open(alice, alice.seal(b"first"))
    message = alice.seal(b"second")
    with pytest.raises(OpenError):
        bob.open(alice, b"\x01\x02" + message[2 + HANDSHAKE_BYTES :])


def test_a_handshake_put_before_an_ordinary_message_is_refused() -> None:
    alice, bob = couple()
    alice.begin(bob)
    first = alice.seal(b"first")
    bob.open(alice, first)
    alice.open(bob, bob.seal(b"reply"))
    ordinary = alice.seal(b"ordinary")
    with pytest.raises(OpenError):
        bob.open(alice, first[: 2 + HANDSHAKE_BYTES] + ordinary[2:])


@pytest.mark.parametrize(
    "prefix", [b"", b"\x01", b"\x00\x02", b"\x02\x02", b"\x01\x00", b"\x01\x03", b"\xff\xff"]
)
def test_a_message_of_an_unknown_version_or_kind_is_malformed(prefix: bytes) -> None:
    alice, bob = acquainted()
    with pytest.raises(MalformedError):
        bob.open(alice, prefix + (alice.seal(b"words")[2:] if len(prefix) == 2 else b""))


def test_a_message_delivered_to_the_wrong_device_does_not_open() -> None:
    alice, bob = acquainted()
    carol = party("carol")
    with_bob, alice.session = alice.session, None
    alice.begin(carol)
    first = alice.seal(b"hello carol")
    carol.open(alice, first)
    alice.open(carol, carol.seal(b"hello alice"))
    before = bob.session
    for for_carol in (first, alice.seal(b"for carol")):
        with pytest.raises(PeerError):
            bob.open(alice, for_carol)
    alice.session = with_bob
    assert bob.session is before
    assert bob.open(alice, alice.seal(b"for bob")) == b"for bob"


def test_a_session_is_held_to_the_device_and_the_keys_it_was_made_with() -> None:
    alice, bob = acquainted()
    mallory = party("mallory")
    message = alice.seal(b"words")
    for other in (
        mallory.certificate,
        replace(alice.certificate, agreement_key=mallory.certificate.agreement_key),
        replace(alice.certificate, identity_key=mallory.certificate.identity_key),
        replace(alice.certificate, device=9),
    ):
        with pytest.raises(WrongAccountError):
            open_message(bob.own, other, bob.session, message, prekeys=None, now=NOW)
    mallory.session = bob.session
    with pytest.raises(WrongAccountError):
        mallory.begin(bob)
    # The sealing key alone may change.
    renewed = replace(alice.certificate, sealing_key=mallory.certificate.sealing_key)
    opened = open_message(bob.own, renewed, bob.session, message, prekeys=None, now=NOW)
    assert opened.plaintext == b"words"


def test_a_first_message_claimed_by_another_sender_does_not_open() -> None:
    alice, bob = couple()
    mallory = party("mallory")
    alice.begin(bob)
    with pytest.raises(OpenError):
        bob.open(mallory, alice.seal(b"hello"))


def test_a_base_key_that_must_not_be_used_is_refused_before_any_prekey_is_loaded() -> None:
    alice, bob = couple()
    alice.begin(bob)
    message = alice.seal(b"hello")
    for bad in (bytes(32), message[2:33] + bytes([message[33] | 0x80]), b"\xed" + b"\xff" * 30 + b"\x7f"):
        with pytest.raises(BadKeyError):
            prekeys_needed(message[:2] + bad + message[34:])
        with pytest.raises(BadKeyError):
            bob.open(alice, message[:2] + bad + message[34:])


def test_a_message_too_large_is_refused_on_both_sides() -> None:
    alice, bob = acquainted()
    assert bob.open(alice, alice.seal(bytes(MAX_PLAINTEXT))) == bytes(MAX_PLAINTEXT)
    with pytest.raises(MisuseError):
        alice.seal(bytes(MAX_PLAINTEXT + 1))
    with pytest.raises(MalformedError):
        bob.open(alice, bytes(MAX_MESSAGE + 1))
    assert MAX_MESSAGE < 64 * 1024


def test_the_largest_first_message_fits() -> None:
    alice, bob = couple()
    alice.begin(bob)
    message = alice.seal(bytes(MAX_PLAINTEXT))
    assert len(message) == MAX_MESSAGE
    assert bob.open(alice, message) == bytes(MAX_PLAINTEXT)
