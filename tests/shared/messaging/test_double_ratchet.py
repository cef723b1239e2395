import hashlib
import hmac
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from letterlock.errors import (
    BadKeyError,
    DuplicateError,
    MalformedError,
    MisuseError,
    OpenError,
    PeerError,
    TooFarError,
)
from letterlock.messaging.chain import KEPT_HOURS, KEPT_KEYS, LONGEST_CHAIN, RECORD_BYTES, Chain, step
from letterlock.messaging.double_ratchet import (
    HEADER_BYTES,
    OVERHEAD_BYTES,
    can_seal,
    open_message,
    position_of,
    seal_message,
)
from letterlock.primitives.keys import agree, agreement_public
from letterlock.primitives.sealing import seal
from tests.shared.messaging.parties import DAY, NOW
from tests.shared.messaging.ratchets import AD, PREFIX, PREKEY, SECRET, key_under, sides, talking


def test_a_sealed_message_has_exactly_the_bytes_of_the_page() -> None:
    alice, bob = talking()
    bob.open(alice.seal(b"4"))
    alice.open(bob.seal(b"5"))
    alice.seal(b"6")
    before = alice.ratchet
    message = alice.seal(b"words")
    ratchet_key, previous, n, salt = struct.unpack(">32sII16s", message[:56])
    assert (ratchet_key, previous, n) == (before.own_public, 2, 1)
    assert message[56:] == seal(key_under(before, message), bytes(12), b"words", AD + PREFIX + message[:56])
    assert len(message) == len(b"words") + OVERHEAD_BYTES == len(b"words") + 72
    assert salt != alice.seal(b"words")[40:56]


def test_both_sides_derive_root_and_chains_as_the_specification_words_it() -> None:
    alice, bob = sides()
    first = alice.seal(b"1")
    root, chain = _root(SECRET, agree(PREKEY, first[:32]))
    bob.open(first)
    assert bob.ratchet.root == alice.ratchet.root == root
    assert bob.ratchet.receiving == alice.ratchet.sending
    private = alice.ratchet.own_private
    reply = bob.seal(b"2")
    root, chain = _root(root, agree(private, reply[:32]))
    assert bob.ratchet.root == root
    alice.open(reply)
    assert alice.ratchet.root == root
    assert alice.ratchet.receiving == step(Chain(chain, 0))[0]


def _root(root: bytes, agreement: bytes) -> tuple[bytes, bytes]:
    """KDF_RK by hand: HKDF-SHA256 of RFC 5869 with the root key as salt."""
    extracted = hmac.new(root, agreement, hashlib.sha256).digest()
    info = b"letterlock v1 ratchet root\0"
    first = hmac.new(extracted, info + b"\x01", hashlib.sha256).digest()
    return first, hmac.new(extracted, first + info + b"\x02", hashlib.sha256).digest()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_messages_open_once_each_in_any_order_with_any_losses(data: st.DataObject) -> None:
    both = dict(zip("ab", sides(), strict=True))
    on_the_way: dict[str, list[tuple[bytes, bytes]]] = {"a": [], "b": []}
    opened: list[tuple[str, bytes]] = []
    for turn in range(data.draw(st.integers(1, 40), label="events")):
        who = data.draw(st.sampled_from("ab"), label="who")
        if can_seal(both[who].ratchet) and data.draw(st.booleans(), label="seals"):
            words = b"%s %d" % (who.encode(), turn)
            on_the_way["b" if who == "a" else "a"].append((both[who].seal(words), words))
        elif on_the_way[who]:
            at = data.draw(st.integers(0, len(on_the_way[who]) - 1), label="which")
            message, words = on_the_way[who][at]
            if data.draw(st.booleans(), label="is lost"):
                del on_the_way[who][at]
                continue
            if (who, words) in opened:
                with pytest.raises(DuplicateError):
                    both[who].open(message)
                continue
            assert both[who].open(message) == words
            opened.append((who, words))


def test_a_chain_with_many_lost_messages_never_jams() -> None:
    alice, bob = talking()
    for _ in range(3):
        message = alice.seal(b"lost")
        while can_seal(alice.ratchet):
            message = alice.seal(b"heard")
        # Of the whole chain the last message alone arrives: it opens, and the answer makes way for more.
        assert bob.open(message) == b"heard"
        assert alice.open(bob.seal(b"answer")) == b"answer"
    assert bob.open(alice.seal(b"and on")) == b"and on"


@settings(max_examples=15, deadline=None)
@given(gaps=st.lists(st.integers(0, 1500), min_size=1, max_size=6))
def test_gaps_of_any_size_are_crossed_and_no_more_keys_kept_than_allowed(gaps: list[int]) -> None:
    alice, bob = talking()
    for gap in gaps:
        for _ in range(gap):
            if can_seal(alice.ratchet):
                alice.seal(b"lost")
        if not can_seal(alice.ratchet):
            alice.open(bob.seal(b"answer"))
        assert bob.open(alice.seal(b"heard")) == b"heard"
        assert len(bob.ratchet.skipped.records) <= KEPT_KEYS * RECORD_BYTES


def test_a_chain_seals_no_more_than_its_reader_can_reach() -> None:
    alice, _ = talking()
    for _ in range(LONGEST_CHAIN - 1):
        alice.seal(b"")
    assert not can_seal(alice.ratchet)
    before = alice.ratchet
    with pytest.raises(MisuseError):
        alice.seal(b"")
    assert alice.ratchet == before


@pytest.mark.parametrize("counters", [(0, LONGEST_CHAIN), (LONGEST_CHAIN + 1, 0), (2**32 - 1, 2**32 - 1)])
def test_a_counter_that_jumps_past_the_limit_is_refused_before_anything_is_derived(
    counters: tuple[int, int],
) -> None:
    alice, bob = talking()
    message = alice.seal(b"words")
    forged = message[:32] + struct.pack(">II", *counters) + message[40:]
    start = time.thread_time()
    for _ in range(1000):
        with pytest.raises(TooFarError):
            bob.open(forged)
    # A derivation of 4 000 steps takes 6 ms; a thousand refusals take less than a few of those.
    assert time.thread_time() - start < 0.5


def test_the_dearest_forged_header_costs_less_than_a_tenth_of_a_second() -> None:
    _, bob = talking()
    bob.seal(b"so that a private key is there")
    forged = agreement_public(b"\x07" * 32) + struct.pack(">II", LONGEST_CHAIN, LONGEST_CHAIN - 1) + bytes(80)
    spent = []
    for _ in range(3):
        start = time.thread_time()
        with pytest.raises(OpenError):
            bob.open(forged)
        spent.append(time.thread_time() - start)
    assert min(spent) < 0.1


def test_after_keys_were_given_up_a_missing_one_is_not_called_a_repeat() -> None:
    alice, bob = talking()
    messages = [alice.seal(b"%d" % n) for n in range(KEPT_KEYS + 10)]
    repeated = alice.seal(b"last")
    bob.open(repeated)
    assert bob.ratchet.skipped.gave_up
    for given_up in messages[:5]:
        with pytest.raises(OpenError) as caught:
            bob.open(given_up)
        assert not isinstance(caught.value, DuplicateError)
    assert bob.open(messages[-1]) == b"%d" % (KEPT_KEYS + 9)
    assert bob.open(messages[20]) == b"20"


def test_a_late_message_opens_within_45_days_and_not_after() -> None:
    alice, bob = talking()
    late, later = alice.seal(b"late"), alice.seal(b"later")
    bob.open(alice.seal(b"in time"), NOW)
    assert bob.open(late, NOW + 44 * DAY) == b"late"
    bob.open(alice.seal(b"again"), NOW + (KEPT_HOURS + 1) * 3_600_000)
    with pytest.raises(OpenError):
        bob.open(later, NOW + (KEPT_HOURS + 1) * 3_600_000)


def test_a_repeat_is_known_as_one_through_eight_turns() -> None:
    alice, bob = talking()
    old = [alice.seal(b"old")]
    bob.open(old[0])
    for _ in range(8):
        alice.open(bob.seal(b"."))
        message = alice.seal(b".")
        bob.open(message)
        old.append(message)
    for message in old:
        with pytest.raises(DuplicateError):
            bob.open(message)


def test_every_changed_byte_every_truncation_and_extension_is_refused_and_changes_nothing() -> None:
    alice, bob = talking()
    first, skipped = alice.seal(b"first in chain"), alice.seal(b"skipped")
    bob.open(first)
    alice.open(bob.seal(b"turn"))
    in_next_chain = alice.seal(b"next")
    bob.open(in_next_chain)
    in_chain = alice.seal(b"and on")
    before = bob.ratchet
    for message in (in_chain, skipped):
        for at in range(len(message)):
            for bit in (0x01, 0x80):
                changed = bytearray(message)
                changed[at] ^= bit
                with pytest.raises(PeerError):
                    open_message(before, bytes(changed), PREFIX, NOW)
        for size in range(len(message)):
            with pytest.raises(PeerError):
                open_message(before, message[:size], PREFIX, NOW)
        with pytest.raises(OpenError):
            open_message(before, message + b"\0", PREFIX, NOW)
        with pytest.raises(OpenError):
            open_message(before, message, b"\x01\x01", NOW)
    assert bob.ratchet == before
    assert bob.open(in_chain) == b"and on"
    assert bob.open(skipped) == b"skipped"


def test_a_message_too_short_for_a_header_and_a_tag_is_malformed() -> None:
    _, bob = talking()
    with pytest.raises(MalformedError):
        bob.open(bytes(HEADER_BYTES + 15))


_PRIME = 2**255 - 19


@pytest.mark.parametrize(
    "key",
    [
        bytes(32),
        b"\x01" + bytes(31),
        (_PRIME - 1).to_bytes(32, "little"),
        _PRIME.to_bytes(32, "little"),
        (_PRIME + 1).to_bytes(32, "little"),
        (_PRIME + 9).to_bytes(32, "little"),
        b"\xff" * 32,
    ],
)
def test_a_ratchet_key_of_low_order_or_with_a_second_encoding_is_refused(key: bytes) -> None:
    alice, bob = talking()
    alice.open(bob.seal(b"turn"))
    message = alice.seal(b"words")
    before = bob.ratchet
    with pytest.raises(BadKeyError):
        bob.open(key + message[32:])
    assert bob.ratchet == before
    assert bob.open(message) == b"words"


def test_a_ratchet_key_with_its_high_bit_set_is_refused() -> None:
    alice, bob = talking()
    alice.open(bob.seal(b"turn"))
    message = alice.seal(b"words")
    masked = message[:31] + bytes([message[31] | 0x80]) + message[32:]
    assert agree(bob.ratchet.own_private, message[:32])
    with pytest.raises(BadKeyError):
        bob.open(masked)


def test_nothing_opens_under_a_key_that_stands_for_no_chain() -> None:
    # Before its first message a responder knows no key of theirs, an initiator only the signed prekey. A
    # forger who names either must not meet an empty chain, whose keys anybody could derive.
    alice, bob = sides()
    for side, named in ((bob, bytes(32)), (alice, agreement_public(PREKEY)), (alice, bytes(32))):
        for known in (b"", bytes(32)):
            header = named + struct.pack(">II16s", 0, 0, bytes(16))
            key = key_under(replace(alice.ratchet, sending=Chain(known, 0)), header)
            forged = header + seal(key, bytes(12), b"forged", AD + PREFIX + header)
            with pytest.raises(PeerError):
                open_message(side.ratchet, forged, PREFIX, NOW)


def test_a_copied_database_that_repeats_a_place_repeats_no_key() -> None:
    alice, bob = talking()
    alice.seal(b"so that the chain exists")
    copied = alice.ratchet
    first, second = alice.seal(b"one"), seal_message(copied, b"two", PREFIX, alice.random)[1]
    assert first[:40] == second[:40]
    assert key_under(copied, first) != key_under(copied, second)
    assert first[56:] != second[56:]
    assert bob.open(second) == b"two"
    with pytest.raises(DuplicateError):
        bob.open(first)


def test_a_used_private_key_is_gone_at_once() -> None:
    alice, bob = sides()
    first = alice.seal(b"1")
    assert bob.ratchet.own_private == PREKEY
    bob.open(first)
    assert bob.ratchet.own_private == b""
    alice.open(bob.seal(b"2"))
    assert alice.ratchet.own_private == b""
    assert alice.ratchet.sending is None


def test_compromise_ends_with_the_next_turn_of_both_sides() -> None:
    alice, bob = talking()
    stolen = bob.ratchet
    assert open_message(stolen, alice.seal(b"readable"), PREFIX, NOW)[1] == b"readable"
    alice.open(bob.seal(b"a fresh key"))
    healed = alice.seal(b"not readable")
    with pytest.raises(OpenError):
        open_message(stolen, healed, PREFIX, NOW)
    assert bob.open(healed) == b"not readable"


def test_an_opened_message_cannot_be_opened_with_what_is_kept() -> None:
    alice, bob = talking()
    message = alice.seal(b"secret")
    bob.open(message)
    alice.open(bob.seal(b"turn"))
    for side in (alice, bob):
        with pytest.raises(PeerError):
            open_message(side.ratchet, message, PREFIX, NOW)


def test_positions_count_the_turns_of_both_sides() -> None:
    alice, bob = sides()
    messages = []
    for who, other in ((alice, bob), (bob, alice), (alice, bob), (bob, alice)):
        pair = [who.seal(b"x"), who.seal(b"y")]
        other.open(pair[1])
        messages.append((other, pair))
    for turn, (reader, (late, _)) in enumerate(messages, start=1):
        reader.open(late)
        assert position_of(late, reader.ratchet) == (turn, 0)
        assert position_of(messages[turn - 1][1][1], reader.ratchet) == (turn, 1)


def test_a_side_that_knows_no_key_of_theirs_seals_nothing() -> None:
    _, bob = sides()
    with pytest.raises(MisuseError):
        bob.seal(b"too early")
