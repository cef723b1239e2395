"""A registration that was made once is recovered for ever: its statement, records, requests, receipts and ledger."""

import json
from pathlib import Path

import pytest

from letterlock.devices.signed import Kind
from letterlock.vault import requests
from letterlock.vault.ledger import Event, open_ledger
from letterlock.vault.receipts import Stage, check_commit, open_receipt, sign_receipt
from letterlock.vault.record import open_record
from letterlock.vault.requests import Addressed, open_request
from letterlock.vault.statement import open_statement
from letterlock.vault.threshold import Dealt
from tests.shared.devices.people import ALICE, NOW
from tests.shared.vault.realms import MemoryRealm, R, dealt, owner, realm_secret, recovered

PATH = Path(__file__).parents[2] / "recorded" / "vault.json"
TO = Addressed(realm="realm-1", keys=realm_secret(1).public, nonce=bytes(range(32)))


def present() -> dict[str, str]:
    """The same as today's code makes it, in hex; sealed records differ each time, as HPKE does."""
    made = dealt()
    realm = MemoryRealm(1, made)
    realm.note(Event.REGISTERED, 1)
    realm.note(Event.GUESSED, 9)
    objects = {
        "statement": made.statement.raw,
        **{f"record {name}": sealed for name, sealed in made.records.items()},
        "register": requests.sign_register(
            owner(), TO, statement=made.statement, sealed=b"sealed", created=NOW
        ),
        "anchor": requests.sign_anchor(
            owner(), TO, epoch=1, generation=3, manifest_hash=bytes(32), created=NOW
        ),
        "delete": requests.sign_delete(owner(), TO, epoch=1, created=NOW),
        "show": requests.sign_ledger(owner(), TO, epoch=1, created=NOW),
        **{f"receipt {number}": _receipt(number, made) for number in (1, 2)},
        **{f"entry {number}": raw for number, raw in enumerate(realm.ledger, start=1)},
    }
    return {name: raw.hex() for name, raw in objects.items()}


def _receipt(number: int, made: Dealt) -> bytes:
    return sign_receipt(
        realm_secret(number),
        realm=f"realm-{number}",
        stage=Stage.PREPARED,
        account=ALICE.account,
        epoch=1,
        subject=made.statement.hash,
        at=NOW,
    )


@pytest.fixture(scope="module")
def recorded() -> dict[str, bytes]:
    return {name: bytes.fromhex(raw) for name, raw in json.loads(PATH.read_text()).items()}


def test_today_s_code_makes_the_same_bytes(recorded: dict[str, bytes]) -> None:
    now = present()
    assert set(now) == set(recorded)
    for name, raw in recorded.items():
        if not name.startswith("record "):
            assert now[name] == raw.hex(), name


def test_the_recorded_registration_still_gives_its_secret_back(recorded: dict[str, bytes]) -> None:
    statement = open_statement(recorded["statement"], ALICE.account)
    sealed = {f"realm-{number}": recorded[f"record realm-{number}"] for number in (1, 2, 3)}
    for number in (1, 2, 3):
        name = f"realm-{number}"
        assert open_record(realm_secret(number), name, sealed[name], statement).realm == name
    kept = Dealt(statement, sealed)
    assert recovered([MemoryRealm(number, kept) for number in (1, 3)])[0].secret == R.secret


def test_recorded_words_still_open(recorded: dict[str, bytes]) -> None:
    for name, kind in (
        ("register", Kind.VAULT_REGISTER),
        ("anchor", Kind.VAULT_ANCHOR),
        ("delete", Kind.VAULT_DELETE),
        ("show", Kind.VAULT_LEDGER),
    ):
        assert open_request(recorded[name], kind).realm == "realm-1"
    keys = realm_secret(1).public
    assert open_receipt(recorded["receipt 1"], keys).stage is Stage.PREPARED
    statement = open_statement(recorded["statement"])
    check_commit(statement, [recorded["receipt 1"], recorded["receipt 2"]])
    entries = open_ledger([recorded["entry 1"], recorded["entry 2"]], keys, "realm-1", ALICE.account, first=1)
    assert [entry.event for entry in entries] == [Event.REGISTERED, Event.GUESSED]
