"""What an account promises: its id follows from its root key, and an epoch that is over stays over."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.devices import signed
from letterlock.devices.account import (
    account_id,
    certify_list_key,
    handle_entry_fields,
    open_handle_entry,
    open_list_certificate,
    sign_handle,
)
from letterlock.devices.signed import Fields, Kind
from letterlock.encoding import pack
from letterlock.errors import (
    BadKeyError,
    BadSignatureError,
    MalformedError,
    StaleListError,
    WrongAccountError,
)
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.keys import SigningKey
from letterlock.wire import frames
from letterlock.wire.codec import decode_client, encode
from tests.shared.devices.bad_keys import bad_signing_keys
from tests.shared.devices.people import ALICE, BOB, NOW, Person

HANDLE = sign_handle(ALICE.list_key, account=ALICE.account, handle="alice", epoch=1, created=NOW)


@settings(max_examples=50)
@given(st.binary(min_size=32, max_size=32))
def test_an_account_id_is_the_hash_of_its_root_key(root_seed: bytes) -> None:
    public = SigningKey(root_seed).public
    assert account_id(public) == sha256(pack(Label.ACCOUNT_ID, public))[:20]


@pytest.mark.parametrize("name", bad_signing_keys(ALICE.root.public))
def test_a_bad_root_key_has_no_account(name: str) -> None:
    with pytest.raises(BadKeyError):
        account_id(bad_signing_keys(ALICE.root.public)[name])


def test_a_list_certificate_reads_back_with_its_exact_bytes() -> None:
    raw = certify_list_key(ALICE.root, list_key=ALICE.list_key.public, epoch=7, created=NOW)
    opened = open_list_certificate(raw, ALICE.root.public)
    assert (opened.account, opened.epoch, opened.created) == (ALICE.account, 7, NOW)
    assert opened.list_key == ALICE.list_key.public
    assert opened.raw is raw


def test_a_list_certificate_of_another_root_is_refused() -> None:
    with pytest.raises(WrongAccountError):
        open_list_certificate(ALICE.list_certificate, BOB.root.public)


def test_a_list_certificate_that_only_claims_the_account_is_refused() -> None:
    fields = Fields(
        kind=Kind.LIST_CERTIFICATE,
        number=2,
        account=ALICE.account,
        device=0,
        created=NOW,
        body=BOB.list_key.public,
    )
    for liar in (BOB.root, ALICE.list_key, ALICE.identity()):
        with pytest.raises(BadSignatureError):
            open_list_certificate(signed.sign(liar, fields), ALICE.root.public)


@pytest.mark.parametrize("name", bad_signing_keys(ALICE.list_key.public))
def test_a_bad_list_key_is_neither_signed_nor_taken(name: str) -> None:
    bad = bad_signing_keys(ALICE.list_key.public)[name]
    with pytest.raises(BadKeyError):
        certify_list_key(ALICE.root, list_key=bad, epoch=1, created=NOW)
    raw = signed.sign(
        ALICE.root,
        Fields(kind=Kind.LIST_CERTIFICATE, number=1, account=ALICE.account, device=0, created=0, body=bad),
    )
    with pytest.raises(BadKeyError):
        open_list_certificate(raw, ALICE.root.public)


def test_the_root_key_is_no_list_key() -> None:
    with pytest.raises(BadKeyError):
        certify_list_key(ALICE.root, list_key=ALICE.root.public, epoch=1, created=NOW)


def test_epochs_are_counted_from_one() -> None:
    with pytest.raises(MalformedError):
        certify_list_key(ALICE.root, list_key=ALICE.list_key.public, epoch=0, created=NOW)
    raw = signed.sign(
        ALICE.root,
        Fields(
            kind=Kind.LIST_CERTIFICATE,
            number=0,
            account=ALICE.account,
            device=0,
            created=0,
            body=ALICE.list_key.public,
        ),
    )
    with pytest.raises(MalformedError):
        open_list_certificate(raw, ALICE.root.public)


def test_a_handle_entry_reads_back_with_its_exact_bytes() -> None:
    opened = open_handle_entry(HANDLE, ALICE.certificate)
    assert (opened.handle, opened.account, opened.epoch, opened.created) == ("alice", ALICE.account, 1, NOW)
    assert opened.raw is HANDLE
    assert handle_entry_fields(HANDLE) == ("alice", ALICE.account)


def test_a_handle_entry_of_another_account_is_refused() -> None:
    with pytest.raises(WrongAccountError):
        open_handle_entry(HANDLE, BOB.certificate)


def test_nobody_else_can_name_an_account() -> None:
    forged = sign_handle(BOB.list_key, account=ALICE.account, handle="alice", epoch=1, created=NOW)
    with pytest.raises(BadSignatureError):
        open_handle_entry(forged, ALICE.certificate)


@pytest.mark.parametrize("epoch", [1, 3])
def test_a_handle_entry_of_another_epoch_is_void(epoch: int) -> None:
    person = Person("alice", epoch=epoch)
    raw = sign_handle(person.list_key, account=person.account, handle="alice", epoch=epoch, created=NOW)
    open_handle_entry(raw, person.certificate)
    with pytest.raises(StaleListError):
        open_handle_entry(raw, Person("alice", epoch=2).certificate)


@pytest.mark.parametrize("handle", ["", "al", "Alice", "a" * 33, "ali ce", "al\n", "../etc", "a" * 32])
def test_an_illegal_handle_is_neither_signed_nor_taken(handle: str) -> None:
    with pytest.raises(MalformedError):
        sign_handle(ALICE.list_key, account=ALICE.account, handle=handle, epoch=1, created=NOW)
    fields = Fields(
        kind=Kind.HANDLE_ENTRY, number=1, account=ALICE.account, device=0, created=0, body=pack(handle)
    )
    raw = signed.sign(ALICE.list_key, fields)
    with pytest.raises(MalformedError):
        open_handle_entry(raw, ALICE.certificate)
    with pytest.raises(MalformedError):
        handle_entry_fields(raw)


def test_account_objects_fit_their_frames() -> None:
    longest = sign_handle(
        ALICE.list_key, account=ALICE.account, handle="z" * 31 + "9", epoch=2**53 - 1, created=2**53 - 1
    )
    register = frames.Register(
        1, ALICE.root.public, ALICE.list_certificate, ALICE.list_raw(1, *range(1, 17)), longest, ""
    )
    assert decode_client(encode(register)) == register


def test_two_epochs_have_two_keys_and_one_account() -> None:
    later = Person("alice", epoch=2)
    assert later.account == ALICE.account
    assert later.certificate.list_key != ALICE.certificate.list_key
