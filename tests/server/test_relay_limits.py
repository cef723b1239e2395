"""Token buckets: never more than the rule allows, whatever the times, the keys and their number."""

from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock_server.limits import Limiter, Rule, full, refill, take

RULE = Rule(burst=6, interval_ms=600_000)
TIMES = st.lists(st.integers(min_value=0, max_value=10_000_000), max_size=60)


@given(TIMES)
@settings(max_examples=100)
def test_no_window_grants_more_than_burst_and_rate(waits: list[int]) -> None:
    bucket, now, granted = full(RULE, 0), 0, []
    for wait in waits:
        now += wait
        bucket, retry = take(RULE, bucket, now)
        if not retry:
            granted.append(now)
    for start, first in enumerate(granted):
        for count, last in enumerate(granted[start:], 1):
            assert count <= RULE.burst + (last - first) / RULE.interval_ms + 1e-6


@given(TIMES, st.integers(min_value=0, max_value=10**9))
@settings(max_examples=100)
def test_who_waits_as_long_as_told_is_served(waits: list[int], now: int) -> None:
    bucket = full(RULE, now)
    for wait in waits:
        now += wait
        bucket, retry = take(RULE, bucket, now)
        if retry:
            now += retry
            bucket, retry = take(RULE, bucket, now)
            assert retry == 0


@given(st.floats(min_value=0, max_value=6), st.integers(min_value=0, max_value=10**9))
def test_a_clock_that_goes_back_gives_nothing(tokens: float, back: int) -> None:
    assert refill(RULE, (tokens, 10**9), 10**9 - back)[0] <= tokens


def test_what_is_refused_costs_nothing() -> None:
    bucket = (0.5, 0)
    after, retry = take(RULE, bucket, 0)
    assert (after, retry > 0) == (bucket, True)


def test_a_cost_above_the_burst_is_granted_once_and_then_owed() -> None:
    bucket, retry = take(RULE, full(RULE, 0), 0, cost=12)
    assert retry == 0
    _, retry = take(RULE, bucket, 0)
    assert retry >= 6 * 600_000


def test_a_million_keys_fit_in_bounded_memory_and_free_nobody() -> None:
    limiter: Limiter[int] = Limiter(RULE, capacity=1000)
    while not limiter.take(-1, 0):
        pass
    granted = sum(limiter.take(key, 1) == 0 for key in range(1_000_000))
    assert len(limiter) == 1000
    assert granted <= 1000 + 16 * RULE.burst + 1
    assert limiter.take(-1, 2) > 0


def test_keys_that_have_recovered_make_room_for_others() -> None:
    limiter: Limiter[int] = Limiter(RULE, capacity=10)
    for key in range(10):
        assert limiter.take(key, 0) == 0
    for key in range(10, 20):
        assert limiter.take(key, 3_600_000) == 0
    assert len(limiter) == 10
