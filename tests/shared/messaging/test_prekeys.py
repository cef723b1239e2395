import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.devices.bundle import PrekeyKind, open_prekey
from letterlock.errors import MalformedError, MisuseError
from letterlock.messaging.prekeys import (
    KEM_ONE_TIME_TARGET,
    KEPT_MS,
    ONE_TIME_TARGET,
    ROTATION_MS,
    OwnPrekey,
    expired,
    forgettable,
    make_prekey,
    missing_one_time,
    rotation_due,
    secret_bytes,
)
from letterlock.primitives.kem import KemKey
from letterlock.primitives.keys import agreement_public
from tests.shared.messaging.parties import DAY, NOW, Party, party

KINDS = pytest.mark.parametrize("kind", PrekeyKind)


def made(kind: PrekeyKind, created: int = NOW, key_id: int = 7) -> tuple[Party, OwnPrekey]:
    bob = party("bob")
    bob.next_id = key_id
    return bob, bob.add(kind, created)


@KINDS
def test_a_prekey_is_published_as_signed_and_opens_with_its_private_half(kind: PrekeyKind) -> None:
    bob, prekey = made(kind)
    public = open_prekey(prekey.public_raw, bob.certificate, [kind])
    assert (public.kind, public.key_id, public.created) == (kind, 7, NOW)
    is_kem = kind in (PrekeyKind.KEM_ONE_TIME, PrekeyKind.KEM_LAST_RESORT)
    assert public.key == (KemKey(prekey.secret).public if is_kem else agreement_public(prekey.secret))


@KINDS
def test_a_private_half_follows_from_the_randomness_it_is_given(kind: PrekeyKind) -> None:
    bob = party("bob")
    secret = bytes(range(secret_bytes(kind)))

    def make(random: bytes) -> OwnPrekey:
        return make_prekey(
            bob.own.identity,
            kind=kind,
            key_id=1,
            account=bob.own.account,
            device=bob.own.device,
            created=NOW,
            random=lambda size: random,
        )

    assert make(secret) == make(secret)
    assert make(secret).secret == secret
    with pytest.raises(MisuseError):
        make(secret[:-1])


@KINDS
def test_a_stored_prekey_reads_back_and_nothing_else_does(kind: PrekeyKind) -> None:
    _, prekey = made(kind)
    raw = prekey.to_bytes()
    assert OwnPrekey.from_bytes(raw) == prekey
    for broken in (raw[:-1], raw + b"\0", b"\2" + raw[1:], raw[:1] + b"\0" + raw[2:], b"", raw[:17]):
        with pytest.raises(MalformedError):
            OwnPrekey.from_bytes(broken)
    with pytest.raises(MalformedError):
        OwnPrekey.from_bytes(raw[:2] + bytes(4) + raw[6:])


def test_a_stored_prekey_of_one_length_is_not_read_as_a_kind_of_the_other() -> None:
    _, prekey = made(PrekeyKind.SIGNED)
    raw = prekey.to_bytes()
    with pytest.raises(MalformedError):
        OwnPrekey.from_bytes(raw[:1] + bytes([PrekeyKind.KEM_ONE_TIME]) + raw[2:])


@given(st.binary(max_size=200))
def test_any_bytes_read_as_a_prekey_or_are_refused(raw: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert OwnPrekey.from_bytes(raw).to_bytes() == raw


def test_a_lasting_prekey_is_replaced_after_a_week() -> None:
    assert not rotation_due(NOW, NOW)
    assert not rotation_due(NOW, NOW + ROTATION_MS - 1)
    assert rotation_due(NOW, NOW + ROTATION_MS)
    assert rotation_due(NOW + DAY, NOW)


def test_a_private_half_outlives_its_replacement_by_45_days() -> None:
    assert not expired(NOW, NOW + KEPT_MS)
    assert expired(NOW, NOW + KEPT_MS + 1)
    assert KEPT_MS == 45 * DAY


def test_only_replaced_prekeys_are_forgotten_and_never_the_newest() -> None:
    bob = party("bob")
    weekly = [bob.add(PrekeyKind.SIGNED, NOW + week * ROTATION_MS) for week in range(10)]
    kem = bob.add(PrekeyKind.KEM_LAST_RESORT, NOW)
    once = bob.add(PrekeyKind.ONE_TIME, NOW)
    held = [once, *reversed(weekly), kem]
    assert forgettable(held, NOW + 9 * ROTATION_MS) == [weekly[1], weekly[0]]
    # Offline for a year: the relay still hands out the newest, so it still has to open.
    gone = forgettable(held, NOW + 400 * DAY)
    assert set(map(id, gone)) == set(map(id, weekly[:-1]))


def test_one_time_prekeys_are_restocked_to_their_target_when_half_are_gone() -> None:
    assert missing_one_time(PrekeyKind.ONE_TIME, 0) == ONE_TIME_TARGET
    assert missing_one_time(PrekeyKind.ONE_TIME, 49) == 51
    assert missing_one_time(PrekeyKind.ONE_TIME, 50) == 0
    assert missing_one_time(PrekeyKind.KEM_ONE_TIME, 24) == KEM_ONE_TIME_TARGET - 24
    assert missing_one_time(PrekeyKind.KEM_ONE_TIME, 25) == 0
    assert missing_one_time(PrekeyKind.ONE_TIME, ONE_TIME_TARGET + 1) == 0
    for lasting in (PrekeyKind.SIGNED, PrekeyKind.KEM_LAST_RESORT):
        with pytest.raises(MisuseError):
            missing_one_time(lasting, 0)
