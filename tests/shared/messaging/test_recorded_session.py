"""What an older release wrote is read for ever, and this release still writes the very same bytes."""

import pytest

from letterlock.errors import DuplicateError
from tests.shared.messaging.recording import load, read, read_prekeys, record, recorded_encapsulation


def test_a_recorded_session_opens_its_recorded_messages_and_goes_on() -> None:
    recording = load()
    alice, bob = read("alice", recording), read("bob", recording)
    assert bob.open(alice, bytes.fromhex(recording["ordinary"])) == b"another ordinary message"
    assert bob.open(alice, bytes.fromhex(recording["late"])) == b"a late message"
    with pytest.raises(DuplicateError):
        bob.open(alice, bytes.fromhex(recording["late"]))
    for n in range(3):
        assert alice.open(bob, bob.seal(b"%d" % n)) == b"%d" % n
        assert bob.open(alice, alice.seal(b"and %d" % n)) == b"and %d" % n
    assert alice.present() == bob.present()


def test_recorded_prekeys_open_the_recorded_first_message() -> None:
    recording = load()
    alice, bob = read("alice", recording), read("bob", recording)
    bob.session, bob.prekeys = None, read_prekeys(recording)
    assert bob.open(alice, bytes.fromhex(recording["first"])) == b"a first message"
    assert alice.present() == bob.present()


def test_the_same_conversation_still_gives_the_recorded_bytes() -> None:
    recording = load()
    assert record(recorded_encapsulation(recording)) == recording
