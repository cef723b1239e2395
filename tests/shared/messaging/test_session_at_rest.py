import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.pretty import pretty_repr

from letterlock.errors import MalformedError
from letterlock.messaging.chain import KEPT_KEYS, RECORD_BYTES
from letterlock.messaging.pqxdh import HANDSHAKE_BYTES
from letterlock.messaging.session import Session
from letterlock.messaging.session_state import ARCHIVED_SESSIONS, archive, pack_state, read_state
from letterlock.primitives.keys import Secret
from tests.shared.messaging.parties import NOW, Party, acquainted, couple

FIXED = 288
BEFORE = 1 + 88 + 4
"""Where the present session's state begins in a stored session."""


def unanswered() -> Party:
    alice, bob = couple()
    alice.begin(bob)
    alice.seal(b"hello")
    return alice


def begun() -> Party:
    alice, bob = couple()
    alice.begin(bob)
    return alice


def first_opened() -> Party:
    alice, bob = couple()
    alice.begin(bob)
    alice.seal(b"lost")
    bob.open(alice, alice.seal(b"hello"))
    return bob


def talking() -> Party:
    return acquainted()[0]


def with_everything() -> Party:
    alice, bob = acquainted()
    for _ in range(3):
        alice.seal(b"lost")
        bob.open(alice, alice.seal(b"words"))
        alice.open(bob, bob.seal(b"words"))
        bob.begin(alice)
        alice.open(bob, bob.seal(b"anew"))
    bob.open(alice, alice.seal(b"answer"))
    return bob


CASES = pytest.mark.parametrize("case", [begun, unanswered, first_opened, talking, with_everything])


@CASES
def test_a_stored_session_reads_back_as_it_was(case: Callable[[], Party]) -> None:
    session = case().session
    assert session is not None
    raw = session.to_bytes()
    assert Session.from_bytes(raw) == session
    assert Session.from_bytes(raw).to_bytes() == raw


def test_a_stored_session_has_exactly_the_length_of_the_page() -> None:
    for case, tail in ((begun, HANDSHAKE_BYTES), (talking, 0), (first_opened, RECORD_BYTES)):
        session = case().session
        assert session is not None
        assert len(session.to_bytes()) == BEFORE + FIXED + tail
    alice, _ = acquainted()
    assert alice.session is not None
    assert len(pack_state(alice.session.present)) == FIXED


@CASES
def test_a_cut_or_lengthened_stored_session_is_refused(case: Callable[[], Party]) -> None:
    session = case().session
    assert session is not None
    raw = session.to_bytes()
    for size in {*range(BEFORE + 40), *range(len(raw) - 60, len(raw))}:
        with pytest.raises(MalformedError):
            Session.from_bytes(raw[:size])
    for extra in (b"\0", bytes(12), bytes(FIXED)):
        with pytest.raises(MalformedError):
            Session.from_bytes(raw + extra)


@CASES
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_changed_stored_session_is_refused_or_has_one_encoding(
    case: Callable[[], Party], data: st.DataObject
) -> None:
    session = case().session
    assert session is not None
    raw = bytearray(session.to_bytes())
    at = data.draw(st.integers(0, len(raw) - 1) | st.sampled_from([0, 89, 93]))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        read = Session.from_bytes(bytes(raw))
    except MalformedError:
        return
    assert read.to_bytes() == bytes(raw)


def put(raw: bytes, at: int, value: bytes) -> bytes:
    return raw[:at] + value + raw[at + len(value) :]


def state_of(case: Callable[[], Party]) -> bytes:
    session = case().session
    assert session is not None
    return pack_state(session.present)


KEYS_AT = 1
COUNTERS_AT = 1 + 8 * 32


@pytest.mark.parametrize(
    ("case", "at", "value"),
    [
        (talking, 0, b"\xff"),  # flags that mean nothing
        (talking, 0, bytes([1])),  # neither side holds a chain, yet nothing is to be sent
        (unanswered, 0, bytes([1 | 2 | 16])),  # answered, yet the handshake is still sent
        (unanswered, 0, bytes([16])),  # the responder with a handshake
        (talking, KEYS_AT + 6 * 32, bytes(32)),  # a sending chain without a key
        (talking, KEYS_AT + 3 * 32, bytes(32)),  # ... without a private key
        (talking, KEYS_AT + 5 * 32, bytes(32)),  # no ratchet key of theirs
        (begun, KEYS_AT + 6 * 32, b"\1"),  # a key of no chain
        (begun, COUNTERS_AT, struct.pack(">I", 1)),  # messages of no chain
        (talking, COUNTERS_AT, struct.pack(">I", 4001)),  # a chain too long
        (talking, COUNTERS_AT + 8, struct.pack(">I", 4001)),
    ],
)
def test_a_stored_state_that_no_session_becomes_is_refused(
    case: Callable[[], Party], at: int, value: bytes
) -> None:
    raw = state_of(case)
    read_state(raw)
    with pytest.raises(MalformedError):
        read_state(put(raw, at, value))


@pytest.mark.parametrize(
    ("sizes", "tail"),
    [
        ((1, 0, 0), 1),
        ((0, 7, 0), 7),
        ((0, 72, 0), 72),
        ((0, 0, RECORD_BYTES - 1), RECORD_BYTES - 1),
        ((0, 0, (KEPT_KEYS + 1) * RECORD_BYTES), (KEPT_KEYS + 1) * RECORD_BYTES),
    ],
)
def test_a_stored_tail_of_another_length_is_refused(sizes: tuple[int, int, int], tail: int) -> None:
    raw = state_of(talking)
    with pytest.raises(MalformedError):
        read_state(raw[: FIXED - 7] + struct.pack(">HBI", *sizes) + bytes(tail))


def test_a_stored_archive_holds_no_more_than_the_limit() -> None:
    session = talking().session
    assert session is not None
    archived = b""
    for n in range(ARCHIVED_SESSIONS + 4):
        archived = archive(archived, session.present, NOW + n)
    raw = Session(session.peer, session.present, archived).to_bytes()
    assert Session.from_bytes(raw).archived == archived
    entry = archived[: len(archived) // ARCHIVED_SESSIONS]
    with pytest.raises(MalformedError):
        Session.from_bytes(raw + entry)


def test_saving_a_quiet_session_takes_less_than_half_a_kilobyte() -> None:
    session = talking().session
    assert session is not None
    assert len(session.to_bytes()) < 512


def test_nothing_that_holds_a_secret_prints_one() -> None:
    alice, bob = couple()
    bundle = bob.bundle()
    alice.begin(bob, bundle)
    bob.add(bundle.signed.kind)
    message = alice.seal(b"the plaintext")
    opened = bob.try_open(alice, message)
    held = bob.held(message)
    assert held is not None
    assert held.signed is not None
    present = opened.session.present
    holders = [opened, opened.session, present, present.ratchet, present.ratchet.skipped, held, held.signed]
    holders += [alice.own, bob.own, present.ratchet.receiving]
    secrets = [b"the plaintext", present.ratchet.root, held.signed.secret, present.ratchet.receiving.key]
    for holder in holders:
        assert isinstance(holder, Secret)
        for text in (repr(holder), str(holder), f"{holder!r:>1}", pretty_repr({"it": holder})):
            assert len(text) < 40
            for secret in secrets:
                assert repr(secret)[2:12] not in text
                assert secret.hex()[:12] not in text
