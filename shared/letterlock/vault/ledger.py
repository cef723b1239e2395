"""A realm's ledger of one account: hash-chained, signed entries of everything that touched the record.

Whoever keeps the last (sequence, hash) notices when a realm's disk goes back in time. Spec: shared/spec/vault.md.
Must not know stores, nor which events there ought to be.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import msgspec

from letterlock.devices.signed import MAX_COUNT
from letterlock.encoding import Reader, pack
from letterlock.errors import LyingRealmError, MalformedError
from letterlock.ids import ACCOUNT_BYTES, AccountId
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.keys import SIGNATURE_BYTES, verify
from letterlock.vault.fleet import RealmKeys, check_realm_name
from letterlock.vault.realm_secret import RealmSecret

HASH_BYTES: Final = 32
MAX_ENTRY: Final = 512
GENESIS: Final = bytes(HASH_BYTES)
"""What the first entry has in place of the hash of the one before it."""


class Event(IntEnum):
    """What happened. A number, once given, is never used for anything else."""

    REGISTERED = 1
    """A registration was committed. About: its epoch."""
    GUESSED = 2
    """A guess was spent. About: how many are left at its door."""
    RECOVERED = 3
    """A guess was right. About: the sequence of that guess."""
    ANCHORED = 4
    """A newer backup was named. About: its generation."""
    DOOR_CLOSED = 5
    """The last guess of a door was spent. About: the sequence of that guess."""
    DESTROYED = 6
    """The last guess of all was spent, and the record is gone. About: the registration's epoch."""
    DELETED = 7
    """The owner had the record deleted. About: the registration's epoch."""


class Door(IntEnum):
    """Which door a guess came through."""

    NONE = 0
    HANDLE = 1
    LOCATOR = 2


_EVENTS: Final = frozenset(map(int, Event))
_DOORS: Final = frozenset(map(int, Door))


class Entry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A verified entry. `sequence` counts from 1, `at` is milliseconds, `previous` the hash of the one before."""

    realm: str
    account: AccountId
    sequence: int
    previous: bytes
    at: int
    event: Event
    door: Door
    about: int
    raw: bytes

    @property
    def hash(self) -> bytes:
        """The hash that names this entry and all before it."""
        return entry_hash(self.raw)


class Head(msgspec.Struct, frozen=True, gc=False):
    """How far somebody knows a ledger: the last entry's sequence and hash. (0, GENESIS) is an empty one."""

    sequence: int
    hash: bytes


EMPTY: Final = Head(0, GENESIS)


def sign_entry(
    secret: RealmSecret,
    after: Head,
    *,
    realm: str,
    account: AccountId,
    at: int,
    event: Event,
    door: Door = Door.NONE,
    about: int = 0,
) -> bytes:
    """Sign the entry that follows `after`. Returns its bytes."""
    fields = pack(
        Label.VAULT_LEDGER,
        realm,
        secret.public.pack(),
        account,
        after.sequence + 1,
        after.hash,
        at,
        int(event),
        int(door),
        about,
    )
    return fields + secret.signing.sign(fields)


def entry_hash(raw: bytes) -> bytes:
    """Return the hash by which the next entry, and whoever keeps the head, names this one."""
    return sha256(pack(Label.VAULT_LEDGER, raw))


def head_of(raws: Sequence[bytes], after: Head = EMPTY) -> Head:
    """Return the head behind entries that were checked."""
    return Head(after.sequence + len(raws), entry_hash(raws[-1])) if raws else after


def open_entry(raw: bytes, keys: RealmKeys) -> Entry:
    """Verify one entry of the realm with these keys. Raises MalformedError, BadSignatureError."""
    if not SIGNATURE_BYTES < len(raw) <= MAX_ENTRY:
        raise MalformedError("a ledger entry has the wrong length")
    reader = Reader(raw[:-SIGNATURE_BYTES])
    reader.constant(Label.VAULT_LEDGER)
    realm = check_realm_name(reader.text(most=32))
    reader.constant(keys.pack())
    account = AccountId(reader.blob(exactly=ACCOUNT_BYTES))
    sequence = reader.number(most=MAX_COUNT)
    previous = reader.blob(exactly=HASH_BYTES)
    at, event, door, about = (reader.number(most=MAX_COUNT) for _ in range(4))
    reader.end()
    if event not in _EVENTS or door not in _DOORS or sequence < 1:
        raise MalformedError("a ledger entry of this kind does not exist")
    verify(keys.signing, raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:])
    return Entry(
        realm=realm,
        account=account,
        sequence=sequence,
        previous=previous,
        at=at,
        event=Event(event),
        door=Door(door),
        about=about,
        raw=raw,
    )


def open_ledger(
    raws: Sequence[bytes], keys: RealmKeys, realm: str, account: AccountId, *, first: int | None = None
) -> list[Entry]:
    """Verify a run of entries: each of this realm and account, each the next of the one before.

    `first` is the sequence it must begin with; 1 asks for a whole ledger. Raises LyingRealmError,
    MalformedError, BadSignatureError.
    """
    entries: list[Entry] = []
    for raw in raws:
        entry = open_entry(raw, keys)
        expected = entries[-1].sequence + 1 if entries else first or entry.sequence
        previous = entries[-1].hash if entries else GENESIS if entry.sequence == 1 else entry.previous
        if (entry.realm, entry.account, entry.sequence, entry.previous) != (
            realm,
            account,
            expected,
            previous,
        ):
            raise LyingRealmError(realm, "its ledger does not hang together")
        entries.append(entry)
    return entries


def check_not_rolled_back(known: Head, realm: str, entries: Sequence[Entry]) -> Head:
    """Return the new head, if the entries go on from the known one. Raises LyingRealmError: the alarm.

    The entries are a run that `open_ledger` passed, and reach the ledger's end.
    """
    last = Head(entries[-1].sequence, entries[-1].hash) if entries else EMPTY
    if last.sequence < known.sequence:
        raise LyingRealmError(realm, "its ledger went back in time: entries that were there are gone")
    for entry in entries:
        if entry.sequence == known.sequence and entry.hash != known.hash:
            raise LyingRealmError(realm, "its ledger was rewritten")
        if entry.sequence == known.sequence + 1 and entry.previous != known.hash:
            raise LyingRealmError(realm, "its ledger was rewritten")
    if entries and known.sequence and entries[0].sequence > known.sequence + 1:
        raise LyingRealmError(realm, "its ledger leaves out what came after the last entry that was seen")
    return last
