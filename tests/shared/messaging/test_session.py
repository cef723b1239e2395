"""Sessions from first contact on: the scenarios of libsignal's own tests, by name, and our promises."""

import random as lottery

import pytest

from letterlock.devices.bundle import PrekeyKind
from letterlock.errors import (
    DuplicateError,
    ExpiredError,
    NoSessionError,
    OpenError,
    UnknownPrekeyError,
)
from letterlock.messaging.chain import KEPT_KEYS, LONGEST_CHAIN
from letterlock.messaging.double_ratchet import OVERHEAD_BYTES
from letterlock.messaging.pqxdh import HANDSHAKE_BYTES
from letterlock.messaging.session import (
    UNANSWERED_MS,
    Position,
    prekeys_needed,
    seal,
)
from tests.shared.messaging.parties import DAY, NOW, acquainted, couple, party, talk

KINDS = pytest.mark.parametrize(
    ("one_time", "last_resort"), [(True, False), (True, True), (False, False), (False, True)]
)


# First contact.


@KINDS
def test_basic_prekey(one_time: bool, last_resort: bool) -> None:
    alice, bob = couple()
    bundle = bob.bundle(one_time=one_time, last_resort=last_resort)
    alice.begin(bob, bundle)
    message = alice.seal(b"hello")
    opened = bob.try_open(alice, message)
    assert opened.plaintext == b"hello"
    assert opened.last_resort is opened.session.last_resort is last_resort
    expected = [(PrekeyKind.ONE_TIME, bundle.one_time.key_id)] if bundle.one_time else []
    expected += [] if last_resort else [(PrekeyKind.KEM_ONE_TIME, bundle.kem.key_id)]
    assert list(opened.used) == expected
    needs = prekeys_needed(message)
    assert needs is not None
    assert opened.first is not None
    assert (opened.first.digest, opened.first.until) == (needs.contact, NOW + 45 * DAY)
    assert opened.position == Position(1, 0)
    bob.open(alice, message)
    talk(bob, alice)
    talk(alice, bob, 3)
    assert prekeys_needed(alice.seal(b"ordinary")) is None


def test_a_message_has_exactly_the_length_of_the_page() -> None:
    alice, bob = couple()
    alice.begin(bob)
    assert len(alice.seal(b"12345")) == 5 + 2 + HANDSHAKE_BYTES + OVERHEAD_BYTES == 5 + 1687
    bob.open(alice, alice.seal(b""))
    assert len(bob.seal(b"12345")) == 5 + 2 + OVERHEAD_BYTES == 5 + 74


def test_optional_one_time_prekey() -> None:
    alice, bob = couple()
    alice.begin(bob, bob.bundle(one_time=False))
    message = alice.seal(b"hello")
    needs = prekeys_needed(message)
    assert needs is not None
    assert needs.one_time_id is None
    assert bob.open(alice, message) == b"hello"


def test_repeat_bundle_message() -> None:
    alice, bob = couple()
    alice.begin(bob)
    first, second = alice.seal(b"first"), alice.seal(b"second")
    assert prekeys_needed(first) is not None
    assert prekeys_needed(second) is not None
    bob.open(alice, first)
    session = bob.session
    with pytest.raises(DuplicateError):
        bob.open(alice, first)
    assert bob.session is session
    # Its prekeys are gone by now: the session that is held answers for them.
    assert bob.open(alice, second) == b"second"
    with pytest.raises(DuplicateError):
        bob.open(alice, second)
    alice.open(bob, bob.seal(b"reply"))
    assert prekeys_needed(alice.seal(b"third")) is None


def test_bad_message_bundle() -> None:
    alice, bob = couple()
    alice.begin(bob)
    message = alice.seal(b"hello")
    damaged = message[:-10] + bytes([message[-10] ^ 1]) + message[-9:]
    prekeys = dict(bob.prekeys)
    with pytest.raises(OpenError):
        bob.open(alice, damaged)
    assert bob.session is None
    assert bob.prekeys == prekeys
    assert bob.open(alice, message) == b"hello"


def test_a_first_message_that_comes_second_is_enough() -> None:
    alice, bob = couple()
    alice.begin(bob)
    late, message = alice.seal(b"late"), alice.seal(b"in time")
    assert bob.open(alice, message) == b"in time"
    alice.open(bob, bob.seal(b"reply"))
    bob.open(alice, alice.seal(b"turned"))
    assert bob.open(alice, late) == b"late"


def test_a_repeated_first_contact_makes_no_second_session() -> None:
    alice, bob = couple()
    alice.begin(bob, bob.bundle(one_time=False, last_resort=True))
    message = alice.seal(b"hello")
    bob.open(alice, message)
    # Without the session the lasting prekeys would open it once more: the kept hash tells.
    bob.session = None
    opened = bob.try_open(alice, message)
    assert opened.first is not None
    assert opened.first.digest in bob.contacts
    with pytest.raises(DuplicateError):
        bob.open(alice, message)
    assert bob.session is None


def test_a_one_time_prekey_serves_once() -> None:
    alice, bob = couple()
    carol = party("carol")
    bundle = bob.bundle()
    alice.begin(bob, bundle)
    carol.begin(bob, bundle)
    assert bob.open(alice, alice.seal(b"first")) == b"first"
    bob.session = None
    with pytest.raises(UnknownPrekeyError):
        bob.open(carol, carol.seal(b"second"))


def test_a_bundle_past_its_time_begins_nothing() -> None:
    alice, bob = couple()
    bundle = bob.bundle()
    alice.begin(bob, bundle, now=NOW + 45 * DAY)
    with pytest.raises(ExpiredError):
        alice.begin(bob, bundle, now=NOW + 45 * DAY + 1)
    with pytest.raises(ExpiredError):
        alice.begin(bob, bundle, now=NOW - 2 * DAY)


def test_an_unanswered_session_expires() -> None:
    alice, bob = couple()
    session = alice.begin(bob)
    assert session.usable(NOW + UNANSWERED_MS)
    assert not session.usable(NOW + UNANSWERED_MS + 1)
    before = alice.session
    with pytest.raises(NoSessionError):
        alice.seal(b"too late", NOW + UNANSWERED_MS + 1)
    assert alice.session is before
    bob.open(alice, alice.seal(b"in time"))
    alice.open(bob, bob.seal(b"answered"))
    assert alice.session is not None
    assert alice.session.usable(NOW + 400 * DAY)


def test_an_ordinary_message_without_a_session_is_refused() -> None:
    alice, bob = acquainted()
    bob.session = None
    with pytest.raises(NoSessionError):
        bob.open(alice, alice.seal(b"words"))


# The ratchet, through sessions.


def test_basic_session() -> None:
    alice, bob = acquainted()
    dice = lottery.Random(7)
    for sender, recipient in ((alice, bob), (bob, alice)) * 3:
        messages = [(sender.seal(b"%d" % n), b"%d" % n) for n in range(50)]
        dice.shuffle(messages)
        for message, plaintext in messages[:25]:
            assert recipient.open(sender, message) == plaintext
        talk(recipient, sender)
        for message, plaintext in messages[25:]:
            assert recipient.open(sender, message) == plaintext


def test_message_key_limits() -> None:
    alice, bob = acquainted()
    messages = [alice.seal(b"%d" % n) for n in range(KEPT_KEYS + 110)]
    assert bob.open(alice, messages[-1]) == b"%d" % (KEPT_KEYS + 109)
    assert bob.open(alice, messages[KEPT_KEYS]) == b"%d" % KEPT_KEYS
    with pytest.raises(OpenError) as caught:
        bob.open(alice, messages[50])
    assert not isinstance(caught.value, DuplicateError)


def test_chain_jump_over_limit() -> None:
    alice, bob = acquainted()
    assert alice.session is not None
    while alice.session.usable(NOW):
        alice.seal(b"lost")
    with pytest.raises(NoSessionError):
        alice.seal(b"beyond what a reader can reach")
    # The way on: another session, begun as at first contact.
    alice.begin(bob)
    assert bob.open(alice, alice.seal(b"and on")) == b"and on"
    talk(bob, alice, 2)
    assert alice.present() == bob.present()


def test_a_whole_lost_chain_does_not_jam_the_session() -> None:
    alice, bob = acquainted()
    message = b""
    for _ in range(LONGEST_CHAIN - 2):
        message = alice.seal(b"lost or last")
    assert bob.open(alice, message) == b"lost or last"
    talk(bob, alice, 3)


def test_sealing_is_a_step_from_value_to_value() -> None:
    alice, bob = acquainted()
    assert alice.session is not None
    before, raw = alice.session, alice.session.to_bytes()
    after, message = seal(before, b"words", random=alice.random, now=NOW)
    assert before.to_bytes() == raw
    assert after != before
    assert bob.open(alice, message) == b"words"


def test_the_next_position_is_told_before_sealing_and_on_opening() -> None:
    alice, bob = acquainted()
    assert alice.session is not None
    for _ in range(3):
        for sender, recipient in ((alice, bob), (bob, alice)):
            assert sender.session is not None
            told = sender.session.position
            opened = recipient.try_open(sender, sender.seal(b"x"))
            assert opened.position == told
            recipient.session = opened.session


def test_a_side_that_began_knows_when_it_was_answered() -> None:
    alice, bob = couple()
    assert not alice.begin(bob).answered
    bob.open(alice, alice.seal(b"hello"))
    assert bob.session is not None
    assert not bob.session.answered
    alice.open(bob, bob.seal(b"answer"))
    assert alice.session is not None
    assert alice.session.answered
    bob.open(alice, alice.seal(b"ordinary"))
    assert bob.session.answered
