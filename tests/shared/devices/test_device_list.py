"""What a device list promises: only devices that the list key certified, in this epoch, for 30 days."""

import pytest

from letterlock.devices import signed
from letterlock.devices.device_list import (
    IDS_PER_EPOCH,
    SenderChain,
    certify_device,
    open_account,
    open_device_certificate,
    sign_device_list,
    succeed,
)
from letterlock.devices.signed import Fields, Kind
from letterlock.encoding import pack
from letterlock.errors import (
    BadKeyError,
    BadSignatureError,
    MalformedError,
    PeerError,
    StaleListError,
    WrongAccountError,
)
from letterlock.ids import DeviceId
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.keys import SigningKey
from tests.shared.devices.bad_keys import bad_agreement_keys, bad_signing_keys
from tests.shared.devices.people import ALICE, BOB, DAY, NOW, Person


def list_of(body: bytes, *, person: Person = ALICE, by: SigningKey | None = None, version: int = 1) -> bytes:
    """A list with any body at all, signed as a careless or hostile owner could."""
    fields = Fields(
        kind=Kind.DEVICE_LIST, number=version, account=person.account, device=0, created=NOW, body=body
    )
    return signed.sign(by or person.list_key, fields)


def device_of(body: bytes, *, device: int = 1, person: Person = ALICE) -> bytes:
    """A device certificate with any body at all."""
    fields = Fields(
        kind=Kind.DEVICE_CERTIFICATE,
        number=person.epoch,
        account=person.account,
        device=device,
        created=NOW,
        body=body,
    )
    return signed.sign(person.list_key, fields)


def opened(device_list: bytes, person: Person = ALICE) -> object:
    return open_account(person.root.public, person.list_certificate, device_list)


def test_an_account_reads_back_with_its_exact_bytes() -> None:
    raw = ALICE.list_raw(5, 1, 2, 9, highest=12)
    account = open_account(ALICE.root.public, ALICE.list_certificate, raw)
    devices = account.devices
    assert (devices.account, devices.epoch, devices.version, devices.issued) == (ALICE.account, 1, 5, NOW)
    assert devices.highest_device == 12
    assert [one.device for one in devices.devices] == [1, 2, 9]
    assert devices.raw is raw
    assert devices.device(2) == ALICE.device(2)
    assert devices.device(3) is None
    assert account.root_key == ALICE.root.public


def test_a_view_names_the_exact_bytes_of_certificate_and_list() -> None:
    view = ALICE.verified(4).devices.view
    expected = sha256(pack(Label.LIST_DIGEST, ALICE.list_certificate, ALICE.list_raw(4)))
    assert (view.epoch, view.version, view.digest) == (1, 4, expected)


def test_a_list_serves_for_thirty_days() -> None:
    devices = ALICE.verified().devices
    assert devices.expires == NOW + 30 * DAY
    assert not devices.expired(NOW)
    assert not devices.expired(NOW + 30 * DAY - 1)
    assert devices.expired(NOW + 30 * DAY)


def test_a_list_from_far_ahead_does_not_serve_and_a_clock_an_hour_off_does_no_harm() -> None:
    devices = ALICE.verified().devices
    assert devices.expired(NOW - DAY - 1)
    assert not devices.expired(NOW - 60 * 60 * 1000)


def test_devices_are_listed_in_one_order_whatever_order_they_are_given_in() -> None:
    raws = [ALICE.device_raw(n) for n in (3, 1, 2)]
    a, b = (
        sign_device_list(ALICE.list_key, account=ALICE.account, epoch=1, version=1, issued=NOW, devices=order)
        for order in (raws, raws[::-1])
    )
    assert a == b


def test_sixteen_devices_fit_and_seventeen_do_not() -> None:
    sixteen = ALICE.list_raw(1, *range(1, 17))
    assert len(sixteen) <= 16 * 1024
    assert opened(sixteen)
    with pytest.raises(MalformedError):
        ALICE.list_raw(1, *range(1, 18))
    seventeen = list_of(pack(1, 17, *(ALICE.device_raw(n) for n in range(1, 18))))
    with pytest.raises(MalformedError):
        opened(seventeen)


def test_a_list_without_devices_is_refused() -> None:
    with pytest.raises(PeerError):
        sign_device_list(ALICE.list_key, account=ALICE.account, epoch=1, version=1, issued=NOW, devices=[])
    with pytest.raises(MalformedError):
        opened(list_of(pack(1, 1)))


@pytest.mark.parametrize("order", [(1, 1), (2, 1), (1, 3, 2)])
def test_a_device_listed_twice_or_out_of_order_is_refused(order: tuple[int, ...]) -> None:
    with pytest.raises(MalformedError):
        opened(list_of(pack(1, 9, *(ALICE.device_raw(n) for n in order))))


def test_a_device_listed_twice_is_not_signed() -> None:
    with pytest.raises(MalformedError):
        ALICE.list_raw(1, 2, 2)


def test_a_device_above_the_highest_id_is_refused() -> None:
    with pytest.raises(MalformedError):
        opened(list_of(pack(1, 1, ALICE.device_raw(2))))


def test_a_list_key_gives_the_ids_of_its_epoch_and_leaves_room_for_the_next() -> None:
    assert ALICE.verified(1, 1, highest=IDS_PER_EPOCH).devices.highest_device == IDS_PER_EPOCH
    with pytest.raises(MalformedError):
        ALICE.list_raw(1, 1, highest=IDS_PER_EPOCH + 1)
    with pytest.raises(MalformedError):
        opened(list_of(pack(1, IDS_PER_EPOCH + 1, ALICE.device_raw(1))))
    used_up = ALICE.verified(1, 1, highest=IDS_PER_EPOCH)
    restored = Person("alice", 2).verified(1, IDS_PER_EPOCH + 1)
    assert succeed(used_up, restored) is restored


def test_versions_are_counted_from_one() -> None:
    with pytest.raises(MalformedError):
        ALICE.list_raw(0)
    with pytest.raises(MalformedError):
        opened(list_of(pack(1, 1, ALICE.device_raw()), version=0))


def test_a_list_that_the_list_key_did_not_sign_is_refused() -> None:
    body = pack(1, 1, ALICE.device_raw())
    for liar in (BOB.list_key, ALICE.root, ALICE.identity(), Person("alice", epoch=2).list_key):
        with pytest.raises(BadSignatureError):
            opened(list_of(body, by=liar))


def test_a_ghost_device_is_refused() -> None:
    ghost = certify_device(
        BOB.list_key,
        account=ALICE.account,
        device=DeviceId(2),
        epoch=1,
        identity_key=BOB.identity().public,
        agreement_key=BOB.agreement().public,
        sealing_key=BOB.sealing().public,
        created=NOW,
    )
    with pytest.raises(BadSignatureError):
        opened(list_of(pack(1, 2, ALICE.device_raw(), ghost)))
    with pytest.raises(BadSignatureError):
        opened(ALICE.list_raw(2, 1).replace(ALICE.identity().public, BOB.identity().public))


def test_another_account_s_device_is_refused_even_under_a_true_signature() -> None:
    fields = Fields(
        kind=Kind.DEVICE_CERTIFICATE,
        number=1,
        account=BOB.account,
        device=2,
        created=NOW,
        body=pack(BOB.identity().public, BOB.agreement().public, BOB.sealing().public),
    )
    foreign = signed.sign(ALICE.list_key, fields)
    with pytest.raises(WrongAccountError):
        opened(list_of(pack(1, 2, ALICE.device_raw(), foreign)))


def test_another_account_s_list_is_refused() -> None:
    with pytest.raises(WrongAccountError):
        open_account(ALICE.root.public, ALICE.list_certificate, BOB.list_raw())
    with pytest.raises(WrongAccountError):
        open_account(ALICE.root.public, BOB.list_certificate, BOB.list_raw())


def test_a_restored_account_voids_every_certificate_of_the_older_epoch() -> None:
    restored = Person("alice", epoch=2)
    with pytest.raises(StaleListError):
        open_account(restored.root.public, restored.list_certificate, ALICE.list_raw())
    with pytest.raises(StaleListError):
        open_device_certificate(ALICE.device_raw(), restored.certificate)
    with pytest.raises(StaleListError):
        opened(list_of(pack(2, 1, ALICE.device_raw()), person=restored), restored)
    chain = SenderChain(
        root_key=restored.root.public,
        list_certificate=restored.list_certificate,
        device_certificate=ALICE.device_raw(),
    )
    with pytest.raises(StaleListError):
        SenderChain.open(chain.pack())


def test_a_stolen_list_key_cannot_speak_in_the_epoch_after_it() -> None:
    restored = Person("alice", epoch=2)
    fields = Fields(
        kind=Kind.DEVICE_CERTIFICATE,
        number=2,
        account=ALICE.account,
        device=1,
        created=NOW,
        body=pack(ALICE.identity().public, ALICE.agreement().public, ALICE.sealing().public),
    )
    stolen = signed.sign(ALICE.list_key, fields)
    with pytest.raises(BadSignatureError):
        open_device_certificate(stolen, restored.certificate)
    with pytest.raises(BadSignatureError):
        opened(list_of(pack(2, 1, stolen), person=restored, by=ALICE.list_key), restored)


GOOD = {
    "identity_key": ALICE.identity().public,
    "agreement_key": ALICE.agreement().public,
    "sealing_key": ALICE.sealing().public,
}
BAD_KEYS = [
    *(("identity_key", name, key) for name, key in bad_signing_keys(GOOD["identity_key"]).items()),
    *(("agreement_key", name, key) for name, key in bad_agreement_keys(GOOD["agreement_key"]).items()),
    *(("sealing_key", name, key) for name, key in bad_agreement_keys(GOOD["sealing_key"]).items()),
    ("sealing_key", "the agreement key again", GOOD["agreement_key"]),
]


@pytest.mark.parametrize(("field", "key"), [pytest.param(f, k, id=f"{f}-{n}") for f, n, k in BAD_KEYS])
def test_a_bad_device_key_is_neither_signed_nor_taken(field: str, key: bytes) -> None:
    keys = {**GOOD, field: key}
    with pytest.raises(BadKeyError):
        certify_device(
            ALICE.list_key, account=ALICE.account, device=DeviceId(1), epoch=1, created=NOW, **keys
        )
    raw = device_of(pack(*keys.values()))
    with pytest.raises((BadKeyError, MalformedError)):
        open_device_certificate(raw, ALICE.certificate)
    with pytest.raises((BadKeyError, MalformedError)):
        opened(list_of(pack(1, 1, raw)))


def test_root_and_list_keys_are_no_device_s_identity() -> None:
    for key in (ALICE.root.public, ALICE.list_key.public):
        raw = device_of(pack(key, GOOD["agreement_key"], GOOD["sealing_key"]))
        with pytest.raises(BadKeyError):
            opened(list_of(pack(1, 1, raw)))
        chain = SenderChain(
            root_key=ALICE.root.public, list_certificate=ALICE.list_certificate, device_certificate=raw
        )
        with pytest.raises(BadKeyError):
            SenderChain.open(chain.pack())


@pytest.mark.parametrize("device", [0, 2**31])
def test_a_device_id_out_of_range_is_refused(device: int) -> None:
    with pytest.raises(MalformedError):
        certify_device(
            ALICE.list_key, account=ALICE.account, device=DeviceId(device), epoch=1, created=NOW, **GOOD
        )
    if device == 0:
        with pytest.raises(MalformedError):
            open_device_certificate(device_of(pack(*GOOD.values()), device=0), ALICE.certificate)


def test_a_device_certificate_with_more_in_it_is_refused() -> None:
    raw = device_of(pack(*GOOD.values(), b"more"))
    with pytest.raises(MalformedError):
        open_device_certificate(raw, ALICE.certificate)


def test_a_sender_chain_proves_its_device() -> None:
    chain = SenderChain(
        root_key=ALICE.root.public,
        list_certificate=ALICE.list_certificate,
        device_certificate=ALICE.device_raw(2),
    )
    raw = chain.pack()
    assert len(raw) < 1024
    assert SenderChain.read(raw) == chain
    sender = SenderChain.open(raw)
    assert (sender.account, sender.root_key) == (ALICE.account, ALICE.root.public)
    assert sender.device == ALICE.device(2)
    assert sender.certificate == ALICE.certificate


def test_a_sender_chain_mixed_from_two_accounts_is_refused() -> None:
    parts = [(person.root.public, person.list_certificate, person.device_raw()) for person in (ALICE, BOB)]
    for choice in range(1, 7):
        root, certificate, device = (parts[choice >> n & 1][n] for n in range(3))
        chain = SenderChain(root_key=root, list_certificate=certificate, device_certificate=device)
        with pytest.raises(WrongAccountError):
            SenderChain.open(chain.pack())
