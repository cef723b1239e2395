"""What one realm holds of one account: its share of the OPRF key, OPAQUE's record, and what it releases.

The owner makes it, hashes into the statement what the client can compute again, and seals the whole to the
realm's key: only that realm reads it, and only beside that statement. Spec: shared/spec/vault.md. Must not
know passwords, nor what the released parts open.
"""

from dataclasses import dataclass, field
from typing import Final

from letterlock.encoding import Reader, pack
from letterlock.errors import MalformedError, WrongAccountError
from letterlock.ids import ACCOUNT_BYTES, AccountId
from letterlock.primitives.derivation import Label, equal, hkdf, sha256
from letterlock.primitives.ristretto import SCALAR_BYTES, Scalar, multiply_base, read_scalar
from letterlock.primitives.sealing import hpke_open, hpke_seal
from letterlock.vault.fleet import check_realm_name
from letterlock.vault.opaque_messages import RECORD_BYTES, RegistrationRecord
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.statement import RealmEntry, Statement

LOCATOR_BYTES: Final = 10
DOOR_KEY_BYTES: Final = 32
DOOR_HASH_BYTES: Final = 32
SEALED_SHARE_BYTES: Final = SCALAR_BYTES + 16
WRAPPED_BYTES: Final = 32 + 16
MAX_SEALED_RECORD: Final = 1024


@dataclass(frozen=True, slots=True)
class RealmRecord:
    """One realm's record, open. A realm keeps it sealed."""

    realm: str
    account: AccountId
    epoch: int
    share: Scalar = field(repr=False)
    """The realm's share of the OPRF key."""
    opaque: RegistrationRecord = field(repr=False)
    sealed_share: bytes
    """The realm's share of what opens `wrapped`, sealed under OPAQUE's export key."""
    wrapped: bytes
    """The recovery secret, sealed."""
    door_hash: bytes
    """The hash of the key of the owner's door."""

    def pack(self) -> bytes:
        """Return the record's one encoding."""
        return pack(
            Label.VAULT_RECORD,
            self.realm,
            self.account,
            self.epoch,
            self.share,
            self.opaque.pack(),
            self.sealed_share,
            self.wrapped,
            self.door_hash,
        )

    @classmethod
    def read(cls, raw: bytes) -> "RealmRecord":
        """Read a packed record. Raises MalformedError, BadKeyError."""
        reader = Reader(raw)
        reader.constant(Label.VAULT_RECORD)
        record = cls(
            realm=check_realm_name(reader.text(most=32)),
            account=AccountId(reader.blob(exactly=ACCOUNT_BYTES)),
            epoch=reader.number(),
            share=read_scalar(reader.blob(exactly=SCALAR_BYTES)),
            opaque=RegistrationRecord.read(reader.blob(exactly=RECORD_BYTES)),
            sealed_share=reader.blob(exactly=SEALED_SHARE_BYTES),
            wrapped=reader.blob(exactly=WRAPPED_BYTES),
            door_hash=reader.blob(exactly=DOOR_HASH_BYTES),
        )
        reader.end()
        return record

    def opens_door(self, door_key: bytes) -> bool:
        """Say whether this is the key of the owner's door, in constant time."""
        return equal(sha256(door_key), self.door_hash)


def record_hash(realm: str, opaque: RegistrationRecord, sealed_share: bytes, wrapped: bytes) -> bytes:
    """Return the hash that the statement has of a record: of all that a client can check after a login."""
    return sha256(pack(Label.VAULT_RECORD, realm, opaque.pack(), sealed_share, wrapped))


def door_key(locator: bytes, realm: str, account: AccountId) -> bytes:
    """Return the key of the owner's door at one realm, from the 10-byte locator.

    Another at each realm, so that no realm can go through the owner's door of another.
    """
    if len(locator) != LOCATOR_BYTES:
        raise MalformedError("a locator has 10 bytes")
    context = pack(realm, account)
    return hkdf(locator, salt=b"", label=Label.VAULT_DOOR, length=DOOR_KEY_BYTES, context=context)


def door_hash(locator: bytes, realm: str, account: AccountId) -> bytes:
    """Return what one realm keeps of its door key: enough to know it by, not to use it."""
    return sha256(door_key(locator, realm, account))


def seal_record(record: RealmRecord, entry: RealmEntry, statement_hash: bytes) -> bytes:
    """Seal a record to its realm, for this statement only (draws its own randomness, as HPKE does)."""
    return hpke_seal(entry.keys.sealing, record.pack(), _info(entry, statement_hash))


def open_record(secret: RealmSecret, realm: str, sealed: bytes, statement: Statement) -> RealmRecord:
    """Open a record at its realm and check that it is the one the statement speaks of.

    Raises OpenError, MalformedError, BadKeyError, WrongAccountError.
    """
    entry = statement.realm(realm)
    if entry is None or entry.keys != secret.public:
        raise WrongAccountError("this statement does not name this realm and its keys")
    if len(sealed) > MAX_SEALED_RECORD:
        raise MalformedError("a sealed record has at most 1024 bytes")
    record = RealmRecord.read(hpke_open(secret.sealing, sealed, _info(entry, statement.hash)))
    if (record.realm, record.account, record.epoch) != (realm, statement.account, statement.epoch):
        raise WrongAccountError("this record belongs to another realm, account or registration")
    if multiply_base(record.share) != entry.commitment:
        raise MalformedError("the record's share is not the one that the statement commits to")
    if record_hash(realm, record.opaque, record.sealed_share, record.wrapped) != entry.record_hash:
        raise MalformedError("the record is not the one that the statement speaks of")
    return record


def _info(entry: RealmEntry, statement_hash: bytes) -> bytes:
    return pack(Label.VAULT_RECORD_SEAL, entry.name, entry.keys.pack(), statement_hash)
