"""A KDF chain: one message key after another, none of which leads back; and the keys of skipped messages.

::

    key --HMAC(0x02)--> next key --HMAC(0x02)--> ...        (KDF_CK of the Double Ratchet)
     \\--HMAC(0x01)--> message key 0

Two separate limits, so that a chain never jams. No chain is longer than `LONGEST_CHAIN`: the sender begins
another session before, so whatever is lost, the next message to arrive is within reach, and a counter
beyond is refused before anything is derived. No more than `KEPT_KEYS` skipped keys are kept: past that the
oldest are given up, never the message at hand. Must not know headers, agreements or ciphertexts.
Spec: shared/spec/messaging.md, "Chains".
"""

import struct
from typing import Final

import msgspec

from letterlock.primitives.derivation import hmac_sha256
from letterlock.primitives.keys import KEY_BYTES, Secret

LONGEST_CHAIN: Final = 4_000
"""How many messages one chain seals, and so how far one gap may jump: 6 ms of derivation."""
KEPT_KEYS: Final = 2_000
"""How many skipped keys one session keeps, over all of its chains."""
KEPT_HOURS: Final = 45 * 24
"""How long a skipped key is kept: a mailbox holds a message for 30 days."""

TAG_BYTES: Final = 8
_HOUR_MS: Final = 3_600_000
_RECORD: Final = struct.Struct(f">{TAG_BYTES}sII{KEY_BYTES}s")
RECORD_BYTES: Final = _RECORD.size
_NAME: Final = struct.Struct(f">{TAG_BYTES}sI")
_HOUR: Final = struct.Struct(">I")


class Chain(Secret, msgspec.Struct, frozen=True, gc=False):
    """The chain's present key (32 bytes) and the number of the message it is for. Prints nothing."""

    key: bytes
    n: int


class Skipped(Secret, msgspec.Struct, frozen=True, gc=False):
    """The keys of messages that were passed over, oldest first, packed: see "Sessions at rest" for the bytes.

    One string rather than a table, because it is saved after every message and nearly always empty.
    `gave_up` says that a key of a message that may still come was ever dropped for want of room.
    """

    records: bytes = b""
    gave_up: bool = False


NOTHING_SKIPPED: Final = Skipped()


def step(chain: Chain) -> tuple[Chain, bytes]:
    """Return the chain after this message, and this message's key."""
    key = chain.key
    return Chain(hmac_sha256(key, b"\x02"), chain.n + 1), hmac_sha256(key, b"\x01")


def reach(chain: Chain, to: int) -> Chain:
    """Return the chain at message `to`, or as it is where it is there or past it.

    One derivation a step: all that a forged counter can cost. The caller has checked that `to` is at most
    `LONGEST_CHAIN`.
    """
    key = chain.key
    for _ in range(chain.n, to):
        key = hmac_sha256(key, b"\x02")
    return Chain(key, max(chain.n, to))


def passed_over(chain: Chain, to: int) -> list[tuple[int, bytes]]:
    """Return number and key of each message before `to`: the newest `KEPT_KEYS`, as no more would be kept.

    Derived only when the message at `to` has opened, so that keys are kept for true messages alone.
    """
    chain = reach(chain, to - KEPT_KEYS)
    passed: list[tuple[int, bytes]] = []
    for n in range(chain.n, to):
        chain, key = step(chain)
        passed.append((n, key))
    return passed


def keep(skipped: Skipped, tag: bytes, passed: list[tuple[int, bytes]], now: int) -> Skipped:
    """Add keys that were passed over in the chain named by `tag` (8 bytes), at `now` (ms).

    Where there are too many the oldest are given up.
    """
    if not passed:
        return skipped
    hour = now // _HOUR_MS
    records = skipped.records + b"".join([_RECORD.pack(tag, n, hour, key) for n, key in passed])
    # Keys before the newest `KEPT_KEYS` were not even derived: they count as given up as well.
    full = len(passed) == KEPT_KEYS or len(records) > KEPT_KEYS * RECORD_BYTES
    return Skipped(records[-KEPT_KEYS * RECORD_BYTES :], skipped.gave_up or full)


def take(skipped: Skipped, tag: bytes, n: int) -> tuple[Skipped, bytes] | None:
    """Take the key of message `n` of the chain named by `tag` out, or None where it is not kept."""
    name = _NAME.pack(tag, n)
    records = skipped.records
    at = records.find(name)
    while at >= 0 and at % RECORD_BYTES:
        at = records.find(name, at + 1)
    if at < 0:
        return None
    end = at + RECORD_BYTES
    return Skipped(records[:at] + records[end:], skipped.gave_up), records[end - KEY_BYTES : end]


def forget_old(skipped: Skipped, now: int) -> Skipped:
    """Drop keys older than 45 days: no message that needs them can still be delivered."""
    records = skipped.records
    oldest = now // _HOUR_MS - KEPT_HOURS
    start = 0
    while start < len(records) and _HOUR.unpack_from(records, start + _NAME.size)[0] < oldest:
        start += RECORD_BYTES
    return Skipped(records[start:], skipped.gave_up) if start else skipped


def shorten(skipped: Skipped, most: int) -> Skipped:
    """Keep the newest `most` keys only."""
    surplus = len(skipped.records) - most * RECORD_BYTES
    return skipped if surplus <= 0 else Skipped(skipped.records[surplus:], gave_up=True)
