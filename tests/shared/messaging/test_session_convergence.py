"""Which session is used when both begin, or one side loses or restores its database; and the archive."""

import pytest

from letterlock.devices.bundle import PrekeyKind
from letterlock.errors import (
    NoSessionError,
    OpenError,
)
from letterlock.messaging.session_state import ARCHIVED_MS, ARCHIVED_SESSIONS, read_archive
from tests.shared.messaging.parties import NOW, Party, acquainted, couple, talk

# Both begin at once.


def simultaneous() -> tuple[Party, Party]:
    """Two devices that begin with each other, each before it hears from the other."""
    alice, bob = couple()
    to_bob, to_alice = bob.bundle(), alice.bundle()
    alice.begin(bob, to_bob)
    bob.begin(alice, to_alice)
    return alice, bob


def cross(alice: Party, bob: Party) -> None:
    """One exchange: both send before either reads."""
    to_bob, to_alice = alice.seal(b"from alice"), bob.seal(b"from bob")
    assert bob.open(alice, to_bob) == b"from alice"
    assert alice.open(bob, to_alice) == b"from bob"


def assert_agree_within(alice: Party, bob: Party, exchanges: int) -> None:
    """Exchanges cross until both use one session, which they keep."""
    for _ in range(exchanges):
        cross(alice, bob)
        if alice.present() == bob.present():
            break
    assert alice.present() == bob.present()
    agreed = alice.present()
    for _ in range(3):
        cross(alice, bob)
        talk(alice, bob)
        assert alice.present() == bob.present() == agreed


def test_basic_simultaneous_initiate() -> None:
    alice, bob = simultaneous()
    assert alice.present() != bob.present()
    cross(alice, bob)
    assert_agree_within(alice, bob, 2)


def test_simultaneous_initiate_with_lossage() -> None:
    alice, bob = simultaneous()
    alice.seal(b"lost")
    assert alice.open(bob, bob.seal(b"heard")) == b"heard"
    assert_agree_within(alice, bob, 2)


def test_simultaneous_initiate_lost_message() -> None:
    alice, bob = simultaneous()
    cross(alice, bob)
    alice.seal(b"lost")
    assert alice.open(bob, bob.seal(b"heard")) == b"heard"
    assert_agree_within(alice, bob, 3)


def test_simultaneous_initiate_repeated_messages() -> None:
    alice, bob = simultaneous()
    for _ in range(50):
        to_bob, to_alice = alice.begin(bob) and alice.seal(b"a"), bob.begin(alice) and bob.seal(b"b")
        bob.open(alice, to_bob)
        alice.open(bob, to_alice)
    assert_agree_within(alice, bob, 5)


def test_simultaneous_initiate_lost_message_repeated_messages() -> None:
    alice, bob = simultaneous()
    for _ in range(50):
        alice.seal(b"lost")
        bob.seal(b"lost too")
        cross(alice, bob)
        alice.begin(bob)
        bob.begin(alice)
    assert_agree_within(alice, bob, 5)


def test_a_peer_that_lost_its_database_is_followed_into_its_new_session() -> None:
    for first in (0, 1):
        pair = acquainted()
        loser, keeper = pair[first], pair[1 - first]
        talk(loser, keeper, 2)
        loser.session = None
        with pytest.raises(NoSessionError):
            loser.open(keeper, keeper.seal(b"unreadable"))
        loser.begin(keeper)
        assert keeper.open(loser, loser.seal(b"please send that again")) == b"please send that again"
        assert loser.open(keeper, keeper.seal(b"again")) == b"again"
        assert_agree_within(loser, keeper, 1)


def test_a_peer_that_went_back_to_an_older_database_is_met_again() -> None:
    alice, bob = acquainted()
    older = bob.session
    talk(alice, bob, 3)
    bob.session = older
    unreadable = alice.seal(b"unreadable")
    with pytest.raises(OpenError):
        bob.open(alice, unreadable)
    bob.begin(alice)
    alice.open(bob, bob.seal(b"please send that again"))
    assert bob.open(alice, alice.seal(b"again")) == b"again"
    assert_agree_within(alice, bob, 1)


def test_two_sessions_of_one_side_that_arrive_in_the_wrong_order_settle() -> None:
    for first in (0, 1):
        pair = couple()
        eager, patient = pair[first], pair[1 - first]
        messages = []
        for _ in range(3):
            eager.begin(patient)
            messages.append(eager.seal(b"hello"))
        for message in reversed(messages):
            assert patient.open(eager, message) == b"hello"
        assert eager.present() != patient.present()
        assert_agree_within(eager, patient, 3)


def test_of_two_that_cross_one_leads_and_the_other_follows() -> None:
    alice, bob = simultaneous()
    cross(alice, bob)
    leader, follower = sorted((alice, bob), key=lambda one: (one.own.account, one.own.device))
    assert leader.present() != follower.present()
    kept = leader.present()
    cross(alice, bob)
    assert leader.present() == follower.present() == kept


def test_a_leader_with_nothing_on_the_way_follows() -> None:
    leader, follower = sorted(acquainted(), key=lambda one: (one.own.account, one.own.device))
    talk(leader, follower)
    old = follower.session
    follower.begin(leader)
    leader.open(follower, follower.seal(b"new"))
    # The follower restores a copy that never knew the new session. The leader has sent nothing in it.
    follower.session = old
    assert leader.open(follower, follower.seal(b"from the old one")) == b"from the old one"
    assert leader.present() == follower.present()
    assert follower.open(leader, leader.seal(b"here too")) == b"here too"


def test_a_leader_whose_new_session_may_be_lost_follows_into_the_old_one() -> None:
    leader, follower = sorted(acquainted(), key=lambda one: (one.own.account, one.own.device))
    leader.begin(follower)
    leader.seal(b"lost")
    assert leader.open(follower, follower.seal(b"in the old one")) == b"in the old one"
    assert leader.present() == follower.present()
    assert follower.open(leader, leader.seal(b"heard")) == b"heard"


# The archive.


def test_archived_sessions_limits() -> None:
    alice, bob = couple()
    late = []
    for n in range(ARCHIVED_SESSIONS + 3):
        alice.begin(bob, now=NOW + n)
        late.append(alice.seal(b"late %d" % n))
        bob.open(alice, alice.seal(b"new %d" % n), NOW + n)
    assert bob.session is not None
    assert alice.session is not None
    for session in (alice.session, bob.session):
        former = read_archive(session.archived)
        assert len(former) == ARCHIVED_SESSIONS
        assert {entry.state.handshake for entry in former} == {b""}
    kept = [entry.state.contact for entry in read_archive(bob.session.archived)]
    assert kept[0] == read_archive(alice.session.archived)[0].state.contact
    assert [bob.opens(alice, message) for message in late[:2]] == [False, False]
    assert [bob.opens(alice, message) for message in late[3:]] == [True] * (ARCHIVED_SESSIONS)


def test_an_archived_session_is_given_up_after_45_days() -> None:
    alice, bob = acquainted()
    late = alice.seal(b"late")
    alice.begin(bob)
    bob.open(alice, alice.seal(b"new"))
    assert bob.session is not None
    assert len(read_archive(bob.session.archived)) == 1
    bob.add(PrekeyKind.SIGNED, NOW + ARCHIVED_MS)
    alice.begin(bob, now=NOW + ARCHIVED_MS + 1)
    bob.open(alice, alice.seal(b"newer", NOW + ARCHIVED_MS + 1), NOW + ARCHIVED_MS + 1)
    assert len(read_archive(bob.session.archived)) == 1
    assert not bob.opens(alice, late)


def test_an_archived_session_comes_back_when_the_other_side_uses_it() -> None:
    alice, bob = acquainted()
    talk(alice, bob)
    old = alice.session
    alice.begin(bob)
    bob.open(alice, alice.seal(b"new"))
    # Alice restores a copy that never knew the new session, and writes.
    alice.session = old
    assert bob.open(alice, alice.seal(b"from the old one")) == b"from the old one"
    assert alice.present() == bob.present()
    talk(bob, alice)


def test_skipped_keys_go_into_the_archive_shortened() -> None:
    alice, bob = acquainted()
    skipped = [alice.seal(b"%d" % n) for n in range(300)]
    bob.open(alice, alice.seal(b"reached"))
    alice.begin(bob)
    bob.open(alice, alice.seal(b"new"))
    assert bob.opens(alice, skipped[299])
    assert bob.opens(alice, skipped[100])
    assert not bob.opens(alice, skipped[99])
