"""What owners and realms sign for a vault: fleets, statements, requests, receipts, ledgers, welcomes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from letterlock.devices.account import account_id
from letterlock.devices.signed import Kind
from letterlock.errors import (
    BadKeyError,
    BadSignatureError,
    LyingRealmError,
    MalformedError,
    MisuseError,
    PeerError,
    RevokedDeviceError,
    StaleListError,
    StaleRequestError,
    WrongAccountError,
)
from letterlock.vault import requests
from letterlock.vault.fleet import Fleet, Realm, RealmKeys, check_realm_name, shown_hash
from letterlock.vault.ledger import (
    EMPTY,
    Door,
    Entry,
    Event,
    Head,
    check_not_rolled_back,
    head_of,
    open_entry,
    open_ledger,
    sign_entry,
)
from letterlock.vault.owned import Owner
from letterlock.vault.password import prepare
from letterlock.vault.realm_secret import RealmSecret, check_welcome
from letterlock.vault.receipts import Stage, check_commit, check_receipt, open_receipt, sign_receipt
from letterlock.vault.requests import Addressed, check_registration, check_request, open_request
from letterlock.vault.statement import open_statement
from tests.shared.devices.people import ALICE, BOB, NOW, Person
from tests.shared.vault.realms import dealt, fleet, owner, realm_secret

DEALT = dealt()
TO = Addressed(realm="realm-1", keys=realm_secret(1).public, nonce=bytes(range(32)))


def _register(who: Owner, to: Addressed = TO) -> bytes:
    sealed = DEALT.records["realm-1"]
    return requests.sign_register(who, to, statement=DEALT.statement, sealed=sealed, created=NOW)


def _receipt(number: int, stage: Stage = Stage.PREPARED, subject: bytes = DEALT.statement.hash) -> bytes:
    return sign_receipt(
        realm_secret(number),
        realm=f"realm-{number}",
        stage=stage,
        account=ALICE.account,
        epoch=1,
        subject=subject,
        at=NOW,
    )


SIGNERS: dict[Kind, Callable[[Owner, Addressed], bytes]] = {
    Kind.VAULT_REGISTER: _register,
    Kind.VAULT_ANCHOR: lambda who, to: requests.sign_anchor(
        who, to, epoch=1, generation=3, manifest_hash=bytes(32), created=NOW
    ),
    Kind.VAULT_DELETE: lambda who, to: requests.sign_delete(who, to, epoch=1, created=NOW),
    Kind.VAULT_LEDGER: lambda who, to: requests.sign_ledger(who, to, epoch=1, created=NOW),
}
EVERY_KIND = pytest.mark.parametrize("kind", requests.KINDS)


def _flipped(raw: bytes) -> list[bytes]:
    return [raw[:at] + bytes([raw[at] ^ 1 << at % 8]) + raw[at + 1 :] for at in range(len(raw))]


# Fleets.


def test_a_fleet_s_hash_covers_names_keys_and_numbers_but_no_address() -> None:
    known = fleet()
    moved = Fleet(
        tuple(Realm(one.name, "wss://elsewhere.example", one.keys) for one in known.realms), known.threshold
    )
    assert moved.hash == known.hash
    others = [
        Fleet(known.realms, 3),
        Fleet(known.realms[:2], 2),
        Fleet(known.realms[::-1], 2),
        Fleet((replace(known.realms[0], name="other"), *known.realms[1:]), 2),
        Fleet((replace(known.realms[0], keys=realm_secret(9).public), *known.realms[1:]), 2),
    ]
    assert len({one.hash for one in (known, *others)}) == 6
    assert len(shown_hash(known.hash)) == 19


@pytest.mark.parametrize(("count", "threshold"), [(3, 1), (2, 1), (4, 2), (3, 4), (1, 0), (17, 9)])
def test_a_fleet_needs_more_than_half_of_its_realms(count: int, threshold: int) -> None:
    with pytest.raises(MalformedError):
        fleet(count, threshold)


def test_no_two_realms_of_a_fleet_share_a_name_or_a_key() -> None:
    one, two, three = fleet().realms
    keys = RealmKeys(one.keys.signing, two.keys.sealing, two.keys.exchange)
    for twin in (replace(one, url="ws://x"), replace(two, name="realm-1"), replace(two, keys=keys)):
        with pytest.raises(MalformedError):
            Fleet((one, twin, three), 2)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a b", "a" * 33, "ä", "a\n"])
def test_a_realm_s_name_is_plain(name: str) -> None:
    with pytest.raises(MalformedError):
        check_realm_name(name)


def test_realm_keys_are_checked_where_they_are_read() -> None:
    keys = realm_secret(1).public
    assert RealmKeys.parse(keys.text()) == keys
    raw = keys.pack()
    for bad in (raw[:-1], raw + b"\0", bytes(96)):
        with pytest.raises(PeerError):
            RealmKeys.read(bad)
    for at in (0, 32, 64):
        with pytest.raises(BadKeyError):
            RealmKeys.read(raw[:at] + bytes(32) + raw[at + 32 :])
    with pytest.raises(MalformedError):
        RealmKeys.parse(keys.text().upper())


def test_a_welcome_holds_for_one_realm_and_one_pair_of_nonces() -> None:
    one, nonces = realm_secret(1), (bytes(32), bytes(range(32)))
    signature = one.welcome("realm-1", *nonces)
    check_welcome(one.public, "realm-1", nonces, signature)
    for keys, name, pair in (
        (realm_secret(2).public, "realm-1", nonces),
        (one.public, "realm-2", nonces),
        (one.public, "realm-1", nonces[::-1]),
    ):
        with pytest.raises(BadSignatureError):
            check_welcome(keys, name, pair, signature)
    with pytest.raises(MisuseError):
        one.welcome("realm-1", b"", bytes(32))
    with pytest.raises(MisuseError):
        RealmSecret(bytes(31))


# Statements.


def test_a_statement_proves_itself_to_whoever_knows_the_account() -> None:
    statement = open_statement(DEALT.statement.raw, ALICE.account)
    assert statement == DEALT.statement
    assert (statement.epoch, statement.threshold, len(statement.realms)) == (1, 2, 3)
    assert statement.fleet_hash == fleet().hash
    with pytest.raises(WrongAccountError):
        open_statement(DEALT.statement.raw, BOB.account)


def test_every_byte_of_a_statement_is_signed() -> None:
    for raw in _flipped(DEALT.statement.raw):
        with pytest.raises(PeerError):
            open_statement(raw, ALICE.account)
    for raw in (DEALT.statement.raw[:-1], DEALT.statement.raw + b"\0", b"", bytes(9000)):
        with pytest.raises(PeerError):
            open_statement(raw, ALICE.account)


def test_an_owner_is_a_listed_device_with_its_own_key() -> None:
    known = owner()
    assert known.account.account == account_id(ALICE.root.public)
    with pytest.raises(MisuseError):
        Owner(known.chain, ALICE.list_raw(), ALICE.identity(2))
    with pytest.raises(MisuseError):
        owner(ALICE, 2, 1)


# Requests.


@EVERY_KIND
def test_a_request_is_good_at_its_realm_now(kind: Kind) -> None:
    request = check_request(SIGNERS[kind](owner(), TO), kind, TO, ALICE.verified())
    assert (request.kind, request.account, request.epoch, request.realm) == (
        kind,
        ALICE.account,
        1,
        "realm-1",
    )


@EVERY_KIND
def test_a_replayed_request_does_nothing(kind: Kind) -> None:
    raw = SIGNERS[kind](owner(), TO)
    for other in (
        Addressed(realm="realm-1", keys=TO.keys, nonce=bytes(32)),
        Addressed(realm="realm-2", keys=TO.keys, nonce=TO.nonce),
        Addressed(realm="realm-1", keys=realm_secret(2).public, nonce=TO.nonce),
    ):
        with pytest.raises(StaleRequestError):
            check_request(raw, kind, other, ALICE.verified())


@EVERY_KIND
def test_a_request_holds_for_its_purpose_only(kind: Kind) -> None:
    raw = SIGNERS[kind](owner(), TO)
    for other in requests.KINDS:
        if other is not kind:
            with pytest.raises(MalformedError, match="another purpose"):
                check_request(raw, other, TO, ALICE.verified())
    with pytest.raises(MalformedError, match="another purpose"):
        open_statement(raw)
    with pytest.raises(MalformedError, match="another purpose"):
        open_request(DEALT.statement.raw, kind)


@EVERY_KIND
def test_a_device_that_is_not_in_the_highest_list_is_refused(kind: Kind) -> None:
    raw = SIGNERS[kind](owner(ALICE, 2, 1, 2), TO)
    check_request(raw, kind, TO, ALICE.verified(1, 1, 2))
    with pytest.raises(RevokedDeviceError):
        check_request(raw, kind, TO, ALICE.verified(2, 1, highest=2))


@EVERY_KIND
def test_a_lost_device_s_old_epoch_is_void(kind: Kind) -> None:
    restored = Person("alice", epoch=2)
    raw = SIGNERS[kind](owner(), TO)
    with pytest.raises(StaleListError):
        check_request(raw, kind, TO, restored.verified())
    with pytest.raises(RevokedDeviceError):
        check_request(raw, kind, TO, restored.verified(1, 2, highest=2))


@EVERY_KIND
def test_a_request_under_another_list_than_the_newest_is_refused(kind: Kind) -> None:
    raw = SIGNERS[kind](owner(version=2), TO)
    check_request(raw, kind, TO, ALICE.verified(2))
    for version in (1, 3):
        with pytest.raises(StaleListError):
            check_request(raw, kind, TO, ALICE.verified(version))


@EVERY_KIND
def test_a_stranger_cannot_ask_for_another_account(kind: Kind) -> None:
    raw = SIGNERS[kind](owner(), TO)
    with pytest.raises(WrongAccountError):
        check_request(raw, kind, TO, BOB.verified())


@EVERY_KIND
def test_every_byte_of_a_request_is_signed(kind: Kind) -> None:
    raw = SIGNERS[kind](owner(), TO)
    known = ALICE.verified()
    for broken in _flipped(raw)[::3]:
        with pytest.raises(PeerError):
            check_request(broken, kind, TO, known)


def test_a_register_request_names_its_statement_and_record() -> None:
    request = open_request(_register(owner()), Kind.VAULT_REGISTER)
    check_registration(request, DEALT.statement, DEALT.records["realm-1"])
    for statement, sealed in (
        (DEALT.statement, DEALT.records["realm-2"]),
        (dealt(epoch=2).statement, DEALT.records["realm-1"]),
    ):
        with pytest.raises(WrongAccountError):
            check_registration(request, statement, sealed)


def test_an_anchor_is_counted_from_one() -> None:
    with pytest.raises(MisuseError):
        requests.sign_anchor(owner(), TO, epoch=1, generation=0, manifest_hash=bytes(32), created=NOW)
    with pytest.raises(MisuseError):
        requests.sign_anchor(owner(), TO, epoch=1, generation=1, manifest_hash=b"", created=NOW)


# Receipts.


def test_a_commit_needs_the_receipts_of_a_threshold_of_different_realms() -> None:
    check_commit(DEALT.statement, [_receipt(1), _receipt(3)])
    check_commit(DEALT.statement, [b"junk", _receipt(3), _receipt(2)])
    for too_few in (
        [],
        [_receipt(1)],
        [_receipt(1), _receipt(1)],
        [_receipt(1), _receipt(9)],
        [_receipt(1), _receipt(2, Stage.COMMITTED)],
        [_receipt(1), _receipt(2, subject=bytes(32))],
        [_receipt(1), _receipt(2)[:-1] + b"\0"],
    ):
        with pytest.raises(MalformedError):
            check_commit(DEALT.statement, too_few)


def test_a_receipt_is_one_realm_s_word_on_one_thing() -> None:
    keys = realm_secret(1).public
    receipt = open_receipt(_receipt(1), keys)
    check_receipt(receipt, Stage.PREPARED, "realm-1", DEALT.statement, DEALT.statement.hash)
    with pytest.raises(LyingRealmError, match="realm-2"):
        check_receipt(receipt, Stage.PREPARED, "realm-2", DEALT.statement, DEALT.statement.hash)
    with pytest.raises(LyingRealmError):
        check_receipt(receipt, Stage.DELETED, "realm-1", DEALT.statement, DEALT.statement.hash)
    with pytest.raises(PeerError):
        open_receipt(_receipt(1), realm_secret(2).public)
    for raw in _flipped(_receipt(1)):
        with pytest.raises(PeerError):
            open_receipt(raw, keys)


# Ledgers.


def _ledger(*events: Event, number: int = 1) -> list[bytes]:
    raws: list[bytes] = []
    for event in events:
        raws.append(
            sign_entry(
                realm_secret(number),
                head_of(raws),
                realm=f"realm-{number}",
                account=ALICE.account,
                at=NOW + len(raws),
                event=event,
                door=Door.HANDLE if event is Event.GUESSED else Door.NONE,
                about=7,
            )
        )
    return raws


LEDGER = _ledger(Event.REGISTERED, Event.GUESSED, Event.GUESSED, Event.RECOVERED)


def _open(raws: list[bytes], first: int | None = 1) -> list[object]:
    return list(open_ledger(raws, realm_secret(1).public, "realm-1", ALICE.account, first=first))


def test_a_ledger_is_read_back_whole_or_from_any_entry_on() -> None:
    entries = open_ledger(LEDGER, realm_secret(1).public, "realm-1", ALICE.account, first=1)
    assert [entry.event for entry in entries] == [
        Event.REGISTERED,
        Event.GUESSED,
        Event.GUESSED,
        Event.RECOVERED,
    ]
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4]
    assert len(_open(LEDGER[2:], None)) == 2


def test_a_ledger_with_an_entry_gone_moved_or_strange_does_not_hang_together() -> None:
    for raws in (
        LEDGER[1:],
        LEDGER[:1] + LEDGER[2:],
        LEDGER[::-1],
        [LEDGER[0], LEDGER[0]],
        [*LEDGER[:2], _ledger(*[Event.DELETED] * 3)[2]],
    ):
        with pytest.raises(LyingRealmError):
            _open(raws)
    with pytest.raises(PeerError):
        _open(_ledger(Event.REGISTERED, number=2))
    with pytest.raises(LyingRealmError):
        open_ledger(LEDGER, realm_secret(1).public, "realm-1", BOB.account)
    for raw in _flipped(LEDGER[1]):
        with pytest.raises(PeerError):
            open_entry(raw, realm_secret(1).public)


def test_a_ledger_that_goes_back_or_is_rewritten_raises_the_alarm() -> None:
    keys = realm_secret(1).public

    def entries(raws: list[bytes]) -> list[Entry]:
        return open_ledger(raws, keys, "realm-1", ALICE.account)

    known = head_of(LEDGER[:3])
    assert check_not_rolled_back(known, "realm-1", entries(LEDGER)) == head_of(LEDGER)
    assert check_not_rolled_back(known, "realm-1", entries(LEDGER[3:])) == head_of(LEDGER)
    assert check_not_rolled_back(EMPTY, "realm-1", []) == EMPTY
    other = _ledger(Event.REGISTERED, Event.GUESSED, Event.DELETED, Event.RECOVERED, Event.RECOVERED)
    for rolled_back in (LEDGER[:2], [], other, other[3:], _ledger(*[Event.GUESSED] * 6)[4:]):
        with pytest.raises(LyingRealmError):
            check_not_rolled_back(known, "realm-1", entries(rolled_back))
    assert Head(0, EMPTY.hash) == EMPTY


# Passwords.


def test_a_password_has_one_form_on_every_keyboard() -> None:
    assert prepare("Ａbcdefgh") == prepare("Abcdefgh")
    assert prepare("cafe\u0301 au lait") == prepare("café au lait")
    assert prepare("ﬁreworks") == b"fireworks"


@pytest.mark.parametrize("password", ["", "1234567", "\ud800" * 10, "x" * 1025])
def test_a_password_that_no_vault_takes_says_why(password: str) -> None:
    with pytest.raises(MalformedError):
        prepare(password)
