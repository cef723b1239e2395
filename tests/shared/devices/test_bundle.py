"""What a prekey bundle promises: one device's own prekeys, each of its kind, each a key that may be used."""

from itertools import permutations

import pytest

from letterlock.devices import signed
from letterlock.devices.bundle import (
    MAX_KEY_ID,
    PrekeyBundle,
    PrekeyKind,
    PublicPrekey,
    open_bundle,
    open_prekey,
    sign_prekey,
)
from letterlock.devices.signed import Fields, Kind
from letterlock.errors import (
    BadKeyError,
    BadSignatureError,
    ExpiredError,
    MalformedError,
    PeerError,
    WrongAccountError,
)
from letterlock.ids import DeviceId
from letterlock.primitives.kem import KemKey
from letterlock.primitives.keys import SigningKey, agreement_public
from letterlock.wire import frames
from letterlock.wire.codec import decode_client, encode
from tests.shared.devices.bad_keys import bad_agreement_keys
from tests.shared.devices.people import ALICE, BOB, DAY, NOW, Person, seed

X25519 = (PrekeyKind.SIGNED, PrekeyKind.ONE_TIME)
KEM = (PrekeyKind.KEM_LAST_RESORT, PrekeyKind.KEM_ONE_TIME)
AS = {
    PrekeyKind.SIGNED: Kind.SIGNED_PREKEY,
    PrekeyKind.ONE_TIME: Kind.ONE_TIME_PREKEY,
    PrekeyKind.KEM_LAST_RESORT: Kind.KEM_LAST_RESORT_PREKEY,
    PrekeyKind.KEM_ONE_TIME: Kind.KEM_ONE_TIME_PREKEY,
}
KEM_PUBLIC = KemKey(seed("kem prekey", size=64)).public
X25519_PUBLIC = agreement_public(seed("prekey"))


def prekey(
    kind: PrekeyKind,
    *,
    person: Person = ALICE,
    device: int = 1,
    by: SigningKey | None = None,
    key_id: int = 1,
    created: int = NOW,
) -> bytes:
    return sign_prekey(
        by or person.identity(device),
        kind=kind,
        key_id=key_id,
        account=person.account,
        device=DeviceId(device),
        created=created,
        key=KEM_PUBLIC if kind in KEM else X25519_PUBLIC,
    )


def any_prekey(kind: PrekeyKind, key: bytes, key_id: int = 1) -> bytes:
    """A prekey with anything in it, truly signed by Alice's device."""
    fields = Fields(kind=AS[kind], number=key_id, account=ALICE.account, device=1, created=NOW, body=key)
    return signed.sign(ALICE.identity(), fields)


def read(kind: PrekeyKind, created: int) -> PublicPrekey:
    return open_prekey(prekey(kind, created=created), ALICE.device(), (kind,))


@pytest.mark.parametrize("kind", PrekeyKind)
def test_a_prekey_reads_back_with_its_exact_bytes(kind: PrekeyKind) -> None:
    raw = prekey(kind, key_id=77)
    opened = open_prekey(raw, ALICE.device(), (kind,))
    assert (opened.kind, opened.key_id, opened.created) == (kind, 77, NOW)
    assert (opened.account, opened.device) == (ALICE.account, 1)
    assert opened.key == (KEM_PUBLIC if kind in KEM else X25519_PUBLIC)
    assert opened.raw is raw


@pytest.mark.parametrize(("made", "asked"), list(permutations(PrekeyKind, 2)))
def test_a_prekey_serves_no_other_kind(made: PrekeyKind, asked: PrekeyKind) -> None:
    with pytest.raises(MalformedError):
        open_prekey(prekey(made), ALICE.device(), (asked,))


def test_a_prekey_of_any_asked_kind_is_taken() -> None:
    for kind in KEM:
        assert open_prekey(prekey(kind), ALICE.device(), KEM).kind is kind


@pytest.mark.parametrize("kind", PrekeyKind)
def test_a_prekey_of_another_account_or_device_is_refused(kind: PrekeyKind) -> None:
    for raw in (prekey(kind, person=BOB), prekey(kind, device=2)):
        with pytest.raises(WrongAccountError):
            open_prekey(raw, ALICE.device(), (kind,))


@pytest.mark.parametrize("kind", PrekeyKind)
def test_a_prekey_that_the_device_did_not_sign_is_refused(kind: PrekeyKind) -> None:
    for liar in (ALICE.root, ALICE.list_key, ALICE.identity(2), BOB.identity()):
        with pytest.raises(BadSignatureError):
            open_prekey(prekey(kind, by=liar), ALICE.device(), (kind,))


@pytest.mark.parametrize("kind", X25519)
@pytest.mark.parametrize("name", bad_agreement_keys(X25519_PUBLIC))
def test_a_bad_x25519_prekey_is_neither_signed_nor_taken(kind: PrekeyKind, name: str) -> None:
    bad = bad_agreement_keys(X25519_PUBLIC)[name]
    with pytest.raises(BadKeyError):
        sign_prekey(
            ALICE.identity(),
            kind=kind,
            key_id=1,
            account=ALICE.account,
            device=DeviceId(1),
            created=NOW,
            key=bad,
        )
    with pytest.raises(BadKeyError):
        open_prekey(any_prekey(kind, bad), ALICE.device(), (kind,))


def _kem_with_coefficient(value: int) -> bytes:
    """The good key with its first 12-bit coefficient replaced."""
    first = (int.from_bytes(KEM_PUBLIC[:3], "little") & 0xFFF000) | value
    return first.to_bytes(3, "little") + KEM_PUBLIC[3:]


BAD_KEM = {
    "empty": b"",
    "short": KEM_PUBLIC[:-1],
    "long": KEM_PUBLIC + b"\0",
    "an X25519 key": X25519_PUBLIC,
    "a coefficient of q": _kem_with_coefficient(3329),
    "a coefficient of 4095": _kem_with_coefficient(4095),
    "all ones": b"\xff" * 1568,
}


@pytest.mark.parametrize("kind", KEM)
@pytest.mark.parametrize("name", BAD_KEM)
def test_a_bad_ml_kem_prekey_is_neither_signed_nor_taken(kind: PrekeyKind, name: str) -> None:
    with pytest.raises(BadKeyError):
        sign_prekey(
            ALICE.identity(),
            kind=kind,
            key_id=1,
            account=ALICE.account,
            device=DeviceId(1),
            created=NOW,
            key=BAD_KEM[name],
        )
    with pytest.raises(BadKeyError):
        open_prekey(any_prekey(kind, BAD_KEM[name]), ALICE.device(), (kind,))


def test_a_coefficient_below_q_is_taken() -> None:
    key = _kem_with_coefficient(3328)
    raw = any_prekey(PrekeyKind.KEM_ONE_TIME, key)
    assert open_prekey(raw, ALICE.device(), KEM).key == key


@pytest.mark.parametrize("key_id", [0, MAX_KEY_ID + 1])
def test_a_key_id_out_of_range_is_neither_signed_nor_taken(key_id: int) -> None:
    with pytest.raises(MalformedError):
        prekey(PrekeyKind.SIGNED, key_id=key_id)
    with pytest.raises(MalformedError):
        open_prekey(any_prekey(PrekeyKind.SIGNED, X25519_PUBLIC, key_id), ALICE.device(), X25519)


def bundle(**parts: bytes) -> PrekeyBundle:
    whole = {
        "signed": prekey(PrekeyKind.SIGNED),
        "one_time": prekey(PrekeyKind.ONE_TIME),
        "kem": prekey(PrekeyKind.KEM_ONE_TIME),
    }
    return open_bundle(ALICE.device(), **{**whole, **parts})


def test_a_bundle_reads_back() -> None:
    full = bundle()
    assert full.signed.kind is PrekeyKind.SIGNED
    assert full.one_time is not None
    assert full.one_time.kind is PrekeyKind.ONE_TIME
    assert full.kem.kind is PrekeyKind.KEM_ONE_TIME


def test_a_bundle_without_one_time_prekeys_says_so() -> None:
    last = bundle(one_time=b"", kem=prekey(PrekeyKind.KEM_LAST_RESORT))
    assert last.one_time is None
    assert last.kem.kind is PrekeyKind.KEM_LAST_RESORT


def test_a_bundle_is_never_without_its_post_quantum_part() -> None:
    with pytest.raises(PeerError):
        bundle(kem=b"")
    with pytest.raises(PeerError):
        bundle(kem=prekey(PrekeyKind.SIGNED))
    with pytest.raises(PeerError):
        bundle(signed=b"")


@pytest.mark.parametrize("part", ["signed", "one_time", "kem"])
@pytest.mark.parametrize("kind", PrekeyKind)
def test_every_part_of_a_bundle_has_its_own_kinds(part: str, kind: PrekeyKind) -> None:
    right = {"signed": [PrekeyKind.SIGNED], "one_time": [PrekeyKind.ONE_TIME], "kem": KEM}[part]
    if kind in right:
        bundle(**{part: prekey(kind)})
        return
    with pytest.raises(MalformedError):
        bundle(**{part: prekey(kind)})


@pytest.mark.parametrize("part", ["signed", "one_time", "kem"])
def test_every_part_of_a_bundle_is_of_that_device(part: str) -> None:
    kind = {"signed": PrekeyKind.SIGNED, "one_time": PrekeyKind.ONE_TIME, "kem": PrekeyKind.KEM_ONE_TIME}[
        part
    ]
    for raw in (prekey(kind, person=BOB), prekey(kind, device=2), prekey(kind, by=BOB.identity())):
        with pytest.raises((WrongAccountError, BadSignatureError)):
            bundle(**{part: raw})


@pytest.mark.parametrize("kind", [PrekeyKind.SIGNED, PrekeyKind.KEM_LAST_RESORT])
def test_a_medium_term_prekey_serves_for_forty_five_days(kind: PrekeyKind) -> None:
    read(kind, NOW - 45 * DAY).check_fresh(NOW)
    with pytest.raises(ExpiredError):
        read(kind, NOW - 45 * DAY - 1).check_fresh(NOW)


@pytest.mark.parametrize("kind", [PrekeyKind.ONE_TIME, PrekeyKind.KEM_ONE_TIME])
def test_a_one_time_prekey_waits_until_it_is_used(kind: PrekeyKind) -> None:
    read(kind, 0).check_fresh(NOW)


@pytest.mark.parametrize("kind", PrekeyKind)
def test_a_prekey_from_more_than_a_day_ahead_is_refused(kind: PrekeyKind) -> None:
    read(kind, NOW + DAY).check_fresh(NOW)
    with pytest.raises(ExpiredError):
        read(kind, NOW + DAY + 1).check_fresh(NOW)


@pytest.mark.parametrize("part", ["signed", "one_time", "kem"])
def test_a_bundle_is_as_fresh_as_its_oldest_part(part: str) -> None:
    kind = {"signed": PrekeyKind.SIGNED, "one_time": PrekeyKind.ONE_TIME, "kem": PrekeyKind.KEM_LAST_RESORT}[
        part
    ]
    bundle(**{part: prekey(kind)}).check_fresh(NOW)
    bundle(one_time=b"").check_fresh(NOW)
    ahead = bundle(**{part: prekey(kind, created=NOW + 2 * DAY)})
    with pytest.raises(ExpiredError):
        ahead.check_fresh(NOW)


def test_a_full_set_of_prekeys_fits_one_frame() -> None:
    put = frames.PutPrekeys(
        1,
        prekey(PrekeyKind.SIGNED, key_id=MAX_KEY_ID),
        prekey(PrekeyKind.KEM_LAST_RESORT, key_id=MAX_KEY_ID),
        [prekey(PrekeyKind.ONE_TIME, key_id=MAX_KEY_ID)] * 100,
        [prekey(PrekeyKind.KEM_ONE_TIME, key_id=MAX_KEY_ID)] * 100,
    )
    assert decode_client(encode(put)) == put
