"""What a signature promises: these bytes, this purpose, and nothing else.

One key signs everything here, and every object names the same account and device, so that nothing but the
purpose tells two objects apart.
"""

from collections.abc import Callable
from itertools import permutations

import pytest

from letterlock.devices import signed
from letterlock.devices.account import ListCertificate, account_id, open_handle_entry, open_list_certificate
from letterlock.devices.bundle import PrekeyKind, open_prekey
from letterlock.devices.device_list import (
    DeviceCertificate,
    SenderChain,
    VerifiedSender,
    open_account,
    open_device_certificate,
)
from letterlock.devices.login import login_transcript
from letterlock.devices.signed import Fields, Kind
from letterlock.encoding import pack
from letterlock.errors import BadSignatureError, MalformedError, MisuseError, PeerError, WrongAccountError
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.keys import SigningKey, verify
from letterlock.vault import owned, requests, statement
from letterlock.vault.realm_secret import RealmSecret
from tests.shared.devices.people import ALICE, NOW, seed

KEY = SigningKey(seed("one key for everything"))
ACCOUNT = account_id(KEY.public)
DEVICE = 1
CERTIFICATE = ListCertificate(
    account=ACCOUNT, root_key=KEY.public, epoch=1, list_key=KEY.public, created=NOW, raw=b""
)
OWNER = DeviceCertificate(
    account=ACCOUNT,
    device=DeviceId(DEVICE),
    epoch=1,
    identity_key=KEY.public,
    agreement_key=ALICE.agreement().public,
    sealing_key=ALICE.sealing().public,
    created=NOW,
    raw=b"",
)
DEVICE_BODY = pack(ALICE.identity().public, ALICE.agreement().public, ALICE.sealing().public)
LOGIN = login_transcript(
    relay="relay.example:443",
    tls_certificate_hash=bytes(32),
    server_nonce=bytes(32),
    client_nonce=bytes(32),
    account=ACCOUNT,
    device=DeviceId(DEVICE),
)


def _object(kind: Kind, device: int, body: bytes) -> bytes:
    return signed.sign(
        KEY, Fields(kind=kind, number=1, account=ACCOUNT, device=device, created=NOW, body=body)
    )


def _open_list(raw: bytes) -> object:
    # The public door to lists is `open_account`, which wants a list key other than the root key.
    certificate = ALICE.list_certificate
    return open_account(ALICE.root.public, certificate, raw)


SENDER = VerifiedSender(account=ACCOUNT, root_key=KEY.public, certificate=CERTIFICATE, device=OWNER)
REALM = RealmSecret(seed("realm")).public
STATEMENT_BODY = pack(
    bytes(32), 1, 64, 1, bytes(32), bytes(32), "one", REALM.pack(), 1, REALM.exchange, bytes(32)
)
REQUEST_HEAD = ("one", REALM.signing, bytes(32), 1, 1)


def _vault_opener(kind: Kind, read: Callable[[owned.Owned], object]) -> Callable[[bytes], object]:
    # What wraps the object is the chain that proves its signer: tests/shared/vault has it.
    def opener(raw: bytes) -> object:
        fields = owned._check_inner(raw, SENDER, kind)
        return read(owned.Owned(fields=fields, sender=SENDER, raw=raw))

    return opener


X25519_BODY = ALICE.agreement().public
BODIES: dict[Kind, tuple[int, bytes]] = {
    Kind.LIST_CERTIFICATE: (0, ALICE.list_key.public),
    Kind.DEVICE_CERTIFICATE: (DEVICE, DEVICE_BODY),
    Kind.DEVICE_LIST: (0, pack(1, 1, _object(Kind.DEVICE_CERTIFICATE, DEVICE, DEVICE_BODY))),
    Kind.HANDLE_ENTRY: (0, pack("alice")),
    Kind.SIGNED_PREKEY: (DEVICE, X25519_BODY),
    Kind.ONE_TIME_PREKEY: (DEVICE, X25519_BODY),
    Kind.KEM_LAST_RESORT_PREKEY: (DEVICE, ALICE.kem().public),
    Kind.KEM_ONE_TIME_PREKEY: (DEVICE, ALICE.kem().public),
    Kind.VAULT_STATEMENT: (DEVICE, STATEMENT_BODY),
    Kind.VAULT_REGISTER: (DEVICE, pack(*REQUEST_HEAD, bytes(32), bytes(32))),
    Kind.VAULT_ANCHOR: (DEVICE, pack(*REQUEST_HEAD, 1, bytes(32))),
    Kind.VAULT_DELETE: (DEVICE, pack(*REQUEST_HEAD)),
    Kind.VAULT_LEDGER: (DEVICE, pack(*REQUEST_HEAD)),
}


def _read_list(raw: bytes) -> Fields:
    signed.check_signature(raw, KEY.public)
    return signed.read(raw, Kind.DEVICE_LIST)


def _prekey_opener(kind: PrekeyKind) -> Callable[[bytes], object]:
    return lambda raw: open_prekey(raw, OWNER, (kind,))


OPENERS: dict[Kind, Callable[[bytes], object]] = {
    Kind.LIST_CERTIFICATE: lambda raw: open_list_certificate(raw, KEY.public),
    Kind.DEVICE_CERTIFICATE: lambda raw: open_device_certificate(raw, CERTIFICATE),
    Kind.DEVICE_LIST: _read_list,
    Kind.HANDLE_ENTRY: lambda raw: open_handle_entry(raw, CERTIFICATE),
    Kind.SIGNED_PREKEY: _prekey_opener(PrekeyKind.SIGNED),
    Kind.ONE_TIME_PREKEY: _prekey_opener(PrekeyKind.ONE_TIME),
    Kind.KEM_LAST_RESORT_PREKEY: _prekey_opener(PrekeyKind.KEM_LAST_RESORT),
    Kind.KEM_ONE_TIME_PREKEY: _prekey_opener(PrekeyKind.KEM_ONE_TIME),
    Kind.VAULT_STATEMENT: _vault_opener(Kind.VAULT_STATEMENT, statement._read),
    **{kind: _vault_opener(kind, requests._read) for kind in requests.KINDS},
}
PAIRS = list(permutations(Kind, 2))


def test_every_kind_of_object_has_a_maker_and_a_reader_here() -> None:
    assert set(BODIES) == set(OPENERS) == set(Kind)


@pytest.mark.parametrize("kind", Kind)
def test_an_object_opens_for_its_own_purpose(kind: Kind) -> None:
    assert OPENERS[kind](_object(kind, *BODIES[kind])) is not None


@pytest.mark.parametrize(("made", "offered"), PAIRS, ids=lambda kind: kind.name)
def test_an_object_made_for_one_purpose_is_refused_for_another(made: Kind, offered: Kind) -> None:
    with pytest.raises(MalformedError, match="another purpose"):
        OPENERS[offered](_object(made, *BODIES[made]))


@pytest.mark.parametrize(("made", "offered"), PAIRS, ids=lambda kind: kind.name)
def test_even_the_other_purpose_s_own_body_is_refused(made: Kind, offered: Kind) -> None:
    with pytest.raises(MalformedError, match="another purpose"):
        OPENERS[offered](_object(made, *BODIES[offered]))


@pytest.mark.parametrize(("made", "offered"), PAIRS, ids=lambda kind: kind.name)
def test_a_signature_moved_to_another_purpose_does_not_hold(made: Kind, offered: Kind) -> None:
    donor = _object(made, *BODIES[offered])
    wanted = _object(offered, *BODIES[offered])
    with pytest.raises(BadSignatureError):
        OPENERS[offered](wanted[:-64] + donor[-64:])


@pytest.mark.parametrize("kind", Kind)
def test_no_object_s_signature_logs_in_and_no_login_signs_an_object(kind: Kind) -> None:
    raw = _object(kind, *BODIES[kind])
    verify(KEY.public, LOGIN, KEY.sign(LOGIN))
    with pytest.raises(BadSignatureError):
        verify(KEY.public, LOGIN, raw[-64:])
    with pytest.raises(BadSignatureError):
        OPENERS[kind](raw[:-64] + KEY.sign(LOGIN))
    with pytest.raises(MalformedError):
        OPENERS[kind](LOGIN + KEY.sign(LOGIN))


@pytest.mark.parametrize("kind", Kind)
def test_every_byte_of_an_object_is_signed(kind: Kind) -> None:
    raw = _object(kind, *BODIES[kind])
    for at in range(len(raw)):
        for mask in (0x01, 0x80):
            altered = bytearray(raw)
            altered[at] ^= mask
            with pytest.raises(PeerError):
                OPENERS[kind](bytes(altered))


@pytest.mark.parametrize("kind", Kind)
def test_every_truncation_and_extension_of_an_object_is_refused(kind: Kind) -> None:
    raw = _object(kind, *BODIES[kind])
    for size in range(len(raw)):
        with pytest.raises(PeerError):
            OPENERS[kind](raw[:size])
    for more in (b"\0", b"x" * 64, raw, bytes(70_000)):
        with pytest.raises(PeerError):
            OPENERS[kind](raw + more)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("field", ["number", "account", "device", "created", "body"])
def test_a_signature_covers_every_field(kind: Kind, field: str) -> None:
    device, body = BODIES[kind]
    raw = _object(kind, device, body)
    values: dict[str, object] = {
        "number": 1,
        "account": ACCOUNT,
        "device": device,
        "created": NOW,
        "body": body,
    }
    values[field] = {
        "number": 2,
        "account": ALICE.account,
        "device": device + 1,
        "created": NOW + 1,
        "body": body + b"\0",
    }[field]
    other = signed.sign(KEY, Fields(kind=kind, **values))  # type: ignore[arg-type]
    with pytest.raises(BadSignatureError):
        signed.check_signature(other[:-64] + raw[-64:], KEY.public)


@pytest.mark.parametrize("kind", Kind)
def test_an_object_of_another_account_or_device_is_refused(kind: Kind) -> None:
    device, body = BODIES[kind]
    for account, number in ((ALICE.account, device), (ACCOUNT, device + 1)):
        if kind in (Kind.DEVICE_LIST,) or (kind is Kind.DEVICE_CERTIFICATE and account == ACCOUNT):
            continue
        fields = Fields(kind=kind, number=1, account=account, device=number, created=NOW, body=body)
        with pytest.raises(WrongAccountError):
            OPENERS[kind](signed.sign(KEY, fields))


def test_an_unknown_kind_is_refused() -> None:
    raw = pack(b"letterlock v1 signed object", 99, 1, ACCOUNT, 0, NOW, b"") + bytes(64)
    with pytest.raises(MalformedError):
        signed.read(raw, *Kind)


@pytest.mark.parametrize("kind", Kind)
def test_a_field_more_is_refused_even_under_a_true_signature(kind: Kind) -> None:
    fields = _object(kind, *BODIES[kind])[:-64] + pack(b"more")
    with pytest.raises(MalformedError, match="after the end"):
        OPENERS[kind](fields + KEY.sign(fields))


def test_what_passes_a_limit_is_not_signed() -> None:
    good = {
        "kind": Kind.HANDLE_ENTRY,
        "number": 1,
        "account": ACCOUNT,
        "device": 0,
        "created": 0,
        "body": b"",
    }
    for bad in (
        {"number": 2**53},
        {"number": -1},
        {"created": 2**53},
        {"device": 2**31},
        {"account": AccountId(bytes(19))},
        {"body": bytes(signed.MAX_OBJECT)},
    ):
        with pytest.raises(MisuseError):
            signed.sign(KEY, Fields(**{**good, **bad}))  # type: ignore[arg-type]


def test_every_byte_of_a_sender_chain_and_of_an_account_counts() -> None:
    chain = SenderChain(
        root_key=ALICE.root.public,
        list_certificate=ALICE.list_certificate,
        device_certificate=ALICE.device_raw(),
    ).pack()
    account = ALICE.list_raw(3, 1, 2)
    for raw, opener in ((chain, SenderChain.open), (account, _open_list)):
        assert opener(raw)
        for at in range(len(raw)):
            altered = bytearray(raw)
            altered[at] ^= 0x01
            with pytest.raises(PeerError):
                opener(bytes(altered))
        for size in range(len(raw)):
            with pytest.raises(PeerError):
                opener(raw[:size])
        with pytest.raises(PeerError):
            opener(raw + b"\0")
