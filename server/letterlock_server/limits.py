"""How much is too much: token buckets, in memory that does not grow with the number of keys.

Pure: `now` is an argument, in milliseconds. Must not know what is being counted, nor for whom.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final, Generic, TypeVar

import msgspec

_K = TypeVar("_K", bound=Hashable)

DEFAULT_CAPACITY: Final = 16_384
_OVERFLOW_SHARE: Final = 16
_ROUNDING: Final = 1e-9


class Rule(msgspec.Struct, frozen=True, gc=False):
    """At most `burst` at once, and one more every `interval_ms` milliseconds."""

    burst: float
    interval_ms: float

    def times(self, factor: float) -> "Rule":
        """Return a rule that allows `factor` times as much, at once and over time."""
        return Rule(self.burst * factor, self.interval_ms / factor)


Bucket = tuple[float, int]
"""What is left of one key's allowance, and as of when. A tuple: one is made for each message."""


def full(rule: Rule, now: int) -> Bucket:
    """Return the bucket of a key that was never seen."""
    return rule.burst, now


def refill(rule: Rule, bucket: Bucket, now: int) -> Bucket:
    """Return the bucket as it stands at `now`; a clock that went back gives nothing."""
    tokens, stamp = bucket
    if now <= stamp:
        return bucket
    return min(rule.burst, tokens + (now - stamp) / rule.interval_ms), now


def take(rule: Rule, bucket: Bucket, now: int, cost: float = 1.0) -> tuple[Bucket, int]:
    """Take `cost` from a bucket: the new bucket, and 0 or after how many milliseconds to try again.

    What is refused costs nothing. A cost above the burst is granted by a full bucket, which then owes.
    """
    bucket = tokens, stamp = refill(rule, bucket, now)
    missing = min(cost, rule.burst) - tokens
    if missing > _ROUNDING:
        return bucket, max(1, round(missing * rule.interval_ms + 0.5))
    return (tokens - cost, stamp), 0


class Limiter(Generic[_K]):
    """A bucket for each key, for at most `capacity` keys.

    A bucket that is full again says no more than none at all, so it is let go first. When even the key
    that was idle longest still owes something, new keys share one bucket between them rather than push
    out a key that is being held back: so a flood of fresh keys frees nobody.
    """

    def __init__(self, rule: Rule, capacity: int = DEFAULT_CAPACITY) -> None:
        self._rule = rule
        self._capacity = capacity
        self._buckets: OrderedDict[_K, Bucket] = OrderedDict()
        self._shared_rule = rule.times(_OVERFLOW_SHARE)
        self._shared = full(self._shared_rule, 0)

    def __len__(self) -> int:
        """Return how many keys are remembered."""
        return len(self._buckets)

    def take(self, key: _K, now: int, cost: float = 1.0) -> int:
        """Count `cost` for `key`: 0 if it may, else after how many milliseconds to try again."""
        bucket = self._buckets.get(key)
        if bucket is None:
            if not self._make_room(now):
                self._shared, retry = take(self._shared_rule, self._shared, now, cost)
                return retry
            bucket = full(self._rule, now)
        bucket, retry = take(self._rule, bucket, now, cost)
        self._buckets[key] = bucket
        self._buckets.move_to_end(key)
        return retry

    def _make_room(self, now: int) -> bool:
        if len(self._buckets) < self._capacity:
            return True
        oldest = next(iter(self._buckets))
        if refill(self._rule, self._buckets[oldest], now)[0] < self._rule.burst:
            return False
        del self._buckets[oldest]
        return True
