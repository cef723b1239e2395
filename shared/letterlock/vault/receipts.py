"""What a realm signs that it did: prepared, committed, anchored, deleted.

A commit carries as many receipts of preparing as the threshold is, so no realm answers to a registration that
too few hold. Spec: shared/spec/vault.md. Must not know stores.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final

import msgspec

from letterlock.devices.signed import MAX_COUNT
from letterlock.encoding import Reader, pack
from letterlock.errors import LyingRealmError, MalformedError, PeerError
from letterlock.ids import ACCOUNT_BYTES, AccountId
from letterlock.primitives.derivation import Label
from letterlock.primitives.keys import SIGNATURE_BYTES, verify
from letterlock.vault.fleet import MAX_REALMS, RealmKeys, check_realm_name
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.statement import Statement

MAX_RECEIPT: Final = 512


class Stage(IntEnum):
    """What was done. A number, once given, is never used for anything else."""

    PREPARED = 1
    """The record is on disk, and answers nothing yet."""
    COMMITTED = 2
    """The record answers, and the one before it is gone."""
    ANCHORED = 3
    """This is the newest backup."""
    DELETED = 4
    """The record is gone for good."""


_STAGES: Final = frozenset(map(int, Stage))


class Receipt(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified receipt. `subject` is the hash of what was asked; `at` is milliseconds."""

    stage: Stage
    realm: str
    account: AccountId
    epoch: int
    subject: bytes
    at: int
    raw: bytes


def sign_receipt(
    secret: RealmSecret, *, realm: str, stage: Stage, account: AccountId, epoch: int, subject: bytes, at: int
) -> bytes:
    """Sign that this was done.

    `subject` has 32 bytes: the statement's hash for PREPARED and COMMITTED, the manifest's for ANCHORED, the
    SHA-256 of the request for DELETED.
    """
    fields = pack(Label.VAULT_RECEIPT, int(stage), realm, secret.public.pack(), account, epoch, subject, at)
    return fields + secret.signing.sign(fields)


def open_receipt(raw: bytes, keys: RealmKeys) -> Receipt:
    """Verify a receipt of the realm with these keys. Raises MalformedError, BadSignatureError."""
    if not SIGNATURE_BYTES < len(raw) <= MAX_RECEIPT:
        raise MalformedError("a receipt has the wrong length")
    reader = Reader(raw[:-SIGNATURE_BYTES])
    reader.constant(Label.VAULT_RECEIPT)
    stage = reader.number(most=max(Stage))
    if stage not in _STAGES:
        raise MalformedError("this receipt is for something unknown")
    realm = check_realm_name(reader.text(most=32))
    reader.constant(keys.pack())
    receipt = Receipt(
        stage=Stage(stage),
        realm=realm,
        account=AccountId(reader.blob(exactly=ACCOUNT_BYTES)),
        epoch=reader.number(most=MAX_COUNT),
        subject=reader.blob(exactly=32),
        at=reader.number(most=MAX_COUNT),
        raw=raw,
    )
    reader.end()
    verify(keys.signing, raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:])
    return receipt


def check_receipt(receipt: Receipt, stage: Stage, realm: str, statement: Statement, subject: bytes) -> None:
    """Check that a receipt of `realm` says just this about the statement's registration. Raises LyingRealmError."""
    said = (receipt.stage, receipt.realm, receipt.account, receipt.epoch, receipt.subject)
    if said != (stage, realm, statement.account, statement.epoch, subject):
        raise LyingRealmError(realm, "its receipt is for something else")


def check_commit(statement: Statement, receipts: Iterable[bytes]) -> None:
    """Check that enough realms of the statement have prepared it. Raises MalformedError.

    A receipt that does not hold counts for nothing; more than 16 are not looked at.
    """
    prepared: set[str] = set()
    for raw in list(receipts)[:MAX_REALMS]:
        for entry in statement.realms:
            if entry.name not in prepared and _has_prepared(raw, entry.name, entry.keys, statement):
                prepared.add(entry.name)
    if len(prepared) < statement.threshold:
        raise MalformedError("too few realms have prepared this registration")


def _has_prepared(raw: bytes, realm: str, keys: RealmKeys, statement: Statement) -> bool:
    try:
        check_receipt(open_receipt(raw, keys), Stage.PREPARED, realm, statement, statement.hash)
    except PeerError:
        return False
    return True
