import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.messaging.chain import (
    KEPT_HOURS,
    KEPT_KEYS,
    LONGEST_CHAIN,
    NOTHING_SKIPPED,
    RECORD_BYTES,
    Chain,
    Skipped,
    forget_old,
    keep,
    passed_over,
    reach,
    shorten,
    step,
    take,
)

SEED = bytes(range(32))
TAG, OTHER = b"t" * 8, b"o" * 8
NOW = 1_800_000_000_000


def plainly(key: bytes, count: int) -> list[bytes]:
    """The message keys of a chain, as the specification words KDF_CK."""
    keys = []
    for _ in range(count):
        keys.append(hmac.new(key, b"\x01", hashlib.sha256).digest())
        key = hmac.new(key, b"\x02", hashlib.sha256).digest()
    return keys


def test_a_chain_gives_the_keys_of_the_specification() -> None:
    chain, keys = Chain(SEED, 0), []
    for _ in range(20):
        chain, key = step(chain)
        keys.append(key)
    assert keys == plainly(SEED, 20)
    assert chain.n == 20


@given(start=st.integers(0, 30), gap=st.integers(0, 50))
def test_skipping_gives_what_stepping_gives(start: int, gap: int) -> None:
    keys = plainly(SEED, start + gap + 1)
    chain = reach(Chain(SEED, 0), start)
    assert passed_over(chain, start + gap) == [(n, keys[n]) for n in range(start, start + gap)]
    reached = reach(chain, start + gap)
    assert step(reached)[1] == keys[start + gap]
    assert reached.n == start + gap


def test_a_chain_never_goes_back() -> None:
    chain = reach(Chain(SEED, 0), 9)
    assert reach(chain, 3) == chain
    assert passed_over(chain, 3) == []


def test_of_the_longest_gap_only_the_keys_that_are_kept_are_derived() -> None:
    keys = plainly(SEED, LONGEST_CHAIN)
    passed = passed_over(Chain(SEED, 0), LONGEST_CHAIN - 1)
    assert [n for n, _ in passed] == list(range(LONGEST_CHAIN - 1 - KEPT_KEYS, LONGEST_CHAIN - 1))
    assert [key for _, key in passed] == keys[-KEPT_KEYS - 1 : -1]


def test_a_kept_key_is_taken_once() -> None:
    skipped = keep(NOTHING_SKIPPED, TAG, [(3, b"3" * 32), (4, b"4" * 32)], NOW)
    assert take(skipped, OTHER, 3) is None
    taken = take(skipped, TAG, 3)
    assert taken is not None
    left, key = taken
    assert key == b"3" * 32
    assert take(left, TAG, 3) is None
    assert take(left, TAG, 4) == (NOTHING_SKIPPED, b"4" * 32)


def test_a_key_that_looks_like_a_record_is_not_taken_for_one() -> None:
    # The name of message 7 stands inside the key of message 1: only whole records count.
    decoy = (TAG + (7).to_bytes(4, "big")).ljust(32, b"x")
    skipped = keep(NOTHING_SKIPPED, TAG, [(1, decoy), (7, b"7" * 32)], NOW)
    taken = take(skipped, TAG, 7)
    assert taken is not None
    assert taken[1] == b"7" * 32
    assert take(taken[0], TAG, 7) is None


def test_past_the_limit_the_oldest_keys_are_given_up_and_the_new_ones_kept() -> None:
    skipped = NOTHING_SKIPPED
    for block in range(3):
        first = block * 900
        passed = [(n, n.to_bytes(32, "big")) for n in range(first, first + 900)]
        skipped = keep(skipped, TAG, passed, NOW)
        assert skipped.gave_up is (block == 2)
    assert len(skipped.records) == KEPT_KEYS * RECORD_BYTES
    assert take(skipped, TAG, 2700 - KEPT_KEYS - 1) is None
    assert take(skipped, TAG, 2700 - KEPT_KEYS) is not None
    assert take(skipped, TAG, 2699) is not None


def test_keys_are_given_up_when_no_mailbox_holds_their_messages_any_more() -> None:
    hour = 3_600_000
    skipped = keep(NOTHING_SKIPPED, TAG, [(1, bytes(32))], NOW)
    skipped = keep(skipped, TAG, [(2, bytes(32))], NOW + hour)
    assert forget_old(skipped, NOW + KEPT_HOURS * hour) is skipped
    later = forget_old(skipped, NOW + (KEPT_HOURS + 1) * hour)
    assert take(later, TAG, 1) is None
    assert take(later, TAG, 2) is not None
    assert not later.gave_up
    assert forget_old(skipped, NOW + (KEPT_HOURS + 2) * hour).records == b""


@settings(max_examples=60)
@given(numbers=st.lists(st.integers(0, 2**32 - 1), unique=True, max_size=40), data=st.data())
def test_whatever_is_kept_is_found_in_any_order(numbers: list[int], data: st.DataObject) -> None:
    skipped = keep(NOTHING_SKIPPED, TAG, [(n, hashlib.sha256(b"%d" % n).digest()) for n in numbers], NOW)
    for n in data.draw(st.permutations(numbers)):
        taken = take(skipped, TAG, n)
        assert taken is not None
        skipped, key = taken
        assert key == hashlib.sha256(b"%d" % n).digest()
    assert skipped == NOTHING_SKIPPED


@pytest.mark.parametrize("most", [0, 1, 5, 10])
def test_a_shortened_store_keeps_the_newest(most: int) -> None:
    skipped = keep(NOTHING_SKIPPED, TAG, [(n, bytes(32)) for n in range(10)], NOW)
    short = shorten(skipped, most)
    kept = [n for n in range(10) if take(short, TAG, n) is not None]
    assert kept == list(range(10 - most, 10))
    assert short.gave_up is (most < 10)
    assert shorten(Skipped(), most) == NOTHING_SKIPPED
