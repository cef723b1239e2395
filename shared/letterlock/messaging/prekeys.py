"""The private halves of a device's prekeys: how they are made, kept, replaced and forgotten.

::

    made (signed by the identity key) --> published --> replaced after 7 days --> forgotten 45 days later
                                                    \\-> a one-time key: used once --> forgotten at once

Knows what a private half looks like on disk and the times above. Must not know the relay, the database, or
what a prekey is agreed with (that is `pqxdh`). Spec: shared/spec/messaging.md, "Prekeys".
"""

import struct
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

import msgspec

from letterlock.devices.bundle import KEM_KINDS, PrekeyKind, sign_prekey
from letterlock.errors import MalformedError, MisuseError
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.kem import KEM_SEED_BYTES, KemKey
from letterlock.primitives.keys import KEY_BYTES, Secret, SigningKey, agreement_public

DAY_MS: Final = 24 * 60 * 60 * 1000
ROTATION_MS: Final = 7 * DAY_MS
"""How old a signed or last-resort prekey grows before a new one replaces it at the relay."""
KEPT_MS: Final = 45 * DAY_MS
"""How long a private half is kept after its replacement: 30 days of mailbox, 15 of somebody's outbox."""
ONE_TIME_TARGET: Final = 100
"""How many X25519 one-time prekeys lie at the relay after restocking."""
KEM_ONE_TIME_TARGET: Final = 50
"""How many ML-KEM one-time prekeys lie at the relay after restocking."""
RESTOCK_BELOW: Final = 0.5
"""Restocking is due when fewer than this part of a target is left, so it is rare and in bulk."""

_FORMAT: Final = 1
_FIXED: Final = struct.Struct(">BBIQHH")
_LASTING: Final = (PrekeyKind.SIGNED, PrekeyKind.KEM_LAST_RESORT)
_TARGETS: Final = {
    PrekeyKind.ONE_TIME: ONE_TIME_TARGET,
    PrekeyKind.KEM_ONE_TIME: KEM_ONE_TIME_TARGET,
}


class OwnPrekey(Secret, msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One prekey with its private half.

    `secret` is an X25519 private key (32 bytes) or an ML-KEM seed (64); `public_raw` is the signed record
    to publish, exactly as signed; `created` is in milliseconds. Prints nothing.
    """

    kind: PrekeyKind
    key_id: int
    secret: bytes
    public_raw: bytes
    created: int

    def to_bytes(self) -> bytes:
        """Return the one encoding, for sealed storage only."""
        fixed = _FIXED.pack(
            _FORMAT, self.kind, self.key_id, self.created, len(self.secret), len(self.public_raw)
        )
        return fixed + self.secret + self.public_raw

    @classmethod
    def from_bytes(cls, raw: bytes) -> "OwnPrekey":
        """Read what `to_bytes` made, strictly. Raises MalformedError."""
        if len(raw) < _FIXED.size:
            raise MalformedError("a stored prekey is too short")
        version, kind_number, key_id, created, secret_size, public_size = _FIXED.unpack_from(raw)
        if version != _FORMAT or len(raw) != _FIXED.size + secret_size + public_size:
            raise MalformedError("a stored prekey has another version or length")
        try:
            kind = PrekeyKind(kind_number)
        except ValueError:
            raise MalformedError("a stored prekey is of an unknown kind") from None
        if secret_size != secret_bytes(kind) or key_id == 0:
            raise MalformedError("a stored prekey does not fit its kind")
        middle = _FIXED.size + secret_size
        return cls(
            kind=kind,
            key_id=key_id,
            secret=raw[_FIXED.size : middle],
            public_raw=raw[middle:],
            created=created,
        )


def secret_bytes(kind: PrekeyKind) -> int:
    """Return how many random bytes a private half of this kind is."""
    return KEM_SEED_BYTES if kind in KEM_KINDS else KEY_BYTES


def make_prekey(
    identity: SigningKey,
    *,
    kind: PrekeyKind,
    key_id: int,
    account: AccountId,
    device: DeviceId,
    created: int,
    random: Callable[[int], bytes],
) -> OwnPrekey:
    """Make a prekey pair from `random` and sign its public half. `key_id` is 1 to 2**32 - 1; `created` in ms.

    Raises MalformedError for an id out of range, MisuseError where `random` gives another length.
    """
    secret = random(secret_bytes(kind))
    if len(secret) != secret_bytes(kind):
        raise MisuseError("random bytes of the wrong length")
    public = KemKey(secret).public if kind in KEM_KINDS else agreement_public(secret)
    public_raw = sign_prekey(
        identity, kind=kind, key_id=key_id, account=account, device=device, created=created, key=public
    )
    return OwnPrekey(kind=kind, key_id=key_id, secret=secret, public_raw=public_raw, created=created)


def rotation_due(created: int, now: int) -> bool:
    """Say whether the newest prekey of a lasting kind, made at `created`, needs a successor (ms).

    A time ahead of the clock also asks for one: a clock that was wrong once must not stop rotation.
    """
    return not 0 <= now - created < ROTATION_MS


def expired(replaced: int, now: int) -> bool:
    """Say whether a lasting prekey whose successor was made at `replaced` is to be forgotten (ms)."""
    return now - replaced > KEPT_MS


def forgettable(prekeys: Iterable[OwnPrekey], now: int) -> list[OwnPrekey]:
    """Return the signed and last-resort prekeys whose successors are older than 45 days.

    The newest of each kind is never among them, however old: while a device is offline the relay goes on
    handing it out, and its first message must still open. One-time prekeys go when they are used.
    """
    gone: list[OwnPrekey] = []
    held = list(prekeys)
    for kind in _LASTING:
        newest_first = sorted(
            (one for one in held if one.kind is kind), key=lambda one: (one.created, one.key_id), reverse=True
        )
        for successor, one in pairwise(newest_first):
            if expired(successor.created, now):
                gone.append(one)
    return gone


def missing_one_time(kind: PrekeyKind, left: int) -> int:
    """Return how many one-time prekeys of `kind` to make, given how many are `left` at the relay.

    0 until fewer than half of the target are left. Raises MisuseError for a kind that is not one-time.
    """
    target = _TARGETS.get(kind)
    if target is None:
        raise MisuseError("only one-time prekeys are restocked")
    return target - left if left < target * RESTOCK_BELOW else 0
